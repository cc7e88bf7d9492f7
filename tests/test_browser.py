"""The pages as people see them, in Chromium, at five moments of the rehearsed day."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import Seen, chromium, server
from tests.conftest import Rehearsed

PICTURES = Path(__file__).parent / "pictures"
PAGES = ("", "coverage", "incidents", "equipment", "turnout", "results", "health")
MOMENTS = ("2021-11-28T09:00", "2021-11-28T14:00", "2021-11-28T20:05", "2021-11-28T23:30", "2021-11-29T10:00")
LANGUAGES = ("en", "ru", "ky")
SIGHTS = (("1440", "light"), ("390", "dark"), ("1440", "dark"), ("390", "light"))

# Every page at every moment in every language; widths and themes take turns, so that each page is seen in all four.
CASES = [
    (page, moment, language, *SIGHTS[i % len(SIGHTS)])
    for i, (page, moment, language) in enumerate(itertools.product(PAGES, MOMENTS, LANGUAGES))
]
# What observers saw and the two pages of contradictions at the moments of that night, languages and sights in turn.
NIGHT = ("2021-11-28T14:00", "2021-11-28T20:05", "2021-11-28T22:10", "2021-11-29T10:00")
CASES += [
    (page, moment, LANGUAGES[i % len(LANGUAGES)], *SIGHTS[(i + i // len(SIGHTS)) % len(SIGHTS)])
    for i, (page, moment) in enumerate(itertools.product(("feed", "comparison", "procedures"), NIGHT))
]


@pytest.fixture(scope="module")
def address(rehearsed: Rehearsed) -> Iterator[str]:
    with server(rehearsed.store_url, rehearsed.election) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def screens(browser: Browser) -> dict[tuple[str, str], Seen]:
    """A reader's browser a width and theme, which keeps what it has fetched, as readers' do."""
    return {(width, theme): Seen(browser, int(width), theme) for width, theme in SIGHTS}


@pytest.mark.parametrize(("page", "moment", "language", "width", "theme"), CASES)
def test_a_page_is_drawn_whole(
    screens: dict[tuple[str, str], Seen],
    address: str,
    page: str,
    moment: str,
    language: str,
    width: str,
    theme: str,
) -> None:
    seen = screens[width, theme]
    seen.open(address, page, lang=language, as_of=moment)
    seen.picture(PICTURES / f"{page or 'overview'}-{moment[5:].replace(':', '')}-{language}-{width}-{theme}.png")
    assert seen.faults() == []


SOUND = (
    "<div data-testid='stVegaLiteChart'><svg width='90' height='90'>"
    "<g class='mark-group role-axis'><path d='M0,0h80v1h-80Z'/></g>"
    "<g class='mark-rect role-mark'><path d='M0,0h40v40h-40Z'/></g></svg></div><p>words</p>"
)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (SOUND, ""),
        (SOUND.replace("role-mark", "role-scope"), "empty chart"),
        (SOUND.replace("M0,0h40v40h-40Z", ""), "empty chart"),
        (SOUND.replace("</svg>", "<text x='60' y='20'>beyond the frame</text></svg>"), "cut in a chart"),
        ("<p style='width: 60px; overflow-wrap: anywhere'>photographed</p>", "a word in two lines"),
        ("<p class='bk-broken'>This part cannot be shown</p>", "broken"),
        ("<div data-testid='stException'>KeyError</div>", "broken"),
        ("<p style='width: 40px; overflow: hidden; white-space: nowrap'>a long sentence that is cut</p>", "clipped"),
        ("<p style='position: absolute; left: 380px; width: 200px'>words past the edge</p>", "beyond the edge"),
        ("<div style='width: 700px; height: 5px'></div>", "overflow"),
        ("<script>console.error('something')</script>", "console"),
    ],
)
def test_the_eye_sees_each_kind_of_fault(browser: Browser, content: str, fault: str) -> None:
    seen = Seen(browser, 390)
    seen.page.set_content(f"<div data-testid='stMain'>{content}</div>")
    found = [f for f in seen.faults() if f.startswith(fault)] if fault else seen.faults()
    seen.close()
    assert bool(found) == bool(fault), found
