"""A real browser on a real server: opens a page, waits until it is drawn, says what is wrong with its picture."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from bench.server import CHROMIUM
from tests.waiting import LIMIT

# without these Chromium calls home, and fails slowly where there is no network
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Seen:
    """One page as a person would see it, with what the console said meanwhile."""

    def __init__(self, browser: Browser, width: int = 1440, theme: str = "light", height: int = 1000) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB", timezone_id="Asia/Bishkek"
        )
        self.context.set_default_timeout(1000 * LIMIT)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" and not _tried(m) else None)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.asked: set[Request] = set()  # of the server, and not answered yet
        self.page.on("request", lambda request: self.asked.add(request))
        self.page.on("requestfinished", lambda request: self.asked.discard(request))
        self.page.on("requestfailed", lambda request: self.asked.discard(request))

    def open(self, address: str, path: str, **query: str) -> None:
        self.errors.clear()
        self.page.goto(f"{address}/{path}" + (f"?{urlencode(query)}" if query else ""))
        self.settle()

    def is_open_with(self, chosen: Mapping[str, str]) -> bool:
        """Whether a page is open whose address says this and no more, and that leads to other pages."""
        return dict(parse_qsl(urlsplit(self.page.url).query)) == chosen

    def go_on(self, path: str) -> None:
        """To another page, by the sidebar's link; at 390 px it stands beyond the edge until the sidebar is opened."""
        self.errors.clear()
        link = self.page.locator(f"[data-testid=stSidebarNavLink][href$='/{path}']")
        link.evaluate("link => link.click()")
        self.page.wait_for_url(f"**/{path}?**")
        self.settle()

    def settle(self) -> None:
        """Wait until the script has run, every chart is drawn, frame after frame shows the same, and nothing is asked
        for: a map is drawn before its regions have come."""
        self._rest()
        while asked := next(iter(self.asked), None):
            if answer := asked.response():
                answer.finished()
            self.asked.discard(asked)
            self._rest()

    def _rest(self) -> None:
        self.page.evaluate("() => { window.baikooSeen = {}; }")
        self.page.wait_for_function(_DRAWN)

    def faults(self) -> list[str]:
        """What a person would call broken: errors of the console, overflow, clipped or broken words, empty charts."""
        found = [f"console: {text}" for text in self.errors if not re.search(_HARMLESS, text)]
        return found + list(self.page.evaluate(_FAULTS))

    def picture(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # the page scrolls inside its own box: let the picture be as tall as the box's content
        height = self.page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight || 1000")
        size = self.page.viewport_size or {"width": 1440, "height": 1000}
        self.page.set_viewport_size({"width": size["width"], "height": min(max(int(height), 600), 6000)})
        self.settle()
        self.page.screenshot(path=str(file))
        self.page.set_viewport_size(size)

    def words(self) -> str:
        return self.page.inner_text("body")

    def close(self) -> None:
        self.context.close()


def clock_of(page: Page) -> timedelta:
    """What the clock of a page of the present shows."""
    h, m, s = page.locator(".bk-clock [data-offset]").inner_text().split(":")
    return timedelta(hours=int(h), minutes=int(m), seconds=int(s))


def _tried(message: ConsoleMessage) -> bool:
    """Streamlit's client looks for its server under the page's own path first: /health/_stcore/health is not there."""
    return "404" in message.text and "/_stcore/" in message.location["url"]


# nothing of the product's: the browser's own notes
_HARMLESS = r"Failed to load resource: net::ERR_NAME_NOT_RESOLVED|fivetran|webhooks\.fivetran"

# Asked in each frame. A chart that is about to be resized, or a font that is about to come, moves what stands there:
# so many frames in a row must be alike.
_DRAWN = """() => {
  const drawn = () => {
    const app = document.querySelector('[data-testid="stApp"]');
    if (!app || app.getAttribute('data-test-script-state') !== 'notRunning') return false;
    if (document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]')) return false;
    if (document.fonts.status !== 'loaded') return false;
    return [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')].every(
      c => c.querySelector('canvas, svg') || c.offsetParent === null);
  };
  const now = drawn() && [...document.querySelectorAll('[data-testid="stMain"] *')].map(e => {
    const r = e.getBoundingClientRect();
    return `${r.left} ${r.top} ${r.width} ${r.height}`;
  }).join();
  const before = window.baikooSeen || {};
  window.baikooSeen = { now, alike: now && now === before.now ? before.alike + 1 : 0 };
  return window.baikooSeen.alike >= 8;
}"""

_FAULTS = """() => {
  const faults = [];
  const shown = e => e.offsetParent !== null && getComputedStyle(e).visibility !== 'hidden';
  for (const e of document.querySelectorAll('[data-testid="stException"], .bk-broken'))
    faults.push('broken: ' + e.innerText.slice(0, 200));
  const main = document.querySelector('[data-testid="stMain"]');
  for (const box of [document.documentElement, main])
    if (box && box.scrollWidth > box.clientWidth + 1)
      faults.push(`overflow: ${box.scrollWidth} px wide in ${box.clientWidth}`);
  for (const e of document.querySelectorAll('[data-testid="stMain"] *, [data-testid="stSidebar"] *')) {
    if (!shown(e) || e.closest('[data-testid="stDataFrame"], canvas, svg, details:not([open])')) continue;
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    const style = getComputedStyle(e);
    if (/hidden|clip/.test(style.overflowX) && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 2)
      faults.push('clipped words: ' + e.innerText.slice(0, 60));
    const r = e.getBoundingClientRect();
    if (r.width > 2 && r.right > innerWidth + 1 && !e.closest('[data-testid="stTable"], [role="tablist"], .scrolls'))
      faults.push('beyond the edge: ' + e.innerText.slice(0, 60));
  }
  for (const c of document.querySelectorAll('[data-testid="stVegaLiteChart"]')) {
    if (!shown(c)) continue;
    // axes, titles and legends are no marks: a chart is what stands between them
    const marks = [...c.querySelectorAll('svg .role-mark path, svg .role-mark line, svg .role-mark text')];
    const drawn = marks.filter(m => { const b = m.getBoundingClientRect(); return b.width + b.height > 1; });
    if (!drawn.length) faults.push('empty chart: ' + (c.getAttribute('aria-label') || c.innerText).slice(0, 80));
    const frame = c.querySelector('svg')?.getBoundingClientRect();
    for (const t of c.querySelectorAll('svg text')) {
      const r = t.getBoundingClientRect();
      if (r.width > 1 && (r.left < frame.left - 2 || r.right > frame.right + 2))
        faults.push('cut in a chart: ' + t.textContent.slice(0, 60));
    }
  }
  const words = document.createTreeWalker(main || document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const node = words.currentNode;
    if (!shown(node.parentElement) || node.parentElement.closest('[data-testid="stDataFrame"], svg, style')) continue;
    for (const word of node.textContent.matchAll(/[\\p{L}\\p{N}]+/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
      if (lines.size > 1) faults.push('a word in two lines: ' + word[0]);
    }
  }
  return faults;
}"""
