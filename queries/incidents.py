"""Incidents: reports of them, counted; never a share of the country's polling stations.

An incident that could not be used as it came is *unsorted* until a person sorts it: it has no severity until then, and
stands before all others. What a person dismissed is no incident and counts nowhere; `dismissed` has it.
"""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from queries import grid
from queries.kept import KeptOfMoment
from queries.moment import Moment

BY = ("region", "district", "category", "severity", "hour", "day", "reporter")
URGENT = ["critical", "serious", "minor"]
_WRITTEN = ("description", "pec", "sender", "channel", "written")  # what a report can be found by
UNSORTED = "unsorted"  # the severity, and where nobody knows it the category, of what nobody has sorted yet
_BEGINS = 600_000  # ms: so long may a source's first load take until its poll is written down
DISMISSED, OPEN = "dismissed", "open"  # values of a decision, beside '<category>|<severity>'; open: taken back


def incidents(
    m: Moment,
    by: Sequence[str] = ("category",),
    region: str | None = None,
    district: str | None = None,
    category: str | None = None,
    severity: str | None = None,
    day: str | None = None,
) -> pd.DataFrame:
    """The columns of `by`, count (of reports), pecs (distinct, where one is named), critical (of the reports).

    by: region, district (the frame's; as reported where no PEC of the frame is named), category, severity (either may
    be 'unsorted'), hour (its start, local, ISO; of the event, or of the report where nobody said when), day (local),
    reporter (the observer's role; 'hotline' where there is none).
    """
    grid.check_by("incidents", by, BY)
    names = list(by)
    found = incident_list(m, region, district, category, severity, day)
    keyed = found.assign(count=1, is_critical=(found["severity"] == "critical").astype("int64"))
    counts = {"count": ("count", "sum"), "pecs": ("pec", "nunique"), "critical": ("is_critical", "sum")}
    if not names:
        rows = keyed.assign(all=0).groupby("all").agg(**counts).reindex([0], fill_value=0).reset_index(drop=True)
    else:
        rows = keyed.groupby(names, dropna=False).agg(**counts).reset_index()
    rows = rows.astype(dict.fromkeys(counts, "int64"))
    values = {
        "category": [c.id for c in m.election.categories if category in (None, c.id)],
        "severity": [
            s for s in (UNSORTED, *URGENT) if (severity or s) == s and (s in URGENT or s in set(found["severity"]))
        ],
        **{name: sorted(set(found[name])) for name in ("hour", "day", "reporter")},
    }
    axes = grid.axes(m.election, names, values, region, district)
    return grid.whole(rows, axes, list(counts)) if _all_have_values(axes) else rows


def _all_have_values(axes: Sequence[pd.DataFrame]) -> bool:
    return all(len(axis) for axis in axes)


def incident_list(
    m: Moment,
    region: str | None = None,
    district: str | None = None,
    category: str | None = None,
    severity: str | None = None,
    day: str | None = None,
    limit: int | None = None,
) -> pd.DataFrame:
    """The reports: unsorted ones first, then the most urgent; those of known observers before others, then the newest.

    incident, pec, region, district (the frame's, or as reported where it names no PEC of the frame),
    region_as_reported, district_as_reported, differs (bool: from the frame's), category, severity (either may be
    'unsorted'), occurred_at, reported_at (when it came in, where nobody said), hour, day (local), reporter, sender
    (the observer's code), known (bool: the sender is an observer of the frame), came_at (when the monitor learnt of
    it), learnt_at (when it learnt that it is of this severity, or to be sorted as it is: by a version or a person; of
    what its source brought when its first load began, when it was reported), channel, status, description (the
    observer's words), unsorted (bool), why (a tuple of codes: why it could not be used as it came), written (JSON:
    field -> what stood there), subject (what decisions call it), and of the decision of a person decided_by,
    decided_at, decided_why.
    """
    rows = _all(m)
    rows = rows[rows["decided"] != DISMISSED].drop(columns="decided")
    for name, value in {"region": region, "district": district, "category": category, "severity": severity}.items():
        rows = rows if value is None else rows[rows[name] == value]
    rows = rows if day is None else rows[rows["day"] == day]
    return (rows if limit is None else rows.head(limit)).reset_index(drop=True)


def vouched(rows: pd.DataFrame) -> pd.Series:
    """Which of `incident_list` an observer of the frame sent, or a person sorted."""
    return rows["known"] | (rows["decided_by"].notna() & ~rows["unsorted"])


def lately(m: Moment, times: pd.Series, minutes: int) -> pd.Series:
    """Which of these times are of the last minutes, as this moment sees it; one of a clock that was ahead is not."""
    return (times > m.at - timedelta(minutes=minutes)) & (times <= m.at + timedelta(minutes=1))


def unsorted(m: Moment) -> pd.DataFrame:
    """What a person must sort, wherever it happened: the rows of `incident_list`, those of known observers first."""
    rows = incident_list(m)
    return rows[rows["unsorted"]].reset_index(drop=True)


def decided(m: Moment) -> pd.DataFrame:
    """What a person has sorted or dismissed, the last decision first: the columns of `incident_list`, and dismissed."""
    rows = _all(m)
    rows = rows[rows["decided"].notna()].sort_values("decided_at", ascending=False, kind="stable")
    return rows.assign(dismissed=rows["decided"] == DISMISSED).drop(columns="decided").reset_index(drop=True)


def folded(rows: pd.DataFrame, most: int = 3) -> pd.DataFrame:
    """Of `incident_list`, of each severity at most so many reports of one sender, the first ones; `more`: how many
    others of theirs stand behind the last of them. Nobody's reports are one sender's where their words are the same."""
    words = rows["channel"].fillna("") + " " + rows["description"].fillna("")
    sender = rows["sender"].where(rows["sender"].notna(), words).rename("from")
    of_one = rows.groupby([rows["severity"], sender], sort=False)
    turn, size = of_one.cumcount(), of_one["incident"].transform("size")
    kept = rows.assign(more=(size - most).where((turn == most - 1) & (size > most), 0).astype("int64"))
    return kept[turn < most].reset_index(drop=True)


def beyond(rows: pd.DataFrame, shown: pd.DataFrame) -> int:
    """How many of `folded` reports neither stand in the lines that are shown nor behind them."""
    return len(rows) + int(rows["more"].sum()) - len(shown) - int(shown["more"].sum())


def found(rows: pd.DataFrame, words: str) -> pd.DataFrame:
    """Of `incident_list`, the reports that have these words in their description, PEC, sender or channel, as it came or
    as it was written; capitals are no matter."""
    wanted = words.strip().casefold()
    if not wanted:
        return rows
    has = [rows[name].map(lambda v: isinstance(v, str) and wanted in v.casefold()) for name in _WRITTEN]
    return rows[pd.concat(has, axis="columns").any(axis="columns")]


def _ask_all(m: Moment) -> pd.DataFrame:
    """Every report that stands, as a person sorted it, in the order of `incident_list`; decided: the decision."""
    rows = m.frame(
        """
        with last as (
            select subject, max(id) as id from decision where kind = 'incident' and load <= :load group by subject),
        version as (
            select source, incident, load_from,
                case when unsorted is null then coalesce(severity, '') else 'unsorted ' || coalesce(hash, '') end
                    as is_so
            from incident where load_from <= :load),
        step as (
            select source, incident, load_from, is_so,
                lag(is_so) over (partition by source, incident order by load_from) as was_so
            from version),
        news as (
            select source, incident, min(load_from) as came,
                max(case when was_so is null or was_so <> is_so then load_from end) as learnt
            from step group by source, incident),
        first as (
            select l.source, min(l.committed_at) as at,
                (select coalesce(p.load, (
                    select max(b.id) from load b where b.source = p.source and b.committed_at <= p.polled_at), 0)
                from poll p
                where p.id = (select min(o.id) from poll o where o.source = l.source and o.outcome = 'ok')) as load
            from load l
            group by l.source)
        select i.incident, i.pec, coalesce(p.region, r.region) as region, coalesce(p.district, i.district) as district,
            i.region as region_as_reported, i.district as district_as_reported,
            case when i.region <> p.region or i.district <> p.district then 1 else 0 end as differs,
            i.category, i.severity, i.occurred_at, coalesce(i.reported_at, l.committed_at) as reported_at,
            case when i.observer is null then 'hotline' else coalesce(o.role, 'unknown') end as reporter,
            i.observer as sender, case when o.observer is null then 0 else 1 end as known,
            c.committed_at as came_at,
            case when s.source = i.source and i.reported_at < first.at
                and (s.id <= first.load or first.load is null and s.committed_at < first.at + :begins)
                then i.reported_at else s.committed_at end as learnt_at,
            i.channel, i.status,
            i.description, i.unsorted as why, i.written,
            i.source || '|' || i.incident || '|' || i.hash as subject,
            case when d.value <> 'open' then d.value end as decided, d.who as decided_by, d.decided_at,
            d.why as decided_why
        from incident_now i
        join load l on l.id = i.load_from
        left join pec_now p on p.pec = i.pec
        left join own_region r on r.region = i.region
        left join observer_now o on o.source = i.source and o.observer = i.observer
        left join last on last.subject = i.source || '|' || i.incident || '|' || i.hash
        left join decision d on d.id = last.id
        join news on news.source = i.source and news.incident = i.incident
        join first on first.source = i.source
        join load c on c.id = news.came
        join load s on s.id = case when d.load > news.learnt then d.load else news.learnt end
        order by case when o.observer is null then 2 else 1 end, coalesce(i.occurred_at, i.reported_at, l.committed_at)
            desc, i.incident
        """,
        {"own_region": [{"region": region.id} for region in m.election.regions]},
        begins=_BEGINS,
    )
    rows[["differs", "known"]] = rows[["differs", "known"]].astype("bool")
    rows["unsorted"] = rows["why"].notna() & rows["decided"].isna()
    for part, name in enumerate(("category", "severity")):
        own = [str(d).split("|")[part] if isinstance(d, str) and d != DISMISSED else None for d in rows["decided"]]
        by_person = pd.Series(own, index=rows.index, dtype="object")
        rows[name] = by_person.where(by_person.notna(), rows[name].astype("object")).fillna(UNSORTED)
    rows["severity"] = rows["severity"].mask(rows["unsorted"], UNSORTED)
    rows["why"] = [tuple(codes.split()) if isinstance(codes, str) else () for codes in rows["why"]]
    rows["hour"] = _local(rows, m.election.tz, "h")
    rows["day"] = _local(rows, m.election.tz, "D")
    urgency = {severity: turn for turn, severity in enumerate((UNSORTED, *URGENT))}
    return rows.sort_values("severity", key=lambda s: s.map(urgency), kind="stable").reset_index(drop=True)


_EVERY = KeptOfMoment(_ask_all)  # many figures of a moment ask for them


def _all(m: Moment) -> pd.DataFrame:
    return _EVERY.of(m)


def _local(rows: pd.DataFrame, zone: ZoneInfo, unit: str) -> pd.Series:
    """The local hour (its start, ISO) or day of each event, as text."""
    at = rows["occurred_at"].fillna(rows["reported_at"]).dt.tz_convert(zone)
    if unit == "D":
        written = [t.strftime("%Y-%m-%d") for t in at]
    else:
        written = [t.replace(minute=0, second=0, microsecond=0).isoformat() for t in at]
    return pd.Series(written, index=rows.index, dtype="str")  # text where there is no event, too
