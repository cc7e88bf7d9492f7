"""A small observation database with the contract's views, for tests: rows are put, changed and deleted a line each."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from elections import config
from elections.config import Election

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
_KEYS = {"answer": ("report", "question")}
OPENING = dict.fromkeys(ELECTION.required("opening"), "yes") | {"pec_meeting_start": "before_07_00"}


def at(text: str, election: Election = ELECTION) -> datetime:
    """'10:00' of election day, or a date and time: local."""
    return election.moment_of(text)


class Observation:
    """The database of an observer organisation. SQLite keeps times as ISO text, PostgreSQL as timestamps."""

    def __init__(self, url: str, style: str = "%Y-%m-%dT%H:%M:%SZ", without: tuple[str, ...] = ()) -> None:
        self.url, self.style = url, style
        self.engine = sa.create_engine(url)
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

    def put(self, kind: str, updated: str, **values: Any) -> None:
        """A row, new or in the place of the one with its key."""
        self.vanish(kind, **{k: values[k] for k in _KEYS.get(kind, (kind,))})
        self.twice(kind, updated, **values)

    def twice(self, kind: str, updated: str, **values: Any) -> None:
        """A row beside those with its key."""
        row = values | {"updated_at": updated}
        for name in (*_TIMES.get(kind, "").split(), "updated_at"):
            if isinstance(row.get(name), str):
                row[name] = self._time(row[name])
        with self.engine.begin() as conn:
            names = ", ".join(row)
            given = ", ".join(f":{name}" for name in row)
            conn.execute(sa.text(f"insert into own_{kind} ({names}) values ({given})"), row)  # noqa: S608 -- our own names

    def _time(self, text: str) -> Any:
        try:
            when = at(text)
        except ValueError:
            return text  # something that is no time
        return when if self.timestamps else when.astimezone(UTC).strftime(self.style)

    def vanish(self, kind: str, **key: Any) -> None:
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
        own = {"observer": "o1", "pec": "1001", "form": "opening", "submitted_at": updated, "deleted": 0}
        self.put("report", updated, **({"report": report} | own | values))
        for question, value in (answers or {}).items():
            self.answer(report, question, value, updated)

    def answer(self, report: str, question: str, value: Any, updated: str) -> None:
        self.put("answer", updated, report=report, question=question, value=value)

    def incident(self, incident: str, updated: str, **values: Any) -> None:
        own = {"pec": "1001", "category": "secrecy", "severity": "serious", "reported_at": updated, "deleted": 0}
        self.put("incident", updated, **({"incident": incident} | own | values))

    def frame(self, pecs: int = 3) -> None:
        """PECs 1001, 1002, ... each with an observer o1, o2, ..."""
        for n in range(1, pecs + 1):
            self.pec(str(1000 + n))
            self.observer(f"o{n}", str(1000 + n))
