"""What the commission published, the health of the sources, one PEC's day, and what changed lately."""

import pandas as pd
import pytest
import sqlalchemy as sa

from queries import answers, changes, health, pec, results
from queries.kept import moved
from store import clock
from store import tables as t
from store.loading import loading
from tests.facts import ELECTION, Facts


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    return Facts(store)


class TestResults:
    """Votes added up from the commission's PECs."""

    @pytest.fixture
    def facts(self, facts: Facts) -> Facts:
        facts.pec("1001", "bishkek", district=None).pec("5001").pec("5002", in_sample=0)
        facts.pec("9001", "abroad", district=None, in_sample=0)
        facts.published("machine", "1001", self.lines(50, 40, 10), at="20:10")
        facts.published("machine", "9001", self.lines(20, 0, 0), at="20:20")
        return facts.published("manual", "1001", self.lines(52, 40, 8), at="23:00")

    def lines(self, ata_meken: int, against_all: int, invalid: int) -> dict[str, float]:
        valid = ata_meken + against_all
        votes = {"Ata-Meken": ata_meken, "Against all": against_all}
        return votes | {"valid": valid, "invalid": invalid, "found": valid + invalid}

    def test_votes_and_their_base_are_of_the_same_pecs(self, facts: Facts) -> None:
        rows = results.results(facts.at("23:30")).set_index(["count", "list"])
        row = rows.loc[("machine", "Ata-Meken")]
        assert (row["votes"], row["base"], row["pecs"], row["of"]) == (70, 120, 2, 4)
        assert row["share"] == pytest.approx(70 / 120)
        assert rows.loc[("manual", "Ata-Meken"), "votes"] == 52

    def test_machine_and_manual_are_two_series(self, facts: Facts) -> None:
        rows = results.results(facts.as_of("22:00")).set_index(["count", "list"])
        assert rows.loc[("manual", "Ata-Meken"), "votes"] == rows.loc[("manual", "Ata-Meken"), "pecs"] == 0
        assert rows.loc[("machine", "Ata-Meken"), "votes"] == 70

    def test_every_list_has_a_row_and_so_have_valid_and_invalid_ballots(self, facts: Facts) -> None:
        rows = results.results(facts.at("23:30"), count="machine")
        contest = ELECTION.contests[0]
        assert list(rows["list"]) == [*(item.id for item in contest.lists), "valid", "invalid"]
        assert dict(zip(rows["list"], rows["votes"], strict=True))["invalid"] == 10

    def test_a_place_is_that_of_the_frame_abroad_included(self, facts: Facts) -> None:
        rows = results.results(facts.at("23:30"), ("list", "count", "region"), count="machine")
        votes = rows[rows["list"] == "Ata-Meken"].set_index("region")
        assert (votes.loc["bishkek", "votes"], votes.loc["abroad", "votes"], votes.loc["osh", "votes"]) == (50, 20, 0)
        assert (votes.loc["osh", "pecs"], votes.loc["osh", "of"]) == (0, 2)
        assert set(votes.index) == {r.id for r in ELECTION.regions}
        one = results.results(facts.at("23:30"), region="abroad", count="machine")
        assert (one["base"].max(), one["of"].max()) == (20, 1)

    def test_a_figure_that_is_corrected_counts_as_corrected_and_then_as_it_was(self, facts: Facts) -> None:
        facts.published("machine", "1001", {"Ata-Meken": 60}, at="23:40")
        both = [results.results(m).set_index(["count", "list"]) for m in (facts.at("23:50"), facts.as_of("23:39"))]
        assert [rows.loc[("machine", "Ata-Meken"), "votes"] for rows in both] == [80, 70]

    def test_the_commissions_own_summary_is_not_added_up(self, facts: Facts) -> None:
        facts.published("machine", "", {"Ata-Meken": 9999}, at="23:10", scope="country")
        rows = results.results(facts.at("23:30")).set_index(["count", "list"])
        assert rows.loc[("machine", "Ata-Meken"), "votes"] == 70

    def test_progress_counts_pecs_by_when_they_were_first_known(self, facts: Facts) -> None:
        facts.published("machine", "1001", self.lines(51, 40, 9), at="21:10")
        rows = results.progress(facts.at("23:30"))
        machine = rows[rows["count"] == "machine"]
        assert list(machine["pecs"]) == [1, 2]
        assert list(machine["at_at"]) == [pd.Timestamp(ELECTION.moment_of(hour)) for hour in ("20:10", "20:20")]
        assert set(rows["of"]) == {4}

    def test_machine_is_held_against_manual_on_the_pecs_that_have_both(self, facts: Facts) -> None:
        row = results.both(facts.at("23:30")).set_index("list").loc["Ata-Meken"]
        assert (row["machine"], row["manual"], row["pecs"]) == (50, 52, 1)


class TestHealth:
    """Sources by the age of their last successful poll."""

    def poll(self, store: sa.Engine, at: str, outcome: str = "ok", error: str | None = None) -> None:
        row = {"source": "commission", "polled_at": ELECTION.moment_of(at), "outcome": outcome, "error": error}
        with store.begin() as conn:
            conn.execute(t.poll.insert().values(seen=7, milliseconds=12, **row))

    @pytest.mark.parametrize(
        ("at", "state"), [("10:04:00", "ok"), ("10:04:01", "amber"), ("10:10:00", "amber"), ("10:10:01", "red")]
    )
    def test_a_source_is_amber_after_two_intervals_and_red_after_five(self, facts: Facts, at: str, state: str) -> None:
        self.poll(facts.store, "10:00")
        self.poll(facts.store, "10:02", "error", "403 Forbidden")  # no success
        row = health.health(facts.at(f"2021-11-28T{at}")).set_index("source").loc["commission"]
        assert (row["state"], row["error"], row["seen"], row["interval"]) == (state, "403 Forbidden", 7, 120)

    def test_a_source_that_was_never_read_says_so(self, facts: Facts) -> None:
        row = health.health(facts.at("10:00")).set_index("source").loc["observation"]
        assert row["state"] == "never"
        assert pd.isna(row["age"])

    def test_at_a_past_moment_later_polls_are_not_known(self, facts: Facts) -> None:
        self.poll(facts.store, "10:00")
        self.poll(facts.store, "11:00")
        row = health.health(facts.as_of("10:01")).set_index("source").loc["commission"]
        assert (row["age"], row["error"]) == (60, None) or pd.isna(row["error"])
        assert len(health.polls(facts.as_of("10:01"))) == 1
        assert health.polls(facts.at("11:30"), minutes=20).empty

    def test_what_is_set_aside_is_counted_until_a_good_one_comes(self, facts: Facts) -> None:
        bad = {"place": "obs_report", "key": "r1", "hash": "h", "reason": "unknown_pec", "field": "pec", "raw": "{}"}
        with clock.frozen(ELECTION.moment_of("10:00")), loading(facts.store, "observation") as load:
            load.set_aside([bad])
        with clock.frozen(ELECTION.moment_of("10:30")), loading(facts.store, "observation") as load:
            load.resolve([load.conn.execute(sa.select(t.quarantine.c.id)).scalar_one()])
        assert list(health.quarantined(facts.as_of("10:10"))["reason"]) == ["unknown_pec"]
        assert health.health(facts.as_of("10:10")).set_index("source").loc["observation", "quarantined"] == 1
        assert health.quarantined(facts.at("10:31")).empty


class TestOnePec:
    """Everything of one PEC on one panel."""

    @pytest.fixture
    def facts(self, facts: Facts) -> Facts:
        facts.pec("5001").observer("5001-1", "5001", full_name="Asan Usenov", phone="+996 000 000 001")
        report = facts.report("5001", "opening", at="08:00", drawing_of_lots="no")
        facts.report("5001", "opening", at="09:00", sent="07:59", report=report, drawing_of_lots="yes")
        facts.incident("secrecy", at="10:00", pec="5001").episode("5001", "arbb", "10:00", at="10:10")
        return facts.published("machine", "5001", {"found": 100}, at="20:10")

    def test_a_correction_shows_the_old_value_and_the_new(self, facts: Facts) -> None:
        panel = pec.pec(facts.at("21:00"), "5001")
        history = panel.answers[panel.answers["question"] == "drawing_of_lots"]
        assert list(history["value"]) == ["no", "yes"]
        assert history["replaced_at"].iloc[0] == history["known_at"].iloc[1]
        assert history["replaced_at"].isna().iloc[1]
        before = pec.pec(facts.as_of("08:30"), "5001").answers
        assert before["replaced_at"].isna().all()

    def test_it_holds_the_whole_day(self, facts: Facts) -> None:
        panel = pec.pec(facts.at("21:00"), "5001")
        assert panel.known
        assert panel.watched
        assert panel.place["district"] == "Alay"
        assert len(panel.states) == 8
        assert len(panel.incidents) == len(panel.episodes) == len(panel.published) == 1
        assert list(panel.reports["form"]) == ["opening", "equipment_episode"]

    def test_names_and_telephones_stay_away_unless_asked_for(self, facts: Facts) -> None:
        m = facts.at("21:00")
        assert list(pec.pec(m, "5001").observers.columns) == ["observer", "role", "heard_at"]
        assert pec.pec(m, "5001", contacts=True).observers["full_name"].item() == "Asan Usenov"

    def test_a_withdrawn_report_is_shown_as_withdrawn(self, facts: Facts) -> None:
        report = facts.report("5001", "closing", at="21:00")
        facts.withdraw(t.report, ("observation", report), at="21:30")
        rows = pec.pec(facts.at("22:00"), "5001").reports.set_index("report")
        assert rows.loc[report, ["active", "withdrawn"]].tolist() == [False, True]
        assert rows.loc[rows["form"] == "opening", "active"].item()

    def test_a_pec_nobody_watches_and_one_that_is_none_say_so(self, facts: Facts) -> None:
        facts.pec("5002", in_sample=0)
        other, none = (pec.pec(facts.at("21:00"), code) for code in ("5002", "0000"))
        assert (other.known, other.watched) == (True, False)
        assert (none.known, none.watched) == (False, False)


class TestChanges:
    """The last quarter of an hour."""

    def test_what_came_is_told_as_what_it_is(self, facts: Facts) -> None:
        facts.pec("5001")
        report = facts.report("5001", "opening", at="08:00", drawing_of_lots="no")
        gone = facts.report("5001", "arrival", at="08:01")
        facts.report("5001", "opening", at="09:00", sent="07:59", report=report, drawing_of_lots="yes")
        facts.withdraw(t.report, ("observation", gone), at="09:01")
        facts.incident("observer_rights", at="09:02", pec="5001").episode("5001", "arbb", "09:00", at="09:03")
        facts.published("machine", "5001", {"found": 100, "valid": 90}, at="09:04")
        rows = changes.recent(facts.at("09:10"))
        assert list(zip(rows["what"], rows["detail"], strict=True)) == [
            ("published", "machine"),
            ("episode_open", "arbb"),
            ("incident", "observer_rights"),
            ("report_withdrawn", "arrival"),
            ("report_corrected", "opening"),
        ]
        assert rows.set_index("what").loc["published", "number"] == 1
        assert rows.set_index("what").loc["incident", "severity"] == "critical"

    def test_older_than_that_is_not_told(self, facts: Facts) -> None:
        facts.pec("5001").report("5001", "opening", at="08:00")
        assert changes.recent(facts.at("08:15")).empty
        assert len(changes.recent(facts.at("08:14"))) == 1


class TestKept:
    """Answers in memory are those that a fresh look at the store finds."""

    def test_a_frame_that_is_kept_up_is_the_same_as_one_made_anew(self, facts: Facts) -> None:
        pecs = facts.pecs(10)
        for number, code in enumerate(pecs):
            facts.report(code, "opening", at="08:00", drawing_of_lots="no" if number % 3 else "yes")
        answers.answers(facts.at("08:05"))
        facts.report(pecs[3], "opening", "other", at="08:10", drawing_of_lots="yes")
        report = facts.report(pecs[4], "voting_12", at="12:00", voters_voted=100)
        facts.report(pecs[4], "voting_12", at="12:10", report=report, voters_voted=110)
        facts.decide("answer", f"{pecs[5]}|opening|drawing_of_lots", "no", at="12:11")
        facts.withdraw(t.report, ("observation", "r1"), at="12:12")
        m = facts.at("12:15")
        later, earlier = answers.answers(m), answers.answers(facts.as_of("12:05"))
        answers._ANSWERS._frames.clear()
        assert_same(later, answers.answers(m))
        answers._ANSWERS._frames.clear()
        assert_same(earlier, answers.answers(facts.as_of("12:05")))

    def test_between_two_loads_only_the_pecs_that_moved_are_named(self, facts: Facts) -> None:
        facts.pec("5001").pec("5002")
        facts.report("5001", "opening", at="08:00")
        before = facts.at("08:01").load
        facts.incident("secrecy", at="08:02", pec="5002")
        facts.report("5002", "opening", at="08:03")
        assert moved(facts.store, before, facts.at("08:10").load) == ["5002"]

    def test_a_store_made_anew_under_the_same_engine_is_not_taken_for_the_old_one(self, facts: Facts) -> None:
        facts.pec("5001").report("5001", "opening", at="08:00")
        assert len(answers.answers(facts.at("08:10"))) == 8
        with facts.store.begin() as conn:
            for table in (t.answer, t.report, t.pec, t.load):
                conn.execute(table.delete())
        facts.put(t.pec, {"pec": "5001", "in_sample": 1, "mobile_applications": 0}, at="09:00")
        facts.incident("secrecy", at="09:01")
        assert answers.answers(facts.at("09:10")).empty


def assert_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    order = ["pec", "form", "subject"]
    pd.testing.assert_frame_equal(
        one.sort_values(order).reset_index(drop=True), other.sort_values(order).reset_index(drop=True)
    )
