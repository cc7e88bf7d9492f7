"""The figures that screens show, as of one moment: made once for the process, swapped in whole, only read."""

import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

import pandas as pd
import sqlalchemy as sa

from queries import (
    bursts,
    changes,
    coverage,
    equipment,
    frame,
    health,
    incidents,
    judged,
    procedures,
    refused,
    results,
    room,
    shared,
    turnout,
)
from queries.moment import Moment, here, now
from queries.once import Once
from store import clock, writable
from store.outage import Outage

log = logging.getLogger(__name__)
T = TypeVar("T")
Asked = tuple[Callable[..., Any], dict[str, Any]]

_LOOK = 0.2  # seconds between looks at the store's last load
_REST = 1.0  # after a build, so many times as long as it took: the pages want the processor too
_LONGEST_REST = 2.0  # seconds: the first build of a large store takes longer, and what comes meanwhile must not wait
_LOOKED = 60.0  # seconds: what somebody looked at in them is made ahead
_LEARNT = 100  # of those, at most
_PAST = 16  # snapshots of past moments that are kept

# What `Snapshot.figures` has by name.
FIGURES: dict[str, Asked] = {
    "states": (coverage.states, {}),
    "coverage": (coverage.coverage, {}),
    "coverage_by_region": (coverage.coverage, {"by": ("region", "form")}),
    "coverage_by_district": (coverage.coverage, {"by": ("region", "district")}),
    "unreported": (coverage.unreported, {}),
    "arrivals": (coverage.arrivals, {}),
    "incidents_by_category": (incidents.incidents, {"by": ("category",)}),
    "incidents_by_region": (incidents.incidents, {"by": ("region",)}),
    "incidents_by_hour": (incidents.incidents, {"by": ("hour", "severity")}),
    "incident_list": (incidents.incident_list, {}),
    "equipment": (equipment.failures, {}),
    "equipment_by_region": (equipment.failures, {"by": ("device", "region")}),
    "turned_away": (equipment.turned_away, {}),
    "episodes": (equipment.episodes, {}),
    "procedures": (procedures.procedures, {}),
    "turnout": (turnout.turnout, {}),
    "turnout_by_region": (turnout.turnout, {"by": ("hour", "region")}),
    "results": (results.results, {}),
    "progress": (results.progress, {}),
    "both": (results.both, {}),
    "health": (health.health, {}),
    "changes": (changes.recent, {}),
}
# What the Overview draws, and red lines and sources of every page: they stand also where a page is first opened while
# the store is away. Whatever else was looked at lately is made ahead as well.
AHEAD: tuple[Asked, ...] = (
    *(FIGURES[name] for name in ("coverage", "coverage_by_region", "arrivals", "incidents_by_region", "incident_list")),
    *(FIGURES[name] for name in ("equipment", "equipment_by_region", "turnout", "turnout_by_region", "progress")),
    (health.health, {}),
    (changes.recent, {"minutes": 15}),
    (changes.counts, {"minutes": 15}),
    (room.current, {"most": 3}),
    (room.focus, {}),
    (room.checklists, {}),
    (room.late, {}),
    (room.incident_counts, {}),
    (room.latest_turnout, {"region": None}),
    (room.device_failures, {"region": None}),
    (room.counted, {}),
    (room.contradicting, {}),
    (frame.frame, {}),
    (frame.misfits, {}),
    (bursts.bursts, {}),
    (refused.refused, {}),
    (refused.losses, {}),
    (health.polls, {"minutes": 60}),
)


class Snapshot:
    """One moment, and every figure that was asked of it, each made once: the others wait for the first who asks."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.figures: Mapping[str, pd.DataFrame] = _Named(self)
        self.made_at, self.speed = time.monotonic(), clock.speed()
        self._answers = Once()
        self.looked: dict[Any, tuple[Asked, float]] = {}  # what a reader asked for, and when
        shared.keep(self)

    @property
    def key(self) -> tuple[int, int]:
        """What the figures depend on: the load, and the minute, since the clock alone makes PECs late."""
        return self.moment.load, int(self.moment.at.timestamp() // 60)

    def ask(self, figure: Callable[..., T], /, **given: Any) -> T:
        """The figure as of this moment; a frame is the reader's own to change."""
        self.looked[(figure, _frozen(given))] = ((figure, given), time.monotonic())
        value = self.make(figure, **given)
        return value.copy(deep=False) if isinstance(value, pd.DataFrame) else value

    def has(self, figure: Callable[..., Any], /, **given: Any) -> bool:
        """Whether the figure is made, so that nobody need ask the store for it."""
        return (figure, _frozen(given)) in self._answers

    def make(self, figure: Callable[..., T], /, **given: Any) -> T:
        """The figure, made now unless it is there."""
        return self._answers.get((figure, _frozen(given)), lambda: figure(self.moment, **given))


class _Named(Mapping[str, pd.DataFrame]):
    """The figures of a snapshot by name."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __getitem__(self, name: str) -> pd.DataFrame:
        figure, given = FIGURES[name]
        return cast("pd.DataFrame", self._snapshot.ask(figure, **given))

    def __iter__(self) -> Iterator[str]:
        return iter(FIGURES)

    def __len__(self) -> int:
        return len(FIGURES)


class _Keeper:
    """The current snapshot and the thread that makes the next one."""

    def __init__(self) -> None:
        self.current: Snapshot | None = None
        self.first = threading.Event()
        self.stop = threading.Event()
        self.keeping = False
        self.looked: dict[Any, tuple[Asked, float]] = {}
        self.failing_since: float | None = None  # by `monotonic`
        self.faults: dict[str, Outage] = {}  # by figure

    def run(self) -> None:
        pause = 0.0
        outage, fault = Outage(log, "the store gives no new snapshot"), Outage(log, "no new snapshot")
        while not self.stop.wait(pause):
            started = time.monotonic()
            try:
                built = self.renew()
            except Exception as error:  # the last snapshot stays, and its age shows; the next look may be better
                if isinstance(error, sa.exc.SQLAlchemyError):
                    if not isinstance(error, writable.Unwritable):  # which is in the log already
                        outage.goes_on(type(error).__name__)
                else:
                    fault.goes_on(type(error).__name__, error)
                self.failing_since = self.failing_since or started
                built = False
            else:
                self.failing_since = None
                outage.over()
                fault.over()
            pause = rest(time.monotonic() - started) if built else _LOOK

    def renew(self) -> bool:
        """Make the next snapshot if the store or the minute has moved, and swap it in."""
        snapshot = Snapshot(now())
        if self.current and self.current.key == snapshot.key and self.current.moment.engine is snapshot.moment.engine:
            return False
        if self.current:
            self.looked |= dict(self.current.looked)
        else:  # the first who come need not wait for everything: each figure is there when it is made
            self.current = snapshot
            self.first.set()
        lately = sorted(self.looked.values(), key=lambda item: -item[1])
        for figure, given in (*AHEAD, *(asked for asked, _ in lately[:_LEARNT])):
            name = f"{figure.__module__}.{figure.__qualname__}"
            fault = self.faults.setdefault(name, Outage(log, f"{name} of the snapshot"))
            try:
                snapshot.make(figure, **given)
            except Exception as error:  # the page that shows this figure says so; the others go on
                if isinstance(error, sa.exc.SQLAlchemyError):
                    now()  # where the store is away this fails too, and the outage is said once
                fault.goes_on(type(error).__name__, error)
            else:
                fault.over()
        for make_ahead in _prepared:
            make_ahead(snapshot)
        self.looked = {key: item for key, item in self.looked.items() if item[1] > time.monotonic() - _LOOKED}
        self.current = snapshot
        self.first.set()
        return True


def rest(took: float) -> float:
    """The seconds to rest after a build that took so many."""
    return max(_LOOK, min(_REST * took, _LONGEST_REST))


_prepared: list[Callable[[Snapshot], None]] = []


def prepare(make_ahead: Callable[[Snapshot], None]) -> None:
    """From now on each snapshot is given to this before anybody gets it."""
    _prepared.append(make_ahead)


_keeper = _Keeper()
_lock = threading.Lock()
_past: OrderedDict[Any, Snapshot] = OrderedDict()


@contextlib.contextmanager
def keep_fresh() -> Iterator[None]:
    """While it is open, a thread keeps the current snapshot at the store's last load and the present minute."""
    global _keeper
    keeper = _keeper = _Keeper()
    keeper.keeping = True
    thread = threading.Thread(target=keeper.run, name="snapshot", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.keeping = False
        keeper.stop.set()
        thread.join(timeout=30)


def current() -> Snapshot:
    """The present, as last built. Waits for the first only; where nobody keeps it fresh, the present itself."""
    keeper = _keeper
    if keeper.keeping:
        keeper.first.wait()
        return cast("Snapshot", keeper.current)
    with _lock:
        snapshot = Snapshot(now())
        known = keeper.current
        if known is None or known.key != snapshot.key or known.moment.engine is not snapshot.moment.engine:
            keeper.current = known = snapshot
        return known


def kept() -> Snapshot | None:
    """The present, as last built by who keeps it fresh; None before the first. Waits for nobody."""
    return _keeper.current


def failing_since() -> float | None:
    """Since when no new one can be made, by `monotonic`; None where it can."""
    return _keeper.failing_since


def at(as_of: datetime) -> Snapshot:
    """A moment of the past; those that resolve to the same load and minute share their figures, until a poll of then
    is judged after all. While the store is away: as it was made last."""
    try:
        snapshot = Snapshot(now(as_of))
        key = (id(snapshot.moment.engine), *snapshot.key, judged.newest(snapshot.moment))
    except sa.exc.SQLAlchemyError:
        with _lock:
            for known in reversed(_past.values()):
                if known.moment.at == as_of and known.moment.engine is here()[0]:
                    return known
        raise
    with _lock:
        known = _past.setdefault(key, snapshot)
        _past.move_to_end(key)
        while len(_past) > _PAST:
            _past.popitem(last=False)
    return known


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((k, _frozen(v)) for k, v in value.items()))
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value
