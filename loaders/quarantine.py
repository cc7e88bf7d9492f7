"""Quarantine: what cannot be used stands there once, until a good version comes or the source takes it back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from loaders.contract import ANSWER, can_be_asked
from loaders.source import Bad
from store import tables as t
from store.loading import Load


@dataclass(frozen=True)
class Aside:
    """A row that stands in quarantine now."""

    id: int
    place: str
    key: str
    hash: str
    reason: str

    @property
    def report(self) -> str:
        """The report that an answer set aside belongs to."""
        return self.key.rpartition("/")[0]

    @property
    def can_be_asked(self) -> bool:
        """Whether its row can be read again by its key."""
        return can_be_asked(self.report if self.place == ANSWER.name else self.key)


def standing(conn: sa.Connection, source: str) -> list[Aside]:
    """What of this source is set aside now."""
    q = t.quarantine.c
    query = sa.select(q.id, q.place, q.key, q.hash, q.reason).where(q.source == source, q.load_to.is_(None))
    return [Aside(*row) for row in conn.execute(query)]


def settle(load: Load, bad: Sequence[Bad], looked_at: Callable[[Aside], bool], payload: int | None = None) -> None:
    """Set these rows aside; what else was set aside of the rows looked at is resolved."""
    rows = [b.row(payload) for b in bad]
    still = {(r["place"], r["key"], r["hash"]) for r in rows}
    over = [a.id for a in standing(load.conn, load.source) if looked_at(a) and (a.place, a.key, a.hash) not in still]
    load.resolve(over)
    if rows:
        load.set_aside(rows)
