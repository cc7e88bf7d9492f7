"""The observers' own database: tables, the contract's views over them, and how far the day has been played into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import sqlalchemy as sa

from rehearsal.day import Event, Row
from store import address as database
from store.engine import keep_private
from store.owner import Foreign, holds_anything

metadata = sa.MetaData()
_CODE = sa.String(120)
_MOMENT = sa.String(20).with_variant(sa.TIMESTAMP(timezone=True), "postgresql")  # the contract allows text and times


def _table(name: str, keys: tuple[str, ...], *columns: sa.Column[object]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        *(sa.Column(key, _CODE, primary_key=True) for key in keys),
        *columns,
        sa.Column("updated_at", _MOMENT, nullable=False, index=True),
    )


def _code(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, _CODE) for name in names]


def _moment(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, _MOMENT) for name in names]


def _number(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Integer) for name in names]


TABLES = {
    t.name: t
    for t in (
        _table(
            "pec",
            ("pec",),
            *_code("region", "area", "settlement", "district", "stratum"),
            *_number("registered_voters", "in_sample", "mobile_applications"),
            sa.Column("latitude", sa.Float),
            sa.Column("longitude", sa.Float),
        ),
        _table("observer", ("observer",), *_code("pec", "role", "full_name", "phone", "backup_phone", "coordinator")),
        _table("report", ("report",), *_code("observer", "pec", "form"), *_moment("submitted_at"), *_number("deleted")),
        _table("answer", ("report", "question"), sa.Column("value", sa.Text)),
        _table(
            "incident",
            ("incident",),
            *_code("pec", "region", "district", "observer", "category", "severity", "status", "channel"),
            *_moment("occurred_at", "reported_at"),
            sa.Column("description", sa.Text),
            *_number("deleted"),
        ),
        _table(
            "message",
            ("message",),
            *_code("sender", "observer", "report"),
            *_moment("received_at"),
            sa.Column("text", sa.Text),
        ),
        _table("attachment", ("attachment",), *_code("report", "kind", "sha256", "url")),
    )
}
_played = sa.Table(
    "played",
    metadata,
    sa.Column("election", sa.String(80), primary_key=True),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Float, nullable=False),  # seconds since 1970
    sa.Column("wish", sa.BigInteger, nullable=False),  # the last wish from the screen that was looked at
)


@dataclass(frozen=True)
class Played:
    """How far a rehearsal has come."""

    election: str
    seed: int
    until: datetime
    wish: int


def open_observation(url: str) -> sa.Engine:
    """The database at this URL, with tables and views; a SQLite file's folder is made where it is not there.

    Raises Foreign, before anything is made, where the database holds what no rehearsal has made.
    """
    engine = sa.create_engine(database.url(url))
    keep_private(engine)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _settings)
    if holds_anything(engine) and not sa.inspect(engine).has_table(_played.name):
        raise Foreign(f"{database.shown(engine.url)} was made by no rehearsal: name another --observation")
    metadata.create_all(engine)
    with engine.begin() as conn:
        views = sa.inspect(conn).get_view_names()
        for name, table in TABLES.items():
            if f"obs_{name}" not in views:
                columns = ", ".join(f'"{c.name}"' for c in table.columns)
                conn.exec_driver_sql(f'create view obs_{name} as select {columns} from "{name}"')  # noqa: S608 -- our names
    return engine


def _settings(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # -- DBAPI
    cursor.execute("pragma journal_mode=wal")  # the monitor reads while the day is written
    cursor.execute("pragma synchronous=normal")
    cursor.close()


def played(engine: sa.Engine) -> Played | None:
    """How far this database is; None where nothing was played yet."""
    with engine.connect() as conn:
        row = conn.execute(sa.select(_played)).first()
    return Played(row.election, row.seed, datetime.fromtimestamp(row.until, UTC), row.wish) if row else None


def remember(engine: sa.Engine, state: Played) -> None:
    """Keep this state, with nothing to play."""
    with engine.begin() as conn:
        _remember(conn, state)


def apply(engine: sa.Engine, events: Sequence[Event], state: Played) -> None:
    """Write these events and how far that is, in one transaction: what was played is never played again."""
    with engine.begin() as conn:
        for kind in ("insert", "update", "delete"):  # no row is updated before it came or after it went
            own = [(k, e) for k, e in enumerate(events) if e.kind == kind]
            own.sort(key=lambda pair: (pair[1].table, tuple(pair[1].row), pair[0]))
            for (table, columns), group in groupby(own, key=lambda pair: (pair[1].table, tuple(pair[1].row))):
                rows = [dict(e.row) for _, e in group]
                _write(conn, TABLES[table], kind, columns, rows)
        _remember(conn, state)


def _write(conn: sa.Connection, table: sa.Table, kind: str, columns: tuple[str, ...], rows: list[Row]) -> None:
    if kind == "insert":
        conn.execute(table.insert(), rows)
        return
    keys = [c.name for c in table.primary_key]
    found = sa.and_(*(table.c[key] == sa.bindparam(f"its_{key}") for key in keys))
    bound = [{f"its_{key}": row.pop(key) for key in keys} | row for row in rows]
    if kind == "delete":
        conn.execute(table.delete().where(found), bound)
        return
    values: dict[str, sa.ColumnElement[object]] = {c: sa.bindparam(c) for c in columns if c not in keys}
    conn.execute(table.update().where(found).values(values), bound)


def _remember(conn: sa.Connection, state: Played) -> None:
    conn.execute(_played.delete())
    row = {"election": state.election, "seed": state.seed, "until": state.until.timestamp(), "wish": state.wish}
    conn.execute(_played.insert(), row)
