"""The pages of coverage, incidents, equipment, procedures, turnout, results and a PEC: what must stand on them."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from queries import moment
from store import clock
from store import tables as t
from store.engine import open_store
from tests.facts import ELECTION, Facts
from tests.waiting import LIMIT

PAGES = ("coverage", "incidents", "equipment", "procedures", "turnout", "results", "pec")
SAID = "**stuffed** <img src=x> =1+1"  # an observer's words: text, whatever they look like


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """A store at 14:05 of election day: the whole sample has counted at 10:00, a few PECs are late with noon's."""
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('pages')}/store.sqlite")
    facts = Facts(engine)
    pecs = facts.pecs({s.id: s.sampled for s in ELECTION.strata}, district="Alay")
    facts.pec("9001", in_sample=0, registered_voters=777)
    late = pecs[-1]
    facts.observer(f"{late}-1", late, full_name="Asanova Gulnara", phone="+996 000 000 001", coordinator="C-08")
    facts.report("1000", "opening", observer="1000-1", at="08:05", report="first", drawing_of_lots="no")
    facts.report("1000", "opening", observer="1000-2", at="08:06", drawing_of_lots="yes")
    facts.report("1001", "opening", observer="1001-1", at="08:07", report="corrected", boxes_sealed="no")
    facts.report("1001", "opening", observer="1001-1", at="09:00", report="corrected", boxes_sealed="yes")
    facts.episode("1002", "identification", "09:00", at="09:05", end="09:30")
    facts.incident("pressure_on_voter", at="10:00", pec="1000", description=SAID)
    _everybody(facts, pecs, "turnout_10", "10:10")
    for region in (r.id for r in ELECTION.regions if not r.abroad):
        lines = {"registered": 1000, "voted": 45, "pecs": 10}
        facts.published("turnout", region, lines, at="10:10", hour="10:00", scope="region")
    facts.incident("campaigning", at="11:00", region="osh", district="Uzgen", pec="2000")
    facts.episode("1000", "arbb", "11:00", at="11:05")
    _everybody(facts, pecs[:-3], "voting_12", "12:10")
    clock.set_rehearsed(engine, ELECTION.moment_of("14:05"), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_STORE", engine.url.render_as_string(False))
        patch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
        moment.here.cache_clear()
        yield facts
        moment.here.cache_clear()
        clock.follow(None)


def _everybody(facts: Facts, pecs: list[str], form: str, at: str) -> None:
    """One complete report from each PEC, all in one load: 5% have voted, nothing is wrong."""
    asked = ELECTION.asked(form)
    sent = ELECTION.moment_of(at)
    reports, answers = [], []
    for i, pec in enumerate(pecs):
        key = {"source": "observation", "report": f"{form}-{pec}"}
        row = {
            "observer": f"{pec}-1",
            "pec": pec,
            "form": form,
            "submitted_at": sent - timedelta(seconds=i),
            "complete": 1,
            "held": None,
        }
        reports.append(key | row)
        for question in ELECTION.required(form):
            value = asked[question].choices[0] if asked[question].type == "choice" else "50"
            number = 50.0 if asked[question].type == "number" else None
            answers.append(key | {"question": question, "value": value, "number": number, "moment_at": None})
    facts.put(t.report, *reports, at=at)
    facts.put(t.answer, *answers, at=at)


def _run(name: str) -> None:
    import importlib

    from pages import deciding

    part = importlib.import_module(f"pages.{name}")
    with deciding.told():
        (part.strip if name == "strip" else part.page)()


def drawn(name: str, language: str = "en", **state: str) -> AppTest:
    """The page as it is drawn for a reader with this language and address."""
    app = AppTest.from_function(_run, args=(name,), default_timeout=LIMIT)
    for key, value in {"lang": language, **state}.items():
        app.session_state[key] = value
        app.query_params[key] = value
    app.run()
    assert [e.value for e in app.exception] == []
    return app


def words_of(app: AppTest) -> str:
    html = [str(e.proto.body) for e in app.get("html")]
    captions = [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", c.value) for c in app.caption]
    return " ".join([*(h for h in html if not h.startswith("<style")), *captions])


@pytest.mark.parametrize("language", ["en", "ru", "ky"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_in_every_language(day: Facts, name: str, language: str) -> None:
    app = drawn(name, language, pec="1000")
    assert len(words_of(app)) > 100


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_before_anything_has_come(day: Facts, name: str) -> None:
    drawn(name, as_of="2021-11-27T06:30", pec="1000")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_for_one_region_and_one_district(day: Facts, name: str) -> None:
    drawn(name, region="osh", district="Alay", form="voting_12", pec="1000")


def test_a_late_pec_stands_on_the_list_with_whom_to_ring(day: Facts) -> None:
    said = words_of(drawn("coverage"))
    late = "8049"
    assert f"PEC {late}" in said
    assert "Asanova Gulnara" in said
    assert "<a href='tel:+996000000001'>+996 000 000 001</a>" in said
    assert "coordinator C-08" in said
    assert "2 h 5 min</span> Voting, 08:00–12:00" in said
    assert "3 of 3 late PECs" in said


def test_where_nobody_is_late_the_list_says_what_comes_next(day: Facts) -> None:
    said = words_of(drawn("coverage", as_of="2021-11-28T06:00"))
    assert "No PEC is late. Arrival: expected from 06:00, due by 07:00." in said


@pytest.mark.parametrize("name", ["incidents", "equipment", "procedures", "turnout", "results"])
def test_telephones_stand_on_no_other_page(day: Facts, name: str) -> None:
    said = words_of(drawn(name))
    assert "+996" not in said
    assert "Asanova" not in said


def test_an_observers_words_are_drawn_as_text(day: Facts) -> None:
    said = words_of(drawn("incidents"))
    assert "“**stuffed** &lt;img src=x&gt; =1+1”" in said
    assert "<img" not in said


@pytest.mark.parametrize("name", ["incidents", "pec"])
def test_of_a_text_of_a_megabyte_the_beginning_is_drawn(
    sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    Facts(sqlite_store).pec("1003").incident("secrecy", at="13:00", pec="1003", description="ш" * 1_000_000)
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:05"), 0)
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    moment.here.cache_clear()
    try:
        app = drawn(name, pec="1003")
    finally:
        moment.here.cache_clear()
    said = words_of(app)
    assert f"“{'ш' * 1000} … and more letters: 999,000”" in said
    assert "ш" * 1001 not in said
    assert len(said) + sum(len(frame.proto.SerializeToString()) for frame in app.dataframe) < 500_000


def test_incidents_are_reports_received_and_never_a_share(day: Facts) -> None:
    said = words_of(drawn("incidents"))
    assert "Reports received from observers" in said
    assert "2 of 2 reports" in said
    assert "%" not in said


def test_an_incident_whose_region_differs_from_the_frames_says_both(day: Facts) -> None:
    said = words_of(drawn("incidents"))
    assert "as reported" in said
    assert "Uzgen (No. 12)" in said


def test_the_incident_list_follows_the_filters_of_the_address(day: Facts) -> None:
    said = words_of(drawn("incidents", severity="critical"))
    assert "1 of 1 report" in said
    assert "Pressure on a voter" in said
    assert "No report fits these filters." in words_of(drawn("incidents", reporter="mobile"))


def test_equipment_has_an_estimate_for_each_device_with_its_interval_and_what_it_rests_on(day: Facts) -> None:
    said = words_of(drawn("equipment"))
    assert "ARBB" in said
    assert "Voter identification" in said
    assert "(99%)" in said
    assert "297 PECs answered of 300 sampled" in said
    assert "End unknown" not in said
    assert "1 with its end unknown: no news for an hour" in said


def test_equipment_shows_no_estimate_before_enough_of_the_sample_answered(day: Facts) -> None:
    said = words_of(drawn("equipment", as_of="2021-11-28T11:30"))
    assert "no number" in said
    assert "0 of 300 sampled PECs have reported; it takes 240." in said
    assert "(99%)" not in said


def test_turnout_says_its_light_margins_origin_and_the_commissions_figure(day: Facts) -> None:
    app = drawn("turnout", **{"turnout_hour_single_constituency": "10:00"})
    said = words_of(app)
    for words in ("Observers, 10:00", "5.0%", "complete enough", "300 of 300 sampled PECs", "computed from the data: ±",
                  "fixed before the day: ± 3.05 points", "Commission, 10:00", "4.50%"):  # fmt: skip
        assert words in said, words
    assert "counted by observers" in said
    assert "no independent count" in said


def test_observers_and_commission_stand_side_by_side_with_cut_off_base_pecs_and_why_they_are_not_comparable(
    day: Facts,
) -> None:
    said = words_of(drawn("turnout", **{"turnout_hour_single_constituency": "10:00"}))
    assert "Observers and commission at 10:00" in said
    ours = ("reports received until 14:05", "300,777", "300 of 300", "a sample of 2,435 PECs")
    theirs = ("known here since 10:10", "8,000", "as the commission stated", "80 of 2,435", "8 of 8 regions")
    for words in (*ours, *theirs):
        assert words in said, words
    assert "Not comparable: by the commission&#x27;s own count its figure is of 80 of 2,435 PECs." in said
    noon = words_of(drawn("turnout", **{"turnout_hour_single_constituency": "12:00"}))
    assert "Not comparable: the commission has published nothing for this hour yet." in noon


def test_a_red_light_shows_no_number_but_what_is_missing_and_when_it_may_be_there(day: Facts) -> None:
    at_noon = {"turnout_hour_single_constituency": "10:00"}
    day.report("1000", "turnout_14", at="14:04", voters_voted=200)
    said = words_of(drawn("turnout", **(at_noon | {"turnout_hour_single_constituency": "14:00"})))
    assert "No number for 14:00 yet: what is missing" in said
    assert "1 of 300 sampled PECs have reported; it takes 240." in said
    assert "Counts of 14:00 are welcome from 14:00" in said
    assert "20.0%" not in said


def test_before_the_first_count_turnout_says_when_it_comes(day: Facts) -> None:
    said = words_of(drawn("turnout", as_of="2021-11-28T09:00"))
    assert "Counts of 10:00 are welcome from 10:00" in said


def test_results_are_headed_as_the_commissions_own(day: Facts) -> None:
    said = words_of(drawn("results", as_of="2021-11-28T14:00"))  # another test publishes some at 14:04
    assert "Results as the commission published them" in said
    assert "The commission has published no result yet. Machine counts come after the polls close at 20:00." in said


def test_machine_and_manual_counts_stand_apart(day: Facts) -> None:
    lines = {"Ishenim": 30, "Alliance": 20, "valid": 50, "invalid": 2, "found": 52}
    day.published("machine", "1000", lines, at="14:04").published("manual", "1000", lines | {"Ishenim": 31}, at="14:04")
    app = drawn("results")
    assert "1 of 302 PECs" not in words_of(app)
    assert "1 of 301 PECs" in words_of(app)
    votes = next(d.value for d in app.dataframe if "list" in d.value)
    row = votes.set_index("list").loc["Ishenim"]
    assert (row["machine_votes"], row["manual_votes"]) == (30, 31)


def test_a_pecs_panel_shows_both_observers_and_where_they_differ(day: Facts) -> None:
    said = words_of(drawn("pec", pec="1000"))
    assert "PEC 1000" in said
    assert "the observers differ" in said
    assert "1000-1" in said
    assert "1000-2" in said
    assert "in the sample" in said


def test_a_correction_shows_the_old_answer_and_the_new(day: Facts) -> None:
    said = words_of(drawn("pec", pec="1001"))
    assert "<span class='bk-old'>no</span> <small>until 09:00</small> → yes" in said


def test_a_pec_nobody_watches_says_so(day: Facts) -> None:
    said = words_of(drawn("pec", pec="9001"))
    assert "Nobody watches PEC 9001: it is not in the sample, and nobody has reported from it." in said
    assert "777" in said


def test_an_unknown_pec_says_so(day: Facts) -> None:
    assert "There is no PEC 4711 on the list of this election." in words_of(drawn("pec", pec="4711"))


def test_a_pecs_number_is_text_and_never_markup(day: Facts) -> None:
    assert "<script>" not in words_of(drawn("pec", pec="<script>alert(1)</script>"))
