"""Figures as JSON and CSV: what leaves the monitor, for the command line and the pages alike."""

import csv as writer
import dataclasses
import io
import json as writing
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from elections.config import Election
from queries import reasons
from queries.light import Reason
from queries.moment import Moment, here
from store import terminal


@dataclasses.dataclass(frozen=True)
class Embargo:
    """What a figure is under: until when, and whether somebody asked to see it all the same. Not how much of it is left
    out: how many findings there are would tell how many votes differ."""

    until: datetime
    shown: bool


_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"  # characters without a width
_WIDEST = 1_000  # letters of a cell on a terminal: each row of its column is as wide


def rows(frame: pd.DataFrame, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The rows as plain values: times as ISO in the zone, what is missing as None, tuples as lists."""
    return [
        {str(name): plain(value, zone) for name, value in zip(frame.columns, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def plain(value: Any, zone: ZoneInfo) -> Any:
    """A cell as JSON can say it."""
    if isinstance(value, tuple | list):
        return [plain(v, zone) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v, zone) for k, v in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value)}, zone)
    if isinstance(value, pd.DataFrame):
        return rows(value, zone)
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def json(figure: str, m: Moment, frame: pd.DataFrame, under: Embargo | None = None) -> str:
    """A figure as JSON: what it is, of which election, as of when and of which data, under which embargo; its rows.
    A light's reasons are objects, with their sentence as `text`."""
    zone = m.election.tz
    whole = {
        "figure": figure,
        "election": m.election.id,
        "rehearsal": m.election.rehearsal,
        "as_of": plain(m.at, zone),
        "data_version": m.data_version,
        "embargo": plain(under, zone),
        "rows": rows(_told(frame, lambda why: {**dataclasses.asdict(why), "text": _reason(m.election)(why)}), zone),
    }
    text = writing.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)
    return terminal.STEERS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def said(m: Moment, under: Embargo) -> str:
    """'Observers' votes, valid and invalid ballots are under embargo until 2021-11-29 08:00 +06: left out'."""
    what = "shown all the same" if under.shown else "left out"
    until = under.until.astimezone(m.election.tz)
    return f"Observers' votes, valid and invalid ballots are under embargo until {until:%Y-%m-%d %H:%M %Z}: {what}"


def table(figure: str, m: Moment, frame: pd.DataFrame, under: Embargo | None = None) -> str:
    """A figure as people read it on a terminal: what and as of when, a line a row, how many rows. Of a long text the
    beginning: JSON and CSV have all of it."""
    zone = m.election.tz
    head = f"{figure} · {m.election.id} · as of {m.at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z} · data {m.data_version}"
    if m.election.rehearsal:
        head += "\nRehearsal: totals as published, single rows synthetic"
    if under:
        head += f"\n{said(m, under)}"
    frame = _told(frame, _reason(m.election))
    frame = frame[sorted(frame.columns, key=lambda name: name == "reasons")]  # as long as they are, they stand last
    names = [str(name) for name in frame.columns]
    lines = [names, *([_shown(value) for value in row.values()] for row in rows(frame, zone))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    numbers = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]

    def drawn(line: list[str]) -> str:
        cells = zip(line, widths, numbers, strict=True)
        return "  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in cells).rstrip()

    return "\n".join([head, *(drawn(line) for line in lines), f"{len(frame)} rows"])


def _shown(value: Any) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.4f}"
    several = value if isinstance(value, list) else [value]
    text = terminal.line("; ".join(_words(v) for v in several))
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]} …"


def csv(frame: pd.DataFrame, election: Election | None = None) -> bytes:
    """A figure as CSV in UTF-8 with a byte order mark, as spreadsheets want it.

    Words that begin with = + - @ (also full-width, or after a line break) get a ' before them, or a spreadsheet would
    run them; characters that steer a terminal are spelt out; numbers stay numbers. Times are ISO in the zone of the
    election (this process's, where none is given), several values in a cell stand with '; ' between, a light's reasons
    as sentences.
    """
    election = election or here()[1]
    text = io.StringIO()
    out = writer.writer(text, lineterminator="\r\n")
    out.writerow([_cell(str(name)) for name in frame.columns])
    for row in rows(_told(frame, _reason(election)), election.tz):
        out.writerow([_cell(value) for value in row.values()])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _reason(election: Election) -> Callable[[Reason], str]:
    return lambda why: reasons.english(why, election)


def _told(frame: pd.DataFrame, say: Callable[[Reason], Any]) -> pd.DataFrame:
    """The frame with a light's reasons as `say` has them: in words all together one text, as a paragraph is."""
    if "reasons" not in frame:
        return frame

    def cell(several: Any) -> Any:
        said = [say(why) for why in several]
        return " ".join(said) if all(isinstance(one, str) for one in said) else said

    return frame.assign(reasons=pd.Series([cell(several) for several in frame["reasons"]], frame.index, dtype=object))


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        value = "; ".join(_words(v) for v in value)
    elif isinstance(value, dict):
        value = _words(value)
    if not isinstance(value, str):
        return value
    return f"'{terminal.spelt(value)}" if _is_live(value) else terminal.spelt(value)


def _is_live(words: str) -> bool:
    """Whether a spreadsheet may run a cell that begins so: also in another width, after a blank or what is unseen."""
    first = words.lstrip().lstrip(_UNSEEN).lstrip()[:1]
    return words[:1] in ("\t", "\r", "\n") or unicodedata.normalize("NFKC", first) in ("=", "+", "-", "@")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={_words(v)}" for k, v in value.items() if v is not None)
    return "" if value is None else str(value)
