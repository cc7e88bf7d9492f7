"""What may be said about all PECs from a sample: against R's survey, against formulas, and by simulation."""

from collections.abc import Callable
from dataclasses import astuple, replace
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from queries.estimates import Estimate, TooFewPecs, merge_small_strata, proportion, ratio
from queries.light import Reason, Thresholds, drift, light, worst_case_shift

REFERENCE = Path(__file__).parent / "reference"
FRAME = pd.read_csv(REFERENCE / "frame.csv")
SAMPLE = pd.read_csv(REFERENCE / "sample300.csv")
PARTIAL = pd.read_csv(REFERENCE / "partial.csv")
CASES = pd.read_csv(REFERENCE / "reference_cases.csv", index_col="case")
SIZES = FRAME["stratum"].value_counts().to_dict()
DRAWN = SAMPLE["stratum"].value_counts().to_dict()
PARTNERS = {"Talas": "Naryn", "Naryn": "Issyk-Kul"}


def turnout(pecs: pd.DataFrame, sizes: dict[str, int] = SIZES) -> Estimate:
    return ratio(pecs["voted"], pecs["registered"], pecs["stratum"], sizes)


def of_the_reference(case: str) -> Estimate:
    if case == "turnout_full":
        return turnout(SAMPLE)
    if case == "partyA_full":
        return ratio(SAMPLE["party_a"], SAMPLE["valid"], SAMPLE["stratum"], SIZES)
    if case.startswith("prop_beta_"):
        return proportion(SAMPLE[case.removeprefix("prop_beta_")], SAMPLE["stratum"], SIZES)
    if case == "turnout_partial_collapsed":
        stratum, sizes, _ = merge_small_strata(PARTIAL["stratum"], SIZES, PARTNERS)
        return ratio(PARTIAL["voted"], PARTIAL["registered"], stratum, sizes)
    alone = case.removeprefix("turnout_")
    return turnout(SAMPLE[SAMPLE["stratum"] == alone], {alone: SIZES[alone]})


@pytest.mark.parametrize("case", CASES.index)
def test_estimates_are_those_of_r_survey(case: str) -> None:
    got = of_the_reference(case)
    figures = [got.value, got.standard_error, got.degrees_of_freedom, got.low, got.high]
    assert figures == pytest.approx(CASES.loc[case].tolist(), rel=0, abs=1e-9)


# --- rare and universal answers


@pytest.mark.parametrize(("confidence", "at_most"), [(0.99, 0.018), (0.95, 0.012)])
def test_none_of_300_is_at_most_a_number_and_never_zero(confidence: float, at_most: float) -> None:
    none = proportion(np.zeros(300), SAMPLE["stratum"], SIZES, confidence)
    corrected = 300 * (stats.t.ppf((1 + confidence) / 2, 299) / stats.t.ppf((1 + confidence) / 2, 292)) ** 2
    assert (none.value, none.low, none.standard_error) == (0, 0, 0)
    assert none.high == pytest.approx(1 - ((1 - confidence) / 2) ** (1 / corrected), abs=1e-12)
    assert round(none.high, 3) == at_most


def test_all_of_300_is_the_mirror_of_none() -> None:
    none = proportion(np.zeros(300), SAMPLE["stratum"], SIZES)
    every = proportion(np.ones(300), SAMPLE["stratum"], SIZES)
    assert (every.value, every.high) == (1, 1)
    assert every.low == pytest.approx(1 - none.high, abs=1e-12)


def test_strata_that_each_agree_with_themselves_still_have_an_interval() -> None:
    split = proportion([1, 1, 1, 0, 0, 0], list("aaabbb"), {"a": 10, "b": 10})
    assert 0 < split.low < split.value == 0.5 < split.high < 1


def test_a_stratum_in_which_every_pec_reported_adds_nothing_to_the_margin() -> None:
    assert ratio([3, 5, 4], [10, 10, 10], ["a"] * 3, {"a": 3}).margin == 0


# --- what is refused


def test_a_stratum_with_one_pec_is_refused_by_name() -> None:
    with pytest.raises(TooFewPecs, match="Talas") as refused:
        turnout(SAMPLE.drop(SAMPLE.index[SAMPLE["stratum"] == "Talas"][1:]))
    assert refused.value.stratum == "Talas"


def test_a_stratum_without_reports_does_not_vanish() -> None:
    silent = SAMPLE[SAMPLE["stratum"] != "Talas"]
    with pytest.raises(TooFewPecs, match="Talas"):
        turnout(silent)
    with pytest.raises(TooFewPecs, match="Talas"):
        proportion(silent["fail"], silent["stratum"], SIZES)


@pytest.mark.parametrize(
    ("y", "x", "stratum", "sizes", "message"),
    [
        ([1, 2], [5, 5], ["a", "b"], {"a": 9}, "no size is given for stratum b"),
        ([1, 2, 3], [5, 5], ["a", "a"], {"a": 9}, "y has 3 values for 2 PECs"),
        ([1, 2], [5], ["a", "a"], {"a": 9}, "x has 1 values for 2 PECs"),
        ([1, np.nan], [5, 5], ["a", "a"], {"a": 9}, "y is not a number at 1 of 2 PECs"),
        ([1, 2, 3], [5, 5, 5], ["a", "a", "a"], {"a": 2}, "stratum a: 3 PECs of the 2 in the frame"),
        ([0, 0], [0, 0], ["a", "a"], {"a": 9}, "x is zero or less at 2 of 2 PECs"),
        ([1, 2], [5, -5], ["a", "a"], {"a": 9}, "x is zero or less at 1 of 2 PECs"),
        ([], [], [], {}, "no stratum is given"),
    ],
)
def test_data_that_cannot_be_right_is_refused(
    y: list, x: list, stratum: list, sizes: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ratio(y, x, stratum, sizes)


def test_an_answer_that_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(ValueError, match="another answer"):
        proportion([0, 2], ["a", "a"], {"a": 9})


def test_a_confidence_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="99"):
        ratio([1, 2], [5, 5], ["a", "a"], {"a": 9}, confidence=99)


# --- merging strata


def test_small_strata_merge_along_the_chain_and_say_so() -> None:
    stratum, sizes, merged = merge_small_strata(PARTIAL["stratum"], SIZES, PARTNERS)
    label = "Issyk-Kul+Naryn+Talas"
    assert merged == {label: ("Issyk-Kul", "Naryn", "Talas")}
    assert sizes[label] == SIZES["Issyk-Kul"] + SIZES["Naryn"] + SIZES["Talas"]
    assert sum(sizes.values()) == sum(SIZES.values())
    assert stratum.tolist() == [label if s in merged[label] else s for s in PARTIAL["stratum"]]


def test_a_stratum_with_two_reports_is_left_alone() -> None:
    stratum, sizes, merged = merge_small_strata(list("aabb"), {"a": 5, "b": 7}, {"a": "b"})
    assert (stratum.tolist(), sizes, merged) == (list("aabb"), {"a": 5, "b": 7}, {})


def test_merging_does_not_depend_on_the_names_of_strata() -> None:
    for first, second, third in permutations("abc"):
        _, _, merged = merge_small_strata(
            [first, second, third, third], {"a": 5, "b": 5, "c": 5}, {first: second, second: third}
        )
        assert merged == {"a+b+c": ("a", "b", "c")}


@pytest.mark.parametrize(
    ("partners", "stuck"),
    [({}, "a"), ({"a": "b"}, "a+b"), ({"a": "b", "b": "a"}, "a+b"), ({"a": "gone"}, "a")],
)
def test_where_nothing_is_left_to_merge_with_there_is_no_estimate(partners: dict, stuck: str) -> None:
    with pytest.raises(TooFewPecs) as refused:
        merge_small_strata(["b", "c", "c"], {"a": 5, "b": 5, "c": 5}, {"b": "b"} | partners)
    assert refused.value.stratum == stuck


# --- properties of every estimate


@st.composite
def elections(draw: st.DrawFn) -> tuple[list[int], list[int], list[str], dict[str, int]]:
    """y, x, stratum and sizes: one to four strata of two to eight PECs that reported, of up to 38."""
    y, x, stratum, sizes = [], [], [], {}
    for label in "abcd"[: draw(st.integers(1, 4))]:
        reports = draw(st.integers(2, 8))
        sizes[label] = reports + draw(st.integers(1, 30))
        for _ in range(reports):
            x.append(draw(st.integers(1, 3000)))
            y.append(draw(st.integers(0, x[-1])))
            stratum.append(label)
    return y, x, stratum, sizes


@given(elections(), st.randoms(use_true_random=False))
def test_an_estimate_does_not_depend_on_the_order_of_pecs(election: tuple, random: object) -> None:
    y, x, stratum, sizes = election
    order = list(range(len(y)))
    random.shuffle(order)
    shuffled = [[column[i] for i in order] for column in (y, x, stratum)]
    assert astuple(ratio(*shuffled, sizes)) == pytest.approx(astuple(ratio(y, x, stratum, sizes)), abs=1e-9)


@given(elections())
def test_each_pec_stands_for_the_pecs_of_its_stratum_over_those_that_reported(election: tuple) -> None:
    y, x, stratum, sizes = election
    weight = [Fraction(sizes[label], stratum.count(label)) for label in stratum]
    over = sum(w * x_i for w, x_i in zip(weight, x, strict=True))
    value = sum(w * y_i for w, y_i in zip(weight, y, strict=True)) / over
    assert ratio(y, x, stratum, sizes).value == pytest.approx(float(value), abs=1e-12)
    yes = [y_i > 0 for y_i in y]
    share = sum(w for w, one in zip(weight, yes, strict=True) if one) / sum(sizes.values())
    assert proportion(yes, stratum, sizes).value == pytest.approx(float(share), abs=1e-12)


@given(elections())
def test_a_pec_like_the_mean_of_its_stratum_leaves_the_estimate_and_does_not_widen_it(
    election: tuple,
) -> None:
    y, x, stratum, sizes = election
    before = ratio(y, x, stratum, sizes)
    mean_y = np.mean([value for value, label in zip(y, stratum, strict=True) if label == "a"])
    mean_x = np.mean([value for value, label in zip(x, stratum, strict=True) if label == "a"])
    after = ratio([*y, mean_y], [*x, mean_x], [*stratum, "a"], sizes)
    assert after.value == pytest.approx(before.value, abs=1e-12)
    assert after.margin <= before.margin + 1e-12


@given(elections(), st.sampled_from([0.9, 0.95, 0.99]))
def test_every_figure_is_finite_and_inside_its_interval(election: tuple, confidence: float) -> None:
    y, x, stratum, sizes = election
    yes = [y_i > 1000 for y_i in y]
    for got in (ratio(y, x, stratum, sizes, confidence), proportion(yes, stratum, sizes, confidence)):
        assert np.isfinite(astuple(got)).all()
        assert got.low <= got.value <= got.high
        assert got.n == len(y)


# --- early reports are not the sample


def test_drift_is_the_slope_of_the_rate_on_the_order_of_receipt_within_strata() -> None:
    got = drift([0.5, 0.4, 0.3, 0.2, 0.7, 0.6], [1, 2, 3, 4, 5, 6], list("aaaabb"), sample_size=8)
    assert got.slope == pytest.approx(-0.8)  # 0.1 down with each report, of 8
    assert got.standard_error == pytest.approx(0, abs=1e-12)
    assert got.missing == 0.25
    assert got.shift == pytest.approx(-0.1)  # the missing are, in the mean, half a sample later
    assert got.term == pytest.approx(0.1)


def test_the_error_of_the_slope_widens_the_drift_term() -> None:
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


def simulated(
    arrival: Callable[[pd.DataFrame, np.random.Generator], pd.Series], runs: int = 40
) -> np.ndarray:
    """Shares of runs in which the interval of the first 240 of 300 covers the truth: alone, with drift."""
    truth = FRAME["voted"].sum() / FRAME["registered"].sum()
    random = np.random.default_rng(20211128)
    covered = []
    for _ in range(runs):
        drawn = [pecs.sample(DRAWN[label], random_state=random) for label, pecs in FRAME.groupby("stratum")]
        sample = pd.concat(drawn).assign(rate=lambda pecs: pecs["voted"] / pecs["registered"])
        early = sample.assign(order=arrival(sample, random).rank()).nsmallest(240, "order")
        alone = turnout(early)
        term = drift(early["rate"], early["order"], early["stratum"], 300).term
        off = abs(alone.value - truth)
        covered.append((off <= alone.margin, off <= alone.margin + term))
    return np.mean(covered, axis=0)


def test_drift_repairs_high_turnout_first() -> None:
    def high_turnout_first(sample: pd.DataFrame, random: np.random.Generator) -> pd.Series:
        return -sample["rate"] / sample["rate"].std() + random.normal(0, 0.5, len(sample))

    alone, with_drift = simulated(high_turnout_first)
    assert alone <= 0.2
    assert with_drift >= 0.9


def test_reports_in_random_order_are_covered_alone() -> None:
    alone, with_drift = simulated(lambda sample, random: pd.Series(random.random(len(sample)), sample.index))
    assert alone >= 0.95
    assert with_drift >= alone


@pytest.mark.parametrize(("y", "percentile"), [([20, 30, 70], 95), ([10, 50, 60], 5)])
def test_the_worst_case_fills_missing_pecs_with_low_or_high_turnout(y: list[int], percentile: int) -> None:
    sizes = {"a": 40, "b": 20}
    filled = (sum(y) + 3 * np.percentile(y, percentile)) / 600  # three of six PECs of 100 voters are missing
    move = abs(filled - sum(y) / 300) * 40 / 60
    reported = ([*y, 10, 30], [100] * 5, list("aaabb"), sizes)
    assert worst_case_shift(*reported, list("aaa"), [100] * 3) == pytest.approx(move)
    assert worst_case_shift(*reported, list("aaa")) == pytest.approx(move)  # at the stratum's mean x
    assert worst_case_shift(*reported, [], []) == 0


def test_the_worst_case_of_pecs_in_an_unknown_stratum_is_refused() -> None:
    with pytest.raises(ValueError, match="no size is given for stratum b"):
        worst_case_shift([1, 2], [5, 5], ["a", "a"], {"a": 9}, ["b"], [5])


# --- the light

FULL = turnout(SAMPLE)
LIMITS = Thresholds(amber_width=0.10)


def test_green_shows_the_margin_and_the_drift_term() -> None:
    shown = light(FULL, DRAWN, DRAWN, 0.004, 0.02, LIMITS)
    assert (shown.light, shown.reasons) == ("green", ())
    assert (shown.low, shown.high) == pytest.approx((FULL.low - 0.004, FULL.high + 0.004))
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


def test_a_stratum_needs_two_reports_whatever_its_share() -> None:
    shown = light(FULL, {"a": 1, "b": 98}, {"a": 1, "b": 98}, 0, 0, LIMITS)
    assert (shown.light, shown.reasons) == ("red", (Reason("stratum", "a", have=1, needs=2, of=1),))


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
        just = light(
            FULL, {"a": share}, {"a": 100}, 0, 0, Thresholds(share / 100, 0, share / 100, 0, 0, 1, 1)
        )
        assert just.light == "green"


def test_more_reports_than_pecs_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="Osh"):
        light(FULL, DRAWN | {"Osh": 55}, DRAWN, 0, 0, LIMITS)


@given(
    drawn=st.dictionaries(st.sampled_from("abcde"), st.integers(1, 40), min_size=1),
    missing=st.dictionaries(st.sampled_from("abcde"), st.integers(0, 10)),
    at=st.integers(0, 4),
    term=st.floats(0, 0.03),
    worst=st.floats(0, 0.06),
)
def test_the_light_never_improves_by_a_report_less_while_estimate_and_drift_stay(
    drawn: dict, missing: dict, at: int, term: float, worst: float
) -> None:
    reported = {label: max(0, count - missing.get(label, 0)) for label, count in drawn.items()}
    label = list(drawn)[at % len(drawn)]
    fewer = reported | {label: max(0, reported[label] - 1)}
    order = ["red", "amber", "green"]
    before, after = (light(FULL, counts, drawn, term, worst, LIMITS).light for counts in (reported, fewer))
    assert order.index(after) <= order.index(before)
