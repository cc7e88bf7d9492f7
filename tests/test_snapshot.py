"""The snapshot: one moment for everybody, made in the background, swapped in whole."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from pages.present import Present
from queries import coverage, health, moment, snapshot
from queries.moment import Moment
from store import clock
from tests.facts import ELECTION, Facts
from tests.harm import gone
from tests.waiting import LIMIT, eventually


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    monkeypatch.setenv("BAIKOO_STORE", str(sqlite_store.url))
    moment.here.cache_clear()
    facts = Facts(sqlite_store).pec("5001")
    with clock.frozen(ELECTION.moment_of("08:00")):
        yield facts
    moment.here.cache_clear()


def wait_for_another(old: snapshot.Snapshot) -> None:
    eventually(lambda: snapshot.current() is not old, "another snapshot")


def opening(shot: snapshot.Snapshot) -> str:
    rows = shot.ask(coverage.states, form="opening")
    return str(rows["state"].item())


def test_a_new_load_is_in_the_next_snapshot_and_the_old_one_stays_as_it_was(facts: Facts) -> None:
    with snapshot.keep_fresh():
        old = snapshot.current()
        assert opening(old) == "due"
        facts.report("5001", "opening", at="08:00")
        wait_for_another(old)
        assert opening(snapshot.current()) == "received"
        assert opening(old) == "due"


def test_after_a_long_build_what_came_meanwhile_does_not_wait_as_long_again() -> None:
    assert [snapshot.rest(took) for took in (0.01, 0.5, 14.3)] == [0.2, 0.5, 2.0]


def test_the_clock_alone_makes_a_new_snapshot_and_pecs_late(facts: Facts) -> None:
    with snapshot.keep_fresh():
        old = snapshot.current()
        with clock.frozen(ELECTION.moment_of("09:01")):
            wait_for_another(old)
            assert opening(snapshot.current()) == "late"


def test_within_a_minute_without_a_load_it_stays_the_same(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Moment] = []

    def look(as_of: datetime | None = None) -> Moment:
        looks.append(moment.now(as_of))
        return looks[-1]

    with snapshot.keep_fresh():
        old = snapshot.current()
        with clock.frozen(ELECTION.moment_of("08:00") + timedelta(seconds=40)):
            monkeypatch.setattr(snapshot, "now", look)
            eventually(lambda: len(looks) > 3, "three more looks of the thread, each to its end")
            assert snapshot.current() is old


def test_what_the_overview_shows_is_made_before_the_snapshot_is_swapped_in(facts: Facts) -> None:
    with snapshot.keep_fresh():
        old = snapshot.current()  # the first is there before its figures, so that nobody waits for all of them
        facts.incident("secrecy", at="08:00")
        wait_for_another(old)
        shot = snapshot.current()
        for figure, given in snapshot.AHEAD:
            assert (figure, snapshot._frozen(given)) in shot._answers


def test_what_somebody_looks_at_is_made_ahead_in_the_next(facts: Facts) -> None:
    with snapshot.keep_fresh():
        old = snapshot.current()
        old.ask(coverage.unreported, form="opening")
        facts.incident("secrecy", at="08:00")
        wait_for_another(old)
        key = (coverage.unreported, (("form", "opening"),))
        assert key in snapshot.current()._answers


def test_a_figure_is_made_once_however_many_ask_at_the_same_time(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    waiting: list[int] = []
    all_asked = threading.Event()

    class Answer(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            waiting.append(1)
            return super().result(timeout)

    def figure(m: Moment) -> pd.DataFrame:
        made.append(1)
        assert all_asked.wait(LIMIT)
        return pd.DataFrame({"a": [1]})

    monkeypatch.setattr("queries.once.Future", Answer)
    shot = snapshot.current()
    threads = [threading.Thread(target=shot.ask, args=(figure,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(made) + len(waiting) == 8, "eight who make the figure or wait for it")
    all_asked.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_a_reader_who_changes_its_frame_changes_nobody_elses(facts: Facts) -> None:
    shot = snapshot.current()
    mine = shot.figures["coverage"]
    mine["expected"] = -1
    mine.loc[0, "late"] = 99
    assert (shot.figures["coverage"]["expected"] >= 0).all()
    assert shot.figures["coverage"].loc[0, "late"] == 0


def test_a_figure_that_fails_says_so_to_who_asks_and_can_be_asked_again(facts: Facts) -> None:
    answers = iter([ValueError("broken"), "well"])

    def figure(m: Moment) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    shot = snapshot.current()
    with pytest.raises(ValueError, match="broken"):
        shot.ask(figure)
    assert shot.ask(figure) == "well"


def test_every_named_figure_can_be_had(facts: Facts) -> None:
    figures = snapshot.current().figures
    assert len(figures) == len(snapshot.FIGURES)
    assert all(isinstance(frame, pd.DataFrame) for frame in figures.values())


def test_past_moments_that_resolve_to_the_same_load_and_minute_share_a_snapshot(facts: Facts) -> None:
    facts.report("5001", "opening", at="08:10")
    at = ELECTION.moment_of("08:05")
    shot = snapshot.at(at)
    assert shot is snapshot.at(at + timedelta(seconds=30))
    assert shot is not snapshot.at(at + timedelta(minutes=1))
    assert opening(shot) == "due"
    assert opening(snapshot.at(ELECTION.moment_of("08:10"))) == "received"


def test_without_a_keeper_the_present_is_looked_up(facts: Facts) -> None:
    before = snapshot.current()
    assert snapshot.current() is before
    facts.report("5001", "opening", at="08:00")
    assert opening(snapshot.current()) == "received"


@pytest.mark.breaks
def test_a_store_that_is_away_leaves_the_last_snapshot(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def away(as_of: datetime | None = None) -> Moment:
        looks.append(1)
        raise sa.exc.OperationalError("select", {}, Exception("away"))

    with snapshot.keep_fresh():
        old = snapshot.current()
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, "now", away)
            eventually(lambda: len(looks) > 3, "three looks of the thread, each to its end")
            assert snapshot.current() is old
        facts.report("5001", "opening", at="08:00")
        wait_for_another(old)


@pytest.mark.breaks
def test_a_store_that_is_gone_before_anybody_looked_leaves_the_ages_of_the_last_snapshot(facts: Facts) -> None:
    present = Present()
    with snapshot.keep_fresh():
        made = eventually(lambda: (s := snapshot.kept()) and s.has(health.health) and s, "the first snapshot's ages")
        with gone(Path(str(facts.store.url.database))):
            known = present.known()
            assert present.broken == "writing"
            assert list(known.sources["source"]) == ["observation", "commission"]
            assert known.moment.load == made.moment.load
        assert not present.unreadable()
