"""A copy of a SQLite store that is in use: whole as of one load, and looked through before it gets its name."""

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from store import address, check


class NoCopy(sa.exc.SQLAlchemyError):
    """No copy was made. The message says why."""


def backup(engine: sa.Engine, file: Path) -> list[str]:
    """Copy the store into a new file that knows the same; what is wrong with it is wrong with the store, too. Raises
    NoCopy."""
    if engine.dialect.name != "sqlite":
        raise NoCopy("a store in PostgreSQL is copied with pg_dump, also while it is in use")
    with engine.connect() as conn:
        known = check.contents_of(conn)  # from here on this transaction sees no later load
        with _copy(conn, file) as copy:
            found = list(check.faults(copy))
            if check.contents(copy) != known:
                raise NoCopy(f"{file}: the copy is not the same as the store")
    return found


def before_migration(engine: sa.Engine, revision: str) -> None:
    """Copy a store of this revision beside itself, where there is no such copy yet. Raises NoCopy."""
    file = address.file(engine.url)
    kept = file and file.with_name(f"{file.name}.before-{revision}")
    if not kept or kept.exists():
        return
    with engine.connect() as conn, _copy(conn, kept) as copy:
        if said := check.file_fault(copy):
            raise NoCopy(f"{address.shown(engine.url)}: the file is broken: {said}")


@contextlib.contextmanager
def _copy(conn: sa.Connection, file: Path) -> Iterator[sa.Engine]:
    """What this connection sees, to be looked through. It gets its name when the block ends, and is gone where that
    raises."""
    try:
        if file.exists():
            raise FileExistsError(None, "there is such a file already", str(file))
        with tempfile.TemporaryDirectory(prefix=f"{file.name}.", dir=file.parent) as folder:
            part = Path(folder) / file.name
            part.touch(0o600)
            with contextlib.closing(sqlite3.connect(part)) as copy:
                conn.connection.driver_connection.backup(copy)  # type: ignore[union-attr] # -- sqlite3's own
            yield sa.create_engine(sa.URL.create("sqlite", database=str(part)), poolclass=sa.pool.NullPool)
            file.touch(0o600, exist_ok=False)  # nobody else's is overwritten
            part.replace(file)
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NoCopy(f"{file}: no copy could be made: {why}") from error
