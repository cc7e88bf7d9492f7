"""Whether the store is still the one that was opened, and can be written."""

import logging
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from store import address
from store import tables as t
from store.outage import Outage

_log = logging.getLogger(__name__)
_ROOM = 2**20  # bytes that must be left on the disk of a file


class Unwritable(sa.exc.SQLAlchemyError):
    """The store is gone, replaced, read-only, or its disk is full. The message says which, for screen and log."""


@dataclass
class _Opened:
    """What an engine opened first."""

    place: str
    file: Path | None = None
    inode: tuple[int, int] | None = None  # of the file
    store: str | None = None  # its own id, in the table `owner`
    outage: Outage = field(default_factory=lambda: Outage(_log, "the store cannot be written"))

    def must_stand(self) -> None:
        """The file at the store's place is the one that was opened."""
        if self.file and self.inode and (found := _inode(self.file)) != self.inode:
            self.refuse("is another file than the one that was opened" if found else "is gone")

    def refuse(self, why: str) -> NoReturn:
        self.outage.goes_on(f"{self.place} {why}")
        raise Unwritable(f"{self.place} {why}")


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
    """Raises Unwritable where the store that was opened is gone, replaced or read-only, or has no room left. The log
    has it once, and once when it is over."""
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
        if opened.store and _own_id(conn) != opened.store:
            opened.refuse("is another store than the one that was opened")
    if opened.outage.lasts:
        engine.dispose()  # a connection that was opened to a read-only file stays read-only
        opened.outage.over()


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
