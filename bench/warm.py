"""The Overview in Chromium, warm, beside an empty Streamlit page of the same run."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.day import Day
from bench.server import CHROMIUM, serving

ROUNDS = 15
_SETTLE = 1.0  # seconds, so that no visit bears what the last one left
# without these Chromium calls home, and fails slowly where there is no network
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_FLAGS += ["--disable-sync", "--no-first-run"]
_EMPTY = 'import streamlit as st\n\nst.html("<p id=empty>nothing</p>")\n'
# When something first stood there and was painted, by the page's own clock, which starts when its address is entered:
# a question from outside would wait until the page has time to answer it.
_WATCH = """(() => {
  const wanted = {empty: '#empty', figures: '.bk-value'}, painted = window.painted = {};
  const paint = name => requestAnimationFrame(() => { const {port1, port2} = new MessageChannel();
    port1.onmessage = () => { painted[name] = performance.now(); }; port2.postMessage(0); });
  const charts = () => { const all = [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')];
    return all.length > 0 && all.every(c => c.querySelector('canvas, svg')); };
  new MutationObserver(() => {
    for (const [name, where] of Object.entries(wanted))
      if (document.querySelector(where)) { delete wanted[name]; paint(name); }
    if (!wanted.charts && charts()) { wanted.charts = 'none'; paint('charts'); }
  }).observe(document, {childList: true, subtree: true});
})()"""


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
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
        context.add_init_script(_WATCH)
        for address in (nothing.address, monitor.address) * 2:  # what is measured is a second visit, not the first
            page = context.new_page()
            page.goto(address)
            page.wait_for_timeout(4_000)
            page.close()
        for _ in range(ROUNDS):
            for address, names in ((nothing.address, ("empty",)), (monitor.address, ("figures", "charts"))):
                seconds = _visit(context.new_page(), address, names)
                for name in names:
                    took[name].append(seconds[name])
        _end(browser)
    return {name: statistics.median(times) for name, times in took.items()}


def _visit(page: Page, address: str, names: Sequence[str]) -> dict[str, float]:
    """Seconds until each of these was painted."""
    page.goto(address, wait_until="commit")
    for name in names:
        page.wait_for_function(f"() => window.painted.{name}")
    times: dict[str, float] = page.evaluate("window.painted")
    page.wait_for_timeout(300)
    page.close()
    time.sleep(_SETTLE)
    return {name: ms / 1000 for name, ms in times.items()}


def _end(browser: Browser) -> None:
    for context in browser.contexts:
        context.close()
    browser.close()
