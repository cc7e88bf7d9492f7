"""What the checks came to poll by poll, as it was kept with its payload: since when a state holds, and what turned."""

from typing import Any

import pandas as pd

from queries import checks
from queries.check_list import CHECKS
from queries.kept import KeptOfMoment
from queries.moment import Moment
from queries.published import feeds

_KEYS = ["check", "contest", "count", "scope"]

# Results that judged something, each with the state before it: 'not judged' between two states is no turn.
_TURNS = """
    with judged as (
        select check_id, contest, count, scope, state, judged, wrong, largest, payload, judged_at, poll,
            lag(state) over (partition by check_id, contest, count, scope order by poll) as was
        from check_result
        where load <= :load and judged_at <= :at and state <> 'not_judged')
    select t.check_id as "check", t.contest, t.count, t.scope, t.was, t.state, t.judged, t.wrong, t.largest,
        t.judged_at, t.payload, p.feed, p.fetched_at
    from judged t left join payload p on p.id = t.payload
    where t.was is null or t.was <> t.state
    order by t.poll desc, t.state desc, t.check_id, t.contest, t.count, t.scope
    """
_KEPT = KeptOfMoment(lambda m: m.frame(_TURNS))


def turned(m: Moment) -> pd.DataFrame:
    """The checks that turned, newest first: one that was right and is wrong now, or right again; and one that was
    wrong when it was first judged.

    check, tier, severity, about, contest, count, scope, was (none: first judged), state, judged, wrong (of judged),
    largest (difference), judged_at, payload (the newest that its figures are of), feed, fetched_at (of the payload).
    """
    rows = _KEPT.of(m)
    rows = rows[rows["was"].notna() | (rows["state"] == "wrong")].reset_index(drop=True)
    named: dict[str, list[Any]] = {
        name: [getattr(CHECKS[c], name) if c in CHECKS else "" for c in rows["check"]]
        for name in ("tier", "severity", "about")
    }
    order = ["check", "tier", "severity", "about", *_KEYS[1:], "was", "state", "judged", "wrong", "largest",
             "judged_at", "payload", "feed", "fetched_at"]  # fmt: skip
    return rows.assign(**named, largest=rows["largest"].astype("float64"))[order]


def last(m: Moment) -> pd.DataFrame:
    """What each check came to when a poll was last judged: check, contest, count, scope, state."""
    return m.frame(
        """
        select check_id as "check", contest, count, scope, state from check_result
        where id in (
            select max(id) from check_result where load <= :load and judged_at <= :at
            group by check_id, contest, count, scope)
        """
    )


def waiting(m: Moment) -> int:
    """How many polls of this moment brought something and nobody has judged yet."""
    rows = m.frame(
        """
        select count(*) as polls from poll p
        where p.load is not null and p.load <= :load and p.source in (select source from feed)
            and not exists (select 1 from check_result r where r.poll = p.id)
        """,
        {"feed": feeds(m.election)},
    )
    return int(rows["polls"].item())


def newest(m: Moment) -> int:
    """The last result of this moment that was kept: what this file says of a past moment changes only with it."""
    rows = m.frame("select id from check_result where load <= :load and judged_at <= :at order by id desc limit 1")
    return int(rows["id"].item()) if len(rows) else 0


def states(m: Moment) -> pd.DataFrame:
    """`checks.checks`, and since when each state holds: since_at, since_payload, since_feed (none where no result of
    this state was kept yet)."""
    last = _KEPT.of(m).drop_duplicates(_KEYS)
    since = last[[*_KEYS, "state", "judged_at", "payload", "feed"]].rename(
        columns={"judged_at": "since_at", "payload": "since_payload", "feed": "since_feed"}
    )
    return checks.checks(m).merge(since, on=[*_KEYS, "state"], how="left")
