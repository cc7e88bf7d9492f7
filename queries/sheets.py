"""What the commission published, in memory: one row a protocol or table, one column a line.

Checks ask every line of every PEC at once. In SQL that is a sort of all figures for each way of grouping them
(half a second each for 2,435 PECs and 48 lines of two counts), so the figures are read once, in one query, and from
load to load only the protocols that moved: the store is append-only by load, so a sheet of a load never changes.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from elections.config import Election
from queries.kept import KeptOfMoment
from queries.moment import Moment
from queries.published import feeds

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]
Keys = Mapping[str, NDArray[Any]]
Kind = tuple[str, str, str]  # contest, count, scope
KEYS = ("source", "contest", "scope", "count", "hour", "place")
_LAST = ("payload", "load")  # of a row's figures the newest
_KEPT = 4  # loads that are kept
_AT_ONCE = 4_000  # figures in one fetch: what stays small dies young


@dataclass(frozen=True)
class Sheets:
    """Protocols and tables of one moment. A figure that is not published is NaN.

    keys: an array each of `KEYS`, `payload` (the last one that changed a figure of the row, 0: none is known) and
    `load` (that changed one that stands).
    """

    keys: Keys
    lines: tuple[str, ...]  # '<line>', and '<line>|%' for a percentage
    values: Floats  # a row x a line

    def __len__(self) -> int:
        return len(self.keys["place"])

    @cached_property
    def _at(self) -> dict[str, int]:
        return {line: i for i, line in enumerate(self.lines)}

    def line(self, name: str) -> Floats:
        """A line of every row."""
        at = self._at.get(name)
        return np.full(len(self), np.nan) if at is None else self.values[:, at]

    def block(self, names: Sequence[str]) -> Floats:
        """Several lines of every row. Nobody changes them."""
        if tuple(names) == self.lines:
            return self.values
        found = np.full((len(self), len(names)), np.nan)
        at = [(i, self._at[name]) for i, name in enumerate(names) if name in self._at]
        found[:, [i for i, _ in at]] = self.values[:, [place for _, place in at]]
        return found

    def where(self, chosen: NDArray[Any]) -> "Sheets":
        """Some of the rows: a mask, or their places."""
        return Sheets({n: a[chosen] for n, a in self.keys.items()}, self.lines, self.values[chosen])

    def of(self, **keys: str) -> "Sheets":
        """The rows with these keys: `of(scope='pec', count='manual')`."""
        chosen = np.ones(len(self), dtype=np.bool_)
        for name, value in keys.items():
            chosen &= self.keys[name] == value
        return self if chosen.all() else self.where(chosen)

    def numbers(self) -> tuple[str, ...]:
        """The lines that are numbers."""
        return tuple(line for line in self.lines if not line.endswith("|%"))

    def kinds(self, chosen: NDArray[Any] | None = None, weights: NDArray[Any] | None = None) -> dict[Kind, int]:
        """How many rows there are of each contest, count and scope, of all or of some; or the sum of their weights."""
        codes, kinds = self._kinds
        numbers = np.bincount(codes if chosen is None else codes[chosen], weights, len(kinds)).tolist()
        return {kind: int(n) for kind, n in zip(kinds, numbers, strict=True) if n}

    @cached_property
    def _kinds(self) -> tuple[NDArray[np.int64], list[Kind]]:
        """The kind of every row: its number, and what it is."""
        (contest, contests), (count, counts), (scope, scopes) = (
            pd.factorize(self.keys[name]) for name in ("contest", "count", "scope")
        )
        numbers = (contest * len(counts) + count) * len(scopes) + scope
        return numbers, list(product(contests, counts, scopes))


def together(sheets: Iterable[Sheets]) -> Sheets:
    """The rows of several sheets under one set of lines."""
    several = list(sheets)
    lines = tuple(dict.fromkeys(line for s in several for line in s.lines))
    keys = {name: np.concatenate([s.keys[name] for s in several]) for name in (*KEYS, *_LAST)}
    return Sheets(keys, lines, np.vstack([s.block(lines) for s in several]))


def sheets(m: Moment) -> Sheets:
    """Everything that was published as of this moment."""
    return _OF_MOMENT.of(m)


def _of_load(m: Moment) -> Sheets:
    load = _published_load(m)
    stamps = _stamps(m, load)
    key = (load, stamps.get(load), id(m.election))
    with _LOCK:
        kept = _SHEETS.setdefault(m.engine, OrderedDict())
        for old in [k for k in kept if stamps.get(k[0]) != k[1]]:  # a store made anew counts from 1 again
            del kept[old]
        if key in kept:
            kept.move_to_end(key)
            return kept[key][1]
        near = min((k for k in kept if k[2] == key[2]), key=lambda k: abs(k[0] - load), default=None)
        base = kept[near][1] if near else None
    if base is None or near is None:
        main = next((f for f in feeds(m.election) if f["scope"] == "pec"), {"source": "", "contest": ""})
        short = {name: main[name] for name in ("source", "contest")}
        found = _counting(m, _read(m, _WHOLE, {"load": load, **short}, short))
    else:
        found = _counting(m, _moved(m, load, base, near[0]))
    with _LOCK:
        kept[key] = (m.election, found)
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return found


_OF_MOMENT = KeptOfMoment(_of_load)  # several figures ask for them
_Key = tuple[int, Any, int]  # load, when it was committed, the election's `id`: it is kept beside its sheets
_SHEETS: WeakKeyDictionary[sa.Engine, OrderedDict[_Key, tuple[Election, Sheets]]] = WeakKeyDictionary()
_LOCK = threading.Lock()


def _published_load(m: Moment) -> int:
    """The last load that may have changed a published figure."""
    observers = [s.id for s in m.election.sources if s.kind == "observation"]
    query = sa.text(
        "select max(id) from load where id <= :load and (changed > 0 or withdrawn > 0) and source not in :observers"
    ).bindparams(sa.bindparam("observers", expanding=True))
    with m.engine.connect() as conn:
        return conn.execute(query, {"load": m.load, "observers": observers}).scalar() or 0


def _counting(m: Moment, found: Sheets) -> Sheets:
    """The rows of the sources that count, where several publish the same."""
    counted = {(f["source"], f["contest"], f["count"], f["scope"]) for f in feeds(m.election)}
    keys = zip(*(found.keys[name] for name in ("source", "contest", "count", "scope")), strict=True)
    return found.where(np.array([key in counted for key in keys], dtype=np.bool_))


def _stamps(m: Moment, load: int) -> dict[int, Any]:
    with _LOCK:
        loads = {load, *(k[0] for k in _SHEETS.get(m.engine, ()))}
    query = sa.text("select id, committed_at from load where id in :loads").bindparams(
        sa.bindparam("loads", expanding=True)
    )
    with m.engine.connect() as conn:
        return {row.id: row.committed_at for row in conn.execute(query, {"loads": sorted(loads)})}


def _moved(m: Moment, load: int, base: Sheets, since: int) -> Sheets:
    """The sheets made from those of another load: read are the protocols that differ, or may."""
    after, until = sorted((since, load))
    found = _read(m, _TOUCHED, {"load": load, "after": after, "until": until})
    again = set(_tuples(found))
    kept = base.where(np.array([key not in again for key in _tuples(base)], dtype=np.bool_))
    there: Rows = np.isfinite(found.values).sum(axis=1) > 0
    return together([kept, found.where(there)])


def _tuples(found: Sheets) -> Iterator[tuple[str, ...]]:
    return zip(*(found.keys[name] for name in KEYS), strict=True)


# Nearly all figures are of one source's protocols: that these say their count alone saves a third of the reading.
# '' as a line: a protocol that moved and has no figure any more.
_WHOLE = sa.text(
    """
    select case when source = :source and contest = :contest and scope = 'pec' and hour = '' then count
            else source || '|' || contest || '|' || scope || '|' || count || '|' || hour end as series, place,
        case when unit = 'percent' then line || '|%' else line end as line, value, coalesce(payload, 0) as payload,
        load_from
    from published
    where load_from <= :load and (load_to is null or load_to > :load)
    """
)
_TOUCHED = sa.text(
    """
    with touched as (
        select source, contest, scope, place, count, hour from published
            where load_from > :after and load_from <= :until
        union
        select source, contest, scope, place, count, hour from published where load_to > :after and load_to <= :until)
    select t.source || '|' || t.contest || '|' || t.scope || '|' || t.count || '|' || t.hour as series, t.place,
        case when p.unit = 'percent' then p.line || '|%' else coalesce(p.line, '') end as line, p.value,
        coalesce(p.payload, 0) as payload, coalesce(p.load_from, 0) as load_from
    from touched t
    left join published p on p.source = t.source and p.contest = t.contest and p.scope = t.scope
        and p.place = t.place and p.count = t.count and p.hour = t.hour
        and p.load_from <= :load and (p.load_to is null or p.load_to > :load)
    """
)


class _Codes(dict[str, int]):
    """Words numbered as they come."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number

    def of(self, words: Sequence[str]) -> NDArray[np.int64]:
        return np.fromiter(map(self.__getitem__, words), np.int64, len(words))


def _read(m: Moment, query: sa.TextClause, bound: Mapping[str, Any], short: Mapping[str, str] | None = None) -> Sheets:
    """The sheets that a query's figures make (series, place, line, value, payload, load_from).

    short: the source and contest of the protocols whose series is their count alone.
    """
    codes = _Codes(), _Codes(), _Codes()
    parts: list[list[NDArray[Any]]] = []
    with m.engine.connect() as conn:
        cursor = conn.execute(query, dict(bound)).cursor  # the driver's own rows: a third of the time
        while cursor is not None and (figures := cursor.fetchmany(_AT_ONCE)):
            *words, number, from_payload, from_load = zip(*figures, strict=True)
            numbers = [
                np.array(number, dtype=np.float64),
                *(np.array(n, dtype=np.int64) for n in (from_payload, from_load)),
            ]
            parts.append([*(c.of(w) for c, w in zip(codes, words, strict=True)), *numbers])
    if not parts:
        nothing = {n: np.empty(0, dtype=object) for n in KEYS} | {n: np.empty(0, dtype=np.int64) for n in _LAST}
        return Sheets(nothing, (), np.empty((0, 0)))
    series, place, line, value, *last = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows, row = np.unique(series * len(codes[1]) + place, return_inverse=True)
    values = np.full((len(rows), len(codes[2])), np.nan)
    values[row, line] = value
    newest = {name: np.zeros(len(rows), dtype=np.int64) for name in _LAST}
    for name, of_each in zip(_LAST, last, strict=True):
        np.maximum.at(newest[name], row, of_each)
    parts_of = [s.split("|") if short is None or "|" in s else [*short.values(), "pec", s, ""] for s in codes[0]]
    parted = np.array(parts_of, dtype=object)[rows // len(codes[1])]
    keys = {name: parted[:, i] for i, name in enumerate(KEYS[:-1])}
    keys |= {"place": np.array(list(codes[1]), dtype=object)[rows % len(codes[1])], **newest}
    named = [i for i, name in enumerate(codes[2]) if name]
    return Sheets(keys, tuple(name for name in codes[2] if name), values[:, named])
