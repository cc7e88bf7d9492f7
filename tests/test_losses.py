"""No large loss without a person: what vanishes, is marked, becomes unusable or leaves the sample stays until then."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from loaders import observation as loader
from queries import moment, refused
from store import clock, decisions
from store import tables as t
from store.engine import connect
from tests.facts import Facts
from tests.observation_world import (
    ELECTION,
    OPENING,
    Observation,
    Poll,
    aside,
    at,
    current,
    loads_add_up,
    poller,
    rows_in,
)
from tests.sparing import sparing
from tests.test_pages import drawn, words_of

MANY = 40


def fill(observation: Observation) -> None:
    observation.day(MANY, "08:10", description="told")


def marks(kind: str) -> Callable[[Observation], None]:
    return lambda observation: observation.change(kind, "08:31", deleted=1)


def vanishes(kind: str) -> Callable[[Observation], None]:
    return lambda observation: observation.vanish(kind)


def becomes_unusable(observation: Observation) -> None:
    observation.change("report", "08:31", form="no such form")


def loses_its_answers(observation: Observation) -> None:
    observation.change("answer", "08:31", value="")


def changes_its_checklist(observation: Observation) -> None:
    observation.change("report", "08:31", form="arrival")


def gets_another_role(observation: Observation) -> None:
    observation.change("observer", "08:31", role="coordinator")


def leaves_the_sample(observation: Observation) -> None:
    observation.change("pec", "08:31", in_sample=0)


def are_made_minor(observation: Observation) -> None:
    observation.change("incident", "08:31", severity="minor")


def are_of_yesterday(observation: Observation) -> None:
    observation.change("incident", "08:31", occurred_at=observation._time("2021-11-27 08:10"))


LOSSES = {
    "reports are marked": (marks("report"), t.report),
    "incidents are marked": (marks("incident"), t.incident),
    "reports vanish": (vanishes("report"), t.report),
    "incidents vanish": (vanishes("incident"), t.incident),
    "observers vanish": (vanishes("observer"), t.observer),
    "PECs vanish": (vanishes("pec"), t.pec),
    "reports become unusable": (becomes_unusable, t.report),
    "answers are emptied": (loses_its_answers, t.answer),
    "PECs leave the sample": (leaves_the_sample, t.pec),
    "observers get another role": (gets_another_role, t.observer),
    "reports change their checklist": (changes_its_checklist, t.report),
    "incidents made minor": (are_made_minor, t.incident),
    "incidents become yesterday's": (are_of_yesterday, t.incident),
}


def stands(store: sa.Engine, table: sa.Table) -> int:
    rows = current(store, table)
    if table is t.report:
        rows = [r for r in rows if r["form"] == "opening"]
    if table is t.observer:
        rows = [r for r in rows if r["role"] == "sto"]
    if table is t.incident:
        midnight = at("00:00")
        rows = [r for r in rows if r["severity"] == "serious" and (r["occurred_at"] or midnight) >= midnight]
    return sum(r["in_sample"] for r in rows) if table is t.pec else len(rows)


@pytest.mark.parametrize(
    ("store", "what"),
    [
        *(("sqlite", what) for what in LOSSES),
        *(("postgres", what) for what in ("reports vanish", "answers are emptied", "incidents become yesterday's")),
    ],
    indirect=["store"],
)
def test_a_large_loss_waits_for_a_person_and_can_be_undone(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    happens, table = LOSSES[what]
    fill(observation)
    poll("08:30")
    before = stands(store, table)
    assert before >= MANY
    happens(observation)
    for minute in range(31, 42):
        row = poll(f"08:{minute}")
        assert stands(store, table) == before
    assert row.outcome == "ok"
    assert "gone or changed" in row.error
    observation.report("new", "08:46", OPENING | {"boxes_sealed": "no"})
    poll("08:46")
    if table is not t.answer:
        assert "new" in {r["report"] for r in current(store, t.report)}, "what is not in doubt loads"
    facts = Facts(store)
    (loss,) = refused.losses(facts.at("08:47")).to_dict("records")
    assert loss["lost"] > 10
    with clock.frozen(at("08:47")):
        decisions.accept_loss(store, "observation", loss["view"], loss["hash"], "Asanova", "rang them")
    follows = table in (t.pec, t.observer)  # reports that lose their PEC or observer are the next loss
    assert follows or poll("08:48").error is None
    assert not follows or loss["view"] not in str(poll("08:48").error)
    assert stands(store, table) < before
    assert loss["view"] not in set(refused.losses(facts.at("08:48"))["view"])
    assert loads_add_up(store)
    (taken,) = refused.taken(facts.at("08:48")).to_dict("records")
    with clock.frozen(at("08:49")):
        decisions.undo_loss(store, "observation", taken["view"], taken["load"], "Asanova", "they are there")
    assert stands(store, table) >= before
    assert refused.taken(facts.at("08:49")).empty
    for minute in range(50, 60):
        row = poll(f"08:{minute}")
    assert stands(store, table) >= before, "what was undone is not withdrawn again by itself"
    assert str(loss["view"]) in row.error
    assert not follows or "obs_report" not in row.error, "and what hung on it is good again"


def count(observation: Observation) -> None:
    """Each PEC tells how many have voted."""
    numbers = range(1, MANY + 1)
    own = [{"report": f"t{n}", "pec": str(1000 + n), "observer": f"o{n}", "form": "turnout_10"} for n in numbers]
    observation.add("report", "08:10", [row | {"submitted_at": "08:10", "deleted": 0} for row in own])
    told = [{"report": f"t{n}", "question": "voters_voted", "value": "50"} for n in numbers]
    observation.add("answer", "08:10", told)


def fill_all(observation: Observation) -> None:
    """A day with messages and attachments, on which all incidents are open; of answers only counts."""
    fill(observation)
    observation.change("incident", "08:10", status="open")
    numbers = range(1, MANY + 1)
    observation.vanish("answer")
    count(observation)
    observation.add(
        "message",
        "08:10",
        [{"message": f"m{n}", "received_at": "08:10", "sender": "+996", "text": "a text"} for n in numbers],
    )
    observation.add(
        "attachment",
        "08:10",
        [
            {"attachment": f"a{n}", "report": f"r{n}", "kind": "protocol", "sha256": "ab" * 32, "url": f"https://a/{n}"}
            for n in numbers
        ],
    )


EMPTIED: dict[str, tuple[str, dict[str, Any]]] = {
    "voters": ("pec", {"registered_voters": None}),
    "voters, to 0": ("pec", {"registered_voters": 0}),
    "names and telephones": ("observer", {"full_name": " ", "phone": None}),
    "what messages say": ("message", {"text": ""}),
    "what messages say, to a dash": ("message", {"text": " - "}),
    "files of attachments": ("attachment", {"url": None, "sha256": ""}),
    "reports of attachments": ("attachment", {"report": "r1"}),
    "the region of PECs": ("pec", {"region": "osh"}),
    "what answers count": ("answer", {"value": "0"}),
    "what incidents say, to a dash": ("incident", {"description": "-"}),
    "how far incidents have got": ("incident", {"status": None}),
}


def says(store: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    """The rows that stand, without their versions."""
    return [{k: v for k, v in row.items() if k not in ("id", "load_from")} for row in current(store, table)]


@pytest.mark.parametrize("told", sparing([True, False], test=1))
@pytest.mark.parametrize(
    ("store", "what"),
    [*(("sqlite", what) for what in EMPTIED), ("postgres", "voters"), ("postgres", "files of attachments")],
    indirect=["store"],
)
def test_many_fields_that_are_emptied_wait_for_a_person_and_stand_again_when_it_is_undone(
    store: sa.Engine, observation: Observation, poll: Poll, what: str, told: bool
) -> None:
    view, edit = EMPTIED[what]
    table = t.OF_VIEW[f"obs_{view}"][0]
    fill_all(observation)
    poll("08:30")
    before = says(store, table)
    observation.change(view, "08:31" if told else None, **edit)
    for minute in range(31, 42):
        row = poll(f"08:{minute}")
        assert says(store, table) == before
    assert f"obs_{view}" in row.error
    assert "gone or changed" in row.error
    accept(store, "08:42")
    poll("08:43")
    assert {tuple(row[name] for name in edit) for row in says(store, table)} == {tuple(edit.values())}
    assert refused.losses(Facts(store).at("08:43")).empty
    assert not aside(store)
    assert loads_add_up(store)
    undo(store, "08:44")
    assert says(store, table) == before
    for hour in ("08:45", "08:46", "10:50"):
        row = poll(hour, again=True)
        assert says(store, table) == before
    assert f"obs_{view}" in row.error


@pytest.mark.parametrize("what", EMPTIED)
def test_a_few_fields_that_are_emptied_load_at_once(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    view, edit = EMPTIED[what]
    fill_all(observation)
    poll("08:30")
    begin = {"pec": "101", "observer": "o1", "message": "m1", "attachment": "a1", "incident": "i1", "answer": "t1"}[
        view
    ]
    column = "report" if view == "answer" else view
    given = ", ".join(f"{name} = :{name}" for name in ("updated_at", *edit))
    with observation.engine.begin() as conn:
        conn.execute(
            sa.text(f"update own_{view} set {given} where {column} between '{begin}1' and '{begin}7'"),  # noqa: S608 -- ours
            edit | {"updated_at": observation._time("08:31")},
        )
    assert poll("08:31").error is None
    rows = says(store, t.OF_VIEW[f"obs_{view}"][0])
    assert sum(all(row[name] == value for name, value in edit.items()) for row in rows) in (7, 8)  # r1 has its own
    assert not aside(store)
    assert loads_add_up(store)


def test_counts_that_became_0_leave_their_place_with_their_reports(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill_all(observation)
    poll("08:30")
    observation.change("answer", "08:31", value="0")
    observation.change("report", "08:31", form="turnout_14")
    poll("08:31")
    assert {row["value"] for row in current(store, t.answer)} == {"50"}
    (of_reports,) = (
        one for one in refused.losses(Facts(store).at("08:32")).to_dict("records") if "report" in one["view"]
    )
    with clock.frozen(at("08:32")):
        decisions.accept_loss(store, "observation", of_reports["view"], of_reports["hash"], "Asanova", "rang them")
    poll("08:33")
    assert [row["value"] for row in current(store, t.answer)] == ["0"] * MANY
    assert not [place for place, _key, _reason in aside(store) if place == "obs_answer"]


def test_who_accepts_that_one_field_was_emptied_accepts_no_other(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    observation.change("observer", "08:31", phone=None)
    poll("08:31")
    accept(store, "08:31")
    observation.change("observer", "08:32", full_name=None)
    for hour in ("08:32", "08:33"):
        poll(hour)
        assert all(row["phone"] and row["full_name"] for row in current(store, t.observer))
    accept(store, "08:33")
    poll("08:34")
    assert not any(row["phone"] or row["full_name"] for row in current(store, t.observer))


def test_fields_that_are_filled_again_wait_no_more(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    observation.change("pec", "08:31", registered_voters=None)
    poll("08:31")
    observation.change("pec", "08:32", registered_voters=900)
    assert poll("08:32", again=True).error is None
    assert {row["registered_voters"] for row in current(store, t.pec)} == {900}
    assert not aside(store)


def test_a_few_may_go(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    for n in range(1, 6):
        observation.put("incident", "08:31", incident=f"i{n}", category="secrecy", reported_at="08:10", deleted=1)
        observation.vanish("report", report=f"r{n}")
    for minute in range(31, 41):
        assert poll(f"08:{minute}").error is None
    assert (stands(store, t.incident), stands(store, t.report)) == (MANY - 5, MANY - 5)


def mark_incidents(observation: Observation, minute: int, numbers: range) -> None:
    for n in numbers:
        observation.put(
            "incident", f"08:{minute}", incident=f"i{n}", category="secrecy", reported_at="08:10", deleted=1
        )


def test_one_more_that_goes_while_a_loss_stands_is_counted_with_it(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 31))
    poll("08:31")
    assert refused.losses(Facts(store).at("08:31"))["lost"].tolist() == [30]
    mark_incidents(observation, 32, range(31, 32))
    poll("08:32")
    assert refused.losses(Facts(store).at("08:32"))["lost"].tolist() == [31]
    assert len(current(store, t.incident)) == MANY


def accept(store: sa.Engine, hour: str) -> None:
    """Head office accepts every loss as it stands."""
    for loss in refused.losses(Facts(store).at(hour)).to_dict("records"):
        with clock.frozen(at(hour)):
            decisions.accept_loss(store, "observation", loss["view"], loss["hash"], "Asanova", "rang them")


def half_is_accepted(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    """Half of the incidents are marked, and head office has accepted it: they go with the next poll."""
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 21))
    poll("08:31")
    accept(store, "08:31")


def test_who_accepts_a_loss_accepts_nothing_that_went_after_it(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    half_is_accepted(store, observation, poll)
    mark_incidents(observation, 31, range(21, MANY + 1))
    poll("08:32")
    assert len(current(store, t.incident)) == MANY
    assert refused.losses(Facts(store).at("08:32"))["lost"].tolist() == [MANY]
    accept(store, "08:32")
    poll("08:33")
    assert current(store, t.incident) == []


def test_all_of_a_checklist_a_question_or_a_category_wait_though_they_are_few_of_all(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.frame(100)
    for n in range(1, 101):
        observation.report(
            f"r{n}", "08:10", OPENING, pec=f"{1000 + n}", observer=f"o{n}", form="arrival" if n <= 15 else "opening"
        )
        observation.incident(f"i{n}", "08:10", category="violence" if n <= 12 else "secrecy")
    poll("08:30")
    before = {table: len(current(store, table)) for table in (t.report, t.answer, t.incident)}
    with observation.engine.begin() as conn:
        conn.execute(sa.text("delete from own_report where form = 'arrival'"))
        conn.execute(sa.text("update own_answer set value = '' where question = 'boxes_sealed'"))
        conn.execute(sa.text("update own_incident set deleted = 1 where category = 'violence'"))
    for minute in range(31, 43):
        row = poll(f"08:{minute}")
    assert {table: len(current(store, table)) for table in before} == before
    assert [f"obs_{view}" in row.error for view in ("report", "answer", "incident")] == [True] * 3


ALL_OF_A_KIND = {
    "all reports of a checklist in a region": "delete from own_report"
    " where form = 'closing' and pec between '1002' and '1016'",
    "all counts of an hour": "delete from own_answer where report like 't1_' or report like 't2_'",
    "all counts of an hour become 0": "update own_answer set value = '0' where report like 't1_' or report like 't2_'",
    "all critical incidents": "delete from own_incident where severity = 'critical'",
    "all incidents of a region": "delete from own_incident where pec > '1001'",
    "all incidents of no PEC of a region": "update own_incident set deleted = 1 where region = 'naryn'",
    "all reports of a region": "delete from own_report where pec between '1002' and '1016'",
    "all answers of a region": "delete from own_answer where report in ('r2', 'r3', 'r4', 'r5', 'r6', 'r7')",
    "all observers of a region": "update own_observer set role = 'lto' where pec between '1002' and '1016'",
    "all PECs of a region": "update own_pec set region = 'osh' where region = 'talas'",
}


@pytest.mark.parametrize("what", ALL_OF_A_KIND)
def test_all_of_a_region_or_a_severity_wait_though_they_are_few_of_all(
    sqlite_store: sa.Engine, observation_beside: Observation, what: str
) -> None:
    observation, poll = observation_beside, poller(sqlite_store)
    observation.day(100, "08:10", description="told")
    count(observation)
    for form in ("turnout_14", "turnout_18", "voting_12", "voting_16", "closing"):  # beside which those of one are few
        told = [{"report": f"{form} {n}", "pec": f"{1000 + n}", "observer": f"o{n}"} for n in range(1, 101)]
        observation.add(
            "report", "08:10", [row | {"form": form, "submitted_at": "08:10", "deleted": 0} for row in told]
        )
        counts = [{"report": row["report"], "question": "voters_voted", "value": "50"} for row in told]
        observation.add("answer", "08:10", counts)
    for n in range(2, 17):
        observation.pec(f"{1000 + n}", region="talas", in_sample=0)
        observation.incident(f"p{n}", "08:10", pec=f"{1000 + n}")
        observation.incident(f"s{n}", "08:10", severity="critical")
        observation.incident(f"n{n}", "08:10", pec=None, region="naryn")
    poll("08:30")
    before = [says(sqlite_store, t.OF_VIEW[view][0]) for view in t.OF_VIEW]
    with observation.engine.begin() as conn:
        conn.execute(sa.text(ALL_OF_A_KIND[what]))
    errors = [str(poll(f"08:{minute}").error) for minute in range(31, 43)]
    assert [says(sqlite_store, t.OF_VIEW[view][0]) for view in t.OF_VIEW] == before
    assert "gone or changed" in errors[-1]


UNDONE = {
    "the time that they were reported at": ({"reported_at": "2021-11-27 08:10"}, {"status": "closed"}),
    "the district": ({"district": ""}, {"status": "closed"}),
}


@pytest.mark.parametrize("what", UNDONE)
def test_what_is_undone_of_incidents_stands_again_though_they_were_edited_since(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    lost, edit = UNDONE[what]
    fill(observation)
    observation.change("incident", "08:10", pec=None, region="batken", district="Leilek")
    poll("08:30")
    (column,) = lost
    before = [row[column] for row in current(store, t.incident)]
    observation.change("incident", "08:31", **{name: observation._time(value) for name, value in lost.items()})
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    assert [row[column] for row in current(store, t.incident)] != before
    observation.change("incident", "08:33", **edit)
    poll("08:33")
    undo(store, "08:34")
    for hour in ("08:35", "08:36"):
        poll(hour, again=True)
        assert [row[column] for row in current(store, t.incident)] == before
        assert refused.losses(Facts(store).at(hour))["lost"].tolist() == [MANY]


def test_what_goes_little_by_little_waits_when_it_is_many_in_an_hour(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    for minute in range(31, 35):
        first = 1 + 4 * (minute - 31)
        mark_incidents(observation, minute, range(first, first + 4))
        poll(f"08:{minute}")
    assert len(current(store, t.incident)) == MANY - 8
    accept(store, "08:34")
    poll("08:35")
    assert len(current(store, t.incident)) == MANY - 16
    mark_incidents(observation, 36, range(17, 20))
    poll("08:36")
    assert len(current(store, t.incident)) == MANY - 19, "an acceptance begins the count anew"
    mark_incidents(observation, 37, range(20, 28))
    poll("08:37")
    assert len(current(store, t.incident)) == MANY - 19, "three went unasked, and these are eleven with them"


def test_older_rows_of_observers_and_pecs_beside_their_newer_ones_are_no_loss(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    for n in range(1, MANY + 1):
        observation.twice("observer", "05:00", observer=f"o{n}", pec="1001", role="sto", full_name="A", phone="1")
        observation.twice("pec", "05:00", pec=f"{1000 + n}", region="bishkek", stratum="bishkek", in_sample=0)
    for minute in range(30, 52):
        assert poll(f"08:{minute}").error is None


def test_an_acceptance_holds_for_the_loss_that_stood_then_and_for_no_later_one(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    half_is_accepted(store, observation, poll)
    poll("08:32")
    assert len(current(store, t.incident)) == MANY - 20
    for n in range(1, 21):
        observation.incident(f"i{n}", "08:33", description="told")
    poll("08:33")
    assert len(current(store, t.incident)) == MANY
    mark_incidents(observation, 34, range(1, 21))
    for minute in range(34, 46):
        poll(f"08:{minute}")
    assert len(current(store, t.incident)) == MANY


def test_what_was_taken_can_be_undone_after_another_loss_too_and_what_went_by_itself_was_not_taken(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    half_is_accepted(store, observation, poll)
    poll("08:32")
    assert refused.taken(Facts(store).at("08:32"))["lost"].tolist() == [20]
    mark_incidents(observation, 33, range(21, MANY + 1))
    poll("08:33")
    accept(store, "08:33")
    for n in range(21, MANY + 1):
        observation.incident(f"i{n}", "08:34", description="told")
    poll("08:34")
    assert len(current(store, t.incident)) == MANY - 20
    assert refused.losses(Facts(store).at("08:34")).empty
    assert refused.taken(Facts(store).at("08:34"))["lost"].tolist() == [20]


BY_EIGHT: dict[str, tuple[str, str, dict[str, Any], sa.Table, Callable[[dict[str, Any]], bool]]] = {
    "observers move": ("observer", "o", {"pec": "1040"}, t.observer, lambda row: row["pec"] != "1040"),
    "observers get another role": ("observer", "o", {"role": "lto"}, t.observer, lambda row: row["role"] == "sto"),
    "PECs leave the sample": ("pec", "10", {"in_sample": 0}, t.pec, lambda row: bool(row["in_sample"])),
    "reports change their checklist": (
        "report",
        "r",
        {"form": "arrival"},
        t.report,
        lambda row: row["form"] == "opening",
    ),
    "reports are marked": ("report", "r", {"deleted": 1}, t.report, lambda row: True),
    "PECs lose their voters": (
        "pec",
        "10",
        {"registered_voters": 0},
        t.pec,
        lambda row: bool(row["registered_voters"]),
    ),
    "observers lose their telephone": ("observer", "o", {"phone": ""}, t.observer, lambda row: bool(row["phone"])),
    "incidents are played down": (
        "incident",
        "i",
        {"severity": "minor"},
        t.incident,
        lambda row: row["severity"] != "minor",
    ),
}


@pytest.mark.parametrize("what", sparing(BY_EIGHT, test=4))
def test_rows_that_leave_their_place_little_by_little_wait_when_they_are_many_in_an_hour(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    view, begin, edit, table, counts = BY_EIGHT[what]
    fill(observation)
    poll("08:30")
    for first in range(1, MANY, 8):
        minute = 31 + first // 8
        said = edit | {"updated_at": observation._time(f"08:{minute}")}
        given = ", ".join(f"{name} = :{name}" for name in said)
        with observation.engine.begin() as conn:
            for n in range(first, first + 8):
                key = f"{begin}{n:02}" if view == "pec" else f"{begin}{n}"
                conn.execute(sa.text(f"update own_{view} set {given} where {view} = :key"), said | {"key": key})  # noqa: S608 -- ours
        row = poll(f"08:{minute}", again=minute % 2 == 0)
    assert sum(map(counts, current(store, table))) >= MANY - 10
    assert f"obs_{view}" in row.error


def test_all_of_a_question_or_a_category_do_not_go_little_by_little_either(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    for n in range(1, 201):
        observation.incident(f"s{n}", "08:10", category="campaigning")
    poll("08:30")
    for minute in range(31, 36):
        eight = range(8 * (minute - 31) + 1, 8 * (minute - 31) + 9)
        with observation.engine.begin() as conn:
            for n in eight:
                conn.execute(
                    sa.text("update own_answer set value = '' where report = :r and question = 'boxes_sealed'"),
                    {"r": f"r{n}"},
                )
        mark_incidents(observation, minute, eight)
        row = poll(f"08:{minute}", again=True)
    assert sum(answer["question"] == "boxes_sealed" for answer in current(store, t.answer)) >= MANY - 10
    assert sum(incident["category"] == "secrecy" for incident in current(store, t.incident)) >= MANY - 10
    assert "obs_answer" in row.error
    assert "obs_incident" in row.error


def test_an_answer_may_go_after_reports_went(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    for n in range(1, 21):
        observation.put("report", "08:31", report=f"r{n}", form="opening", deleted=1)
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    assert len(current(store, t.report)) == MANY - 20
    observation.answer("r30", "boxes_sealed", "", "08:33")
    assert poll("08:33").error is None
    assert len(current(store, t.answer)) == 20 * len(OPENING) - 1


def in_a_poll(patch: pytest.MonkeyPatch, before: str, happens: Callable[[], None]) -> None:
    """Something happens in the midst of a poll, before this part of it."""
    part = getattr(loader._Reading, before)

    def meanwhile(reading: loader._Reading, *given: Any) -> Any:
        patch.setattr(loader._Reading, before, part)
        happens()
        return part(reading, *given)

    patch.setattr(loader._Reading, before, meanwhile)


def test_an_acceptance_in_the_midst_of_a_comparison_holds(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 21))
    poll("08:31")
    with monkeypatch.context() as patch:
        in_a_poll(patch, "_count_frame", lambda: accept(store, "08:32"))
        observation.incident("new", "08:32", description="told")
        poll("08:32", again=True)
    assert len(current(store, t.incident)) == MANY + 1
    poll("08:33")
    assert len(current(store, t.incident)) == MANY - 20 + 1


def another_counts_one_more(store: sa.Engine, observation: Observation) -> None:
    """One more of the incidents goes, and another process finds it in a comparison of its own."""
    mark_incidents(observation, 32, range(21, 22))
    beside = connect(store.url)
    poller(beside)("08:32", again=True)
    beside.dispose()


@pytest.mark.parametrize("before", ["_count", "_end", "_flush"])
def test_what_was_accepted_does_not_go_where_another_process_has_counted_more_meanwhile(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    half_is_accepted(store, observation, poll)
    observation.incident("new", "08:32", description="told")
    with monkeypatch.context() as patch:
        in_a_poll(patch, before, lambda: another_counts_one_more(store, observation))
        poll("08:32", again=True)
    facts = Facts(store)
    if refused.losses(facts.at("08:33")).empty:  # it went as it was accepted, before another one counted
        assert refused.taken(facts.at("08:33"))["lost"].tolist() == [20]
    else:
        assert refused.losses(facts.at("08:33"))["lost"].tolist() == [21]
        assert len(current(store, t.incident)) == MANY + 1
        accept(store, "08:33")
        poll("08:34")
        assert refused.taken(facts.at("08:34"))["lost"].tolist() == [21]
    assert len(current(store, t.incident)) in (MANY - 20, MANY - 20 + 1)


def test_what_once_accepts_goes_also_where_another_process_counts_meanwhile(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 21))
    with clock.frozen(at("08:32")):
        decisions.decide(store, "accept", "observation", "Asanova", "")
    with monkeypatch.context() as patch:
        others = iter([lambda: another_counts_one_more(store, observation)])

        def accept_loss(*given: Any) -> None:
            next(others, lambda: None)()
            decisions.accept_loss(*given)

        patch.setattr("loaders.losses.accept_loss", accept_loss)
        assert poll("08:32", accept=True).outcome == "ok"
    assert refused.taken(Facts(store).at("08:33"))["lost"].tolist() == [21]
    assert len(current(store, t.incident)) == MANY - 21


HARMLESS = {"pec": {"mobile_applications": 7}, "observer": {"phone": "0555 000111"}, "incident": {"status": "open"}}
LEAVES = {"pec": {"in_sample": 0}, "observer": {"role": "lto"}, "incident": {"severity": "minor"}}


@pytest.mark.parametrize("view", HARMLESS)
def test_an_undone_loss_stands_again_though_its_rows_were_edited_since(
    store: sa.Engine, observation: Observation, poll: Poll, view: str
) -> None:
    fill(observation)
    poll("08:30")
    table = t.OF_VIEW[f"obs_{view}"][0]
    before = stands(store, table)
    observation.change(view, "08:31", **LEAVES[view])
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    assert stands(store, table) == 0
    observation.change(view, "08:33", **HARMLESS[view])
    poll("08:33")
    taken = refused.taken(Facts(store).at("08:34")).iloc[-1]
    with clock.frozen(at("08:34")):
        decisions.undo_loss(store, "observation", taken["view"], int(taken["load"]), "Asanova", "they are there")
        with pytest.raises(decisions.Refused, match="undone"):
            decisions.undo_loss(store, "observation", taken["view"], int(taken["load"]), "Bekova", "they are there")
    assert stands(store, table) == before
    for minute in range(34, 46):
        row = poll(f"08:{minute}")
        assert stands(store, table) == before
    assert taken["view"] in row.error


def test_an_accepted_loss_whose_rows_came_back_was_not_taken(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    half_is_accepted(store, observation, poll)
    for n in range(1, 21):
        observation.incident(f"i{n}", "08:32", description="told")
    mark_incidents(observation, 32, range(21, 24))
    observation.answer("r30", "boxes_sealed", "", "08:32")
    poll("08:32", again=True)
    assert len(current(store, t.incident)) == MANY - 3
    assert refused.losses(Facts(store).at("08:33")).empty
    assert refused.taken(Facts(store).at("08:33")).empty


@pytest.mark.parametrize("by", [{"category": "x"}, {"category": ""}, {"pec": "x"}])
def test_incidents_are_not_played_down_by_way_of_what_cannot_be_used(
    store: sa.Engine, observation: Observation, poll: Poll, by: dict[str, str]
) -> None:
    fill(observation)
    poll("08:30")
    observation.change("incident", "08:31", **by)
    poll("08:31")
    assert all(row["unsorted"] for row in current(store, t.incident))
    observation.change("incident", "08:32", category="secrecy", severity="minor", pec="1001")
    for minute in range(32, 44):
        row = poll(f"08:{minute}")
        assert not [i for i in current(store, t.incident) if i["severity"] == "minor"]
    assert "obs_incident" in row.error
    accept(store, "08:43")
    poll("08:44")
    assert {i["severity"] for i in current(store, t.incident)} == {"minor"}


@pytest.mark.parametrize("unsorted_before", [False, True])
def test_words_place_and_severity_of_incidents_do_not_go_with_what_cannot_be_used(
    store: sa.Engine, observation: Observation, poll: Poll, unsorted_before: bool
) -> None:
    fill(observation)
    poll("08:30")
    if unsorted_before:
        observation.change("incident", "08:31", category="x")
        poll("08:31")
        assert {(row["unsorted"], row["description"]) for row in current(store, t.incident)} == {
            ("unknown_category", "told")
        }
    observation.change("incident", "08:32", category="x", severity="minor", description="", pec="1040")
    for hour in ("08:32", "08:33", "10:45"):
        row = poll(hour, again=True)
        assert "obs_incident" in str(row.error)
        told = {(row["pec"], row["severity"], row["description"]) for row in current(store, t.incident)}
        assert told == {("1001", "serious", "told")}
    accept(store, "10:45")
    poll("10:46")
    told = {(row["pec"], row["unsorted"], row["description"]) for row in current(store, t.incident)}
    assert told == {("1040", "unknown_category", "")}


@pytest.mark.parametrize("lost", [{"description": ""}, {"status": None}, {"pec": "1040"}])
def test_what_was_accepted_of_incidents_that_stay_unsorted_is_not_asked_about_again(
    store: sa.Engine, observation: Observation, poll: Poll, lost: dict[str, Any]
) -> None:
    fill_all(observation)
    poll("08:30")
    observation.change("incident", "08:31", category="x", **lost)
    assert "obs_incident" in poll("08:31").error
    accept(store, "08:31")
    poll("08:32")
    loads = rows_in(store, t.load)
    for hour in ("08:33", "08:34", "10:00"):
        assert poll(hour, again=True).error is None
    assert rows_in(store, t.load) == loads
    undo(store, "10:01")
    assert {row["category"] for row in current(store, t.incident)} == {"secrecy"}
    for hour in ("10:02", "10:03"):
        assert "obs_incident" in poll(hour, again=True).error
        assert {row["category"] for row in current(store, t.incident)} == {"secrecy"}


@pytest.mark.parametrize("spoilt", [{"severity": "x"}, {"occurred_at": "infinity"}, {"reported_at": "infinity"}])
def test_words_of_incidents_do_not_go_with_a_severity_or_a_time_that_cannot_be_used(
    store: sa.Engine, observation: Observation, poll: Poll, spoilt: dict[str, str]
) -> None:
    observation.day(MANY, "08:10", description="told", severity="minor")
    poll("08:30")
    observation.change("incident", "08:31", description="", **spoilt)
    poll("08:31")
    assert {row["description"] for row in current(store, t.incident)} == {"told"}
    assert refused.losses(Facts(store).at("08:31"))["lost"].tolist() == [MANY]


SPOILT = {"observer": {"role": "STO"}, "pec": {"stratum": "no such stratum"}}


@pytest.mark.parametrize("view", SPOILT)
def test_a_row_of_the_frame_that_cannot_be_used_is_set_aside_and_no_loss(
    store: sa.Engine, observation: Observation, poll: Poll, view: str
) -> None:
    fill(observation)
    poll("08:30")
    before = stands(store, t.OF_VIEW[f"obs_{view}"][0])
    observation.change(view, "08:31", **SPOILT[view])
    poll("08:31")
    loads = rows_in(store, t.load)
    for minute in range(32, 60):
        poll(f"08:{minute}")
    assert refused.losses(Facts(store).at("08:59")).empty
    assert stands(store, t.OF_VIEW[f"obs_{view}"][0]) == before
    assert len(aside(store)) == MANY
    assert rows_in(store, t.load) == loads, "a poll that finds nothing new leaves no load behind"


def test_a_loss_that_waits_does_not_go_by_itself_when_the_hour_is_over(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 11))
    poll("08:31")
    assert len(current(store, t.incident)) == MANY - 10
    mark_incidents(observation, 40, range(11, 21))
    for hour in ("08:40", "09:35", "10:50", "12:00"):
        poll(hour, again=True)
        assert len(current(store, t.incident)) == MANY - 10
    assert len(refused.losses(Facts(store).at("12:01"))) == 1


def test_who_accepted_what_went_is_not_asked_about_each_that_follows(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    for n in range(1, 11):
        mark_incidents(observation, 30, range(n, n + 1))
    poll("08:31")
    mark_incidents(observation, 32, range(11, 12))
    assert "obs_incident" in poll("08:32").error
    accept(store, "08:32")
    poll("08:33")
    for n in range(12, 16):
        mark_incidents(observation, 22 + n, range(n, n + 1))
        assert poll(f"08:{22 + n}").error is None
    assert len(current(store, t.incident)) == MANY - 15


def test_two_incidents_that_are_corrected_one_after_the_other_are_no_loss(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.pec("1002")
    for n in (1, 2):
        observation.incident(f"i{n}", "08:10", description="told")
    poll("08:30")
    for n in (1, 2):
        observation.incident(f"i{n}", f"08:3{n}", description="told", pec="1002")
        assert poll(f"08:3{n}").error is None
    assert {i["pec"] for i in current(store, t.incident)} == {"1002"}


def test_what_once_accepts_can_be_undone(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 21))
    with clock.frozen(at("08:31")):
        decisions.decide(store, "accept", "observation", "Asanova", "")
    poll("08:31", accept=True)
    assert len(current(store, t.incident)) == MANY - 20
    (taken,) = refused.taken(Facts(store).at("08:32")).to_dict("records")
    assert (taken["who"], taken["lost"]) == ("Asanova", 20)
    with clock.frozen(at("08:32")):
        decisions.undo_loss(store, "observation", taken["view"], taken["load"], "Asanova", "they are there")
    assert len(current(store, t.incident)) == MANY


@pytest.mark.parametrize("edited", [False, True])
def test_undoing_a_change_of_checklist_leaves_no_answers_of_the_other_one(
    store: sa.Engine, observation: Observation, poll: Poll, edited: bool
) -> None:
    fill(observation)
    poll("08:30")
    before = said(store)
    arrived = next(iter(ELECTION.asked("arrival").keys() - OPENING.keys()))
    with observation.engine.begin() as conn:
        conn.execute(sa.text("update own_answer set question = :q where question = 'boxes_sealed'"), {"q": arrived})
    changes_its_checklist(observation)
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    if edited:
        observation.change("answer", "08:33", value="no")
        poll("08:33", again=True)
    undo(store, "08:34")
    assert said(store)["answer"] == before["answer"]
    assert said(store)["report"] == before["report"]


def test_undoing_that_answers_were_emptied_makes_their_reports_complete_again(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    before = said(store)
    loses_its_answers(observation)
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    assert not any(row["complete"] for row in current(store, t.report))
    undo(store, "08:33")
    assert said(store) == before


def test_a_refused_loss_of_answers_stays_refused(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    before = len(current(store, t.answer))
    with observation.engine.begin() as conn:
        conn.execute(
            sa.text("update own_answer set value = 'no such', updated_at = :at where length(report) = 2"),
            {"at": observation._time("08:31")},
        )
    for minute in range(31, 55):
        assert "obs_answer" in str(poll(f"08:{minute}").error)
        assert len(current(store, t.answer)) == before
    accept(store, "08:54")
    poll("08:55")
    assert len(current(store, t.answer)) < before


MOVES: dict[str, Callable[[Observation], None]] = {
    "observers move": lambda observation: observation.change("observer", "08:31", pec="1001"),
    "observers move, with their old time": lambda observation: observation.change("observer", pec="1001"),
    "reports move": lambda observation: observation.change("report", "08:31", pec="1001"),
}


@pytest.mark.parametrize("what", MOVES)
def test_reports_of_observers_who_all_stand_elsewhere_stay_in_the_figures_until_somebody_accepts_it(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    def held() -> int:
        return sum(row["held"] is not None for row in current(store, t.report))

    fill(observation)
    poll("08:30")
    MOVES[what](observation)
    for minute in range(31, 51):
        row = poll(f"08:{minute}")
        assert held() == 0
    assert "gone or changed" in row.error
    accept(store, "08:50")
    poll("08:51")
    accept(store, "08:51")  # the reports of observers who moved
    poll("08:52")
    assert held() == MANY - 1
    (taken, *_) = refused.taken(Facts(store).at("08:52")).to_dict("records")
    with clock.frozen(at("08:53")):
        decisions.undo_loss(store, "observation", taken["view"], taken["load"], "Asanova", "they are there")
    assert held() == 0
    for minute in range(54, 58):
        row = poll(f"08:{minute}")
        assert held() == 0, "what was undone is not done again by itself"
    assert "gone or changed" in row.error


@pytest.mark.parametrize("what", ["reports are marked", "incidents are marked", "reports become unusable"])
@pytest.mark.parametrize("started", [True, False])
def test_of_a_large_loss_with_old_times_those_of_the_last_minutes_do_not_go_first(
    sqlite_store: sa.Engine, observation_beside: Observation, what: str, started: bool
) -> None:
    table = LOSSES[what][1]
    observation, poll = observation_beside, poller(sqlite_store)
    fill(observation)
    for n in range(1, 6):
        observation.report(f"late{n}", "08:29", OPENING, pec=f"{1000 + n}", observer=f"o{n}")
        observation.incident(f"late{n}", "08:29")
    poll("08:30")
    before = stands(sqlite_store, table)
    observation.change(*table.name.split(), **({"form": "no such form"} if "unusable" in what else {"deleted": 1}))
    if started:
        loader._memories.pop(sqlite_store)
    for minute in range(31, 42):
        row = poll(f"08:{minute}")
        assert stands(sqlite_store, table) == before
    assert f"{before} of the {before} rows" in row.error


def test_a_third_of_a_stratums_sample_waits_though_it_is_little_of_the_frame(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.frame(200)
    with observation.engine.begin() as conn:
        conn.execute(sa.text("update own_pec set in_sample = case when pec <= '1009' then 1 else 0 end"))
    poll("08:30")
    for pec in ("1001", "1002", "1003"):
        observation.vanish("pec", pec=pec)
    for minute in range(31, 41):
        row = poll(f"08:{minute}")
    assert "obs_pec: 3 of the 200 rows we hold are gone or changed" in row.error
    assert len(current(store, t.pec)) == 200


@pytest.fixture
def here(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Facts, Observation]]:
    """The store of this process beside a source that has lost its reports."""
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    observation = Observation(url)
    fill(observation)
    poll = poller(sqlite_store)
    poll("08:30")
    observation.change("report", "08:31", deleted=1)
    poll("08:32")
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("08:33"), 0)
    moment.here.cache_clear()
    yield Facts(sqlite_store), observation
    moment.here.cache_clear()
    clock.follow(None)


def _press(app: AppTest, button: str) -> AppTest:
    return next(b for b in app.button if b.label == button).click().run()


def _fill(app: AppTest, key: str) -> None:
    app.text_input(f"{key}_who").set_value("Asanova")
    app.text_input(f"{key}_why").set_value("rang them")


def test_head_office_accepts_a_loss_on_the_screen_and_undoes_it(here: tuple[Facts, Observation]) -> None:
    facts, _observation = here
    poll = poller(facts.store)
    (loss,) = refused.losses(facts.at("08:33")).to_dict("records")
    assert f"report: {MANY} of {MANY} rows are gone or changed since 08:32" in words_of(drawn("strip"))
    app = _press(drawn("health"), "Accept that they have gone or changed")
    assert [e.value for e in app.error] == ["Say who decides, and why."]
    _fill(app, f"loss_observation_obs_report_{loss['hash']}")
    assert not _press(app, "Accept that they have gone or changed").error
    assert "Accepted by Asanova" in words_of(drawn("strip"))
    poll("08:34")
    clock.set_rehearsed(facts.store, ELECTION.moment_of("08:35"), 0)
    assert current(facts.store, t.report) == []
    app = drawn("health")
    (taken,) = refused.taken(facts.at("08:35")).to_dict("records")
    _fill(app, f"taken_{taken['load']}_obs_report")
    assert not _press(app, "Undo it: the rows stand again").error
    assert len(current(facts.store, t.report)) == MANY
    assert len(current(facts.store, t.answer)) == MANY * len(OPENING)


GOES: dict[str, tuple[str, dict[str, Any] | None]] = {
    **{f"{view}s vanish": (view, None) for view in ("pec", "observer", "report", "answer", "incident", "message")},
    **{f"{view}s are marked": (view, {"deleted": 1}) for view in ("report", "incident")},
    "reports are spoilt": ("report", {"form": "no such form"}),
    "reports change their checklist": ("report", {"form": "arrival"}),
    "reports move": ("report", {"pec": "1001"}),
    "answers are spoilt": ("answer", {"value": "no such choice"}),
    "answers are emptied": ("answer", {"value": ""}),
    "counts become 0": ("count", {"value": "0"}),
    "observers move": ("observer", {"pec": "1001"}),
    "PECs leave the sample": ("pec", {"in_sample": 0}),
    "incidents move": ("incident", {"pec": "1003"}),
    "incidents are played down": ("incident", {"severity": "minor"}),
    "incidents are called another thing": ("incident", {"category": "campaigning"}),
    "incidents lose their words": ("incident", {"description": " "}),
    "incidents become yesterday's": ("incident", {"occurred_at": "2021-11-27T02:10:00Z"}),
    "PECs change their region": ("pec", {"region": "osh"}),
    "PECs lose their voters": ("pec", {"registered_voters": None}),
    "observers lose their telephone": ("observer", {"phone": ""}),
    "messages lose their words": ("message", {"text": None}),
}
BEGINS = {"pec": "10", "observer": "o", "report": "r", "answer": "r", "count": "t", "incident": "i", "message": "m"}
WAVES = some.lists(
    some.tuples(
        some.sampled_from(sorted(GOES)),
        some.integers(1, MANY),  # the first
        some.sampled_from([2, 9, 12, MANY]),  # so many
        some.booleans(),  # whether their times say so
        some.booleans(),  # whether the loader is started again
        some.sampled_from([1, 2, 11]),  # polls after it
    ),
    min_size=1,
    max_size=3,
)


def goes(observation: Observation, what: str, first: int, many: int, told: bool) -> None:
    view, edit = GOES[what]
    column, table = ("report", "answer") if view in ("answer", "count") else (view, view)
    numbers = [(first + n - 1) % MANY + 1 for n in range(many)]
    keys = [{"key": f"{BEGINS[view]}{n:02}" if view == "pec" else f"{BEGINS[view]}{n}"} for n in numbers]
    said = (edit or {}) | ({"updated_at": observation._time("08:31")} if told else {})
    given = ", ".join(f"{name} = :{name}" for name in said)
    change = f"delete from own_{table}" if edit is None else f"update own_{table} set {given}"  # noqa: S608 -- ours
    with observation.engine.begin() as conn:
        conn.execute(sa.text(f"{change} where {column} = :key"), [said | key for key in keys])


_TOLD = ("pec", "category", "severity", "description")  # of an incident


def standing(store: sa.Engine) -> dict[str, int]:
    """How many rows are in the figures."""
    reports = [row for row in current(store, t.report) if not row["held"]]
    return {
        "PECs": len(current(store, t.pec)),
        "sampled PECs": sum(row["in_sample"] for row in current(store, t.pec)),
        "observers": len(current(store, t.observer)),
        "reports": sum(row["form"] == "opening" for row in reports),
        "incidents": sum(
            bool(row["unsorted"])
            or ([row[name] for name in _TOLD] == ["1001", "secrecy", "serious", "told"] and not row["occurred_at"])
            for row in current(store, t.incident)
        ),
        "PECs of Bishkek": sum(row["region"] == "bishkek" for row in current(store, t.pec)),
        "messages": sum(bool(row["text"]) for row in current(store, t.message)),
        "PECs with voters": sum(bool(row["registered_voters"]) for row in current(store, t.pec)),
        "telephones": sum(bool(row["phone"]) for row in current(store, t.observer)),
        "answers": len(current(store, t.answer)),
        "counts": sum(bool(row["number"]) for row in current(store, t.answer)),
    }


def said(store: sa.Engine) -> dict[str, list[str]]:
    """What the store says without the frame, which no bad row takes away."""
    left_out = {"id", "load_from", "load_to"}
    return {
        table.name: sorted(repr({k: v for k, v in row.items() if k not in left_out}) for row in current(store, table))
        for table in (t.report, t.answer, t.incident, t.message)
    }


def some_go(migrated_file: Path, folder: Path, waves: list[tuple[str, int, int, bool, bool, int]]) -> None:
    """No poll takes many; when a person has accepted all, the store is that of a fresh load."""
    url = f"sqlite:///{folder / 'observation.sqlite'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_OBSERVATION", url)
        observation = Observation(url)
        fill(observation)
        count(observation)
        for n in range(1, MANY + 1):
            observation.put("message", "08:10", message=f"m{n}", received_at="08:10", text="a text")
        kept, fresh = (
            connect(f"sqlite:///{shutil.copy(migrated_file, folder / f'{name}.sqlite')}") for name in ("kept", "fresh")
        )
        poll = poller(kept)
        poll("08:30")
        for *wave, started, polls in waves:
            goes(observation, *wave)
            if started:
                loader._memories.pop(kept, None)
            for _ in range(polls):
                before = standing(kept)
                poll("08:31")
                for what, now in standing(kept).items():
                    with_reports = len(OPENING) * max(10, 0.2 * MANY) if what == "answers" else 0
                    assert before[what] - now <= max(10, 0.2 * before[what]) + with_reports, what
        for _ in range(5):  # what hangs on a loss that was accepted may be the next
            errors = [str(poll("08:33").error) for _ in range(11)]
            accept(kept, "08:33")
        poller(fresh)("08:33")
    assert "gone or changed" not in errors[-1]
    assert said(kept) == said(fresh)
    for store in (kept, fresh, observation.engine):
        store.dispose()


@given(waves=WAVES)
@settings(max_examples=6)
def test_whatever_goes_no_poll_takes_many_and_in_the_end_the_store_is_that_of_a_fresh_load(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory, waves: list[tuple[str, int, int, bool, bool, int]]
) -> None:
    """Promise 6."""
    some_go(migrated_file, tmp_path_factory.mktemp("goes"), waves)


@pytest.mark.proof
@given(waves=WAVES)
@settings(max_examples=45)
def test_whatever_of_many_things_goes_no_poll_takes_many(
    migrated_file: Path, tmp_path_factory: pytest.TempPathFactory, waves: list[tuple[str, int, int, bool, bool, int]]
) -> None:
    some_go(migrated_file, tmp_path_factory.mktemp("goes"), waves)


def eight_are_taken(store: sa.Engine, observation: Observation, poll: Poll) -> dict[Any, Any]:
    """Five incidents have gone, being few, and eight that are many with them; head office accepted these."""
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 6))
    poll("08:31")
    mark_incidents(observation, 32, range(6, 14))
    poll("08:32")
    accept(store, "08:32")
    poll("08:33")
    (taken,) = refused.taken(Facts(store).at("08:33")).to_dict("records")
    return taken


def test_what_is_undone_waits_again_though_it_is_few_by_itself(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    taken = eight_are_taken(store, observation, poll)
    assert len(current(store, t.incident)) == MANY - 13
    with clock.frozen(at("08:34")):
        decisions.undo_loss(store, "observation", taken["view"], taken["load"], "Bekova", "they are there")
    for hour in ("08:34", "08:35", "08:36", "10:40"):
        assert refused.losses(Facts(store).at(hour))["lost"].tolist() == [8]
        assert len(current(store, t.incident)) == MANY - 5
        poll(hour, again=True)
    accept(store, "10:41")
    poll("10:42")
    assert len(current(store, t.incident)) == MANY - 13


def undo(store: sa.Engine, hour: str) -> None:
    """Head office takes back what was accepted last."""
    taken = refused.taken(Facts(store).at(hour)).iloc[0]
    with clock.frozen(at(hour)):
        decisions.undo_loss(store, "observation", taken["view"], int(taken["load"]), "Bekova", "they are there")


PARTS = ["_read_news", "_compare", "_count_frame", "_count", "_end", "_flush", "_is_settled"]


@pytest.mark.parametrize("before", sparing(PARTS, test=3))
def test_what_is_undone_in_the_midst_of_a_poll_waits_though_it_is_few_by_itself(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    eight_are_taken(store, observation, poll)
    observation.incident("i40", "10:00", description="told", deleted=1)
    with monkeypatch.context() as patch:
        in_a_poll(patch, before, lambda: undo(store, "10:00"))
        poll("10:00", again=True)
    for hour in ("10:01", "10:02", "12:00"):
        poll(hour, again=True)
        assert {f"i{n}" for n in range(6, 14)} <= {row["incident"] for row in current(store, t.incident)}
        assert not refused.losses(Facts(store).at(hour)).empty


@pytest.mark.parametrize("before", sparing(PARTS, test=3))
def test_many_that_are_undone_in_the_midst_of_a_poll_are_so_when_few_of_them_are_left(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    half_is_accepted(store, observation, poll)
    poll("08:32")
    observation.incident("new", "08:33", description="told")
    with monkeypatch.context() as patch:
        in_a_poll(patch, before, lambda: undo(store, "08:33"))
        poll("08:33", again=True)
    assert len(current(store, t.incident)) == MANY + 1
    for n in range(1, 13):
        observation.incident(f"i{n}", "08:40", description="told")
    for hour in ("08:40", "10:45"):
        poll(hour, again=True)
    assert len(current(store, t.incident)) == MANY + 1
    assert refused.losses(Facts(store).at("10:46"))["lost"].tolist() == [8]


def test_incidents_that_are_serious_again_in_the_midst_of_a_poll_wait_from_that_on(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(observation)
    poll("08:30")
    are_made_minor(observation)
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    observation.incident("new", "08:33", description="told")
    with monkeypatch.context() as patch:
        in_a_poll(patch, "_compare", lambda: undo(store, "08:33"))
        poll("08:33", again=True)
    for hour in ("08:34", "10:45"):
        assert stands(store, t.incident) == MANY + 1
        assert refused.losses(Facts(store).at(hour))["lost"].tolist() == [MANY]
        poll(hour, again=True)


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
def test_of_two_acceptances_of_the_same_rows_the_newer_is_undone_first(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    are_made_minor(observation)
    poll("08:31")
    accept(store, "08:31")
    poll("08:32")
    older = refused.taken(Facts(store).at("08:32")).iloc[0]
    observation.change("incident", "08:33", deleted=1)
    poll("08:33")
    accept(store, "08:33")
    poll("08:34")
    assert current(store, t.incident) == []
    with clock.frozen(at("08:35")), pytest.raises(decisions.Refused, match="newer"):
        decisions.undo_loss(store, "observation", older["view"], int(older["load"]), "Bekova", "they are there")
    undo(store, "08:36")
    assert {row["severity"] for row in current(store, t.incident)} == {"minor"}
    undo(store, "08:37")
    observation.change("incident", "08:38", deleted=0)
    for hour in ("08:38", "08:39", "10:45"):
        poll(hour, again=True)
        assert stands(store, t.incident) == MANY


@pytest.mark.parametrize("newer_is_taken", [True, False])
def test_what_is_undone_waits_beside_a_newer_loss_too(
    store: sa.Engine, observation: Observation, poll: Poll, newer_is_taken: bool
) -> None:
    taken = eight_are_taken(store, observation, poll)
    mark_incidents(observation, 40, range(21, 33))
    poll("10:00")
    if newer_is_taken:
        accept(store, "10:00")
        poll("10:01")
    with clock.frozen(at("10:02")):
        decisions.undo_loss(store, "observation", taken["view"], taken["load"], "Bekova", "they are there")
    if not newer_is_taken:
        for n in range(21, 33):
            observation.incident(f"i{n}", "10:03", description="told")
    for hour in ("10:04", "10:05"):
        poll(hour, again=True)
        assert refused.losses(Facts(store).at(hour))["lost"].tolist() == [8]
        assert {f"i{n}" for n in range(6, 14)} <= {row["incident"] for row in current(store, t.incident)}
    for n in range(6, 14):
        observation.incident(f"i{n}", "10:06", description="told")
    poll("10:06", again=True)
    assert refused.losses(Facts(store).at("10:06")).empty


def test_who_accepts_on_a_page_of_before_an_undo_does_not_accept_anew(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    half_is_accepted(store, observation, poll)
    (loss,) = refused.losses(Facts(store).at("08:31")).to_dict("records")
    known = Facts(store).at("08:31").load
    poll("08:32")
    (taken,) = refused.taken(Facts(store).at("08:32")).to_dict("records")
    accept_it = partial(decisions.accept_loss, store, "observation", loss["view"], loss["hash"], "Asanova", "gone")
    with clock.frozen(at("08:33")):
        decisions.undo_loss(store, "observation", taken["view"], taken["load"], "Bekova", "they are there")
        with pytest.raises(decisions.Refused, match="undone"):
            accept_it(known=known)
    poll("08:34")
    assert len(current(store, t.incident)) == MANY
    with clock.frozen(at("08:35")):
        accept_it(known=Facts(store).at("08:35").load)
    poll("08:36")
    assert len(current(store, t.incident)) == MANY - 20


def test_who_accepts_on_a_page_of_before_another_loss_neither_accepts_it_nor_voids_its_acceptance(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 21))
    poll("08:31")
    (loss,) = refused.losses(Facts(store).at("08:31")).to_dict("records")
    mark_incidents(observation, 32, range(21, 23))
    poll("08:32")
    accept(store, "08:32")
    with clock.frozen(at("08:33")), pytest.raises(decisions.Refused, match="meanwhile"):
        decisions.accept_loss(
            store, "observation", loss["view"], loss["hash"], "Bekova", "gone", known=Facts(store).at("08:31").load
        )
    poll("08:34")
    assert len(current(store, t.incident)) == MANY - 22


def test_a_loss_that_waits_does_so_however_it_changes_and_however_late_it_is(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    mark_incidents(observation, 31, range(1, 6))
    poll("08:31")
    mark_incidents(observation, 59, range(6, 15))
    poll("08:59")
    observation.incident("i14", "09:41", description="told")
    for hour in ("09:41", "09:56"):
        poll(hour, again=True)
        assert refused.losses(Facts(store).at(hour))["lost"].tolist() == [8]
    mark_incidents(observation, 59, range(15, 16))
    for hour in ("10:41", "11:56"):
        poll(hour, again=True)
        (loss,) = refused.losses(Facts(store).at(hour)).to_dict("records")
        assert (loss["lost"], loss["since_at"]) == (9, at("08:59"))
    assert len(current(store, t.incident)) == MANY - 5


def test_who_accepts_that_incidents_say_less_accepts_no_deletion(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    observation.change("incident", "08:31", severity="minor")
    poll("08:31")
    accept(store, "08:31")
    observation.change("incident", "08:32", deleted=1)
    for hour in ("08:32", "08:33"):
        poll(hour)
        assert len(current(store, t.incident)) == MANY


def incidents_move(observation: Observation) -> None:
    observation.change("incident", "08:31", pec="1003")


def incidents_lose_more(observation: Observation) -> None:
    observation.change("incident", "09:00", pec="1001", severity="minor", description="")


def incidents_move_and_lose_more(observation: Observation) -> None:
    observation.change("incident", "09:00", severity="minor", description="")


def reports_become_unusable(observation: Observation) -> None:
    observation.change("report", "09:00", form="no such form")


OTHERWISE = {
    "incidents move, then are made minor": (incidents_move, incidents_lose_more, t.incident),
    "incidents move, then are made minor too": (incidents_move, incidents_move_and_lose_more, t.incident),
    "reports change their checklist, then are unusable": (changes_its_checklist, reports_become_unusable, t.report),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_who_accepts_one_change_accepts_no_other_change_of_the_same_rows(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    first, then, table = OTHERWISE[what]
    fill(observation)
    poll("08:30")
    first(observation)
    poll("08:31")
    (before,) = refused.losses(Facts(store).at("08:31")).to_dict("records")
    accept(store, "08:31")
    then(observation)
    for hour in ("09:00", "09:01"):
        poll(hour, again=True)
        assert stands(store, table) == MANY
    (loss,) = refused.losses(Facts(store).at("09:01")).to_dict("records")
    assert (loss["lost"], loss["hash"] == before["hash"]) == (MANY, False)
    with clock.frozen(at("09:01")), pytest.raises(decisions.Refused, match="meanwhile"):
        decisions.accept_loss(store, "observation", loss["view"], before["hash"], "Asanova", "as it was")
    accept(store, "09:01")
    poll("09:02")
    assert stands(store, table) == 0


def test_incidents_of_no_pec_that_lose_their_region_wait(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.day(MANY, "08:10", description="told", pec=None, region="osh")
    poll("08:30")
    observation.change("incident", "08:31", region=None)
    poll("08:31")
    assert {row["region"] for row in current(store, t.incident)} == {"osh"}
    assert refused.losses(Facts(store).at("08:31"))["lost"].tolist() == [MANY]


def test_an_incident_whose_key_begins_as_ours_do_goes_as_others_do(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.frame(20)
    for key in ("?7", "8", "9"):
        observation.incident(key, "08:10")
    poll("08:30")
    observation.incident("?7", "08:31", deleted=1)
    poll("08:31")
    assert {row["incident"] for row in current(store, t.incident)} == {"8", "9"}
