"""Incidents that cannot be used as they came: none is invisible, and a person says what they are."""

import itertools
import json
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from elections.config import Category
from loaders import schedule
from loaders.contract import INCIDENT, Raw, code
from loaders.intake import Batch, Intake
from pages import cards, charts_incidents, unsorted, words
from queries import incidents, moment, room
from store import clock, decisions
from store import tables as t
from store.engine import connect
from store.loading import loading
from tests.browser import Seen, chromium
from tests.dashboard import dashboard
from tests.facts import ELECTION, Facts
from tests.observation_world import Observation, Poll, aside, at, current, loads_add_up, poller
from tests.test_loaders_rows import row_of
from tests.test_pages import drawn, words_of
from tests.test_pages_room import card, look

DANGER = {"category": "shots fired", "severity": "very", "pec": "9999", "region": "Атлантида", "observer": "nobody"}


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The store of this process, with a PEC, an observer and an incident that nobody could sort."""
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    moment.here.cache_clear()
    facts = Facts(sqlite_store)
    facts.pec("5001").observer("5001-1", "5001")
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:05"), 0)
    yield facts
    moment.here.cache_clear()
    clock.follow(None)


def row(incident: str | None, **values: Any) -> Raw:
    own = {"incident": incident, "category": "secrecy", "reported_at": "2021-11-28T05:00:00Z", "updated_at": None}
    return dict.fromkeys(INCIDENT.names) | own | values


def take(store: sa.Engine, *rows: Raw, hour: str = "14:00") -> None:
    with clock.frozen(at(hour)), loading(store, "observation") as load:
        Intake(load, ELECTION, Batch({INCIDENT.name: list(rows)}), at(hour)).take()


def about(raw: Raw) -> str:
    """What a row says, but for how far it has got."""
    return json.dumps({k: v for k, v in raw.items() if k not in ("status", "updated_at")}, default=str)


ANY = st.lists(row_of(INCIDENT).map(lambda raw: raw | {"deleted": 0}), min_size=1, max_size=4)


@given(rows=ANY)
@example(rows=[row(None), row(""), row("\x00"), row("i1", category=None), row("i2", reported_at="soon")])
@settings(max_examples=8)
def test_each_incident_however_malformed_raises_a_number_on_overview_and_wall(
    migrated_file: Path, tmp_path: Path, rows: list[Raw]
) -> None:
    """Promise 2. The wall's cards are the Overview's."""
    raises_numbers(migrated_file, tmp_path, rows)


@pytest.mark.proof
@given(rows=ANY)
@settings(max_examples=60)
def test_each_of_many_malformed_incidents_raises_a_number(migrated_file: Path, tmp_path: Path, rows: list[Raw]) -> None:
    raises_numbers(migrated_file, tmp_path, rows)


def raises_numbers(migrated_file: Path, tmp_path: Path, rows: list[Raw]) -> None:
    facts = Facts(connect(f"sqlite:///{shutil.copy(migrated_file, tmp_path / f'{uuid.uuid4().hex}.sqlite')}"))
    keys: set[str] = set()
    for number, raw in enumerate(rows):
        hour, own = f"16:{number:02}", code(raw["incident"])
        take(facts.store, raw, hour=hour)
        counts, before = room.incident_counts(facts.at(hour)), keys
        keys = set(incidents.incident_list(facts.at(hour))["incident"])
        if own and "\ufffd" not in own:
            assert keys == before | {own}
        else:
            assert before <= keys
            assert about(raw) in map(about, rows[:number]) or len(keys) == len(before) + 1
        assert counts["total"] + counts["before"] == len(keys)
        said = cards.html(look(facts, hour))
        assert f"{counts['total']} report" in said
        assert (f"{counts['unsorted']} to be sorted" in said) == bool(counts["unsorted"])
    assert aside(facts.store) == set(), "no incident is set aside"
    facts.store.dispose()


def test_an_incident_is_loaded_whatever_is_wrong_with_it_with_its_words_as_written(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.incident("good", "08:10", pec=None)
    observation.incident("danger", "08:10", **DANGER, description="Shots at the entrance")
    observation.incident("future", "08:10", occurred_at="09:00", reported_at="09:00")
    observation.incident("no time", "08:10", reported_at=None)
    poll("08:30")
    found = {i["incident"]: i for i in current(store, t.incident)}
    assert found.keys() == {"good", "danger", "future", "no time"}
    assert found["good"]["unsorted"] is None
    danger = found["danger"]
    assert danger["unsorted"] == "unknown_pec unknown_category not_a_choice unknown_region"
    assert json.loads(danger["written"]) == {k: DANGER[k] for k in ("pec", "category", "severity", "region")}
    assert danger["description"] == "Shots at the entrance"
    assert found["future"]["unsorted"] == "in_future"
    assert found["no time"]["unsorted"] == "not_a_time"
    assert aside(store) == set()
    poll("08:31")
    assert loads_add_up(store)
    assert len(current(store, t.incident)) == 4


def test_an_incident_without_a_key_is_loaded_once_and_stays(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    for incident in (None, ""):
        observation.twice(
            "incident", "08:10", incident=incident, category="violence", reported_at="08:09", description="Help"
        )
    poll("08:30")
    for hour in ("08:31", "08:32", "08:33"):
        poll(hour, again=True)
    rows = current(store, t.incident)
    assert {i["unsorted"] for i in rows} == {"no_key"}
    assert len(rows) == 2
    assert len({i["load_from"] for i in rows}) == 1


@pytest.mark.parametrize("when", ["08:20", "06:10"])  # read as news, or found by a comparison
@pytest.mark.parametrize("key", ["  ", "\t", "\xa0", "a\x00b"])
def test_one_whose_key_cannot_be_asked_for_is_loaded_too(
    sqlite_store: sa.Engine, observation_beside: Observation, key: str, when: str
) -> None:
    poll = poller(sqlite_store)
    observation_beside.incident("good", "08:10")
    poll("08:30")
    observation_beside.twice("incident", when, incident=key, category="violence", reported_at="06:09")
    for minute in range(31, 52):
        poll(f"08:{minute}")
    assert [i["unsorted"] is None for i in current(sqlite_store, t.incident)] == [False, True]


def test_one_whose_key_is_no_text_is_loaded_too(sqlite_store: sa.Engine, observation_beside: Observation) -> None:
    observation_beside.incident("good", "08:10")
    with observation_beside.engine.begin() as conn:
        for key in ("cast(x'71ff' as text)", "x'7171'"):
            conn.exec_driver_sql(
                f"insert into own_incident select {key}, pec, region, district, observer, category, severity, "  # noqa: S608 -- ours
                "description, status, channel, occurred_at, reported_at, updated_at, deleted from own_incident "
                "where incident = 'good'"
            )
    poller(sqlite_store)("08:30")
    assert len(current(sqlite_store, t.incident)) == 3


def test_a_late_one_without_a_key_is_found_when_keys_are_compared(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.incident("good", "08:10")
    poll("08:30")
    observation.twice("incident", "06:10", incident=None, category="violence", reported_at="06:09")
    poll("08:31", again=True)
    assert len(current(store, t.incident)) == 2


def test_of_two_with_the_same_key_both_stand(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    def told() -> dict[str, str | None]:
        return {i["description"]: i["unsorted"] for i in current(store, t.incident)}

    observation.incident("i1", "08:10", description="a quarrel")
    observation.incident("i2", "08:10", description="a queue")
    observation.incident("i3", "08:10", description="a fire")
    observation.twice(
        "incident", "08:20", incident="i2", pec="1001", category="violence", reported_at="08:20", description="shots"
    )
    poll("08:30")
    assert told() == {"a quarrel": None, "shots": None, "a queue": "twice", "a fire": None}
    observation.twice(
        "incident", "08:31", incident="i1 ", pec="1001", category="violence", reported_at="08:31", description="a knife"
    )
    poll("08:31")
    assert told() == {"a knife": None, "a quarrel": "twice", "shots": None, "a queue": "twice", "a fire": None}
    observation.incident("i3", "08:32", description="a fire in the hall")
    for minute in range(32, 43):
        poll(f"08:{minute}")
    assert told().keys() == {"a knife", "a quarrel", "shots", "a queue", "a fire in the hall"}, (
        "one that changed is one"
    )
    assert loads_add_up(store)


def test_a_mended_configuration_sorts_what_it_names(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    observation.incident("danger", "08:10", category="shots_fired", severity=None)
    poll("08:30")
    assert [i["unsorted"] for i in current(store, t.incident)] == ["unknown_category"]
    shots = Category(id="shots_fired", name=dict.fromkeys(ELECTION.languages, "Shots"), severity="critical")
    mended = ELECTION.model_copy(update={"categories": (*ELECTION.categories, shots)})
    with clock.frozen(at("08:40")):
        schedule.poll(store, mended, "observation", again=True)
    (incident,) = current(store, t.incident)
    assert (incident["category"], incident["severity"], incident["unsorted"]) == ("shots_fired", "critical", None)


@pytest.mark.parametrize("written", ["bishkek", "Bishkek", "БИШКЕК", " bishkek "])
def test_a_region_is_known_by_its_id_and_by_its_names(sqlite_store: sa.Engine, written: str) -> None:
    take(sqlite_store, row("i1", region=written))
    rows = incidents.incidents(Facts(sqlite_store).at("14:00"), by=("region",)).set_index("region")
    assert rows["count"].sum() == rows.loc["bishkek", "count"] == 1
    assert len(rows) == len([r for r in ELECTION.regions if not r.abroad])


def test_a_place_that_nobody_knows_is_no_new_region(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    facts.pec("5001", stratum="osh")
    take(sqlite_store, row("i1", region="Atlantis"), row("i2", region="Atlantis", pec="5001"))
    rows = incidents.incidents(facts.at("14:00"), by=("region",)).set_index("region")
    assert "Atlantis" not in rows.index
    assert (rows["count"].sum(), rows.loc["osh", "count"]) == (2, 1)
    assert incidents.unsorted(facts.at("14:00"))["incident"].tolist() == ["i1"]


def test_unsorted_ones_stand_first_and_those_of_known_observers_before_others(facts: Facts) -> None:
    facts.incident("violence", at="13:00")
    take(facts.store, *(row(f"h{n}", category="x", observer="stranger", pec=f"{n}") for n in range(40)))
    take(facts.store, row("own", category="x", observer="5001-1", reported_at="2021-11-28T02:00:00Z"))
    rows = incidents.incident_list(facts.at("14:00"))
    assert rows["incident"].iloc[0] == "own"
    assert rows["severity"].tolist() == ["unsorted"] * 41 + ["critical"]
    folded = incidents.folded(rows)
    assert folded["incident"].tolist()[0] == "own"
    assert (len(folded), folded["more"].sum()) == (5, 37), "a flood is one line with its count, and nothing is lost"


def test_the_banner_names_an_observer_who_reports_twice_before_anybody_else(facts: Facts) -> None:
    strangers = [row(f"h{n}", category="x", observer=None, pec="5001", description=f"words {n}") for n in range(5)]
    own = [row(f"own{n}", category="x", observer="5001-1", pec="5001", description="SHOTS FIRED") for n in range(2)]
    take(facts.store, *strangers, *own)
    said = words_of(drawn("overview"))
    named = said[said.index("must be sorted by a person") :]
    assert named.index("and 1 more of this sender") < named.index("hotline")


FLOOD = "2021-11-28T08:03:00Z"  # 14:03


def flood_after_two_observers(facts: Facts) -> None:
    """An observer's report of violence and three of another's, and after them forty of nobody's, each in other words
    and of another PEC."""
    facts.observer("5001-2", "5001", role="mobile")
    facts.pecs({"bishkek": 40})
    own = [row("own", category="violence", observer="5001-1", reported_at="2021-11-28T07:58:00Z")]
    own += [row(f"m{n}", category="x", observer="5001-2", reported_at="2021-11-28T07:59:00Z") for n in range(3)]
    take(facts.store, *own, hour="13:59")
    strange = {"reported_at": FLOOD, "observer": None}
    kinds = ("violence", "x", "shots", "bribes")
    many = (row(f"h{n}", category=kinds[n % 4], pec=f"{1000 + n}", description=f"{n}", **strange) for n in range(40))
    take(facts.store, *many, hour="14:04")


def test_the_wall_names_observers_of_the_frame_before_a_flood_of_strangers(facts: Facts) -> None:
    flood_after_two_observers(facts)
    said = words_of(drawn("wall", wall="1"))
    urgent = re.findall("<li><time>.*?</li>", said[said.index("New and critical") :])
    assert ["13:58" in urgent[0], "14:03" in urgent[1], "14:03" in urgent[2]] == [True] * 3
    assert "and 2 more of this sender" in said[: said.index("New and critical")], "the banner names the other"
    assert "and 36 more" in said
    fresh = room.fresh_critical(facts.at("14:05"))
    assert fresh["incident"].tolist()[:4] == ["own", "m0", "m1", "m2"]
    assert len(fresh) == 44, "nothing is dropped"


def test_the_overview_names_observers_of_the_frame_in_a_flood_of_strangers(facts: Facts) -> None:
    flood_after_two_observers(facts)
    take(facts.store, *(row(f"a{n}", pec="1001", reported_at=FLOOD) for n in range(300)), hour="14:05")
    said = words_of(drawn("overview"))
    lately = re.findall("<li><time>.*?</li>", said[said.index("bk-recent") :])
    assert len(lately) == 8
    assert ["13:59" in line for line in lately] == [True] * 3 + [False] * 5
    assert "and 1 more of this sender" in lately[1]
    assert "Violence" in lately[2]


def test_reports_without_a_sender_fold_where_their_words_are_the_same(facts: Facts) -> None:
    same = [row(f"s{n}", category="x", description="the same", channel="sms") for n in range(10)]
    others = [row(f"o{n}", category="x", description=f"another {n}", channel="sms") for n in range(10)]
    take(facts.store, *same, *others)
    folded = incidents.folded(incidents.incident_list(facts.at("14:00")))
    assert (len(folded), folded["more"].sum()) == (13, 7)


def test_a_flood_at_one_pec_is_folded_on_its_page(facts: Facts) -> None:
    flood = (row(f"f{n}", observer="5001-1", pec="5001", severity="minor") for n in range(200))
    words = (row(f"w{n}", observer=None, pec="5001", severity="minor", description=f"{n}") for n in range(60))
    take(facts.store, row("own", category="violence", observer="5001-1", pec="5001"), *flood, *words)
    app = drawn("pec", pec="5001")
    said = words_of(app)
    assert "261 incident reports" in said
    assert said.count("<blockquote>") < 30
    assert "and 197 more of this sender" in said
    assert "30 of 261 reports" in said
    app.toggle("pec_reports_all").set_value(True).run()
    assert "261 of 261 reports" in words_of(app)


def test_a_few_reports_of_a_pec_are_all_shown(facts: Facts) -> None:
    take(
        facts.store,
        row("own", category="violence", observer="5001-1", pec="5001"),
        row("i2", observer="5001-1", pec="5001", severity="minor"),
    )
    app = drawn("pec", pec="5001")
    assert not app.toggle
    assert "2 of 2 reports" in words_of(app)


def test_a_decision_counts_and_can_be_taken_back_and_the_past_stays(facts: Facts) -> None:
    take(facts.store, row("i1", category="shots fired"), row("i2", category="a test message"))
    first, second = sorted(incidents.unsorted(facts.at("14:00"))["subject"])
    for hour, subject, value in (("14:01", first, "violence|critical"), ("14:02", second, incidents.DISMISSED)):
        with clock.frozen(at(hour)):
            decisions.sort_incidents(facts.store, [subject], value, "Asanova", "rang them", known=facts.at(hour).load)
    m = facts.at("14:03")
    rows = incidents.incident_list(m)
    assert rows[["incident", "category", "severity", "unsorted", "decided_by"]].values.tolist() == [
        ["i1", "violence", "critical", False, "Asanova"]
    ]
    assert incidents.decided(m)["dismissed"].tolist() == [True, False]
    assert room.incident_counts(m) | {"last_hour": 0, "critical_last_hour": 0} == {
        "total": 1, "critical": 1, "last_hour": 0, "critical_last_hour": 0, "before": 0, "unsorted": 0
    }  # fmt: skip
    with clock.frozen(at("14:04")):
        decisions.sort_incidents(facts.store, [second], incidents.OPEN, "Asanova", "it was one after all", m.load)
    assert incidents.unsorted(facts.at("14:05"))["incident"].tolist() == ["i2"]
    assert incidents.unsorted(facts.as_of("14:00"))["incident"].tolist() == ["i1", "i2"]
    take(facts.store, row("i1", category="shots fired", description="three of them"), hour="14:06")
    assert incidents.unsorted(facts.at("14:06"))["incident"].tolist() == ["i1", "i2"], (
        "what was sorted was another text"
    )
    take(facts.store, row("i1", category="shots fired", status="verified"), hour="14:07")
    assert incidents.unsorted(facts.at("14:07"))["incident"].tolist() == ["i2"], "how far it has got is no other text"


def test_nobody_sorts_without_a_name_and_a_reason(facts: Facts) -> None:
    for who, why in (("", "rang"), ("Asanova", " ")):
        with pytest.raises(decisions.Refused):
            decisions.sort_incidents(facts.store, ["observation|i1|x"], incidents.DISMISSED, who, why, known=0)
    before = facts.at("14:05").load
    decisions.sort_incidents(facts.store, [], incidents.DISMISSED, "Asanova", "somebody else was quicker", before)
    assert facts.at("14:05").load == before


def press(app: AppTest, label: str) -> AppTest:
    return next(b for b in app.button if b.label == label).click().run()


def test_overview_wall_and_incidents_say_it_first_and_a_person_sorts_it(facts: Facts) -> None:
    take(facts.store, row("i1", category="shots fired", pec="9999", description="Shots at <b>PEC</b>"))
    assert card(facts, "14:00", "Incidents").word == "1 to be sorted"
    for name, chosen in (("overview", {}), ("overview", {"region": "osh"}), ("wall", {"wall": "1"})):
        said = words_of(drawn(name, **chosen))
        assert "1 of 1 incident reports must be sorted by a person" in said
        assert "Shots at" not in said, "the words are for those who act on them"
    app = drawn("incidents", region="osh")
    said = words_of(app)
    assert "1 report to be sorted" in said
    assert "there is no such category of incidents" in said
    assert "as written: PEC “9999”, Category “shots fired”" in said
    assert "Shots at &lt;b&gt;PEC" in said
    app = press(app, "Sort it so")
    assert [e.value for e in app.error] == ["Choose its category and its severity."]
    (subject,) = incidents.unsorted(facts.at("14:00"))["subject"]
    form = f"sort_{subject.rpartition('|')[2]}"
    app.selectbox(f"{form}_category").set_value("violence")
    app.radio(f"{form}_severity").set_value("critical")
    app = press(app, "Sort it so")
    assert [e.value for e in app.error] == ["Say who decides, and why."]
    app.text_input(f"{form}_who").set_value("Asanova")
    app.text_input(f"{form}_why").set_value("rang the PEC")
    app = press(app, "Sort it so")
    assert not app.error
    said = words_of(drawn("incidents"))
    assert "to be sorted" not in said
    assert "Violence" in said
    assert "sorted by Asanova at 14:05: rang the PEC" in said
    assert "must be sorted" not in words_of(drawn("overview"))
    app = drawn("incidents")
    app.selectbox("take_back_subject").set_value(subject)
    app.text_input("take_back_who").set_value("Asanova")
    app.text_input("take_back_why").set_value("too early")
    app = press(app, "Take the decision back")
    assert not app.error
    assert "1 report to be sorted" in words_of(drawn("incidents"))


def test_a_flood_of_one_sender_is_dismissed_at_once(facts: Facts) -> None:
    take(facts.store, *(row(f"f{n}", category="x", observer="bot", description=f"{n}") for n in range(50)))
    app = drawn("incidents")
    assert "and 47 more of this sender" in words_of(app)
    form = f"sort_{str(app.selectbox('sort_subject').value).rpartition('|')[2]}"
    app.checkbox(f"{form}_every").set_value(True)
    app.text_input(f"{form}_who").set_value("Asanova")
    app.text_input(f"{form}_why").set_value("a script")
    press(app, "Dismiss: it is no incident")
    assert incidents.unsorted(facts.at("14:05")).empty
    assert len(incidents.decided(facts.at("14:05"))) == 50


def test_a_flood_of_many_strangers_is_dismissed_at_once_and_taken_back_at_once(facts: Facts) -> None:
    strangers = (row(f"f{n}", category="x", observer=None, description=f"other words {n}") for n in range(300))
    own = [row(f"own{n}", category="x", observer="5001-1", description=f"mine {n}") for n in range(210)]
    take(facts.store, *strangers, *own)
    app = drawn("incidents")
    app = app.selectbox("sort_subject").set_value(unsorted.STRANGERS).run()
    assert "All not from observers of the frame" in app.selectbox("sort_subject").options
    assert "300 reports to be sorted" in [e.value for e in app.text]
    take(facts.store, row("late", category="x", observer=None, description="nobody has seen this"), hour="14:01")
    app.text_input("sort_strangers_who").set_value("Asanova")
    app.text_input("sort_strangers_why").set_value("a campaign")
    app = press(app, "Dismiss: it is no incident")
    assert not app.error
    left = incidents.unsorted(facts.at("14:05"))
    assert (left["known"].sum(), left.loc[~left["known"], "incident"].tolist()) == (210, ["late"])
    assert len(incidents.decided(facts.at("14:05"))) == 300
    app = drawn("incidents")
    together = "All at once: Asanova at 14:05:00: a campaign"
    assert app.selectbox("take_back_subject").options[0] == together
    app.selectbox("take_back_subject").set_value(
        f"{incidents.decided(facts.at('14:05'))['decided_at'].iloc[0]} Asanova"
    )
    app.text_input("take_back_who").set_value("Asanova")
    app.text_input("take_back_why").set_value("some were true")
    app = press(app, "Take the decision back")
    assert not app.error
    assert len(incidents.unsorted(facts.at("14:05"))) == 511


def test_one_report_is_picked_out_of_a_flood_by_its_words_and_sorted_by_itself(facts: Facts) -> None:
    flood = [row(f"f{n}", category="x", observer=None, description=f"other words {n}") for n in range(250)]
    shots = [
        row("shots", category="x", observer=None, description="СТРЕЛЬБА", reported_at="2021-11-28T01:00:00Z"),
        row("two shots", category="x", observer=None, description="стрельба (2)", reported_at="2021-11-28T01:01:00Z"),
    ]
    take(facts.store, *flood, *shots)
    app = drawn("incidents")
    assert not any("СТРЕЛЬБА" in said for said in app.selectbox("sort_subject").options)
    app = app.text_input("sort_words").set_value("nobody wrote this").run()
    assert "No report has this." in [e.value for e in app.text]
    app = app.text_input("sort_words").set_value(" Стрельба ").run()
    every, *one_by_one = app.selectbox("sort_subject").options
    assert every == "All not from observers of the frame"
    assert ["СТРЕЛЬБА" in said for said in one_by_one] == [False, True]
    app = app.selectbox("sort_subject").set_value(unsorted.STRANGERS).run()
    app = app.text_input("sort_words").set_value("СТРЕЛЬБА (").run()
    form = f"sort_{str(app.selectbox('sort_subject').value).rpartition('|')[2]}"
    app.text_input(f"{form}_who").set_value("Asanova")
    app.text_input(f"{form}_why").set_value("fireworks")
    app = press(app, "Dismiss: it is no incident")
    assert incidents.decided(facts.at("14:05"))["incident"].tolist() == ["two shots"]
    assert "No report has this." in [e.value for e in app.text]


def test_all_strangers_are_those_that_were_found(facts: Facts) -> None:
    flood = [row(f"f{n}", category="x", observer=None, description=f"words {n % 2}") for n in range(20)]
    take(facts.store, *flood, row("own", category="x", observer="5001-1", description="words 1"))
    app = drawn("incidents").text_input("sort_words").set_value("words 1").run()
    app = app.selectbox("sort_subject").set_value(unsorted.STRANGERS).run()
    assert "10 reports to be sorted" in [e.value for e in app.text]
    assert len(set(app.selectbox("sort_subject").options)) == 12, "the browser knows a choice by its words"
    app.text_input("sort_strangers_who").set_value("Asanova")
    app.text_input("sort_strangers_why").set_value("a campaign")
    press(app, "Dismiss: it is no incident")
    assert set(incidents.decided(facts.at("14:05"))["description"]) == {"words 1"}
    assert len(incidents.unsorted(facts.at("14:05"))) == 11


@pytest.mark.parametrize("words", ["9999", "NOBODY", "sms", "shots FIRED", "the ENTRANCE"])
def test_a_report_is_found_by_what_is_known_of_it(facts: Facts, words: str) -> None:
    take(facts.store, row("i1", **DANGER, channel="sms", description="Shots at the entrance"), row("i2", category="x"))
    assert incidents.found(incidents.unsorted(facts.at("14:00")), words)["incident"].tolist() == ["i1"]


def test_a_flood_that_was_dismissed_costs_in_proportion(facts: Facts) -> None:
    def steps(number: int) -> int:
        take(facts.store, *(row(f"f{n}", category="x", observer=None, description=f"{n}") for n in range(number)))
        with clock.frozen(at("14:02")):
            m = facts.at("14:02")
            subjects = list(incidents.unsorted(m)["subject"])
            decisions.sort_incidents(facts.store, subjects, incidents.DISMISSED, "Asanova", "a campaign", m.load)
        asked, counted = connect(facts.store.url.render_as_string(False)), itertools.count()
        sa.event.listen(asked, "connect", lambda conn, _: conn.set_progress_handler(lambda: next(counted) < 0, 100))
        assert len(incidents.decided(moment.moment(asked, ELECTION))) == number
        asked.dispose()
        return next(counted)

    few = steps(1000)
    assert steps(2000) < 3 * few


def test_the_past_is_not_sorted(facts: Facts) -> None:
    take(facts.store, row("i1", category="x"), hour="13:00")
    app = drawn("incidents", as_of="13:30")
    assert "1 report to be sorted" in words_of(app)
    assert "Sort it so" not in [b.label for b in app.button]


def test_a_report_without_a_place_has_a_name_in_the_charts(facts: Facts) -> None:
    take(facts.store, row("i1"))
    spec = charts_incidents.by_region(incidents.incidents(facts.at("14:00"), by=("region", "severity")))
    assert [end["name"] for end in spec["datasets"]["ends"]] == ["no place"]


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(390, "dark", "ky"), pytest.param(1440, "light", "ru", marks=pytest.mark.proof)],
)
def test_nothing_is_cut_on_the_pages_that_show_them(facts: Facts, width: int, theme: str, language: str) -> None:
    facts.incident("violence", at="13:00", pec="5001").incident("secrecy", at="13:30").incident("ballots_not_shown")
    take(facts.store, *(row(f"f{n}", category="x", observer="bot") for n in range(9)), row("i1", pec="9999"))
    url = facts.store.url.render_as_string(False)
    with dashboard(url, "kg-2021-11-28") as address, chromium() as browser:
        seen = Seen(browser, width, theme)
        for page, query in (("", {}), ("incidents", {}), ("", {"wall": "1"})):
            seen.open(address, page, lang=language, **query)
            assert seen.faults() == []
        seen.close()


def test_the_form_says_which_report_it_decides_on(facts: Facts) -> None:
    same = {"category": "x", "observer": None, "reported_at": "2021-11-28T07:00:00Z", "description": "Violence " * 20}
    facts.pec("5002")
    take(facts.store, row("a", pec="5001", **same), row("b", pec="5002", **same))
    app = drawn("incidents")
    offered = app.selectbox("sort_subject").options[1:]
    assert sorted(re.findall(r"PEC \d+", " ".join(offered))) == ["PEC 5001", "PEC 5002"]
    subject = str(app.selectbox("sort_subject").value)
    of = dict(incidents.unsorted(facts.at("14:05"))[["subject", "pec"]].itertuples(index=False))
    (other,) = {"5001", "5002"} - {of[subject]}
    shown = words_of(app)
    assert shown.count(f"PEC {of[subject]}") > shown.count(f"PEC {other}"), "the chosen one stands over its form"
    form = f"sort_{subject.rpartition('|')[2]}"
    app.text_input(f"{form}_who").set_value("Asanova")
    app.text_input(f"{form}_why").set_value("rang them")
    app = press(app, "Dismiss: it is no incident")
    assert f"PEC {of[subject]}" in words_of(app).partition("dismissed")[2]


def test_no_two_choices_of_a_flood_have_the_same_words(facts: Facts) -> None:
    """The browser knows a choice by its words."""
    same = {"category": "x", "observer": None, "reported_at": "2021-11-28T07:00:00Z", "description": "Violence"}
    take(facts.store, *(row(f"c{n}", pec="5001", **same) for n in range(1000)))
    rows = incidents.unsorted(facts.at("14:05"))
    with words.speaking("en"):
        for first in range(0, 1000, 200):
            offered = unsorted._choices(unsorted._by_subject(rows.iloc[first : first + 200]))
            assert len(set(offered.values())) == 200
