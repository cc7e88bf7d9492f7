"""The ceiling of requests a minute, counted in the store: one for all processes that ask the same source."""

from datetime import timedelta

import sqlalchemy as sa

from loaders.source import SourceError
from store import clock
from store import tables as t
from store.engine import writing

_MINUTE = timedelta(minutes=1)


class Full(SourceError):
    """Not asked: there were as many requests in a minute as may be."""


def turns(store: sa.Engine, source: str) -> dict[str, int]:
    """The poll at which each feed was asked last."""
    r = t.request.c
    with store.connect() as conn:
        query = sa.select(r.feed, sa.func.max(r.turn)).where(r.source == source).group_by(r.feed)
        return {feed: int(turn) for feed, turn in conn.execute(query)}


def count(store: sa.Engine, source: str, feed: str, turn: int, most: float) -> None:
    """Write down a request before it is made. Raises Full where there were `most` of this source in a minute.

    A minute of real time on either side: clocks of two machines differ, and one may be put back.
    """
    r, now = t.request.c, clock.real()
    recent = sa.and_(r.source == source, r.asked_at > now - _MINUTE, r.asked_at < now + _MINUTE)
    with writing(store) as conn:
        if conn.execute(sa.select(sa.func.count()).where(recent)).scalar_one() >= most:
            raise Full(f"not asked: the ceiling is {most:g} requests a minute")
        conn.execute(t.request.delete().where(r.source == source, r.feed == feed, ~recent))
        row = {"source": source, "feed": feed, "turn": turn, "asked_at": now}
        conn.execute(t.request.insert(), row)
