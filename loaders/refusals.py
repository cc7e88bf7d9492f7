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
    since: datetime  # when the first came
    last: int
    accepted: int | None  # the newest of them that a person accepted


def standing(conn: sa.Connection, source: str) -> dict[str, Refusal]:
    """What is refused of this source now, by feed."""
    r, d = t.refusal.c, t.decision.c
    query = sa.select(r.feed, r.first_payload, r.last_payload, t.payload.c.fetched_at)
    query = query.join_from(t.refusal, t.payload, t.payload.c.id == r.first_payload)
    query = query.where(r.source == source, r.load_to.is_(None))
    found = conn.execute(query).all()
    if not found:
        return {}
    said: dict[str, list[int]] = {}
    decisions = sa.select(d.subject, d.value).where(
        d.kind == "payload", d.subject.in_([f"{source}|{row.feed}" for row in found])
    )
    for subject, value in conn.execute(decisions):
        said.setdefault(subject.partition("|")[2], []).append(int(value))
    return {
        row.feed: Refusal(
            row.first_payload,
            row.fetched_at,
            row.last_payload,
            max((p for p in said.get(row.feed, ()) if row.first_payload <= p <= row.last_payload), default=None),
        )
        for row in found
    }


def refuse(store: sa.Engine, source: str, feed: str, payload: int, lost: Lost, before: Refusal | None) -> None:
    """Write down that this payload was not made current."""
    row = {
        "source": source,
        "feed": feed,
        "first_payload": before.first if before else payload,
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
