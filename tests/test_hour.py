"""Pages left open for an hour of real time: a source dies and comes back, a laptop sleeps, the server is killed."""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page

from store import clock
from store.engine import open_store
from tests.browser import clock_of
from tests.dashboard import running, streamlit
from tests.facts import ELECTION
from tests.observation_world import Observation
from tests.waiting import LIMIT

PATHS = ("/?lang=en", "/?lang=en&wall=1", "/coverage?lang=en", "/health?lang=en", "/?lang=en&pec=1001")
NEAR = timedelta(seconds=4)  # a page's clock and the store's, on a busy machine
STALE = 15_000  # milliseconds in which a page says that nobody has been heard
pytestmark = pytest.mark.proof


def now(store: sa.Engine) -> datetime:
    told = clock.read(store)
    assert told is not None
    return told.now().astimezone(ELECTION.tz)


def age(page: Page) -> timedelta:
    """The age of the observers' database, as the page shows it."""
    said = page.locator(".bk-strip [data-source=observation] b").inner_text()
    units = {unit: int(n) for n, unit in re.findall(r"(\d+)\s*(h|min|s)\b", said)}
    return timedelta(hours=units.get("h", 0), minutes=units.get("min", 0), seconds=units.get("s", 0))


def right(pages: list[Page], store: sa.Engine) -> None:
    """Every page's clock is the store's."""
    for page in pages:
        at = now(store)
        ours = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
        assert abs(clock_of(page) - ours) <= NEAR, page.url


def passes(pages: list[Page], minutes: int, each_minute: Callable[[], None]) -> None:
    for _ in range(minutes):
        pages[0].wait_for_timeout(60_000)
        each_minute()


@contextlib.contextmanager
def serving(store: sa.Engine, observation: Observation, log: Path, port: str) -> Iterator[str]:
    own = {"BAIKOO_SCHEDULE": "on", "BAIKOO_OBSERVATION": observation.url, "BAIKOO_COMMISSION": "http://127.0.0.1:9"}
    with running(str(store.url), streamlit("--server.port", port), log, **own) as (process, address):
        yield address
        process.kill()  # without a word to its pages


def test_pages_left_open_for_an_hour_never_lie_about_their_age(tmp_path: Path, browser: Browser) -> None:
    store, file = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}"), tmp_path / "observation.sqlite"
    observation = Observation(f"sqlite:///{file}")
    observation.frame(3)
    clock.set_rehearsed(store, ELECTION.moment_of("13:05"), 1)
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    context.set_default_timeout(1000 * LIMIT)
    with serving(store, observation, tmp_path / "log", "0") as address:
        pages = []
        for path in PATHS:
            page = context.new_page()
            page.goto(address + path)
            page.locator(".bk-strip [data-source=observation].bk-ok").wait_for()
            pages.append(page)

        def lively() -> None:
            right(pages, store)
            assert all(age(page) <= timedelta(seconds=75) for page in pages)

        passes(pages, 10, lively)
        away = file.rename(file.with_name("away"))  # the source dies
        died = now(store)

        def dead() -> None:
            right(pages, store)
            gone = now(store) - died
            assert all(age(page) >= gone - timedelta(seconds=65) for page in pages), "no page says that it is younger"

        passes(pages, 7, dead)
        for page in pages:
            page.locator(".bk-banner.bk-red", has_text="last good data of").first.wait_for()
        passes(pages, 5, dead)
        away.rename(file)
        pages[0].wait_for_timeout(75_000)
        lively()
        for page in pages:
            page.locator(".bk-banner.bk-red", has_text="observers: last good data of").wait_for(state="detached")
        passes(pages, 8, lively)
        sleepers = [context.new_cdp_session(page) for page in pages]
        for each in sleepers:  # a laptop is shut
            each.send("Page.setWebLifecycleState", {"state": "frozen"})
        pages[0].wait_for_timeout(8 * 60_000)
        for each in sleepers:
            each.send("Page.setWebLifecycleState", {"state": "active"})
        pages[0].wait_for_timeout(STALE)
        lively()
        passes(pages, 6, lively)
        port = address.rpartition(":")[2]
    for page in pages:
        page.locator("#bk-stale").wait_for(timeout=STALE)

    def silent() -> None:
        assert all(page.locator("#bk-stale").is_visible() for page in pages)

    passes(pages, 6, silent)
    with serving(store, observation, tmp_path / "log2", port):
        for page in pages:
            page.locator("#bk-stale").wait_for(state="detached")
        pages[0].wait_for_timeout(75_000)
        lively()
        passes(pages, 6, lively)
    context.close()
    store.dispose()
