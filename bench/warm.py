"""The Overview in Chromium, warm, beside an empty Streamlit page of the same run."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.day import Day
from bench.server import serving

ROUNDS = 15
_SETTLE = 1.0  # seconds, so that no visit bears what the last one left
# without these Chromium calls home, and fails slowly where there is no network
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_FLAGS += ["--disable-sync", "--no-first-run"]
_EMPTY = 'import streamlit as st\n\nst.html("<p id=empty>nothing</p>")\n'
_CHARTS = """() => {
  const charts = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')];
  return charts.length > 0 && charts.every(c => c.querySelector('canvas, svg'));
}"""


def opened(day: Day, folder: Path) -> dict[str, float]:
    """Seconds, median: `empty` page, the Overview's `figures`, its `charts`."""
    empty = folder / "empty.py"
    empty.write_text(_EMPTY)
    took: dict[str, list[float]] = {"empty": [], "figures": [], "charts": []}
    with (
        serving(empty, {}, folder / "empty.log") as nothing,
        serving("dashboard.py", day.environment, folder / "warm.log") as monitor,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
        for address in (nothing.address, monitor.address) * 2:  # what is measured is a second visit, not the first
            page = context.new_page()
            page.goto(address)
            page.wait_for_timeout(4_000)
            page.close()
        for _ in range(ROUNDS):
            took["empty"].append(_visit(context.new_page(), nothing.address, _is_there("#empty"))[0])
            figures, charts = _visit(context.new_page(), monitor.address, _is_there(".bk-value"), _all_drawn)
            took["figures"].append(figures)
            took["charts"].append(charts)
        _end(browser)
    return {name: statistics.median(times) for name, times in took.items()}


def _visit(page: Page, address: str, *until: Callable[[Page], None]) -> list[float]:
    """Seconds until each of these holds, from the moment the address was entered."""
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    times = []
    for holds in until:
        holds(page)
        times.append(time.perf_counter() - started)
    page.wait_for_timeout(300)
    page.close()
    time.sleep(_SETTLE)
    return times


def _is_there(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.wait_for(state="visible")


def _all_drawn(page: Page) -> None:
    page.wait_for_function(_CHARTS, polling="raf")


def _end(browser: Browser) -> None:
    for context in browser.contexts:
        context.close()
    browser.close()
