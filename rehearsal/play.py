"""Playing fast: from step to step, the monitor's own loaders polling at each of them, nobody waiting in between."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from elections.config import Election
from loaders.schedule import poll
from rehearsal.outside import Outside, RehearsalError, beginning, next_morning
from rehearsal.server import Site
from store import clock
from store.address import shown

_STEP, _LATER_STEP = timedelta(minutes=5), timedelta(hours=1)
_TELL_EVERY = timedelta(hours=3)
Say = Callable[[str], None]


def play(outside: Outside, store: sa.Engine, until: datetime, say: Say) -> None:
    """Play on to this moment. RehearsalError where the rehearsal is past it already."""
    election = outside.election
    if not outside.fresh and until < outside.state.until:
        raise RehearsalError(
            f"the rehearsal is at {_local(election, outside.state.until)} already, past {_local(election, until)}: "
            f"it only goes forward. To begin again, remove {shown(outside.database.url)} and the store"
        )
    told = beginning(election) if outside.fresh else outside.state.until
    for step in steps(election, None if outside.fresh else outside.state.until, until):
        look(outside, store, step)
        if step - told >= _TELL_EVERY:
            told = step
            say(f"  {_local(election, step)}")


def look(outside: Outside, store: sa.Engine, at: datetime) -> None:
    """Bring the outside world to this moment, and let the loaders poll every source there."""
    outside.advance(at)
    with clock.frozen(at):
        for source in outside.election.sources:
            poll(store, outside.election, source.id)


def steps(election: Election, since: datetime | None, until: datetime) -> Iterator[datetime]:
    """The moments of looking: every five minutes to the first morning, then every hour, and at last `until`.

    Where it goes on from an earlier stop, that moment first: the stop may have come before the look.
    """
    first, morning = beginning(election), next_morning(election)
    if since:
        yield since
    at = first
    while at < until:
        if since is None or at > since:
            yield at
        at += _STEP if at < morning else _LATER_STEP
    if since is None or until > since:
        yield until


def publish(outside: Outside, port: int = 0) -> Site:
    """The commission's site, by the monitor's clock; the loaders of this process read from here."""
    try:
        site = Site(outside.commission, clock.now, port)
    except OSError as error:
        raise RehearsalError(f"port {port} is taken: end what runs there, or name another --port") from error
    os.environ["BAIKOO_COMMISSION"] = site.url
    os.environ["BAIKOO_OBSERVATION"] = outside.database.url.render_as_string(hide_password=False)
    return site


def _local(election: Election, moment: datetime) -> str:
    return f"{moment.astimezone(election.tz):%d.%m.%Y %H:%M}"
