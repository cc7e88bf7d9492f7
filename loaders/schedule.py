"""The schedule: which source is due, one poll of it, and a row in `poll` for every look, error and miss."""

import logging
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from apscheduler.events import EVENT_SCHEDULER_SHUTDOWN
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from elections.config import ConfigError, Election, Source
from loaders import commission, observation
from loaders.rejected import Rejected, rejected
from loaders.runner import Runner
from loaders.source import Found, SourceError, fault, plain
from loaders.switch import stopped
from store import alarms, clock, writable
from store import tables as t
from store.engine import writing
from store.outage import Outage

KINDS: Mapping[str, Callable[[sa.Engine, Election, Source, bool, bool], Found]] = {
    "observation": observation.poll,
    "commission": commission.poll,
}
_TICK = 0.5  # seconds between looks at whether a source is due
_BEHIND = 5.0  # seconds of real time that a poll may be late before it is a miss
_log = logging.getLogger(__name__)
_outages: weakref.WeakKeyDictionary[sa.Engine, dict[str, Outage]] = weakref.WeakKeyDictionary()  # by source
# by source: the load and the rows used at which it was counted, and what it came to
_rejected: weakref.WeakKeyDictionary[sa.Engine, dict[str, tuple[Any, Rejected]]] = weakref.WeakKeyDictionary()


def poll(store: sa.Engine, election: Election, source_id: str, again: bool = False, accept: bool = False) -> None:
    """Look at a source once, load what is new, and write down how it went. Raises for nothing that a source does,
    Unwritable where the store cannot be written.

    `again`: also look again at what was set aside, after the configuration was mended. `accept`: a person says that
    what vanished at the source has truly gone, however much it is.
    """
    source = election.source(source_id)
    at, started = clock.now(), time.perf_counter()
    try:
        found = _look(store, election, source, again, accept)
        _say_rejected(store, source.id, found)
    except (SourceError, ConfigError) as error:
        found = Found(error=str(error))
    except writable.Unwritable:
        raise  # nor can it be written down
    except Exception as error:
        found = Found(error=plain(error))
        if not isinstance(error, sa.exc.SQLAlchemyError):
            fault(source.id, error)
    outage = _outages.setdefault(store, {}).setdefault(source.id, Outage(_log, source.id))
    if told := found.error or alarms.said(found.alarms):
        outage.goes_on(told)
    else:
        outage.over()
    _record(store, source.id, at, found, "error" if found.error else "ok", time.perf_counter() - started)


def _say_rejected(store: sa.Engine, source: str, found: Found) -> None:
    """Rows that could not be used are logged when they become others; where none could, that is an error."""
    known = _rejected.setdefault(store, {})
    last, before = known.get(source, (None, None))
    with store.connect() as conn:
        load = conn.scalar(sa.select(sa.func.max(t.load.c.id)).where(t.load.c.source == source)) or 0
        if before is None or (load, found.used) != last:  # whoever made it
            known[source] = (load, found.used), rejected(conn, source, found.used)
    now = known[source][1]
    if now.rows and (before is None or now.reasons != before.reasons):
        _log.warning("%s: %s", source, now)
    found.alarms += now.unusable
    if now.rows > 1 and now.rows == now.of:
        found.error = found.error or f"none of its rows could be used: {now}"


def _look(store: sa.Engine, election: Election, source: Source, again: bool, accept: bool) -> Found:
    if source.kind not in KINDS:
        raise SourceError(f"no loader for sources of the kind {source.kind!r}")
    if who := stopped(store, source.id):
        raise SourceError(f"stopped by {who}")
    return KINDS[source.kind](store, election, source, again, accept)


def _record(store: sa.Engine, source: str, at: datetime, found: Found, outcome: str, seconds: float = 0) -> None:
    row = {
        "source": source,
        "polled_at": at,
        "outcome": outcome,
        "error": found.error or alarms.written(found.alarms),
        "seen": found.seen,
        "milliseconds": round(seconds * 1000),
        "load": found.load,
        "used": sum(found.used.values()) if found.used else None,
    }
    with writing(store) as conn:
        poll = conn.execute(t.poll.insert().returning(t.poll.c.id), row).scalar_one()
        if found.answered:
            feeds = [{"poll": poll, "feed": f, "whole": int(f in found.whole)} for f in sorted(found.answered)]
            conn.execute(t.poll_feed.insert(), feeds)


def start(store: sa.Engine, election: Election) -> BackgroundScheduler:
    """Poll every source at its interval, by the store's clock, until `.shutdown()`."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that finds its poll still running is no news
    runner = Runner(store)
    workers = ThreadPoolExecutor(max(1, len(election.sources)))
    schedule = BackgroundScheduler(timezone=UTC, executors={"default": workers})
    for source in election.sources:
        schedule.add_job(
            _Turn(store, election, source, runner).tick,
            "interval",
            seconds=_TICK,
            id=source.id,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    schedule.add_listener(lambda _event: runner.release(), EVENT_SCHEDULER_SHUTDOWN)
    schedule.start()
    return schedule


@dataclass
class _Turn:
    """When a source is due: at its interval of `clock.now()`; never while a rehearsal stands still."""

    store: sa.Engine
    election: Election
    source: Source
    runner: Runner
    due: datetime | None = None
    setting: object = None  # of the rehearsed clock: a jump is no miss

    def __post_init__(self) -> None:
        self.outage = Outage(_log, f"{self.source.id} is not polled")

    def tick(self) -> None:
        try:
            writable.check(self.store)
            if clock.speed() != 0 and self.runner.elected() and self._is_due():
                poll(self.store, self.election, self.source.id)
        except writable.Unwritable:
            pass  # said once for all sources
        except Exception as error:  # the store, mostly: the next tick may be better
            self.outage.goes_on(plain(error))
        else:
            self.outage.over()

    def _is_due(self) -> bool:
        now, interval, setting = clock.now(), timedelta(seconds=self.source.interval), clock.state()
        if self.due is None or setting != self.setting or self.due > now + interval:
            self.due, self.setting = now, setting
        if now < self.due:
            return False
        behind = now - self.due
        if behind >= interval and behind.total_seconds() / clock.speed() >= _BEHIND:
            times = behind // interval
            _record(
                self.store,
                self.source.id,
                now,
                Found(error=f"{times} polls not made: the last took too long"),
                "missed",
            )
        self.due = now + interval if behind >= interval else self.due + interval
        return True
