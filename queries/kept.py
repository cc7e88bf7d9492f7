"""Kept in memory from load to load: what is asked of every PEC's reports, asked again only of the PECs that moved.

A store is append-only by load, so what it said at a load never changes, and two loads differ only in the PECs that
some version of a report, of an answer or a decision between them names. A report every few seconds then costs a
look at one PEC, not at all of them, and so does a moment of the past that is near one that is kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import pandas as pd
import sqlalchemy as sa

from elections.config import Election
from queries.moment import Moment
from store import tables as t

T = TypeVar("T")
Ask = Callable[[Moment, Sequence[str] | None], pd.DataFrame]  # of these PECs, or of all (None)
# the election is kept beside its frame, so that its `id` in the key stays its own
_Frames = WeakKeyDictionary[sa.Engine, OrderedDict[tuple[Any, ...], tuple[Election, pd.DataFrame]]]
_FRAMES = 6  # moments that are kept
_ALL = 0.5  # from this share of the kept PECs on, everything is asked again
_AT_ONCE = 5_000  # PECs in one statement


class KeptOfMoment(Generic[T]):
    """Something of a moment for the several figures that ask for it one after the other."""

    def __init__(self, ask: Callable[[Moment], T]) -> None:
        self._ask = ask
        self._last: list[tuple[Moment, T]] = []

    def of(self, m: Moment) -> T:
        """It, of this moment: of the very same object, so there is nothing to go stale. Nobody changes it."""
        known = next((found for moment, found in self._last if moment is m), None)
        if known is None:
            known = self._ask(m)
            self._last = [*self._last[-3:], (m, known)]
        return known


class Kept:
    """A frame with a column `pec`, made by `ask` from reports, answers and decisions alone."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._frames: _Frames = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._moments = KeptOfMoment(self._of_load)

    def of(self, m: Moment) -> pd.DataFrame:
        """The frame as of this moment's load. Nobody changes it."""
        return self._moments.of(m)

    def _of_load(self, m: Moment) -> pd.DataFrame:
        stamps = self._stamps(m)
        key = stamps.get(m.load)
        if key is None:
            return self._ask(m, [])
        with self._lock:
            frames = self._frames.setdefault(m.engine, OrderedDict())
            if key in frames:
                frames.move_to_end(key)
                return frames[key][1]
            near = min((k for k in frames if k in stamps.values()), key=lambda k: abs(k[1] - m.load), default=None)
            base = frames[near][1] if near else None
        frame = self._ask(m, None) if base is None or near is None else self._moved(m, base, near[1])
        with self._lock:
            frames[key] = (m.election, frame)
            while len(frames) > _FRAMES:
                frames.popitem(last=False)
        return frame

    def _moved(self, m: Moment, base: pd.DataFrame, since: int) -> pd.DataFrame:
        """The frame made from that of another load."""
        between = _BETWEEN.of(m)
        if since not in between:  # several frames are kept of the same load
            between[since] = moved(m.engine, *sorted((since, m.load)))
        touched = between[since]
        if not touched:
            return base
        if len(touched) > min(_AT_ONCE, max(50, _ALL * base["pec"].nunique())):
            return self._ask(m, None)
        return pd.concat([base[~base["pec"].isin(touched)], self._ask(m, touched)], ignore_index=True)

    def _stamps(self, m: Moment) -> dict[int, tuple[Any, ...]]:
        """Load -> the key of its frame, of this load and the kept ones: a store made anew counts from 1 again."""
        with self._lock:
            loads = {m.load, *(k[1] for k in self._frames.get(m.engine, ()))}
        query = sa.text("select id, started_at, committed_at from load where id in :loads").bindparams(
            sa.bindparam("loads", expanding=True)
        )
        with m.engine.connect() as conn:
            found = conn.execute(query, {"loads": sorted(loads)}).all()
        return {load: (id(m.election), load, started, committed) for load, started, committed in found}


_BETWEEN: KeptOfMoment[dict[int, list[str]]] = KeptOfMoment(lambda m: {})  # another load -> the PECs that moved since


class KeptOfFacts:
    """A frame made from some tables alone: asked again when one of them has moved, not with every load."""

    def __init__(self, ask: Callable[..., pd.DataFrame], *facts: str) -> None:
        self._ask = ask
        self._facts = [t.metadata.tables[name] for name in facts]
        self._versions = KeptOfMoment(self._version)
        self._frames: _Frames = WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, m: Moment, **given: Any) -> pd.DataFrame:
        """The frame as of this moment's load. Nobody changes it."""
        key = (id(m.election), tuple(given.items()), *self._versions.of(m))
        with self._lock:
            frames = self._frames.setdefault(m.engine, OrderedDict())
            if key in frames:
                frames.move_to_end(key)
                return frames[key][1]
        frame = self._ask(m, **given)
        with self._lock:
            frames[key] = (m.election, frame)
            while len(frames) > _FRAMES * 4:
                frames.popitem(last=False)
        return frame

    def _version(self, m: Moment) -> tuple[Any, ...]:
        """The last load that began or ended a version in one of the tables, and when it was: stores are made anew."""
        ends = [
            sa.select(sa.func.max(column)).where(column <= m.load).scalar_subquery()
            for fact in self._facts
            for column in (fact.c.load_from, fact.c.load_to)
        ]
        load = t.load.c
        query = sa.select(load.id, load.started_at, load.committed_at).where(load.id.in_(ends))
        with m.engine.connect() as conn:
            return tuple(conn.execute(query.order_by(load.id.desc()).limit(1)).first() or (0,))


def moved(engine: sa.Engine, after: int, until: int) -> list[str]:
    """The PECs whose reports, answers or decisions differ between two loads, or may."""
    with engine.connect() as conn:
        between = {"after": after, "until": until}
        pecs = set(conn.execute(_MOVED, between).scalars())
        decided = conn.execute(_DECIDED, between).scalars()
        return sorted(pecs | {subject.split("|", 1)[0] for subject in decided})


_MOVED = sa.text(
    """
    select pec from report where load_from > :after and load_from <= :until
    union select pec from report where load_to > :after and load_to <= :until
    union select r.pec from answer a join report r on r.source = a.source and r.report = a.report
        where a.load_from > :after and a.load_from <= :until
    union select r.pec from answer a join report r on r.source = a.source and r.report = a.report
        where a.load_to > :after and a.load_to <= :until
    """
)
_DECIDED = sa.text("select subject from decision where load > :after and load <= :until")
