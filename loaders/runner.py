"""The runner: among the processes that share a store, the one that polls. The others wait to take over."""

import fcntl
import logging
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from store.outage import Outage

_RUNNER = 7_110_212  # the key of PostgreSQL's advisory lock
_OWNERS_ALONE = 0o600
_log = logging.getLogger(__name__)


@dataclass
class _Advisory:
    """PostgreSQL's lock: of a connection, and gone with it."""

    store: sa.Engine
    conn: sa.Connection | None = None

    def held(self) -> bool:
        if self.conn is None:
            return False
        try:
            self.conn.execute(sa.text("select 1"))
        except sa.exc.SQLAlchemyError:
            self.conn.invalidate()
            self._close()
            return False
        return True

    def take(self) -> bool:
        conn = self.store.connect().execution_options(isolation_level="AUTOCOMMIT")
        if conn.execute(sa.text("select pg_try_advisory_lock(:key)"), {"key": _RUNNER}).scalar_one():
            self.conn = conn
            return True
        conn.close()
        return False

    def free(self) -> None:
        if self.conn is not None:
            self.conn.execute(sa.text("select pg_advisory_unlock(:key)"), {"key": _RUNNER})
            self._close()

    def _close(self) -> None:
        if self.conn is not None:
            self.conn.close()
            self.conn = None


@dataclass
class _Beside:
    """The system's lock on a file beside a SQLite store: of an open file, and gone with its process."""

    file: Path
    number: int | None = None  # of the open file

    def held(self) -> bool:
        return self.number is not None

    def take(self) -> bool:
        number = os.open(self.file, os.O_CREAT | os.O_RDWR, _OWNERS_ALONE)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(number)
            if isinstance(error, BlockingIOError):
                return False
            raise
        self.number = number
        return True

    def free(self) -> None:
        if self.number is not None:
            os.close(self.number)
            self.number = None


class _Alone:
    """A store in memory: no other process has it."""

    def held(self) -> bool:
        return True

    take = held

    def free(self) -> None:
        pass


@dataclass
class Runner:
    """Whether this process is the one that polls the store."""

    store: sa.Engine
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.own = _lock_of(self.store)
        self.outage = Outage(_log, "this process does not poll")

    def elected(self) -> bool:
        with self.lock:
            elected = self.own.held() or self.own.take()
        if elected:
            self.outage.over()
        else:
            self.outage.goes_on("another one polls this store")
        return elected

    def release(self) -> None:
        """Let another process have it."""
        with self.lock:
            self.own.free()


def _lock_of(store: sa.Engine) -> _Advisory | _Beside | _Alone:
    if store.dialect.name == "postgresql":
        return _Advisory(store)
    database = store.url.database or ":memory:"
    if database.startswith((":memory:", "file:")):
        return _Alone()
    return _Beside(Path(f"{Path(database).resolve()}.runner"))
