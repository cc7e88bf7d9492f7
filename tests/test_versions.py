"""Promise 9. Equal version, equal figures: whatever was loaded, found unchanged, or decided by a person."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from queries import comparison, coverage, equipment, export, incidents, procedures, results, turnout
from queries.moment import Moment, moment
from store import clock, decisions
from store import tables as t
from store.engine import connect
from store.loading import loading
from tests.facts import ELECTION, Facts
from tests.test_kept import COUNT, FORMS, PECS, REPORTS, begun, take
from tests.test_unsorted import DANGER

NOW = ELECTION.moment_of("12:59")
EVERY_LOAD = 2**62  # is known to who decides
FIGURES = (
    coverage.coverage,
    coverage.states,
    incidents.incident_list,
    equipment.failures,
    procedures.procedures,
    turnout.turnout,
    results.results,
    lambda m: comparison.comparison(m, 1),
)
STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("says"), REPORTS, some.integers(0, 3)),
        some.tuples(some.just("takes an answer back"), REPORTS),
        some.tuples(some.just("is held"), REPORTS),
        some.tuples(some.just("nothing new"), some.sampled_from(PECS)),
        some.tuples(some.just("settled"), some.sampled_from(PECS), some.sampled_from(FORMS), some.integers(0, 3)),
        some.tuples(some.just("accepted"), some.sampled_from(PECS), some.sampled_from(FORMS), some.integers(0, 3)),
        some.tuples(some.just("sorted"), some.sampled_from(["dismissed", "violence|critical", "open"])),
        some.tuples(some.just("published"), some.sampled_from(PECS), some.integers(0, 3)),
    ),
    min_size=3,
    max_size=6,
)


def figures(url: str) -> str:
    """Every figure of the store as it stands, asked with nothing in memory."""
    store = connect(url)
    with clock.frozen(NOW):
        m: Moment = moment(store, ELECTION)
    told = [export.rows(figure(m), ELECTION.tz) for figure in FIGURES]
    store.dispose()
    return f"{told}"


def happens(facts: Facts, minute: int, step: tuple[Any, ...]) -> None:
    what, who = step[0], ("Asanova", "rang them")
    with clock.frozen(ELECTION.moment_of(f"12:{minute:02}")):
        if what == "nothing new":
            with loading(facts.store, "observation") as load:
                load.put(t.pec, [dict(row) for row in _rows(facts, step[1])])
        elif what == "settled":
            decisions.settle_answer(facts.store, step[1], step[2], COUNT, f"{step[3]}", *who, EVERY_LOAD)
        elif what == "accepted":
            decisions.accept_count(facts.store, step[1], step[2], COUNT, float(step[3]), *who)
        elif what == "sorted":
            decisions.sort_incidents(facts.store, _subjects(facts), step[1], *who, EVERY_LOAD)
    if what == "published":
        facts.published("manual", step[1], {"valid": float(step[2])}, at=f"12:{minute:02}")
    elif what in ("says", "takes an answer back", "is held"):
        take(facts, minute, step)


def _rows(facts: Facts, pec: str) -> list[dict[str, Any]]:
    with facts.store.connect() as conn:
        rows = conn.execute(t.pec.select().where(t.pec.c.pec == pec, t.pec.c.load_to.is_(None))).mappings()
        return [dict(row) for row in rows]


def _subjects(facts: Facts) -> list[str]:
    return [str(subject) for subject in incidents.incident_list(facts.at("12:59"))["subject"]]


def hold(migrated_file: Path, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    url, facts = begun(migrated_file, tmp_path)
    row = {"source": "observation", "incident": "i1", "unsorted": "unknown_pec", "written": "{}", "hash": "x"}
    facts.put(t.incident, row | {"description": DANGER["category"], "reported_at": NOW}, at="11:56")
    seen: dict[int, str] = {}
    for minute, step in enumerate([*steps, ("nothing new", PECS[0])]):
        happens(facts, minute, step)
        version = facts.at("12:59").data_version
        told = figures(url)
        assert seen.setdefault(version, told) == told, f"{step} moved a figure under version {version}"
    facts.store.dispose()


@settings(max_examples=2)
@given(steps=STEPS)
def test_equal_versions_have_equal_figures(migrated_file: Path, tmp_path: Path, steps: list[tuple[Any, ...]]) -> None:
    hold(migrated_file, tmp_path, steps)


@pytest.mark.proof
@settings(max_examples=20)
@given(steps=STEPS)
def test_equal_versions_have_equal_figures_many_times(
    migrated_file: Path, tmp_path: Path, steps: list[tuple[Any, ...]]
) -> None:
    hold(migrated_file, tmp_path, steps)


def test_a_decision_moves_the_version_where_it_moves_a_figure(migrated_file: Path, tmp_path: Path) -> None:
    """The other way round: what a person settles is seen, and has a version of its own."""
    url = f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'store.sqlite')}"
    facts = Facts(connect(url)).pec("5001")
    for observer, count in (("a", 100), ("b", 300)):
        facts.report("5001", "turnout_10", observer, at="11:00", **{COUNT: count})
    before, version = figures(url), facts.at("12:59").data_version
    with clock.frozen(ELECTION.moment_of("12:00")):
        decisions.settle_answer(facts.store, "5001", "turnout_10", COUNT, "300", "Asanova", "rang them", EVERY_LOAD)
    assert figures(url) != before
    assert facts.at("12:59").data_version > version
    facts.store.dispose()
