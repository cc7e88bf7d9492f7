"""Alarms: what somebody must look at though a source could be read. As codes in the store, as sentences elsewhere."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass

_SENTENCES = {
    "lost": "{place}: {rows} of the {of} rows we hold are gone or changed, too many within an hour",
    "late": "{place}: {rows} rows changed without a new updated_at",
    "untimed": "{place}: {rows} rows have an updated_at that is no time",
    "back": "{place}: the newest updated_at lies before what was read already",
    "unusable": "{place}: none of its {of} rows could be used",
    "clock": "{place}: its clock and this machine's are {rows} seconds apart",
}


@dataclass(frozen=True)
class Alarm:
    """code: one of the sentences above. place: the view, the feed, or whose clock. rows: so many, `of` so many."""

    code: str
    place: str
    rows: int = 0
    of: int = 0

    def __str__(self) -> str:
        said = _SENTENCES.get(self.code, "{place}: " + self.code)
        return said.format(place=self.place, rows=f"{self.rows:,}", of=f"{self.of:,}")


def written(alarms: Iterable[Alarm]) -> str | None:
    """As the store keeps them; None where there is none."""
    rows = [astuple(alarm) for alarm in alarms]
    return json.dumps(rows) if rows else None


def read(text: str | None) -> list[Alarm]:
    """What `written` wrote. An earlier version of Baikoo wrote a sentence: it comes as the place of an alarm."""
    if not text:
        return []
    try:
        return [Alarm(*row) for row in json.loads(text)]
    except (ValueError, TypeError):
        return [Alarm("as told", text)]


def said(alarms: Iterable[Alarm]) -> str | None:
    """In one line of English, for logs and the command line."""
    return "; ".join(map(str, alarms)) or None
