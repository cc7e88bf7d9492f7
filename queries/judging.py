"""The checks after every poll of the commission that changed something, kept with the payload they were made of.

It stands here because loaders may not import queries; the one who polls runs it beside the polls: the server, in a
thread of its own, or `python -m queries.judging` beside `python -m loaders run`. What a check comes to at a poll
follows from the store as it stood then, so a result that is made late is the one that would have been made in time.
"""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from elections.config import Election
from queries import checks
from queries.moment import Moment, here, moment
from store import tables as t
from store import writable
from store.engine import writing
from store.outage import Outage

log = logging.getLogger(__name__)
_LOOK = 2.0  # seconds between looks at whether there is a poll to judge
_REST = 2.0  # after one, so many times as long as it took: the pages want the processor too
_OF_ALL = frozenset({"total_is_sum", "total_pecs", "country_is_regions"})  # hold figures of several payloads together

# A poll that changed something, and those after it up to one in which everything answered and nothing was new: some
# checks wait until a table and its PECs stood still.
_TO_JUDGE = sa.text(
    """
    with looked as (
        select id, source, polled_at, load, max(case when load is not null then id end) over earlier as changed,
            max(case when load is null and outcome = 'ok' then id end) over earlier as still
        from poll where source in :sources
        window earlier as (partition by source order by id rows between unbounded preceding and 1 preceding))
    select p.id, p.source, p.polled_at, l.committed_at
    from looked p left join load l on l.id = p.load
    where (p.load is not null or p.changed > coalesce(p.still, 0) and exists (
            select 1 from poll_feed f where f.poll = p.id))
        and not exists (select 1 from check_result r where r.poll = p.id)
    order by p.id
    """
).bindparams(sa.bindparam("sources", expanding=True))

_failing = threading.Event()


def judge(engine: sa.Engine, election: Election) -> Iterator[int]:
    """Judge the polls that nobody has judged yet, the oldest first; yields each poll's id when it is done."""
    sources = [s.id for s in election.sources if s.kind == "commission"]
    with engine.connect() as conn:
        polls = conn.execute(_TO_JUDGE, {"sources": sources}).all()
    for poll in polls:
        at = t.from_milliseconds(max(poll.polled_at, poll.committed_at or 0))
        _judge(engine, election, poll.id, poll.source, at)
        yield poll.id


def _judge(engine: sa.Engine, election: Election, poll: int, source: str, at: datetime) -> None:
    m = moment(engine, election, at)
    judged = sa.select(t.check_result.c.id).where(t.check_result.c.poll == poll).limit(1)
    with engine.connect() as conn:  # another server may be as quick: before the work, and again before it is written
        if not m.load or conn.execute(judged).first():
            return
    made = checks.checks(m)
    payloads = _payloads(m, source)
    rows = [
        {
            "poll": poll,
            "load": m.load,
            "judged_at": at,
            "payload": _payload_of(row, payloads),
            "check_id": row["check"],
            "largest": None if pd.isna(row["largest"]) else row["largest"],
        }
        | {name: row[name] for name in ("contest", "count", "scope", "state", "judged", "wrong")}
        for row in made.to_dict("records")
    ]
    with writing(engine) as conn:
        if not conn.execute(judged).first():
            conn.execute(t.check_result.insert(), rows)


def _payloads(m: Moment, source: str) -> dict[tuple[str, str, str], int]:
    """The payload of each contest, count and scope that is current, as the source's loader wrote it down."""
    c = t.load.c
    query = sa.select(c.cursor).where(c.source == source, c.cursor.is_not(None), c.id <= m.load)
    with m.engine.connect() as conn:
        cursor = conn.execute(query.order_by(c.id.desc()).limit(1)).scalar()
    mark = json.loads(cursor) if cursor else {}
    feeds = [f for f in m.election.source(source).feeds if "payload" in mark.get(f.id, {})]
    return {(f.contest, f.count, f.scope): int(mark[f.id]["payload"]) for f in feeds}


def _payload_of(row: Mapping[Any, Any], payloads: Mapping[tuple[str, str, str], int]) -> int | None:
    """The newest payload that a check's figures are of."""
    kind = row["contest"], row["count"], row["scope"]
    if row["check"] in _OF_ALL:
        return max((p for of, p in payloads.items() if of[:2] == kind[:2]), default=None)
    return payloads.get(kind)


def fails() -> bool:
    """Whether the thread of `keep_judged` cannot judge."""
    return _failing.is_set()


@contextlib.contextmanager
def keep_judged(engine: sa.Engine, election: Election) -> Iterator[None]:
    """While it is open, a thread judges every poll soon after it was made."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(engine, election, stop), name="judging", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)
        _failing.clear()


def _run(engine: sa.Engine, election: Election, stop: threading.Event) -> None:
    outage, fault = Outage(log, "polls are not judged"), Outage(log, "a poll was not judged")
    while not stop.wait(_LOOK):
        started = time.monotonic()
        try:
            for _ in judge(engine, election):
                if stop.wait(_REST * (time.monotonic() - started)):
                    return
                started = time.monotonic()
        except Exception as error:  # the poll is judged at a later look
            if isinstance(error, sa.exc.SQLAlchemyError):
                if not isinstance(error, writable.Unwritable):  # which is in the log already
                    outage.goes_on(type(error).__name__)
            else:
                fault.goes_on(type(error).__name__, error)
            _failing.set()
        else:
            _failing.clear()
            outage.over()
            fault.over()


def main() -> None:
    """Judge what has not been judged yet, and say how many polls that were."""
    print(f"{sum(1 for _ in judge(*here()))} polls judged")


if __name__ == "__main__":
    main()
