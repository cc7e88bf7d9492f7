"""What the store holds of an observers' database now: keys, answers, the sample, what a person must sort."""

from datetime import datetime

import sqlalchemy as sa

from loaders.contract import ANSWER, INCIDENT, PEC, REPORT
from loaders.rows import AT_A_PEC
from store import tables as t


def keys(conn: sa.Connection, view: str, source: str) -> set[str]:
    """The keys of a view; of answers '<report>/<question>'."""
    table = t.OF_VIEW[view][0]
    query = sa.select(_key(view)).where(table.c.load_to.is_(None))
    return set(conn.execute(query if view == PEC.name else query.where(table.c.source == source)).scalars())


def _key(view: str) -> sa.ColumnElement[str]:
    table = t.OF_VIEW[view][0]
    return t.answer.c.report + "/" + t.answer.c.question if view == ANSWER.name else table.c[table.info["keys"][-1]]


def kinds(conn: sa.Connection, view: str, source: str) -> dict[str, set[str]]:
    """The keys of reports by checklist, of answers by question, of incidents by category; of other views nothing."""
    column = {REPORT.name: t.report.c.form, ANSWER.name: t.answer.c.question, INCIDENT.name: t.incident.c.category}
    found: dict[str, set[str]] = {}
    if view in column:
        table = t.OF_VIEW[view][0]
        query = sa.select(column[view], _key(view)).where(table.c.source == source, table.c.load_to.is_(None))
        for kind, key in conn.execute(query):
            found.setdefault(kind or "", set()).add(key)
    return found


def gone_since(conn: sa.Connection, view: str, source: str, since: datetime) -> int:
    """How many rows of a view have gone since then, and nothing came in their place; but for those that somebody
    accepted."""
    table = t.OF_VIEW[view][0]
    now = table.alias("now")
    here = sa.exists().where(now.c.load_to.is_(None), *(now.c[k] == table.c[k] for k in table.info["keys"]))
    loads, o = t.load.c, t.loss.c
    accepted = sa.exists().where(o.source == source, o.view == view, o.load_to == table.c.load_to)
    query = (
        sa.select(sa.func.count(sa.distinct(_key(view))))
        .join_from(table, t.load, loads.id == table.c.load_to)
        .where(loads.source == source, loads.committed_at > since, ~here, ~accepted)
    )
    return int(conn.execute(query).scalar_one())


def sampled(conn: sa.Connection) -> dict[str, set[str]]:
    """The sampled PECs of each stratum."""
    p = t.pec.c
    found: dict[str, set[str]] = {}
    for pec, stratum in conn.execute(sa.select(p.pec, p.stratum).where(p.in_sample == 1, p.load_to.is_(None))):
        found.setdefault(stratum or "", set()).add(pec)
    return found


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


def of_the_frame(conn: sa.Connection, source: str, pecs: set[str], observers: set[str]) -> tuple[set[str], set[str]]:
    """The reports of these PECs and observers, and the incidents at these PECs."""
    r, i = t.report.c, t.incident.c
    query = sa.select(r.report, r.pec, r.observer).where(r.source == source, r.load_to.is_(None))
    reports = {row.report for row in conn.execute(query) if row.pec in pecs or row.observer in observers}
    query_incidents = sa.select(i.incident, i.pec).where(i.source == source, i.load_to.is_(None))
    return reports, {row.incident for row in conn.execute(query_incidents) if row.pec in pecs}
