"""Whether a payload lost too much of its feed, at once or within an hour: of all rows or figures, or of one kind."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from elections.config import Contest, Feed
from loaders.losses import FEW, is_many
from loaders.refusals import Lost
from store import tables as t

Line = tuple[str, str]  # line, unit
Lines = frozenset[Line]


@dataclass(frozen=True)
class Vanished:
    """What a payload no longer has. Rows that brought no figure are none to lose."""

    feed: Feed
    most_lost: float
    had: Mapping[str, Lines]  # row -> its lines in the store
    said: Mapping[str, Lines]  # the same in the payload, of rows that are not as they were
    now: Collection[str]  # the payload's rows

    @property
    def rows(self) -> set[str]:
        return {row for row, lines in self.had.items() if lines and row not in self.now}

    @property
    def figures(self) -> set[tuple[str, Line]]:
        """Of rows that stay."""
        return {(row, line) for row, lines in self.said.items() for line in self.had.get(row, lines) - lines}

    @property
    def all(self) -> set[tuple[str, Line]]:
        """Every figure that goes, also with its row."""
        return self.figures | {(row, line) for row in self.rows for line in self.had[row]}

    @property
    def hash(self) -> str:
        """Of all that goes: a person accepts this, and nothing that goes besides."""
        return self.hash_with(())

    def hash_with(self, gone: Iterable[tuple[str, Line]]) -> str:
        """The same, where these have gone already."""
        told = sorted(f"{row}|{line}|{unit}" for row, (line, unit) in self.all.union(gone))
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

    @property
    def told(self) -> Lost:
        """All that goes, be it much or little."""
        return self._lost("rows" if self.rows else "figures", "")

    def check(self, gone: Collection[tuple[str, Line]], region_of: Mapping[str, str | None]) -> None:
        """Raises Lost. `gone`: figures that went lately; `region_of`: the places' regions."""
        back = {(row, line) for row, line in gone if line in self.said.get(row, ())}
        lately = {row for row, _ in gone if row not in self.now}
        self._check_rows(lately - self.rows, region_of)
        self._check_figures({*gone} - back, region_of)

    def _check_rows(self, lately: set[str], region_of: Mapping[str, str | None]) -> None:
        lost, held = self.rows, [row for row, lines in self.had.items() if lines]
        if not lost:
            return
        if not self.now or self._is_many(len(lost) + len(lately), len(held) + len(lately)):
            raise self._lost("rows", _within(len(lost), len(lately)))
        kinds = [Counter(self._kinds(rows, region_of)) for rows in (lost, lately, held)]
        if told := self._of_a_kind(*kinds):
            raise self._lost("rows", told)

    def _check_figures(self, gone: set[tuple[str, Line]], region_of: Mapping[str, str | None]) -> None:
        lost, over, held = self.figures, self.all, sum(map(len, self.had.values()))
        lately = sum(row in self.now for row, _ in gone)
        if lost and self._is_many(len(lost) + lately, held + lately):
            raise self._lost("figures", _within(len(over), lately))
        had = ((row, line) for row, lines in self.had.items() for line in lines)
        if told := self._of_a_kind(*(Counter(self._lines(some, region_of)) for some in (over, gone, had))):
            raise self._lost("figures", told)

    def _lost(self, what: str, why: str) -> Lost:
        """All that goes, whatever of it is too much."""
        if what == "figures":
            return Lost(self.feed.id, what, len(self.all), sum(map(len, self.had.values())), 0, self.hash, why)
        held = sum(map(bool, self.had.values()))
        return Lost(self.feed.id, what, len(self.rows), held, len(self.figures), self.hash, why)

    def _lines(self, figures: Iterable[tuple[str, Line]], region_of: Mapping[str, str | None]) -> Iterable[str]:
        """The line of each figure, and the line of its region and of its hour."""
        for row, (line, _) in figures:
            yield line
            yield from (f"{line} {kind}" for kind in self._kinds([row], region_of))

    def _kinds(self, rows: Iterable[str], region_of: Mapping[str, str | None]) -> Iterable[str]:
        """The region and the hour of each row."""
        for row in rows:
            place, _, hour = row.rpartition(" ") if self.feed.hour else (row, "", "")
            area = region_of.get(place) if self.feed.scope == "pec" else place if hour else None
            yield from filter(None, (area, hour))

    def _is_many(self, lost: int, held: int) -> bool:
        """Whether so many cannot go without a person; neither can all, where they are several. Of the rows of a country
        or of regions each tells."""
        return is_many(lost, held, self.most_lost, FEW if self.feed.scope == "pec" else 1) or lost == held > 1

    def _of_a_kind(self, lost: Counter[str], lately: Counter[str], held: Counter[str]) -> str:
        """The first kind of which too much is lost, as an error tells it; empty: of none."""
        for kind, n in lost.items():
            if self._is_many(n + lately[kind], held[kind] + lately[kind]):
                return f", {n} of {held[kind]} of {kind}{_within(n, lately[kind])}"
        return ""


def _within(lost: int, lately: int) -> str:
    return f", {lost + lately} within the hour" if lately else ""


def gone_since(
    conn: sa.Connection, source: str, contest: Contest, feed: Feed, since: datetime, accepted: int
) -> set[tuple[str, Line]]:
    """The figures of a feed, by row, that have gone since then and did not come back; a person has accepted all that
    went up to the load `accepted`."""
    p, now, loads = t.published.c, t.published.alias("now"), t.load.c
    here = sa.exists().where(now.c.load_to.is_(None), *(now.c[k] == p[k] for k in t.published.info["keys"]))
    query = (
        sa.select(p.place, p.hour, p.line, p.unit)
        .join_from(t.load, t.published, loads.id == p.load_to)
        .where(loads.source == source, loads.committed_at > since, loads.id > accepted)
        .where(p.source == source, p.contest == contest.id, p.scope == feed.scope, p.count == feed.count, ~here)
    )
    return {(f"{place} {hour}".strip(), (line, unit)) for place, hour, line, unit in conn.execute(query)}


def stand(conn: sa.Connection, source: str, contest: Contest, feed: Feed) -> dict[str, set[Line]]:
    """The lines of each row of a feed that the store holds."""
    p = t.published.c
    query = sa.select(p.place, p.hour, p.line, p.unit).where(
        *(p.source == source, p.contest == contest.id, p.scope == feed.scope, p.count == feed.count),
        p.load_to.is_(None),
    )
    found: dict[str, set[Line]] = {}
    for place, hour, line, unit in conn.execute(query):
        found.setdefault(f"{place} {hour}".strip(), set()).add((line, unit))
    return found


def region_of(conn: sa.Connection) -> dict[str, str | None]:
    """The region of each PEC."""
    query = sa.select(t.pec.c.pec, t.pec.c.region).where(t.pec.c.load_to.is_(None))
    return {pec: region for pec, region in conn.execute(query)}
