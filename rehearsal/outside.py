"""The outside world at work: events come into the observers' database, the commission's pages move with the clock."""

import bisect
from datetime import UTC, datetime, time, timedelta

import sqlalchemy as sa

from elections.config import Election
from rehearsal.ballots import ballots
from rehearsal.commission import Commission
from rehearsal.day import Event, day
from rehearsal.observation import Played, apply, open_observation, played, remember
from rehearsal.script import Script, read_script
from rehearsal.turnout import turnout
from rehearsal.world import world
from store.address import shown


class RehearsalError(Exception):
    """The rehearsal cannot go on; the message says what to do."""


class Outside:
    """One rehearsal, from its seed: what happens in it, and how far it has happened."""

    def __init__(self, election: Election, observation: str, seed: int | None = None) -> None:
        script = _script(election).with_seed(seed)
        self.election = election
        self.database: sa.Engine = open_observation(observation)
        self.state = started(self.database, election, seed) or Played(election.id, script.seed, _never(election), 0)
        if seed is None:
            script = script.with_seed(self.state.seed)
        everything = world(election, script)
        counted = turnout(everything)
        figures = ballots(everything, counted)
        self.commission = Commission(everything, figures)
        self.events: list[Event] = day(everything, counted, figures)
        self._times = [event.at for event in self.events]

    @property
    def fresh(self) -> bool:
        """Nothing has happened yet."""
        return self.state.until <= _never(self.election)

    def advance(self, to: datetime) -> None:
        """Let everything happen up to this moment; what has happened stays."""
        first = bisect.bisect_right(self._times, self.state.until.timestamp())
        last = bisect.bisect_right(self._times, to.timestamp())
        if to > self.state.until:
            self.state = Played(self.state.election, self.state.seed, to.astimezone(UTC), self.state.wish)
            apply(self.database, self.events[first:last], self.state)

    def pending(self, to: datetime) -> bool:
        """Whether anything happens up to this moment that has not happened yet."""
        first = bisect.bisect_right(self._times, self.state.until.timestamp())
        return first < bisect.bisect_right(self._times, to.timestamp())

    def looked_at(self, wish: int) -> None:
        """Keep which wish from the screen was the last."""
        self.state = Played(self.state.election, self.state.seed, self.state.until, wish)
        remember(self.database, self.state)

    def close(self) -> None:
        self.database.dispose()

    def reopen(self, observation: str) -> None:
        """Go on in another database, where the same day was played."""
        self.database = open_observation(observation)
        self.state = started(self.database, self.election, self.state.seed) or self.state


def _script(election: Election) -> Script:
    try:
        return read_script(election)
    except FileNotFoundError as error:
        raise RehearsalError(f"there is no {error.filename}: this election cannot be rehearsed") from error


def started(database: sa.Engine, election: Election, seed: int | None) -> Played | None:
    """How far this database is. RehearsalError where another day was played into it."""
    state = played(database)
    if state and state.election != election.id:
        raise RehearsalError(
            f"{shown(database.url)} holds the rehearsal of {state.election}: name another --observation"
        )
    if state and seed is not None and state.seed != seed:
        raise RehearsalError(f"{shown(database.url)} was played from the seed {state.seed}: name another --observation")
    return state


def beginning(election: Election) -> datetime:
    """When the first checklist opens: the monitor looks from then on."""
    return election.instant(min(c.opens for c in election.checklists))


def next_morning(election: Election) -> datetime:
    """10:00 after election day: observers' counts are final."""
    return election.instant(datetime.combine(election.date + timedelta(days=1), time(10)))


def _never(election: Election) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC)
