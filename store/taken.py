"""What went since a person had accepted it, of the observers' views and of the commission's figures."""

from typing import Any

import sqlalchemy as sa

from store import tables as t
from store.loading import Row

LOSSES = """
    select l.source, l.view, l.lost, l.load_to as load, e.committed_at as taken_at, d.who, d.why
    from loss l
    join load e on e.id = l.load_to and e.withdrawn + e.changed > 0
    join decision d on d.value = l.hash and d.load > l.load_from and d.id = (
        select max(id) from decision
        where kind = 'loss' and subject = l.source || '|' || l.view and load < l.load_to)
    where l.load_to <= :load and not exists (
        select 1 from decision u
        where u.kind = 'loss' and u.subject = l.source || '|' || l.view and u.load <= :load
            and u.value = 'undone|' || l.load_to)
"""  # the losses that were taken since somebody accepted them, and that nobody had undone by a load
GONE = """
    from taken g
    join published p on p.load_to = g.load and p.source = g.source
        and p.contest = g.contest and p.scope = g.scope and p.count = g.count
    where not exists (
        select 1 from published n
        where n.source = p.source and n.contest = p.contest and n.scope = p.scope and n.place = p.place
            and n.count = p.count and n.hour = p.hour and n.line = p.line and n.unit = p.unit
            and n.load_from >= p.load_to and n.load_from <= :load)
"""  # figures of the commission's: the versions that ended in these loads and were their keys' last by a load
PAYLOADS = f"""
    select k.source, k.feed, k.decision, k.what, k.lost, k.held, k.figures, l.committed_at as taken_at, d.who, d.why
    from taken k
    join decision d on d.id = k.decision
    join load l on l.id = (
        select max(load) from taken
        where decision = k.decision and source = k.source and feed = k.feed and load <= :load)
    where k.id = (
        select min(id) from taken
        where decision = k.decision and source = k.source and feed = k.feed and load <= :load)
        and not exists (
            select 1 from decision u
            where u.kind = 'payload' and u.subject = k.source || '|' || k.feed and u.load <= :load
                and u.value = 'undone|' || k.decision)
        and exists (
            select 1 {GONE} and g.decision = k.decision and g.source = k.source and g.feed = k.feed)
"""  # noqa: S608 -- ours. The payloads of which the same is true, and of which something is still gone


def gone(conn: sa.Connection, source: str, feed: str, decision: int) -> list[Row]:
    """The figures of a feed that went since this was decided, as they were; but for those that came back."""
    ids = sa.text(f"select p.id {GONE} and g.decision = :decision and g.source = :source and g.feed = :feed")
    query = sa.select(t.published).where(t.published.c.id.in_(ids.columns(id=sa.BigInteger)))
    now = conn.scalar(sa.select(sa.func.max(t.load.c.id)))
    of = {"decision": decision, "source": source, "feed": feed, "load": now}
    return [dict(row) for row in conn.execute(query, of).mappings()]


def refusal_of(conn: sa.Connection, source: str, feed: str, decision: int) -> dict[str, Any] | None:
    """How the payload stood refused that was taken since this was decided; None where none was."""
    k = t.taken.c
    query = sa.select(k.source, k.feed, k.payload, k.what, k.lost, k.held, k.figures, k.hash)
    query = query.where(k.source == source, k.feed == feed, k.decision == decision).order_by(k.id).limit(1)
    row = conn.execute(query).mappings().first()
    if row is None:
        return None
    told = dict(row)
    payload = told.pop("payload")
    return told | {"first_payload": payload, "last_payload": payload}
