"""Whether a store is whole: versions, loads and the archive, checked against what they promise."""

import hashlib
import zlib
from collections.abc import Iterator

import sqlalchemy as sa

from store import tables as t


def faults(engine: sa.Engine) -> Iterator[str]:
    """What is wrong, a sentence each, naming the table and the key; nothing where the store is whole."""
    with engine.connect() as conn:
        for fact in t.FACTS:
            yield from _overlaps(conn, fact)
            yield from _unknown_loads(conn, fact)
        yield from _counts(conn)
        yield from _order(conn)
        yield from _archive(conn)


def contents(engine: sa.Engine) -> str:
    """SHA-256 of every current key and value, whichever loads brought them: two stores that know the same agree."""
    total = hashlib.sha256()
    with engine.connect() as conn:
        for fact in t.FACTS:
            told = [c for c in fact.columns if c.name not in ("id", "load_from", "load_to", "payload")]
            rows = conn.execute(sa.select(*told).where(fact.c.load_to.is_(None)))
            total.update(fact.name.encode())
            for line in sorted(repr(tuple(row)) for row in rows):
                total.update(line.encode())
    return total.hexdigest()


def _overlaps(conn: sa.Connection, fact: sa.Table) -> Iterator[str]:
    """Versions of a key that hold at the same time, or end before they begin."""
    keys = [fact.c[k] for k in fact.info["keys"]]
    following = sa.func.lead(fact.c.load_from).over(partition_by=keys, order_by=[fact.c.load_from, fact.c.id])
    version = sa.select(*keys, fact.c.load_from, fact.c.load_to, following.label("following")).subquery()
    v = version.c
    wrong = sa.select(version).where(
        (v.load_to <= v.load_from) | ((v.following.is_not(None)) & (v.load_to.is_(None) | (v.load_to > v.following)))
    )
    for row in conn.execute(wrong).mappings():
        key = ", ".join(str(row[k.name]) for k in keys)
        yield f"{fact.name} {key}: the version of load {row['load_from']} overlaps another or ends before it begins"


def _unknown_loads(conn: sa.Connection, fact: sa.Table) -> Iterator[str]:
    """Versions opened or ended by a load that is not there."""
    for column in (fact.c.load_from, fact.c.load_to):
        known = sa.exists().where(t.load.c.id == column)
        for row in conn.execute(sa.select(fact.c.id, column).where(column.is_not(None), ~known)):
            yield f"{fact.name} version {row[0]}: there is no load {row[1]}"


def _counts(conn: sa.Connection) -> Iterator[str]:
    """Loads whose counts do not add up."""
    c = t.load.c
    wrong = sa.select(c.id, c.source, c.seen).where(c.seen != c.changed + c.unchanged + c.set_aside)
    for load, source, seen in conn.execute(wrong):
        yield f"load {load} of {source}: {seen} seen are not changed + unchanged + set aside"


def _order(conn: sa.Connection) -> Iterator[str]:
    """Loads committed before an earlier one."""
    before = sa.func.max(t.load.c.committed_at).over(order_by=t.load.c.id, rows=(None, -1))
    each = sa.select(t.load.c.id, t.load.c.committed_at, before.label("before")).subquery()
    for row in conn.execute(sa.select(each.c.id).where(each.c.before > each.c.committed_at)):
        yield f"load {row[0]}: committed before the load ahead of it"


def _archive(conn: sa.Connection) -> Iterator[str]:
    """Archived payloads whose bytes are not what came."""
    c = t.payload.c
    for payload, size, sha256, body in conn.execute(sa.select(c.id, c.size, c.sha256, c.body)):
        try:
            sent = zlib.decompress(body)
        except zlib.error as error:
            yield f"payload {payload}: {error}"
            continue
        if len(sent) != size or hashlib.sha256(sent).hexdigest() != sha256:
            yield f"payload {payload}: its {len(sent)} bytes are not the {size} with hash {sha256[:12]}… that came"
