"""Procedures, equipment and incidents: what the figures count, and what they leave out."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from queries import equipment, incidents, light, procedures, sample
from queries.estimates import proportion
from store import tables as t
from tests.facts import ELECTION, Facts, easy

SIZES = {s.id: s.pecs for s in ELECTION.strata}


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    return Facts(store)


class TestProcedures:
    """One row an answer: what sampled PECs say for the day, and of all PECs."""

    def answers(self, facts: Facts, question: str, at: str = "21:00", stage: str = "voting") -> pd.DataFrame:
        rows = procedures.procedures(facts.at(at), stage=stage, question=question)
        return rows.set_index("answer")

    def test_every_answer_has_a_row_also_those_that_nobody_gave(self, facts: Facts) -> None:
        rows = procedures.procedures(facts.at("06:00"))
        choices = [q for q in ELECTION.questions if q.type == "choice" and q.stage not in ("visit", "episode")]
        asked = {(q.stage, q.id) for q in choices}
        assert set(zip(rows["stage"], rows["question"], strict=True)) == asked
        assert rows["count"].sum() == 0
        assert rows["value"].isna().all()

    def test_the_share_is_of_all_pecs_by_strata_widened_by_drift(self, store: sa.Engine) -> None:
        facts = Facts(store, easy(ELECTION))
        pecs = facts.pecs(3)
        for i, pec in enumerate(pecs):
            facts.report(pec, "opening", at="08:00", drawing_of_lots="no" if i % 4 == 0 else "yes")
        row = self.answers(facts, "drawing_of_lots", stage="opening").loc["no"]
        strata = [s.id for s in ELECTION.strata for _ in range(3)]
        yes = [int(i % 4 == 0) for i in range(24)]
        expected, term = proportion(yes, strata, SIZES), light.drift(yes, range(24), strata, 300).term
        ends = max(0.0, expected.low - term), min(1.0, expected.high + term)
        assert (row["value"], row["low"], row["high"]) == pytest.approx((expected.value, *ends))
        assert (row["margin"], row["drift"], row["light"]) == (
            pytest.approx(expected.margin),
            pytest.approx(term),
            "amber",
        )
        assert (row["count"], row["n"], row["of"]) == (6, 24, 300)

    def test_a_red_light_has_counts_and_reasons_and_no_share(self, facts: Facts) -> None:
        for pec in facts.pecs(3):
            facts.report(pec, "opening", at="08:00")
        row = self.answers(facts, "drawing_of_lots", stage="opening").loc["yes"]
        assert (row["count"], row["n"], row["light"]) == (24, 24, "red")
        assert row[["value", "low", "high"]].isna().all()
        assert row["reasons"][0] == light.Reason("sample", None, 24, 240, 300)

    def test_the_answer_of_the_day_is_the_worst_of_its_windows(self, facts: Facts) -> None:
        facts.pec("5001")
        facts.report("5001", "voting_12", at="12:00", voters_turned_away_identification="6_to_10")
        facts.report("5001", "voting_16", at="16:00", voters_turned_away_identification="1_to_5")
        counts = self.answers(facts, "voters_turned_away_identification")["count"]
        assert dict(counts) == {"none": 0, "1_to_5": 0, "6_to_10": 1, "over_10": 0}

    def test_a_window_in_conflict_leaves_the_day_open(self, facts: Facts) -> None:
        facts.pec("5001").report("5001", "voting_12", at="12:00", secrecy_violated="no")
        facts.report("5001", "voting_16", "a", at="16:00", secrecy_violated="no")
        facts.report("5001", "voting_16", "b", at="16:01", secrecy_violated="yes")
        row = self.answers(facts, "secrecy_violated").loc["no"]
        assert (row["count"], row["n"], row["conflicts"]) == (0, 0, 1)

    def test_unless_another_window_already_says_something_as_bad(self, facts: Facts) -> None:
        facts.pec("5001").report("5001", "voting_12", at="12:00", secrecy_violated="yes")
        facts.report("5001", "voting_16", "a", at="16:00", secrecy_violated="no")
        facts.report("5001", "voting_16", "b", at="16:01", secrecy_violated="yes")
        row = self.answers(facts, "secrecy_violated").loc["yes"]
        assert (row["count"], row["n"], row["conflicts"]) == (1, 1, 0)

    def test_an_answer_says_which_windows_it_is_about_and_how_many_pecs_told_of_each(self, facts: Facts) -> None:
        facts.pec("5001").report("5001", "voting_12", at="12:00")
        facts.report("5001", "voting_16", at="16:00")
        facts.pec("5002").report("5002", "voting_16", at="16:01")
        facts.pec("5003", in_sample=0).report("5003", "closing", at="20:00")
        windows = self.answers(facts, "secrecy_violated")["windows"].iloc[0]
        hours = [(f"{w.since:%H:%M}", f"{w.until:%H:%M}", w.pecs) for w in windows]
        assert hours == [("08:00", "12:00", 1), ("12:00", "16:00", 2)]
        assert self.answers(facts, "drawing_of_lots", stage="opening")["windows"].iloc[0] == ()

    def test_the_stages_stand_in_the_order_of_the_day_without_where_a_count_was_read(self) -> None:
        stages = procedures.stages(ELECTION)
        assert list(stages)[:4] == ["mobile", "arrival", "opening", "voting"]
        assert "turnout" not in stages
        assert stages["voting"].form == "voting_12"

    def test_a_pec_outside_the_sample_is_in_no_figure(self, facts: Facts) -> None:
        facts.pec("5001", in_sample=0).report("5001", "voting_12", at="12:00", secrecy_violated="yes")
        assert self.answers(facts, "secrecy_violated")["n"].sum() == 0

    def test_one_name_in_two_stages_is_two_questions(self, facts: Facts) -> None:
        facts.pec("5001").report("5001", "opening", at="08:00", observer_rights_infringed="yes")
        assert self.answers(facts, "observer_rights_infringed", stage="opening").loc["yes", "count"] == 1
        assert self.answers(facts, "observer_rights_infringed", stage="counting").loc["yes", "count"] == 0

    def test_pecs_with_applications_are_counted_without_an_interval(self, facts: Facts) -> None:
        for pec in facts.pecs(2, mobile_applications=3):
            facts.report(pec, "mobile_voting", at="2021-11-27T19:00")
        facts.pec("5099")
        row = self.answers(facts, "complaints", stage="mobile").loc["no"]
        assert (row["count"], row["n"], row["of"]) == (16, 16, 16)
        assert np.isnan(row["value"])

    def test_a_stratum_with_one_pec_is_merged_and_named(self, store: sa.Engine) -> None:
        facts = Facts(store, easy(ELECTION))
        for pec in facts.pecs({s.id: 1 if s.id == "talas" else 2 for s in ELECTION.strata}):
            facts.report(pec, "opening", at="08:00")
        row = self.answers(facts, "drawing_of_lots", stage="opening").loc["yes"]
        assert row["merged_strata"] == ("naryn+talas",)
        assert row["high"] == 1.0


class TestEquipment:
    """Failures: by PEC, open or ended, by device and region."""

    def arbb(self, facts: Facts, at: str) -> pd.Series:
        return equipment.failures(facts.at(at)).set_index("device").loc["arbb"]

    def test_a_pec_counts_once_whether_a_window_or_an_episode_says_it(self, facts: Facts) -> None:
        facts.pec("5001").pec("5002").pec("5003")
        facts.report("5001", "voting_12", at="12:00", arbb_temporary_failure="yes")
        facts.episode("5001", "arbb", "10:00", at="10:10", end="10:30")
        facts.episode("5002", "arbb", "11:00", at="11:10", end="11:30")
        facts.report("5003", "voting_12", at="12:00")
        row = self.arbb(facts, "12:10")
        assert (row["pecs_failed"], row["failed_of_n"], row["n"], row["of"]) == (2, 1, 2, 300)

    def test_reports_of_failures_alone_are_no_estimate_of_all_pecs(self, facts: Facts) -> None:
        for pec in facts.pecs(3):
            facts.episode(pec, "arbb", "10:00", at="10:10")
        row = self.arbb(facts, "11:00")
        assert (row["pecs_failed"], row["n"], row["light"]) == (24, 0, "red")
        assert pd.isna(row["value"])

    @pytest.mark.parametrize(
        ("missing", "light"), [((0, 61), "red"), ((0, 60), "amber"), ((0, 14), "green"), ((21, 0), "red")]
    )
    def test_a_share_is_shown_from_the_elections_amber_shares_on(
        self, facts: Facts, missing: tuple[int, int], light: str
    ) -> None:
        """Of the sample in all, and of each stratum: without any PEC of Naryn there is none."""
        naryn, elsewhere = missing
        sampled = {s.id: s.sampled for s in facts.election.strata}
        facts.pecs(sampled)
        rows = sample.pecs(facts.at("08:00"))
        place = rows.groupby("stratum").cumcount()
        rest = rows[rows["stratum"] != "naryn"].assign(place=place).sort_values(["place", "pec"])["pec"]
        there = [*rows.loc[rows["stratum"] == "naryn", "pec"].iloc[naryn:], *rest.iloc[: len(rest) - elsewhere]]
        with facts.in_one_load("12:00"):
            for pec in there:
                facts.report(pec, "voting_12", at="12:00")
        row = self.arbb(facts, "12:10")
        assert (row["light"], pd.isna(row["value"])) == (light, light == "red")
        assert ("naryn" in [why.stratum for why in row["reasons"]]) == bool(naryn)

    def test_failures_that_only_early_reports_tell_of_widen_the_interval(self, facts: Facts) -> None:
        facts.pecs({s.id: s.sampled for s in facts.election.strata})
        come = list(sample.pecs(facts.at("08:00"))["pec"].sample(frac=0.9, random_state=1))
        for at, pecs in (("12:00", come[:135]), ("12:30", come[135:])):
            with facts.in_one_load(at):
                for i, pec in enumerate(pecs):
                    failed = at == "12:00" and i % 5 == 0
                    facts.report(pec, "voting_12", at=at, arbb_temporary_failure="yes" if failed else "no")
        row = self.arbb(facts, "12:40")
        assert row["light"] == "amber"
        assert row["drift"] > 0.01
        assert row["high"] - row["value"] > row["margin"] > 0

    @pytest.mark.parametrize(("at", "state"), [("10:40", "open"), ("11:09", "open"), ("11:10", "end_unknown")])
    def test_an_open_failure_without_news_for_an_hour_has_an_unknown_end(
        self, facts: Facts, at: str, state: str
    ) -> None:
        facts.pec("5001").episode("5001", "arbb", "10:00", at="10:10", sent="10:09")
        episode = equipment.episodes(facts.at(at)).iloc[0]
        assert episode["state"] == state
        assert (
            episode["minutes"] == {"10:40": 40, "11:09": 69, "11:10": 9}[at]
        )  # of an unknown end: until its last news
        row = self.arbb(facts, at)
        assert (row["open_now"], row["end_unknown"]) == ((1, 0) if state == "open" else (0, 1))

    def test_news_of_an_open_failure_keeps_it_open(self, facts: Facts) -> None:
        facts.pec("5001")
        report = facts.episode("5001", "arbb", "10:00", at="10:10", sent="10:09")
        facts.episode("5001", "arbb", "10:00", at="10:50", sent="10:09", report=report, replaced_by="stationary_box")
        assert equipment.episodes(facts.at("11:30"))["state"].item() == "open"

    def test_an_episode_ends_when_it_is_corrected_with_its_end(self, facts: Facts) -> None:
        facts.pec("5001")
        report = facts.episode("5001", "arbb", "10:00", at="10:10", sent="10:09")
        facts.episode("5001", "arbb", "10:00", at="10:50", sent="10:09", report=report, end="10:45")
        row = equipment.episodes(facts.at("11:00")).iloc[0]
        assert (row["state"], row["minutes"], row["replaced"]) == ("ended", 45, False)
        assert equipment.episodes(facts.as_of("10:40"))["state"].item() == "open"

    def test_a_first_load_of_old_news_does_not_make_it_new(self, facts: Facts) -> None:
        facts.pec("5001").episode("5001", "arbb", "08:00", at="14:00", sent="08:10")
        assert equipment.episodes(facts.at("14:05"))["state"].item() == "end_unknown"

    def test_several_episodes_of_one_observer_all_stand(self, facts: Facts) -> None:
        facts.pec("5001")
        facts.episode("5001", "arbb", "09:00", at="09:10", end="09:20")
        facts.episode("5001", "identification", "10:00", at="10:10", end="10:50")
        facts.episode("5001", "arbb", "11:00", at="11:10", end="11:20", replaced_by="stationary_box")
        worst = equipment.worst(facts.at("12:00")).iloc[0]
        assert (worst["episodes"], worst["minutes"], worst["replaced"], worst["open"]) == (3, 90, True, False)
        assert self.arbb(facts, "12:00")["pecs_replaced"] == 1

    def test_a_region_is_estimated_from_its_own_stratum(self, store: sa.Engine) -> None:
        facts = Facts(store, easy(ELECTION))
        for i, pec in enumerate(facts.pecs(10)):
            at = f"12:{i // 2:02}"
            facts.report(pec, "voting_12", at=at, arbb_temporary_failure="yes" if i % 5 == 0 else "no")
        rows = equipment.failures(facts.at("12:50"), ("device", "region")).set_index(["device", "region"])
        expected = proportion([1, 0, 0, 0, 0] * 2, ["osh"] * 10, {"osh": SIZES["osh"]})
        row = rows.loc[("arbb", "osh")]
        assert (row["value"], row["margin"]) == pytest.approx((expected.value, expected.margin))
        assert row["high"] == pytest.approx(min(1, expected.high + row["drift"]))
        assert (row["pecs_failed"], row["n"], row["of"]) == (2, 10, 73)
        assert len(rows) == 16

    def test_none_of_those_that_answered_is_at_most_so_many(self, store: sa.Engine) -> None:
        facts = Facts(store, easy(ELECTION))
        for pec in facts.pecs(4):
            facts.report(pec, "voting_12", at="12:00")
        row = self.arbb(facts, "12:10")
        assert (row["value"], row["low"]) == (0.0, 0.0)
        assert 0 < row["high"] < 0.3

    def test_voters_turned_away_stand_by_band(self, facts: Facts) -> None:
        facts.pec("5001").pec("5002")
        facts.report("5001", "voting_12", at="12:00", voters_turned_away_identification="over_10")
        facts.report("5002", "voting_12", at="12:00")
        rows = equipment.turned_away(facts.at("12:10"))
        assert dict(zip(rows["band"], rows["pecs"], strict=True)) == {
            "none": 1,
            "1_to_5": 0,
            "6_to_10": 0,
            "over_10": 1,
        }
        assert set(rows["n"]) == {2}
        by_region = equipment.turned_away(facts.at("12:10"), ("region",)).groupby("region")["pecs"].sum()
        assert by_region["osh"] == 2


class TestIncidents:
    """Reports of them, by place, kind and hour."""

    @pytest.fixture
    def facts(self, facts: Facts) -> Facts:
        facts.pec("5001", "osh", district="Uzgen").observer("S1", "5001").observer("M1", None, role="mobile")
        facts.incident("pressure_on_voter", at="2021-11-27T15:00", region="chui", district="Sokuluk")
        facts.incident("secrecy", at="10:05", pec="5001", region="jalal-abad", district="Suzak", observer="S1")
        facts.incident("secrecy", at="10:50", pec="5001", region="osh", district="Uzgen", observer="M1")
        return facts.incident("pressure_on_voter", at="11:30", region="chui", district="Sokuluk")

    def test_the_count_is_of_reports_and_pecs_are_counted_once(self, facts: Facts) -> None:
        rows = incidents.incidents(facts.at("12:00")).set_index("category")
        assert tuple(rows.loc["secrecy", ["count", "pecs", "critical"]]) == (2, 1, 0)
        assert tuple(rows.loc["pressure_on_voter", ["count", "pecs", "critical"]]) == (2, 0, 2)
        assert len(rows) == len(ELECTION.categories)

    def test_the_region_is_the_frames_and_what_was_reported_stands_beside_it(self, facts: Facts) -> None:
        rows = incidents.incidents(facts.at("12:00"), ("region",)).set_index("region")["count"]
        assert (rows["osh"], rows["chui"], rows["jalal-abad"]) == (2, 2, 0)
        first = incidents.incident_list(facts.at("12:00"), category="secrecy").iloc[-1]
        assert (first["region"], first["region_as_reported"], first["differs"]) == ("osh", "jalal-abad", True)

    def test_a_day_and_an_hour_are_local_and_of_the_event(self, facts: Facts) -> None:
        m = facts.at("12:00")
        days = incidents.incidents(m, ("day",))
        assert dict(zip(days["day"], days["count"], strict=True)) == {"2021-11-27": 1, "2021-11-28": 3}
        hours = incidents.incidents(m, ("hour",), day="2021-11-28")
        assert dict(zip(hours["hour"], hours["count"], strict=True)) == {
            "2021-11-28T10:00:00+06:00": 2,
            "2021-11-28T11:00:00+06:00": 1,
        }

    def test_the_reporter_is_the_observers_role_or_the_hotline(self, facts: Facts) -> None:
        rows = incidents.incidents(facts.at("12:00"), ("reporter",))
        assert dict(zip(rows["reporter"], rows["count"], strict=True)) == {"hotline": 2, "mobile": 1, "sto": 1}

    def test_the_newest_urgent_stands_on_top(self, facts: Facts) -> None:
        rows = incidents.incident_list(facts.at("12:00"))
        assert list(rows["severity"]) == ["critical", "critical", "serious", "serious"]
        assert rows["reported_at"].iloc[0] > rows["reported_at"].iloc[1]

    def test_several_columns_and_filters_go_together(self, facts: Facts) -> None:
        rows = incidents.incidents(facts.at("12:00"), ("region", "category"), region="osh")
        assert rows["count"].sum() == 2
        assert set(rows["region"]) == {"osh"}
        assert incidents.incidents(facts.at("12:00"), ())["count"].item() == 4
        assert incidents.incidents(facts.at("12:00"), ("severity",), district="Uzgen")["count"].sum() == 2

    def test_a_withdrawn_incident_counts_no_more_but_did(self, facts: Facts) -> None:
        key = incidents.incident_list(facts.at("12:00"), category="secrecy")["incident"].iloc[0]
        facts.withdraw(t.incident, ("observation", key), at="12:30")
        assert incidents.incidents(facts.at("12:31"), ())["count"].item() == 3
        assert incidents.incidents(facts.as_of("12:29"), ())["count"].item() == 4

    def test_before_the_first_there_are_rows_of_zero(self, facts: Facts) -> None:
        m = facts.as_of("2021-11-26T12:00")
        assert incidents.incidents(m)["count"].sum() == 0
        assert incidents.incidents(m, ("hour",)).empty
        assert incidents.incident_list(m).empty


def test_a_clock_that_was_set_back_hides_nothing_that_is_known_by_now(store: sa.Engine) -> None:
    facts = Facts(store).pec("5001")
    facts.report("5001", "arrival", at="11:00")
    now = facts.at("10:00")  # the clock was an hour ahead when that came
    assert now.load == now.data_version == 2
    assert facts.as_of("10:00").load == 1
