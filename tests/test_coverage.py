"""The state of a checklist at a PEC, through the day, and who is to be rung."""

import pandas as pd
import pytest
import sqlalchemy as sa

from queries import coverage
from queries.grid import UnknownColumn
from queries.moment import Moment
from store import tables as t
from tests.facts import ELECTION, Facts


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    return Facts(store).pec("5001", "osh")


def state(m: Moment, form: str = "opening", pec: str = "5001") -> str:
    rows = coverage.states(m, form)
    return str(rows.loc[rows["pec"] == pec, "state"].item())


# opening: opens 07:00, due 08:30, grace 30 minutes, asked until 14:00
@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        ("06:59", "not_due"),
        ("07:00", "due"),
        ("09:00", "due"),
        ("09:01", "late"),
        ("14:00", "late"),
        ("14:01", "lost"),
    ],
)
def test_a_checklist_that_does_not_come_turns_due_then_late_then_lost(facts: Facts, hour: str, expected: str) -> None:
    assert state(facts.at(hour)) == expected


def test_a_complete_report_is_received_from_the_load_that_brought_it(facts: Facts) -> None:
    facts.report("5001", "opening", at="09:30", sent="08:10")
    assert state(facts.at("09:30")) == "received"
    assert state(facts.as_of("09:29")) == "late"


def test_a_report_without_a_required_answer_is_incomplete_and_stays_so(facts: Facts) -> None:
    facts.report("5001", "opening", at="08:00", drawing_of_lots=None)
    assert state(facts.at("08:10")) == state(facts.at("20:00")) == "incomplete"


def test_two_observers_who_differ_on_a_required_question_are_in_conflict(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes")
    facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no")
    assert state(facts.at("08:10")) == "conflict"


def test_a_pec_with_conflicting_answers_is_not_counted_as_received(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes")
    facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no")
    row = coverage.coverage(facts.at("08:10"), form="opening").iloc[0]
    assert (row["received"], row["conflict"], row["expected"]) == (0, 1, 1)


def test_conflict_comes_before_incomplete(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes", boxes_sealed=None)
    facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no", boxes_sealed=None)
    assert state(facts.at("08:10")) == "conflict"


def test_a_correction_ends_a_conflict(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes")
    wrong = facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no")
    facts.report("5001", "opening", "b", at="08:20", sent="08:05", report=wrong, drawing_of_lots="yes")
    assert state(facts.at("08:30")) == "received"
    assert state(facts.as_of("08:10")) == "conflict"


def test_a_later_report_of_the_same_observer_takes_the_place_of_the_earlier(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes")
    facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no")
    facts.report("5001", "opening", "b", at="08:20", drawing_of_lots="yes")
    assert state(facts.at("08:30")) == "received"


def test_a_report_that_arrives_late_but_was_sent_earlier_does_not_take_the_place_of_the_later(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:20", sent="08:15")
    facts.report("5001", "opening", "a", at="08:40", sent="07:30", drawing_of_lots=None)
    assert state(facts.at("08:45")) == "received"


def test_a_person_settles_a_conflict_and_the_last_decision_holds(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes")
    facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no")
    facts.decide("answer", "5001|opening|drawing_of_lots", "no", at="08:30")
    assert state(facts.at("08:31")) == "received"
    assert state(facts.as_of("08:29")) == "conflict"
    facts.decide("answer", "5001|opening|drawing_of_lots", None, at="08:40")  # taken back
    assert state(facts.at("08:41")) == "conflict"


def test_numbers_within_the_tolerance_agree_and_beyond_it_do_not(facts: Facts) -> None:
    facts.pec("5002", "osh")
    for pec, count in (("5001", 98), ("5002", 97)):  # 2% of 100 is 2
        facts.report(pec, "voting_12", "a" + pec, at="12:01", voters_voted=100)
        facts.report(pec, "voting_12", "b" + pec, at="12:02", voters_voted=count)
    m = facts.at("12:10")
    assert (state(m, "voting_12"), state(m, "voting_12", "5002")) == ("received", "conflict")


def test_a_withdrawn_report_leaves_the_pec_late_again(facts: Facts) -> None:
    report = facts.report("5001", "opening", at="08:00")
    facts.withdraw(t.report, ("observation", report), at="09:30")
    assert state(facts.as_of("09:29")) == "received"
    assert state(facts.at("09:30")) == "late"


def test_two_halves_from_two_observers_make_a_whole(facts: Facts) -> None:
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots=None)
    facts.report("5001", "opening", "b", at="08:10", boxes_sealed=None)
    assert state(facts.at("08:20")) == "received"


def test_where_two_observers_are_asked_for_one_alone_leaves_the_pec_late(store: sa.Engine) -> None:
    checklists = tuple(c.model_copy(update={"min_observers": 2}) for c in ELECTION.checklists)
    facts = Facts(store, ELECTION.model_copy(update={"checklists": checklists})).pec("5001")
    facts.report("5001", "opening", "a", at="08:00")
    assert state(facts.at("09:30")) == "late"
    facts.report("5001", "opening", "b", at="09:40")
    assert state(facts.at("09:41")) == "received"


def test_a_report_held_back_does_not_count(facts: Facts) -> None:
    facts.report("5001", "opening", "x", at="08:00", held="wrong_pec")
    assert state(facts.at("09:30")) == "late"


def test_a_report_that_answers_nothing_required_is_not_a_report_yet(facts: Facts) -> None:
    facts.report("5001", "opening", at="08:00", best=False)
    assert state(facts.at("09:30")) == "late"


def test_only_sampled_pecs_are_expected_and_only_those_with_applications_outside_the_premises(facts: Facts) -> None:
    facts.pec("5002", "osh", mobile_applications=7).pec("5003", "osh", in_sample=0, mobile_applications=7)
    rows = coverage.coverage(facts.at("06:00")).set_index("form")["expected"]
    assert rows["mobile_voting"] == 1
    assert rows["opening"] == 2


def test_a_count_without_a_due_time_is_expected_from_nobody(facts: Facts) -> None:
    assert "turnout_10" not in set(coverage.coverage(facts.at("12:00"))["form"])
    assert coverage.coverage(facts.at("12:00"), form="turnout_10").empty


@pytest.mark.parametrize("by", [(), ("form",), ("region",), ("district",), ("region", "form"), ("region", "district")])
def test_the_states_add_up_to_expected_whatever_it_is_divided_by(facts: Facts, by: tuple[str, ...]) -> None:
    facts.pec("5002", "osh", district=None).pec("1001", "bishkek", district="Pervomai")
    facts.report("5001", "opening", at="08:00").strip()
    facts.report("1001", "opening", at="08:00", boxes_sealed=None)
    rows = coverage.coverage(facts.at("09:30"), by)
    assert list(rows.columns) == [*by, "expected", *coverage.STATES]
    assert (rows[list(coverage.STATES)].sum(axis=1) == rows["expected"]).all()
    assert rows["expected"].sum() == 24
    assert rows["received"].sum() == rows["incomplete"].sum() == 1


def test_regions_without_a_pec_have_a_row_of_zeros_and_abroad_has_none(facts: Facts) -> None:
    rows = coverage.coverage(facts.at("09:30"), ("region",))
    assert list(rows["region"]) == [r.id for r in ELECTION.regions if not r.abroad]
    assert (rows["expected"] > 0).sum() == 1


def test_the_filters_go_by_the_frame(facts: Facts) -> None:
    facts.pec("5002", "osh", district="Uzgen").pec("1001", "bishkek", district="Pervomai")
    assert coverage.coverage(facts.at("09:30"), form="opening", region="osh")["expected"].item() == 2
    assert coverage.coverage(facts.at("09:30"), form="opening", district="Uzgen")["expected"].item() == 1
    assert set(coverage.states(facts.at("09:30"), region="bishkek")["pec"]) == {"1001"}


def test_coverage_cannot_be_divided_by_the_moon(facts: Facts) -> None:
    with pytest.raises(UnknownColumn, match="it can by form, region, district"):
        coverage.coverage(facts.at("09:30"), ("moon",))


def test_a_store_before_its_first_load_has_rows_of_zeros(store: sa.Engine) -> None:
    facts = Facts(store)
    assert coverage.coverage(facts.at("09:00"))["expected"].sum() == 0
    assert coverage.unreported(facts.at("09:00")).empty
    assert coverage.arrivals(facts.at("09:00")).empty


def test_arrivals_count_what_is_received_by_the_minute_it_was_sent(facts: Facts) -> None:
    facts.pec("5002").pec("5003")
    facts.report("5001", "opening", at="08:20", sent="08:10")
    facts.report("5002", "opening", at="08:21", sent="08:10")
    facts.report("5003", "opening", at="08:30", sent="08:25", boxes_sealed=None)
    facts.report("5003", "opening", at="08:50", sent="08:40")
    rows = coverage.arrivals(facts.at("09:00"), form="opening")
    assert list(rows["received"]) == [2, 3]
    assert list(rows["minute_at"]) == [pd.Timestamp(ELECTION.moment_of(hour)) for hour in ("08:10", "08:40")]
    assert set(rows["expected"]) == {3}


class TestUnreported:
    """The list to ring."""

    @pytest.fixture
    def facts(self, facts: Facts) -> Facts:
        facts.observer("5001-1", "5001", full_name="Asan Usenov", phone="+996 000 000 001", backup_phone="+996 000 2")
        return facts.observer("5001-2", "5001", full_name="Aida Bekova", coordinator="C-04")

    def test_the_longest_late_stands_first(self, facts: Facts) -> None:
        facts.pec("5002").report("5002", "opening", at="08:00")
        rows = coverage.unreported(facts.at("12:45"))
        assert list(zip(rows["form"], rows["pec"], strict=True)) == [
            ("opening", "5001"),
            ("voting_12", "5001"),
            ("voting_12", "5002"),
        ]
        assert list(rows["minutes_late"]) == [255, 45, 45]

    def test_it_names_codes_and_nobody_by_name_or_telephone(self, facts: Facts) -> None:
        rows = coverage.unreported(facts.at("09:30"), form="opening")
        assert rows["observers"].item() == ("5001-1", "5001-2")
        shown = rows.to_csv()
        assert "Asan" not in shown
        assert "996" not in shown
        assert "C-04" not in shown

    def test_names_and_telephones_come_when_asked_for(self, facts: Facts) -> None:
        row = coverage.unreported(facts.at("09:30"), form="opening", contacts=True).iloc[0]
        assert row["names"] == ("Asan Usenov", "Aida Bekova")
        assert row["phones"] == ("+996 000 000 001, +996 000 2", "")
        assert row["coordinators"] == ("", "C-04")

    def test_it_says_what_did_arrive(self, facts: Facts) -> None:
        facts.pec("5002")
        facts.report("5002", "opening", "5001-1", at="08:00", held="wrong_pec")
        message = {"source": "observation", "text": "PO5001 YNN?", "report": None}
        for key, sender, observer, hour in (
            ("m1", "+996 000 000 001", None, "08:30"),  # by the telephone alone
            ("m2", "?", "5001-2", "08:40"),
            ("m3", "?", "5001-2", "06:40"),  # before the checklist opened
        ):
            row = {"message": key, "sender": sender, "observer": observer}
            facts.put(t.message, message | row | {"received_at": ELECTION.moment_of(hour)}, at=hour)
        row = coverage.unreported(facts.at("09:30"), form="opening").set_index("pec").loc["5001"]
        assert (row["unreadable"], row["held"], row["arrived"]) == (2, 1, ("unreadable", "held"))
        assert row["last_heard_at"] == pd.Timestamp(ELECTION.moment_of("08:40"))

    def test_after_asked_until_nobody_is_rung(self, facts: Facts) -> None:
        assert "opening" not in set(coverage.unreported(facts.at("14:01"))["form"])
