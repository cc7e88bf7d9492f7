"""Incidents: reports of them, counted; never a share of the country's polling stations."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pandas as pd

from queries import grid
from queries.moment import Moment

BY = ("region", "district", "category", "severity", "hour", "day", "reporter")
URGENT = ["critical", "serious", "minor"]


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

    by: region, district (the frame's; as reported where no PEC of the frame is named), category, severity, hour
    (its start, local, ISO; of the event, or of the report where nobody said when), day (local), reporter (the
    observer's role; 'hotline' where there is none).
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
        "severity": [s for s in URGENT if severity in (None, s)],
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
    """The reports, most urgent first, the newest of them on top.

    incident, pec, region, district (the frame's, or as reported where it names no PEC of the frame),
    region_as_reported, district_as_reported, differs (bool: from the frame's), category, severity, occurred_at,
    reported_at, hour, day (local), reporter, channel, status, description (the observer's words).
    """
    rows = m.frame(
        """
        select i.incident, i.pec, coalesce(p.region, i.region) as region, coalesce(p.district, i.district) as district,
            i.region as region_as_reported, i.district as district_as_reported,
            case when i.region <> p.region or i.district <> p.district then 1 else 0 end as differs,
            i.category, i.severity, i.occurred_at, i.reported_at,
            case when i.observer is null then 'hotline' else coalesce(o.role, 'unknown') end as reporter,
            i.channel, i.status, i.description
        from incident_now i
        left join pec_now p on p.pec = i.pec
        left join observer_now o on o.source = i.source and o.observer = i.observer
        where (cast(:region as text) is null or coalesce(p.region, i.region) = :region)
            and (cast(:district as text) is null or coalesce(p.district, i.district) = :district)
            and (cast(:category as text) is null or i.category = :category)
            and (cast(:severity as text) is null or i.severity = :severity)
        order by case i.severity when 'critical' then 1 when 'serious' then 2 else 3 end,
            coalesce(i.occurred_at, i.reported_at) desc, i.incident
        """,
        region=region,
        district=district,
        category=category,
        severity=severity,
    )
    rows["differs"] = rows["differs"].astype("bool")
    rows["hour"] = _local(rows, m.election.tz, "h")
    rows["day"] = _local(rows, m.election.tz, "D")
    if day is not None:
        rows = rows[rows["day"] == day].reset_index(drop=True)
    return rows if limit is None else rows.head(limit)


def _local(rows: pd.DataFrame, zone: ZoneInfo, unit: str) -> pd.Series:
    """The local hour (its start, ISO) or day of each event, as text."""
    at = rows["occurred_at"].fillna(rows["reported_at"]).dt.tz_convert(zone)
    if unit == "D":
        written = [t.strftime("%Y-%m-%d") for t in at]
    else:
        written = [t.replace(minute=0, second=0, microsecond=0).isoformat() for t in at]
    return pd.Series(written, index=rows.index, dtype="str")  # text where there is no event, too
