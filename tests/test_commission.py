"""The commission's loader against a real server on loopback: what it loads, what it leaves, how it asks."""

import hashlib
import os
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from elections import config
from elections.config import Election
from loaders import VERSION, switch
from loaders.asking import Asker
from store import clock
from store import tables as t
from store.engine import connect
from tests.commission_site import (
    ELECTION,
    PATHS,
    PECS,
    Poll,
    Site,
    archived,
    loads_add_up,
    pecs,
    poller,
    protocol,
    published,
    put_frame,
    serving,
    with_source,
)
from tests.forked import Forked
from tests.waiting import LIMIT

ROOT = Path(__file__).parent.parent


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def election() -> Election:
    return with_source()


@pytest.fixture
def poll(store: sa.Engine, site: Site, election: Election, monkeypatch: pytest.MonkeyPatch) -> Poll:
    """Look at the site at an hour, with sixty PECs in the frame; the row in `poll` that it left."""
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, *pecs())
    return poller(store, election)


def test_what_is_published_is_loaded_by_the_mapping(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol("1001"), protocol("1002", invalid="-")])
    site.publish("turnout", [{"region": "osh", "hour": "9:00", "voters": 700, "voted": 90, "pecs": 5}])
    site.publish("machine_summary", [{"pecs": 2, "valid": 580, "votes": {"1": 400}, "percents": {"1": "66.67"}}])
    row = poll("20:10")
    assert (row.outcome, row.error) == ("ok", None)
    machine = published(store, scope="pec", count="machine")
    assert machine["1001", "", "Ata-Meken", "number"] == 200
    assert machine["1001", "", "registered", "number"] == 1000
    assert ("1002", "", "invalid", "number") not in machine  # absent, not 0
    assert published(store, count="turnout") == {
        ("osh", "09:00", "registered", "number"): 700,
        ("osh", "09:00", "voted", "number"): 90,
        ("osh", "09:00", "pecs", "number"): 5,
    }
    summary = published(store, scope="country")
    assert summary["", "", "Ata-Meken", "number"] == 400
    assert summary["", "", "Ata-Meken", "percent"] == 66.67
    with store.connect() as conn:
        first = conn.execute(sa.select(t.published).where(t.published.c.place == "1001").limit(1)).one()
    assert (first.region, first.district, first.contest) == ("bishkek", "Sverdlov", "single_constituency")
    assert first.payload == archived(store)[0].id
    assert loads_add_up(store)


def test_a_payload_is_archived_byte_for_byte(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", b'{"protocols":\n  [ ] }  ')
    poll("20:10")
    (kept,) = archived(store)
    assert zlib.decompress(kept.body) == b'{"protocols":\n  [ ] }  '
    assert kept.sha256 == hashlib.sha256(b'{"protocols":\n  [ ] }  ').hexdigest()
    assert (kept.status, kept.size, kept.url) == (200, 23, f"{site.url}/results/machine.json")
    assert kept.fetched_at == ELECTION.moment_of("20:10")


@pytest.mark.parametrize("etags", [True, False])
def test_the_same_page_again_writes_nothing(store: sa.Engine, site: Site, poll: Poll, etags: bool) -> None:
    site.etags = etags
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    every = [t.load, t.payload, *t.FACTS]
    with store.connect() as conn:
        before = [conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in every]
    for minute in (12, 14, 16):
        assert poll(f"20:{minute}").outcome == "ok"
    with store.connect() as conn:
        after = [conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in every]
    assert after == before
    assert ("if-none-match" in site.asked[-1][1]) == etags


def test_a_start_goes_on_from_the_archive(store: sa.Engine, site: Site, poll: Poll, election: Election) -> None:
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    again = sa.create_engine(store.url)
    restarted = poller(again, election)
    site.asked.clear()
    assert restarted("20:12").load is None
    assert all("if-none-match" in headers for path, headers in site.asked if "machine.json" in path and "res" in path)
    site.publish("machine", [protocol(p) for p in pecs()[1:]])
    restarted("20:14")
    assert ("1001", "", "valid", "number") not in published(store)
    assert ("1002", "", "valid", "number") in published(store)
    again.dispose()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_site_that_says_the_same_for_ever_hides_a_change_for_ten_minutes_at_most(
    store: sa.Engine, site: Site, poll: Poll, election: Election, restarted: bool
) -> None:
    """Also where each poll is made by a process that remembers nothing."""
    site.publish("machine", [protocol("1001", valid=290)])
    poll("20:10")
    site.stuck = True
    site.publish("machine", [protocol("1001", valid=291)])
    seen = []
    for minute in range(12, 32, 2):
        engine = connect(store.url) if restarted else store
        assert poller(engine, election)(f"20:{minute}").error is None
        seen.append(published(store)["1001", "", "valid", "number"])
        if restarted:
            engine.dispose()
    assert seen == [290] * 4 + [291] * 6
    machine = ["if-none-match" in headers for path, headers in site.asked if path == PATHS["machine"]]
    assert [n for n, conditional in enumerate(machine) if not conditional] == [0, 5, 10]


@pytest.mark.parametrize("restarted", [False, True])
def test_what_another_process_loads_in_the_midst_of_a_poll_is_no_longer_as_it_was_before(
    store: sa.Engine, site: Site, poll: Poll, election: Election, restarted: bool
) -> None:
    """`loaders once` beside a server that has asked for the machine count and asks for the manual one."""
    whole = [protocol(p) for p in pecs()]
    site.publish("machine", whole)
    site.publish("manual", whole[:20])
    poll("20:10")
    before = published(store, count="machine")
    other = connect(store.url)

    def once() -> None:
        site.publish("machine", [protocol("1001", valid=280, invalid=20), *whole[1:]])
        site.publish("manual", whole[:21])
        poller(other, election)("20:12")
        site.publish("manual", whole[:22])

    site.when_asked("manual", once)
    assert poll("20:12").error is None
    assert published(store, count="machine")["1001", "", "valid", "number"] == 280
    assert len({place for place, *_ in published(store, count="manual")}) == 22
    site.publish("machine", whole)
    again = connect(store.url)
    look = poller(again, election) if restarted else poll
    for hour in ("20:14", "20:16"):
        assert look(hour).error is None
        assert published(store, count="machine") == before
    assert loads_add_up(store)
    other.dispose()
    again.dispose()


def test_where_others_load_again_and_again_a_poll_ends_and_says_so(store: sa.Engine, site: Site, poll: Poll) -> None:
    look, engine = poller(store, with_source(requests_a_minute=1000)), connect(store.url)
    other = poller(engine, with_source(requests_a_minute=1000))
    site.publish("machine", [protocol("1001")])
    look("20:10")

    def once(valid: int) -> None:
        site.publish("machine", [protocol("1001", valid=valid)])
        other("20:12")
        site.publish("machine", [protocol("1001", valid=valid + 1)])
        if valid > 200:
            site.when_asked("machine", partial(once, valid - 2))

    site.when_asked("machine", partial(once, 280))
    assert look("20:12").error == "another process loads this source at the same time; tried again at the next poll"
    site.meanwhile.clear()
    assert look("20:14").error is None
    assert b'"valid": %d' % published(store)["1001", "", "valid", "number"] in site.pages[PATHS["machine"]]
    engine.dispose()


def test_a_site_that_says_the_same_to_nobody_who_asked_shows(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol("1001")])
    poll("20:10")
    site.fail("machine", "304")
    assert [poll(f"20:{minute}").error for minute in (12, 14, 16, 18)] == [None] * 4
    assert poll("20:20").error == poll("20:22").error == "machine: HTTP 304 Not Modified"
    site.mend()
    assert poll("20:40").error is None


def test_only_figures_that_changed_get_a_new_version(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("manual", [protocol(p) for p in pecs()])
    poll("22:00")
    site.publish("manual", [protocol("1001", valid=280, invalid=20), *(protocol(p) for p in pecs()[1:])])
    row = poll("22:10")
    with store.connect() as conn:
        load = conn.execute(sa.select(t.load).where(t.load.c.id == row.load)).one()
    assert (load.changed, load.withdrawn, load.set_aside) == (2, 0, 0)
    assert load.seen == PECS * 10  # figures
    assert published(store)["1001", "", "valid", "number"] == 280


def test_a_figure_that_vanished_is_withdrawn(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    site.publish("machine", [protocol("1001", invalid="-"), *(protocol(p) for p in pecs()[2:])])
    poll("20:12")
    now = published(store)
    assert ("1001", "", "invalid", "number") not in now
    assert now["1001", "", "valid", "number"] == 290
    assert not [key for key in now if key[0] == "1002"]


def test_the_loader_says_who_asks(site: Site, poll: Poll) -> None:
    poll("20:10")
    assert {headers["user-agent"] for _, headers in site.asked} == {f"Baikoo/{VERSION} (+rehearsal@baikoo.example)"}


def test_the_version_is_the_projects() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_no_more_is_asked_in_a_minute_than_the_ceiling_allows(
    store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, "1001")
    poll = poller(store, with_source(requests_a_minute=3))
    poll("2021-11-28T20:10:00")
    assert len(site.asked) == 3
    poll("2021-11-28T20:10:30")
    assert len(site.asked) == 3
    poll("2021-11-28T20:11:10")
    assert len(site.asked) == 6
    assert all(site.times(feed.id) for feed in ELECTION.source("commission").feeds)  # the others' turn came first


POLL = """
import sys
from store.engine import connect
from tests.commission_site import poller, with_source
poller(connect(sys.argv[1]), with_source(requests_a_minute=7))(sys.argv[2])
"""


def test_the_ceiling_is_of_all_processes_together(store: sa.Engine, site: Site, tmp_path: Path) -> None:
    """Three that poll at once: of their fifteen requests seven are made. Who comes next asks the others first."""
    put_frame(store, "1001")

    def polled(hour: str, processes: int) -> list[str | None]:
        command = ["-c", POLL, store.url.render_as_string(False), hour]
        environ = os.environ | {"BAIKOO_COMMISSION": site.url}
        run = [Forked(command, environ, tmp_path / f"{n}.log") for n in range(processes)]
        assert [process.wait(LIMIT) for process in run] == [0] * processes
        with store.connect() as conn:
            last = sa.select(t.poll.c.error).order_by(t.poll.c.id.desc()).limit(processes)
            return list(conn.execute(last).scalars())

    polled("2021-11-28T20:10:00", 3)
    assert len(site.asked) == 7
    assert polled("2021-11-28T20:10:50", 1) == ["not asked: the ceiling is 7 requests a minute"]
    assert len(site.asked) == 7
    before = {feed: site.times(feed) for feed in PATHS}
    for _ in range(2):  # one after the other: two at once begin with the same feeds
        polled("2021-11-28T20:11:10", 1)
    assert len(site.asked) == 14
    assert {feed for feed in PATHS if site.times(feed) - before[feed] < 1} == set()


@pytest.mark.parametrize(("site_of", "most"), [("http://127.0.0.1:1", 1800), ("https://commission.example", 30)])
def test_a_fast_rehearsal_asks_nobody_but_its_own_site_more_often(
    sqlite_store: sa.Engine, site_of: str, most: float
) -> None:
    clock.follow(sqlite_store)
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:00"), 60)
    assert Asker(ELECTION.source("commission"), site_of).most() == most


def test_after_errors_in_a_row_it_is_asked_less_and_less_often(site: Site, poll: Poll) -> None:
    site.fail("machine", "500")
    asked = []
    for minute in range(0, 60, 2):
        poll(f"20:{minute:02}")
        asked.append(site.times("machine"))
    assert asked[-1] < 12
    assert asked[1] == 2  # the first error is tried again at the next poll
    site.mend()
    poll("21:20")
    poll("21:22")
    assert site.times("machine") == asked[-1] + 2


@pytest.mark.parametrize("text", ["600", "Sun, 28 Nov 2021 14:20:00 GMT"])
def test_a_site_that_asks_us_to_wait_is_not_asked_until_then(site: Site, poll: Poll, text: str) -> None:
    site.fail("machine", "429")
    site.headers |= {"Retry-After": text}
    if not text.isdigit():
        site.headers["Date"] = "Sun, 28 Nov 2021 14:10:00 GMT"
    poll("20:10")
    before = len(site.asked)
    row = poll("20:18")
    assert len(site.asked) == before
    assert row.outcome == "error"
    site.mend()
    assert poll("20:21").outcome == "ok"


def test_a_person_stops_the_loader_and_lets_it_go_on(store: sa.Engine, site: Site, poll: Poll) -> None:
    switch.stop(store, "commission", "Asel", "the commission telephoned")
    row = poll("20:10")
    assert (row.outcome, row.error) == ("error", "stopped by Asel: the commission telephoned")
    assert site.asked == []
    switch.go(store, "commission", "Asel", "settled")
    assert poll("20:12").outcome == "ok"
    assert site.asked


def test_no_secret_of_the_address_is_kept_or_shown(
    store: sa.Engine, site: Site, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url.replace("http://", "http://monitor:secret@"))
    put_frame(store, "1001")
    poll = poller(store, election)
    poll("20:10")
    assert {p.url for p in archived(store)} == {f"{site.url}/results/machine.json"}
    assert site.asked[0][1]["authorization"].startswith("Basic ")
    site.fail("machine", "500")
    site.fail("manual", "cut")
    assert "secret" not in poll("20:12").error
    monkeypatch.setenv("BAIKOO_COMMISSION", "http://monitor:secret@127.0.0.1:9")
    row = poll("20:14")
    assert row.error == "turnout: no connection"


def test_an_address_that_is_not_set_shows(
    store: sa.Engine, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BAIKOO_COMMISSION", raising=False)
    row = poller(store, election)("20:10")
    assert row.error == "source commission: the environment sets nothing in BAIKOO_COMMISSION"


@pytest.mark.parametrize("first", ["2021-11-30T10:00", "2021-11-27T10:00"])
def test_a_clock_that_is_put_right_makes_nobody_wait(site: Site, poll: Poll, first: str) -> None:
    """A day ahead, or a day behind: a wait that was begun by it is not counted by it."""
    for feed in PATHS:
        site.fail(feed, "429")
    site.headers |= {"Retry-After": "3000"}
    poll(first)
    site.mend()
    site.headers.clear()
    asked = len(site.asked)
    poll("20:10")
    assert len(site.asked) > asked


def test_a_mended_mapping_is_used_for_what_is_in_the_archive(
    store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, "1001")
    feeds = ELECTION.source("commission").feeds
    wrong = tuple(f.model_copy(update={"lines": f.lines | {"valid": "invalid"}}) for f in feeds)
    site.publish("machine", [protocol("1001")])
    poller(store, with_source(feeds=wrong))("20:10")
    assert published(store)["1001", "", "valid", "number"] == 10
    again = sa.create_engine(store.url)
    poller(again, with_source())("20:12")  # after a start
    assert published(store)["1001", "", "valid", "number"] == 290
    again.dispose()


def test_another_election_is_another_mapping_and_no_code(
    store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shape of the local elections' API of 2024: a list of positions, dotted paths, percents as text."""
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, "1001")
    feed = config.Feed(
        id="machine", path="/results/machine.json", contest="single_constituency", count="machine", scope="pec",
        rows="data.ballotCounts", place="division.id", lines={"found": "overview.pcos.p3"}, votes="counts",
        percents="shares",
    )  # fmt: skip
    row = {"division": {"id": 1001}, "overview": {"pcos": {"p3": "301"}}, "counts": {"1": 12}, "shares": {"1": "3.99"}}
    site.publish("machine", {"data": {"ballotCounts": [row]}})
    poller(store, with_source(feeds=(feed,)))("20:10")
    assert published(store) == {
        ("1001", "", "found", "number"): 301,
        ("1001", "", "Ata-Meken", "number"): 12,
        ("1001", "", "Ata-Meken", "percent"): 3.99,
    }


def test_a_table_is_asked_for_before_its_pecs_and_again_after_those_that_brought_something(
    site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol("1001")])
    site.publish("machine_summary", [{"valid": 290, "invalid": 10, "found": 300, "pecs": 1}])
    named = {path: feed for feed, path in PATHS.items()}
    for hour, again in (("20:10", ["machine_summary"]), ("20:12", [])):
        site.asked.clear()
        poll(hour)
        asked = [named[path] for path, _ in site.asked]
        assert [f for f in asked if f.startswith("machine")] == ["machine_summary", "machine", *again]


def test_two_feeds_may_say_different_lines_of_the_same_pecs(
    store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, "1001")
    feeds = ELECTION.source("commission").feeds
    machine = next(f for f in feeds if f.id == "machine")
    only_voters = machine.model_copy(update={"lines": {"registered": "voters"}, "votes": None})
    the_rest = machine.model_copy(update={"id": "manual", "path": PATHS["manual"], "lines": {"valid": "valid"}})
    poll = poller(store, with_source(feeds=(only_voters, the_rest)))
    for feed, voters in (("machine", 1000), ("manual", 1000), ("machine", 1001)):
        site.publish(feed, [protocol("1001", voters=voters)])
    poll("20:10")
    site.publish("machine", [protocol("1001", voters=1002)])
    poll("20:12")
    figures = published(store, scope="pec", count="machine")
    assert figures["1001", "", "registered", "number"] == 1002
    assert figures["1001", "", "valid", "number"] == 290
    assert figures["1001", "", "Ata-Meken", "number"] == 200
