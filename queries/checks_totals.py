"""Tier A of the checks: published totals against the sums of their parts.

While counts stream in, a table and its PECs are of different moments. They are held against each other only where
they are of the same one: the table says of how many PECs it is, we have as many, and it was the same before and after
they were fetched (`loaders.commission` asks for it on both sides), none of them changed since; or both stood still over
a whole poll that found nothing new. Otherwise there is nothing to say yet.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from queries.check_kinds import Columns, Outcome
from queries.moment import Moment
from queries.published import feeds
from queries.sheets import Kind, Sheets

PECS = "pecs"  # the line of a table that says of how many PECs it is
_NEAR = 1e-6
_At = NDArray[np.intp]
Row = dict[str, Any]
Judged = list[tuple[str, Kind, int]]
_Found = tuple[list[Columns], Judged]


def totals(m: Moment, published: Sheets) -> Outcome:
    """Tables of the country and the regions against their PECs, and the country's against the regions'."""
    still = _Still(m)
    findings: list[Columns] = []
    made: Judged = []
    scopes, places = published.keys["scope"], published.keys["place"]
    for at in _alike(published):
        scope = scopes[at]
        pecs, regions, country = at[scope == "pec"], at[scope == "region"], at[scope == "country"]
        groups = [(table, pecs) for table in country]
        if len(regions) and len(pecs):
            groups += _by_region(m, published, regions, pecs)
        compared = [_against_pecs(published, table, parts, still) for table, parts in groups if len(parts)]
        if set(places[regions]) == {r.id for r in m.election.regions}:
            compared += [_against_regions(published, table, regions, still) for table in country]
        findings += [f for found, _ in compared for f in found]
        made += [j for _, counted in compared for j in counted]
    return Outcome(findings, made)


def _alike(published: Sheets) -> list[_At]:
    """The rows of each contest, count and hour that has a table."""
    names = [published.keys[n] for n in ("contest", "count", "hour")]
    tables = np.flatnonzero(published.keys["scope"] != "pec")
    kinds = sorted({tuple(n[i] for n in names) for i in tables})
    return [np.flatnonzero(np.all([n == k for n, k in zip(names, kind, strict=True)], axis=0)) for kind in kinds]


def _against_pecs(published: Sheets, table: int, parts: _At, still: "_Still") -> _Found:
    """A table against the PECs that it is the total of."""
    row = _row(published, table)
    kind = (row["contest"], row["count"], row["scope"])
    stated, ours = float(published.line(PECS)[table]), float(len(parts))
    said = stated == stated
    quiet = still.of(row["source"])
    findings: list[Columns] = []
    judged: Judged = []
    if said and (stated == ours or quiet):
        judged.append(("total_pecs", kind, 1))
    if said and stated != ours:
        if quiet:
            findings.append(_finding("total_pecs", row, [PECS], np.array([stated]), np.array([ours])))
        return findings, judged
    if not quiet and (not said or not still.stood_around_pecs(row)):
        return findings, judged
    found, compared = _against_sum("total_is_sum", published, table, parts)
    return [*findings, *found], [*judged, ("total_is_sum", kind, compared)]


def _against_regions(published: Sheets, table: int, regions: _At, still: "_Still") -> _Found:
    """The country's table against those of all regions, where they came together, or stood still."""
    row = _row(published, table)
    together = len({still.made(_row(published, one)) for one in (table, *regions)}) == 1
    if not together and not still.of(row["source"]):
        return [], []
    found, compared = _against_sum("country_is_regions", published, table, regions)
    return found, [("country_is_regions", (row["contest"], row["count"], row["scope"]), compared)]


def _against_sum(check: str, published: Sheets, table: int, parts: _At) -> tuple[list[Columns], int]:
    """Every line that the table and all of its parts have, and how many these are."""
    lines = [n for n in published.numbers() if n != PECS or check == "country_is_regions"]
    values = published.block(lines)
    stated, sums = values[table], values[parts].sum(axis=0)
    there = np.isfinite(stated) & np.isfinite(sums)
    wrong = np.flatnonzero(there & (np.abs(stated - sums) > _NEAR))
    found = _finding(check, _row(published, table), [lines[w] for w in wrong], stated[wrong], sums[wrong])
    return [found], int(there.sum())


def _finding(check: str, row: Row, lines: Sequence[str], stated: Any, ours: Any) -> Columns:
    compared = {"line": list(lines), "left": stated, "right": ours, "difference": stated - ours, "tolerance": 0.0}
    return {"check": check, **row, **compared}


def _row(published: Sheets, at: int) -> Row:
    """The keys of a row."""
    return {name: values[at] for name, values in published.keys.items()}


def _by_region(m: Moment, published: Sheets, tables: _At, pecs: _At) -> list[tuple[int, _At]]:
    """Each region's table and its PECs, by the region that was published with them, else by the frame's."""
    row = _row(published, pecs[0])
    own = m.frame(
        """
        select p.place, coalesce(max(p.region), max(f.region)) as region
        from published_now p left join pec_now f on f.pec = p.place
        where p.source = :source and p.contest = :contest and p.scope = 'pec' and p.count = :count
        group by p.place
        """,
        source=row["source"],
        contest=row["contest"],
        count=row["count"],
    )
    ids = {name: r.id for r in m.election.regions for name in (r.id, *r.name.values())}
    of = {place: ids.get(region) for place, region in zip(own["place"], own["region"], strict=True)}
    places = published.keys["place"]
    regions = np.array([of[place] for place in places[pecs]], dtype=object)
    return [(int(table), pecs[regions == places[table]]) for table in tables]


class _Still:
    """Whether a source stood still: it was polled after its last change, and nothing was new."""

    def __init__(self, m: Moment) -> None:
        self._m = m

    def of(self, source: str) -> bool:
        return source in self._quiet

    @cached_property
    def _quiet(self) -> set[str]:
        rows = self._m.frame(
            """
            select s.source, (
                select max(l.committed_at) from load l
                where l.source = s.source and l.id <= :load and (l.changed > 0 or l.withdrawn > 0)) as changed_at, (
                select max(p.polled_at) from poll p
                where p.source = s.source and p.outcome = 'ok' and p.load is null and p.polled_at <= :at) as polled_at
            from (select distinct source from feed) s
            """,
            {"feed": feeds(self._m.election)},
        )
        return set(rows.loc[rows["polled_at"] > rows["changed_at"], "source"])

    def stood_around_pecs(self, table: Row) -> bool:
        """Whether the table was there before the PECs that came last, and none was changed since it was made."""
        made = self.made(table)
        came, edited = self._pecs.get((table["contest"], table["count"], table["hour"]), (0, 0))
        return edited <= made <= came

    def made(self, table: Row) -> int:
        """The load that changed the table last."""
        return self._made.get((table["contest"], table["scope"], table["place"], table["count"], table["hour"]), 0)

    @cached_property
    def _pecs(self) -> dict[tuple[Any, ...], tuple[int, int]]:
        """The loads that brought protocols last, and that changed or ended one that was there."""
        rows = self._m.frame(
            """
            select contest, count, hour, max(load_from) as came,
                coalesce(max(case when load_to <= :load then load_to end), 0) as edited
            from published
            where load_from <= :load and scope = 'pec'
            group by contest, count, hour
            """
        )
        return dict(
            zip(_loads(rows.drop(columns="edited")), zip(rows["came"], rows["edited"], strict=True), strict=True)
        )

    @cached_property
    def _made(self) -> dict[tuple[Any, ...], int]:
        rows = self._m.frame(
            """
            select p.contest, p.scope, p.place, p.count, p.hour, max(p.load_from) as load
            from feed f
            join published_now p on p.source = f.source and p.contest = f.contest and p.scope = f.scope
                and p.count = f.count
            where f.scope <> 'pec'
            group by p.contest, p.scope, p.place, p.count, p.hour
            """,
            {"feed": feeds(self._m.election)},
        )
        return _loads(rows)


def _loads(rows: pd.DataFrame) -> dict[tuple[Any, ...], int]:
    """The columns before the last one as keys, the last one, a load, as value."""
    return {tuple(row[:-1]): int(row[-1]) for row in rows.to_numpy(dtype=object).tolist()}
