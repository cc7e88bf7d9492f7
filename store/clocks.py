"""Other clocks than the machine's: the time since its start, a database's, a site's. A minute apart is told."""

import time
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store import clock

APART = 60.0  # seconds that two clocks may differ
_TOLD = 3600.0  # seconds that a machine's clock that was moved is told


def apart(other: datetime | None) -> int:
    """Seconds that another clock is ahead of this machine's (negative: behind); 0 where they are not a minute apart,
    and while ours stands still."""
    ours = clock.machine()
    if other is None or ours is None:
        return 0
    seconds = (other - ours).total_seconds()
    return round(seconds) if abs(seconds) >= APART else 0


def of_database(conn: sa.Connection) -> datetime | None:
    """What time it is there; None where the database has no clock of its own."""
    if conn.dialect.name != "postgresql":
        return None
    now: datetime = conn.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return now


def since_boot() -> float:
    """Seconds since the machine was started, also those in which it slept: nobody can set it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass
class Watch:
    """Whether the machine's clock was moved while the process ran."""

    began: tuple[datetime, float] | None = None  # both clocks when it was asked first
    noticed: float | None = None

    def moved(self) -> int:
        """By so many seconds; 0 where it was not, or an hour ago and more."""
        ours, steady = clock.machine(), since_boot()
        if ours is None:
            return 0
        self.began = self.began or (ours, steady)
        seconds = (ours - self.began[0]).total_seconds() - (steady - self.began[1])
        if abs(seconds) < APART:
            self.noticed = None
            return 0
        self.noticed = self.noticed or steady
        if steady - self.noticed > _TOLD:
            self.began, self.noticed = (ours, steady), None
            return 0
        return round(seconds)
