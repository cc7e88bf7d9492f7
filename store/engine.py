"""Opening the store: where it is, its settings, its one writer at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from store import address, backup, writable
from store.owner import Owner, check, claim

_MIGRATIONS = Path(__file__).parent / "migrations"
_OWNERS_ALONE = 0o600
# A PostgreSQL that is away without a word is given up after so many seconds, unless its address says otherwise.
_LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,  # ms
}


def store_url(election_id: str) -> str:
    """Where the store is: BAIKOO_STORE, else a SQLite file in `var/`. Raises BadAddress where that is empty."""
    url = os.environ.get("BAIKOO_STORE", f"sqlite:///var/{election_id}/store.sqlite")
    if not url:
        raise address.BadAddress("BAIKOO_STORE is empty: name the store, or unset it for the one in var/")
    return url


def is_there(url: str | URL) -> bool:
    """Whether there is a store at this URL; asking makes none."""
    file = address.file(url)
    if file and not file.exists():
        return False
    engine = connect(url)
    try:
        return bool(sa.inspect(engine).has_table("load"))
    finally:
        engine.dispose()


def open_store(url: str | URL, owner: Owner | None = None) -> sa.Engine:
    """The store at this URL, created where it is not there yet and migrated to the newest revision; a SQLite file is
    copied before.

    Raises Foreign where it is not this owner's; no owner: for looking at it, whoever's it is. Raises NoCopy where it
    would have to be migrated and could not be copied.
    """
    engine = connect(url)
    if owner is not None:
        check(engine, owner)
    with writing(engine) as conn:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = conn
        revision = MigrationContext.configure(conn).get_current_revision()
        if revision not in (None, ScriptDirectory.from_config(config).get_current_head()):
            backup.before_migration(engine, str(revision))
        command.upgrade(config, "head")
        if owner is not None:
            claim(conn, owner)
        writable.remember(conn)
    return engine


def connect(url: str | URL) -> sa.Engine:
    """An engine for the store, not migrated: SQLite in WAL mode, PostgreSQL through psycopg. Raises BadAddress."""
    url = address.url(url)
    if url.get_backend_name() == "postgresql":
        limits = {name: limit for name, limit in _LIMITS.items() if name not in url.query}
        engine = sa.create_engine(url, pool_pre_ping=True, pool_size=10, connect_args=limits)
        writable.keep_to_what_is_opened(engine)
        return engine
    if url.get_backend_name() != "sqlite":
        raise address.BadAddress("the store is a database of SQLite or PostgreSQL")
    engine = sa.create_engine(url, connect_args={"timeout": writable.PATIENCE})
    writable.keep_to_what_is_opened(engine)
    keep_private(engine)

    # The driver would begin transactions by itself, late and never 'immediate': we begin them.
    @sa.event.listens_for(engine, "connect")
    def settings(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on", "cache_size=-16384"):
            connection.execute(f"pragma {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql("begin immediate" if conn.get_execution_options().get("writer") else "begin")

    return engine


def keep_private(engine: sa.Engine) -> None:
    """A SQLite file is its owner's alone, with the logs beside it: made so, and put right where it is not."""
    file = address.file(engine.url)
    if not file:
        return

    @sa.event.listens_for(engine, "do_connect")
    def private(*_how: object) -> None:
        with contextlib.suppress(OSError):  # it is there; or it cannot be, which SQLite itself says in a moment
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNERS_ALONE))
        for part in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            with contextlib.suppress(FileNotFoundError, PermissionError):  # PermissionError: it is somebody else's
                if part.stat().st_mode & 0o077:
                    part.chmod(_OWNERS_ALONE)


@contextlib.contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is the store's only writer until it ends.

    So that loads commit in the order of their ids, whoever writes: `loaders once` beside the server, a page. Raises
    Unwritable where the store is no longer the one that was opened, or read-only, or another process writes for long.
    """
    with writable.turn(engine):
        writable.check(engine)
        with engine.connect().execution_options(writer=True) as conn, contextlib.ExitStack() as transaction:
            with writable.waiting(engine):
                transaction.enter_context(conn.begin())
                writable.wait(conn)
            with writable.ours(engine):
                yield conn
