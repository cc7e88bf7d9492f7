"""What the observation loader does with rows that cannot be used: set aside once, with the reason, nothing lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from elections import config
from loaders import observation as loader
from loaders import schedule
from store import check, clock
from store import tables as t
from tests.observation_world import (
    ELECTION,
    OPENING,
    Observation,
    Poll,
    answers,
    aside,
    at,
    current,
    loads_add_up,
    poller,
    rows_in,
)

BAD = {
    "a PEC not in the frame": ({"pec": "9999"}, "unknown_pec"),
    "a report without a PEC": ({"pec": None}, "unknown_pec"),
    "a checklist without an observer": ({"observer": None}, "no_observer"),
    "an observer nobody knows": ({"observer": "x9"}, "unknown_observer"),
    "a form nobody configured": ({"form": "weather"}, "unknown_form"),
    "a time in the future": ({"submitted_at": "08:36"}, "in_future"),
    "a day before its checklist's": ({"submitted_at": "2021-11-26T09:00"}, "outside_days"),
    "no time": ({"submitted_at": None}, "not_a_time"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_report_is_set_aside_with_its_answers_and_good_ones_load(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    values, reason = BAD[what]
    observation.report("bad", "08:10", OPENING, **values)
    observation.report("good", "08:10", OPENING)
    row = poll("08:30")
    assert row.outcome == "ok"
    assert [r["report"] for r in current(store, t.report)] == ["good"]
    assert aside(store) == {("obs_report", "bad", reason)} | {
        ("obs_answer", f"bad/{q}", "report_set_aside") for q in OPENING
    }
    assert json.loads(next(q["raw"] for q in current(store, t.quarantine) if q["key"] == "bad"))["report"] == "bad"
    assert loads_add_up(store)


def test_what_is_set_aside_stands_there_once_however_often_it_is_read(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("bad", "08:10", OPENING, pec="9999")
    poll("08:30")
    before = rows_in(store, t.load, t.quarantine)
    for minute in range(31, 45):
        poll(f"08:{minute}")
    assert rows_in(store, t.load, t.quarantine) == before


def test_a_later_good_version_brings_the_answers_that_were_set_aside(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING, pec="9999")
    poll("08:30")
    observation.put(  # only the report changes, long after its answers
        "report", "11:00", report="r1", observer="o1", pec="1001", form="opening", submitted_at="08:10", deleted=0
    )
    poll("11:01")
    assert aside(store) == set()
    assert answers(store) == OPENING
    assert [r["complete"] for r in current(store, t.report)] == [1]


def test_a_pec_that_joins_the_frame_brings_the_reports_that_waited_for_it(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING, pec="1009", observer="o9")
    poll("08:30")
    assert current(store, t.report) == []
    observation.pec("1009", "10:00")
    observation.observer("o9", "1009", "10:00")
    poll("10:01")
    assert answers(store) == OPENING
    assert aside(store) == set()


def test_a_good_report_that_becomes_unusable_is_no_longer_said(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    observation.report("r1", "08:40", OPENING, pec="9999")
    poll("08:41")
    assert current(store, t.report) == current(store, t.answer) == []
    assert ("obs_report", "r1", "unknown_pec") in aside(store)


ANSWERS = {
    "a value outside its list": ("opening", "boxes_sealed", "perhaps", "not_a_choice"),
    "an answer to an unknown question": ("opening", "boxes_painted", "yes", "unknown_question"),
    "a number where none can be": ("turnout_10", "voters_voted", "many", "not_a_number"),
    "a negative number": ("turnout_10", "voters_voted", "-3", "negative"),
    "a number that is not whole": ("turnout_10", "voters_voted", "3.5", "not_whole"),
    "more voters than there can be": ("turnout_10", "voters_voted", "1501", "too_large"),
    "no time where one was asked": ("equipment_episode", "from", "noonish", "not_a_time"),
    "a time in the future of the answer": ("equipment_episode", "to", "11:59", "in_future"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_a_bad_answer_is_set_aside_and_the_good_ones_of_its_report_load(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    form, question, value, reason = ANSWERS[what]
    good = {"opening": ("observer_admitted", "yes"), "turnout_10": ("count_origin", "screen")}.get(
        form, ("device", "arbb")
    )
    observation.report("r1", "10:05", dict([good, (question, value)]), form=form)
    poll("10:10")
    assert answers(store) == dict([good])
    assert aside(store) == {("obs_answer", f"r1/{question}", reason)}
    assert [r["complete"] for r in current(store, t.report)] == [0]
    assert loads_add_up(store)


def test_an_answer_corrected_later_completes_its_report_and_is_resolved(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "10:05", {"voters_voted": "many", "count_origin": "screen"}, form="turnout_10")
    poll("10:10")
    observation.answer("r1", "voters_voted", "120", "10:20")
    poll("10:21")
    assert aside(store) == set()
    assert [r["complete"] for r in current(store, t.report)] == [1]


def test_an_answer_without_a_report_is_set_aside_until_its_report_comes(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.answer("r0", "observer_admitted", "yes", "07:10")
    poll("08:00")
    assert aside(store) == {("obs_answer", "r0/observer_admitted", "unknown_report")}
    observation.vanish("answer", report="r0")
    observation.answer("r1", "observer_admitted", "yes", "08:10")
    poll("08:11")
    assert aside(store) >= {("obs_answer", "r1/observer_admitted", "unknown_report")}
    observation.report("r1", "08:20")
    poll("08:21")
    assert answers(store) == {"observer_admitted": "yes"}
    for minute in range(22, 30):
        poll(f"08:{minute}")
    assert aside(store) == set()


def test_an_sto_reporting_on_another_pec_is_held_back_until_the_assignment_is_mended(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.observer("m1", "1001", role="mobile")
    observation.report("r1", "08:10", OPENING, pec="1002")
    observation.report("r2", "08:10", {"situation_calm": "yes"}, pec="1002", observer="m1", form="mobile_visit")
    poll("08:30")
    assert {r["report"]: r["held"] for r in current(store, t.report)} == {"r1": "wrong_pec", "r2": None}
    observation.observer("o1", "1002", "09:00")
    poll("09:01")
    assert {r["report"]: r["held"] for r in current(store, t.report)} == {"r1": None, "r2": None}


def test_what_was_set_aside_loads_after_the_configuration_was_mended(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", {"weather": "fine"}, form="arrival")
    poll("08:30")
    assert aside(store) == {("obs_answer", "r1/weather", "unknown_question")}
    arrival = ELECTION.forms["arrival"]
    question = config.Question(
        id="weather", stage="arrival", name=dict.fromkeys(ELECTION.languages, "Weather"), type="text"
    )
    mended = ELECTION.model_copy(
        update={
            "questions": (*ELECTION.questions, question),
            "checklists": tuple(
                c.model_copy(update={"questions": (*c.questions, "arrival.weather")}) if c is arrival else c
                for c in ELECTION.checklists
            ),
        }
    )
    mended.__dict__.pop("_asked", None)
    mended.__dict__.pop("forms", None)
    with clock.frozen(at("08:40")):
        schedule.poll(store, mended, "observation", again=True)
    assert answers(store) == {"weather": "fine"}
    assert aside(store) == set()


NAMELESS: list[tuple[str, dict[str, Any]]] = [
    ("pec", {"pec": None, "region": "bishkek"}),
    ("pec", {"pec": "{}", "region": "bishkek"}),
    ("observer", {"observer": " ", "pec": "1001", "role": "sto"}),
    ("observer", {"observer": "{}", "pec": "1001", "role": "sto"}),
    ("report", {"report": None, "observer": "o1", "pec": "1001", "form": "opening"}),
    ("report", {"report": "{}", "observer": "o1", "pec": "1001", "form": "opening"}),
    ("answer", {"report": "", "question": "boxes_sealed", "value": "yes"}),
    ("answer", {"report": "{}", "question": "boxes_sealed", "value": "yes"}),
    ("answer", {"report": "r1", "question": None, "value": "yes"}),
    ("answer", {"report": "r1", "question": "{}", "value": "yes"}),
    ("answer", {"report": "r1", "question": "a/b", "value": "yes"}),
    ("message", {"message": None, "text": "a text"}),
    ("message", {"message": "{}", "text": "a text"}),
    ("attachment", {"attachment": None, "report": "r1", "kind": "protocol"}),
]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("updated", ["08:31", "07:00"])  # told by its time, or seen by a comparison only
def test_a_row_whose_key_cannot_be_asked_for_stands_aside_while_it_is_there(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, updated: str, restarted: bool
) -> None:
    monkeypatch.setenv("BAIKOO_OBSERVATION", f"sqlite:///{tmp_path / 'observation.sqlite'}")
    observation, poll = Observation(os.environ["BAIKOO_OBSERVATION"]), poller(sqlite_store)
    observation.frame()
    observation.report("r1", "08:10", OPENING)
    observation.report("r2", "08:29", OPENING)
    poll("08:30")
    before, last = check.contents(sqlite_store), {}
    with observation.engine.connect() as conn:
        for kind in {kind for kind, _ in NAMELESS}:
            last[kind] = conn.scalar(sa.text(f"select coalesce(max(rowid), 0) from own_{kind}"))  # noqa: S608 -- ours
    for n, (kind, row) in enumerate(NAMELESS):
        observation.twice(kind, updated, **{k: f"k{n}\x00" if v == "{}" else v for k, v in row.items()})
    poll("08:31")
    poll("08:32", again=True)
    stands = aside(sqlite_store)
    assert len(stands) == len(NAMELESS)
    observation.twice("answer", "08:33", report="", question="empty_boxes_shown", value="no")  # it ends no other
    poll("08:33")
    assert aside(sqlite_store) == stands | {("obs_answer", "/empty_boxes_shown", "unknown_report")}
    if restarted:
        loader._memories.pop(sqlite_store)
    poll("08:34", again=True)
    assert aside(sqlite_store) == stands | {("obs_answer", "/empty_boxes_shown", "unknown_report")}
    for kind, row in last.items():
        with observation.engine.begin() as conn:
            conn.execute(sa.text(f"delete from own_{kind} where rowid > :row"), {"row": row})  # noqa: S608 -- ours
    poll("08:35", again=True)
    assert aside(sqlite_store) == set()
    assert check.contents(sqlite_store) == before
