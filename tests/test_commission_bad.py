"""The commission's loader against a site with every fault: nothing changes that should not, and it shows."""

import contextlib
import gzip
import hashlib
import itertools
import json
import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from elections.config import Election, Feed
from loaders import archive, mapping, schedule
from queries import refused
from queries.moment import moment
from store import check, clock, decisions
from store import tables as t
from store.engine import connect
from store.loading import Load, loading
from tests.commission_site import (
    ELECTION,
    PECS,
    Poll,
    Site,
    archived,
    aside,
    loads_add_up,
    pecs,
    poller,
    protocol,
    published,
    put_frame,
    serving,
    with_source,
)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def election(site: Site, monkeypatch: pytest.MonkeyPatch) -> Election:
    """The election, whose commission's client has its loop's clock put forward by slow pages."""
    monkeypatch.setattr("loaders.asking.asyncio.new_event_loop", lambda: site.loop)
    return with_source()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def store(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty store. On PostgreSQL in `make proof` alone: what is tested here is the loader, not its SQL."""
    engine: sa.Engine = request.getfixturevalue(f"{request.param}_store")
    return engine


@pytest.fixture
def poll(store: sa.Engine, site: Site, election: Election, monkeypatch: pytest.MonkeyPatch) -> Poll:
    """Look at the site at an hour, with sixty PECs in the frame; the row in `poll` that it left."""
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, *pecs())
    return poller(store, election)


BAD = {
    "a PEC not in the frame": (protocol("9999"), "9999", "unknown_pec"),
    "a row without a PEC": (protocol(""), "#60", "no_key"),
    "no row at all": ("1001", "#60", "not_a_row"),
    "a negative figure": (protocol("1061", valid=-1), "1061/valid", "negative"),
    "a figure that is not whole": (protocol("1061", valid=2.5), "1061/valid", "not_whole"),
    "a figure with letters": (protocol("1061", valid="29O"), "1061/valid", "not_a_number"),
    "a figure that is none": (protocol("1061", valid=[290]), "1061/valid", "not_a_number"),
    "votes of a list that is on no ballot": (protocol("1061", votes={"99": 3}), "1061/votes.99", "unknown_list"),
    "a PEC twice": (protocol("1001", valid=5), "1001", "twice"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_row_is_set_aside_and_the_rest_of_the_payload_loads(
    store: sa.Engine, site: Site, poll: Poll, what: str
) -> None:
    put_frame(store, "1061")
    row, key, reason = BAD[what]
    site.publish("machine", [*(protocol(p) for p in pecs()), row])
    assert poll("20:10").outcome == "ok"
    assert aside(store) == {("machine", key, reason)}
    assert len({key[0] for key in published(store)} - {"1061"}) == (PECS - 1 if reason == "twice" else PECS)
    if key.startswith("1061/"):
        assert ("1061", "", "found", "number") in published(store)  # the good figures of the same row
    poll("20:12")
    with store.connect() as conn:
        count = conn.execute(sa.select(sa.func.count()).select_from(t.quarantine)).scalar_one()
    assert count == (2 if reason == "twice" else 1)  # both rows, once each
    site.publish("machine", [protocol(p) for p in [*pecs(), "1061"]])
    poll("20:14")
    assert aside(store) == set()
    assert published(store)["1001", "", "valid", "number"] == 290
    assert loads_add_up(store)


def test_the_same_row_twice_is_one_row(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol("1001"), protocol("1001")])
    poll("20:10")
    assert aside(store) == set()
    assert published(store)["1001", "", "valid", "number"] == 290
    assert loads_add_up(store)


def test_a_pec_that_joins_the_frame_brings_its_figures_from_the_archive(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol("1001"), protocol("9999")])
    poll("20:10")
    put_frame(store, "9999", at="20:11")
    poll("20:12")  # the page is the same: the server says 304
    assert aside(store) == set()
    assert published(store)["9999", "", "valid", "number"] == 290


@pytest.mark.parametrize("restarted", [False, True])
def test_a_pec_that_leaves_the_frame_takes_its_figures_along(
    store: sa.Engine, site: Site, poll: Poll, election: Election, restarted: bool
) -> None:
    site.publish("machine", [protocol(p) for p in ("1001", "1002", "1003")])
    poll("20:10")
    with clock.frozen(ELECTION.moment_of("20:11")), loading(store, "observation") as load:
        load.withdraw(t.pec, [("1001",)], seen=False)
    again = connect(store.url)
    look = poller(again, election) if restarted else poll
    assert look("20:12").error is None
    assert {key[0] for key in published(store)} == {"1002", "1003"}
    assert {one[1] for one in aside(store)} == {"1001"}
    again.dispose()


@pytest.mark.parametrize("restarted", [False, True])
def test_when_many_pecs_leave_the_frame_their_figures_wait_for_a_person(
    store: sa.Engine, site: Site, poll: Poll, election: Election, restarted: bool
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    before = published(store)
    with clock.frozen(ELECTION.moment_of("20:11")), loading(store, "observation") as load:
        load.withdraw(t.pec, [(p,) for p in pecs()[:30]], seen=False)
    again = connect(store.url)
    look = poller(again, election) if restarted else poll
    for hour in ("20:12", "20:13"):
        assert "vanished at once" in look(hour).error
        assert published(store) == before
    (row,) = refused.refused(moment(store, ELECTION, ELECTION.moment_of("20:14"))).to_dict("records")
    with clock.frozen(ELECTION.moment_of("20:14")):
        decisions.accept_payload(store, row["source"], row["feed"], row["hash"], "Asanova", "they were merged")
    assert look("20:15").error is None
    assert len({key[0] for key in published(store)}) == 30
    again.dispose()


def test_the_last_good_page_that_is_refused_after_a_bad_one_can_be_accepted(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    """The page is older than the bad one, since the same bytes are the same payload; its PECs have left the frame."""
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    site.publish("machine", [])
    poll("20:12")
    with clock.frozen(ELECTION.moment_of("20:13")), loading(store, "observation") as load:
        load.withdraw(t.pec, [(p,) for p in pecs()[:30]], seen=False)
    site.publish("machine", [protocol(p) for p in pecs()])
    assert "vanished at once" in poll("20:14").error
    (row,) = refused.refused(moment(store, ELECTION, ELECTION.moment_of("20:15"))).to_dict("records")
    with clock.frozen(ELECTION.moment_of("20:15")):
        decisions.accept_payload(store, row["source"], row["feed"], row["hash"], "Asanova", "they were merged")
    assert poll("20:16").error is None
    assert len({key[0] for key in published(store)}) == 30


class Killed(BaseException):
    """Ends a poll without another word, as `kill -9` does."""


def fails_at(monkeypatch: pytest.MonkeyPatch, part: int, error: BaseException) -> None:
    """Let a payload of more than some hundred figures be loaded in parts, and the loader fail at one of them."""
    parts = itertools.count(1)

    @contextlib.contextmanager
    def failing(store: sa.Engine, source: str) -> Iterator[Load]:
        if next(parts) == part:
            raise error
        with loading(store, source) as load:
            yield load

    monkeypatch.setattr("loaders.figures._BATCH", 100)
    monkeypatch.setattr("loaders.figures.loading", failing)


ENDS: dict[str, BaseException] = {
    "the process is killed": Killed(),
    "the store is locked": sa.exc.OperationalError("", {}, Exception("database is locked")),
    "the loader has a fault": ZeroDivisionError(),
}


@pytest.mark.breaks
@pytest.mark.parametrize("how", ENDS)
def test_of_a_page_that_was_taken_in_part_nothing_stays_when_the_page_is_as_it_was(
    store: sa.Engine, site: Site, poll: Poll, election: Election, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    good = [protocol(p) for p in pecs()]
    site.publish("machine", good)
    poll("20:10")
    before = published(store)
    site.publish("machine", [protocol(p, valid=280, invalid=20) for p in pecs()])
    site.publish("manual", good)
    fails_at(monkeypatch, 3, ENDS[how])
    with contextlib.suppress(Killed):
        poll("20:12")
    assert published(store, count="machine") != before
    monkeypatch.setattr("loaders.figures.loading", loading)
    site.publish("machine", good)
    again = connect(store.url)
    look = poller(again, election) if how == "the process is killed" else poll
    assert look("20:14").error is None
    assert published(store, count="machine") == before
    again.dispose()
    monkeypatch.undo()


def test_a_page_of_which_only_the_first_part_changed_something_is_known_as_loaded(
    store: sa.Engine, site: Site, poll: Poll, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.figures._BATCH", 100)
    good = [protocol(p) for p in pecs()]
    site.publish("machine", good)
    poll("20:10")
    before = published(store)
    changes = [{"valid": 280, "invalid": 20} if n < 5 else {"seen": "20:11"} for n in range(PECS)]
    site.publish("machine", [protocol(p, **own) for p, own in zip(pecs(), changes, strict=True)])
    assert poll("20:12").error is None
    assert published(store) != before
    site.publish("machine", good)
    again = connect(store.url)
    assert poller(again, election)("20:14").error is None
    assert published(store) == before
    assert loads_add_up(store)
    assert list(check.faults(store)) == []
    again.dispose()


def test_without_a_frame_the_payload_is_kept_and_loaded_when_there_is_one(
    store: sa.Engine, site: Site, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    site.publish("machine", [protocol("1001")])
    poll = poller(store, election)
    row = poll("20:10")
    assert row.outcome == "error"
    assert "no frame" in row.error
    assert len(archived(store)) == 1
    put_frame(store, "1001", at="20:11")
    assert poll("20:12").outcome == "ok"
    assert published(store)["1001", "", "valid", "number"] == 290


FAULTS = {
    "403": "machine: HTTP 403 Forbidden",
    "404": "machine: HTTP 404 Not Found",
    "500": "machine: HTTP 500 Internal Server Error",
    "301": "machine: HTTP 301 Moved Permanently",
    "silent": "machine: no whole answer within 1000 s",
    "drip": "machine: no whole answer within 1000 s",
    "drip_headers": "machine: no whole answer within 1000 s",
    "cut": "machine: the connection broke",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_site_changes_nothing_and_shows(store: sa.Engine, site: Site, poll: Poll, fault: str) -> None:
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    before = published(store)
    site.fail("machine", fault)
    row = poll("20:12")
    assert row.outcome == "error"
    assert row.error.startswith(FAULTS[fault])
    assert published(store) == before
    site.mend()
    row = poll("20:14")
    assert (row.outcome, row.error) == ("ok", None)


PAYLOADS = {
    "HTML with status 200": (b"<html><body>We are busy</body></html>", "is no whole JSON; it begins '<html>"),
    "JSON cut in the middle": (json.dumps({"protocols": [protocol("1001")]}).encode()[:90], "is no whole JSON"),
    "nothing": (b"", "is no whole JSON"),
    "deep nesting": (b"[" * 100_000, "is no whole JSON"),
    "JSON of another shape": (b'{"data": 5}', "there is no list of rows at 'protocols'"),
    "nesting that can be read and not written": (
        b'{"protocols": [' + b"[" * 900 + b"]" * 900 + b"]}",
        "the answer is nested too deeply",
    ),
    "bytes that are no text": (b"\xff\xfe\x00\xd8", "is no whole JSON"),
    "an empty list where there were sixty PECs": (b'{"protocols": []}', "60 of 60 rows vanished at once"),
    "half of the rows": (
        json.dumps({"protocols": [protocol(p) for p in pecs(30)]}).encode(),
        "30 of 60 rows vanished at once",
    ),
    "rows with their figures gone": (
        json.dumps({"protocols": [{"pec": p} for p in pecs()]}).encode(),
        "600 of 600 figures vanished at once",
    ),
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_a_payload_that_cannot_be_used_is_archived_changes_nothing_and_shows(
    store: sa.Engine, site: Site, poll: Poll, what: str
) -> None:
    good = [protocol(p) for p in pecs()]
    site.publish("machine", good)
    poll("20:10")
    before = published(store)
    body, error = PAYLOADS[what]
    site.publish("machine", body)
    for minute in (12, 14):  # it stays an error for as long as it stands there
        row = poll(f"20:{minute}")
        assert row.outcome == "error"
        assert error in row.error
    assert published(store) == before
    assert [zlib.decompress(p.body) for p in archived(store)][1:] == [body]  # once
    site.publish("machine", good)
    assert poll("20:40").outcome == "ok"
    assert published(store) == before


def test_what_vanished_goes_when_a_person_says_that_it_is_gone(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:10")
    site.publish("machine", [])
    assert poll("20:12").outcome == "error"
    assert poll("20:14", accept=True).outcome == "ok"
    assert published(store) == {}


@pytest.mark.parametrize("fault", ["silent"])
def test_one_broken_page_does_not_keep_the_others_from_loading(
    store: sa.Engine, site: Site, poll: Poll, fault: str
) -> None:
    site.fail("turnout", fault)
    for hour in ("20:10", "20:12"):
        site.publish("machine", [protocol("1001")])
        row = poll(hour)
        assert "turnout: no whole answer" in row.error
    assert published(store)["1001", "", "valid", "number"] == 290


def test_a_page_that_is_not_out_yet_is_no_error_but_a_site_without_any_is(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.fail("manual", "404")
    assert poll("20:10").outcome == "ok"
    for feed in ("turnout", "machine", "machine_summary", "manual_summary"):
        site.fail(feed, "404")
    row = poll("20:12")
    assert row.outcome == "error"
    assert "HTTP 404" in row.error


def test_an_answer_without_end_is_cut_off(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.asking._LARGEST", 10_000)
    site.publish("machine", b" " * 20_000)
    row = poll("20:10")
    assert row.error.startswith("machine: the answer is larger than")
    assert archived(store) == []


HEADERS = {
    "an ETag that is no text": {"etag": '"\xe9\xff"'},
    "a time that cannot be sent back": {"last_modified": "\xe9"},
    "an ETag that is too long to be sent back": {"etag": '"' + "e" * 2**16 + '"'},
    "a type that is none": {"content_type": "\xff; charset=\xfe"},
    "a wait that is no number": {"retry_after": "\xb2"},
    "a cookie that cannot be sent back": {"set_cookie": "a=\xff\xfe"},
    "a place to go to": {"location": "http://127.0.0.1:1/"},
}


@pytest.mark.parametrize("what", HEADERS)
def test_no_header_stops_a_feed_or_another_one(
    store: sa.Engine, site: Site, election: Election, poll: Poll, what: str
) -> None:
    site.etags = False
    site.say("machine", **HEADERS[what])
    for hour, valid in (("20:10", 290), ("20:12", 291), ("20:14", 292)):
        site.publish("machine", [protocol("1001", valid=valid)])
        site.publish("manual", [protocol("1001", valid=valid)])
        row = poll(hour)
        assert row.outcome == "ok", row.error
        assert published(store, count="manual")["1001", "", "valid", "number"] == valid
    again = connect(store.url)  # as a new process has it: what it remembers is the archive
    site.publish("machine", [protocol("1001", valid=293)])
    with clock.frozen(ELECTION.moment_of("20:50")):
        schedule.poll(again, election, "commission")
    again.dispose()
    assert published(store, count="machine")["1001", "", "valid", "number"] == 293


def packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = gzip.compress(content)
    return content


ENCODED = {
    "packed twice": ("gzip, gzip", lambda body: packed(body, 2), "is encoded as 'gzip, gzip', not as gzip once"),
    "of another kind": ("br", lambda body: body, "is encoded as 'br', not as gzip once"),
    "not packed at all": ("gzip", lambda body: body, "is no whole gzip"),
    "cut": ("gzip", lambda body: packed(body)[:-9], "is no whole gzip"),
    "a bomb": ("gzip", lambda _: packed(bytes(2**24 + 1)), "is larger than 16 MiB"),
}


@pytest.mark.parametrize("what", ENCODED)
def test_an_answer_is_unpacked_once_and_to_a_limit(store: sa.Engine, site: Site, poll: Poll, what: str) -> None:
    encoding, pack, error = ENCODED[what]
    body = json.dumps({"protocols": [protocol("1001")]}).encode()
    site.publish("manual", [protocol("1001")])
    site.publish("machine", pack(body))
    site.say("machine", content_encoding=encoding)
    assert poll("20:10").error == f"machine: the answer {error}"
    assert archived(store) == []
    assert ("1001", "", "valid", "number") in published(store, count="manual")
    site.publish("machine", packed(body))
    site.say("machine", content_encoding="gzip")
    assert poll("20:12").outcome == "ok"
    assert published(store, count="machine")["1001", "", "valid", "number"] == 290
    assert zlib.decompress(archived(store)[0].body) == body


def test_a_site_that_sends_another_page_at_every_poll_does_not_fill_the_disk(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_MOST", 10_000)
    errors = []
    for minute in range(10, 20):
        site.publish("machine", os.urandom(3_000))
        site.publish("manual", [protocol("1001", valid=200 + minute)])
        errors.append(poll(f"20:{minute}").error or "")
        assert published(store, count="manual")["1001", "", "valid", "number"] == 200 + minute
    full = "machine: more than 0 MiB of changed pages in an hour; no more is taken"
    assert full in errors
    assert len(archived(store)) == 3
    site.publish("machine", [protocol("1001")])
    poll("21:30")
    assert published(store, count="machine")["1001", "", "valid", "number"] == 290


def test_a_flood_of_bad_figures_is_told_by_its_number(store: sa.Engine, site: Site, poll: Poll) -> None:
    votes = {str(n): n for n in range(1, 30_000)}
    site.publish("machine", [protocol("1001", votes=votes), protocol("1002")])
    assert poll("20:10").outcome == "ok"
    assert published(store)["1002", "", "valid", "number"] == 290
    with store.connect() as conn:
        rows = conn.execute(sa.select(t.quarantine)).all()
    assert len(rows) == mapping.MOST_BAD + 1
    unknown = len(votes) - len(ELECTION.contests[0].lists)
    assert [r.detail for r in rows if r.reason == "too_many"] == [f"{unknown - mapping.MOST_BAD} figures"]
    assert sum(len(r.raw) for r in rows) < 100_000  # not the whole row a thousand times
    assert poll("20:12").outcome == "ok"
    assert loads_add_up(store)


def test_a_flood_of_bad_rows_too(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol("1001"), *([7] * 30_000)])
    assert poll("20:10").seen == 30_001
    assert published(store)["1001", "", "valid", "number"] == 290
    assert len(aside(store)) == mapping.MOST_BAD + 1


def test_a_page_of_rows_that_bring_nothing_does_not_keep_out_the_good_one_after_it(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol("1001"), *({"pec": str(n)} for n in range(5_000, 5_500))])
    assert poll("20:10").error is None
    site.publish("machine", [protocol("1001", valid=291)])
    assert poll("20:12").error is None
    assert published(store)["1001", "", "valid", "number"] == 291


def test_votes_that_one_row_says_twice_are_set_aside_unless_they_are_the_same(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol("1001", votes={"1": 200, "1 ": 201, "2": 90, " 2": 90})])
    site.publish("manual", [protocol("1001")])
    assert poll("20:10").error is None
    assert aside(store) == {("machine", "1001/votes.1 ", "figure_twice")}
    machine = published(store, count="machine", scope="pec")
    first, second = (item.id for item in ELECTION.contests[0].lists[:2])
    assert ("1001", "", first, "number") not in machine
    assert machine["1001", "", second, "number"] == 90
    assert published(store, count="manual")["1001", "", first, "number"] == 200


def test_a_text_that_no_index_takes_is_set_aside_shortened(store: sa.Engine, site: Site, poll: Poll) -> None:
    long = "".join(chr(0x400 + byte) for byte in hashlib.shake_128(b"").digest(20_000))  # that nothing packs
    site.publish("machine", [protocol(long), protocol("1001", region=long), protocol("1002", votes={long: 1})])
    assert poll("20:10").error is None
    assert published(store)["1001", "", "valid", "number"] == 290
    with store.connect() as conn:
        rows = conn.execute(sa.select(t.quarantine)).all()
        regions = conn.execute(sa.select(t.published.c.region)).scalars().all()
    assert {row.reason for row in rows} == {"unknown_pec", "unknown_list"}
    assert max(len(text) for row in rows for text in (row.key, row.detail or "", row.raw)) <= 2_000
    assert max(map(len, filter(None, regions))) == 1_000


@pytest.mark.parametrize(("hour", "loads"), [("9:00", True), ("09:٣٠", False), ("٠٩:٠٠", False), ("24:00", False)])
def test_an_hour_is_of_the_clock_and_in_plain_digits(
    store: sa.Engine, site: Site, poll: Poll, hour: str, loads: bool
) -> None:
    site.publish("turnout", [{"region": "osh", "hour": hour, "voters": 700, "voted": 90}])
    assert poll("10:10").error is None
    assert bool(published(store)) == loads
    assert bool(aside(store)) != loads


@pytest.mark.parametrize("wait", ["9" * 5_000, "Sun, 28 Nov 2021 14:20:00 +99999999"])
def test_a_wait_that_no_calendar_has_is_a_wait(site: Site, poll: Poll, wait: str) -> None:
    site.fail("machine", "429")
    site.say("machine", retry_after=wait)
    error = "machine: HTTP 429 Too Many Requests; manual: not asked for another"  # nor is any other page of the site
    assert poll("20:10").error.startswith(error)


def test_a_page_whose_connection_breaks_lets_the_others_be_asked_in_the_same_poll(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.fail("turnout", "cut")
    for feed in ("machine", "manual"):
        site.publish(feed, [protocol("1001")])
    assert poll("20:10").error.startswith("turnout: the connection broke")
    assert {key[0] for key in published(store, count="manual")} == {"1001"}


@pytest.mark.breaks
def test_a_fault_of_the_loader_in_one_feed_does_not_end_the_others(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish("machine", [protocol("1001")])
    site.publish("manual", [protocol("1001")])

    def rows(feed: Feed, body: bytes, whole: Any = mapping.rows) -> mapping.Rows:
        if feed.id == "machine":
            raise ZeroDivisionError("1001")
        return whole(feed, body)

    monkeypatch.setattr("loaders.mapping.rows", rows)
    assert poll("20:10").error == "machine: ZeroDivisionError"
    assert {key[0] for key in published(store)} == {"1001"}
    monkeypatch.undo()


def test_a_table_of_few_rows_that_is_suddenly_empty_is_not_made_current(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("turnout", [{"region": r, "hour": "10:00", "voters": 700, "voted": 90} for r in ("osh", "chui")])
    assert poll("10:10").error is None
    site.publish("turnout", [])
    assert "2 of 2 rows vanished at once" in poll("10:12").error
    assert published(store, scope="region", count="turnout")["osh", "10:00", "voted", "number"] == 90
