"""A decision that the store cannot take is not lost without a word."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.testing.v1 import AppTest

from queries import incidents, moment, snapshot
from store import clock, writable
from store import tables as t
from store.engine import writing
from tests.facts import ELECTION, Facts
from tests.harm import gone
from tests.test_pages import drawn, words_of
from tests.test_unsorted import press, row, take

NOT_KEPT = "The decision was not kept: the store cannot be written. Press again when it can be."
Harm = Callable[[sa.Engine], AbstractContextManager[object]]


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The store of this process, which waits for no other writer, with what a person must decide on."""
    monkeypatch.setattr(writable, "PATIENCE", 0.05)
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    moment.here.cache_clear()
    facts = Facts(sqlite_store)
    facts.pec("5001")
    for who, answer in (("a", "yes"), ("b", "no")):
        facts.report("5001", "opening", who, at="08:00", drawing_of_lots=answer)
    take(sqlite_store, row("i1", category="shots fired"), hour="14:00")
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:05"), 0)
    yield facts
    moment.here.cache_clear()
    clock.follow(None)


def moved_away(store: sa.Engine) -> AbstractContextManager[None]:
    return gone(Path(str(store.url.database)))


def sorting(facts: Facts) -> tuple[str, str, AppTest]:
    (subject,) = incidents.unsorted(facts.at("14:05"))["subject"]
    return f"sort_{subject.rpartition('|')[2]}", "Dismiss: it is no incident", drawn("incidents")


def settling(_facts: Facts) -> tuple[str, str, AppTest]:
    app, form = drawn("pec", pec="5001"), "settle_5001_opening|drawing_of_lots"
    app.radio(f"{form}_value").set_value("no")
    return form, "Settle it", app


def drawn_anew_meanwhile(_conn: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
    """While a decision waits for the store another run draws the page: this one ends when it calls Streamlit next."""
    if statement == "begin immediate" and (run := get_script_run_ctx()) and run.script_requests:
        run.script_requests.request_stop()


@pytest.mark.parametrize(("opened", "harm"), [(sorting, writing), (sorting, moved_away), (settling, writing)])
def test_a_decision_that_could_not_be_written_is_told_until_the_next_press(
    facts: Facts, opened: Callable[[Facts], tuple[str, str, AppTest]], harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    with snapshot.keep_fresh(), contextlib.ExitStack() as harmed:
        form, label, app = opened(facts)
        app.text_input(f"{form}_who").set_value("Asanova")
        app.text_input(f"{form}_why").set_value("rang them")
        harmed.enter_context(harm(facts.store))
        sa.event.listen(moment.here()[0], "before_cursor_execute", drawn_anew_meanwhile)
        app = press(app, label)
        for _ in range(2):
            app = app.run()
            assert [e.value for e in app.error] == [NOT_KEPT]
            assert "cannot be shown" not in words_of(app)
            assert app.text_input(f"{form}_who").value == "Asanova"
            assert app.text_input(f"{form}_why").value == "rang them"
    said = [m for m in caplog.messages if m.startswith("a decision")]
    assert said == ["a decision was not kept: Unwritable"]
    assert "Asanova" not in caplog.text
    app = press(app, label).run()
    assert not app.error
    with facts.store.connect() as conn:
        assert conn.scalars(sa.select(t.decision.c.who)).all() == ["Asanova"]
