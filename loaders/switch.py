"""The switch: a person stops the polls of a source, and lets them go on. It works on a running server at once."""

import sqlalchemy as sa

from store import clock
from store import tables as t
from store.loading import loading

_STOP, _GO = "stop", "go"


def stopped(store: sa.Engine, source: str) -> str | None:
    """Who stopped this source and why; None where it may be polled."""
    d = t.decision.c
    query = sa.select(d.kind, d.who, d.why).where(d.subject == source, d.kind.in_((_STOP, _GO)))
    with store.connect() as conn:
        last = conn.execute(query.order_by(d.id.desc()).limit(1)).first()
    return f"{last.who}: {last.why}" if last and last.kind == _STOP else None


def stop(store: sa.Engine, source: str, who: str, why: str) -> None:
    """From now on nobody asks this source anything, in no process that shares this store."""
    _decide(store, _STOP, source, who, why)


def go(store: sa.Engine, source: str, who: str, why: str) -> None:
    """The source is polled again."""
    _decide(store, _GO, source, who, why)


def _decide(store: sa.Engine, kind: str, source: str, who: str, why: str) -> None:
    row = {"kind": kind, "subject": source, "who": who, "why": why, "decided_at": clock.now()}
    with loading(store, "person") as load:
        load.conn.execute(t.decision.insert(), row | {"load": load.id})
        load.counts["derived"] += 1
