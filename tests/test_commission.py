"""The commission's loader against a real server on loopback: what it loads, what it leaves, how it asks."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from elections import config
from elections.config import Election
from loaders import VERSION, schedule, switch
from store import clock
from store import tables as t
from store.loading import loading
from tests.commission_site import ELECTION, Site, protocol, serving

Poll = Callable[..., Any]
_PECS = 60


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def election() -> Election:
    return with_source(timeout=0.6)


def with_source(**changes: Any) -> Election:
    """The election with its commission's source changed."""
    sources = [s.model_copy(update=changes) if s.id == "commission" else s for s in ELECTION.sources]
    return ELECTION.model_copy(update={"sources": tuple(sources)})


def put_frame(store: sa.Engine, *pecs: str, at: str = "06:00") -> None:
    row = {"region": "bishkek", "in_sample": 1, "mobile_applications": 0}
    with clock.frozen(ELECTION.moment_of(at)), loading(store, "observation") as load:
        load.put(t.pec, [row | {"pec": p} for p in pecs])


@pytest.fixture
def poll(store: sa.Engine, site: Site, election: Election, monkeypatch: pytest.MonkeyPatch) -> Poll:
    """Look at the site at an hour, with sixty PECs in the frame; the row in `poll` that it left."""
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, *pecs())
    return poller(store, election)


def poller(store: sa.Engine, election: Election) -> Poll:
    def look(hour: str, **options: bool) -> Any:
        with clock.frozen(ELECTION.moment_of(hour)):
            schedule.poll(store, election, "commission", **options)
        with store.connect() as conn:
            return conn.execute(sa.select(t.poll).order_by(t.poll.c.id.desc()).limit(1)).one()

    return look


def pecs(number: int = _PECS) -> list[str]:
    return [str(1001 + n) for n in range(number)]


def published(store: sa.Engine, **where: str) -> dict[tuple[str, ...], float]:
    """(place, hour, line, unit) -> value, as it stands now."""
    p = t.published.c
    query = sa.select(p.place, p.hour, p.line, p.unit, p.value).where(p.load_to.is_(None))
    for name, value in where.items():
        query = query.where(p[name] == value)
    with store.connect() as conn:
        return {(r.place, r.hour, r.line, r.unit): r.value for r in conn.execute(query)}


def aside(store: sa.Engine) -> set[tuple[str, str, str]]:
    q = t.quarantine.c
    with store.connect() as conn:
        return {tuple(r) for r in conn.execute(sa.select(q.place, q.key, q.reason).where(q.load_to.is_(None)))}


def archived(store: sa.Engine, feed: str = "machine") -> list[Any]:
    with store.connect() as conn:
        return list(conn.execute(sa.select(t.payload).where(t.payload.c.feed == feed).order_by(t.payload.c.id)))


def loads_add_up(store: sa.Engine) -> bool:
    with store.connect() as conn:
        return all(r.seen == r.changed + r.unchanged + r.set_aside for r in conn.execute(sa.select(t.load)))


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


def test_only_figures_that_changed_get_a_new_version(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("manual", [protocol(p) for p in pecs()])
    poll("22:00")
    site.publish("manual", [protocol("1001", valid=280, invalid=20), *(protocol(p) for p in pecs()[1:])])
    row = poll("22:10")
    with store.connect() as conn:
        load = conn.execute(sa.select(t.load).where(t.load.c.id == row.load)).one()
    assert (load.changed, load.withdrawn, load.set_aside) == (2, 0, 0)
    assert load.seen == _PECS * 10  # figures
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
    assert len({key[0] for key in published(store)} - {"1061"}) == (_PECS - 1 if reason == "twice" else _PECS)
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
    "silent": "machine: no whole answer within 0.6 s",
    "drip": "machine: no whole answer within 0.6 s",
    "drip_headers": "machine: no whole answer within 0.6 s",
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
    assert row.milliseconds < 5_000
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


def test_one_broken_page_does_not_keep_the_others_from_loading(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.fail("turnout", "silent")
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


def test_the_loader_says_who_asks(site: Site, poll: Poll) -> None:
    poll("20:10")
    assert {headers["user-agent"] for _, headers in site.asked} == {f"Baikoo/{VERSION} (+rehearsal@baikoo.example)"}


def test_the_version_is_the_projects() -> None:
    assert f'version = "{VERSION}"' in (Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8")


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
    assert row.error == "source commission: the environment does not set BAIKOO_COMMISSION"


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


def test_an_answer_without_end_is_cut_off(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.asking._LARGEST", 10_000)
    site.publish("machine", b" " * 20_000)
    row = poll("20:10")
    assert row.error.startswith("machine: the answer is larger than")
    assert archived(store) == []


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
