"""What the store holds of an observers' database now: keys, answers, the sample, what a person must sort."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from loaders.contract import ANSWER, ATTACHMENT, INCIDENT, OBSERVER, PEC, REPORT
from loaders.rows import AT_A_PEC, weaker
from store import tables as t
from store.loading import emptied

# beside the region of its PEC
_KINDS: Mapping[str, tuple[str, ...]] = {
    REPORT.name: ("form",),
    ANSWER.name: ("form", "question"),
    INCIDENT.name: ("category", "severity"),
}
SAMPLED = "sampled in "  # begins the kind of a stratum's sampled PECs


def keys(conn: sa.Connection, view: str, source: str) -> set[str]:
    """The keys of a view; of answers '<report>/<question>'."""
    table = t.OF_VIEW[view][0]
    query = sa.select(_key(view)).where(table.c.load_to.is_(None))
    return set(conn.execute(query if view == PEC.name else query.where(table.c.source == source)).scalars())


def _key(view: str) -> sa.ColumnElement[str]:
    table = t.OF_VIEW[view][0]
    return t.answer.c.report + "/" + t.answer.c.question if view == ANSWER.name else table.c[table.info["keys"][-1]]


@dataclass(frozen=True)
class Kinds:
    """What the rows of a view are, several things each, and any two of them: of a region, a checklist, a question, a
    category, a severity; PECs also of the sample of a stratum."""

    view: str
    region: Mapping[str, str | None]  # of a PEC
    reports: Mapping[str, Mapping[str, Any]]  # report -> its PEC and checklist

    def of(self, row: Mapping[str, Any]) -> frozenset[str]:
        if self.view == PEC.name:
            sampled = {f"{SAMPLED}{row['stratum'] or ''}"} if row["in_sample"] else set()
            return frozenset(sampled | {f"region {row['region'] or ''}"})
        own = row if "pec" in row else {**self.reports.get(row["report"], {}), **row}
        region = self.region.get(own.get("pec") or "") or own.get("region") or ""
        single = [f"region {region}", *(f"{name} {own.get(name) or ''}" for name in _KINDS.get(self.view, ()))]
        return frozenset([*single, *map(" ".join, itertools.combinations(single, 2))])


def kinds_of(conn: sa.Connection, view: str, source: str) -> Kinds:
    """The kinds of a view's rows, by the frame and the reports that are held now."""
    p, r = t.pec.c, t.report.c
    regions = conn.execute(sa.select(p.pec, p.region).where(p.load_to.is_(None)))
    reports = conn.execute(sa.select(r.report, r.pec, r.form).where(r.source == source, r.load_to.is_(None)))
    of_report = {row["report"]: dict(row) for row in reports.mappings()}
    return Kinds(view, {pec: region for pec, region in regions}, of_report)


def by_kind(conn: sa.Connection, kinds: Kinds, source: str) -> dict[str, set[str]]:
    """The keys of a view that are of each kind."""
    table = t.OF_VIEW[kinds.view][0]
    own = [table.c.source == source] if "source" in table.c else []
    query = sa.select(_key(kinds.view).label("key"), table).where(table.c.load_to.is_(None), *own)
    found: dict[str, set[str]] = {}
    for row in conn.execute(query).mappings():
        for kind in kinds.of(dict(row)):
            found.setdefault(kind, set()).add(row["key"])
    return found


@dataclass(frozen=True)
class Gone:
    """A row that went, left the place where it counted, or lost a field."""

    key: str
    kinds: frozenset[str]
    stands: bool  # elsewhere, or as something less


def gone_since(conn: sa.Connection, kinds: Kinds, source: str, since: datetime) -> list[Gone]:
    """What has gone from a view since then, after all that somebody accepted of it for good, and is not back. Answers
    that went with their report are not counted with those that went alone."""
    view = kinds.view
    table = t.OF_VIEW[view][0]
    now = table.alias("now")
    same = sa.and_(now.c.load_to.is_(None), *(now.c[k] == table.c[k] for k in table.info["keys"]))
    o, d = t.loss.c, t.decision.c
    undo = t.decision.alias("undo").c
    undone = sa.exists().where(
        undo.kind == "loss", undo.subject == d.subject, undo.value == "undone|" + sa.cast(o.load_to, sa.Text)
    )
    accepted = sa.select(sa.func.coalesce(sa.func.max(o.load_to), 0)).where(
        *(o.source == source, o.view.in_([view, REPORT.name] if view == ANSWER.name else [view])),
        *(d.kind == "loss", d.subject == o.source + "|" + o.view, d.value == o.hash),
        *(d.load > o.load_from, d.load < o.load_to, ~undone),
    )
    query = (
        sa.select(_key(view).label("key"), table, *(c.label(f"now_{c.name}") for c in now.c))
        .join_from(table, t.load, t.load.c.id == table.c.load_to)
        .outerjoin(now, same)
        .where(t.load.c.source == source, t.load.c.committed_at > since)
        .where(table.c.load_to > accepted.scalar_subquery())
        .order_by(table.c.id)
    )
    first: dict[str, dict[str, Any]] = {}  # how a row was when it first changed since then
    for row in conn.execute(query).mappings():
        first.setdefault(row["key"], dict(row))
    gone = [
        Gone(key, kinds.of(row), row["now_id"] is not None)
        for key, row in first.items()
        if row["now_id"] is None or _is_less(view, row, {c.name: row[f"now_{c.name}"] for c in now.c})
    ]
    if view != ANSWER.name:
        return gone
    reports = {one.key for one in gone_since(conn, replace(kinds, view=REPORT.name), source, since)}
    return [one for one in gone if one.key.rpartition("/")[0] not in reports]


def _is_less(view: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a row has left the place where it counted, or a field of it was emptied."""
    if view == INCIDENT.name:
        return weaker(now, was) is not None
    if view == ANSWER.name:
        return is_zeroed(was, now)
    if emptied(t.OF_VIEW[view][0], was, now) or moves(view, was, now):
        return True
    counted = {PEC.name: "in_sample", OBSERVER.name: "pec"}.get(view)
    if (counted and not was[counted]) or was.get("held") or was.get("role", AT_A_PEC) != AT_A_PEC:
        return False
    return any(was[name] != now[name] for name in t.OF_VIEW[view][0].info["place"])


def moves(view: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The column by which this row leaves the region or the report that it was of."""
    name = {PEC.name: "region", ATTACHMENT.name: "report"}.get(view)
    return name if name and was[name] not in (None, now[name]) else None


def is_zeroed(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether an answer that counted something counts nothing now."""
    return bool(was["number"]) and now["number"] == 0


def sampled(conn: sa.Connection) -> dict[str, set[str]]:
    """The sampled PECs of each stratum."""
    p = t.pec.c
    found: dict[str, set[str]] = {}
    for pec, stratum in conn.execute(sa.select(p.pec, p.stratum).where(p.in_sample == 1, p.load_to.is_(None))):
        found.setdefault(stratum or "", set()).add(pec)
    return found


def frame(conn: sa.Connection, source: str) -> tuple[dict[str, int | None], dict[str, tuple[str | None, str]]]:
    """What rows are checked against: PEC -> voters on its list, observer -> own PEC and role."""
    p, o = t.pec.c, t.observer.c
    pecs = {row.pec: row.registered_voters for row in conn.execute(sa.select(t.pec).where(p.load_to.is_(None)))}
    people = conn.execute(sa.select(t.observer).where(o.source == source, o.load_to.is_(None)))
    return pecs, {row.observer: (row.pec, row.role) for row in people}


def posts(conn: sa.Connection, source: str) -> dict[str, str]:
    """The PEC of each observer who stands at one."""
    o = t.observer.c
    query = sa.select(o.observer, o.pec).where(o.source == source, o.role == AT_A_PEC, o.load_to.is_(None))
    return {row.observer: row.pec for row in conn.execute(query) if row.pec}


def used(conn: sa.Connection, source: str) -> dict[str, int]:
    """How many rows of each view are held."""
    tables = {view: own[0] for view, own in t.OF_VIEW.items()}
    counts = [
        sa.select(sa.literal(view), sa.func.count())
        .select_from(table)
        .where(table.c.load_to.is_(None), *([table.c.source == source] if "source" in table.c else []))
        for view, table in tables.items()
    ]
    return {view: n for view, n in conn.execute(sa.union_all(*counts))}


def unsorted(conn: sa.Connection, source: str) -> set[str]:
    """The incidents that could not be used as they came."""
    i = t.incident.c
    query = sa.select(i.incident).where(i.source == source, i.load_to.is_(None), i.unsorted.is_not(None))
    return set(conn.execute(query).scalars())


def usable(conn: sa.Connection, source: str, incidents: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """Incidents that stand as they were when they could last be used as they came, by key."""
    i, now = t.incident.c, t.incident.alias("now")
    here = sa.exists().where(now.c.source == i.source, now.c.incident == i.incident, now.c.load_to.is_(None))
    last = sa.select(sa.func.max(i.id)).where(i.source == source, i.unsorted.is_(None), here).group_by(i.incident)
    query = sa.select(t.incident).where(i.id.in_(last))
    found = (dict(row) for row in conn.execute(query).mappings())
    return {row["incident"]: row for row in found if row["incident"] in incidents}


def of_the_frame(conn: sa.Connection, source: str, pecs: set[str], observers: set[str]) -> tuple[set[str], set[str]]:
    """The reports of these PECs and observers, and the incidents at these PECs."""
    r, i = t.report.c, t.incident.c
    query = sa.select(r.report, r.pec, r.observer).where(r.source == source, r.load_to.is_(None))
    reports = {row.report for row in conn.execute(query) if row.pec in pecs or row.observer in observers}
    query_incidents = sa.select(i.incident, i.pec).where(i.source == source, i.load_to.is_(None))
    return reports, {row.incident for row in conn.execute(query_incidents) if row.pec in pecs}
