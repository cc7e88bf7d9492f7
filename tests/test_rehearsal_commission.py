"""What the rehearsed commission publishes, as it is served."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elections.config import FOLDER, Election, read
from rehearsal.ballots import ballots
from rehearsal.commission import Commission
from rehearsal.script import apportion, read_script
from rehearsal.server import Site
from rehearsal.turnout import turnout
from rehearsal.world import world

PUBLISHED = FOLDER / "kg-2021-11-28" / "published"
Get = Callable[[str, str], Any]
FULL, QUIET = "kg-2021-11-28", "kg-rehearsal-quiet"


def commission(election: Election, seed: int | None = None) -> Commission:
    everything = world(election, read_script(election).with_seed(seed))
    return Commission(everything, ballots(everything, turnout(everything)))


@pytest.fixture(scope="module", params=[FULL, QUIET])
def folder(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def get(folder: str) -> Iterator[Get]:
    """The page at a path as it is served at a moment."""
    election = read(folder)
    now = election.moment_of("08:00")
    with Site(commission(election), lambda: now) as site, httpx.Client(base_url=site.url) as client:

        def page(path: str, moment: str) -> Any:
            nonlocal now
            now = election.moment_of(moment)
            answer = client.get(path)
            assert answer.status_code == 200
            return answer.json()

        yield page


def figures(rows: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A protocol's lines and its votes, by PEC."""
    table = pd.DataFrame(rows).set_index("pec")
    votes = pd.DataFrame(table.votes.tolist(), index=table.index)
    return table.drop(columns="votes"), votes


def test_manual_votes_on_7_december_are_the_published_ones(get: Get, election: Election) -> None:
    lines, votes = figures(get("/results/manual.json", "2021-12-07T18:00")["protocols"])
    assert len(lines) == 2494
    number = {item.id: item.number for item in election.contests[0].lists}
    total = votes.sum()
    published = pd.read_csv(PUBLISHED / "results_single_constituency.csv")
    for row in published.itertuples():
        assert total[number[row.list]] == row.votes
        assert abs(100 * row.votes / lines.found.sum() - row.percent) <= 0.0051
    assert (lines.invalid.sum(), lines.found.sum()) == (120300, 1281600)
    others = total.drop([number[name] for name in published.list])
    assert (others / lines.found.sum() < 0.05).all()
    assert 0.34 < lines.found.sum() / lines.voters.sum() < 0.36
    inside = lines[lines.region != "abroad"]
    assert (inside.voters.sum(), lines.voters.sum() - inside.voters.sum()) == (3619292, 84128)


def test_machine_votes_differ_a_little_and_ata_meken_has_45306(get: Get, folder: str) -> None:
    lines, votes = figures(get("/results/machine.json", "21:00")["protocols"])
    by_hand, hand_votes = figures(get("/results/manual.json", "2021-12-07T18:00")["protocols"])
    assert len(lines) == 2494
    assert votes["1"].sum() == 45306
    moved = (votes - hand_votes.loc[votes.index]).abs().sum(axis=1)
    assert 0 < (moved > 0).mean() < 1
    assert moved.max() <= 20
    missing = by_hand.found.loc[lines.index] - lines.found
    assert missing.between(0, 5).all()
    assert (missing > 0).any() == (folder == FULL)


@pytest.mark.parametrize(("path", "moment"), [("machine", "21:00"), ("manual", "2021-12-07T18:00")])
def test_every_published_polling_stations_figures_obey_the_rules(get: Get, path: str, moment: str) -> None:
    lines, votes = figures(get(f"/results/{path}.json", moment)["protocols"])
    obeys(lines, votes)


def obeys(lines: pd.DataFrame, votes: pd.DataFrame) -> None:
    assert (lines.voters >= lines.issued).all()
    assert (lines.received == lines.issued + lines.unused + lines.spoiled).all()
    assert (lines.found <= lines.issued).all()
    assert (lines.found == lines.valid + lines.invalid).all()
    assert (lines.valid == votes.sum(axis=1)).all()
    assert (lines.received <= lines.voters * 1.001).all()
    assert (votes >= 0).all(axis=None)
    assert (lines[["issued", "unused", "spoiled", "found", "valid", "invalid"]] >= 0).all(axis=None)


@pytest.mark.parametrize(("moment", "hours"), [("09:59", 0), ("12:30", 2), ("16:30", 4), ("21:00", 6)])
def test_turnout_comes_some_minutes_after_its_hour(get: Get, moment: str, hours: int) -> None:
    rows = get("/turnout.json", moment)["rows"]
    assert len({row["hour"] for row in rows}) == hours
    assert len(rows) == 9 * hours


def test_the_commissions_turnout_is_as_published(get: Get) -> None:
    rows = pd.DataFrame(get("/turnout.json", "2021-11-29T10:00")["rows"])
    inside = rows[rows.region != "abroad"].groupby("hour")[["voted", "voters"]].sum()
    share = inside.voted / inside.voters * 100
    assert share["14:00"] == pytest.approx(16.35, abs=0.005)
    assert share["16:00"] == pytest.approx(22.47, abs=0.005)
    for _, own in rows.sort_values("hour").groupby("region"):
        assert own.voted.is_monotonic_increasing
    assert rows[rows.region == "abroad"].voters.eq(84128).all()


@pytest.mark.parametrize(
    ("moment", "in_by_then"),
    [("20:00", 0), ("2021-11-29T11:00", 1571), ("2021-12-04T00:00", 2491), ("2021-12-04T23:59", 2491)],
)
def test_manual_protocols_come_as_fast_as_they_did(get: Get, moment: str, in_by_then: int) -> None:
    assert len(get("/results/manual.json", moment)["protocols"]) == in_by_then
    assert round(1571 / 2494, 2) == 0.63


def test_machine_counts_come_between_20_00_and_21_00(get: Get) -> None:
    assert get("/results/machine.json", "20:00")["protocols"] == []
    assert 50 < len(get("/results/machine.json", "20:05")["protocols"]) < 500
    assert len(get("/results/machine.json", "21:00")["protocols"]) == 2494


def test_that_nights_summary_adds_preference_votes_until_22_00(get: Get, folder: str) -> None:
    wrong = folder == FULL
    for moment in ("20:05", "20:31", "21:30", "21:59", "22:00", "2021-11-29T10:00"):
        lines, votes = figures(get("/results/machine.json", moment)["protocols"])
        (row,) = get("/summary/machine.json", moment)["rows"]
        percents = sum(map(float, row["percents"].values()))
        assert (row["pecs"], row["found"], row["invalid"]) == (len(lines), lines.found.sum(), lines.invalid.sum())
        if wrong and moment in ("20:05", "20:31", "21:30", "21:59"):
            assert row["votes"]["1"] > votes["1"].sum()
            assert percents > 100
        else:
            assert row["votes"] == votes.sum().to_dict()
            assert percents < 100
    if wrong:
        (row,) = get("/summary/machine.json", "21:00")["rows"]
        assert row["votes"]["1"] == 78651
        assert sum(map(float, row["percents"].values())) > 150


def test_the_manual_summary_is_the_sum_of_its_polling_stations(get: Get) -> None:
    assert get("/summary/manual.json", "21:00")["rows"] == []
    for moment in ("2021-11-29T11:00", "2021-12-07T18:00"):
        lines, votes = figures(get("/results/manual.json", moment)["protocols"])
        (row,) = get("/summary/manual.json", moment)["rows"]
        assert row["votes"] == votes.sum().to_dict()
        assert row["pecs"] == len(lines)
    assert row["percents"]["21"] == "17.32"


def test_a_page_that_did_not_change_is_not_sent_again(election: Election) -> None:
    now = election.moment_of("20:30")
    with Site(commission(election), lambda: now) as site, httpx.Client(base_url=site.url) as client:
        first = client.get("/results/machine.json")
        known = {"If-None-Match": first.headers["etag"]}
        assert client.get("/results/machine.json", headers=known).status_code == 304
        modified = {"If-Modified-Since": first.headers["last-modified"]}
        assert client.get("/results/machine.json", headers=modified).status_code == 304
        now += timedelta(minutes=5)
        assert client.get("/results/machine.json", headers=known).status_code == 200
        assert client.get("/elsewhere.json").status_code == 404


@given(seed=st.integers(0, 2**32))
@settings(max_examples=4)
def test_whatever_the_seed_the_totals_and_the_rules_hold(election: Election, seed: int) -> None:
    at = election.moment_of("2021-12-07T18:00")
    published = commission(election, seed)
    for path in ("/results/machine.json", "/results/manual.json"):
        page = published.page(path, at)
        assert page is not None
        lines, votes = figures(json.loads(page.body)["protocols"])
        obeys(lines, votes)
    assert (votes["21"].sum(), lines.invalid.sum(), lines.found.sum()) == (222005, 120300, 1281600)


@given(
    weights=st.lists(st.floats(0.01, 1000), min_size=1, max_size=40),
    total=st.integers(0, 10_000),
    room=st.integers(0, 300),
)
def test_shares_are_whole_add_up_and_stay_under_their_ceiling(weights: list[float], total: int, room: int) -> None:
    most = np.full(len(weights), total // len(weights) + 1 + room)
    shares = apportion(np.array(weights), total, most)
    assert shares.sum() == total
    assert (shares >= 0).all()
    assert (shares <= most).all()


def test_times_of_publication_are_of_the_elections_zone(election: Election) -> None:
    page = commission(election).page("/turnout.json", election.moment_of("16:30"))
    assert page is not None
    assert isinstance(page.modified, datetime)
    assert page.modified.astimezone(election.tz).hour == 16
