"""The only clock. In a rehearsal, time comes from the store: a rehearsed time, a speed, a pause."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from store import tables as t

PUT_RIGHT = timedelta(minutes=1)  # a clock that is put back by less changes nothing that is past
_READ_EVERY = 0.25  # seconds of real time between looks at the store


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsed time, valid from a real time on, that runs `speed` times as fast (0: paused)."""

    rehearsed_at: datetime
    real_at: datetime
    speed: float

    def now(self) -> datetime:
        return self.rehearsed_at + (_real_now() - self.real_at) * self.speed


_frozen: datetime | None = None
_followed: sa.Engine | None = None
_last_read: tuple[float, Rehearsed | None] = (float("-inf"), None)


def now() -> datetime:
    """The present time, UTC; the rehearsed time where the followed store has one."""
    if _frozen is not None:
        return _frozen
    rehearsed = state()
    return rehearsed.now() if rehearsed else _real_now()


def state() -> Rehearsed | None:
    """The rehearsal's clock as the followed store has it, or None: real time. While the store cannot be read it goes on
    as it was set last."""
    global _last_read
    if _followed is None:
        return None
    read_at, rehearsed = _last_read
    if time.monotonic() - read_at > _READ_EVERY:
        try:
            rehearsed = read(_followed)
        except sa.exc.SQLAlchemyError:
            if rehearsed is None:
                raise
        _last_read = (time.monotonic(), rehearsed)
    return rehearsed


def real() -> datetime:
    """The machine's time, whatever is rehearsed: for what others see of us. A stopped clock stands still here too."""
    return _real_now() if _frozen is None else _frozen


def machine() -> datetime | None:
    """The machine's time as it is; None while this process's clock is stopped."""
    return _real_now() if _frozen is None else None


def steady() -> float:
    """Seconds of `now()` that no setting of a clock moves: for waits. Only their differences mean something."""
    if _frozen is not None:
        return _frozen.timestamp()
    return time.monotonic() * (speed() or 1.0)


def speed() -> float:
    """Seconds of `now()` in a real second: 1, or the rehearsal's speed; 0 while it is paused."""
    rehearsed = state()
    return rehearsed.speed if rehearsed else 1.0


def follow(engine: sa.Engine | None) -> None:
    """From now on, this process's time is that of this store, which is a rehearsal's (None: real time)."""
    global _followed, _last_read
    _followed, _last_read = engine, (float("-inf"), None)


def read(engine: sa.Engine) -> Rehearsed | None:
    """The last setting of the rehearsal's clock in a store."""
    with engine.connect() as conn:
        row = conn.execute(
            sa.select(t.clock.c.rehearsed_at, t.clock.c.real_at, t.clock.c.speed).order_by(t.clock.c.id.desc()).limit(1)
        ).first()
    return Rehearsed(*row) if row else None


def set_rehearsed(engine: sa.Engine, rehearsed_at: datetime, speed: float) -> None:
    """Set the rehearsal's clock for everybody who follows this store; 0 pauses it."""
    global _last_read
    with engine.begin() as conn:
        conn.execute(t.clock.insert().values(rehearsed_at=rehearsed_at, real_at=_real_now(), speed=speed))
    _last_read = (float("-inf"), None)


@contextlib.contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Stop this process's clock: for a rehearsal that plays fast, and for tests."""
    global _frozen
    before, _frozen = _frozen, at
    try:
        yield
    finally:
        _frozen = before


def _real_now() -> datetime:
    return datetime.now(UTC)
