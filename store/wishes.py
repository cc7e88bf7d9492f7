"""What a person asks of the rehearsal from the screen; the rehearsal, a process of its own, does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from store import clock
from store import tables as t


@dataclass(frozen=True)
class Wish:
    id: int
    wish: Literal["jump", "restart"]
    until: datetime | None


def jump(engine: sa.Engine, until: datetime) -> None:
    """Play on to this moment as fast as it goes."""
    _write(engine, "jump", until)


def restart(engine: sa.Engine) -> None:
    """Begin the day again, with a new store."""
    _write(engine, "restart", None)


def after(engine: sa.Engine, id: int) -> list[Wish]:
    """The wishes written after the one with this id (0: all), oldest first."""
    w = t.rehearsal_wish.c
    query = sa.select(w.id, w.wish, w.until_at).where(w.id > id).order_by(w.id)
    with engine.connect() as conn:
        return [Wish(*row) for row in conn.execute(query)]


def _write(engine: sa.Engine, wish: str, until: datetime | None) -> None:
    with engine.begin() as conn:
        conn.execute(t.rehearsal_wish.insert().values(wish=wish, until_at=until, wished_at=clock.now()))
