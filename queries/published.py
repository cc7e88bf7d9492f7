"""What the commission published: which of its figures count, and its turnout by hour."""

from typing import Any

import pandas as pd

from elections.config import Election
from queries.kept import KeptOfMoment
from queries.moment import Moment

TURNOUT = ("published", "published_voted", "published_registered", "published_pecs", "published_regions",
           "published_regions_of", "published_at")  # fmt: skip


def feeds(election: Election) -> list[dict[str, Any]]:
    """The source of each kind of figure: source, contest, count, scope; the first where several publish the same."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for source in election.sources:
        for feed in source.feeds:
            row = {"source": source.id, "contest": feed.contest, "count": feed.count, "scope": feed.scope}
            found.setdefault((feed.contest, feed.count, feed.scope), row)
    return list(found.values()) or [{"source": "", "contest": "", "count": "", "scope": ""}]


def published_turnout(m: Moment, by_region: bool = False) -> pd.DataFrame:
    """The commission's turnout inside the country: contest, hour, [region], and the columns of `TURNOUT`.

    For the country the regions are added up, and the share stands only when every region inside it has published both
    its voters and those who voted; published_pecs only where each says it. published_regions: in so many who voted.
    """
    rows = _BY_REGION.of(m).copy()
    counts = ["published_voted", "published_registered", "published_pecs"]
    rows[counts] = rows[counts].astype("float64")
    rows["published_regions"] = rows["published_voted"].notna().astype("int64")
    rows["published_regions_of"] = 1
    rows["based"] = (rows["published_voted"].notna() & (rows["published_registered"] > 0)).astype("int64")
    if not by_region:
        grouped = rows.groupby(["contest", "hour"])
        found = grouped[[*counts, "published_regions", "based"]].sum(min_count=1).join(grouped["published_at"].max())
        said = grouped["published_pecs"].count() == grouped["published_regions"].size()
        rows = found.assign(published_pecs=found["published_pecs"].where(said)).reset_index()
        rows["published_regions_of"] = len(inside(m.election))
    whole = rows["based"] == rows["published_regions_of"]
    rows["published"] = (rows["published_voted"] / rows["published_registered"]).where(whole)
    rows[counts] = rows[counts].round().astype("Int64")
    return rows[["contest", "hour", *(["region"] if by_region else []), *TURNOUT]]


def _by_region(m: Moment) -> pd.DataFrame:
    """What each region inside the country published of each hour."""
    return m.frame(
        """
        select p.contest, p.hour, p.place as region,
            max(case when p.line = 'voted' then p.value end) as published_voted,
            max(case when p.line = 'registered' then p.value end) as published_registered,
            max(case when p.line = 'pecs' then p.value end) as published_pecs,
            max(l.committed_at) as published_at
        from published_now p
        join feed f on f.source = p.source and f.contest = p.contest and f.count = p.count and f.scope = p.scope
        join load l on l.id = p.load_from
        where p.count = 'turnout' and p.scope = 'region' and p.unit = 'number'
            and p.place in (select region from inside)
        group by p.contest, p.hour, p.place
        order by p.contest, p.hour, p.place
        """,
        {"feed": feeds(m.election), "inside": [{"region": r} for r in inside(m.election)]},
    )


_BY_REGION = KeptOfMoment(_by_region)


def inside(election: Election) -> list[str]:
    """The regions inside the country."""
    return [r.id for r in election.regions if not r.abroad]
