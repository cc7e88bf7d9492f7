"""The schedule: every source at its interval by the store's clock, errors and misses written down, one runner."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from apscheduler.events import EVENT_JOB_MAX_INSTANCES

from elections.config import Election
from loaders import schedule
from loaders.__main__ import main
from loaders.runner import Runner
from loaders.source import Found, SourceError
from store import clock
from store import tables as t
from store.engine import connect
from tests.commission_site import serving
from tests.forked import Forked, Process
from tests.observation_world import ELECTION, OPENING, Observation, at
from tests.waiting import LIMIT, eventually

ROOT = Path(__file__).parent.parent


def one_source(monkeypatch: pytest.MonkeyPatch, look: Callable[..., Found], interval: int = 60) -> Election:
    """An election with one source, whose loader is this function."""
    monkeypatch.setitem(schedule.KINDS, "made_up", look)  # type: ignore[arg-type] # -- the registry is read-only elsewhere
    source = ELECTION.sources[0].model_copy(update={"id": "made_up", "kind": "made_up", "interval": interval})
    return ELECTION.model_copy(update={"sources": (source,)})


def polls(store: sa.Engine) -> list[Any]:
    with store.connect() as conn:
        return list(conn.execute(sa.select(t.poll).order_by(t.poll.c.id)))


@contextlib.contextmanager
def turning(store: sa.Engine, election: Election) -> Iterator[schedule._Turn]:
    """The turn of an election's only source, to be ticked by hand."""
    runner = Runner(store)
    try:
        yield schedule._Turn(store, election, election.sources[0], runner)
    finally:
        runner.release()


@pytest.fixture
def with_clock(store: sa.Engine) -> Iterator[sa.Engine]:
    """A store whose rehearsed clock is followed."""
    clock.follow(store)
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
    with_clock: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "_real_now", lambda: real)

    def tick(source: schedule._Turn, times: int) -> None:
        nonlocal real
        for _ in range(times):
            source.tick()
            real += timedelta(seconds=0.5)

    with turning(with_clock, one_source(monkeypatch, lambda *_: Found(seen=1))) as source:
        clock.set_rehearsed(with_clock, at("14:00"), 0)
        tick(source, 300)
        assert polls(with_clock) == []
        clock.set_rehearsed(with_clock, at("14:00"), 60)
        tick(source, 8)
        assert [row.polled_at for row in polls(with_clock)] == [at(f"14:0{minute}") for minute in range(4)]
        clock.set_rehearsed(with_clock, at("15:00"), 0)
        tick(source, 300)
        assert len(polls(with_clock)) == 4


def test_a_jump_of_the_rehearsed_clock_is_polled_at_once_and_is_no_miss(
    with_clock: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_real_now", lambda: datetime(2026, 1, 1, tzinfo=UTC))
    hours = ("14:00", "18:00", "09:00")  # the last: started again
    with turning(with_clock, one_source(monkeypatch, lambda *_: Found(seen=1))) as source:
        for hour in hours:
            clock.set_rehearsed(with_clock, at(hour), 1)
            for _ in range(3):
                source.tick()
    assert [(row.outcome, row.polled_at) for row in polls(with_clock)] == [("ok", at(hour)) for hour in hours]


def test_a_source_that_takes_longer_than_its_interval_is_not_asked_twice_at_a_time_and_misses_are_written_down(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    most = []
    skipped: list[object] = []
    answers = threading.Event()

    def look(*_: Any) -> Found:
        at_once.append(1)
        most.append(len(at_once))
        assert answers.wait(LIMIT)
        at_once.pop()
        return Found(seen=1)

    with clock.frozen(at("14:00")):
        running = schedule.start(store, one_source(monkeypatch, look))
        running.add_listener(skipped.append, EVENT_JOB_MAX_INSTANCES)
        try:
            eventually(lambda: len(skipped) >= 2, "two ticks that find the poll still running")
            with clock.frozen(at("14:03")):
                answers.set()
                eventually(lambda: len(polls(store)) >= 3, "the poll that took long, a miss, and a poll")
        finally:
            running.shutdown()
    assert set(most) == {1}
    assert [(row.outcome, row.error) for row in polls(store)] == [
        ("ok", None),
        ("missed", "2 polls not made: the last took too long"),
        ("ok", None),
    ]


def test_one_of_several_polls_a_store_and_another_takes_over(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    election = one_source(monkeypatch, lambda *_: Found(seen=1))
    first = schedule.start(store, election)
    eventually(lambda: polls(store), "the first poll")
    second_store = connect(store.url)
    asked: list[int] = []
    with turning(second_store, one_source(monkeypatch, lambda *_: (asked.append(1), Found())[1])) as second:
        for _ in range(3):
            second.tick()
        assert asked == []
        first.shutdown()
        second.tick()
        assert asked == [1]
    second_store.dispose()


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The variables of the environment, set, with two sources that answer."""
    observation = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    world = Observation(observation)
    world.frame()
    world.report("r1", "08:10", OPENING)
    with serving() as site:
        own = {
            "BAIKOO_ELECTION": "kg-2021-11-28",
            "BAIKOO_STORE": f"sqlite:///{tmp_path / 'store.sqlite'}",
            "BAIKOO_OBSERVATION": observation,
            "BAIKOO_COMMISSION": site.url,
        }
        for name, value in own.items():
            monkeypatch.setenv(name, value)
        yield own
    clock.follow(None)


@contextlib.contextmanager
def loaders_run(environ: dict[str, str], log: Path) -> Iterator[Process]:
    """`python -m loaders run`, whose log goes to this file."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BAIKOO_")}
    process = Forked(["-m", "loaders", "run"], clean | environ, log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_of_three_processes_one_polls_and_where_it_is_killed_another_takes_over(
    environ: dict[str, str], store: sa.Engine, tmp_path: Path
) -> None:
    clock.set_rehearsed(store, at("14:00"), 0.001)  # so that no second poll is due in this test
    environ |= {"BAIKOO_STORE": store.url.render_as_string(False)}
    logs = [tmp_path / f"{n}.log" for n in range(3)]
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(loaders_run(environ, log)) for log in logs]

        def waiting() -> list[Path]:
            return [log for log in logs if "another one polls this store" in log.read_text()]

        # shown where it does not come so far
        stack.callback(lambda: print(*(f"{log.name}: {log.read_text()}" for log in logs)))
        eventually(lambda: len(waiting()) == 2, "two that wait")
        (polling,) = {*logs} - {*waiting()}
        eventually(lambda: {row.source for row in polls(store)} == {"observation", "commission"}, "a poll of each")
        assert len(polls(store)) == 2
        processes[logs.index(polling)].kill()
        eventually(lambda: len(polls(store)) >= 4, "the next one's polls")
        over = [log for log in waiting() if "over: this process does not poll" in log.read_text()]
        assert len(over) == 1


def test_once_polls_every_source_and_says_what_came(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loaders", "once"], cwd=ROOT, env=os.environ | environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "observation: ok" in done.stdout
    assert "commission: ok" in done.stdout
    assert main(["once", "--source", "observation"]) == 0
    assert "nothing new" in capsys.readouterr().out


def test_once_fails_where_a_source_cannot_be_read_and_still_reads_the_other(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAIKOO_OBSERVATION", "sqlite:////nowhere/none.sqlite")
    assert main(["once"]) == 1
    said = capsys.readouterr().out
    assert "observation: error" in said
    assert "commission: ok" in said


def test_a_source_that_is_away_is_said_once_in_the_log_and_once_when_it_is_back(
    environ: dict[str, str],
    sqlite_store: sa.Engine,
    election: Election,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for where in ("/nowhere/none.sqlite", "/nowhere/none.sqlite", environ["BAIKOO_OBSERVATION"][10:]):
        monkeypatch.setenv("BAIKOO_OBSERVATION", f"sqlite:///{where}")
        for _ in range(2):
            schedule.poll(sqlite_store, election, "observation")
    first, last = (record.message for record in caplog.records)
    assert first.startswith("observation: OperationalError: unable to open")
    assert last == "over: observation"
    assert [row.outcome for row in polls(sqlite_store)] == ["error"] * 4 + ["ok"] * 2


def test_stop_keeps_a_source_from_being_asked_until_go(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main(["stop", "commission", "--who", "Asel", "--why", "asked to"]) == 0
    assert main(["once", "--source", "commission"]) == 1
    assert "stopped by Asel: asked to" in caplog.text
    assert main(["go", "commission"]) == 0
    assert main(["once", "--source", "commission"]) == 0
    assert main(["once", "--source", "weather"]) == 2


def test_run_polls_until_it_is_told_to_end(environ: dict[str, str], tmp_path: Path) -> None:
    with loaders_run(environ, tmp_path / "log") as process:
        store = connect(environ["BAIKOO_STORE"])

        def loaded() -> bool:
            try:
                return {row.source for row in polls(store)} == {"observation", "commission"}
            except sa.exc.OperationalError:
                return False  # not migrated yet

        eventually(loaded, "a poll of each source")
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 0
        store.dispose()
