"""The pages as people see them, in Chromium, at moments of the rehearsed day."""

import base64
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from server import fonts
from store.engine import open_store
from tests.browser import Seen
from tests.conftest import Rehearsed
from tests.dashboard import dashboard
from tests.sparing import sparing
from tests.streamlit_client import Run, Visitor

PICTURES = Path(__file__).parent / "pictures"
PAGES = {
    "overview": "",
    "coverage": "coverage",
    "incidents": "incidents",
    "equipment": "equipment",
    "procedures": "procedures",
    "turnout": "turnout",
    "results": "results",
    "comparison": "comparison",
    "feed": "feed",
    "health": "health",
    "pec": "pec?pec=5043",
    "wall": "?wall=1",
}
MOMENTS = ("2021-11-28T09:00", "2021-11-28T20:05", "2021-11-28T22:10", "2021-11-29T10:00")
MORE_MOMENTS = ("2021-11-28T14:00", "2021-11-28T23:30")  # in `make pictures`
LANGUAGES = ("en", "ru", "ky")
WIDTHS = (1440, 390)
THEMES = ("light", "dark")


class Case(NamedTuple):
    """One picture: what is looked at, when, in which language, on which screen."""

    page: str
    moment: str
    language: str
    width: int
    theme: str

    def __str__(self) -> str:
        return f"{self.page}-{self.moment[5:].replace(':', '')}-{self.language}-{self.width}-{self.theme}"


def covering() -> Iterator[Case]:
    """Each page at each moment, by twelve readers of four pages each; any two of the five meet."""
    for (j, moment), i in itertools.product(enumerate(MOMENTS), range(3)):
        for page in list(PAGES)[i::3]:
            width = WIDTHS[0] if page == "wall" else WIDTHS[(i + j) % 2]
            yield Case(page, moment, LANGUAGES[(i + j) % 3], width, THEMES[(i + j // 2) % 2])


COVERING = list(covering())
EVERY = [
    Case(page, moment, language, width, theme)
    for moment, page, language, width, theme in itertools.product(
        (*MOMENTS, *MORE_MOMENTS), PAGES, LANGUAGES, WIDTHS, THEMES
    )
    if (page, width) != ("wall", 390)  # nobody holds the wall in a hand
]


def test_any_two_of_page_moment_language_width_and_theme_meet_in_a_picture() -> None:
    for one, other in itertools.combinations(range(5), 2):
        met = {(case[one], case[other]) for case in COVERING}
        wanted = {(case[one], case[other]) for case in EVERY if case.moment in MOMENTS}
        assert met == wanted


@pytest.fixture(scope="module")
def address(rehearsed: Rehearsed) -> Iterator[str]:
    with dashboard(rehearsed.store_url, rehearsed.election) as url:
        yield url


@pytest.fixture(scope="module")
def screens(browser: Browser) -> dict[tuple[int, str], Seen]:
    """A reader's browser a width and theme, which keeps what it has fetched, as readers' do."""
    return {(width, theme): Seen(browser, width, theme) for width, theme in itertools.product(WIDTHS, THEMES)}


@pytest.fixture
def looked_at(screens: dict[tuple[int, str], Seen], address: str, case: Case) -> Seen:
    """The screen on which this case stands, drawn."""
    path, _, query = PAGES[case.page].partition("?")
    seen = screens[case.width, case.theme]
    own = dict(part.split("=") for part in query.split("&") if part)
    chosen = {"lang": case.language, "as_of": case.moment}
    if not own and seen.is_open_with(chosen):
        seen.go_on(path)
    else:
        seen.open(address, path, **chosen, **own)
    return seen


@pytest.mark.parametrize("case", COVERING, ids=str)
def test_a_page_is_drawn_whole(looked_at: Seen, case: Case) -> None:
    assert looked_at.faults() == []


@pytest.mark.pictures
@pytest.mark.parametrize("case", EVERY, ids=str)
def test_every_page_is_drawn_whole_in_its_picture(looked_at: Seen, case: Case) -> None:
    looked_at.picture(PICTURES / f"{case}.png")
    assert looked_at.faults() == []


@pytest.fixture(scope="module")
def latin(rehearsed: Rehearsed) -> set[str]:
    """Words of the data itself: places, codes."""
    engine = open_store(rehearsed.store_url)
    with engine.connect() as conn:
        places = conn.execute(sa.text("select distinct settlement from pec union select distinct area from pec"))
        return {word for (place,) in places for word in _english(place or "")} | {"CSV", "UTC", "SHA", "HTTP", "COVID"}


@pytest.mark.parametrize(
    ("language", "moment"), sparing([("ky", "2021-11-28T22:10"), ("ru", "2021-11-28T14:00")], test=1)
)
@pytest.mark.parametrize("page", PAGES)
def test_nothing_on_a_page_is_said_in_english(
    address: str, latin: set[str], page: str, language: str, moment: str
) -> None:
    """A word that one language lacks is told by the catalogues: tests/test_words.py."""
    path, _, query = PAGES[page].partition("?")
    with Visitor(address, path, f"lang={language}&as_of={moment}&{query}") as visitor:
        said = _said(visitor.run())
    assert {word for text in said for word in _english(text)} - latin == set()


def _english(text: str) -> list[str]:
    return re.findall(r"[A-Za-z][A-Za-z]{2,}", text)


def _said(run: Run) -> Iterator[str]:
    """What a reader gets to read of a run: words of HTML and of widgets, of charts and their alternative texts."""
    for element in run.elements:
        kind = element.WhichOneof("type")
        if kind == "html":
            yield re.sub(r"<style.*?</style>|<[^>]+>", " ", element.html.body, flags=re.DOTALL)
            yield from re.findall(r"title='([^']*)'", element.html.body)
        elif kind == "vega_lite_chart":
            yield element.vega_lite_chart.alt
            yield from re.findall(r'"title": ?"([^"]*)"', element.vega_lite_chart.spec)
        elif kind == "dataframe":
            yield from re.findall(r'"label": ?"([^"]*)"', element.dataframe.columns)
        elif kind in ("text", "alert"):
            yield getattr(element, kind).body
        elif kind == "text_input":  # the address binds unseen ones, by the names of its parameters
            yield element.text_input.placeholder
        elif hasattr(getattr(element, kind), "label"):
            yield getattr(element, kind).label


# a machine may have no typeface: its letters have no width
LETTERS = base64.b64encode(fonts.FACES[0].content).decode()
TAKE_OUR_TYPEFACE = """async letters => {
  const face = new FontFace('Ours', Uint8Array.from(atob(letters), letter => letter.charCodeAt(0)));
  document.fonts.add(await face.load());
}"""
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
def test_the_eye_sees_each_kind_of_fault(screens: dict[tuple[int, str], Seen], content: str, fault: str) -> None:
    seen = screens[390, "light"]
    seen.errors.clear()
    seen.page.goto("about:blank")
    seen.page.set_content(f"<style>* {{ font-family: Ours }}</style><div data-testid='stMain'>{content}</div>")
    seen.page.evaluate(TAKE_OUR_TYPEFACE, LETTERS)
    found = [f for f in seen.faults() if f.startswith(fault)] if fault else seen.faults()
    assert bool(found) == bool(fault), found
