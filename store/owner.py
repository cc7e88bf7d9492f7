"""Whose a store is: which election's, and whether a rehearsal's. Anybody else is refused before the first byte."""

import uuid
from dataclasses import dataclass

import sqlalchemy as sa

from store import clock
from store import tables as t
from store.address import shown


class Foreign(Exception):
    """The store is somebody else's. The message says whose, for the person who named it."""


@dataclass(frozen=True)
class Owner:
    """Who opens a store: an election by its id, as a rehearsal or in earnest."""

    election: str
    rehearsal: bool


def check(engine: sa.Engine, owner: Owner) -> None:
    """Nothing is written. Raises Foreign where the database is another's store, or no store at all."""
    if not holds_anything(engine):
        return
    there = set(sa.inspect(engine).get_table_names())
    where = shown(engine.url)
    if t.load.name not in there:
        raise Foreign(f"{where} holds something else than a store of Baikoo's: name another one in BAIKOO_STORE")
    found = _found(engine, there)
    if found.election not in (None, owner.election):
        raise Foreign(f"{where} is the store of {found.election}, not of {owner.election}")
    if found.rehearsal and not owner.rehearsal:
        raise Foreign(f"{where} holds a rehearsal: name a new store for a real election, in BAIKOO_STORE")
    if owner.rehearsal and found.rehearsal is False:
        raise Foreign(f"{where} holds a real election: no rehearsal writes into it")


_RELATIONS = """
    select 1
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        and not exists (
            select 1 from pg_depend d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    limit 1
"""  # tables and views of every kind, in whichever schema; not what an extension brought


def holds_anything(engine: sa.Engine) -> bool:
    """Whether a table or a view stands anywhere in a database."""
    if engine.dialect.name != "postgresql":
        there = sa.inspect(engine)
        return bool(there.get_table_names() or there.get_view_names())
    with engine.connect() as conn:
        return conn.exec_driver_sql(_RELATIONS).first() is not None


@dataclass(frozen=True)
class _Found:
    election: str | None
    rehearsal: bool | None  # None: nothing has come into it yet


def _found(engine: sa.Engine, there: set[str]) -> _Found:
    """What the store says; one of before it was said tells it by its clock, or by what came without one."""
    with engine.connect() as conn:
        if t.owner.name in there:
            row = conn.execute(sa.select(t.owner.c.election, t.owner.c.rehearsal)).first()
            if row is not None:
                return _Found(row.election, bool(row.rehearsal))
        if clock.read(engine) is not None:
            return _Found(None, True)
        came = (
            conn.execute(sa.select(t.poll.c.id).limit(1)).first()
            or conn.execute(sa.select(t.load.c.id).limit(1)).first()
        )
        return _Found(None, None if came is None else False)


def claim(conn: sa.Connection, owner: Owner) -> None:
    """Write down whose the store is, unless it stands there."""
    if conn.execute(sa.select(t.owner.c.id)).first() is None:
        row = {"store": uuid.uuid4().hex, "election": owner.election, "rehearsal": int(owner.rehearsal)}
        conn.execute(t.owner.insert(), row | {"made_at": clock.now()})
