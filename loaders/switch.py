"""The switch: a person stops the polls of a source, and lets them go on. It works on a running server at once."""

import sqlalchemy as sa

from store import tables as t
from store.decisions import decide

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
    decide(store, _STOP, source, who, why)


def go(store: sa.Engine, source: str, who: str, why: str) -> None:
    """The source is polled again."""
    decide(store, _GO, source, who, why)
