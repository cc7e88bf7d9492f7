"""Tier A of the checks: published totals against the sums of their parts.

While counts stream in, a table and its PECs are of different moments. They are held against each other only where
they are of the same one: the table says of how many PECs it is, we have as many, and it was the same before and after
they were fetched (`loaders.commission` asks for it on both sides), none of them changed since; or both stood still over
a whole poll that found nothing new of them. Otherwise there is nothing to say yet.

Where some PECs lack a line the total cannot be lower than the sum of the others, and a list's cannot be higher by more
than the valid ballots of those PECs.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from queries.check_kinds import Columns, Outcome
from queries.moment import Moment
from queries.published import feeds
from queries.sheets import Floats, Kind, Rows, Sheets

PECS = "pecs"  # the line of a table that says of how many PECs it is
_NEAR = 1e-6
_MOVES = ("source", "contest", "count", "scope", "hour")
_At = NDArray[np.intp]
Row = dict[str, Any]
Judged = list[tuple[str, Kind, int]]
_Found = tuple[list[Columns], Judged]


def totals(m: Moment, published: Sheets) -> Outcome:
    """Tables of the country and the regions against their PECs, and the country's against the regions'."""
    still, named = _Still(m, published), _regions(m)
    lists = {item.id for contest in m.election.contests for item in contest.lists}
    findings: list[Columns] = []
    made: Judged = []
    scopes, places = published.keys["scope"], published.keys["place"]
    for at in _alike(published):
        scope = scopes[at]
        pecs, regions, country = at[scope == "pec"], at[scope == "region"], at[scope == "country"]
        groups = [(table, pecs) for table in country]
        if len(regions) and len(pecs):
            groups += _by_region(published, regions, pecs, named)
        compared = [_against_pecs(published, table, parts, still, lists) for table, parts in groups if len(parts)]
        if set(places[regions]) == {r.id for r in m.election.regions}:
            compared += [_against_regions(published, table, regions, still, lists) for table in country]
        findings += [f for found, _ in compared for f in found]
        made += [j for _, counted in compared for j in counted]
    return Outcome(findings, made)


def _alike(published: Sheets) -> list[_At]:
    """The rows of each contest, count and hour that has a table."""
    names = [published.keys[n] for n in ("contest", "count", "hour")]
    tables = np.flatnonzero(published.keys["scope"] != "pec")
    kinds = sorted({tuple(n[i] for n in names) for i in tables})
    return [np.flatnonzero(np.all([n == k for n, k in zip(names, kind, strict=True)], axis=0)) for kind in kinds]


def _against_pecs(published: Sheets, table: int, parts: _At, still: "_Still", lists: Collection[str]) -> _Found:
    """A table against the PECs that it is the total of."""
    row = _row(published, table)
    kind = (row["contest"], row["count"], row["scope"])
    stated, ours = float(published.line(PECS)[table]), float(len(parts))
    said = stated == stated
    quiet = still.of(row)
    findings: list[Columns] = []
    judged: Judged = [("total_pecs", kind, int(said and (stated == ours or quiet)))]
    if said and stated != ours:
        if quiet:
            findings.append(_finding("total_pecs", row, [PECS], np.array([stated]), np.array([ours])))
        return findings, [*judged, ("total_is_sum", kind, 0)]
    if not quiet and (not said or not still.stood_around_pecs(row)):
        return findings, [*judged, ("total_is_sum", kind, 0)]
    found, compared = _against_sum("total_is_sum", published, table, parts, lists)
    return [*findings, *found], [*judged, ("total_is_sum", kind, compared)]


def _against_regions(published: Sheets, table: int, regions: _At, still: "_Still", lists: Collection[str]) -> _Found:
    """The country's table against those of all regions, where they came together, or stood still."""
    row = _row(published, table)
    kind = (row["contest"], row["count"], row["scope"])
    together = len(set(published.keys["load"][[table, *regions]])) == 1
    if not together and not still.of(row):
        return [], [("country_is_regions", kind, 0)]
    found, compared = _against_sum("country_is_regions", published, table, regions, lists)
    return found, [("country_is_regions", kind, compared)]


def _against_sum(
    check: str, published: Sheets, table: int, parts: _At, lists: Collection[str]
) -> tuple[list[Columns], int]:
    """Every line that the table and its parts have, and how many of these could be judged."""
    lines = [n for n in published.numbers() if n != PECS or check == "country_is_regions"]
    values = published.block(lines)
    stated, own = values[table], values[parts]
    sums, lacking = np.nansum(own, axis=0), np.isnan(own)
    with np.errstate(invalid="ignore"):
        gap, room = stated - sums, _room(published, parts, lines, lacking, lists)
        there: Rows = np.isfinite(stated) & np.invert(lacking.all(axis=0))
        wrong: Rows = there & ((gap < -_NEAR) | (gap > room + _NEAR))
    judged = there & np.isfinite(room) | wrong
    at = np.flatnonzero(wrong)
    found = _finding(check, _row(published, table), [lines[w] for w in at], stated[at], sums[at], room[at])
    return [found], int(judged.sum())


def _room(published: Sheets, parts: _At, lines: list[str], lacking: Rows, lists: Collection[str]) -> Floats:
    """By line the most that the parts which lack it can add to the sum: nothing where none does, nobody knows how much
    where it is no list's."""
    valid = published.line("valid")[parts]
    of_list = np.array([line in lists for line in lines], dtype=np.bool_)
    most = np.where(lacking, np.where(of_list, valid[:, None], np.inf), 0.0).sum(axis=0)
    return np.asarray(np.where(np.isnan(most), np.inf, most), dtype=np.float64)


def _finding(check: str, row: Row, lines: Sequence[str], stated: Any, ours: Any, room: Any = 0.0) -> Columns:
    over = np.where(stated > ours, room, 0.0)  # a total that is too low has no excuse
    compared = {"line": list(lines), "left": stated, "right": ours, "difference": stated - ours, "tolerance": over}
    return {"check": check, **row, **compared}


def _row(published: Sheets, at: int) -> Row:
    """The keys of a row."""
    return {name: values[at] for name, values in published.keys.items()}


def _by_region(published: Sheets, tables: _At, pecs: _At, named: dict[tuple[Any, ...], str]) -> list[tuple[int, _At]]:
    """Each region's table and its PECs."""
    keys = zip(*(published.keys[name][pecs] for name in ("source", "contest", "count", "place")), strict=True)
    regions = np.array([named.get(key) for key in keys], dtype=object)
    return [(int(table), pecs[regions == published.keys["place"][table]]) for table in tables]


def _regions(m: Moment) -> dict[tuple[Any, ...], str]:
    """The region of each PEC, by source, contest, count and place: as it was published with it, else the frame's.

    Nothing where no region has a table of what is published by PEC.
    """
    by_scope = {
        s: {(f["contest"], f["count"]) for f in feeds(m.election) if f["scope"] == s} for s in ("pec", "region")
    }
    if not by_scope["pec"] & by_scope["region"]:
        return {}
    rows = m.frame(
        """
        select p.source, p.contest, p.count, p.place, coalesce(max(p.region), max(f.region)) as region
        from published_now p left join pec_now f on f.pec = p.place
        where p.scope = 'pec'
        group by p.source, p.contest, p.count, p.place
        """
    )
    ids = {name: r.id for r in m.election.regions for name in (r.id, *r.name.values())}
    return {tuple(key): ids[region] for *key, region in rows.to_numpy(dtype=object).tolist() if region in ids}


class _Still:
    """What stood still: in a poll after its last change all of its feeds answered, and nothing of it was new.

    Its feeds are those of its contest and count. What becomes of the source's other feeds is nothing to it.
    """

    def __init__(self, m: Moment, published: Sheets) -> None:
        self._m, self._published = m, published

    def of(self, table: Row) -> bool:
        return (table["source"], table["contest"], table["count"]) in self._quiet

    @cached_property
    def _quiet(self) -> set[tuple[Any, ...]]:
        changed: dict[tuple[Any, ...], int] = {}
        for (source, contest, count, _scope, _hour), load in (*self._came.items(), *self._ended.items()):
            changed[source, contest, count] = max(changed.get((source, contest, count), 0), load)
        feeds_of = [
            {"source": s.id, "contest": f.contest, "count": f.count, "feed": f.id}
            for s in self._m.election.sources
            for f in s.feeds
        ]
        kinds = Counter((f["source"], f["contest"], f["count"]) for f in feeds_of)
        names = ("source", "contest", "count", "feeds", "changed")
        asked = [
            dict(zip(names, (*kind, n, changed[kind]), strict=True)) for kind, n in kinds.items() if kind in changed
        ]
        if not asked:
            return set()
        rows = self._m.frame(
            """
            select k.source, k.contest, k.count
            from kind k join load l on l.id = k.changed
            where exists (
                select 1 from poll p
                where p.source = k.source and p.polled_at > l.committed_at and p.polled_at <= :at and k.feeds = (
                    select count(*) from poll_feed a join feed f on f.feed = a.feed
                    where a.poll = p.id and f.source = k.source and f.contest = k.contest and f.count = k.count))
            """,
            {"kind": asked, "feed": feeds_of},
        )
        return set(rows.itertuples(index=False, name=None))

    def stood_around_pecs(self, table: Row) -> bool:
        """Whether the table was there before the PECs that came last, and none was changed since it was made."""
        own = (table["source"], table["contest"], table["count"], "pec", table["hour"])
        return self._ended.get(own, 0) <= int(table["load"]) <= self._came.get(own, 0)

    @cached_property
    def _came(self) -> dict[tuple[Any, ...], int]:
        """By source, contest, count, scope and hour: the last load of a figure that stands."""
        keys = self._published.keys
        last = pd.Series(keys["load"]).groupby([keys[name] for name in _MOVES], sort=False).max()
        return dict(zip(last.index.tolist(), last.tolist(), strict=True))

    @cached_property
    def _ended(self) -> dict[tuple[Any, ...], int]:
        """By the same: the last load that changed a figure, or ended one."""
        rows = self._m.frame(
            """
            select source, contest, count, scope, hour, max(load_to) as load
            from published
            where load_to <= :load
            group by source, contest, count, scope, hour
            """
        )
        return {tuple(row[:-1]): int(row[-1]) for row in rows.to_numpy(dtype=object).tolist()}
