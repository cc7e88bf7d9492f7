"""Rows of a view that vanished, were marked as deleted or became unusable, too many at once: a person accepts them."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from store import tables as t
from store.decisions import lost
from store.loading import Load

FEW = 10  # so many keys may vanish at once, whatever their share


@dataclass(frozen=True)
class Loss:
    """So many rows of a view stay until somebody accepts that they have gone; `held`: of so many."""

    view: str
    keys: frozenset[str]
    lost: int
    held: int

    @property
    def hash(self) -> str:
        return hashlib.sha256("\n".join(sorted(self.keys)).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.view}: {self.lost} of the {self.held} rows we hold are gone at once"


def too_many(lost: int, held: int, most: float, few: int = FEW) -> bool:
    """Whether so many cannot go without a person; neither can all that there are, where they are several."""
    return lost > max(few, most * held) or lost == held > 1


def standing(conn: sa.Connection, source: str) -> dict[str, bool]:
    """The views with a loss that stands, and whether a person has accepted it as it is."""
    stands = sa.select(t.loss).where(t.loss.c.source == source, t.loss.c.load_to.is_(None))
    return {row.view: _last_said(conn, lost(source, row.view)) == row.hash for row in conn.execute(stands)}


def _last_said(conn: sa.Connection, subject: str) -> str | None:
    d = t.decision.c
    query = sa.select(d.value).where(d.kind == "loss", d.subject == subject).order_by(d.id.desc()).limit(1)
    return conn.execute(query).scalar()


def note(load: Load, found: Mapping[str, Loss], over: Collection[str]) -> None:
    """Write down what is lost now, and of which views nothing is any more."""
    rows = [
        {"source": load.source, "view": loss.view, "lost": loss.lost, "held": loss.held, "hash": loss.hash}
        for loss in found.values()
    ]
    load.put(t.loss, rows, seen=False)
    load.counts["derived"] += len(load.end(t.loss, [(load.source, view) for view in over]))
