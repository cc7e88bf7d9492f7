"""The change log: every figure that the commission changed after it had published it, and what vanished.

Built from the versions of `published`: a version that ended and has a successor from the same load was changed, one
without was taken away. While counts stream in, a table's totals grow with every PEC; that is no change of anything
published, and is left out: the table's `pecs` line rose in the same load and the figure did not fall. A table
without such a line is taken to grow where a number rises and a percentage moves.
"""

import pandas as pd

from elections.config import Election
from queries.kept import KeptOfMoment
from queries.moment import Given, Moment
from queries.sheets import sheets

KINDS = ("changed", "relabelled", "line_vanished", "vanished")
COLUMNS = ["seen_at", "kind", "contest", "count", "scope", "place", "hour", "line", "unit", "from_value", "to_value",
           "size", "votes", "after_manual", "lines", "region", "district", "returned_at", "from_payload", "to_payload",
           "load"]  # fmt: skip
VOTED = "voted"  # the line of a turnout that can only grow

_VIEWS = {
    "step": """
        select e.source, e.contest, e.scope, e.place, e.count, e.hour, e.line, e.unit, e.load_to as load,
            e.value as from_value, n.value as to_value, e.payload as from_payload, n.payload as to_payload,
            coalesce(n.region, e.region) as region, coalesce(n.district, e.district) as district,
            case when exists (select 1 from listed l where l.contest = e.contest and l.list = e.line)
                then 1 else 0 end as votes
        from published e
        left join published n on n.source = e.source and n.contest = e.contest and n.scope = e.scope
            and n.place = e.place and n.count = e.count and n.hour = e.hour and n.line = e.line and n.unit = e.unit
            and n.load_from = e.load_to
        where e.load_to is not null and e.load_to <= :load""",
    "grown": """
        select source, contest, scope, place, count, hour, load from step
        where line = 'pecs' and unit = 'number' and to_value > from_value""",
    "revised": """
        select s.* from step s
        left join grown g on g.source = s.source and g.contest = s.contest and g.scope = s.scope
            and g.place = s.place and g.count = s.count and g.hour = s.hour and g.load = s.load
        where s.to_value is not null and s.to_value <> s.from_value and not (
            s.scope <> 'pec' and (s.unit = 'percent' or s.to_value > s.from_value) and (g.load is not null
                or s.count <> 'turnout' and not exists (
                    select 1 from published p where p.source = s.source and p.contest = s.contest
                        and p.scope = s.scope and p.place = s.place and p.count = s.count and p.hour = s.hour
                        and p.line = 'pecs' and p.unit = 'number')))""",
    "event": """
        select source, contest, scope, place, count, hour, line, unit, load, 'changed' as kind, 1 as lines, votes,
            from_value, to_value, from_payload, to_payload, region, district
        from revised
        union all
        select source, contest, scope, place, count, hour, '', '', load, 'relabelled', count(*), 0,
            null, null, max(from_payload), max(to_payload), max(region), max(district)
        from step where to_value = from_value
        group by source, contest, scope, place, count, hour, load
        union all
        select s.source, s.contest, s.scope, s.place, s.count, s.hour,
            case when count(*) = 1 then max(s.line) else '' end, '', s.load, case when exists (
                select 1 from published p where p.source = s.source and p.contest = s.contest and p.scope = s.scope
                    and p.place = s.place and p.count = s.count and p.hour = s.hour
                    and p.load_from <= s.load and (p.load_to is null or p.load_to > s.load))
                then 'line_vanished' else 'vanished' end,
            count(*), max(s.votes), case when count(*) = 1 then max(s.from_value) end, null,
            max(s.from_payload), null, max(s.region), max(s.district)
        from step s where s.to_value is null
        group by s.source, s.contest, s.scope, s.place, s.count, s.hour, s.load""",
}


def changes(
    m: Moment,
    contest: str | None = None,
    count: str | None = None,
    region: str | None = None,
    district: str | None = None,
    pec: str | None = None,
    kind: str | None = None,
) -> pd.DataFrame:
    """One row a figure that was changed, and a protocol (or a line of it) that vanished: those of votes first,
    then the largest; equal ones newest first.

    seen_at (when the monitor learnt it), kind (one of `KINDS`; relabelled: the same figures under another region or
    district), contest, count, scope, place (PEC, region or ''), hour (of a turnout), line ('': several), unit,
    from_value, to_value, size (how far apart), votes (bool: a list's votes are touched), after_manual (bool: the
    PEC's manual protocol was out before that; none of tables), lines (how many figures the row is about), region and
    district (the frame's of a PEC, else as published), returned_at (when what vanished was published again),
    from_payload, to_payload, load.
    """
    asked = {"contest": contest, "count": count, "region": region, "district": district, "pec": pec, "kind": kind}
    return _asked_changes(m, **asked) if any(asked.values()) else _CHANGES.of(m).copy(deep=False)


def _asked_changes(m: Moment, **asked: str | None) -> pd.DataFrame:
    # load_from + 0: PostgreSQL else reads all that was published since, for every row, not the place's own figures
    rows = m.frame(
        """
        select l.committed_at as seen_at, e.kind, e.contest, e.count, e.scope, e.place, e.hour, e.line, e.unit,
            e.from_value, e.to_value, abs(e.to_value - e.from_value) as size, e.votes,
            case when e.scope = 'pec' then case when exists (
                select 1 from feed f join published h on h.source = f.source and h.contest = e.contest
                    and h.scope = 'pec' and h.place = e.place and h.count = 'manual'
                where f.contest = e.contest and h.load_from + 0 < e.load) then 1 else 0 end end as after_manual,
            e.lines, coalesce(p.region, e.region) as region, coalesce(p.district, e.district) as district,
            case when e.to_value is null then (
                select min(back.committed_at) from published r join load back on back.id = r.load_from
                where r.source = e.source and r.contest = e.contest and r.scope = e.scope and r.place = e.place
                    and r.count = e.count and r.hour = e.hour and (e.line = '' or r.line = e.line)
                    and r.load_from + 0 > e.load and r.load_from + 0 <= :load
                    and e.kind <> 'relabelled') end as returned_at,
            e.from_payload, e.to_payload, e.load
        from event e
        join load l on l.id = e.load
        left join pec_now p on e.scope = 'pec' and p.pec = e.place
        where (cast(:contest as text) is null or e.contest = :contest)
            and (cast(:count as text) is null or e.count = :count)
            and (cast(:pec as text) is null or e.scope = 'pec' and e.place = :pec)
            and (cast(:kind as text) is null or e.kind = :kind)
            and (cast(:region as text) is null or coalesce(p.region, e.region, e.place) = :region)
            and (cast(:district as text) is null or coalesce(p.district, e.district) = :district)
        order by e.votes desc, coalesce(abs(e.to_value - e.from_value), 0) desc, l.committed_at desc,
            e.contest, e.count, e.place, e.hour, e.line
        """,
        _given(m.election),
        _VIEWS,
        **asked,
    )
    rows["votes"] = rows["votes"].astype("bool")
    rows["after_manual"] = rows["after_manual"].astype("boolean")
    numbers = ["from_value", "to_value", "size"]
    rows[numbers] = rows[numbers].astype("float64")
    return rows[COLUMNS]


_CHANGES = KeptOfMoment(
    lambda m: _asked_changes(m, contest=None, count=None, region=None, district=None, pec=None, kind=None)
)


def counted(m: Moment, **place: str) -> dict[str, int]:
    """How many figures were changed or vanished (region, district: there): figures, votes (of these)."""
    found = changes(m, **place)
    return {"figures": int(found["lines"].sum()), "votes": int(found.loc[found["votes"], "lines"].sum())}


def changes_by_hour(m: Moment) -> pd.DataFrame:
    """How many figures were changed or vanished, hour by hour: hour_at, kind, figures, pecs, votes (of the figures)."""
    found = changes(m)
    hours = found.assign(
        hour_at=found["seen_at"].dt.tz_convert(m.election.tz).dt.floor("h").dt.tz_convert("UTC"),
        pecs=found["place"].where(found["scope"] == "pec"),
        votes=found["lines"].where(found["votes"], 0),
    )
    summed = hours.groupby(["hour_at", "kind"]).agg(
        figures=("lines", "sum"), pecs=("pecs", "nunique"), votes=("votes", "sum")
    )
    return summed.reset_index()


def falls(m: Moment, contest: str | None = None) -> pd.DataFrame:
    """Published turnout counts that are lower than those of an earlier hour: contest, scope, place, hour, count,
    earlier_hour, earlier_count, payload."""
    found = _FALLS.of(m).copy(deep=False)
    return found if contest is None else found[found["contest"] == contest].reset_index(drop=True)


def steps(m: Moment) -> pd.DataFrame:
    """Published turnout counts beside that of the hour before: source, contest, scope, place, hour, payload, count,
    earlier_hour, earlier_count (none at the first)."""
    return _STEPS.of(m).copy(deep=False)


def _falls(m: Moment) -> pd.DataFrame:
    rows = steps(m)
    fell = rows[rows["count"] < rows["earlier_count"]]
    order = fell.assign(size=fell["count"] - fell["earlier_count"]).sort_values(["size", "place", "hour"])
    return order[
        ["contest", "scope", "place", "hour", "count", "earlier_hour", "earlier_count", "payload"]
    ].reset_index(drop=True)


def _steps(m: Moment) -> pd.DataFrame:
    counts = sheets(m).of(count="turnout")
    names = ["source", "contest", "scope", "place", "hour", "payload"]
    rows = pd.DataFrame({name: counts.keys[name] for name in names}).assign(count=counts.line(VOTED))
    rows = rows[rows["count"].notna()].sort_values(["source", "contest", "scope", "place", "hour"])
    before = rows.groupby(["source", "contest", "scope", "place"], sort=False)
    return rows.assign(earlier_hour=before["hour"].shift(), earlier_count=before["count"].shift())


_STEPS = KeptOfMoment(_steps)
_FALLS = KeptOfMoment(_falls)  # a figure, and a check


def _given(election: Election) -> Given:
    sources = {(s.id, f.contest) for s in election.sources for f in s.feeds}
    return {
        "listed": [{"contest": c.id, "list": item.id} for c in election.contests for item in c.lists]
        or [{"contest": "", "list": ""}],
        "feed": [{"source": source, "contest": contest} for source, contest in sorted(sources)]
        or [{"source": "", "contest": ""}],
    }
