"""Whether a figure may be shown, and how wide: drift, the worst case, the light, and what they promise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import coverage
from queries.estimates import Estimate, TooFewPecs, merge_small_strata, proportion, ratio
from queries.light import Reason, Shown, Thresholds, drift, light, worst_case_shift

REFERENCE = Path(__file__).parent / "reference"
SAMPLE = pd.read_csv(REFERENCE / "sample300.csv")
SIZES = pd.read_csv(REFERENCE / "frame.csv")["stratum"].value_counts().to_dict()
DRAWN = SAMPLE["stratum"].value_counts().to_dict()


# --- early reports are not the sample


def test_drift_is_the_slope_of_the_rate_on_the_order_of_receipt_within_strata() -> None:
    got = drift([0.5, 0.4, 0.3, 0.2, 0.7, 0.6], [1, 2, 3, 4, 5, 6], list("aaaabb"), sample_size=8)
    assert got.slope == pytest.approx(-0.8)  # 0.1 down with each report, of 8
    assert got.standard_error == pytest.approx(0, abs=1e-12)
    assert got.missing == 0.25
    assert got.shift == pytest.approx(-0.1)  # the missing are, in the mean, half a sample later
    assert got.term == pytest.approx(0.1)


def test_the_error_of_the_slope_widens_the_drift_term() -> None:
    from scipy import stats  # here: to import it takes each worker that collects the tests a second

    rate, order = np.array([0.3, 0.5, 0.2, 0.4, 0.6, 0.1, 0.35]), np.arange(7)
    line = stats.linregress(order / 10, rate)  # one stratum: n - H - 1 is the n - 2 of a simple regression
    got = drift(rate, order, ["a"] * 7, sample_size=10)
    assert (got.slope, got.standard_error) == pytest.approx((line.slope, line.stderr))
    assert got.term == pytest.approx(0.3 * abs(line.slope) / 2 + 0.3 * line.stderr)


def test_when_nothing_is_missing_nothing_drifts() -> None:
    got = drift(SAMPLE["voted"] / SAMPLE["registered"], SAMPLE["minute"], SAMPLE["stratum"], 300)
    assert (got.missing, got.term) == (0, 0)


def test_reports_that_all_came_at_once_say_nothing_about_drift() -> None:
    assert drift([0.2, 0.4, 0.1, 0.3], [7, 7, 7, 7], list("aabb"), 8).term == np.inf
    assert drift([0.2, 0.4], [1, 2], list("aa"), 4).term == np.inf


def test_more_reports_than_the_sample_has_are_refused() -> None:
    with pytest.raises(ValueError, match="3 reports, of a sample of 2"):
        drift([0.1, 0.2, 0.3], [1, 2, 3], list("aaa"), 2)


@pytest.mark.parametrize(("y", "extreme"), [([20, 30, 70], 70), ([10, 50, 60], 10)])
def test_the_worst_case_fills_missing_pecs_with_low_or_high_turnout(y: list[int], extreme: int) -> None:
    sizes = {"a": 40, "b": 20}
    filled = (sum(y) + 3 * extreme) / 600  # three of six PECs of 100 voters are missing
    move = abs(filled - sum(y) / 300) * 40 / 60
    reported = ([*y, 10, 30], [100] * 5, list("aaabb"), sizes)
    assert worst_case_shift(*reported, list("aaa"), [100] * 3) == pytest.approx(move)
    assert worst_case_shift(*reported, list("aaa")) == pytest.approx(move)  # at the stratum's mean x
    assert worst_case_shift(*reported, [], []) == 0


def test_the_worst_case_is_that_of_the_voters_not_of_tiny_pecs() -> None:
    voters, turnout = [1000] * 20 + [50] * 2, [0.4] * 10 + [0.3] * 10 + [1.0] * 2  # two hospitals: 0.5% of the voters
    shift = worst_case_shift(np.multiply(voters, turnout), voters, ["a"] * 22, {"a": 220}, ["a"] * 10, [1000] * 10)
    assert shift == pytest.approx(7100 / 20100 - (7100 + 3000) / 30100)  # ten PECs more, at 30%; at 40% it moves less


def test_a_smaller_tail_is_a_worse_case() -> None:
    y, x = np.arange(1, 51), [100] * 50
    shifts = [worst_case_shift(y, x, ["a"] * 50, {"a": 900}, ["a"] * 9, tail=tail) for tail in (0.01, 0.05, 0.1, 0.4)]
    assert shifts == sorted(shifts, reverse=True)
    assert len(set(shifts)) == 4


def test_the_worst_case_of_pecs_in_an_unknown_stratum_is_refused() -> None:
    with pytest.raises(ValueError, match="no size is given for stratum b"):
        worst_case_shift([1, 2], [5, 5], ["a", "a"], {"a": 9}, ["b"], [5])


# --- the light

FULL: Estimate = ratio(SAMPLE["voted"], SAMPLE["registered"], SAMPLE["stratum"], SIZES)
LIMITS = Thresholds(amber_width=0.10)


@pytest.mark.parametrize(("worst", "widening"), [(0.002, 0.004), (0.01, 0.01), (None, 0.004)])
def test_green_shows_the_margin_and_the_larger_of_drift_and_worst_case(worst: float | None, widening: float) -> None:
    shown = light(FULL, DRAWN, DRAWN, 0.004, worst, LIMITS)
    assert (shown.light, shown.reasons) == ("green", ())
    assert (shown.low, shown.high) == pytest.approx((FULL.low - widening, FULL.high + widening))
    assert shown.margin == pytest.approx(FULL.margin)


def test_amber_shows_the_margin_and_the_larger_of_drift_and_worst_case_and_why_it_is_not_green() -> None:
    late = DRAWN | {"Naryn": 17, "Osh": 40}
    shown = light(FULL, late, DRAWN, 0.004, 0.02, LIMITS)
    assert shown.light == "amber"
    assert (shown.low, shown.high) == pytest.approx((FULL.low - 0.02, FULL.high + 0.02))
    assert set(shown.reasons) == {
        Reason("sample", None, have=281, needs=285, of=300),
        Reason("stratum", "Naryn", have=17, needs=18, of=22),
        Reason("stratum", "Osh", have=40, needs=44, of=54),
    }


def test_drift_over_half_the_margin_is_not_green() -> None:
    half = FULL.margin / 2
    assert light(FULL, DRAWN, DRAWN, half, 0, LIMITS).light == "green"
    shown = light(FULL, DRAWN, DRAWN, half + 1e-6, 0, LIMITS)
    assert (shown.light, shown.reasons) == ("amber", (Reason("drift", None, half + 1e-6, half),))


def test_red_shows_no_number_and_every_stratum_that_misses() -> None:
    early = DRAWN | {"Talas": 1, "Naryn": 10, "Chuy": 0}
    shown = light(FULL, early, DRAWN, 0.004, 0.02, LIMITS)
    assert (shown.light, shown.low, shown.high) == ("red", None, None)
    assert set(shown.reasons) == {
        Reason("sample", None, have=221, needs=240, of=300),
        Reason("stratum", "Talas", have=1, needs=8, of=15),
        Reason("stratum", "Naryn", have=10, needs=11, of=22),
        Reason("stratum", "Chuy", have=0, needs=27, of=53),
    }


def test_a_stratum_that_has_not_reported_at_all_is_red() -> None:
    heard = {label: count for label, count in DRAWN.items() if label != "Talas"}
    shown = light(FULL, heard, DRAWN, 0, 0, LIMITS)
    assert shown.reasons == (Reason("stratum", "Talas", have=0, needs=8, of=15),)


@pytest.mark.parametrize(
    ("drawn", "red_below", "green_from"),
    [(1, 1, 2), (2, 1, 2), (3, 1, 2), (5, 3, 3), (6, 3, 4), (9, 5, 7), (10, 5, 8), (14, 7, 12), (50, 25, 40)],
)
def test_a_stratum_may_lack_two_reports_or_a_share_but_never_all(drawn: int, red_below: int, green_from: int) -> None:
    for reported in range(drawn + 1):
        shown = light(FULL, {"a": reported, "b": 950}, {"a": drawn, "b": 950}, 0, 0, LIMITS)
        expected = "red" if reported < red_below else "amber" if reported < green_from else "green"
        assert (reported, shown.light) == (reported, expected)


def test_an_interval_wider_than_the_limit_is_red() -> None:
    late = DRAWN | {"Osh": 30}
    width = FULL.high - FULL.low + 2 * 0.05
    shown = light(FULL, late, DRAWN, 0.004, 0.05, LIMITS)
    assert (shown.light, shown.reasons) == ("red", (Reason("width", None, pytest.approx(width), 0.10),))
    assert light(FULL, late, DRAWN, np.inf, 0.01, LIMITS).light == "red"


def test_without_an_estimate_the_light_is_red_and_says_so() -> None:
    shown = light(None, {"Talas": 1}, DRAWN, np.inf, None, LIMITS)
    assert (shown.light, shown.margin) == ("red", None)
    assert shown.reasons[0] == Reason("estimate", None, have=0, needs=1)
    assert Reason("stratum", "Talas", have=1, needs=8, of=15) in shown.reasons


def test_a_process_question_has_drift_but_no_worst_case() -> None:
    failed = proportion(SAMPLE["fail"], SAMPLE["stratum"], SIZES)
    shown = light(failed, DRAWN | {"Osh": 40}, DRAWN, 0.002, None, replace(LIMITS, amber_width=0.2))
    assert (shown.light, shown.worst_case) == ("amber", None)
    assert (shown.low, shown.high) == pytest.approx((failed.low - 0.002, failed.high + 0.002))


def test_95_of_100_are_95_percent() -> None:
    for share in range(1, 100):
        limits = Thresholds(green_share=share / 100, green_stratum_share=0, amber_share=share / 100, least=0)
        assert light(FULL, {"a": share}, {"a": 100}, 0, 0, limits).light == "green"


def test_more_reports_than_pecs_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="Osh"):
        light(FULL, DRAWN | {"Osh": 55}, DRAWN, 0, 0, LIMITS)


LIGHTS = ("red", "amber", "green")


@st.composite
def reporting(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, int], dict[str, int], dict[str, str]]:
    """PECs drawn, those that reported, the same with one report less, and merge partners, by stratum."""
    some = st.integers(1, 6) | st.integers(1, 40)
    drawn = draw(st.dictionaries(st.sampled_from("abcde"), some, min_size=1))
    missing = {label: draw(st.integers(0, min(count, 5))) for label, count in drawn.items()}
    reported = {label: count - missing[label] for label, count in drawn.items()}
    one = draw(st.sampled_from(sorted(drawn)))
    partners = draw(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcde")))
    return drawn, reported, reported | {one: max(0, reported[one] - 1)}, partners


def lit(drawn: dict, reported: dict, partners: dict, term: float = 0.0, worst: float = 0.0) -> Shown:
    """The light of an estimate that stays as it is, as long as the strata can be merged so that there is one."""
    reports = [label for label, count in reported.items() for _ in range(count)]
    try:
        merge_small_strata(reports, {label: 10 * count for label, count in drawn.items()}, partners)
    except TooFewPecs:
        return light(None, reported, drawn, term, worst, LIMITS)
    return light(FULL, reported, drawn, term, worst, LIMITS)


@given(reporting(), st.floats(0, 0.03), st.floats(0, 0.06))
def test_the_light_never_improves_by_a_report_less_small_strata_merged(
    elections: tuple, term: float, worst: float
) -> None:
    drawn, reported, fewer, partners = elections
    before, after = (lit(drawn, counts, partners, term, worst) for counts in (reported, fewer))
    assert LIGHTS.index(after.light) <= LIGHTS.index(before.light)


@given(reporting())
def test_a_merged_estimate_is_never_green_and_a_silent_stratum_always_red(elections: tuple) -> None:
    drawn, reported, _, partners = elections
    shown = lit(drawn, reported, partners)
    if min(reported.values()) < 2:
        assert shown.light != "green"
    if min(reported.values()) == 0:
        assert shown.light == "red"


def test_a_stratum_that_loses_its_last_reports_does_not_hide_behind_its_partner() -> None:
    drawn, partners = {"s": 5, "t": 95}, {"s": "t"}
    lights = [lit(drawn, {"s": reports, "t": 95}, partners).light for reports in range(6)]
    assert lights == ["red", "red", "red", "green", "green", "green"]


def test_a_stratum_of_three_with_one_report_is_shown_merged_as_preliminary() -> None:
    drawn, partners = {"s": 3, "t": 97}, {"s": "t"}
    assert [lit(drawn, {"s": reports, "t": 97}, partners).light for reports in range(4)] == [
        "red",
        "amber",
        "green",
        "green",
    ]
    assert lit(drawn, {"s": 1, "t": 97}, {}).reasons == (Reason("estimate", None, have=0, needs=1),)


# --- what the light promises, by the simulation of docs/statistics.md, with few runs


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return coverage.simulate(runs=100, seed=20211128, at=(240, 270, 285))


def figure(rows: pd.DataFrame, order: str, reports: int) -> dict:
    """Of the three populations together: 100 runs each would say little alone."""
    here = rows[(rows["order"] == order) & (rows["reports"] == reports)]
    return coverage.table(here.assign(population="all"))[0]


@pytest.mark.proof
def test_what_is_shown_covers_the_truth_in_every_order_of_arrival(rows: pd.DataFrame) -> None:
    assert coverage.broken(coverage.table(rows.assign(population="all"))) == []


@pytest.mark.proof
def test_the_light_does_not_wait_longer_than_it_must(rows: pd.DataFrame) -> None:
    assert coverage.broken(coverage.table(rows[rows["order"] == "random"])) == []


@pytest.mark.proof
def test_drift_repairs_high_turnout_first(rows: pd.DataFrame) -> None:
    strongly = figure(rows, "high turnout first, strongly", 240)
    assert strongly["alone"] <= 0.1
    assert strongly["with_drift"] >= 0.9


@pytest.mark.proof
def test_drift_does_not_see_that_the_last_tenth_is_unlike_the_rest_and_the_worst_case_stands_for_it(
    rows: pd.DataFrame,
) -> None:
    last = figure(rows, "last 10% all of the highest turnout, no sign before", 270)
    assert last["with_drift"] <= 0.8
    assert last["amber_covers"] >= 0.9405


@pytest.mark.proof
def test_the_simulation_says_so_where_the_promise_is_broken(rows: pd.DataFrame) -> None:
    narrow = rows.assign(shown=(rows["margin"] + rows["drift"]).where(rows["light"] != "red"))
    found = coverage.broken(coverage.table(narrow))
    assert any("calm, last 10% all of the highest turnout" in line and "270" in line for line in found)
    dark = rows.assign(light="red", shown=np.nan)
    assert any("calm, random, 285 reports: green in 0%" in line for line in coverage.broken(coverage.table(dark)))


@pytest.mark.proof
def test_a_simulated_election_is_the_same_on_any_number_of_processes() -> None:
    few = {"runs": 60, "seed": 3, "populations": ["few"], "orders": ["random"], "at": (285,)}
    pd.testing.assert_frame_equal(coverage.simulate(**few), coverage.simulate(**few, processes=2))
