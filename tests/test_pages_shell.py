"""What stands on every page: the address, the strip, the banners, the cards, the controls; the overview, the wall."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from playwright.sync_api import Page
from streamlit.testing.v1 import AppTest

from pages import cards, deciding, pulse, shell, view, words
from queries import checks, moment, room, snapshot
from store import clock, wishes, writable
from store import tables as t
from store.engine import open_store, writing
from tests.browser import Seen, chromium
from tests.dashboard import started, streamlit
from tests.facts import ELECTION, Facts
from tests.streamlit_client import Visitor
from tests.test_meanwhile import said
from tests.waiting import LIMIT

PAGES = (
    "",
    "coverage",
    "incidents",
    "equipment",
    "procedures",
    "turnout",
    "results",
    "comparison",
    "feed",
    "health",
    "pec",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """A store at 14:05: three PECs, the observers' source just read, the commission's not for an hour."""
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('shell')}/store.sqlite")
    facts = Facts(engine)
    facts.pec("5043").pec("5044").pec("1001", stratum="bishkek", district=None)
    now = ELECTION.moment_of("14:05")
    polls = (("observation", timedelta(seconds=30)), ("commission", timedelta(hours=1)))
    with engine.begin() as conn:
        for source, ago in polls:
            row = {"source": source, "polled_at": now - ago, "outcome": "ok", "seen": 1, "milliseconds": 1}
            conn.execute(t.poll.insert(), row)
    clock.set_rehearsed(engine, now, 0)
    return engine


@pytest.fixture(scope="module")
def address(store: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    url = store.url.render_as_string(False)
    with started(url, streamlit(), tmp_path_factory.mktemp("log") / "log") as address:
        yield address


def seen(address: str, page: str = "", query: str = "lang=en") -> str:
    with Visitor(address, page, query) as visitor:
        run = visitor.run()
        assert run.exceptions == []
        return run.html


@pytest.mark.parametrize("page", PAGES)
def test_the_strip_says_where_when_and_how_old_on_every_page(address: str, page: str) -> None:
    html = seen(address, page)
    assert "Kyrgyzstan · 28 November 2021" in html
    assert "REHEARSAL" in html
    assert "Rehearsal: totals as published, single rows synthetic" in html
    assert "14:05:00" in html
    assert "UTC+6" in html
    assert "observers <b data-age>30 s</b>" in html


@pytest.mark.parametrize("page", PAGES)
def test_no_part_of_a_page_is_broken_where_there_is_hardly_any_data(address: str, page: str) -> None:
    assert "bk-broken" not in seen(address, page)


def test_a_source_that_does_not_answer_is_marked_stale_with_the_time_of_its_last_good_data(address: str) -> None:
    html = seen(address)
    assert "commission <b data-age>1 h</b> <span data-late>stale</span>" in html
    assert "commission: last good data of 13:05, marked stale" in html


@pytest.mark.parametrize(("language", "words"), [("en", "Overview"), ("ru", "Обзор"), ("ky", "Жалпы көрүнүш")])
def test_the_address_chooses_the_language(address: str, language: str, words: str) -> None:
    assert words in seen(address, query=f"lang={language}")


def test_a_language_that_nobody_offers_is_not_spoken(address: str) -> None:
    assert "Overview" in seen(address, query="lang=xx")


def test_a_past_hour_is_a_banner_that_nobody_can_mistake(address: str) -> None:
    html = seen(address, query="lang=en&as_of=12:00")
    assert "You are looking at 28 November 2021, 12:00: what was known then, not now." in html
    assert "12:00:00" in html


@pytest.mark.parametrize("nonsense", ["23:00", "2031-01-01T00:00", "yesterday", "now", "25:99"])
def test_an_hour_that_has_not_come_or_is_none_shows_the_present(address: str, nonsense: str) -> None:
    html = seen(address, query=f"lang=en&as_of={nonsense}")
    assert "You are looking at" not in html
    assert "14:05:00" in html


def test_the_address_filters_by_region_whatever_the_language(address: str) -> None:
    for language, osh, bishkek in (("en", "Osh", "Bishkek"), ("ky", "Ош", "Бишкек")):
        table = seen(address, query=f"lang={language}&region=osh").split("bk-table", 1)[1]
        assert f"<b>{osh}</b>" in table
        assert f"<b>{bishkek}</b>" not in table


def test_a_region_that_does_not_exist_filters_nothing(address: str) -> None:
    assert "<b>Bishkek</b>" in seen(address, query="lang=en&region=atlantis")


@pytest.mark.parametrize("page", PAGES)
def test_a_pecs_panel_opens_over_any_page_by_its_address(address: str, page: str) -> None:
    assert "PEC 5043" in seen(address, page, "lang=en&pec=5043")


def test_a_pec_that_nobody_knows_is_said_to_be_unknown(address: str) -> None:
    assert "There is no PEC 99999 on the list" in seen(address, query="lang=en&pec=99999")


def test_the_wall_has_cards_and_no_navigation_or_controls(address: str) -> None:
    with Visitor(address, query="wall=1&lang=ru") as visitor:
        run = visitor.run()
    assert "bk-on-wall" in run.html
    assert "bk-cards" in run.html
    assert "РЕПЕТИЦИЯ" in run.html
    drawn = {e.WhichOneof("type") for e in run.elements}
    assert drawn.isdisjoint({"selectbox", "button_group"})
    assert [e.button.label for e in run.elements if e.WhichOneof("type") == "button"] == [pulse.BUTTON]  # unseen


def test_what_was_chosen_stands_in_the_address_goes_along_to_other_pages_and_comes_back(address: str) -> None:
    def says(page: Page, what: str) -> None:
        page.wait_for_function("what => location.search.includes(what)", arg=what)

    with chromium() as browser:
        page = Seen(browser).page
        page.goto(f"{address}/?region=osh")
        page.locator(".bk-value").first.wait_for()
        page.get_by_role("link", name="Turnout").click()
        page.locator("h1", has_text="Turnout").wait_for()
        says(page, "region=osh")
        page.goto(f"{address}/coverage?pec=1001&region=osh&lang=en")
        close = page.get_by_text("Back to: Coverage")
        close.wait_for()
        close.click()
        page.wait_for_function("() => !location.search.includes('pec')")
        says(page, "region=osh")


def test_words_from_outside_are_never_html() -> None:
    card = shell._card(shell.Card("<b>x</b>", "<i>1</i>", ("<script>alert(1)</script>",), "red", "<u>"))
    assert "<script>" not in card
    assert "<b>x" not in card
    assert "&lt;script&gt;" in card


def test_what_fifty_sessions_ask_at_once_is_built_once(store: sa.Engine) -> None:
    shot = snapshot.Snapshot(Facts(store).at("14:05"))
    look = view.View(shot, "en", None, None, None, None)
    built: list[int] = []
    wait = threading.Barrier(8)

    def ask() -> None:
        wait.wait()
        look.once("slow", lambda: built.append(1) or "built")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == [1]
    assert view.View(shot, "ru", None, None, None, None).once("slow", lambda: "по-русски") == "по-русски"


@pytest.mark.breaks
def test_what_people_look_at_is_made_of_the_next_snapshot_before_they_get_it(store: sa.Engine) -> None:
    first, second = (snapshot.Snapshot(Facts(store).at(hour)) for hour in ("14:05", "14:06"))
    made: list[tuple[snapshot.Snapshot, str]] = []

    def part(seen: view.View) -> str:
        made.append((seen.snapshot, words.language()))
        return "drawn"

    def fails(seen: view.View) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        view.View(first, "ky", None, None, None, None).made(fails)
    with words.speaking("ky"):
        view.View(first, "ky", "osh", None, None, None).made(part)
    view._make_ahead(second)
    assert made == [(first, "ky"), (second, "ky")]
    assert view.View(second, "ky", "osh", None, None, None).made(part) == "drawn"
    assert len(made) == 2


def test_what_could_not_be_built_is_tried_again(store: sa.Engine) -> None:
    look = view.View(snapshot.Snapshot(Facts(store).at("14:05")), "en", None, None, None, None)
    with pytest.raises(ZeroDivisionError):
        look.once("fails", lambda: 1 // 0)
    assert look.once("fails", lambda: 7) == 7


@pytest.mark.parametrize(
    ("hour", "phase", "forms"),
    [
        ("2021-11-28T05:00", "before", ["arrival", "opening", "voting_12"]),
        ("2021-11-28T07:30", "before", ["arrival", "opening", "voting_12"]),
        ("2021-11-28T08:10", "voting", ["opening", "arrival", "voting_12"]),
        ("2021-11-28T13:00", "voting", ["voting_12", "opening", "voting_16"]),
        ("2021-11-28T20:05", "closing", ["closing", "arbb_final", "counting"]),
        ("2021-11-28T22:10", "night", ["arbb_final", "counting", "protocol_single_constituency"]),
        ("2021-11-28T23:30", "night", ["counting", "protocol_single_constituency", "arbb_final"]),
        ("2021-12-05T12:00", "after", ["counting", "protocol_single_constituency", "arbb_final"]),
    ],
)
def test_the_hour_decides_which_checklists_come_first(
    store: sa.Engine, hour: str, phase: str, forms: list[str]
) -> None:
    m = Facts(store).at(hour)
    assert view.View(snapshot.Snapshot(m), "en", None, None, None, None).phase == phase
    assert room.current(m, most=3) == forms


def test_late_pecs_are_counted_once_however_many_checklists_they_miss(tmp_path: Path) -> None:
    facts = Facts(open_store(f"sqlite:///{tmp_path / 'store.sqlite'}"))
    facts.pec("5043").pec("5044").pec("1001", stratum="bishkek", district=None)
    assert room.late(facts.at("09:30"))["pecs"] == 3
    late = room.late(facts.at("13:00"))
    assert (late["pecs"], late["checklists"]) == (3, 6)
    assert room.late(facts.at("13:00"), region="osh")["pecs"] == 2


def test_a_summary_with_more_votes_than_valid_ballots_contradicts_itself(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    facts = Facts(engine)

    def publish(votes: int, at: str) -> None:
        figures = {"valid": 100, ELECTION.contests[0].lists[0].id: votes, ELECTION.contests[0].lists[1].id: 40}
        key = {"source": "commission", "contest": ELECTION.contests[0].id, "scope": "country", "place": ""}
        rows = [
            key | {"count": "machine", "hour": "", "line": line, "unit": "number", "value": value}
            for line, value in figures.items()
        ]
        facts.put(t.published, *rows, at=at, source="commission")

    publish(60, "20:30")
    assert checks.of_tables(facts.at("20:31")).empty
    publish(61, "20:40")
    assert checks.of_tables(facts.at("20:41"))["left"].tolist() == [101]


def test_rehearsal_controls_pause_and_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writable, "PATIENCE", 0.05)  # of writers that wait for another
    engine = open_store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    clock.set_rehearsed(engine, ELECTION.moment_of("14:05"), 60)
    monkeypatch.setenv("BAIKOO_STORE", engine.url.render_as_string(False))
    monkeypatch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
    moment.here.cache_clear()
    try:
        app = AppTest.from_function(_only_the_controls, default_timeout=LIMIT).run()
        assert not app.exception
        assert not app.button_group  # closed: drawn when they are asked for
        app.session_state["rehearsal_controls"] = True
        app.run()
        assert clock.speed() == 60
        app.button_group(key="rehearsal_speed").set_value(0.0).run()
        assert clock.speed() == 0  # and they stay open, though the label says another speed
        jump = ELECTION.moment_of("20:00").astimezone(UTC).isoformat()
        app.selectbox(key="rehearsal_jump").set_value(jump).run()
        assert [(w.wish, w.until) for w in wishes.after(engine, 0)] == [("jump", ELECTION.moment_of("20:00"))]
        app.button(key="rehearsal_restart").click().run()
        assert [w.wish for w in wishes.after(engine, 0)] == ["jump", "restart"]
        with writing(engine):
            app.button_group(key="rehearsal_speed").set_value(60.0).run()
        assert not app.exception
        assert ["The decision was not kept" in line for line in said(app)] == [True]
        assert clock.speed() == 0
    finally:
        clock.follow(None)
        moment.here.cache_clear()


def _only_the_controls() -> None:
    from pages import controls, deciding

    with deciding.told():
        controls.sidebar()


def test_an_election_that_is_no_rehearsal_has_no_such_buttons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ELECTION.model_copy(update={"rehearsal": False})
    monkeypatch.setattr("pages.controls.here", lambda: (None, real))
    app = AppTest.from_function(_only_the_controls, default_timeout=LIMIT).run()
    assert not app.exception
    assert {button.label for button in app.button} <= {deciding.ASK}


def test_several_reasons_in_a_cell_are_drawn_as_words() -> None:
    frame = pd.DataFrame({"a": [("x", "y"), None], "b": [1, 2]})
    columns = {"a": shell.Column("A", lambda v: ", ".join(v) if v else ""), "b": shell.Column("B")}
    assert list(shell._plain(frame, columns)["a"]) == ["x, y", ""]


def test_the_changes_of_the_last_minutes_are_said_with_their_number() -> None:
    assert cards.change("incident", 1) == "1 incident reported"
    assert cards.change("report_in", 12) == "12 reports came in"
    published = {"what": "published", "detail": "turnout 14:00", "number": 2435}
    assert cards.change_words(published) == "turnout, 14:00: 2,435 PECs published"


def test_the_hours_to_look_back_to_end_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "here", lambda: (None, ELECTION))
    hours = view.hours(datetime(2021, 11, 28, 8, 5, tzinfo=UTC))
    assert [f"{h.astimezone(ELECTION.tz):%H:%M}" for h in (hours[0], hours[-1])] == ["07:00", "14:00"]
