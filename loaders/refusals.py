"""Payloads that lost too much to be made current: archived, told, taken when a person says that it has gone."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from loaders.source import SourceError
from store import tables as t
from store.loading import loading


class Lost(SourceError):
    """A payload without a large part of what the last good one had. `what`: rows, figures; `why` it is too much, where
    not by itself."""

    def __init__(self, feed: str, what: str, lost: int, held: int, why: str = "") -> None:
        super().__init__(f"{feed}: {lost} of {held} {what} vanished at once{why}; kept as they were")
        self.what, self.lost, self.held = what, lost, held


@dataclass(frozen=True)
class Refusal:
    """What stands refused of a feed: from its first payload since the last good one to the last."""

    first: int
    since: datetime  # when the first was refused
    last: int
    accepted: int | None  # the newest of them that a person accepted


def standing(conn: sa.Connection, source: str) -> dict[str, Refusal]:
    """What is refused of this source now, by feed."""
    return {
        row.feed: Refusal(row.first_payload, row.since, row.last_payload, row.accepted)
        for row in conn.execute(_STANDING, {"source": source})
    }


# What was accepted of a payload before it was refused, perhaps not for the first time, is nothing to go by.
_STANDING = sa.text(
    """
    select r.feed, r.first_payload, r.last_payload, f.committed_at as since,
        (select max(case when d.kind = 'payload' then cast(d.value as bigint) end) from decision d
         where d.kind = 'payload' and d.subject = r.source || '|' || r.feed and d.load > f.id
             and case when d.kind = 'payload' then cast(d.value as bigint) end
                 between r.first_payload and r.last_payload) as accepted
    from refusal r
    join load f on f.id = (
        select max(first.load_from) from refusal first
        where first.source = r.source and first.feed = r.feed and first.load_from <= r.load_from and not exists (
            select 1 from refusal before
            where before.source = first.source and before.feed = first.feed and before.load_to = first.load_from))
    where r.source = :source and r.load_to is null
    """
).columns(since=t.Instant)


def refuse(store: sa.Engine, source: str, feed: str, payload: int, lost: Lost, before: Refusal | None) -> None:
    """Write down that this payload was not made current."""
    row = {
        "source": source,
        "feed": feed,
        "first_payload": min(before.first, payload) if before else payload,  # the last good one may be refused anew
        "last_payload": payload,
        "what": lost.what,
        "lost": lost.lost,
        "held": lost.held,
    }
    with loading(store, source) as load:
        load.put(t.refusal, [row], seen=False)


def over(store: sa.Engine, source: str, feed: str) -> None:
    """A payload of this feed could be taken: nothing of it is refused any more."""
    with loading(store, source) as load:
        ended = load.withdraw(t.refusal, [(source, feed)])
        load.counts = Counter(derived=len(ended))  # nothing that was published has changed by it
