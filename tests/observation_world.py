"""A small observation database with the contract's views, for tests: rows are put, changed and deleted a line each."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from elections import config
from elections.config import Election
from loaders import schedule
from store import alarms, clock
from store import tables as t

Poll = Callable[..., Any]

ELECTION = config.read("kg-2021-11-28")
_TEXT = {
    "pec": "pec region area settlement district stratum",
    "observer": "observer pec role full_name phone backup_phone coordinator",
    "report": "report observer pec form",
    "answer": "report question value",
    "incident": "incident pec region district observer category severity description status channel",
    "message": "message sender text observer report",
    "attachment": "attachment report kind sha256 url",
}
_NUMBERS = {"pec": "registered_voters in_sample mobile_applications latitude longitude"}
_TIMES = {"report": "submitted_at", "incident": "occurred_at reported_at", "message": "received_at"}
_PEC = """insert into own_pec (pec, region, stratum, registered_voters, in_sample, updated_at)
    values (:pec, 'bishkek', 'bishkek', 1000, 1, :at)"""
_OBSERVER = """insert into own_observer (observer, pec, role, full_name, phone, updated_at)
    values (:observer, :pec, 'sto', 'Aibek Asanov', '+996000000001', :at)"""
_KEYS = {"answer": ("report", "question")}
_REPORT = {"observer": "o1", "pec": "1001", "form": "opening", "deleted": 0}
_INCIDENT = {"pec": "1001", "category": "secrecy", "severity": "serious", "deleted": 0}
OPENING = dict.fromkeys(ELECTION.required("opening"), "yes") | {"pec_meeting_start": "before_07_00"}


def at(text: str, election: Election = ELECTION) -> datetime:
    """'10:00' of election day, or a date and time: local."""
    return election.moment_of(text)


class Observation:
    """The database of an observer organisation. SQLite keeps times as ISO text, PostgreSQL as timestamps."""

    def __init__(self, url: str, style: str = "%Y-%m-%dT%H:%M:%SZ", without: tuple[str, ...] = ()) -> None:
        self.url, self.style = url, style
        self.engine = _without_syncing(sa.create_engine(url))
        self.timestamps = self.engine.dialect.name == "postgresql"
        time = "timestamptz" if self.timestamps else "text"
        with self.engine.begin() as conn:
            for name, text in _TEXT.items():
                if name in without:
                    continue
                columns = [f"{c} text" for c in text.split()]
                columns += [f"{c} numeric" for c in _NUMBERS.get(name, "").split()]
                columns += [f"{c} {time}" for c in (*_TIMES.get(name, "").split(), "updated_at")]
                columns += ["deleted integer default 0"] if name in ("report", "incident") else []
                conn.exec_driver_sql(f"create table own_{name} ({', '.join(columns)})")
                conn.exec_driver_sql(f"create index changed_{name} on own_{name} (updated_at)")
                conn.exec_driver_sql(f"create index key_{name} on own_{name} ({_KEYS.get(name, (name,))[0]})")
                conn.exec_driver_sql(f"create view obs_{name} as select * from own_{name}")  # noqa: S608 -- our own names

    def put(self, kind: str, updated: str, /, **values: Any) -> None:
        """A row, new or in the place of the one with its key."""
        self.vanish(kind, **{k: values[k] for k in _KEYS.get(kind, (kind,))})
        self.twice(kind, updated, **values)

    def twice(self, kind: str, updated: str, /, **values: Any) -> None:
        """A row beside those with its key."""
        self.add(kind, updated, [values])

    def add(self, kind: str, updated: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows with the same columns, at once, beside those with their keys."""
        times = (*_TIMES.get(kind, "").split(), "updated_at")
        timed = [dict(row) | {"updated_at": updated} for row in rows]
        for row in timed:
            row |= {name: self._time(row[name]) for name in times if isinstance(row.get(name), str)}
        with self.engine.begin() as conn:
            names = ", ".join(timed[0])
            given = ", ".join(f":{name}" for name in timed[0])
            conn.execute(sa.text(f"insert into own_{kind} ({names}) values ({given})"), timed)  # noqa: S608 -- our own names

    def change(self, kind: str, updated: str | None = None, /, **values: Any) -> None:
        """All rows; without `updated` their times stay as they are."""
        row = values | ({"updated_at": self._time(updated)} if updated else {})
        with self.engine.begin() as conn:
            given = ", ".join(f"{name} = :{name}" for name in row)
            conn.execute(sa.text(f"update own_{kind} set {given}"), row)  # noqa: S608 -- our own names

    def _time(self, text: str) -> Any:
        try:
            when = at(text)
        except ValueError:
            return text  # something that is no time
        return when if self.timestamps else when.astimezone(UTC).strftime(self.style)

    def vanish(self, kind: str, /, **key: Any) -> None:
        """Rows go without a trace; all of them where no key is given."""
        with self.engine.begin() as conn:
            where = " and ".join(f"{k} = :{k}" for k in key) or "1 = 1"
            conn.execute(sa.text(f"delete from own_{kind} where {where}"), key)  # noqa: S608 -- our own names

    def pec(self, pec: str, updated: str = "06:00", **values: Any) -> None:
        own = {"region": "bishkek", "stratum": "bishkek", "registered_voters": 1000, "in_sample": 1}
        self.put("pec", updated, **({"pec": pec} | own | values))

    def observer(self, observer: str, pec: str | None, updated: str = "06:00", **values: Any) -> None:
        own = {"role": "sto", "full_name": "Aibek Asanov", "phone": "+996000000001"}
        self.put("observer", updated, **({"observer": observer, "pec": pec} | own | values))

    def report(self, report: str, updated: str, answers: dict[str, Any] | None = None, **values: Any) -> None:
        """A report with its answers; an opening one of observer o1 at PEC 1001 unless said otherwise."""
        self.put("report", updated, **({"report": report} | _REPORT | {"submitted_at": updated} | values))
        for question, value in (answers or {}).items():
            self.answer(report, question, value, updated)

    def answer(self, report: str, question: str, value: Any, updated: str) -> None:
        self.put("answer", updated, report=report, question=question, value=value)

    def incident(self, incident: str, updated: str, **values: Any) -> None:
        self.put("incident", updated, **({"incident": incident} | _INCIDENT | {"reported_at": updated} | values))

    def day(self, pecs: int, updated: str, **of_incident: Any) -> None:
        """So many PECs, each with an opening report and an incident: r1, i1, ... There was none before."""
        self.frame(pecs)
        own = [
            {"report": f"r{n}", "pec": str(1000 + n), "observer": f"o{n}", "submitted_at": updated}
            for n in range(1, pecs + 1)
        ]
        said = [{"report": row["report"], "question": q, "value": v} for row in own for q, v in OPENING.items()]
        incidents = [{"incident": f"i{n}", "reported_at": updated} for n in range(1, pecs + 1)]
        self.add("report", updated, [_REPORT | row for row in own])
        self.add("answer", updated, said)
        self.add("incident", updated, [_INCIDENT | row | of_incident for row in incidents])

    def frame(self, pecs: int = 3) -> None:
        """PECs 1001, 1002, ... each with an observer o1, o2, ...; again: those that are missing."""
        with self.engine.begin() as conn:
            there = set(conn.execute(sa.text("select pec from own_pec")).scalars())
            at_six = self._time("06:00")
            rows = [{"pec": str(1000 + n), "observer": f"o{n}", "at": at_six} for n in range(1, pecs + 1)]
            missing = [row for row in rows if row["pec"] not in there]
            for statement in (_PEC, _OBSERVER):
                conn.execute(sa.text(statement), missing)


def _without_syncing(engine: sa.Engine) -> sa.Engine:
    """No test cuts the power, and each row is a transaction."""
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda connection, _record: connection.execute("pragma synchronous = off"))
    return engine


def beside(
    store: sa.Engine, request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    """Three PECs and their observers, in SQLite beside a store in SQLite, in PostgreSQL beside one in PostgreSQL."""
    url = f"sqlite:///{folder / 'observation.sqlite'}"
    if store.dialect.name == "postgresql":
        server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex}"
        with sa.create_engine(server, isolation_level="AUTOCOMMIT").connect() as conn:
            conn.exec_driver_sql(f"create database {name}")
        url = sa.engine.make_url(server).set(database=name).render_as_string(False)
    world = Observation(url)
    world.frame()
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    monkeypatch.setenv("BAIKOO_COMMISSION", "http://127.0.0.1:9")
    yield world
    world.engine.dispose()


def poller(store: sa.Engine) -> Poll:
    def look(hour: str, **options: bool) -> Any:
        with clock.frozen(at(hour)):
            schedule.poll(store, ELECTION, "observation", **options)
        with store.connect() as conn:
            row = conn.execute(sa.select(t.poll).order_by(t.poll.c.id.desc()).limit(1)).one()._asdict()
        if row["outcome"] == "ok":
            row["error"] = alarms.said(alarms.read(row["error"]))
        return SimpleNamespace(**row)

    return look


def current(store: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    key = table.info["keys"][-1]
    with store.connect() as conn:
        query = sa.select(table).where(table.c.load_to.is_(None)).order_by(table.c[key])
        return [dict(row) for row in conn.execute(query).mappings()]


def answers(store: sa.Engine, report: str = "r1") -> dict[str, str]:
    return {a["question"]: a["value"] for a in current(store, t.answer) if a["report"] == report}


def aside(store: sa.Engine) -> set[tuple[str, str, str]]:
    return {(q["place"], q["key"], q["reason"]) for q in current(store, t.quarantine)}


def rows_in(store: sa.Engine, *tables: sa.Table) -> list[int]:
    with store.connect() as conn:
        return [conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables]


def loads_add_up(store: sa.Engine) -> bool:
    with store.connect() as conn:
        return all(r.seen == r.changed + r.unchanged + r.set_aside for r in conn.execute(sa.select(t.load)))
