"""What the checks came to is kept with its payload; a check that was right and is wrong now is a change of its own."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from queries import checks, judged, judging, snapshot
from queries.moment import Moment, moment
from store import check
from store import tables as t
from tests.commission_site import ELECTION, Poll, Site, archived, pecs, poller, protocol, put_frame, serving

FEW = pecs(12)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture
def poll(store: sa.Engine, site: Site, monkeypatch: pytest.MonkeyPatch) -> Poll:
    monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
    put_frame(store, *FEW)
    return poller(store, ELECTION)


def as_of(store: sa.Engine, hour: str) -> Moment:
    return moment(store, ELECTION, ELECTION.moment_of(hour))


def table(valid: int) -> list[dict[str, Any]]:
    return [{"valid": valid, "invalid": 120, "found": 3600, "pecs": 12, "votes": {"1": 2400, "2": 1080}}]


def polled_twice(poll: Poll, hour: str) -> None:
    """A table that changed alone is held against its PECs by the poll after it, which finds nothing new."""
    poll(hour)
    poll(f"{hour[:-1]}1")


def turns(store: sa.Engine, hour: str, name: str) -> list[dict[Any, Any]]:
    rows = judged.turned(as_of(store, hour))
    return rows[rows["check"] == name].to_dict("records")


def test_a_check_that_turns_is_kept_with_when_and_the_payload(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    for hour, valid in (("20:10", 3480), ("20:20", 3470), ("20:30", 3480)):
        site.publish("machine_summary", table(valid))
        polled_twice(poll, hour)
        list(judging.judge(store, ELECTION))
    payloads = [p.id for p in archived(store, "machine_summary")]
    told = turns(store, "20:32", "total_is_sum")
    assert [(r["was"], r["state"], r["wrong"], r["payload"], r["feed"]) for r in told] == [
        ("wrong", "right", 0, payloads[2], "machine_summary"),
        ("right", "wrong", 1, payloads[1], "machine_summary"),
    ]
    assert [f"{ELECTION.instant(r['judged_at'].astimezone(ELECTION.tz).replace(tzinfo=None)):%H:%M}" for r in told] == [
        "20:31",
        "20:21",
    ]
    assert [r["state"] for r in turns(store, "20:25", "total_is_sum")] == ["wrong"]
    assert list(check.faults(store)) == []


def test_results_made_late_are_those_that_would_have_been_made_in_time(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    for hour, valid in (("20:10", 3480), ("20:20", 3470), ("20:30", 3480)):
        site.publish("machine_summary", table(valid))
        poll(hour)
    assert len(list(judging.judge(store, ELECTION))) == 3
    assert list(judging.judge(store, ELECTION)) == []
    for hour in ("20:15", "20:25", "20:35"):
        m = as_of(store, hour)
        kept = m.frame(
            """
            select check_id as "check", contest, count, scope, state, judged, wrong from check_result
            where poll = (select max(poll) from check_result where load <= :load)
            """
        )
        keys = ["check", "contest", "count", "scope", "state", "judged", "wrong"]
        now = checks.checks(m)[keys]
        assert_same_rows(kept[keys], now)


def assert_same_rows(one: pd.DataFrame, other: pd.DataFrame) -> None:
    assert sorted(map(tuple, one.to_numpy().tolist())) == sorted(map(tuple, other.to_numpy().tolist()))


def test_what_waits_for_a_poll_that_finds_nothing_is_judged_by_that_poll(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    silent = table(3470)
    del silent[0]["pecs"]  # a table that says nothing of its PECs
    site.publish("machine_summary", silent)
    poll("20:10")
    list(judging.judge(store, ELECTION))
    assert turns(store, "20:11", "total_is_sum") == []
    for hour in ("20:12", "20:14", "20:16"):
        poll(hour)
    assert len(list(judging.judge(store, ELECTION))) == 1
    assert [(r["was"], r["state"]) for r in turns(store, "20:13", "total_is_sum")] == [(None, "wrong")]


def test_what_becomes_of_other_feeds_keeps_no_table_from_being_judged(store: sa.Engine, site: Site, poll: Poll) -> None:
    """A feed that fails, and a count that streams in with every poll."""
    site.publish("machine", [protocol(p) for p in FEW])
    silent = table(3470)
    del silent[0]["pecs"]  # judged when it and its PECs stood still
    site.publish("machine_summary", silent)
    for minute in range(10, 14):
        site.fail("turnout", "500")
        site.publish("manual", [protocol(p) for p in FEW[: minute - 9]])
        poll(f"20:{minute}")
    list(judging.judge(store, ELECTION))
    (turn,) = turns(store, "20:14", "total_is_sum")
    assert (turn["count"], turn["state"], turn["judged_at"]) == (
        "machine",
        "wrong",
        pd.Timestamp(ELECTION.moment_of("20:11")),
    )


def test_a_table_whose_pecs_could_not_be_asked_is_not_judged(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    silent = table(3470)
    del silent[0]["pecs"]
    site.publish("machine_summary", silent)
    poll("20:10")
    site.fail("machine", "500")
    poll("20:12")
    list(judging.judge(store, ELECTION))
    assert turns(store, "20:13", "total_is_sum") == []


def test_the_state_of_a_check_says_since_when_it_holds(store: sa.Engine, site: Site, poll: Poll) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    for hour, valid, more in (("20:10", 3480, 0), ("20:20", 3470, 0), ("20:30", 3470, 1)):
        site.publish("machine_summary", table(valid))
        site.publish("manual", [protocol(p) for p in FEW[: 3 + more]])
        polled_twice(poll, hour)
    list(judging.judge(store, ELECTION))
    rows = judged.states(as_of(store, "20:32"))
    row = rows[(rows["check"] == "total_is_sum") & (rows["count"] == "machine")].iloc[0]
    assert row["state"] == "wrong"
    assert row["since_at"] == pd.Timestamp(ELECTION.moment_of("20:21"))
    assert row["since_payload"] == archived(store, "machine_summary")[1].id
    assert len(rows) == len(checks.checks(as_of(store, "20:32")))


def test_before_anything_was_judged_the_states_are_there_without_since(
    store: sa.Engine, site: Site, poll: Poll
) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    poll("20:10")
    rows = judged.states(as_of(store, "20:11"))
    assert rows["since_at"].isna().all()
    assert judged.turned(as_of(store, "20:11")).empty


def test_two_who_judge_the_same_poll_keep_one_result(sqlite_store: sa.Engine) -> None:
    with sqlite_store.begin() as conn:
        conn.execute(
            t.poll.insert(), {"source": "commission", "polled_at": ELECTION.moment_of("20:10"), "outcome": "ok"}
        )
        conn.execute(
            t.load.insert(),
            {
                "source": "commission",
                "started_at": ELECTION.moment_of("20:09"),
                "committed_at": ELECTION.moment_of("20:09"),
            },
        )
    for _ in range(2):
        judging._judge(sqlite_store, ELECTION, 1, "commission", ELECTION.moment_of("20:10"))
    with sqlite_store.connect() as conn:
        counted = conn.execute(sa.select(t.check_result.c.check_id)).scalars().all()
    assert len(counted) == len(set(counted)) > 20


def test_a_past_moment_says_what_waits_to_be_judged_and_tells_of_it_when_it_was(
    store: sa.Engine, site: Site, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish("machine", [protocol(p) for p in FEW])
    site.publish("machine_summary", table(3470))
    poll("20:10")
    monkeypatch.setattr(snapshot, "now", lambda at: moment(store, ELECTION, at))
    at = ELECTION.moment_of("20:15")
    before = snapshot.at(at)
    assert (before.ask(judged.waiting), len(before.ask(judged.turned))) == (1, 0)
    assert snapshot.at(at) is before
    list(judging.judge(store, ELECTION))
    after = snapshot.at(at)
    assert after.ask(judged.waiting) == 0
    assert "total_is_sum" in set(after.ask(judged.turned)["check"])
    site.publish("machine_summary", table(3471))
    poll("20:30")
    assert len(list(judging.judge(store, ELECTION))) == 1
    assert snapshot.at(at) is after  # of what was judged later it says nothing
