"""Texts of a megabyte, wherever a source can send one: the beginning is drawn, on every page, and all is kept."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages import words
from queries import moment
from queries.__main__ import main
from store import clock
from store import tables as t
from store.engine import open_store
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn

LONG = "w" * 1_000_000
OTHER = f"p{LONG}"  # a PEC's code
TOO_MUCH = b"w" * (words.MOST_LETTERS + 1)
PAGES = (
    "overview", "coverage", "incidents", "equipment", "procedures", "turnout", "results", "comparison", "feed",
    "pec", "health", "wall", "strip",
)  # fmt: skip


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """A store at 14:05 of election day with such a text in every column that takes one."""
    facts = Facts(open_store(f"sqlite:///{tmp_path_factory.mktemp('long')}/store.sqlite"))
    facts.pec("5001", district=f"d{LONG}", area=f"a{LONG}", settlement=f"s{LONG}").pec(OTHER, registered_voters=0)
    who = {"full_name": f"n{LONG}", "phone": f"1{LONG}", "backup_phone": f"2{LONG}", "coordinator": f"c{LONG}"}
    observer = f"o{LONG}"
    facts.observer(observer, "5001", **who).observer("5001-2", "5001", **who).observer("p-1", OTHER, **who)
    with facts.in_one_load("08:05"):
        facts.report("5001", "opening", observer, at="08:05", report=f"r{LONG}", drawing_of_lots="no")
    facts.report("5001", "opening", "5001-2", at="08:06", drawing_of_lots="yes")
    facts.report(OTHER, "opening", "p-1", at="08:06", drawing_of_lots="no")
    facts.report(OTHER, "opening", observer, at="08:06", drawing_of_lots="yes")
    facts.episode(OTHER, "arbb", "11:00", at="11:05", observer=observer)
    for form, voted in (("turnout_10", 200), ("voting_12", 90)):
        facts.report(OTHER, form, "p-1", at="12:05", voters_voted=voted, best=False)
    told = {"description": LONG, "status": LONG, "channel": LONG, "district": LONG, "observer": observer}
    facts.incident("secrecy", at="13:58", pec="5001", region=LONG, **told)
    facts.incident("violence", at="13:59", pec=OTHER, region="osh", **told)
    written = json.dumps(dict.fromkeys(("pec", "category", "region", "observer"), LONG))
    facts.put(t.incident, *_unsorted(told | {"written": written}), at="14:00")
    aside = {"source": "observation", "place": "obs_answer", "key": LONG, "hash": "h", "reason": "not_a_choice"}
    facts.put(t.quarantine, aside | {"field": LONG, "detail": LONG, "raw": json.dumps({"value": LONG})}, at="14:01")
    facts.decide("incident", f"observation|u2{LONG}|h2", "violence|critical", at="14:02")
    clock.set_rehearsed(facts.store, ELECTION.moment_of("14:05"), 0)
    with facts.store.begin() as conn:
        error = {"source": "observation", "polled_at": ELECTION.moment_of("14:05"), "outcome": "error", "error": LONG}
        conn.execute(t.poll.insert(), error)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_STORE", facts.store.url.render_as_string(False))
        patch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
        moment.here.cache_clear()
        yield facts
        moment.here.cache_clear()
        clock.follow(None)


def _unsorted(told: dict[str, Any]) -> list[dict[str, Any]]:
    key = {"source": "observation", "reported_at": ELECTION.moment_of("14:00"), "unsorted": "unknown_category"}
    return [key | told | {"incident": f"u{n}{LONG}", "hash": f"h{n}"} for n in (1, 2)]


def sent(app: AppTest) -> Iterator[tuple[str, bytes]]:
    """Everything that a page sends to the browser, by what it is."""

    def of(part: Any) -> Iterator[tuple[str, bytes]]:
        if getattr(part, "proto", None) is not None:
            yield part.type, part.proto.SerializeToString()
        for child in getattr(part, "children", {}).values():
            yield from of(child)

    yield from of(app._tree)


@pytest.mark.parametrize(("page", "pec"), [*((page, "5001") for page in PAGES), ("pec", OTHER)], ids=[*PAGES, "other"])
def test_the_beginning_of_each_text_is_drawn(day: Facts, page: str, pec: str) -> None:
    app = drawn(page, pec=pec)
    for behind in {key for what, body in sent(app) for key in re.findall(rb"(?<![a-z_])[a-z_]{1,40}_behind", body)}:
        app.session_state[behind.decode()] = True  # the table behind a chart or list
    app.run()
    assert not any(b"bk-broken" in body for _, body in sent(app))
    assert [(what, body[:80]) for what, body in sent(app) if TOO_MUCH in body] == []
    assert sum(len(body) for _, body in sent(app)) < 1_000_000


@pytest.mark.parametrize("figure", [("incidents", "--list"), ("unreported", "--contacts"), ("health",)])
def test_a_terminal_has_the_beginning_and_an_export_has_all(
    day: Facts, capfd: pytest.CaptureFixture[str], figure: tuple[str, ...]
) -> None:
    main(figure)
    table = capfd.readouterr().out
    assert len(table) < 100_000
    main((*figure, "--format", "json"))
    assert LONG in capfd.readouterr().out
