"""`kill -9` at any point: the store is whole, and in the end knows what a store that was never killed knows."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from elections.config import Election
from loaders.__main__ import main as once
from rehearsal.outside import Outside
from rehearsal.server import Site
from store import check, clock
from store.engine import open_store
from tests.dashboard import ROOT
from tests.waiting import LIMIT, eventually

LOADERS = ["-m", "loaders", "run"]
SERVER = ["-m", "streamlit", "run", "dashboard.py", "--server.port", "0"]
HOURS = ("08:40", "11:00", "12:40", "14:00", "16:40", "20:20", "20:50", "22:30", "2021-11-29T03:00", "2021-11-29T10:00")
_LOAD = 0.15  # seconds: only a load holds the write lock for longer; a poll's record takes milliseconds


@dataclass(frozen=True)
class Point:
    """Where to kill: so long after the start, or so long inside the transaction of the n-th load after it."""

    seconds: float
    load: int | None = None


POINTS = (
    Point(0.4),  # while Python is still importing
    Point(0.2, load=1),
    Point(0.3, load=2),
    Point(3.5),
    Point(0.25, load=2),
    Point(0.4, load=1),
    Point(0.2, load=4),
    Point(5.0),
    Point(0.3, load=2),
    Point(0.2, load=5),
)


class World:
    """The day's real sources, moved on by hand: the observers' database and the commission's site."""

    def __init__(self, election: Election, folder: Path) -> None:
        self.election = election
        self.outside = Outside(election, f"sqlite:///{folder / 'observation.sqlite'}")
        self.at = election.moment_of(HOURS[0])
        self.site = Site(self.outside.commission, lambda: self.at)

    def goes_on(self, hour: str) -> None:
        self.at = self.election.moment_of(hour)
        self.outside.advance(self.at)

    def environment(self, store_url: str) -> dict[str, str]:
        own = {"BAIKOO_STORE": store_url, "BAIKOO_ELECTION": self.election.id, "BAIKOO_COMMISSION": self.site.url}
        url = self.outside.database.url.render_as_string(hide_password=False)
        return {k: v for k, v in os.environ.items() if not k.startswith("BAIKOO_")} | own | {"BAIKOO_OBSERVATION": url}


@pytest.fixture
def outside_world(election: Election, tmp_path: Path) -> Iterator[World]:
    world = World(election, tmp_path)
    yield world
    world.site.close()
    world.outside.close()


@dataclass
class Victim:
    """A process that loads, and what is seen of it from outside: whether it is inside a load's transaction."""

    command: list[str]
    environment: Mapping[str, str]
    log: Path
    store: sa.Engine
    process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> "Victim":
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=ROOT, env=self.environment, stdout=out, stderr=out
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def holds_the_lock(self) -> bool:
        """Whether this process is the store's writer at this moment: asked of the system, not of the process."""
        if self.store.dialect.name == "postgresql":
            with self.store.connect() as conn:
                held = "select count(*) from pg_locks where locktype = 'advisory' and objid = 7110211 and granted"
                return bool(conn.exec_driver_sql(held).scalar())
        shared = Path(f"{self.store.url.database}-shm")
        if not shared.exists():
            return False
        # SQLite's writer locks byte 120 of the file that its readers share
        lock = f" {self.process.pid} "
        inode = f":{shared.stat().st_ino} 120 120"
        return any(lock in line and inode in line for line in Path("/proc/locks").read_text().splitlines())

    def is_stopped_inside(self, load: int, seconds: float) -> bool:
        """Wait until the n-th load is open for so many seconds, and stop the process right there."""
        end, before, since = time.monotonic() + LIMIT, loads(self.store), time.monotonic()
        committed = before
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            found = loads(self.store)
            if not self.holds_the_lock() or found != committed:
                committed, since = found, time.monotonic()
            if found - before >= load - 1 and time.monotonic() - since > max(seconds, _LOAD):
                self.process.send_signal(signal.SIGSTOP)
                if loads(self.store) == committed and self.holds_the_lock():
                    return True
                self.process.send_signal(signal.SIGCONT)  # it was about to end: another one
            time.sleep(0.01)
        return False


_COUNT = (
    "select max(n) from (with recursive count(n) as (select 1 union all select n + 1 from count where n < 800000)"
    " select n from count)"
)


def slow_down(store: sa.Engine) -> None:
    """Make every load's transaction last: a third of a second at its start and its end. Nothing else is slower."""
    with store.begin() as conn:
        if store.dialect.name == "postgresql":
            conn.exec_driver_sql(
                "create function wait() returns trigger language plpgsql"
                " as 'begin perform pg_sleep(0.4); return new; end'"
            )
            for when in ("insert", "update"):
                conn.exec_driver_sql(
                    f"create trigger slow_{when} after {when} on load for each row execute function wait()"
                )
            return
        for when in ("insert", "update"):
            conn.exec_driver_sql(f"create trigger slow_{when} after {when} on load begin {_COUNT}; end")


def speed_up(store: sa.Engine) -> None:
    with store.begin() as conn:
        for when in ("insert", "update"):
            on = " on load" if store.dialect.name == "postgresql" else ""
            conn.exec_driver_sql(f"drop trigger slow_{when}{on}")


def nobody_else_can_write(store: sa.Engine) -> bool:
    with store.connect() as conn:
        if store.dialect.name == "postgresql":
            return not conn.exec_driver_sql("select pg_try_advisory_xact_lock(7110211)").scalar()
        try:
            conn.exec_driver_sql("pragma busy_timeout = 0")
            conn.rollback()
            conn.execution_options(writer=True)
            with conn.begin():
                return False
        except sa.exc.OperationalError as error:
            return "locked" in str(error)
        finally:
            conn.invalidate()


def kill_at(victim: Victim, point: Point) -> None:
    """Kill -9 at this point; inside a load it is proven that its transaction was open, and that nothing of it stays."""
    if point.load is None:
        time.sleep(point.seconds)
        assert victim.process.poll() is None, victim.log.read_text()[-2000:]
    else:
        assert victim.is_stopped_inside(point.load, point.seconds), f"{point}: not inside a load"
        assert nobody_else_can_write(victim.store)
    before = loads(victim.store)
    victim.process.kill()
    victim.process.wait()
    assert point.load is None or loads(victim.store) == before, f"{point}: a load that was cut off is there"


def asked(environment: Mapping[str, str], *options: str) -> tuple[int, str]:
    """What `python -m store` says."""
    said = subprocess.run([sys.executable, "-m", "store", *options], cwd=ROOT, env=environment, capture_output=True)
    return said.returncode, said.stdout.decode() + said.stderr.decode()


def loaded_in_quiet(world: World, folder: Path, at: datetime) -> str:
    """The hash of a store that loaded the same sources once, undisturbed."""
    url = f"sqlite:///{folder / 'quiet.sqlite'}"
    store = open_store(url)
    clock.set_rehearsed(store, at, 0)
    load_once(world.environment(url))
    return check.contents(store)


def load_once(environment: Mapping[str, str]) -> None:
    """What `python -m loaders once` does."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        assert once(["once"]) == 0
    clock.follow(None)


def loads(store: sa.Engine) -> int:
    with store.connect() as conn:
        return int(conn.execute(sa.text("select count(*) from load")).scalar_one())


def until_nothing_is_new(store: sa.Engine, victim: Victim, sources: int = 2) -> None:
    """Wait until the last three polls of every source found nothing that they had to load."""
    last = sa.text(
        "select count(*) from (select load, error, row_number() over (partition by source order by id desc) as nth"
        " from poll where id > :start) as p where nth <= 3 and load is null and error is null"
    )
    with store.connect() as conn:
        start = conn.execute(sa.text("select coalesce(max(id), 0) from poll")).scalar_one()

    def rests() -> bool:
        assert victim.process.poll() is None, victim.log.read_text()[-2000:]
        with store.connect() as conn:
            return bool(conn.execute(last, {"start": start}).scalar_one() == 3 * sources)

    eventually(rests, "three polls of each source with nothing to load")


def killed_again_and_again(
    world: World, store_url: str, command: list[str], points: tuple[Point, ...], folder: Path
) -> None:
    store = open_store(store_url)
    hours = HOURS[: len(points)]
    last = world.election.moment_of(hours[-1])
    clock.set_rehearsed(store, last, 120)
    environment = world.environment(store_url)
    slow_down(store)
    for point, hour in zip(points, hours, strict=True):
        world.goes_on(hour)
        with Victim(command, environment, folder / "log", store) as victim:
            kill_at(victim, point)
        assert list(check.faults(store)) == [], f"after {point} at {hour}"
    speed_up(store)
    with Victim(command, environment, folder / "log", store) as victim:
        until_nothing_is_new(store, victim)
    status, said = asked(environment, "--check")
    assert (status, said.rstrip().endswith("check      clean")) == (0, True), said
    assert check.contents(store) == loaded_in_quiet(world, folder, last)
    store.dispose()


@pytest.mark.proof
def test_a_server_killed_at_ten_points_leaves_a_whole_store_that_catches_up(
    outside_world: World, tmp_path: Path
) -> None:
    store_url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    killed_again_and_again(outside_world, store_url, SERVER, POINTS, tmp_path)


@pytest.mark.proof
def test_loaders_killed_inside_a_load_leave_a_whole_store_on_postgresql_too(
    outside_world: World, postgres_url: str, tmp_path: Path
) -> None:
    points = (Point(0.3, load=1), Point(0.7, load=2), Point(2.0), Point(0.2, load=3))
    killed_again_and_again(outside_world, postgres_url, LOADERS, points, tmp_path)


# A loader that stands still the moment before its n-th commit, with everything written.
STANDS_STILL = """
import sys
import sqlalchemy as sa
from loaders import schedule
from queries.moment import here
store, election = here()
left = int(sys.argv[1])
@sa.event.listens_for(store, "commit")
def commits(conn):
    global left
    left -= 1
    if not left:
        print(conn.exec_driver_sql("select count(*) from load").scalar(), flush=True)
        sys.stdin.read()
schedule.poll(store, election, "observation")
"""


def killed_before_commit(number: int, store: sa.Engine, environment: Mapping[str, str]) -> int:
    """Kill -9 a poll of the observers before its n-th commit. Returns how many loads it saw, its own included."""
    command, pipe = [sys.executable, "-c", STANDS_STILL, str(number)], subprocess.PIPE
    loader = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
    assert loader.stdout
    seen = int(loader.stdout.readline())
    assert nobody_else_can_write(store)
    loader.kill()
    loader.wait()
    eventually(lambda: not nobody_else_can_write(store), "the end of the transaction that was cut off")
    return seen


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def test_a_load_whose_process_is_killed_is_there_whole_or_not_at_all_and_the_next_one_catches_up(
    outside_world: World, tmp_path: Path, request: pytest.FixtureRequest, database: str
) -> None:
    on_file = f"sqlite:///{tmp_path / 'store.sqlite'}"
    store = open_store(on_file if database == "sqlite" else request.getfixturevalue("postgres_url"))
    at = outside_world.election.moment_of("09:00")
    clock.set_rehearsed(store, at, 0)
    environment = outside_world.environment(store.url.render_as_string(False))
    for hour, commit in (("08:40", 2), ("09:00", 1)):  # the first poll has several loads, as its rows are many
        outside_world.goes_on(hour)
        assert killed_before_commit(commit, store, environment) == 2
        assert loads(store) == 1
        assert list(check.faults(store)) == []
    load_once(environment)
    assert list(check.faults(store)) == []
    assert check.contents(store) == loaded_in_quiet(outside_world, tmp_path, at)
    store.dispose()
