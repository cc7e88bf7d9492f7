"""What may be said about all PECs from a sample: against R's survey, against formulas, by their properties."""

from dataclasses import astuple
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.estimates import Estimate, TooFewPecs, merge_small_strata, proportion, ratio

REFERENCE = Path(__file__).parent / "reference"
FRAME = pd.read_csv(REFERENCE / "frame.csv")
SAMPLE = pd.read_csv(REFERENCE / "sample300.csv")
PARTIAL = pd.read_csv(REFERENCE / "partial.csv")
CASES = pd.read_csv(REFERENCE / "reference_cases.csv", index_col="case")
SIZES = FRAME["stratum"].value_counts().to_dict()
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
    from scipy import stats  # here: to import it takes each worker that collects the tests a second

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
def test_data_that_cannot_be_right_is_refused(y: list, x: list, stratum: list, sizes: dict, message: str) -> None:
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


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("abcd")),
    st.integers(0, 3),
)
def test_a_report_less_never_makes_an_estimate_possible(counts: dict, partners: dict, at: int) -> None:
    def possible(counts: dict) -> bool:
        reports = [label for label, count in counts.items() for _ in range(count)]
        try:
            merge_small_strata(reports, dict.fromkeys(counts, 9), partners)
        except TooFewPecs:
            return False
        return True

    label = list(counts)[at % len(counts)]
    if not possible(counts):
        assert not possible(counts | {label: max(0, counts[label] - 1)})


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
        assert 0 <= got.value <= 1
        assert got.low <= got.value <= got.high
        assert got.n == len(y)
    assert 0 <= got.low <= got.high <= 1  # of a proportion; those of a ratio are clipped where a figure is made
