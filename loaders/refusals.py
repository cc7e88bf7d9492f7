"""Payloads that lost too much to be made current: archived, told, taken when a person says that it has gone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from loaders.source import SourceError
from store import tables as t
from store.loading import Load, Overtaken, loading


class Lost(SourceError):
    """A payload without a large part of what the last good one had. `what`: rows, figures; `figures`: beside rows,
    those of other rows; `goes`: the hash of all that goes; `why` it is too much, where not by itself."""

    def __init__(self, feed: str, what: str, lost: int, held: int, figures: int, goes: str, why: str) -> None:
        also = f", and {figures} figures of other rows" if figures else ""
        super().__init__(f"{feed}: {lost} of {held} {what} vanished at once{why}{also}; kept as they were")
        self.what, self.lost, self.held, self.figures, self.goes = what, lost, held, figures, goes


@dataclass(frozen=True)
class Refusal:
    """What stands refused of a feed: from its first payload since the last good one to the last."""

    first: int
    waits_from: int  # the load in which the first was refused
    since: datetime  # when that was
    accepted: int | None  # the newest of them that a person accepted
    goes: str | None  # the hash of what goes with it, as that person saw it
    decision: int | None  # by which they accepted it
    undone: bool  # since it waits a person took back what had been accepted


def standing(conn: sa.Connection, source: str) -> dict[str, Refusal]:
    """What is refused of this source now, by feed."""
    return {feed: Refusal(*rest) for feed, *rest in conn.execute(_STANDING, {"source": source})}


# A person accepts what goes. That is nothing to go by where it was accepted before it was refused, perhaps not for the
# first time, or where the same payload has been refused since because something else goes with it.
_STANDING = sa.text(
    """
    select r.feed, r.first_payload, r.waits_from, f.committed_at as since, a.last_payload as accepted, a.hash as goes,
        (select max(d.id) from decision d
            where d.kind = 'payload' and d.subject = r.source || '|' || r.feed
                and d.value = a.hash and d.load > a.load_from) as decision,
        exists (
            select 1 from decision u
            where u.kind = 'payload' and u.subject = r.source || '|' || r.feed
                and u.value like 'undone|%' and u.load >= r.waits_from) as undone
    from refusal r
    join load f on f.id = r.waits_from
    left join refusal a on a.id = (
        select max(v.id) from refusal v
        join decision d on d.value = v.hash and d.load > v.load_from
        where d.kind = 'payload' and d.subject = r.source || '|' || r.feed
            and v.source = r.source and v.feed = r.feed and v.waits_from = r.waits_from
            and not exists (
                select 1 from refusal n
                where n.source = v.source and n.feed = v.feed and n.last_payload = v.last_payload
                    and n.load_from > v.load_from and n.hash <> v.hash))
    where r.source = :source and r.load_to is null
    """
).columns(since=t.Instant, undone=sa.Boolean)


def accepted_all(conn: sa.Connection, source: str) -> int | None:
    """The last decision by which a person accepted all that vanishes from a source."""
    d = t.decision.c
    query = sa.select(sa.func.max(d.id)).where(d.kind == "accept", d.subject == source)
    return conn.execute(query).scalar()


def undone(conn: sa.Connection, source: str, since: int = 0) -> dict[str, int]:
    """The feeds of which a person took back, after the load `since`, what had been accepted: the last decision each."""
    d = t.decision.c
    query = sa.select(d.subject, sa.func.max(d.id)).where(d.kind == "payload", d.value.like("undone|%"))
    query = query.where(d.load > since, d.subject.startswith(f"{source}|", autoescape=True)).group_by(d.subject)
    return {subject.partition("|")[2]: decision for subject, decision in conn.execute(query)}


def last_taken(conn: sa.Connection, source: str, feed: str) -> int:
    """The last load in which something went since a person had accepted it, and did not take it back; 0: none."""
    k, d = t.taken.c, t.decision.c
    back = sa.exists().where(
        d.kind == "payload", d.subject == f"{source}|{feed}", d.value == "undone|" + sa.cast(k.decision, sa.Text)
    )
    query = sa.select(sa.func.max(k.load)).where(k.source == source, k.feed == feed, ~back)
    return conn.execute(query).scalar() or 0


@dataclass(frozen=True)
class Known:
    """What a loader knows of a source: its last load with a cursor, and what persons took back."""

    load: int = 0
    undone: Mapping[str, int] = field(default_factory=dict)

    def check(self, load: Load) -> None:
        """Raises Overtaken where either is not true any more, in the transaction that writes."""
        load.follows(self.load)
        if undone(load.conn, load.source) != self.undone:
            raise Overtaken


def refuse(
    store: sa.Engine, source: str, feed: str, payload: int, lost: Lost, before: Refusal | None, known: Known
) -> None:
    """Write down that this payload was not made current. Raises Overtaken where what is known is no longer so."""
    row = {
        "source": source,
        "feed": feed,
        "first_payload": min(before.first, payload) if before else payload,  # the last good one may be refused anew
        "last_payload": payload,
        "what": lost.what,
        "lost": lost.lost,
        "held": lost.held,
        "figures": lost.figures,
        "hash": lost.goes,
    }
    with loading(store, source) as load:
        known.check(load)
        load.put(t.refusal, [row | {"waits_from": before.waits_from if before else load.id}], seen=False)


def keep_only(store: sa.Engine, source: str, feeds: Sequence[str]) -> None:
    """Of feeds that are no longer configured nothing is refused any more, and nothing set aside."""
    r, q = t.refusal.c, t.quarantine.c
    others = sa.select(r.feed).where(r.source == source, r.load_to.is_(None), r.feed.not_in(feeds))
    aside = sa.select(q.id).where(q.source == source, q.load_to.is_(None), q.place.not_in(feeds))
    with store.connect() as conn:
        if not (conn.execute(others).first() or conn.execute(aside).first()):
            return
    with loading(store, source) as load:
        ended = load.end(t.refusal, [(source, feed) for feed in load.conn.execute(others).scalars()])
        load.resolve(load.conn.execute(aside).scalars().all())
        load.counts["derived"] += len(ended)


def over(store: sa.Engine, source: str, feed: str) -> None:
    """A payload of this feed could be taken: nothing of it is refused any more."""
    with loading(store, source) as load:
        ended = load.withdraw(t.refusal, [(source, feed)])
        load.counts = Counter(derived=len(ended))  # nothing that was published has changed by it
