"""The typeface: it has the product's letters, nothing is drawn in another, and every picture is the same everywhere."""

import ast
import io
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit
from PIL import Image, ImageChops, ImageFont
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright

from server import fonts, start_page
from store import clock
from store.engine import open_store
from tests.browser import CHROMIUM, FLAGS, Seen
from tests.conftest import ROOT
from tests.dashboard import started
from tests.dashboard import streamlit as command
from tests.facts import ELECTION, Facts
from tests.sparing import sparing
from tests.test_server import get
from tests.waiting import eventually

OURS = {"Noto Sans", "Noto Sans Math", "Material Symbols Rounded"}  # as the files call themselves; the last has icons
PAGE = "coverage?lang=ky"  # charts, a table drawn on a canvas, icons; ө ү ң


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose clock stands at 14:05: opening is in from half of the PECs, the rest is late."""
    folder = tmp_path_factory.mktemp("fonts")
    engine = open_store(f"sqlite:///{folder / 'store.sqlite'}")
    facts = Facts(engine)
    pecs = facts.pecs(3)
    with facts.in_one_load(at="08:30"):
        for pec in pecs[::2]:
            facts.report(pec, "opening", at="08:30")
    clock.set_rehearsed(engine, ELECTION.moment_of("14:05"), 0)
    url = engine.url.render_as_string(False)
    engine.dispose()
    with started(url, command(), folder / "log") as address:
        yield address


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as one:
        yield one


def stop_the_clock(page: Page) -> None:
    """The browser's: it stands at a time to come until it is moved."""
    page.clock.install()
    page.clock.pause_at(datetime(2100, 1, 1, tzinfo=UTC))


def picture(page: Page) -> bytes:
    """The page as it looks when it has come to rest: twice the same."""
    page.mouse.move(720, 900)  # over nothing that shows more where the mouse is
    before = b""
    while before != (now := page.screenshot(animations="disabled")):
        before = now
    return now


def difference(one: bytes, other: bytes) -> tuple[int, int, int, int] | None:
    """The box in which two pictures differ. Chromium shades a rounded corner a hair's breadth differently at times."""
    a, b = (Image.open(io.BytesIO(png)).convert("RGB") for png in (one, other))
    assert a.size == b.size
    return ImageChops.difference(a, b).point(lambda shade: 255 if shade > 4 else 0).getbbox()


def test_the_typeface_has_every_letter_that_the_product_writes() -> None:
    faces = [ImageFont.truetype(ROOT / "server" / "noto_sans" / f"{face.name}.woff2", 40) for face in fonts.FACES]
    missing = [bytes(face.getmask("\uffff")) for face in faces]
    without = {
        letter
        for letter in _letters()
        if all(bytes(face.getmask(letter)) == none for face, none in zip(faces, missing, strict=True))
    }
    assert without == set()


def _letters() -> set[str]:
    """What code, catalogues and an election's tables write, and alphabets of countries where it may be used next."""
    written = "әғқңөұүһіӘҒҚҢӨҰҮҺІ ғқҳўҒҚҲЎ ғӣқӯҳҷҒӢҚӮҲҶ ґєіїҐЄІЇ ăâîșțĂÂÎȘȚ əğıöşüçƏĞİÖŞÜÇ oʻgʻ άέήίόύώ"
    for file in [
        ROOT / "dashboard.py",
        *(f for p in ("pages", "queries", "rehearsal") for f in ROOT.glob(f"{p}/*.py")),
    ]:
        nodes = ast.walk(ast.parse(file.read_text("utf-8")))
        written += "".join(n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    for pattern in ("locale/*/*/*.po", "elections/*/*.csv", "elections/*/*.toml", "rehearsal/*.toml"):
        written += "".join(file.read_text("utf-8") for file in ROOT.glob(pattern))
    return {letter for letter in written if letter.isprintable() or letter.isspace()} - {"\n", "\t", "\r"}


@pytest.mark.parametrize("path", sparing([PAGE, "?lang=ru"], test=1))
def test_nothing_on_a_page_is_drawn_in_another_typeface(address: str, browser: Browser, path: str) -> None:
    seen = Seen(browser)
    seen.open(address, path)
    tools = seen.context.new_cdp_session(seen.page)
    tools.send("DOM.enable")
    tools.send("CSS.enable")
    root = tools.send("DOM.getDocument", {"depth": -1})["root"]
    used: dict[tuple[str, bool], str] = {}
    for node in _text_parents(root):
        for font in tools.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})["fonts"]:
            used[font["familyName"], font["isCustomFont"]] = str(node["children"])[:200]
    others = {font: where for font, where in used.items() if font not in {(name, True) for name in OURS}}
    assert others == {}
    assert ("Noto Sans", True) in used
    seen.close()


def _text_parents(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Elements with words in them."""
    children = node.get("children", [])
    if any(c["nodeType"] == 3 for c in children) and node["nodeName"] not in ("SCRIPT", "STYLE", "NOSCRIPT", "TITLE"):
        yield node
    for child in children:
        yield from _text_parents(child)


def test_the_first_picture_equals_a_later_one(address: str, browser: Browser) -> None:
    seen = Seen(browser)  # its cache is empty
    seen.open(address, PAGE)
    first = picture(seen.page)
    seen.page.reload()
    seen.settle()
    assert difference(picture(seen.page), first) is None
    seen.close()


def test_charts_wait_for_a_typeface_that_comes_late(address: str, browser: Browser) -> None:
    late, soon = Seen(browser), Seen(browser)
    asked: list[Route] = []
    stop_the_clock(late.page)  # the script's patience has no end
    late.page.route("**/fonts/*", lambda route: asked.append(route))
    late.page.goto(f"{address}/{PAGE}", wait_until="commit")
    soon.open(address, PAGE)  # meanwhile a page that came later is drawn whole
    assert late.page.locator("[data-testid=stApp]").count() == 0
    assert len(asked) == len(fonts.FACES)
    for route in asked:
        route.continue_()
    late.page.clock.resume()
    late.settle()
    assert difference(picture(late.page), picture(soon.page)) is None
    late.close()
    soon.close()


def test_a_typeface_that_is_refused_does_not_keep_the_page_away(address: str, browser: Browser) -> None:
    seen = Seen(browser)
    seen.page.route("**/fonts/*", lambda route: route.abort())
    seen.page.goto(f"{address}/{PAGE}", wait_until="commit")
    seen.page.locator("h1").wait_for()
    seen.close()


def test_a_typeface_that_is_never_answered_keeps_the_page_away_for_three_seconds(
    address: str, browser: Browser
) -> None:
    seen = Seen(browser)
    stop_the_clock(seen.page)
    seen.page.route("**/fonts/*", lambda route: None)
    seen.page.goto(f"{address}/{PAGE}", wait_until="commit")
    asked = f"[...document.fonts].filter(f => f.family.includes('{fonts.FAMILY}')).length === {len(fonts.FACES)}"
    eventually(lambda: seen.page.evaluate(asked), "the script that asks for the typeface")
    seen.page.clock.run_for(2999)
    assert seen.page.locator("[data-testid=stApp]").count() == 0
    seen.page.clock.run_for(1)
    seen.page.clock.resume()
    seen.page.locator("h1").wait_for()
    seen.close()


@pytest.mark.proof
def test_pictures_are_the_same_whatever_typefaces_a_machine_has(
    address: str, playwright: Playwright, browser: Browser, tmp_path: Path
) -> None:
    """Those of this machine, and none at all. The page's picture, and that of a chart which a reader saves."""
    none = tmp_path / "fonts.conf"
    none.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>")
    own = os.environ | {"FONTCONFIG_FILE": str(none)}
    with playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, env=own) as bare:
        for of_bare, of_ours in zip(_pictures(bare, address), _pictures(browser, address), strict=True):
            assert difference(of_bare, of_ours) is None


def _pictures(browser: Browser, address: str) -> tuple[bytes, bytes]:
    seen = Seen(browser)
    seen.open(address, PAGE)
    whole = picture(seen.page)
    seen.page.locator("[data-testid=stVegaLiteChart]").first.hover()
    with seen.page.expect_download() as saved:
        seen.page.get_by_role("button", name="Download as PNG").first.click()
    chart = saved.value.path().read_bytes()
    seen.close()
    return whole, chart


def test_the_settings_name_the_typeface_that_charts_name() -> None:
    settings = (ROOT / ".streamlit" / "config.toml").read_text("utf-8")
    assert set(re.findall(r'[fF]ont = "(.*)"', settings)) == {fonts.STACK}


def test_each_page_starts_with_our_script_and_its_files_may_be_kept(address: str) -> None:
    for path in ("", "coverage", "nowhere"):
        page = get(
            f"{address}/{path}", headers={"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT", "range": "bytes=0-9"}
        )
        assert (page.status_code, page.content) == (200, start_page.start_page().html)
        assert page.headers["cache-control"] == "no-cache"
        assert "etag" not in page.headers
        assert "SourceSans" not in page.text
    for file in (*(face.address for face in fonts.FACES), f"./start/{start_page.start_page().script_file}"):
        assert file in page.text
        answer = get(f"{address}/{file}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert get(f"{address}/{file}x").status_code == 404


def test_a_streamlit_with_another_page_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text("<html><script type='module' src='./main.js'></script></html>")
    monkeypatch.setattr(streamlit, "__file__", str(tmp_path / "__init__.py"))
    start_page.start_page.cache_clear()
    with pytest.raises(start_page.UnknownPage, match="has another page"):
        start_page.start_page()
