"""Two people who decide at once: neither overturns what the other has decided unseen."""

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from pages import deciding, unsorted
from queries import incidents, moment, pec
from store import clock, decisions
from store import tables as t
from store.engine import connect
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn
from tests.test_unsorted import press, row, take

CRITICAL = "violence|critical"
MISSED = "The decision was not kept: its form had gone before the press arrived. Look at it, and press again."
LEFT = "1 report was decided on meanwhile by Bekova and is left as it is."


def last_of(store: sa.Engine) -> dict[str, tuple[str, str]]:
    """Subject -> value and who, of the last decision on each."""
    with store.connect() as conn:
        rows = conn.execute(sa.select(t.decision).order_by(t.decision.c.id))
        return {row.subject: (row.value, row.who) for row in rows}


def load_of(store: sa.Engine) -> int:
    with store.connect() as conn:
        return conn.scalar(sa.select(sa.func.max(t.load.c.id))) or 0


def test_a_bulk_decides_only_what_nobody_has_decided_on_since_its_page_was_drawn(store: sa.Engine) -> None:
    decisions.sort_incidents(store, ["a"], incidents.OPEN, "Asanova", "wait", known=0)
    seen = load_of(store)
    decisions.sort_incidents(store, ["b"], CRITICAL, "Bekova", "true danger", seen)
    left = decisions.sort_incidents(store, ["a", "b", "c"], incidents.DISMISSED, "Asanova", "spam", seen)
    assert left == {"b": "Bekova"}
    dismissed = (incidents.DISMISSED, "Asanova")
    assert last_of(store) == {"a": dismissed, "b": (CRITICAL, "Bekova"), "c": dismissed}


def test_taking_a_bulk_back_leaves_what_was_decided_later(store: sa.Engine) -> None:
    decisions.sort_incidents(store, ["a", "b"], incidents.DISMISSED, "Asanova", "spam", known=0)
    seen = load_of(store)
    decisions.sort_incidents(store, ["b"], CRITICAL, "Bekova", "true danger", seen)
    assert decisions.sort_incidents(store, ["a", "b"], incidents.OPEN, "Asanova", "too early", seen) == {"b": "Bekova"}
    assert last_of(store) == {"a": (incidents.OPEN, "Asanova"), "b": (CRITICAL, "Bekova")}


def test_a_decision_of_which_nothing_is_left_leaves_no_trace(store: sa.Engine) -> None:
    decisions.sort_incidents(store, ["a"], CRITICAL, "Bekova", "true danger", known=0)
    before = load_of(store)
    assert decisions.sort_incidents(store, ["a"], incidents.DISMISSED, "Asanova", "spam", known=0) == {"a": "Bekova"}
    assert load_of(store) == before


def test_who_clicks_twice_was_not_overtaken_by_somebody(store: sa.Engine) -> None:
    for _ in range(2):
        assert decisions.sort_incidents(store, ["a"], CRITICAL, " Bekova", "true danger", known=0) == {}
    assert decisions.sort_incidents(store, ["a"], incidents.DISMISSED, "Bekova", "no", known=0) == {"a": "Bekova"}


def test_an_answer_that_somebody_else_has_settled_meanwhile_is_not_settled_anew(store: sa.Engine) -> None:
    answer = ("5001", "opening", "drawing_of_lots")
    decisions.settle_answer(store, *answer, "no", "Bekova", "rang them", known=0)
    with pytest.raises(decisions.Refused, match="meanwhile"):
        decisions.settle_answer(store, *answer, "yes", "Asanova", "rang one", known=0)
    decisions.settle_answer(store, *answer, "yes", "Asanova", "rang both again", load_of(store))
    assert list(last_of(store).values()) == [("yes", "Asanova")]


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The store of this process: three strangers' reports, and two observers who differ."""
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    moment.here.cache_clear()
    facts = Facts(sqlite_store)
    facts.pec("5001")
    for who, answer in (("a", "yes"), ("b", "no")):
        facts.report("5001", "opening", who, at="08:00", drawing_of_lots=answer)
    take(sqlite_store, *(row(f"f{n}", category="x", observer=None, description=f"{n}") for n in range(3)))
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:05"), 0)
    yield facts
    moment.here.cache_clear()
    clock.follow(None)


def just_before(decide: Callable[[sa.Engine], object]) -> None:
    """Somebody else decides in another process after this one's page was drawn for the press, and before it writes."""
    asked: list[str] = []

    def writes(_conn: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
        if statement == "begin immediate" and not asked:
            asked.append(statement)
            other = connect(moment.here()[0].url)
            decide(other)
            other.dispose()

    sa.event.listen(moment.here()[0], "before_cursor_execute", writes)


def signed(app: AppTest, form: str, why: str) -> AppTest:
    app.text_input(f"{form}_who").set_value("Asanova")
    app.text_input(f"{form}_why").set_value(why)
    return app


def told(app: AppTest) -> dict[str, Any]:
    """What the page is told last of its session's decisions."""
    found = [re.search("data-told='(.*?)'", str(e.proto.body)) for e in app.get("html")]
    return max((json.loads(html.unescape(one[1])) for one in found if one), key=lambda one: int(one["telling"]))


def said(app: AppTest) -> list[str]:
    """What is said over the page, without its time."""
    return [line.partition(" · ")[2] for line in told(app)["said"].values()]


def all_strangers(facts: Facts) -> tuple[AppTest, str]:
    """The form to decide on all of them, filled in; and one of them."""
    app = drawn("incidents").selectbox("sort_subject").set_value(unsorted.STRANGERS).run()
    return signed(app, "sort_strangers", "spam"), str(incidents.unsorted(facts.at("14:05"))["subject"].iloc[1])


def as_critical(facts: Facts, subject: str) -> Callable[[sa.Engine], object]:
    known = facts.at("14:05").load
    return lambda store: decisions.sort_incidents(store, [subject], CRITICAL, "Bekova", "true danger", known)


def critical_and_others(facts: Facts) -> tuple[list[str], int]:
    """Who has sorted something as critical, and how many are dismissed."""
    rows = incidents.decided(facts.at("14:05"))
    return list(rows.loc[~rows["dismissed"], "decided_by"]), int(rows["dismissed"].sum())


def test_a_bulk_dismissal_leaves_what_was_sorted_as_critical_just_before_and_says_so(facts: Facts) -> None:
    app, danger = all_strangers(facts)
    just_before(as_critical(facts, danger))
    app = press(app, "Dismiss: it is no incident")
    assert critical_and_others(facts) == (["Bekova"], 2)
    assert not app.error
    before = told(app)["said"]
    assert said(app) == [LEFT]
    assert told(app.run())["said"] == before, "each drawing has it, for any may not come to the browser"


def test_it_says_so_too_where_its_page_has_heard_of_it_by_then(facts: Facts) -> None:
    app, danger = all_strangers(facts)
    other = drawn("incidents").selectbox("sort_subject").set_value(danger).run()
    form = f"sort_{danger.rpartition('|')[2]}"
    other.selectbox(f"{form}_category").set_value("violence")
    other.radio(f"{form}_severity").set_value("critical")
    other.text_input(f"{form}_who").set_value("Bekova")
    other.text_input(f"{form}_why").set_value("true danger")
    assert said(press(other, "Sort it so")) == []
    app = press(app, "Dismiss: it is no incident")
    assert critical_and_others(facts) == (["Bekova"], 2)
    assert said(app) == [LEFT]


@pytest.mark.parametrize(("seconds", "dismissed"), [(1, 3), (60, 4)])
def test_a_bulk_decides_on_nothing_that_may_not_have_been_on_the_screen_yet(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, seconds: float, dismissed: int
) -> None:
    """A page that was drawn an instant before a press may have been on its way to the reader."""
    now = 1000.0
    monkeypatch.setattr(deciding, "monotonic", lambda: now)
    app, _ = all_strangers(facts)
    now += 60
    take(facts.store, row("late", category="x", observer=None, description="shots"), hour="14:01")
    app = app.run()
    now += seconds
    press(signed(app, "sort_strangers", "spam"), "Dismiss: it is no incident")
    assert critical_and_others(facts) == ([], dismissed)


def test_what_was_said_before_stands_with_what_is_said_next(facts: Facts) -> None:
    """Nobody may have read it yet."""
    app, _ = settled_by_bekova(facts)
    assert said(press(app, "Settle it")) == [MISSED]
    app.session_state["forms"].pressed.add("another form")
    assert said(app.run()) == [MISSED, MISSED]


def sorted_by_bekova(facts: Facts) -> tuple[AppTest, str]:
    subject = str(incidents.unsorted(facts.at("14:05"))["subject"].iloc[1])
    app = drawn("incidents").selectbox("sort_subject").set_value(subject).run()
    app = signed(app, f"sort_{subject.rpartition('|')[2]}", "spam")
    as_critical(facts, subject)(facts.store)
    return app, "Dismiss: it is no incident"


def settled_by_bekova(facts: Facts) -> tuple[AppTest, str]:
    app, form = drawn("pec", pec="5001"), "settle_5001_opening|drawing_of_lots"
    app.radio(f"{form}_value").set_value("no")
    answer = ("5001", "opening", "drawing_of_lots", "yes")
    decisions.settle_answer(facts.store, *answer, "Bekova", "rang them", facts.at("14:05").load)
    return signed(app, form, "rang one"), "Settle it"


@pytest.mark.parametrize("ended", [sorted_by_bekova, settled_by_bekova])
def test_a_press_on_a_form_that_somebody_else_has_ended_is_said_not_to_be_kept(
    facts: Facts, ended: Callable[[Facts], tuple[AppTest, str]]
) -> None:
    app, label = ended(facts)
    app = press(app, label)
    for _ in range(2):
        assert said(app) == [MISSED]
        app = app.run()
    with facts.store.connect() as conn:
        assert conn.scalars(sa.select(t.decision.c.who)).all() == ["Bekova"]


def test_taking_a_bulk_back_on_the_page_leaves_what_was_decided_just_before(facts: Facts) -> None:
    app, danger = all_strangers(facts)
    press(app, "Dismiss: it is no incident")
    app = drawn("incidents")
    together = f"{incidents.decided(facts.at('14:05'))['decided_at'].iloc[0]} Asanova"
    app.selectbox("take_back_subject").set_value(together)
    just_before(as_critical(facts, danger))
    app = press(signed(app, "take_back", "too early"), "Take the decision back")
    assert critical_and_others(facts) == (["Bekova"], 0)
    assert said(app) == [LEFT]


def test_a_conflict_that_was_settled_just_before_stays_as_it_was_settled(facts: Facts) -> None:
    app, form = drawn("pec", pec="5001"), "settle_5001_opening|drawing_of_lots"
    app.radio(f"{form}_value").set_value("no")
    answer, known = ("5001", "opening", "drawing_of_lots", "yes"), facts.at("14:05").load
    just_before(lambda store: decisions.settle_answer(store, *answer, "Bekova", "rang them", known))
    app = press(signed(app, form, "rang one"), "Settle it")
    assert [e.value for e in app.error] == ["Somebody else has settled it already."]
    assert pec.pec(facts.at("14:05"), "5001").settled[["value", "who"]].values.tolist() == [["yes", "Bekova"]]
