"""Turnout by hour: which counts are used, the light, what is shown under it, and the commission beside it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from queries import light, turnout
from queries.counts import turnout_counts
from queries.estimates import merge_small_strata, ratio
from store import clock, decisions
from store import tables as t
from store.loading import loading
from tests.facts import ELECTION, Facts, easy

DRAWN = {s.id: s.sampled for s in ELECTION.strata}
SIZES = {s.id: s.pecs for s in ELECTION.strata}


def reports(facts: Facts, pecs: list[str], seed: int = 1, hour: str = "12:05") -> dict[str, int]:
    """A count at noon from each of these PECs, in one load; what each said."""
    chance = np.random.default_rng(seed)
    counts = {pec: int(c) for pec, c in zip(pecs, chance.integers(90, 130, len(pecs)), strict=True)}
    rows, said = [], []
    for i, (pec, count) in enumerate(counts.items()):
        sent = pd.Timestamp(facts.election.moment_of("12:00")) + pd.Timedelta(seconds=i)
        key = {"source": "observation", "report": f"noon-{pec}"}
        row = {"observer": f"{pec}-1", "pec": pec, "form": "voting_12", "submitted_at": sent.to_pydatetime()}
        rows.append(key | row)
        values = {"voters_voted": str(count), "count_origin": "screen" if i % 2 else "own_count"}
        number = {"voters_voted": float(count)}
        said += [key | {"question": q, "value": v, "number": number.get(q)} for q, v in values.items()]
    with clock.frozen(facts.election.moment_of(hour)), loading(facts.store, "observation") as load:
        load.put(t.report, [row | {"complete": 0, "held": None} for row in rows])
        load.put(t.answer, said)
    return counts


def noon(facts: Facts, at: str = "12:30", **given: str) -> pd.Series:
    return turnout.turnout(facts.at(at), hour="12:00", **given).iloc[0]


def test_the_estimate_is_the_stratified_ratio_over_the_sampled_pecs(store: sa.Engine) -> None:
    facts = Facts(store)
    pecs = facts.pecs(DRAWN)
    facts.pec("9999", "osh", in_sample=0)  # a mobile team's count is in no estimate
    facts.report("9999", "voting_12", at="12:05", voters_voted=900)
    said = reports(facts, pecs)
    strata = [s.id for s in ELECTION.strata for _ in range(s.sampled)]
    expected = ratio(list(said.values()), [1000] * 300, strata, SIZES)
    row = noon(facts)
    assert row["value"] == pytest.approx(expected.value, abs=1e-12)
    assert row["margin"] == pytest.approx(expected.margin, abs=1e-12)
    assert (row["n"], row["of"], row["light"], row["confidence"]) == (300, 300, "green", 0.99)
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row["design_margin"] == 0.0305
    assert (row["origin_screen"], row["origin_own"]) == (150, 150)


def test_an_amber_light_shows_a_wider_interval_and_what_is_missing(store: sa.Engine) -> None:
    facts = Facts(store)
    pecs = facts.pecs(DRAWN)
    reports(facts, [p for i, p in enumerate(pecs) if i % 8])
    row = noon(facts)
    assert row["light"] == "amber"
    assert row["high"] - row["low"] == pytest.approx(2 * row["margin"] + 2 * max(row["drift"], row["worst_case"]))
    assert {reason.code for reason in row["reasons"]} >= {"sample"}


def test_a_red_light_has_no_number_anywhere_but_says_why(store: sa.Engine) -> None:
    facts = Facts(store)
    pecs = facts.pecs(DRAWN)
    reports(facts, pecs[::2])
    row = noon(facts)
    assert row["light"] == "red"
    assert row[["value", "low", "high"]].isna().all()
    assert (row["n"], row["of"]) == (150, 300)
    assert row["reasons"]


def test_a_missing_stratum_is_merged_with_its_partner_and_named(store: sa.Engine) -> None:
    facts = Facts(store)
    pecs = facts.pecs(DRAWN)
    without_talas = [p for p in pecs if not p.startswith("7")]
    said = reports(facts, without_talas)
    row = noon(facts)
    assert row["merged_strata"] == ("naryn+talas",)
    strata = [s.id for s in ELECTION.strata for _ in range(s.sampled) if s.id != "talas"]
    partners = {s.id: s.merge_with for s in ELECTION.strata if s.merge_with}
    merged, sizes, _ = merge_small_strata(strata, SIZES, partners)
    assert row["margin"] == pytest.approx(ratio(list(said.values()), [1000] * len(said), merged, sizes).margin)


def test_before_anybody_has_reported_there_is_a_row_without_an_estimate(store: sa.Engine) -> None:
    facts = Facts(store)
    facts.pecs(2)
    row = noon(facts, at="12:00")
    assert (row["n"], row["light"]) == (0, "red")
    assert np.isnan(row["value"])
    assert row["reasons"][0].code == "estimate"


def test_an_hour_has_no_row_before_it_has_come(store: sa.Engine) -> None:
    facts = Facts(store)
    facts.pecs(2)
    reports(facts, ["1000"], hour="11:50")
    assert list(turnout.turnout(facts.at("11:59"))["hour"]) == ["10:00"]
    assert list(turnout.turnout(facts.at("12:00"))["hour"]) == ["10:00", "12:00"]
    assert list(turnout.turnout(facts.at("2021-11-29T10:00"))["hour"]) == [f"{h}:00" for h in range(10, 21, 2)]


def test_a_count_that_falls_is_flagged_and_left_out_until_somebody_accepts_it(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001")
    facts.report("5001", "turnout_10", at="10:05", voters_voted=200, count_origin="screen", best=False)
    facts.report("5001", "voting_12", at="12:05", voters_voted=150, count_origin="screen")
    facts.report("5001", "turnout_14", at="14:05", voters_voted=180, count_origin="screen", best=False)
    rows = turnout.turnout(facts.at("14:30"))
    assert list(rows["n"]) == [1, 0, 0]
    assert list(rows["falling"]) == [0, 1, 1]
    fell = turnout.falling(facts.at("14:30"))
    assert list(zip(fell["hour"], fell["count"], fell["earlier_hour"], fell["earlier_count"], strict=True)) == [
        ("12:00", 150, "10:00", 200),
        ("14:00", 180, "10:00", 200),
    ]
    facts.decide("count", "5001|voting_12|voters_voted", None, at="14:40")
    assert list(turnout.turnout(facts.at("14:41"))["n"]) == [1, 1, 1]  # and the next hours go by the accepted one
    assert turnout.falling(facts.at("14:41")).empty
    assert len(turnout.falling(facts.as_of("14:39"))) == 2


def test_a_person_accepts_a_falling_count_with_a_name_and_a_reason(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001")
    facts.report("5001", "turnout_10", at="10:05", voters_voted=200, best=False)
    facts.report("5001", "voting_12", at="12:05", voters_voted=150)
    facts.report("5001", "turnout_14", at="14:05", voters_voted=180, best=False)
    facts.report("5001", "voting_16", at="16:05", voters_voted=170)
    for who, why, reason in (("", "rang them", "who"), ("Toktogulov", " ", "why")):
        with pytest.raises(decisions.Refused) as refused:
            decisions.accept_count(store, "5001", "voting_12", "voters_voted", 150, who, why)
        assert refused.value.reason == reason
    assert turnout.accepted(facts.at("16:30")).empty
    with clock.frozen(ELECTION.moment_of("16:40")):
        decisions.accept_count(store, "5001", "voting_12", "voters_voted", 150, "Toktogulov", "rang them")
    before, after = facts.as_of("16:39"), facts.at("16:41")
    assert list(turnout.turnout(before)["n"]) == [1, 0, 0, 0]  # as it was known then
    assert turnout.accepted(before).empty
    assert list(turnout.turnout(after)["n"]) == [1, 1, 1, 0]  # later hours go by the accepted one: 170 is below 180
    assert turnout.falling(after)[["hour", "earlier_hour", "earlier_count"]].values.tolist() == [
        ["16:00", "14:00", 180]
    ]
    row = turnout.accepted(after).iloc[0]
    assert tuple(row[["pec", "hour", "count", "who", "why"]]) == ("5001", "12:00", 150, "Toktogulov", "rang them")
    assert row["decided_at"] == pd.Timestamp(ELECTION.moment_of("16:40"))


def test_what_was_accepted_is_that_count_and_not_a_later_correction_of_it(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001")
    facts.report("5001", "turnout_10", at="10:05", voters_voted=200, best=False)
    sent = facts.report("5001", "voting_12", at="12:05", voters_voted=150)
    with clock.frozen(ELECTION.moment_of("12:20")):
        decisions.accept_count(store, "5001", "voting_12", "voters_voted", 150, "Toktogulov", "rang them")
    assert noon(facts)["n"] == 1
    facts.report("5001", "voting_12", at="12:40", report=sent, voters_voted=15)
    assert (noon(facts, at="12:45")["n"], noon(facts, at="12:45")["falling"]) == (0, 1)


def test_two_observers_beyond_the_tolerance_are_no_count_until_a_person_decides(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001")
    facts.report("5001", "voting_12", "a", at="12:05", voters_voted=100)
    facts.report("5001", "voting_12", "b", at="12:06", voters_voted=90)
    row = noon(facts)
    assert (row["n"], row["conflicts"]) == (0, 1)
    facts.decide("answer", "5001|voting_12|voters_voted", "95", at="12:20")
    assert turnout_counts(facts.at("12:30"))["number"].item() == 95.0


def test_of_counts_within_the_tolerance_the_one_sent_last_is_taken(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001")
    facts.report("5001", "voting_12", "a", at="12:10", sent="12:09", voters_voted=100)
    facts.report("5001", "voting_12", "b", at="12:20", sent="12:08", voters_voted=101)
    assert turnout_counts(facts.at("12:30"))["number"].item() == 100.0


def test_the_order_of_receipt_is_that_of_the_first_usable_report(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001").pec("5002").pec("5003")
    facts.report("5003", "voting_12", "x", at="12:01", held="wrong_pec")
    first = facts.report("5001", "voting_12", at="12:10", voters_voted=100)
    facts.report("5002", "voting_12", at="12:20", sent="12:00", voters_voted=100)
    facts.report("5003", "voting_12", at="12:25", voters_voted=100)
    facts.report("5001", "voting_12", at="12:40", sent="12:09", report=first, voters_voted=110)
    order = turnout_counts(facts.at("12:50")).set_index("pec")["order"]
    assert order["5001"] < order["5002"] < order["5003"]


def test_drift_uses_the_order_in_which_counts_came(store: sa.Engine) -> None:
    facts = Facts(store)
    pecs = facts.pecs(DRAWN)
    said = reports(facts, pecs[:290])
    counts = turnout_counts(facts.at("12:30"))
    strata = [s.id for s in ELECTION.strata for _ in range(s.sampled)][:290]
    rate = [said[p] / 1000 for p in pecs[:290]]
    expected = light.drift(rate, list(range(290)), strata, 300)
    assert noon(facts)["drift"] == pytest.approx(expected.term)
    assert list(counts.set_index("pec").loc[pecs[:290], "order"]) == list(range(290))


def test_limits_are_clipped_to_a_share(store: sa.Engine) -> None:
    facts = Facts(store, easy(ELECTION))
    for pec, count in zip(facts.pecs(2), [0, 9, 0, 8, 1, 0, 0, 7, 0, 0, 0, 3, 0, 0, 5, 0], strict=True):
        facts.report(pec, "voting_12", at="12:05", voters_voted=count)
    row = noon(facts)
    assert row["low"] == 0.0
    assert row["value"] < row["high"] <= 1.0


class TestBesideTheCommission:
    """What it published for the same hour, inside the country."""

    @pytest.fixture
    def facts(self, store: sa.Engine) -> Facts:
        facts = Facts(store)
        facts.pecs(2)
        return facts

    def publish(self, facts: Facts, regions: list[str], at: str = "12:20", hour: str = "12:00") -> None:
        for region in regions:
            lines = {"registered": 1000, "voted": 150 if region == "osh" else 100, "pecs": 10}
            facts.published("turnout", region, lines, at=at, hour=hour, scope="region")

    def test_regions_are_added_up_without_those_abroad(self, facts: Facts) -> None:
        self.publish(facts, [r.id for r in ELECTION.regions])
        row = noon(facts)
        assert row["published"] == pytest.approx(850 / 8000)
        assert (row["published_voted"], row["published_registered"], row["published_pecs"]) == (850, 8000, 80)

    def test_the_share_waits_for_every_region(self, facts: Facts) -> None:
        self.publish(facts, ["osh", "chui"])
        row = noon(facts)
        assert np.isnan(row["published"])
        assert row["published_voted"] == 250

    def test_an_hour_is_compared_with_the_same_hour_and_never_with_the_latest(self, facts: Facts) -> None:
        self.publish(facts, [r.id for r in ELECTION.regions], at="13:00", hour="10:00")
        rows = turnout.turnout(facts.at("13:10")).set_index("hour")
        assert not np.isnan(rows.loc["10:00", "published"])
        assert np.isnan(rows.loc["12:00", "published"])

    def test_by_region_each_stands_beside_its_own(self, facts: Facts) -> None:
        self.publish(facts, [r.id for r in ELECTION.regions])
        rows = turnout.turnout(facts.at("12:30"), by=("hour", "region"), hour="12:00").set_index("region")
        assert list(rows.index) == [r.id for r in ELECTION.regions if not r.abroad]
        assert rows.loc["osh", "published"] == pytest.approx(0.15)
        assert rows.loc["chui", "published"] == pytest.approx(0.10)


class TestHeldAgainstTheCommission:
    """Inside the interval, outside it, or not comparable and why."""

    @pytest.fixture
    def facts(self, store: sa.Engine) -> Facts:
        facts = Facts(store)
        reports(facts, facts.pecs(DRAWN))
        return facts

    def publish(self, facts: Facts, voted: int, only: int = 8, missing: str = "", fewer: int = 0) -> pd.Series:
        """What is said at noon once these regions are published with so many of a thousand who have voted."""
        for region, of in list(SIZES.items())[:only]:
            lines = {"registered": 1000, "voted": voted, "pecs": of - fewer}
            lines.pop(missing, None)
            facts.published("turnout", region, lines, at="12:20", hour="12:00", scope="region")
        return noon(facts)

    def test_inside_the_interval(self, facts: Facts) -> None:
        row = self.publish(facts, 110)
        assert (row["state"], row["why"], row["within_margin"]) == ("inside", None, True)
        assert np.isnan(row["outside_by"])
        assert (row["voters"], row["published_pecs"], row["published_pecs_of"]) == (300_000, 2435, 2435)

    def test_outside_by_the_way_to_the_nearer_end_and_within_the_margin_that_is_published(self, facts: Facts) -> None:
        row = self.publish(facts, 130)
        assert (row["state"], row["within_margin"]) == ("outside", True)  # 3.05 points, fixed before the day
        assert row["outside_by"] == pytest.approx(0.13 - row["high"])
        row = self.publish(facts, 50)
        assert (row["state"], row["within_margin"]) == ("outside", False)
        assert row["outside_by"] == pytest.approx(row["low"] - 0.05)

    @pytest.mark.parametrize(
        ("given", "why"),
        [({"only": 0}, "nothing_published"), ({"only": 7}, "regions_missing"), ({"fewer": 1}, "pecs_missing"),
         ({"missing": "registered"}, "base_missing"), ({"missing": "voted"}, "nothing_published")],
    )  # fmt: skip
    def test_not_comparable_says_why(self, facts: Facts, given: dict[str, Any], why: str) -> None:
        row = self.publish(facts, 110, **given)
        assert (row["state"], row["why"]) == ("not_comparable", why)
        assert np.isnan(row["outside_by"])
        assert pd.isna(row["within_margin"])

    def test_where_the_commission_counts_no_pecs_the_regions_are_enough(self, facts: Facts) -> None:
        row = self.publish(facts, 110, missing="pecs")
        assert row["state"] == "inside"
        assert pd.isna(row["published_pecs"])

    def test_a_region_without_its_voters_is_not_published_in_whole(self, facts: Facts) -> None:
        self.publish(facts, 110, only=7)
        facts.published("turnout", "chui", {"voted": 110}, at="12:21", hour="12:00", scope="region")
        row = noon(facts)
        assert np.isnan(row["published"])
        assert (row["published_regions"], row["published_regions_of"], row["why"]) == (8, 8, "base_missing")

    def test_a_red_light_is_compared_with_nothing(self, store: sa.Engine) -> None:
        facts = Facts(store)
        reports(facts, facts.pecs(DRAWN)[::2])
        row = self.publish(facts, 110)
        assert (row["state"], row["why"]) == ("not_comparable", "light")

    def test_a_region_is_held_against_its_own(self, facts: Facts) -> None:
        self.publish(facts, 110)
        facts.pec("2000", "osh", region="jalal-abad")
        rows = turnout.turnout(facts.at("12:30"), by=("hour", "region"), hour="12:00").set_index("region")
        assert rows.loc["chui", "state"] == "inside"
        assert (rows.loc["chui", "voters"], rows.loc["chui", "published_pecs_of"]) == (50_000, SIZES["chui"])
        assert (rows.loc["osh", "state"], rows.loc["osh", "why"]) == ("not_comparable", "part_of_stratum")


def test_a_region_is_estimated_from_its_own_stratum_alone(store: sa.Engine) -> None:
    facts = Facts(store)
    said = reports(facts, facts.pecs(DRAWN))
    osh = [count for pec, count in said.items() if pec.startswith("2")]
    expected = ratio(osh, [1000] * 73, ["osh"] * 73, {"osh": SIZES["osh"]})
    row = turnout.turnout(facts.at("12:30"), by=("hour", "region"), hour="12:00", region="osh").iloc[0]
    assert (row["value"], row["margin"]) == pytest.approx((expected.value, expected.margin))
    assert (row["n"], row["of"]) == (73, 73)


def test_a_region_that_is_a_part_of_a_stratum_has_no_estimate_of_its_own(store: sa.Engine) -> None:
    facts = Facts(store)
    said = reports(facts, facts.pecs(DRAWN))
    facts.pec("2000", "osh", region="jalal-abad")
    row = turnout.turnout(facts.at("12:30"), by=("hour", "region"), hour="12:00", region="osh").iloc[0]
    assert (row["light"], row["n"]) == ("red", 72)
    assert len(said) == 300


def test_the_thresholds_are_the_elections() -> None:
    strict = ELECTION.estimates.model_copy(update={"green_share": 1.0, "widest_amber": 0.5})
    limits = turnout.thresholds(ELECTION.model_copy(update={"estimates": strict}))
    assert limits == light.Thresholds(green_share=1.0, amber_width=0.5)


def test_a_frame_with_more_sampled_pecs_than_were_drawn_still_has_a_figure(store: sa.Engine) -> None:
    facts = Facts(store)
    reports(facts, facts.pecs(DRAWN | {"talas": DRAWN["talas"] + 3}))
    row = noon(facts)
    assert (row["n"], row["of"]) == (303, 300)
