"""What changed in the last minutes: reports that came, were corrected or withdrawn, incidents, failures, results."""

import pandas as pd

from queries import equipment, incidents
from queries.kept import KeptOfMoment
from queries.moment import Moment

WHAT = (
    "report_in", "report_corrected", "report_withdrawn", "incident", "incident_critical", "episode_open", "episode_end",
    "published",
)  # fmt: skip
AT_MOST = 2  # rows that say the same of the same place, or are incidents of one sender and severity


def recent(m: Moment, minutes: int = 15, region: str | None = None, limit: int = 200) -> pd.DataFrame:
    """What the monitor learnt in the last minutes, newest first; of what happened more often the newest, so that
    neither who sends many nor many strangers hide the others.

    at_at (known here), what (one of `WHAT`), pec, region (none for what the commission published), detail (the
    report's form, the incident's category, the episode's device, the commission's count and hour), number (answers
    corrected, PECs published where it was by PEC), severity and sender (of an incident), known (bool: the sender of an
    incident is an observer of the frame, or a person sorted it; of anything else true), more (other incidents of this
    sender and severity that stand behind this one). An incident that came earlier and is critical only now is an
    `incident_critical`; one that came and went, or was dismissed, is none.
    """
    rows = _recent(m, minutes)
    rows = _folded(rows if region is None else rows[rows["region"] == region])
    return rows[rows.groupby("known").cumcount() < limit].reset_index(drop=True)


def _folded(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each thing the newest rows, and how many others of its sender stand behind the last of them."""
    same = rows["what"] + "|" + rows["detail"].fillna("") + "|" + rows["pec"].fillna("")
    sender = rows["sender"].where(rows["sender"].notna(), same).rename("from")
    of_one = rows.groupby([sender, rows["severity"].fillna("")], sort=False)
    turn, size = of_one.cumcount(), of_one["what"].transform("size")
    last = (turn == AT_MOST - 1) & (size > AT_MOST) & rows["sender"].notna()
    return rows.assign(more=(size - AT_MOST).where(last, 0).astype("int64"))[turn < AT_MOST]


def _ask_recent(m: Moment, minutes: int) -> pd.DataFrame:
    since = pd.Timestamp(m.at) - pd.Timedelta(minutes=minutes)
    # cross join: SQLite then keeps to this order, from the few fresh loads on, and does not read every answer
    rows = m.frame(
        """
        with fresh as (
            select id, committed_at from load
            where id <= :load and committed_at > :since and committed_at <= :at + 60000),
        came as (
            select r.source, r.report, r.pec, r.form, l.committed_at as at,
                case when exists (
                    select 1 from report o
                    where o.source = r.source and o.report = r.report and o.load_from < r.load_from)
                    then 'report_corrected' else 'report_in' end as what, cast(null as bigint) as number
            from fresh l join report r on r.load_from = l.id
            where r.held is null),
        corrected as (
            select r.source, r.report, r.pec, r.form, l.committed_at as at, 'report_corrected' as what,
                count(*) as number
            from fresh l
            cross join answer a
            cross join report_now r
            where a.load_from = l.id and r.source = a.source and r.report = a.report and r.held is null and exists (
                select 1 from answer o where o.source = a.source and o.report = a.report
                    and o.question = a.question and o.load_from < a.load_from)
            group by r.source, r.report, r.pec, r.form, l.committed_at),
        withdrawn as (
            select r.pec, r.form, l.committed_at as at
            from fresh l join report r on r.load_to = l.id
            where r.held is null and not exists (
                select 1 from report n where n.source = r.source and n.report = r.report and n.load_from = l.id))
        select at as at_at, what, e.pec, p.region, detail, number
        from (
            select at, what, pec, form as detail, number from corrected
            union all
            select at, what, pec, form, number from came c
            where not exists (
                select 1 from corrected d where d.source = c.source and d.report = c.report and d.at = c.at)
            union all select at, 'report_withdrawn', pec, form, null from withdrawn
            union all
            select l.committed_at, 'published', null,
                case when v.hour = '' then v.count else v.count || ' ' || v.hour end,
                nullif(count(distinct case when v.scope = 'pec' then v.place end), 0)
            from fresh l
            cross join published v
            where v.load_from = l.id and v.scope in ('pec', 'region')
            group by l.committed_at, v.count, v.hour
        ) as e
        left join pec_now p on p.pec = e.pec
        order by at desc, e.pec, detail
        """,
        since=since.to_pydatetime(),
    )
    rows = rows.assign(severity=None, sender=None, known=True)
    return _with_episodes(m, _with_incidents(m, rows, minutes), since)


_LAST: KeptOfMoment[dict[int, pd.DataFrame]] = KeptOfMoment(lambda m: {})  # minutes -> what happened in them


def _recent(m: Moment, minutes: int) -> pd.DataFrame:
    known = _LAST.of(m)
    if minutes not in known:
        known[minutes] = _ask_recent(m, minutes)
    return known[minutes]


def counts(m: Moment, minutes: int = 15, region: str | None = None) -> pd.DataFrame:
    """How often each of `WHAT` happened in the last minutes: what, number; the newest first."""
    rows = _recent(m, minutes)
    rows = rows if region is None else rows[rows["region"] == region]
    return rows.groupby("what", sort=False).size().rename("number").reset_index()


def _with_incidents(m: Moment, rows: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """And the incidents that came, or became critical."""
    listed = incidents.incident_list(m)
    came = incidents.lately(m, listed["came_at"], minutes)
    listed["what"] = came.map({True: "incident", False: "incident_critical"})
    listed["at_at"] = listed[["came_at", "learnt_at"]].max(axis="columns")
    listed["known"] = incidents.vouched(listed)
    news = listed[came | ((listed["severity"] == "critical") & incidents.lately(m, listed["learnt_at"], minutes))]
    told = ["at_at", "what", "pec", "region", "detail", "severity", "sender", "known"]
    return _put(rows, news.rename(columns={"category": "detail"})[told])


def _with_episodes(m: Moment, rows: pd.DataFrame, since: pd.Timestamp) -> pd.DataFrame:
    """The reports of failures told as what they say: it began, it ended."""
    forms = equipment.episode_forms(m.election)
    news = equipment.episodes(m)
    news = news[news["known_at"] > since]
    told = pd.DataFrame(
        {
            "at_at": news["known_at"],
            "what": news["to_at"].notna().map({True: "episode_end", False: "episode_open"}).astype("object"),
            "pec": news["pec"],
            "region": news["region"],
            "detail": news["device"],
            "known": True,
        }
    )
    others = rows[~(rows["detail"].isin(forms) & rows["what"].isin(["report_in", "report_corrected"]))]
    return _put(others, told)


def _put(rows: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Both together, the newest first."""
    some = [part for part in (rows, told) if len(part)] or [rows]
    both = pd.concat(some, ignore_index=True).reindex(columns=rows.columns)
    return both.sort_values("at_at", ascending=False, kind="stable")
