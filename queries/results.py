"""Results as the commission published them, PEC by PEC, added up here; machine and manual counts are two series."""

from collections.abc import Sequence

import pandas as pd

from elections.config import Election
from queries import grid
from queries.kept import KeptOfFacts
from queries.moment import Moment
from queries.published import feeds

COUNTS = ("machine", "manual")
_LINES = ("valid", "invalid")  # shown beside the lists


def results(
    m: Moment,
    by: Sequence[str] = ("list", "count"),
    contest: str | None = None,
    count: str | None = None,
    region: str | None = None,
    district: str | None = None,
) -> pd.DataFrame:
    """One row a contest, count and list (and region or district of the frame, where `by` names them).

    contest, count (machine, manual), [region, district], list, kind ('list', or 'line': valid and invalid ballots),
    votes, share (of base), base (ballots of the contest's `share_of` line at the same PECs), pecs (that have
    published this count), of (in the frame, abroad included).
    """
    grid.check_by("results", by, ("contest", "list", "count", "region", "district"))
    places = [name for name in ("region", "district") if name in by]
    placed = bool(places or region or district)
    found = _SUMS.of(m, placed=placed, contest=contest, count=count, region=region, district=district).copy()
    keys = ["contest", "count", *places]
    found[["region", "district"]] = found[["region", "district"]].astype("str").fillna("")
    sums = found.groupby([*keys, "line"], as_index=False)[["votes", "pecs"]].sum()
    rows = _whole(m, sums, keys, contest, count, region, district)
    bases = {c.id: c.share_of for c in m.election.contests}
    base = sums[sums["line"] == sums["contest"].map(bases)].rename(columns={"votes": "base"})
    rows = rows.merge(base[[*keys, "base", "pecs"]], on=keys, how="left")
    frame = _of(m, places, region, district)
    rows = rows.merge(frame, on=places, how="left") if places else rows.assign(of=int(frame["of"].sum()))
    for name in ("votes", "base", "pecs", "of"):
        rows[name] = rows[name].fillna(0).round().astype("int64")
    rows["share"] = rows["votes"] / rows["base"].where(rows["base"] > 0)
    return rows[[*keys, "list", "kind", "votes", "share", "base", "pecs", "of"]]


def _ask_sums(
    m: Moment, placed: bool, contest: str | None, count: str | None, region: str | None, district: str | None
) -> pd.DataFrame:
    """Votes and PECs by contest, count, line and, where it is `placed`, by region and district."""
    # every row of a PEC looks for its place: only where places are asked for, it is most of the time
    return m.frame(
        """
        select contest, count, region, district, line, cast(sum(value) as double precision) as votes, count(*) as pecs
        from counted
        where (cast(:contest as text) is null or contest = :contest)
            and (cast(:count as text) is null or count = :count)
        group by line, region, district, count, contest
        """,
        {"feed": feeds(m.election)},
        {"counted": _PLACED if placed else _COUNTED},
        contest=contest,
        count=count,
        **({"region": region, "district": district} if placed else {}),
    )


_SUMS = KeptOfFacts(_ask_sums, "published", "pec")
_COUNTED = """
    select contest, count, '' as region, '' as district, line, value, place from published_now
    where scope = 'pec' and unit = 'number' and count in ('machine', 'manual')
        and (source, contest, count, scope) in (select source, contest, count, scope from feed)"""
_PLACED = """
    select p.contest, p.count, f.region, f.district, p.line, p.value, p.place
    from published_now p join pec_now f on f.pec = p.place
    where p.scope = 'pec' and p.unit = 'number' and p.count in ('machine', 'manual')
        and (p.source, p.contest, p.count, p.scope) in (select source, contest, count, scope from feed)
        and (cast(:region as text) is null or f.region = :region)
        and (cast(:district as text) is null or f.district = :district)"""


def _names(election: Election, contest: str | None) -> pd.DataFrame:
    """Every list of every contest, then its lines: contest, list, kind."""
    rows = [
        {"contest": c.id, "list": name, "kind": kind}
        for c in election.contests
        if contest in (None, c.id)
        for kind, own in (("list", [item.id for item in c.lists]), ("line", list(_LINES)))
        for name in own
    ]
    return pd.DataFrame(rows, columns=["contest", "list", "kind"])


def _whole(
    m: Moment,
    sums: pd.DataFrame,
    keys: Sequence[str],
    contest: str | None,
    count: str | None,
    region: str | None,
    district: str | None,
) -> pd.DataFrame:
    """Every list and line of every contest and place, with its votes or 0, in the configuration's order."""
    asked = _names(m.election, contest)
    asked = asked.merge(pd.DataFrame({"count": [c for c in COUNTS if count in (None, c)]}), how="cross")
    if places := [name for name in keys if name in ("region", "district")]:
        known = grid.places(m.election, places, region, district, abroad=True)
        seen = sums[places].drop_duplicates()
        asked = asked.merge(pd.concat([known, seen], ignore_index=True).drop_duplicates(), how="cross")
    order = asked.assign(_order=range(len(asked))).sort_values(["_order"])
    rows = order.merge(sums.drop(columns="pecs"), left_on=[*keys, "list"], right_on=[*keys, "line"], how="left")
    order_of = {name: i for i, name in enumerate(dict.fromkeys(asked["list"]))}
    rows["_list"] = rows["list"].map(order_of)
    return rows.sort_values([*_sorted_by(keys), "_list"], kind="stable").reset_index(drop=True)


def _sorted_by(keys: Sequence[str]) -> list[str]:
    return [name for name in ("contest", "count") if name in keys]


def _of(m: Moment, places: Sequence[str], region: str | None, district: str | None) -> pd.DataFrame:
    """How many PECs the frame has, in all or by place."""
    found = m.frame(
        """
        select region, district, count(*) as "of" from pec_now
        where (cast(:region as text) is null or region = :region)
            and (cast(:district as text) is null or district = :district)
        group by region, district
        """,
        region=region,
        district=district,
    )
    found[["region", "district"]] = found[["region", "district"]].astype("str").fillna("")
    if not places:
        return found
    return found.groupby(list(places))["of"].sum().reset_index()


def progress(m: Moment, contest: str | None = None) -> pd.DataFrame:
    """How the commission's counts came in: contest, count, at_at (known here), pecs (with that count by then), of,
    value (pecs of of)."""
    return _PROGRESS.of(m, contest=contest).copy(deep=False)


def _ask_progress(m: Moment, contest: str | None) -> pd.DataFrame:
    rows = m.frame(
        """
        select p.contest, p.count, l.committed_at as at_at, count(*) as came
        from (
            select p.contest, p.count, p.place, min(p.load_from) as first
            from published p
            join feed on feed.source = p.source and feed.contest = p.contest and feed.count = p.count
                and feed.scope = p.scope
            join base_line b on b.contest = p.contest and b.line = p.line
            where p.scope = 'pec' and p.unit = 'number' and p.load_from <= :load and p.count in ('machine', 'manual')
                and (cast(:contest as text) is null or p.contest = :contest)
            group by p.contest, p.count, p.place) as p
        join load l on l.id = p.first
        group by p.contest, p.count, l.committed_at
        order by p.contest, p.count, l.committed_at
        """,
        {
            "feed": feeds(m.election),
            "base_line": _base_lines(m.election),
        },
        contest=contest,
    )
    rows["pecs"] = rows.astype({"came": "int64"}).groupby(["contest", "count"])["came"].cumsum()
    rows["of"] = int(_of(m, [], None, None)["of"].sum())
    rows["value"] = rows["pecs"] / rows["of"].where(rows["of"] > 0)
    return rows[["contest", "count", "at_at", "pecs", "of", "value"]]


_PROGRESS = KeptOfFacts(_ask_progress, "published", "pec")


def both(m: Moment, contest: str | None = None) -> pd.DataFrame:
    """Machine beside manual at the PECs that have published both: contest, list, kind, machine, manual, pecs."""
    rows = _BOTH.of(m, contest=contest)
    whole = _names(m.election, contest).merge(rows, on=["contest", "list"], how="left")
    numbers = ["machine", "manual", "pecs"]
    whole[numbers] = whole[numbers].astype("float64").fillna(0).round().astype("int64")
    return whole


def _ask_both(m: Moment, contest: str | None) -> pd.DataFrame:
    return m.frame(
        """
        with base as (
            select c.contest, c.place from counted c
            join base_line b on b.contest = c.contest and b.line = c.line
            group by c.contest, c.place having count(*) = 2)
        select contest, line as list,
            cast(sum(case when count = 'machine' then value else 0 end) as double precision) as machine,
            cast(sum(case when count = 'manual' then value else 0 end) as double precision) as manual,
            count(distinct place) as pecs
        from counted
        where (contest, place) in (select contest, place from base)
            and (cast(:contest as text) is null or contest = :contest)
        group by contest, line
        """,
        {"feed": feeds(m.election), "base_line": _base_lines(m.election)},
        {"counted": _COUNTED},
        contest=contest,
    )


_BOTH = KeptOfFacts(_ask_both, "published")


def _base_lines(election: Election) -> list[dict[str, str]]:
    return [{"contest": c.id, "line": c.share_of} for c in election.contests]
