"""Going on live: the world moves with the rehearsed clock, wishes from the screen are met, the dashboard is a child."""

import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from elections.config import Election
from rehearsal import files
from rehearsal.child import Dashboard
from rehearsal.files import Addresses
from rehearsal.observation import open_observation, played
from rehearsal.outside import Outside, RehearsalError
from rehearsal.play import Say, play, publish
from store import clock, wishes
from store import tables as t
from store.engine import open_store
from store.owner import Owner

_TICK = 0.25  # seconds
_LOOK_FOR_WISHES = 1.0
_KEEP_PLACE = 5.0  # seconds between notes of how far the day is, where nothing happens


@dataclass(frozen=True)
class Plan:
    """What was asked for on the command line."""

    election_name: str
    until: str
    speed: float
    seed: int | None
    port: int
    dashboard_port: int | None  # none: the dashboard is not started here


class Live:
    """A rehearsal that runs until it is stopped."""

    def __init__(self, election: Election, plan: Plan, at: Addresses, say: Say) -> None:
        self._election, self._plan, self._at, self._say = election, plan, at, say
        self._dashboard: Dashboard | None = None
        self._owner = Owner(election.id, rehearsal=True)
        self._store = open_store(at.store, self._owner)
        self._position = self._resumed()

    def run(self) -> int:
        """Play to the planned moment, where it is not past it, and go on; returns the exit status."""
        _must_be_free(self._plan.port, "--port")
        if self._plan.dashboard_port:
            _must_be_free(self._plan.dashboard_port, "--dashboard-port")
        files.write_current(self._election.id, self._at)
        until = self._election.moment_of(self._plan.until)
        goes_on = self._position is not None and self._position >= until
        try:
            if self._position is not None and goes_on:
                self._say(f"Goes on at {self._local(self._position)}.")
                self._run_clock(self._position, 0)
                self._serve()
            outside = Outside(self._election, self._at.observation, self._plan.seed)
            with publish(outside, self._plan.port):
                if not goes_on:
                    self._say(f"Playing the day up to {self._local(until)}; the loaders poll every five minutes of it.")
                    play(outside, self._store, until, self._say)
                    self._position = until
                    self._run_clock(until, 0)
                    self._serve()
                self._run_clock(self._position or until, self._plan.speed)
                return self._loop(outside)
        finally:
            self._stop_dashboard()

    def _loop(self, outside: Outside) -> int:
        clock.follow(self._store)
        looked = kept = 0.0
        try:
            while self._dashboard is None or self._dashboard.status is None:
                now, real = clock.now(), time.monotonic()
                if outside.pending(now) or real - kept > _KEEP_PLACE:
                    outside.advance(now)
                    kept = real
                if real - looked > _LOOK_FOR_WISHES:
                    outside = self._meet_wishes(outside)
                    looked = real
                time.sleep(_TICK)
            self._say("The dashboard ended.")
            return self._dashboard.status
        finally:
            self._pause(outside)

    def _pause(self, outside: Outside) -> None:
        """Stop the clock where it is: the next start goes on from here."""
        now = clock.now()
        outside.advance(now)
        clock.follow(None)
        self._run_clock(now, 0)
        outside.close()
        self._store.dispose()

    def _meet_wishes(self, outside: Outside) -> Outside:
        for wish in wishes.after(self._store, outside.state.wish):
            outside.looked_at(wish.id)
            if wish.wish == "restart":
                return self._restart(outside)
            if wish.until:
                self._jump(outside, wish.until)
        return outside

    def _jump(self, outside: Outside, until: datetime) -> None:
        now, speed = clock.now(), clock.speed()
        if until <= now:
            self._say(f"Asked to jump to {self._local(until)}, which is past.")
            return
        self._say(f"Jumping to {self._local(until)}.")
        self._run_clock(now, 0)
        outside.advance(now)
        play(outside, self._store, until, self._say)
        self._run_clock(until, speed)
        self._say("There.")

    def _restart(self, outside: Outside) -> Outside:
        """A new day in new files, played by a process of its own while the old page still stands."""
        store, observation = files.sqlite_file(self._at.store), files.sqlite_file(self._at.observation)
        if store is None or observation is None:
            self._say("Asked to start again: only SQLite files can be replaced. Name a new --store and --observation.")
            return outside
        self._say("Starting again.")
        self._run_clock(clock.now(), 0)
        self._play_anew(store, observation, outside.state.seed)
        self._stop_dashboard()
        clock.follow(None)
        outside.close()
        self._store.dispose()
        for file in (store, observation):
            files.move_in(file)
        self._store = open_store(self._at.store, self._owner)
        outside.reopen(self._at.observation)
        clock.follow(self._store)
        self._run_clock(outside.state.until, self._plan.speed)
        self._serve()
        return outside

    def _play_anew(self, store: Path, observation: Path, seed: int) -> None:
        for file in (store, observation):
            files.remove(files.next_to(file))
        command = [sys.executable, "-m", "rehearsal", "--election", self._plan.election_name]
        command += ["--until", self._plan.until, "--seed", str(seed)]
        command += ["--store", f"sqlite:///{files.next_to(store)}"]
        command += ["--observation", f"sqlite:///{files.next_to(observation)}"]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 -- our own arguments
            raise RehearsalError("starting again did not come to its end")

    def _serve(self) -> None:
        if self._plan.dashboard_port:
            environment = self._at.environment(self._plan.election_name)
            self._dashboard = Dashboard(self._plan.dashboard_port, environment)

    def _stop_dashboard(self) -> None:
        if self._dashboard:
            self._dashboard.stop()
            self._dashboard = None

    def _resumed(self) -> datetime | None:
        """Where an earlier run stopped; the store may know better than a database that was cut off."""
        database = open_observation(self._at.observation)
        state = played(database)
        database.dispose()
        with self._store.connect() as conn:
            seen = conn.execute(sa.select(sa.func.max(t.poll.c.polled_at))).scalar()
        if state is None:
            if seen:
                raise RehearsalError(f"the store knows a day that {self._at.observation} does not: remove both")
            return None
        return max(state.until, seen) if seen else state.until

    def _run_clock(self, at: datetime, speed: float) -> None:
        clock.set_rehearsed(self._store, at, speed)

    def _local(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._election.tz):%d.%m.%Y %H:%M}"


def _must_be_free(port: int, option: str) -> None:
    """Said before a morning is played, not after."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise RehearsalError(f"port {port} is taken: end what runs there, or name another {option}") from error
