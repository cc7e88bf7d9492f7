"""Opening the store: where it is, its settings, its one writer at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import URL, make_url

_MIGRATIONS = Path(__file__).parent / "migrations"
_WRITERS = 7_110_211  # the key of PostgreSQL's advisory lock


def store_url(election_id: str) -> str:
    """Where the store is: BAIKOO_STORE, else a SQLite file in `var/`."""
    return os.environ.get("BAIKOO_STORE") or f"sqlite:///var/{election_id}/store.sqlite"


def is_there(url: str | URL) -> bool:
    """Whether there is a store at this URL; asking makes none."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite" and not Path(parts.database or "").exists():
        return False
    engine = connect(parts)
    try:
        return bool(sa.inspect(engine).has_table("load"))
    finally:
        engine.dispose()


def open_store(url: str | URL) -> sa.Engine:
    """The store at this URL, created where it is not there yet and migrated to the newest revision."""
    engine = connect(url)
    with writing(engine) as conn:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    return engine


def connect(url: str | URL) -> sa.Engine:
    """An engine for the store, not migrated: SQLite in WAL mode, PostgreSQL through psycopg."""
    url = make_url(url)
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=10)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30})

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


@contextlib.contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is the store's only writer until it ends.

    So that loads commit in the order of their ids, whoever writes: `loaders once` beside the server, a page.
    """
    with engine.connect().execution_options(writer=True) as conn, conn.begin():
        if conn.dialect.name == "postgresql":
            conn.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": _WRITERS})
        yield conn
