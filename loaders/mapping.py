"""From a payload to published figures, by the mapping of a feed in `election.toml`. Nothing here asks or writes."""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from elections.config import Contest, Feed
from loaders.contract import clean, code
from loaders.source import Bad, SourceError, raw_text

Fact = dict[str, Any]
MOST_BAD = 1_000  # of a payload's rows or figures are set aside one by one; of the others only how many there are
_MOST_ROWS = 200_000  # no election has so many places and hours
_DEEPEST = 100  # lists and rows in one another: no page is
_LONGEST_KEY, _LONGEST_TEXT, _LONGEST_RAW = 200, 1_000, 2_000  # letters: the whole row stands in the archive
_MOST = 1e9  # no line of an election is larger
_HOUR = re.compile(r"(\d{1,2}):(\d\d)(:\d\d)?", re.ASCII)


class _Wrong(Exception):
    def __init__(self, reason: str, field: str | None, detail: str | None = None) -> None:
        self.reason, self.field, self.detail = reason, field, detail


@dataclass
class Unusable:
    """Rows or figures of a payload that cannot be used: the first MOST_BAD one by one, then how many more there are."""

    feed: Feed
    what: str
    some: list[Bad] = field(default_factory=list)
    more: int = 0

    def add(self, key: str, row: Any, wrong: _Wrong, place: str = "") -> None:
        if len(self.some) == MOST_BAD:
            self.more += 1
            return
        at, detail = (text and clean(text)[:_LONGEST_TEXT] for text in (wrong.field, wrong.detail))
        raw = raw_text(row)[:_LONGEST_RAW]
        pec = clean(place)[:_LONGEST_KEY] if self.feed.scope == "pec" else ""
        self.some.append(Bad(self.feed.id, clean(key)[:_LONGEST_KEY], wrong.reason, at, detail, raw, pec or None))

    def __len__(self) -> int:
        return len(self.some) + self.more

    def told(self) -> list[Bad]:
        """As it is set aside."""
        if not self.more:
            return self.some
        return [*self.some, Bad(self.feed.id, self.what, "too_many", None, f"{self.more} {self.what}", "")]


@dataclass
class Rows:
    """A payload's rows by key ('<place>' or '<place> <hour>'), and what cannot be told apart."""

    bad: Unusable
    seen: int
    by_key: dict[str, Any] = field(default_factory=dict)
    repeated: int = 0  # rows that say the same once more


def rows(feed: Feed, body: bytes) -> Rows:
    """The rows of a payload; SourceError where it is no JSON or has no list of rows."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        start = body[:40].decode("utf-8", "replace")
        raise SourceError(f"{feed.id}: the answer is no whole JSON; it begins {start!r}") from error
    if _deeper_than(content, _DEEPEST):
        raise SourceError(f"{feed.id}: the answer is nested too deeply")
    listed = _at(content, feed.rows)
    if not isinstance(listed, list):
        raise SourceError(f"{feed.id}: there is no list of rows at {feed.rows!r}")
    if len(listed) > _MOST_ROWS:
        raise SourceError(f"{feed.id}: {len(listed):,} rows are more than any election has")
    found = Rows(Unusable(feed, "rows"), len(listed))
    twice: set[str] = set()
    for n, row in enumerate(listed):
        try:
            key = _key(feed, row)
        except _Wrong as wrong:
            found.bad.add(f"#{n}", row, wrong)
            continue
        if key not in found.by_key:
            found.by_key[key] = row
        elif found.by_key[key] == row:
            found.repeated += 1
        else:
            twice.add(key)
            found.bad.add(key, row, _Wrong("twice", feed.place), _place(feed, row))
    for key in twice:
        first = found.by_key.pop(key)
        found.bad.add(key, first, _Wrong("twice", feed.place), _place(feed, first))
    return found


def digest(row: Any) -> bytes:
    """By which a row is known again: the row itself may be as large as a page."""
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()


def _deeper_than(content: Any, most: int) -> bool:
    level = [content]
    for _ in range(most):
        inner = (v.values() if isinstance(v, dict) else v for v in level if isinstance(v, dict | list))
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
        if not level:
            return False
    return True


def figures(feed: Feed, contest: Contest, key: str, row: Any, places: Collection[str], bad: Unusable) -> list[Fact]:
    """A row's figures; what of it cannot be used is set aside. A figure that is not there is absent, not 0."""
    place = _place(feed, row)
    if place not in places:
        bad.add(key, row, _Wrong(f"unknown_{feed.scope}", feed.place, place), place)
        return []
    found: dict[tuple[str, str], float] = {}  # by line and unit
    twice: set[tuple[str, str]] = set()
    where = {
        "contest": contest.id,
        "scope": feed.scope,
        "place": place,
        "count": feed.count,
        "hour": _hour(feed, row),
        "region": _text(row, feed.region),
        "district": _text(row, feed.district),
    }
    for line, unit, path, value in _lines(feed, contest, row):
        try:
            if line is None:
                raise _Wrong("unknown_list", path)
            number = _number(value, path, unit)
            if found.setdefault((line, unit), number) != number:  # votes of '1' and of ' 1'
                twice.add((line, unit))
                raise _Wrong("figure_twice", path)
        except _Wrong as wrong:  # the figure alone: the whole row stands in the archive, once
            bad.add(f"{key}/{path}", {feed.place or "place": place, path: value}, wrong, place)
    return [where | {"line": name[0], "unit": name[1], "value": v} for name, v in found.items() if name not in twice]


def _lines(feed: Feed, contest: Contest, row: Any) -> Iterator[tuple[str | None, str, str, Any]]:
    """Line (None: a list that is on no ballot), unit, path and value of every figure that a row has."""
    for line, where in feed.lines.items():
        value = _at(row, where)
        if not _absent(feed, value):
            yield line, "number", where, value
    lists = {item.number: item.id for item in contest.lists}
    for unit, path in (("number", feed.votes), ("percent", feed.percents)):
        if path is None:
            continue
        values = _at(row, path)
        if isinstance(values, dict):
            for number, value in values.items():
                if not _absent(feed, value):
                    yield lists.get(str(number).strip()), unit, f"{path}.{number}", value
        elif not _absent(feed, values):
            yield None, unit, path, values


def _absent(feed: Feed, value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in feed.no_figure)


def _number(value: Any, path: str, unit: str) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value.strip(), re.ASCII):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise _Wrong("not_a_number", path, str(value)[:100]) from error
    if not math.isfinite(number):
        raise _Wrong("not_a_number", path, str(value))
    if number < 0:
        raise _Wrong("negative", path, str(value))
    if unit == "number" and number != int(number):
        raise _Wrong("not_whole", path, str(value))
    if number > _MOST:
        raise _Wrong("too_large", path, str(value))
    return number


def _key(feed: Feed, row: Any) -> str:
    if not isinstance(row, dict):
        raise _Wrong("not_a_row", None)
    place = _place(feed, row)
    if feed.scope != "country" and (not place or "\ufffd" in place):
        raise _Wrong("no_key", feed.place)
    hour = _hour(feed, row)
    if feed.hour and not hour:
        raise _Wrong("not_a_time", feed.hour, str(_at(row, feed.hour))[:100])
    return f"{place} {hour}".strip()


def _place(feed: Feed, row: Any) -> str:
    return "" if feed.scope == "country" or feed.place is None else code(_at(row, feed.place))


def _hour(feed: Feed, row: Any) -> str:
    """The hour of a turnout as '09:00'; empty where there is none."""
    found = _HOUR.fullmatch(code(_at(row, feed.hour))) if feed.hour else None
    return f"{int(found[1]):02}:{found[2]}" if found and int(found[1]) < 24 and int(found[2]) < 60 else ""


def _text(row: Any, path: str | None) -> str | None:
    value = _at(row, path) if path else None
    return None if value is None else code(value)[:_LONGEST_TEXT]


def _at(content: Any, path: str | None) -> Any:
    """What stands at a dotted path ('overview.pcos.p3', 'ballots.0.votes'), None where nothing does."""
    for step in path.split(".") if path else ():
        if isinstance(content, dict):
            content = content.get(step)
        elif isinstance(content, list) and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
        else:
            return None
    return content
