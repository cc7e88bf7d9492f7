"""Whether a store is whole: versions, loads and the archive, checked against what they promise."""

import hashlib
import zlib
from collections.abc import Iterator

import sqlalchemy as sa

from store import clock
from store import tables as t


def faults(engine: sa.Engine) -> Iterator[str]:
    """What is wrong, a sentence each, naming the table and the key; nothing where the store is whole."""
    if said := file_fault(engine):
        yield f"the file: {said}"
    else:
        yield from row_faults(engine)


def file_fault(engine: sa.Engine) -> str | None:
    """What SQLite itself says about its file, the first of it; PostgreSQL looks after its own."""
    if engine.dialect.name != "sqlite":
        return None
    with engine.connect() as conn:
        said = str(conn.exec_driver_sql("pragma integrity_check(1)").scalar_one())
    return None if said == "ok" else " ".join(said.split())


def row_faults(engine: sa.Engine) -> Iterator[str]:
    """The same, of a store whose file is whole."""
    with engine.connect() as conn:
        for fact in t.FACTS:
            yield from _overlaps(conn, fact)
        for table in t.metadata.tables.values():
            yield from _foreign_keys(conn, table)
        yield from _counts(conn)
        yield from _versions(conn)
        yield from _flags(conn)
        yield from _order(conn)
        yield from _archive(conn)


def contents(engine: sa.Engine) -> str:
    """SHA-256 of every current key and value, whichever loads brought them: two stores that know the same agree."""
    with engine.connect() as conn:
        return contents_of(conn)


def contents_of(conn: sa.Connection) -> str:
    """The same, as this transaction sees them."""
    total = hashlib.sha256()
    for fact in t.FACTS:
        told = [
            c
            for c in fact.columns
            if c.name not in ("id", "load_from", "load_to", "payload", "first_payload", "last_payload", "waits_from")
        ]
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


def _foreign_keys(conn: sa.Connection, table: sa.Table) -> Iterator[str]:
    """Rows that name a load or a payload that is not there."""
    for key in table.foreign_keys:
        column, target = key.parent, key.column
        there = sa.exists().where(target == column)
        for row in conn.execute(sa.select(table.c.id, column).where(column.is_not(None), ~there)):
            yield f"{table.name} {row[0]}: {column.name} {row[1]} is not there"


def _counts(conn: sa.Connection) -> Iterator[str]:
    """Loads whose counts do not add up."""
    c = t.load.c
    wrong = sa.select(c.id, c.source, c.seen).where(c.seen != c.changed + c.unchanged + c.set_aside)
    for load, source, seen in conn.execute(wrong):
        yield f"load {load} of {source}: {seen} seen are not changed + unchanged + set aside"


def _versions(conn: sa.Connection) -> Iterator[str]:
    """Loads that say they changed more than they did, or failed and left something behind.

    A row that changed opened a version, or ended one; what followed from it opened more, and is not counted.
    """
    opened = [sa.select(f.c.load_from.label("load")) for f in t.FACTS] + [sa.select(t.decision.c.load)]
    ended = [sa.select(f.c.load_to.label("load")).where(f.c.load_to.is_not(None)) for f in t.FACTS]
    touched = sa.union_all(*opened, *ended).subquery()
    each = sa.select(touched.c.load, sa.func.count().label("versions")).group_by(touched.c.load).subquery()
    versions = sa.func.coalesce(each.c.versions, 0)
    c = t.load.c
    query = sa.select(c.id, c.source, c.changed + c.withdrawn, versions, c.error)
    query = query.join_from(t.load, each, each.c.load == c.id, isouter=True).order_by(c.id)
    for load, source, said, found, error in conn.execute(query):
        if said > found:
            yield f"load {load} of {source}: {said} changed or withdrawn, but {found} versions opened or ended"
        if error is not None and found:
            yield f"load {load} of {source}: failed, but {found} versions opened or ended"


def _flags(conn: sa.Connection) -> Iterator[str]:
    """Reports that are neither complete nor incomplete, PECs neither in the sample nor out of it."""
    for fact, flag in ((t.report, t.report.c.complete), (t.pec, t.pec.c.in_sample)):
        keys = [fact.c[k] for k in fact.info["keys"]]
        for row in conn.execute(sa.select(*keys, flag).where(flag.not_in((0, 1)))):
            yield f"{fact.name} {', '.join(map(str, row[:-1]))}: {flag.name} is {row[-1]}"


def _order(conn: sa.Connection) -> Iterator[str]:
    """Loads committed before the one ahead of it, by less than a clock that is put right for good."""
    before = sa.func.lag(t.load.c.committed_at).over(order_by=t.load.c.id)
    each = sa.select(t.load.c.id, t.load.c.committed_at, before.label("before")).subquery()
    back = sa.type_coerce(each.c.before, sa.BigInteger) - sa.type_coerce(each.c.committed_at, sa.BigInteger)
    for row in conn.execute(sa.select(each.c.id).where(back > 0, back < clock.PUT_RIGHT.total_seconds() * 1000)):
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
