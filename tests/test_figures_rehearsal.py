"""The rehearsed day: its figures are the published ones, and at any moment those of the observers' own rows."""

import contextlib
import csv
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
import sqlalchemy as sa

from elections import config
from elections.config import FOLDER, Election
from queries import __main__ as figures
from queries import bursts, coverage, equipment, incidents, procedures, turnout
from queries.moment import Moment, here, moment
from rehearsal.outside import Outside
from store.engine import connect
from tests.brute_force import Day, read
from tests.conftest import Rehearsed

PUBLISHED = FOLDER / "kg-2021-11-28" / "published"
MORNING = "2021-11-29T10:00"
MOMENTS = 20


def table(name: str) -> list[dict[str, str]]:
    with (PUBLISHED / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figure(rehearsed: Rehearsed, *arguments: str) -> list[dict[str, Any]]:
    """The rows of a figure, as the command line gives them, at ten in the morning."""
    return asked(rehearsed.store_url, rehearsed.election, *arguments)


@cache
def asked(store: str, election: str, *arguments: str) -> list[dict[str, Any]]:
    command = [*arguments, "--format", "json", "--as-of", MORNING]
    said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("BAIKOO_STORE", store)
        patch.setenv("BAIKOO_ELECTION", election)
        here.cache_clear()
        assert figures.main(command) == 0
    here.cache_clear()
    said.seek(0)
    answer = json.load(said)
    assert answer["as_of"] == "2021-11-29T10:00:00+06:00"
    return list(answer["rows"])


def test_the_command_says_what_its_function_says(rehearsed: Rehearsed) -> None:
    command = [sys.executable, "-m", "queries", "equipment", "--format", "json", "--as-of", MORNING]
    environ = os.environ | {"BAIKOO_STORE": rehearsed.store_url, "BAIKOO_ELECTION": rehearsed.election}
    done = subprocess.run(command, cwd=FOLDER.parent, env=environ, check=True, capture_output=True)
    assert json.loads(done.stdout)["rows"] == figure(rehearsed, "equipment")


def test_every_published_answer_is_counted_as_published(rehearsed: Rehearsed) -> None:
    found = {(r["stage"], r["question"], r["answer"]): r for r in figure(rehearsed, "procedures")}
    for row in table("procedures_election_day.csv"):
        own = found[row["stage"], row["question"], row["answer"]]
        assert (own["count"], own["n"]) == (int(row["pecs"]), int(row["observed"])), row


def test_voting_outside_the_premises_is_counted_as_published(rehearsed: Rehearsed) -> None:
    found = {(r["question"], r["answer"]): r for r in figure(rehearsed, "procedures") if r["stage"] == "mobile"}
    for row in table("mobile_voting_day.csv"):
        own = found[row["question"], "yes"]
        assert (own["count"], own["n"]) == (int(row["pecs"]), int(row["observed"])), row


def test_the_sample_is_covered_by_region_as_it_was_drawn(rehearsed: Rehearsed) -> None:
    found = {r["region"]: r for r in figure(rehearsed, "coverage", "--by", "region", "--form", "opening")}
    for row in table("regions.csv"):
        assert found[row["region"]]["expected"] == found[row["region"]]["received"] == int(row["pecs_sampled"])
    mobile = figure(rehearsed, "coverage", "--form", "mobile_voting")
    assert mobile[0]["expected"] == 179


@pytest.mark.parametrize(
    ("day", "name", "total"),
    [
        ("2021-11-28", "incidents_election_day.csv", 60),
        ("2021-11-27", "incidents_mobile_voting_day.csv", 14),
    ],
)
def test_incidents_are_those_that_were_published_contradictions_included(
    rehearsed: Rehearsed, day: str, name: str, total: int
) -> None:
    published = table(name)
    listed = figure(rehearsed, "incidents", "--list", "--day", day)
    keys = ("category", "pec", "region_as_reported", "district_as_reported")
    found = sorted(tuple(r[key] or "" for key in keys) for r in listed)
    assert found == sorted(tuple(r[key] for key in keys) for r in published)
    counted = {r["category"]: r["count"] for r in figure(rehearsed, "incidents", "--day", day)}
    for category in {r["category"] for r in published}:
        assert counted[category] == sum(r["category"] == category for r in published)
    assert sum(counted.values()) == total


def test_equipment_failed_as_published_and_nobody_elses_box_was_replaced(rehearsed: Rehearsed) -> None:
    found = {r["device"]: r for r in figure(rehearsed, "equipment")}
    assert (found["arbb"]["pecs_failed"], found["arbb"]["n"], found["arbb"]["pecs_replaced"]) == (90, 300, 16)
    assert (found["identification"]["pecs_failed"], found["identification"]["n"]) == (22, 300)
    bands = {r["band"]: r["pecs"] for r in figure(rehearsed, "equipment", "--by", "band")}
    assert bands == {"none": 280, "1_to_5": 14, "6_to_10": 4, "over_10": 2}


def test_turnout_ends_at_about_thirty_five_percent_under_a_green_light(rehearsed: Rehearsed) -> None:
    found = {r["hour"]: r for r in figure(rehearsed, "turnout")}
    last = found["20:00"]
    assert last["light"] == "green"
    assert last["value"] == pytest.approx(0.355, abs=0.005)
    assert found["16:00"]["value"] == pytest.approx(0.25, abs=0.01)
    assert (found["14:00"]["published"], found["16:00"]["published"]) == pytest.approx((0.1635, 0.2247), abs=5e-5)


def test_the_protocols_that_are_in_add_up_and_the_machine_has_all(rehearsed: Rehearsed) -> None:
    found = {(r["count"], r["list"]): r for r in figure(rehearsed, "results")}
    machine, manual = found["machine", "valid"], found["manual", "valid"]
    assert (machine["pecs"], machine["of"], manual["of"]) == (2494, 2494, 2494)
    assert 0.5 < manual["pecs"] / manual["of"] < 0.75
    for row in table("results_single_constituency.csv"):
        assert found["machine", row["list"]]["share"] == pytest.approx(float(row["percent"]) / 100, abs=0.002)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, election: Election) -> list[Day]:
    """Twenty random moments of the day: the observers' database as it was, played again without a monitor."""
    outside = Outside(election, f"sqlite:///{tmp_path_factory.mktemp('again') / 'observation.sqlite'}")
    first = election.moment_of("2021-11-27T06:00")
    steps = random.Random(28).sample(range(24, 52 * 12), MOMENTS)  # noqa: S311 -- repeatable, not secret
    found = []
    for step in sorted(steps):
        at = first + timedelta(minutes=5 * step)
        outside.advance(at)
        found.append(Day(election, at, read(outside.database)))
    outside.close()
    return found


@pytest.fixture(scope="module")
def store(rehearsed: Rehearsed) -> Iterator[sa.Engine]:
    engine = connect(rehearsed.store_url)
    yield engine
    engine.dispose()


# every fourth moment in `make test`, all of them in `make proof`
@pytest.fixture(params=[n if n % 4 == 0 else pytest.param(n, marks=pytest.mark.proof) for n in range(MOMENTS)])
def both(request: pytest.FixtureRequest, days: list[Day], store: sa.Engine, election: Election) -> tuple[Day, Moment]:
    """A moment as the observers' database had it, and as the store says it was known."""
    day = days[request.param]
    return day, moment(store, election, day.at)


def test_coverage_is_that_of_the_observers_own_rows(both: tuple[Day, Moment]) -> None:
    day, m = both
    rows = coverage.coverage(m, ("form", "region"))
    cells = [(r["form"], r["region"], s, int(r[s])) for _, r in rows.iterrows() for s in coverage.STATES]
    found = {tuple(key): pecs for *key, pecs in cells if pecs}
    assert found == day.coverage()


def test_incidents_are_those_of_the_observers_own_rows(both: tuple[Day, Moment]) -> None:
    day, m = both
    rows = incidents.incidents(m, ("region", "category"))
    found = {(r["region"], r["category"]): (int(r["count"]), int(r["pecs"])) for _, r in rows.iterrows() if r["count"]}
    assert found == day.incidents()


def test_procedures_are_those_of_the_observers_own_rows(both: tuple[Day, Moment]) -> None:
    day, m = both
    expected = day.procedures()
    rows = procedures.procedures(m)
    assert {(r["stage"], r["question"], r["answer"]) for _, r in rows.iterrows()} == set(expected)
    for _, r in rows.iterrows():
        own = expected[r["stage"], r["question"], r["answer"]]
        assert (r["count"], r["n"], r["conflicts"]) == (own["count"], own["n"], own["conflicts"]), (r, own)
        same_share(r, own)


def same_share(r: Any, own: dict[str, Any]) -> None:
    """The value, and the interval with its drift on both sides; none of them under a red light."""
    if r["light"] == "red":
        assert r[["value", "low", "high"]].isna().all()
    else:
        wider = {"low": max(0.0, own["low"] - r["drift"]), "high": min(1.0, own["high"] + r["drift"])}
        same_numbers(r, own | wider, "value", "low", "high")


def test_equipment_is_that_of_the_observers_own_rows(both: tuple[Day, Moment]) -> None:
    day, m = both
    for device, own in day.equipment().items():
        r = equipment.failures(m).set_index("device").loc[device]
        told = ("pecs_failed", "n", "failed_of_n", "conflicts")
        assert [r[name] for name in told] == [own[name] for name in told]
        assert r["open_now"] + r["end_unknown"] == own["without_end"]
        assert own["open_at_least"] <= r["open_now"] <= own["open_at_most"]
        same_share(r, own)


def test_turnout_is_that_of_the_observers_own_rows(both: tuple[Day, Moment]) -> None:
    day, m = both
    rows = turnout.turnout(m).set_index("hour")
    expected = day.turnout()
    assert list(rows.index) == list(expected)
    for hour, own in expected.items():
        r = rows.loc[hour]
        assert (r["n"], r["falling"], r["conflicts"]) == (own["n"], own["falling"], own["conflicts"])
        assert r["merged_strata"] == own["merged"]
        same_numbers(r, own, "margin")
        if r["light"] != "red":
            same_numbers(r, own, "value")


def same_numbers(row: Any, own: dict[str, Any], *names: str) -> None:
    """Equal, or missing in both."""
    for name in names:
        expected = own.get(name)
        if expected is None:
            assert row[name] != row[name], (name, row[name])
        else:
            assert row[name] == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def test_the_random_moments_are_all_over_the_day(days: list[Day]) -> None:
    assert len({day.at for day in days}) == MOMENTS
    assert sum(day.at.date() == day.election.date for day in days) >= 5


def test_on_the_rehearsed_day_corrections_and_no_burst(rehearsed: Rehearsed) -> None:
    election = config.read(rehearsed.election)
    store, morning = connect(rehearsed.store_url), election.moment_of(MORNING)
    hours = [moment(store, election, morning - timedelta(hours=h)) for h in range(27)]
    assert max(len(bursts._changed(m)) for m in hours) > 1
    assert [m.at for m in hours if len(bursts.bursts(m))] == []
