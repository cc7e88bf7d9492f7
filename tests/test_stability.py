"""How a turnout estimate came about: each step is the estimate of the reports so far, and red steps have no number."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from elections.config import Election
from pages import charts_stability, turnout_words
from queries import __main__ as figures
from queries import light, moment, stability, turnout
from tests.facts import ELECTION, Facts
from tests.test_turnout import DRAWN, reports

NUMBERS = ["value", "low", "high", "margin", "drift", "worst_case"]


def steps(facts: Facts, **asked: Any) -> pd.DataFrame:
    return stability.stability(facts.at("12:30"), **asked)


def test_each_step_is_the_estimate_that_those_reports_gave_when_they_had_come(store: sa.Engine) -> None:
    facts = Facts(store)
    pecs = facts.pecs(DRAWN)
    chance = np.random.default_rng(3)
    come = [str(pec) for pec in chance.permutation(pecs)]
    reports(facts, come[:250])
    then = turnout.turnout(facts.at("12:30"), hour="12:00").iloc[0]
    last = steps(facts).iloc[-1]
    assert (last["n"], last["light"]) == (250, "amber")
    pd.testing.assert_series_equal(last[NUMBERS], then[NUMBERS], check_names=False, check_dtype=False)
    for pec in come[250:255]:
        facts.report(pec, "voting_12", at="12:40", sent="12:39", voters_voted=100)
    whole = stability.stability(facts.at("12:50")).set_index("n")
    pd.testing.assert_series_equal(whole.loc[250, NUMBERS], then[NUMBERS], check_names=False, check_dtype=False)
    assert whole.index[-1] == 255


def test_a_step_at_which_the_light_was_red_has_no_number(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    reports(facts, facts.pecs(DRAWN)[::-1])
    found = steps(facts)
    red = found["light"] == "red"
    assert red.any()
    assert (~red).any()
    assert found.loc[red, NUMBERS].isna().all(axis=None)
    assert found.loc[~red, NUMBERS].notna().all(axis=None)
    spec = charts_stability.settling(found)
    assert [row["n"] for row in spec["datasets"]["rows"]] == found.loc[~red, "n"].tolist()
    assert charts_stability.settling(found[red]) == {}


def test_reports_that_came_together_are_never_parted_and_the_steps_are_few() -> None:
    together = [0.0] * 7 + [1.0] * 4 + list(map(float, range(2, 291)))
    taken = stability._steps(together)
    assert not set(taken) & ({*range(1, 7)} | {*range(8, 11)})
    assert taken[-1] == len(together)
    assert len(taken) <= stability.MOST
    assert stability._steps([]) == []


def test_the_strata_of_the_reports_add_up_at_each_step(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    reports(facts, facts.pecs(DRAWN)[:120])
    parts = stability.composition(steps(facts), ELECTION)
    assert (parts.groupby("n")["pecs"].sum() == parts.groupby("n")["n"].first()).all()
    assert list(parts[parts["n"] == 120]["stratum"]) == list(DRAWN)
    assert parts["share"].between(0, 1).all()
    assert charts_stability.composition(parts)["datasets"]["rows"][0]["reported"].endswith("of 28")


def test_the_slope_is_the_lights_and_residuals_have_it_as_their_line(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    pecs = facts.pecs(DRAWN)[:290]
    said = reports(facts, pecs)
    strata = [s.id for s in ELECTION.strata for _ in range(s.sampled)][:290]
    rate = [said[pec] / 1000 for pec in pecs]
    expected = light.drift(rate, list(range(290)), strata, 300)
    (row,) = stability.trends(facts.at("12:30")).to_dict("records")
    assert (row["slope"], row["standard_error"], row["shift"], row["term"]) == pytest.approx(
        (expected.slope, expected.standard_error, expected.shift, expected.term)
    )
    rows = stability.residuals(facts.at("12:30"))
    assert list(rows["pec"]) == pecs
    frame = pd.DataFrame({"stratum": strata, "rate": rate})
    own = frame["rate"] - frame.groupby("stratum")["rate"].transform("mean")
    assert rows["residual"].to_numpy() == pytest.approx(own.to_numpy())
    steps_of_line = np.diff(rows["fitted"])
    assert steps_of_line == pytest.approx(np.full(289, expected.slope / 300))


@pytest.mark.parametrize(
    ("slope", "error", "said"), [(0.05, 0.01, "rises"), (-0.05, 0.01, "falls"), (0.02, 0.01, "level"), (0, 0, "level")]
)
def test_a_slope_within_two_standard_errors_is_level(slope: float, error: float, said: str) -> None:
    assert stability._direction(slope, error) == said
    row = {"direction": said, "slope": slope, "standard_error": error, "missing": 0.1, "shift": 0.01, "term": 0.02}
    words = " ".join(turnout_words.drift(row))
    assert {"rises": "higher", "falls": "lower", "level": "chance"}[said] in words
    assert "moves by 1.00 points; the interval leaves 2.00" in words
    assert "nothing is left" in " ".join(turnout_words.drift(row | {"missing": 0.0}))


def test_under_a_red_light_there_is_neither_slope_nor_residual(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    reports(facts, facts.pecs(DRAWN)[:150])
    row = stability.trends(facts.at("12:30")).iloc[0]
    assert row["light"] == "red"
    assert row[["slope", "standard_error", "missing", "shift", "term", "direction"]].isna().all()
    rows = stability.residuals(facts.at("12:30"))
    assert rows.empty
    assert charts_stability.drift(rows) == {}


def test_a_falling_count_is_in_no_step(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store).pec("5001").pec("5002")
    for pec, earlier in (("5001", 200), ("5002", 50)):
        facts.report(pec, "turnout_10", at="10:05", voters_voted=earlier, count_origin="screen", best=False)
        facts.report(pec, "voting_12", at="12:05", voters_voted=150, count_origin="screen")
    assert steps(facts)["n"].tolist() == [1]
    assert steps(facts, hour="10:00")["n"].tolist() == [1, 2]


def test_the_margin_to_publish_is_the_one_that_the_configuration_names(sqlite_store: sa.Engine) -> None:
    for which, column in (("design", "design_margin"), ("data", "margin")):
        estimates = ELECTION.estimates.model_copy(update={"publish_margin": which})
        election: Election = ELECTION.model_copy(update={"estimates": estimates})
        facts = Facts(sqlite_store, election)
        pecs = facts.pecs(DRAWN)
        reports(facts, pecs)
        row = turnout.turnout(facts.at("12:30"), hour="12:00").iloc[0]
        assert (row["publish"], row["publish_margin"]) == (which, row[column])
        assert row["shown_margin"] == pytest.approx((row["high"] - row["low"]) / 2)
        said = turnout_words.margins(row.to_dict())
        assert sum(line.startswith("To publish") for line in said) == 1
        assert len([line for line in said if "±" in line]) == 3


def test_a_margin_narrower_than_the_interval_shown_is_said_to_be(sqlite_store: sa.Engine) -> None:
    row = {"margin": 0.02, "design_margin": 0.03, "shown_margin": 0.04, "publish": "design", "publish_margin": 0.03,
           "light": "amber", "drift": 0.01, "worst_case": 0.02}  # fmt: skip
    assert "wider than that" in turnout_words.margins(row)[-1]
    assert "wider" not in " ".join(turnout_words.margins(row | {"shown_margin": 0.03}))
    red = row | {"light": "red", "shown_margin": None, "publish_margin": None}
    assert [line for line in turnout_words.margins(red) if "±" in line] == ["fixed before the day: ± 3.00 points"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["coverage", "--stability"], "coverage has no --stability"),
        (["turnout", "--stability", "--by", "region"], "turnout --stability has neither --list nor --by"),
        (["turnout", "--drift", "--form", "opening"], "turnout --drift has no --form"),
    ],
)
def test_what_a_figure_has_not_is_refused(
    sqlite_store: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", str(sqlite_store.url))
    moment.here.cache_clear()
    assert figures.main(arguments) == 2
    assert said in capfd.readouterr().err
    moment.here.cache_clear()
