"""The situation room: late is one number, every colour has its word, each phase has its cards, in any election."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from elections import config
from pages import cards, overview, view, words
from pages.shell import Card
from queries import judging, moment, room, snapshot
from store import clock, decisions, pictures
from store.engine import open_store
from tests.facts import ELECTION, Facts
from tests.test_config import ISLANDS
from tests.test_contradictions import photograph
from tests.test_pages import drawn, words_of

ISLAND_DAY = ("2027-03-14T06:00", "2027-03-14T09:00", "2027-03-14T13:00", "2027-03-14T18:40", "2027-03-15T09:00")
PHASES = ("2021-11-28T07:40", "14:00", "20:05", "22:10", "23:30", "2021-11-29T10:00")
CONTEST = ELECTION.contests[0].id


@pytest.fixture
def facts(sqlite_store: sa.Engine) -> Facts:
    facts = Facts(sqlite_store)
    facts.pec("5043").pec("5044").pec("1001", stratum="bishkek", district=None)
    return facts


def look(facts: Facts, hour: str, language: str = "en", **chosen: Any) -> view.View:
    filters = dict.fromkeys(("region", "district", "form", "as_of")) | chosen
    return view.View(snapshot.Snapshot(facts.at(hour)), language, **filters)


def card(facts: Facts, hour: str, title: str, **chosen: Any) -> Card:
    return next(c for c in cards.of_the_phase(look(facts, hour, **chosen)) if c.title == title)


@pytest.fixture
def islands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """The made-up country, which knows no ARBB: its device is called otherwise, and it has no map."""
    facts = Facts(open_store(f"sqlite:///{tmp_path_factory.mktemp('islands')}/store.sqlite"), config.read(ISLANDS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_STORE", facts.store.url.render_as_string(False))
        patch.setenv("BAIKOO_ELECTION", str(ISLANDS))
        moment.here.cache_clear()
        yield facts
        moment.here.cache_clear()
        clock.follow(None)


@pytest.mark.parametrize("hour", ISLAND_DAY)
def test_an_election_with_other_devices_has_an_overview_in_every_phase(islands: Facts, hour: str) -> None:
    with clock.frozen(islands.election.moment_of(hour)):
        app = drawn("overview", region="")
    said = words_of(app)
    assert "bk-broken" not in said
    assert "bk-cards" in said
    if hour == "2027-03-14T13:00":
        assert "Failures: scanner" in said
        assert "Failed: scanner" in said


@pytest.mark.parametrize(("form", "late"), [("", 3), ("counting", 0), ("closing", 3)])
def test_card_table_and_map_count_the_same_late_pecs(facts: Facts, form: str, late: int) -> None:
    seen = look(facts, "22:10", form=form or None)
    rows = room.regions(seen.moment, **({"form": form} if form else {}))
    mapped = overview._map(rows, form or None, str(ELECTION.map))["datasets"]["rows"]
    assert cards.late(seen).value == str(late)
    assert rows["pecs_late"].sum() == late
    assert sum(int(row["written"]) for row in mapped) == late
    assert ("Late: PECs late with any checklist." in overview._regions_table(seen)) == (not form)


def test_the_counts_card_says_which_contradictions_stand_and_how_far_people_took_them(facts: Facts) -> None:
    one, two = (item.id for item in ELECTION.contests[0].lists[:2])
    facts.published("machine", "5043", {"found": 100.0, "valid": 100.0, one: 60.0, two: 40.0}, at="20:30")
    facts.published("machine", "", {"pecs": 1.0, one: 61.0}, at="20:30", scope="country")
    facts.polled("20:31", load=facts.at("20:31").load)
    facts.polled("20:33")  # what stood still over a whole poll can be added up
    list(judging.judge(facts.store, ELECTION))
    seen = card(facts, "20:36", "Counted by the commission")
    assert (seen.tone, seen.word) == ("red", "machine, 1 contradiction")
    assert "1 seen by the machine: for head office" in seen.lines
    with clock.frozen(ELECTION.moment_of("20:37")):
        subject = f"total_is_sum|{CONTEST}|machine|country||"
        decisions.take_step(facts.store, subject, "confirmed", "Asanova", "seen", pictures.picture(photograph()))
    assert "1 confirmed by a person" in card(facts, "20:38", "Counted by the commission").lines


def test_before_anything_is_counted_nothing_contradicts_itself(facts: Facts) -> None:
    assert room.contradicting(facts.at("14:00")) == {}


@pytest.mark.parametrize("hour", PHASES)
def test_every_coloured_card_says_in_words_what_its_colour_means(facts: Facts, hour: str) -> None:
    facts.report("5043", "arrival", at="06:40")
    facts.incident("pressure_on_voter", at="13:40", pec="5043")
    facts.incident("pressure_on_voter", at="22:00", pec="5043")
    shown = cards.of_the_phase(look(facts, hour))
    assert [c.title for c in shown if c.tone and not c.word] == []


def test_the_night_says_which_reports_were_handed_in_and_where_observers_are_still_inside(facts: Facts) -> None:
    facts.report("5043", "arbb_final", at="21:00")
    facts.report("5044", "arbb_final", at="21:00", final_report_received="no")
    assert "report handed in: 1, not handed in: 1" in card(facts, "22:10", "ARBB final report").lines
    still = card(facts, "22:10", "PECs with observers still inside")
    assert (still.value, still.lines[1]) == ("2", "of 3 PECs")
    facts.report("5043", "protocol_single_constituency", at="22:30")
    assert card(facts, "22:31", "PECs with observers still inside").value == "1"


def test_the_morning_after_compares_the_protocols(facts: Facts) -> None:
    assert card(facts, "2021-11-29T10:00", "Protocols compared").value == words.NOTHING
    for pec in ("5043", "5044"):
        facts.report(pec, "protocol_single_constituency", at="22:30", found=100, issued=100)
        facts.published("manual", pec, {"found": 100.0, "issued": 100.0 + (pec == "5044")}, at="2021-11-29T08:30")
    seen = card(facts, "2021-11-29T10:00", "Protocols compared")
    assert (seen.value, seen.word, seen.tone) == ("1", "differs, of 2 compared", "amber")


def test_the_days_axis_reaches_to_when_the_last_open_checklist_is_due(facts: Facts) -> None:
    assert cards.until(look(facts, "14:00")) == ELECTION.moment_of("22:00")
    assert cards.until(look(facts, "22:10")) == ELECTION.moment_of("2021-11-29T04:30")
    spec = overview._day(look(facts, "22:10"))
    assert "due_word" in str(spec["layer"]), "the rule says what it is"


def test_incidents_of_the_day_before_are_said_to_be_of_the_day_before(facts: Facts) -> None:
    facts.incident("pressure_on_voter", at="2021-11-27T14:00", pec="5043")
    facts.incident("pressure_on_voter", at="10:00", pec="5044")
    m = facts.at("11:00")
    critical = room.severities(m).set_index("severity").loc["critical"]
    assert critical.to_dict() == {"count": 1, "pecs": 1, "before": 1}
    assert critical["count"] == room.incident_counts(m)["critical"]


def test_each_device_has_its_own_timeline(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    facts.episode("5043", "arbb", "09:00", at="09:05")
    facts.episode("5044", "identification", "09:00", at="09:05", end="09:30")
    monkeypatch.setenv("BAIKOO_STORE", facts.store.url.render_as_string(False))
    moment.here.cache_clear()
    with clock.frozen(ELECTION.moment_of("09:30")):
        said = words_of(drawn("equipment"))
    moment.here.cache_clear()
    assert "ARBB: failures through the day, 1 of 1" in said
    assert "Voter identification: failures through the day, 1 of 1" in said
    assert "not working" in said
