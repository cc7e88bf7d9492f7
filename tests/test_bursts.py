"""Bursts of conflicts and of late changes from few observers: one alarm."""

import pytest
import sqlalchemy as sa

from queries import bursts
from store import tables as t
from tests.facts import Facts
from tests.test_pages import drawn, words_of


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    return Facts(store)


def choices(facts: Facts) -> tuple[str, str, str]:
    """A question of the first checklist with two choices: its id, the best answer, another."""
    question = next(q for q in facts.election.asked("arrival").values() if q.type == "choice")
    return question.id, question.choices[0], question.choices[1]


def conflicts(facts: Facts, observers: list[str], at: str = "09:00") -> None:
    """Somebody else's word against that of each PEC's own observer."""
    question, good, bad = choices(facts)
    pecs = facts.pecs({"osh": len(observers)})
    with facts.in_one_load("08:00"):
        for pec in pecs:
            facts.report(pec, "arrival", at="08:00", **{question: good})
    with facts.in_one_load(at):
        for pec, observer in zip(pecs, observers, strict=True):
            facts.report(pec, "arrival", observer=observer, at=at, **{question: bad})


def told(facts: Facts, hour: str) -> list[tuple[object, ...]]:
    rows = bursts.bursts(facts.as_of(hour))[["kind", "number", "of", "pecs", "senders", "observers"]]
    return [tuple(row) for row in rows.itertuples(index=False)]


def test_thirty_conflicts_of_one_sender_are_one_alarm_for_an_hour(facts: Facts) -> None:
    conflicts(facts, ["m1"] * 30)
    assert told(facts, "08:59") == []
    assert told(facts, "09:01") == [("conflict", 30, 30, 30, 1, ("m1",))]
    assert told(facts, "10:01") == []


def test_those_of_others_beside_them_are_counted_and_not_theirs(facts: Facts) -> None:
    conflicts(facts, ["m1"] * 15 + ["m2"] * 10 + [f"s{i}" for i in range(20)])
    assert told(facts, "09:01") == [("conflict", 25, 45, 25, 2, ("m1", "m2"))]


def test_ten_times_as_many_of_others_hide_nobody(facts: Facts) -> None:
    conflicts(facts, ["m1"] * 14 + ["m2"] * 8 + [f"s{i // 2}" for i in range(220)])
    assert told(facts, "09:01") == [("conflict", 22, 242, 22, 2, ("m1", "m2"))]


def test_some_who_send_twice_what_others_do_are_no_burst(facts: Facts) -> None:
    conflicts(facts, [f"m{i % 5}" for i in range(25)] + [f"s{i // 2}" for i in range(60)])
    assert told(facts, "09:01") == []


@pytest.mark.parametrize("observers", [[f"s{i}" for i in range(40)], ["m1"] * 19])
def test_many_from_many_and_few_from_one_are_no_burst(facts: Facts, observers: list[str]) -> None:
    conflicts(facts, observers)
    assert told(facts, "09:01") == []


def late_changes(facts: Facts, at: str, by_report: bool) -> None:
    question, good, bad = choices(facts)
    pecs = facts.pecs({"osh": 24})
    with facts.in_one_load("08:00"):
        reports = {
            pec: facts.report(pec, "arrival", observer=f"m{i % 3}", at="08:00", **{question: good})
            for i, pec in enumerate(pecs)
        }
    with facts.in_one_load(at):
        for i, (pec, report) in enumerate(reports.items()):
            if by_report:
                facts.report(pec, "arrival", observer=f"m{i % 3}", at=at, **{question: bad})
            else:
                row = {"source": "observation", "report": report, "question": question, "value": bad}
                facts.put(t.answer, row | {"number": None, "moment_at": None}, at=at)


@pytest.mark.parametrize("by_report", [False, True])
def test_late_changes_of_three_senders_are_one_alarm(facts: Facts, by_report: bool) -> None:
    late_changes(facts, "09:30", by_report)
    assert told(facts, "09:31") == [("changed", 24, 24, 24, 3, ("m0", "m1", "m2"))]
    assert told(facts, "10:31") == []


@pytest.mark.parametrize("by_report", [False, True])
def test_a_correction_soon_after_is_no_late_change(facts: Facts, by_report: bool) -> None:
    late_changes(facts, "08:40", by_report)
    assert told(facts, "08:41") == []


def test_the_same_sent_again_is_no_change(facts: Facts) -> None:
    question, good, _ = choices(facts)
    pecs = facts.pecs({"osh": 24})
    for at in ("08:00", "09:30"):
        with facts.in_one_load(at):
            for i, pec in enumerate(pecs):
                facts.report(pec, "arrival", observer=f"m{i % 3}", at=at, **{question: good})
    assert told(facts, "09:31") == []


def test_a_monitor_that_begins_at_noon_tells_what_began_in_the_morning_as_nothing_new(facts: Facts) -> None:
    question, good, bad = choices(facts)
    pecs = facts.pecs({"osh": 30})
    with facts.in_one_load("12:00"):
        for pec in pecs:
            facts.report(pec, "arrival", at="12:00", sent="07:30", **{question: good})
            facts.report(pec, "arrival", observer="m1", at="12:00", sent="08:00", **{question: bad})
    assert told(facts, "12:10") == []


@pytest.mark.parametrize("page", ["overview", "coverage", "health"])
def test_it_is_a_red_line(sqlite_store: sa.Engine, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    conflicts(Facts(sqlite_store), ["m1"] * 30)
    said = words_of(drawn(page, as_of="09:30"))
    assert (
        "Within an hour, until 08:59, the observers began to differ on 30 checklists; 1 observer has a part in 30 of "
        "them: m1."
    ) in said
    assert "began to differ" not in words_of(drawn(page, as_of="08:30"))
