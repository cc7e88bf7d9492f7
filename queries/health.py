"""The health of the sources: when each was last read, what it brought, what was set aside, what is kept of it."""

from datetime import datetime

import pandas as pd

from queries import bursts, frame, incidents, refused
from queries.moment import Moment
from store import alarms, clocks, writable

AMBER, RED = 2, 5  # intervals since the last successful poll


def health(m: Moment) -> pd.DataFrame:
    """One row a source: source, kind, last_success_at, last_change_at (when its data last changed), age (seconds

    since the last success), state ('ok', 'amber' from two intervals, 'red' from five, 'never'), seen (rows, in the
    last successful poll), changed (rows, in the last load that changed any), quarantined (rows that are set aside now)
    of `of` (with those that were used at the last look), error (of the last poll, if it failed), alarms
    (`store.alarms.Alarm`s of the last poll, where the source could be read and somebody must look at it all the same),
    interval (seconds), polls and failed (of these, in the last hour).
    """
    asked = [
        {"source": s.id, "place": i, "kind": s.kind, "seconds": s.interval} for i, s in enumerate(m.election.sources)
    ]
    rows = m.frame(
        """
        select s.source, s.kind, success.polled_at as last_success_at, change.committed_at as last_change_at,
            success.seen, change.changed, coalesce(aside.quarantined, 0) as quarantined,
            coalesce(aside.quarantined, 0) + counted.used as "of",
            case when latest.outcome <> 'ok' then coalesce(latest.error, latest.outcome) end as error,
            case when latest.outcome = 'ok' then latest.error end as alarm,
            s.seconds as every, coalesce(hour.polls, 0) as polls, coalesce(hour.failed, 0) as failed
        from asked_source s
        left join poll success on success.id =
            (select max(id) from poll where source = s.source and outcome = 'ok' and polled_at <= :at)
        left join poll latest on latest.id = (select max(id) from poll where source = s.source and polled_at <= :at)
        left join poll counted on counted.id =
            (select max(id) from poll where source = s.source and used is not null and polled_at <= :at)
        left join load change on change.id = (
            select max(id) from load
            where source = s.source and id <= :load and (changed > 0 or withdrawn > 0))
        left join (
            select source, count(*) as quarantined from quarantine_now group by source) as aside
            on aside.source = s.source
        left join (
            select source, count(*) as polls, sum(case when outcome <> 'ok' then 1 else 0 end) as failed
            from poll where polled_at <= :at and polled_at > :at - 3600000 group by source) as hour
            on hour.source = s.source
        order by s.place
        """,
        {"asked_source": asked},
    ).rename(columns={"every": "interval"})
    told = [tuple(alarms.read(text if isinstance(text, str) else None)) for text in rows.pop("alarm")]
    rows["alarms"] = pd.Series(told, index=rows.index, dtype="object")
    return aged(rows, m.at)[["source", "kind", "last_success_at", "last_change_at", "age", "state", "seen", "changed",
                 "quarantined", "of", "error", "alarms", "interval", "polls", "failed"]]  # fmt: skip


def aged(rows: pd.DataFrame, at: datetime) -> pd.DataFrame:
    """Rows of `health` with age and state as they are at this time, where nothing has come since."""
    seconds = (pd.Timestamp(at) - rows["last_success_at"]).dt.total_seconds()
    intervals = seconds / rows["interval"]
    state = pd.Series("ok", index=rows.index).mask(intervals > AMBER, "amber").mask(intervals > RED, "red")
    state = state.mask(rows["last_success_at"].isna(), "never")
    return rows.assign(age=seconds.round().astype("Int64"), state=state)


def polls(m: Moment, minutes: int = 60) -> pd.DataFrame:
    """The looks at the sources in the last so many minutes, oldest first: source, polled_at, outcome."""
    return m.frame(
        """
        select source, polled_at, outcome from poll
        where polled_at <= :at and polled_at > :at - :minutes * 60000
        order by source, id
        """,
        minutes=minutes,
    )


def loads(m: Moment, limit: int = 50) -> pd.DataFrame:
    """The last loads, newest first: load, source, committed_at, seen, changed, unchanged, set_aside, withdrawn,
    seconds (it took, by the clock of the monitor).
    """
    return m.frame(
        """
        select id as "load", source, committed_at, seen, changed, unchanged, set_aside, withdrawn,
            (committed_at - started_at) / 1000 as seconds
        from load where id <= :load order by id desc limit :limit
        """,
        limit=limit,
    )


def quarantined(
    m: Moment, source: str | None = None, place: str | None = None, reason: str | None = None, limit: int = 200
) -> pd.DataFrame:
    """What is set aside now, or what of it has this cause, newest first: source, place, key, pec, observer (that it is
    about), field, reason, detail, raw (without names and telephones), since_at. What is under embargo is in it: show
    `embargo.open_quarantine` of it.
    """
    return m.frame(
        """
        select q.source, q.place, q.key, q.pec, q.observer, q.field, q.reason, q.detail, q.raw,
            l.committed_at as since_at
        from quarantine_now q join load l on l.id = q.load_from
        where (cast(:source as text) is null or q.source = :source)
            and (cast(:place as text) is null or q.place = :place)
            and (cast(:reason as text) is null or q.reason = :reason)
        order by q.load_from desc, q.id limit :limit
        """,
        source=source,
        place=place,
        reason=reason,
        limit=limit,
    )


def causes(m: Moment) -> pd.DataFrame:
    """Why rows are set aside now, all of them counted, most first: source, place (view or feed), reason, rows, pecs and
    observers (how many they are about), since_at (when the first of them came).
    """
    return m.frame(
        """
        select q.source, q.place, q.reason, count(*) as rows, count(distinct q.pec) as pecs,
            count(distinct q.observer) as observers, min(l.committed_at) as since_at
        from quarantine_now q join load l on l.id = q.load_from
        group by q.source, q.place, q.reason
        order by count(*) desc, q.source, q.place, q.reason
        """
    )


def is_red(m: Moment) -> bool:
    """Whether something stands red over what the day itself says: a source that does not answer or has an alarm, rows
    or a payload that are lost and nobody has accepted it, an incident that nobody has sorted, a frame that is not as
    the sample was drawn, a burst; now also a store that cannot be written, or whose clock is not this machine's."""
    sources = health(m)
    bad = sources["state"].isin(("red", "never")) | sources["alarms"].map(bool)
    lost = refused.losses(m)["accepted_by"].isna().any() or refused.refused(m)["accepted_by"].isna().any()
    said = len(incidents.unsorted(m)) or len(bursts.bursts(m)) or not frame.frame(m)["fits"].all()
    return bool(bad.any() or lost or said or (m.live and _is_store_red(m)))


def _is_store_red(m: Moment) -> bool:
    try:
        writable.check(m.engine)
    except writable.Unwritable:  # the log says why
        return True
    with m.engine.connect() as conn:
        return clocks.apart(clocks.of_database(conn)) != 0


def archive(m: Moment, limit: int = 50) -> pd.DataFrame:
    """The last payloads that are kept, newest first: payload, source, feed, url, fetched_at, status, size, sha256."""
    return m.frame(
        """
        select id as payload, source, feed, url, fetched_at, status, size, sha256
        from payload where fetched_at <= :at order by id desc limit :limit
        """,
        limit=limit,
    )
