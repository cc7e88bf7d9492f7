"""Whether the store is still the one that was opened, and can be written."""

import contextlib
import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import psycopg
import sqlalchemy as sa

from store import address
from store import tables as t
from store.outage import Outage

_log = logging.getLogger(__name__)
_ROOM = 2**20  # bytes that must be left on the disk of a file
_WRITERS = 7_110_211  # the key of PostgreSQL's advisory lock
_LOCKED = "is locked by another writer"
_LOOKS = 10.0  # seconds between two looks at most that say that it was locked all the time
PATIENCE = 30.0  # seconds that a writer waits for one of another process


class Unwritable(sa.exc.SQLAlchemyError):
    """The store is gone, replaced, locked, read-only, or its disk is full. The message says which. `since`, by
    `monotonic`, it is known to be."""

    def __init__(self, why: str, since: float) -> None:
        super().__init__(why)
        self.since = since


@dataclass
class _Opened:
    """What an engine opened first."""

    place: str
    file: Path | None = None
    inode: tuple[int, int] | None = None  # of the file
    store: str | None = None  # its own id, in the table `owner`
    turn: threading.Lock = field(default_factory=threading.Lock)  # of this process's writers
    ours: bool = False  # one of them writes
    locked: bool = False  # when somebody wanted to write last
    busy: tuple[float, float] | None = None  # another process wrote: at a first look, at the last one (by `monotonic`)
    stood: int = 0  # the last load, at the first of these looks
    outage: Outage = field(default_factory=lambda: Outage(_log, "the store cannot be written"))

    def must_stand(self) -> None:
        """The file at the store's place is the one that was opened."""
        if self.file and self.inode and (found := _inode(self.file)) != self.inode:
            self.refuse("is another file than the one that was opened" if found else "is gone")

    def must_have_a_turn(self, taken: bool, stands: int) -> None:
        """No other process has been writing for as long as a writer waits, also where nobody wants to. `stands`: the
        last load; where another one came since the last look, writers take turns."""
        if self.ours or not taken:
            self.locked, self.busy = False, None
            return
        now = monotonic()
        first, last = self.busy or (now, now)
        goes_on = now - last <= _LOOKS and stands == self.stood
        self.busy, self.stood = ((first if goes_on else now), now), stands
        if self.locked or now - self.busy[0] >= PATIENCE:
            self.refuse(_LOCKED, self.busy[0])

    def refuse(self, why: str, since: float | None = None) -> NoReturn:
        self.outage.goes_on(f"{self.place} {why}", since=since)
        raise Unwritable(f"{self.place} {why}", self.outage.since)


_opened: WeakKeyDictionary[sa.Engine, _Opened] = WeakKeyDictionary()


def keep_to_what_is_opened(engine: sa.Engine) -> None:
    """From now on nobody reads or writes another file through this engine than the one that it opens first; and none
    is made in its place."""
    opened = _of(engine)
    opened.file = address.file(engine.url)
    if not opened.file:
        return

    @sa.event.listens_for(engine, "connect")
    def is_it(*_opening: object) -> None:
        opened.inode = opened.inode or (_inode(opened.file) if opened.file else None)
        opened.must_stand()  # it was changed after the look below

    @sa.event.listens_for(engine, "do_connect")
    @sa.event.listens_for(engine, "begin")  # a connection that was opened before would go on with a file without a name
    @sa.event.listens_for(engine, "commit")  # gone since
    def still_is(*_asking: object) -> None:
        opened.must_stand()


def remember(conn: sa.Connection) -> None:
    """The store of this connection is the one that was opened: by its own id, which every copy of it has too."""
    _of(conn.engine).store = _own_id(conn)


def check(engine: sa.Engine) -> None:
    """Raises Unwritable where the store that was opened is gone, replaced or read-only, has no room left, or is locked:
    as it was when somebody wanted to write, or at each look for as long as they would wait. The log has it once, and
    once when it is over."""
    opened = _of(engine)
    with engine.connect() as conn:  # opens it, where nobody has yet
        opened.must_stand()
        if opened.file and not os.access(opened.file, os.W_OK):
            opened.refuse("is read-only")
        if opened.file and shutil.disk_usage(opened.file.parent).free < _ROOM:
            opened.refuse("is on a full disk")
        if conn.dialect.name == "postgresql" and conn.scalar(sa.text("show transaction_read_only")) == "on":
            conn.invalidate()  # it stays so, where a setting of the database made it so
            opened.refuse("is read-only")
        taken = _is_locked(conn)
        opened.must_have_a_turn(taken, _last_load(conn) if taken else 0)
        if opened.store and _own_id(conn) != opened.store:
            opened.refuse("is another store than the one that was opened")
    if opened.outage.lasts:
        engine.dispose()  # a connection that was opened to a read-only file stays read-only
        opened.outage.over()


def turn(engine: sa.Engine) -> threading.Lock:
    """Held by who writes: the others of this process wait for it, however long it takes."""
    return _of(engine).turn


@contextlib.contextmanager
def waiting(engine: sa.Engine) -> Iterator[None]:
    """Raises Unwritable where the wait for another process's writer was in vain."""
    began = monotonic()
    try:
        yield
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY and not isinstance(
            error.orig, psycopg.errors.LockNotAvailable
        ):
            raise
        opened = _of(engine)
        opened.locked, opened.busy = True, (min(began, *(opened.busy or ())), monotonic())
        opened.refuse(_LOCKED, opened.busy[0])


@contextlib.contextmanager
def ours(engine: sa.Engine) -> Iterator[None]:
    """A writer of this process has its turn: the store is not locked by another's."""
    _of(engine).ours = True
    try:
        yield
    finally:
        _of(engine).ours = False


def wait(conn: sa.Connection) -> None:
    """For the writer before this one, on PostgreSQL; SQLite does it when a transaction begins."""
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("select set_config('lock_timeout', :limit, true)"), {"limit": f"{PATIENCE * 1000:.0f}"})
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
        conn.execute(sa.text("set local lock_timeout to default"))


def _is_locked(conn: sa.Connection) -> bool:
    """Whether a writer of another process has the store at this moment; nobody waits for it."""
    if conn.dialect.name == "postgresql":
        return not conn.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_WRITERS)))
    sqlite: Any = conn.connection.dbapi_connection
    sqlite.execute("pragma busy_timeout=0")
    try:
        sqlite.execute("begin immediate")
        sqlite.execute("rollback")
    except sqlite3.OperationalError:
        return True
    finally:
        sqlite.execute(f"pragma busy_timeout={PATIENCE * 1000:.0f}")
    return False


def _last_load(conn: sa.Connection) -> int:
    there = sa.inspect(conn).has_table(t.load.name)
    return (conn.scalar(sa.select(sa.func.max(t.load.c.id))) or 0) if there else 0


def _of(engine: sa.Engine) -> _Opened:
    return _opened.setdefault(engine, _Opened(address.shown(engine.url)))


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _own_id(conn: sa.Connection) -> str | None:
    return conn.scalar(sa.select(t.owner.c.store)) if sa.inspect(conn).has_table(t.owner.name) else None
