"""Nothing that a source sends stops another feed, another source or the next good poll, in little memory."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue

import pytest
import sqlalchemy as sa

from store import check
from store import tables as t
from tests.broken_parts import in_log
from tests.commission_site import ELECTION, loads_add_up, pecs, published
from tests.conftest import ROOT
from tests.hostile import FEW, KINDS, HostileSite, answers, hostile_site
from tests.observation_world import Observation, beside, current
from tests.waiting import LIMIT

LONGEST_WAIT = timedelta(minutes=61)  # that a site may ask for
OTHERS = 3  # polls: of a site that hangs they are asked at the next one, which may hang in the other bad feed


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def store(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty store. On PostgreSQL in `make proof` alone."""
    engine: sa.Engine = request.getfixturevalue(f"{request.param}_store")
    return engine


@pytest.fixture
def world(
    store: sa.Engine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    yield from beside(store, request, tmp_path, monkeypatch)


class Loader:
    """A process that loads in little memory, and the time in it."""

    def __init__(self, store: sa.Engine, site: HostileSite, log: Path, at: datetime) -> None:
        self.store, self.site, self.log, self.at = store, site, log, at
        self.said: Queue[str] = Queue()
        self.lock = threading.Lock()

    def __enter__(self) -> "Loader":
        command = [sys.executable, "-m", "tests.limited_loader", self.store.url.render_as_string(False)]
        own = {"BAIKOO_COMMISSION": self.site.url, "MALLOC_ARENA_MAX": "1"}  # an arena a thread is no memory used
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | own,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        self.site.pass_time = lambda seconds: self._say(f"+{seconds}")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def _listen(self) -> None:
        with contextlib.suppress(ValueError):
            for line in self.process.stdout or ():
                self.said.put(line.strip())
        self.said.put("ended")

    def _say(self, line: str) -> None:
        with self.lock, contextlib.suppress(BrokenPipeError):  # it has ended: it says so itself
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()

    def poll(self) -> str | None:
        """Both sources once, an hour later; the commission's error."""
        self.at += LONGEST_WAIT
        self._say(self.at.isoformat())
        assert self.said.get(timeout=LIMIT) == "polled", self.log.read_text()[-3_000:]
        with self.store.connect() as conn:
            rows = sa.select(t.poll.c.source, t.poll.c.error).order_by(t.poll.c.id.desc()).limit(2)
            errors = {row.source: row.error for row in conn.execute(rows)}
        assert errors["observation"] is None
        return errors["commission"]


def weathered(store: sa.Engine, world: Observation, log: Path, seed: int, number: int) -> None:
    """A storm of so many hostile answers; then all is well, in this process and in a new one."""
    with hostile_site(answers(seed, number)) as site:
        with Loader(store, site, log, ELECTION.moment_of("09:00")) as loader:
            site.storm, storm = type(site.storm)(), site.storm
            goes_on(store, world, site, loader)
            site.storm = storm
            behind = 0
            while site.storm:
                began = len(site.sent)
                site.good += 1
                report = f"r{site.good}"
                world.report(report, (loader.at + timedelta(hours=1)).isoformat(), submitted_at="08:10")
                error = loader.poll()
                said = f"{site.sent[began:]}: {error}"
                assert report in {row["report"] for row in current(store, t.report)}, said
                others = published(store, count="manual")
                behind = 0 if others["1001", "", "valid", "number"] == site.good else behind + 1
                assert behind < OTHERS, said
            goes_on(store, world, site, loader)
        with Loader(store, site, log, loader.at) as again:
            goes_on(store, world, site, again)
        assert site.came_elsewhere == []
    assert in_log(log.read_text()) == ""
    assert loads_add_up(store)
    assert list(check.faults(store)) == []


def goes_on(store: sa.Engine, world: Observation, site: HostileSite, loader: Loader) -> None:
    """One good poll loads everything."""
    site.good += 1
    world.report(f"r{site.good}", (loader.at + timedelta(hours=1)).isoformat(), submitted_at="08:10")
    assert loader.poll() is None
    assert f"r{site.good}" in {row["report"] for row in current(store, t.report)}
    now = published(store)
    assert now["osh", "09:00", "voted", "number"] == site.good
    for count in ("machine", "manual"):
        valid = published(store, count=count)
        assert {valid[pec, "", "valid", "number"] for pec in pecs(FEW)} == {site.good}
        assert valid["", "", "valid", "number"] == site.good


def test_a_storm_of_hostile_answers(store: sa.Engine, world: Observation, tmp_path: Path) -> None:
    """Each kind of them once."""
    world.frame(FEW)
    weathered(store, world, tmp_path / "log", 1, len(KINDS))


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_long_storm_of_hostile_answers(store: sa.Engine, world: Observation, tmp_path: Path, seed: int) -> None:
    world.frame(FEW)
    weathered(store, world, tmp_path / "log", seed, 5 * len(KINDS))
