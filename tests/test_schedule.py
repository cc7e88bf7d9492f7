"""The schedule: every source at its interval by the store's clock, errors and misses written down, one runner."""

import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from elections.config import Election
from loaders import schedule
from loaders.source import Found, SourceError
from store import clock
from store import tables as t
from store.engine import connect, open_store
from tests.commission_site import serving
from tests.observation_world import ELECTION, OPENING, Observation, at

ROOT = Path(__file__).parent.parent


def one_source(monkeypatch: pytest.MonkeyPatch, look: Callable[..., Found], interval: int = 60) -> Election:
    """An election with one source, whose loader is this function."""
    monkeypatch.setitem(schedule.KINDS, "made_up", look)  # type: ignore[arg-type] # -- the registry is read-only elsewhere
    source = ELECTION.sources[0].model_copy(update={"id": "made_up", "kind": "made_up", "interval": interval})
    return ELECTION.model_copy(update={"sources": (source,)})


def polls(store: sa.Engine) -> list[Any]:
    with store.connect() as conn:
        return list(conn.execute(sa.select(t.poll).order_by(t.poll.c.id)))


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


@pytest.fixture
def rehearsed(store: sa.Engine) -> Iterator[sa.Engine]:
    """A store with a rehearsed clock, at 14:00 and paused."""
    clock.follow(store)
    clock.set_rehearsed(store, at("14:00"), 0)
    yield store
    clock.follow(None)


def test_a_fault_of_a_source_is_written_down_and_raises_nothing(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def look(*_: Any) -> Found:
        raise SourceError("the database is away")

    with clock.frozen(at("14:00")):
        schedule.poll(store, one_source(monkeypatch, look), "made_up")
    (row,) = polls(store)
    assert (row.outcome, row.error, row.polled_at) == ("error", "the database is away", at("14:00"))


@pytest.mark.breaks
def test_a_fault_of_the_loader_is_written_down_without_the_words_of_a_row(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = " ".join(["Aibek", "Asanov"])

    def look(*_: Any) -> Found:
        raise ValueError(name)

    with caplog.at_level(logging.DEBUG):
        schedule.poll(store, one_source(monkeypatch, look), "made_up")
    (row,) = polls(store)
    assert (row.outcome, row.error) == ("error", "ValueError")
    assert name not in caplog.text
    assert "test_schedule.py" in caplog.text  # but where it happened


def test_a_source_without_a_loader_says_so(store: sa.Engine) -> None:
    source = ELECTION.sources[0].model_copy(update={"kind": "telex"})
    schedule.poll(store, ELECTION.model_copy(update={"sources": (source,)}), source.id)
    assert polls(store)[0].error == "no loader for sources of the kind 'telex'"


def test_intervals_count_in_rehearsed_time_and_a_pause_stops_them(
    rehearsed: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = schedule.start(rehearsed, one_source(monkeypatch, lambda *_: Found(seen=1)))
    try:
        time.sleep(1.5)
        assert polls(rehearsed) == []  # paused: nothing is due
        clock.set_rehearsed(rehearsed, at("14:00"), 60)
        wait_for(lambda: len(polls(rehearsed)) >= 4)
        times = [row.polled_at for row in polls(rehearsed)]
        gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
        assert all(gap < timedelta(seconds=180) for gap in gaps)
        assert sum(gaps, timedelta()) / len(gaps) >= timedelta(seconds=45)
        clock.set_rehearsed(rehearsed, at("15:00"), 0)
        time.sleep(1)
        count = len(polls(rehearsed))
        time.sleep(1)
        assert len(polls(rehearsed)) == count
    finally:
        running.shutdown()


def test_a_jump_of_the_rehearsed_clock_is_polled_at_once_and_is_no_miss(
    rehearsed: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set_rehearsed(rehearsed, at("14:00"), 1)
    running = schedule.start(rehearsed, one_source(monkeypatch, lambda *_: Found(seen=1)))
    try:
        wait_for(lambda: len(polls(rehearsed)) == 1)
        clock.set_rehearsed(rehearsed, at("18:00"), 1)
        wait_for(lambda: len(polls(rehearsed)) == 2)
        clock.set_rehearsed(rehearsed, at("09:00"), 1)  # started again
        wait_for(lambda: len(polls(rehearsed)) == 3)
    finally:
        running.shutdown()
    assert {row.outcome for row in polls(rehearsed)} == {"ok"}


def test_a_source_that_takes_longer_than_its_interval_is_not_asked_twice_at_a_time_and_misses_are_written_down(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    most = []

    def look(*_: Any) -> Found:
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(2)
        at_once.pop()
        return Found(seen=1)

    monkeypatch.setattr(schedule, "_BEHIND", 1.0)
    running = schedule.start(store, one_source(monkeypatch, look, interval=1))
    try:
        wait_for(lambda: any(row.outcome == "missed" for row in polls(store)))
    finally:
        running.shutdown()
    assert set(most) == {1}
    missed = next(row for row in polls(store) if row.outcome == "missed")
    assert "not made" in missed.error


def test_one_process_of_several_polls_a_store_in_postgresql_and_another_takes_over(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(postgres_url)
    first_asked: list[int] = []
    second_asked: list[int] = []

    def look_first(*_: Any) -> Found:
        first_asked.append(1)
        return Found(seen=1)

    election = one_source(monkeypatch, look_first, interval=1)
    other = ELECTION.model_copy(
        update={"sources": (election.sources[0].model_copy(update={"kind": "second", "interval": 1}),)}
    )
    monkeypatch.setitem(schedule.KINDS, "second", lambda *_: (second_asked.append(1), Found())[1])  # type: ignore[arg-type] # -- as above
    second_store = connect(postgres_url)
    first = schedule.start(store, election)
    wait_for(lambda: len(first_asked) >= 1)
    second = schedule.start(second_store, other)
    try:
        wait_for(lambda: len(first_asked) >= 3)
        assert second_asked == []
        first.shutdown()
        wait_for(lambda: len(second_asked) >= 1)
    finally:
        second.shutdown()
        store.dispose()
        second_store.dispose()


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BAIKOO_")}
    return subprocess.run(
        [sys.executable, "-m", "loaders", *command],
        cwd=ROOT, env=clean | environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    observation = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    world = Observation(observation)
    world.frame()
    world.report("r1", "08:10", OPENING)
    with serving() as site:
        yield {
            "BAIKOO_ELECTION": "kg-2021-11-28",
            "BAIKOO_STORE": f"sqlite:///{tmp_path / 'store.sqlite'}",
            "BAIKOO_OBSERVATION": observation,
            "BAIKOO_COMMISSION": site.url,
        }


def test_once_polls_every_source_and_says_what_came(environ: dict[str, str]) -> None:
    done = run("once", **environ)
    assert done.returncode == 0, done.stderr
    assert "observation: ok" in done.stdout
    assert "commission: ok" in done.stdout
    assert "nothing new" in run("once", "--source", "observation", **environ).stdout


def test_once_fails_where_a_source_cannot_be_read_and_still_reads_the_other(environ: dict[str, str]) -> None:
    done = run("once", **environ | {"BAIKOO_OBSERVATION": "sqlite:////nowhere/none.sqlite"})
    assert done.returncode == 1
    assert "observation: error" in done.stdout
    assert "commission: ok" in done.stdout


def test_stop_keeps_a_source_from_being_asked_until_go(environ: dict[str, str]) -> None:
    assert run("stop", "commission", "--who", "Asel", "--why", "asked to", **environ).returncode == 0
    done = run("once", "--source", "commission", **environ)
    assert done.returncode == 1
    assert "stopped by Asel: asked to" in done.stderr
    assert run("go", "commission", **environ).returncode == 0
    assert run("once", "--source", "commission", **environ).returncode == 0
    assert run("once", "--source", "weather", **environ).returncode == 2


def test_run_polls_until_it_is_told_to_end(environ: dict[str, str]) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BAIKOO_")}
    process = subprocess.Popen([sys.executable, "-m", "loaders", "run"], cwd=ROOT, env=clean | environ)
    try:
        store = connect(environ["BAIKOO_STORE"])

        def loaded() -> bool:
            try:
                return {row.source for row in polls(store)} == {"observation", "commission"}
            except sa.exc.OperationalError:
                return False  # not migrated yet

        wait_for(loaded)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        store.dispose()
    finally:
        process.kill()
