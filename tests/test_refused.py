"""A payload that lost too much: kept, not made current, told, and taken when a person says that it has truly gone."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from elections.config import Election
from loaders.__main__ import main
from queries import refused
from queries.moment import moment
from store import check, clock, decisions
from store import tables as t
from store.engine import connect, open_store
from store.loading import loading
from tests.commission_site import (
    ELECTION,
    PECS,
    Poll,
    Site,
    archived,
    aside,
    pecs,
    poller,
    protocol,
    published,
    put_frame,
    serving,
    with_source,
)
from tests.conftest import OWNER
from tests.sparing import sparing
from tests.test_commission_bad import Killed, fails_at
from tests.test_pages import drawn, words_of


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def poll(store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch) -> Poll:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, *pecs())
    site.publish("machine", [protocol(p) for p in pecs()])
    look = poller(store, with_source())
    assert look("20:10").outcome == "ok"
    return look


@contextlib.contextmanager
def another_process(store: sa.Engine) -> Iterator[sa.Engine]:
    """The store as another process has it."""
    again = connect(store.url)
    yield again
    again.dispose()


def banners(store: sa.Engine, hour: str) -> list[dict[Any, Any]]:
    return refused.refused(moment(store, ELECTION, ELECTION.moment_of(hour))).to_dict("records")


def accept(store: sa.Engine, row: dict[Any, Any], hour: str) -> None:
    with clock.frozen(ELECTION.moment_of(hour)):
        decisions.accept_payload(store, row["source"], row["feed"], row["hash"], "Asanova", "rang the commission")


def test_a_payload_that_lost_too_much_is_archived_and_not_made_current(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    before = published(store)
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    assert poll("20:12").outcome == "error"
    assert published(store) == before
    row = banners(store, "20:13")[0]
    assert (row["feed"], row["what"], row["lost"], row["held"]) == ("machine", "rows", 20, 60)
    assert row["payload"] == archived(store)[-1].id
    assert banners(store, "20:11") == []
    assert list(check.faults(store)) == []


@pytest.mark.parametrize(("bare", "what"), [(12, []), (13, ["figures"])])
def test_rows_that_stay_may_lose_a_fifth_of_all_figures_and_no_more(
    store: sa.Engine, site: Site, poll: Poll, bare: int, what: list[str]
) -> None:
    """Sixty PECs of ten figures each."""
    site.publish("machine", [{"pec": p} if n < bare else protocol(p) for n, p in enumerate(pecs())])
    assert poll("20:12").outcome == ("error" if what else "ok")
    assert [row["what"] for row in banners(store, "20:13")] == what


def test_the_share_that_may_vanish_is_the_configurations(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    generous = poller(store, with_source(most_lost=0.5))
    assert generous("20:12").outcome == "ok"
    assert {place for place, *_ in published(store)} == set(pecs()[:40])


def test_what_goes_little_by_little_within_an_hour_is_refused_like_what_goes_at_once(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:50]])
    assert poll("20:12").outcome == "ok"
    site.publish("machine", [protocol(p) for p in pecs()[:47]])
    assert poll("20:30").error == "machine: 3 of 50 rows vanished at once, 13 within the hour; kept as they were"
    assert {place for place, *_ in published(store)} == set(pecs()[:50])
    with another_process(store) as fresh:  # a process that remembers nothing
        assert poller(fresh, with_source())("20:40").outcome == "error"
    site.publish("machine", [protocol(p) for p in pecs()[:46]])
    assert poll("21:20").outcome == "error", "the hour stands still while a person is awaited"
    assert {place for place, *_ in published(store)} == set(pecs()[:50])
    site.publish("machine", [protocol(p) for p in pecs()[:49]])
    assert poll("21:21").outcome == "error"
    site.publish("machine", [protocol(p) for p in pecs()[:50]])
    assert poll("21:22").outcome == "ok"
    site.publish("machine", [protocol(p) for p in pecs()[:46]])
    assert poll("21:23").outcome == "ok"
    assert {place for place, *_ in published(store)} == set(pecs()[:46])


def test_figures_of_rows_that_stay_count_over_an_hour_too(store: sa.Engine, site: Site, poll: Poll) -> None:
    """Twenty PECs of ten figures each, and every minute another line goes at eight of them."""
    rows = [protocol(p) for p in pecs(20)]
    site.publish("manual", rows)
    assert poll("20:11").outcome == "ok"
    outcomes = []
    for n, line in enumerate(("voters", "issued", "unused", "spoiled", "received", "found"), 12):
        for row in rows[:8]:
            del row[line]
        site.publish("manual", rows)
        outcomes.append(poll(f"20:{n}").error)
    assert outcomes == [None] * 5 + ["manual: 8 of 160 figures vanished at once, 48 within the hour; kept as they were"]


def test_what_came_back_and_what_only_changed_is_no_loss(store: sa.Engine, site: Site, poll: Poll) -> None:
    rows = [protocol(p) for p in pecs()]
    corrected = [protocol(p, valid=280, votes={"1": 190, "2": 90}) for p in pecs()]
    for minute, page in enumerate([rows[:50], rows, rows[10:], rows[:50], corrected, rows[:50], corrected[10:]], 12):
        site.publish("machine", page)
        row = poll(f"20:{minute}")
        assert row.outcome == "ok", row.error


@pytest.mark.parametrize("how", ["on the page", "--accept"])
def test_what_a_person_accepted_is_not_counted_again(store: sa.Engine, site: Site, poll: Poll, how: str) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12", accept=how == "--accept")
    for row in banners(store, "20:13"):
        accept(store, row, "20:14")
    site.publish("machine", [protocol(p) for p in pecs()[:34]])
    assert poll("20:20").outcome == "ok"
    site.publish("machine", [protocol(p) for p in pecs()[:30]])
    assert poll("20:30").outcome == "ok"
    site.publish("machine", [protocol(p) for p in pecs()[:29]])
    with another_process(store) as fresh:  # a process that remembers nothing
        assert "1 of 30 rows vanished at once, 11 within the hour" in poller(fresh, with_source())("20:40").error
    assert {place for place, *_ in published(store)} == set(pecs()[:30])


def with_machine(**changes: Any) -> Election:
    """The election with its feed of the machine count mapped in another way."""
    feeds = ELECTION.source("commission").feeds
    return with_source(feeds=tuple(f.model_copy(update=changes) if f.id == "machine" else f for f in feeds))


OTHERWISE: dict[str, tuple[Election, Callable[[list[dict[str, Any]]], Any]]] = {
    "another name of the list": (with_machine(rows="data"), lambda rows: {"data": rows}),
    "another name of the place": (
        with_machine(place="code"),
        lambda rows: [{"code": row["pec"]} | row | {"pec": None} for row in rows],
    ),
    "another name of the feed": (with_machine(id="machines"), lambda rows: rows),
}


@pytest.mark.parametrize("how", OTHERWISE)
@pytest.mark.parametrize(
    ("lacks", "error"), [("PECs", "30 of 60 rows vanished"), ("votes", "120 of 600 figures vanished")]
)
def test_a_page_that_another_configuration_reads_is_held_against_all_that_stands(
    store: sa.Engine, site: Site, poll: Poll, how: str, lacks: str, error: str
) -> None:
    before = published(store)
    mended, page = OTHERWISE[how]
    rows = [protocol(p) for p in pecs(30)] if lacks == "PECs" else [protocol(p, votes=None) for p in pecs()]
    site.publish("machine", page(rows))
    poll("20:12")
    for hour in ("20:20", "20:30"):
        with another_process(store) as fresh:
            look = poller(fresh, mended)
            assert error in look(hour).error
            assert error in look(hour, again=True).error
            assert published(store) == before
            assert banners(store, hour)
    for row in banners(store, "20:31"):
        accept(store, row, "20:31")
    with another_process(store) as fresh:
        assert poller(fresh, mended)("20:32").error is None
    places, lists = {row["pec"] for row in rows}, {item.id for item in ELECTION.contests[0].lists}
    left = {key for key in before if key[0] in places and not (lacks == "votes" and key[2] in lists)}
    assert published(store).keys() == left


def test_nothing_is_refused_or_set_aside_of_a_feed_that_is_not_configured_any_more(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    """It is called otherwise, while a page of it is refused, and then as before."""
    good = [protocol(p) for p in pecs()]
    site.publish("machine", [*good[:-1], protocol(pecs()[-1], valid="many")])
    poll("20:11")
    assert aside(store) == {("machine", f"{pecs()[-1]}/valid", "not_a_number")}
    site.publish("machine", good[:30])
    poll("20:12")
    renamed, _ = OTHERWISE["another name of the feed"]
    site.publish("machine", [protocol(p, valid=280, invalid=20) for p in pecs()])
    with another_process(store) as fresh:
        assert poller(fresh, renamed)("20:14").error is None
        assert (banners(store, "20:15"), aside(store)) == ([], set())
        assert poller(fresh, renamed)("20:16").load is None
    site.publish("machine", good)
    with another_process(store) as fresh:
        assert poller(fresh, with_source())("20:20").error is None
    assert {value for (_, _, line, _), value in published(store).items() if line == "valid"} == {290}
    assert list(check.faults(store)) == []


@pytest.mark.parametrize(("key", "kind"), [("invalid", "invalid"), ("votes", "Ata-Meken")])
def test_all_of_one_line_or_list_is_much_though_it_is_little_of_all(
    store: sa.Engine, site: Site, poll: Poll, key: str, kind: str
) -> None:
    before = published(store)
    bare = [protocol(p) for p in pecs()]
    for row in bare:
        row[key] = {"2": 90} if key == "votes" else "-"
    site.publish("machine", bare)
    assert poll("20:12").error == f"machine: 60 of 600 figures vanished at once, 60 of 60 of {kind}; kept as they were"
    assert published(store) == before
    assert [row["what"] for row in banners(store, "20:13")] == ["figures"]


def test_a_line_that_goes_little_by_little_is_refused_too(store: sa.Engine, site: Site, poll: Poll) -> None:
    for bare, outcome in ((10, "ok"), (12, "ok"), (13, "error")):
        site.publish("machine", [protocol(p, invalid="-" if n < bare else 10) for n, p in enumerate(pecs())])
        assert poll(f"20:{bare + 2}").outcome == outcome
    assert sum(line == "invalid" for _, _, line, _ in published(store)) == 48


def test_all_of_one_region_is_much_though_it_is_few_of_all(store: sa.Engine, site: Site, poll: Poll) -> None:
    talas = [str(2001 + n) for n in range(11)]
    put_frame(store, *talas, at="20:11", region="talas")
    whole = [protocol(p) for p in [*pecs(), *talas]]
    site.publish("machine", whole)
    assert poll("20:12").outcome == "ok"
    site.publish("machine", whole[:60])
    assert poll("20:14").error == "machine: 11 of 71 rows vanished at once, 11 of 11 of talas; kept as they were"
    site.publish("machine", whole[1:61])
    accept(store, banners(store, "20:15")[0], "20:15")
    assert poll("20:16").error is None


TALAS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "all figures": lambda row: {"pec": row["pec"], "region": "talas"},
    "figures that are none": lambda row: row | dict.fromkeys(["voters", "issued", "valid", "invalid", "votes"], "x"),
    "all votes": lambda row: row | {"votes": {}},
    "one line": lambda row: row | {"valid": None},
}


@pytest.mark.parametrize("what", TALAS)
def test_what_a_region_tells_is_much_though_its_rows_stay(store: sa.Engine, site: Site, poll: Poll, what: str) -> None:
    talas = [str(2001 + n) for n in range(12)]
    put_frame(store, *talas, at="20:11", region="talas")
    whole = [protocol(p) for p in [*pecs(), *talas]]
    site.publish("machine", whole)
    assert poll("20:12").outcome == "ok"
    before = published(store)
    site.publish("machine", [*whole[:60], *map(TALAS[what], whole[60:])])
    assert "vanished at once, 12 of 12 of" in poll("20:14").error
    assert published(store) == before
    accept(store, banners(store, "20:15")[0], "20:15")
    poll("20:16")
    assert published(store) != before


def test_all_of_one_hour_is_much_though_it_is_few_of_all(
    store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commission that publishes the turnout of each PEC."""
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, *pecs())
    turnout = ELECTION.source("commission").feeds[0].model_copy(update={"scope": "pec", "place": "pec"})
    look = poller(store, with_source(feeds=(turnout,)))
    rows = [{"pec": p, "hour": f"{hour}:00", "voted": 90} for hour in range(8, 18) for p in pecs(20)]
    site.publish("turnout", rows)
    assert look("20:10").outcome == "ok"
    site.publish("turnout", [row for row in rows if row["hour"] != "12:00"])
    assert "20 of 200 rows vanished at once, 20 of 20 of 12:00" in look("20:12").error


def test_a_refusal_is_over_when_the_page_is_whole_again(store: sa.Engine, site: Site, poll: Poll) -> None:
    whole = [protocol(p) for p in pecs()]
    for content in (whole, [*whole[:-1], protocol(pecs()[-1], valid=291)]):
        site.publish("machine", [])
        poll("20:12")
        assert len(banners(store, "20:13")) == 1
        site.publish("machine", content)
        poll("21:30")
        assert banners(store, "21:31") == []


def test_what_a_person_accepts_is_made_current_whatever_the_page_shows_by_then(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    accept(store, banners(store, "20:13")[0], "20:14")
    assert banners(store, "20:14")[0]["accepted_by"] == "Asanova"
    site.publish("machine", [protocol(p) for p in pecs()[:39]])
    assert poll("20:40").outcome == "ok"
    assert {place for place, *_ in published(store)} == set(pecs()[:39])
    assert banners(store, "20:41") == []
    assert list(check.faults(store)) == []
    with store.connect() as conn:
        row = conn.execute(sa.select(t.decision)).one()
    assert (row.who, row.why) == ("Asanova", "rang the commission")


def test_another_payload_of_the_same_refusal_can_be_accepted(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    seen = banners(store, "20:13")[0]
    site.publish("machine", [protocol(p) for p in pecs()[:25]])
    poll("20:40")
    assert banners(store, "20:41")[0]["payload"] != seen["payload"]
    accept(store, seen, "20:42")
    assert poll("21:00").outcome == "error"  # the page has lost 15 more of 40: that was not accepted
    assert {place for place, *_ in published(store)} == set(pecs()[:40])


def test_an_acceptance_of_what_is_over_by_now_changes_nothing(store: sa.Engine, site: Site, poll: Poll) -> None:
    whole = published(store)
    site.publish("machine", [])
    poll("20:12")
    row = banners(store, "20:13")[0]
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("21:30")
    accept(store, row, "21:31")
    poll("21:32")
    assert published(store) == whole
    site.publish("machine", [])
    assert poll("22:30").outcome == "error"
    assert published(store) == whole


def test_a_refusal_tells_all_that_goes_not_only_what_is_too_much(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p, votes=None, valid="-") for p in pecs()[:40]])
    error = "machine: 20 of 60 rows vanished at once, and 120 figures of other rows; kept as they were"
    assert poll("20:12").error == error
    (row,) = banners(store, "20:13")
    assert (row["what"], row["lost"], row["held"], row["figures"]) == ("rows", 20, 60, 120)
    site.publish("machine", [protocol(p, valid="-") for p in pecs()[:55]])
    error = "machine: 105 of 600 figures vanished at once, 60 of 60 of valid; kept as they were"
    assert poll("20:14").error == error
    (row,) = banners(store, "20:15")
    assert (row["what"], row["lost"], row["held"], row["figures"]) == ("figures", 105, 600, 0)


@pytest.mark.parametrize("when", ["before it was accepted", "before it was taken"])
@pytest.mark.parametrize("restarted", [False, True])
def test_if_something_else_goes_by_now_than_a_person_saw_it_is_not_taken_but_told_anew(
    store: sa.Engine, site: Site, poll: Poll, when: str, restarted: bool
) -> None:
    before = published(store)
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    (seen,) = banners(store, "20:13")
    if when == "before it was taken":
        accept(store, seen, "20:13")
        assert banners(store, "20:13")[0]["accepted_by"] == "Asanova"
    with clock.frozen(ELECTION.moment_of("20:14")), loading(store, "observation") as load:
        load.withdraw(t.pec, [(p,) for p in pecs()[:30]], seen=False)
    with another_process(store) as fresh:
        look = poller(fresh, with_source()) if restarted else poll
        assert "20 of 60 rows vanished at once, and 300 figures of other rows" in look("20:15").error
        if when == "before it was accepted":
            accept(store, seen, "20:16")
            assert "20 of 60 rows" in look("20:25").error
        assert published(store) == before
        (row,) = banners(store, "20:26")
        assert (row["figures"], row["accepted_by"]) == (300, None)
        assert (row["payload"], row["since_at"]) == (seen["payload"], seen["since_at"])
        accept(store, row, "20:27")
        assert look("20:50").error is None
    assert {place for place, *_ in published(store)} == set(pecs()[30:40])
    assert banners(store, "20:51") == []


def test_what_was_accepted_of_a_page_is_taken_though_its_numbers_change(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    """A page that lacks the same and corrects other figures at each poll is accepted as well."""
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    (seen,) = banners(store, "20:13")
    site.publish("machine", [protocol(p, valid=280, invalid=20) for p in pecs()[:40]])
    poll("20:14")
    accept(store, seen, "20:15")
    assert poll("20:16").error is None
    assert {key[0]: value for key, value in published(store).items() if key[2] == "valid"} == dict.fromkeys(
        pecs()[:40], 280
    )


def test_what_another_process_accepts_in_the_midst_of_a_poll_is_refused_no_longer(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    """`loaders once --accept` beside a server that has asked for the machine count and asks for the manual one."""
    whole = [protocol(p) for p in pecs()]
    site.publish("manual", whole[:20])
    poll("20:11")

    with another_process(store) as other:

        def once() -> None:
            site.publish("machine", whole[:20])
            site.publish("manual", whole[:21])
            poller(other, with_source())("20:12", accept=True)
            site.publish("manual", whole[:22])

        site.when_asked("manual", once)
        for hour in ("20:12", "20:14"):
            assert poll(hour).error is None
            assert banners(store, hour) == []
    assert {place for place, *_ in published(store, count="machine")} == set(pecs()[:20])


def taken(store: sa.Engine, hour: str) -> list[dict[Any, Any]]:
    return refused.taken_payloads(moment(store, ELECTION, ELECTION.moment_of(hour))).to_dict("records")


def undo(store: sa.Engine, row: dict[Any, Any], hour: str) -> None:
    with clock.frozen(ELECTION.moment_of(hour)):
        decisions.undo_payload(store, row["source"], row["feed"], row["decision"], "Bekov", "they are there")


@pytest.fixture(params=[False, True], ids=["", "restarted"])
def looks(request: pytest.FixtureRequest, store: sa.Engine, poll: Poll) -> Poll:
    """Polls by one process, or each by another that remembers nothing."""

    def look(hour: str, **options: bool) -> Any:
        with another_process(store) as fresh:
            return poller(fresh, with_source())(hour, **options)

    return look if request.param else poll


def as_fresh(store: sa.Engine, folder: Path, hour: str) -> bool:
    """Whether the store is that of a load of what the site says now."""
    fresh = open_store(f"sqlite:///{folder / 'fresh.sqlite'}", OWNER)
    put_frame(fresh, *pecs())
    assert poller(fresh, with_source())(hour).error is None
    same = check.contents(store) == check.contents(fresh)
    fresh.dispose()
    return same


@pytest.mark.parametrize("store", sparing(["sqlite", "postgres"], test=1), indirect=True)
@pytest.mark.parametrize("how", ["on the page", "--accept"])
def test_what_was_accepted_can_be_undone_and_waits_for_a_person_again(
    store: sa.Engine, site: Site, looks: Poll, tmp_path: Path, how: str
) -> None:
    before = published(store)
    site.publish("manual", [protocol(p) for p in pecs()])
    looks("20:11")
    site.publish("machine", [protocol(p, valid=280, invalid=20) for p in pecs()[:40]])
    if how == "--accept":
        decisions.decide(store, "accept", "commission", "Asanova", "rang the commission")
        looks("20:12", accept=True)
    else:
        looks("20:12")
        assert taken(store, "20:13") == []
        accept(store, banners(store, "20:13")[0], "20:13")
        assert looks("20:14").error is None
    went = published(store, count="machine")
    assert {place for place, *_ in went} == set(pecs()[:40])
    (row,) = taken(store, "20:15")
    assert (row["feed"], row["what"], row["lost"], row["held"], row["who"]) == ("machine", "rows", 20, 60, "Asanova")
    undo(store, row, "20:15")
    stand = {key: value for key, value in before.items() if key[0] in pecs()[40:]} | went
    assert published(store, count="machine") == stand
    assert taken(store, "20:15") == []
    (waits,) = banners(store, "20:15")
    assert (waits["lost"], waits["held"], waits["accepted_by"]) == (20, 60, None)
    site.publish("manual", [protocol(p, valid=280, invalid=20) for p in pecs()])
    for hour in ("20:16", "20:18", "22:20"):
        assert "20 of 60 rows vanished at once" in looks(hour).error
        assert published(store, count="machine") == stand
        assert len(banners(store, hour)) == 1
    assert set(published(store, count="manual").values()) >= {280}
    accept(store, banners(store, "22:21")[0], "22:21")
    assert looks("22:40").error is None
    assert published(store, count="machine") == went
    assert list(check.faults(store)) == []
    assert as_fresh(store, tmp_path, "22:41")


@pytest.mark.parametrize("store", sparing(["sqlite", "postgres"], test=1), indirect=True)
@pytest.mark.parametrize("left", [0, 3])
def test_what_was_undone_waits_however_few_until_all_are_back(
    store: sa.Engine, site: Site, looks: Poll, tmp_path: Path, left: int
) -> None:
    """Beside what the page has by then nothing older stands."""
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    looks("20:12")
    accept(store, banners(store, "20:13")[0], "20:13")
    looks("20:14")
    back = [protocol(p, valid=280, invalid=20) for p in pecs()[: PECS - 5]]
    site.publish("machine", back)
    assert looks("20:16").error is None
    (row,) = taken(store, "20:17")
    undo(store, row, "20:17")
    valid = {place: value for (place, _, line, _), value in published(store).items() if line == "valid"}
    assert valid == dict.fromkeys(pecs()[: PECS - 5], 280) | dict.fromkeys(pecs()[PECS - 5 :], 290)
    site.publish("machine", [*back, *(protocol(p) for p in pecs()[PECS - 5 : PECS - left])])
    error = looks("20:18").error
    assert error == (f"machine: {left} of 60 rows vanished at once; kept as they were" if left else None)
    assert len(banners(store, "20:19")) == bool(left)
    if left:
        accept(store, banners(store, "20:19")[0], "20:19")
        assert looks("20:30").error is None
        assert len(taken(store, "20:31")) == 1
    assert as_fresh(store, tmp_path, "20:31")


def test_what_came_back_by_itself_is_none_to_undo_and_nothing_is_undone_twice(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    page = banners(store, "20:13")[0]
    accept(store, page, "20:13")
    poll("20:14")
    (row,) = taken(store, "20:15")
    with pytest.raises(decisions.Refused, match="who"):
        decisions.undo_payload(store, "commission", "machine", row["decision"], "", "they are there")
    with store.connect() as conn:
        known = conn.execute(sa.select(sa.func.max(t.load.c.id))).scalar_one()
    undo(store, row, "20:15")
    with pytest.raises(decisions.Refused, match="undone"):
        undo(store, row, "20:16")
    with pytest.raises(decisions.Refused, match="undone"):  # on a page of before
        decisions.accept_payload(store, "commission", "machine", page["hash"], "Asanova", "gone", known=known)
    accept(store, banners(store, "20:17")[0], "20:17")
    assert poll("20:18").error is None
    (row,) = taken(store, "20:19")
    before = taken(store, "20:19")
    site.publish("machine", [protocol(p) for p in pecs()])
    assert poll("20:20").error is None
    assert taken(store, "20:21") == []
    assert taken(store, "20:19") == before, "of a past moment what was gone then"
    with pytest.raises(decisions.Refused, match="meanwhile"):
        undo(store, row, "20:21")


def test_what_is_undone_of_a_feed_that_is_called_otherwise_by_now_is_held_against_its_page(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    accept(store, banners(store, "20:13")[0], "20:13")
    poll("20:14")
    with another_process(store) as fresh:
        site.publish("machine", [protocol(p, valid=280, invalid=20) for p in pecs()[:40]])
        look = poller(fresh, OTHERWISE["another name of the feed"][0])
        assert look("20:16").error is None
        undo(store, taken(store, "20:17")[0], "20:17")
        assert look("20:18").error == "machines: 20 of 60 rows vanished at once; kept as they were"
    assert [row["feed"] for row in banners(store, "20:19")] == ["machines"]


def test_who_accepted_on_the_screen_undoes_it_there(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", store.url.render_as_string(False))
    monkeypatch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    clock.set_rehearsed(store, ELECTION.moment_of("20:13"), 0)
    (row,) = banners(store, "20:13")
    assert not pressed(drawn("feed"), f"refused_commission_machine_{row['hash']}", "Accept this payload").error
    assert poll("20:14").error is None
    clock.set_rehearsed(store, ELECTION.moment_of("20:15"), 0)
    (went,) = taken(store, "20:15")
    app, key = drawn("feed"), f"taken_{went['decision']}_machine"
    said = "20 of 60 rows vanished at once; withdrawn at 20:14, accepted by Asanova: rang them"
    assert any(said in e.label.replace("\\", "") for e in app.expander)
    without_a_name = next(b for b in app.button if b.label == "Undo it: the figures stand again").click().run()
    assert [e.value for e in without_a_name.error] == ["Say who decides, and why."]
    assert not pressed(app, key, "Undo it: the figures stand again").error
    assert {place for place, *_ in published(store)} == set(pecs())
    assert "20 of 60 rows vanished at once" in words_of(drawn("strip"))


def pressed(app: AppTest, key: str, button: str) -> AppTest:
    app.text_input(f"{key}_who").set_value("Asanova")
    app.text_input(f"{key}_why").set_value("rang them")
    return next(b for b in app.button if b.label == button).click().run()


LACKS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "PECs": lambda: [protocol(p, valid=280, invalid=20) for p in pecs()[:30]],
    "a line": lambda: [protocol(p, spoiled=None) for p in pecs()],
}


@pytest.mark.parametrize("lacks", LACKS)
@pytest.mark.parametrize("else_goes", [False, True])
def test_what_was_accepted_is_taken_to_its_end_where_the_process_was_killed_amidst(
    store: sa.Engine,
    site: Site,
    poll: Poll,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lacks: str,
    else_goes: bool,
) -> None:
    """And can be undone in whole. If something else goes with it by then it waits for a person."""
    before = published(store)
    site.publish("machine", LACKS[lacks]())
    poll("20:12")
    accept(store, banners(store, "20:13")[0], "20:13")
    fails_at(monkeypatch, 17, Killed())
    monkeypatch.setattr("loaders.figures._BATCH", 20)
    with pytest.raises(Killed):
        poll("20:14")
    monkeypatch.setattr("loaders.figures.loading", loading)
    half = published(store)
    assert len(half) < len(before)
    if else_goes:
        with clock.frozen(ELECTION.moment_of("20:15")), loading(store, "observation") as load:
            load.withdraw(t.pec, [(p,) for p in pecs()[15:30]], seen=False)
    with another_process(store) as fresh:
        look = poller(fresh, with_source())
        if else_goes:
            assert "vanished at once" in look("20:16").error
            assert published(store) == half
            assert banners(store, "20:17")[0]["accepted_by"] is None
            accept(store, banners(store, "20:17")[0], "20:17")
        assert look("20:18").error is None
    assert banners(store, "20:19") == []
    if not else_goes:
        assert as_fresh(store, tmp_path, "20:19")
    for row in taken(store, "20:19"):
        undo(store, row, "20:19")
    assert published(store).keys() == before.keys()
    assert list(check.faults(store)) == []


def test_what_is_undone_in_the_midst_of_a_poll_waits_all_the_same(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    accept(store, banners(store, "20:13")[0], "20:13")
    poll("20:14")
    site.publish("manual", [protocol(p) for p in pecs()])
    with another_process(store) as other:
        site.when_asked("manual", lambda: undo(other, taken(other, "20:16")[0], "20:16"))
        assert "20 of 60 rows vanished at once" in poll("20:16").error
    assert {place for place, *_ in published(store, count="machine")} == set(pecs())
    assert len(banners(store, "20:17")) == 1


@pytest.mark.parametrize(("who", "why", "reason"), [(" ", "gone", "who"), ("Asanova", "", "why")])
def test_nobody_accepts_without_a_name_and_a_reason(store: sa.Engine, who: str, why: str, reason: str) -> None:
    with pytest.raises(decisions.Refused, match=reason):
        decisions.accept_payload(store, "commission", "machine", "a hash", who, why)


def test_who_accepts_at_the_servers_shell_is_on_record_too(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish("machine", [protocol(p) for p in pecs()[:40]])
    poll("20:12")
    monkeypatch.setenv("BAIKOO_STORE", store.url.render_as_string(False))
    arguments = ["once", "--accept", "--source", "commission", "--who", "Asanova", "--why", "rang them"]
    monkeypatch.setattr("sys.argv", ["loaders", *arguments])
    assert main() == 0
    assert {place for place, *_ in published(store)} == set(pecs()[:40])
    with store.connect() as conn:
        row = conn.execute(sa.select(t.decision)).one()
    assert (row.kind, row.subject, row.who, row.why) == ("accept", "commission", "Asanova", "rang them")


def test_what_was_accepted_after_its_refusal_was_over_is_not_accepted_when_it_comes_again(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    """The same bytes are the same payload."""
    site.publish("machine", [])
    poll("20:35")
    (row,) = banners(store, "20:36")
    site.publish("machine", [protocol(p) for p in pecs()])
    poll("20:40")
    accept(store, row, "20:41")
    site.publish("machine", [])
    for hour in ("23:00", "23:02"):
        assert poll(hour).outcome == "error"
        (again,) = banners(store, hour)
        assert (again["payload"], again["accepted_by"]) == (row["payload"], None)
        assert again["since_at"] == ELECTION.moment_of("23:00")
    accept(store, again, "23:03")
    assert poll("23:04").outcome == "ok"
    assert not published(store, scope="pec")


HOURS = ("10:00", "12:00", "14:00", "16:00", "18:00", "20:00")
REGIONS = [region.id for region in ELECTION.regions if not region.abroad]
FEW: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
    "an hour": lambda row: None if row["hour"] == "20:00" else row,
    "a region": lambda row: None if row["region"] == "osh" else row,
    "all but a region": lambda row: row if row["region"] == "osh" else None,
    "a line of an hour": lambda row: row | {"voted": ""} if row["hour"] == "20:00" else row,
    "a line of a region": lambda row: row | {"voted": ""} if row["region"] == "osh" else row,
    "all that a region tells": lambda row: row | {"voters": "", "voted": ""} if row["region"] == "osh" else row,
}


@pytest.mark.parametrize("what", FEW)
def test_of_a_table_of_regions_each_row_tells(store: sa.Engine, site: Site, poll: Poll, what: str) -> None:
    rows = [{"region": r, "hour": h, "voters": 100, "voted": 50, "pecs": 3} for r in REGIONS for h in HOURS]
    site.publish("turnout", rows)
    assert poll("20:30").outcome == "ok"
    before = published(store, scope="region")
    site.publish("turnout", [kept for row in rows if (kept := FEW[what](row))])
    assert poll("20:40").outcome == "error"
    assert published(store, scope="region") == before
    assert [row["feed"] for row in banners(store, "20:41")] == ["turnout"]


def test_a_row_of_the_country_that_says_nothing_any_more_is_not_made_current(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    row = {"valid": 10, "invalid": 1, "found": 11, "pecs": 4, "votes": {"1": 5, "2": 5}, "percents": {"1": 50, "2": 50}}
    site.publish("machine_summary", [row])
    assert poll("20:30").outcome == "ok"
    before = published(store, scope="country")
    site.publish("machine_summary", [{"valid": "", "invalid": None}])
    assert poll("20:40").outcome == "error"
    assert published(store, scope="country") == before
