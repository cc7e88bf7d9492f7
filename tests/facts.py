"""A tiny vocabulary for tests: facts put straight into a store, a line each, at an hour of the rehearsed day."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Self

import sqlalchemy as sa

from elections import config
from elections.config import Election
from queries.moment import Moment, moment
from store import clock
from store import tables as t
from store.loading import Load, loading

ELECTION = config.read("kg-2021-11-28")


def easy(election: Election) -> Election:
    """The same election with a light that lets everything through."""
    none = {"green_share": 0.0, "green_stratum_share": 0.0, "amber_share": 0.0, "amber_stratum_share": 0.0}
    estimates = election.estimates.model_copy(update=none | {"widest_amber": 100.0})
    return election.model_copy(update={"estimates": estimates})


class Facts:
    """What observers and the commission said. `at` is when the store learnt it: '10:20', or a date and time."""

    def __init__(self, store: sa.Engine, election: Election = ELECTION) -> None:
        self.store, self.election = store, election
        self._number = itertools.count(1)
        self._open: Load | None = None
        self._told: dict[sa.Table, dict[tuple[Any, ...], dict[str, Any]]] = {}  # in the open load, not yet put

    @contextlib.contextmanager
    def in_one_load(self, at: str, source: str = "observation") -> Iterator[None]:
        """All that is told while this is open comes in one load: many facts take a tenth of the time."""
        try:
            with self._loading(at, source) as self._open:
                yield
                self._put_told()
        finally:
            self._open = None
            self._told.clear()

    def _put_told(self) -> None:
        """All rows of a table at once: one by one they take ten times as long."""
        assert self._open
        for table, rows in self._told.items():
            self._open.put(table, list(rows.values()))
        self._told.clear()

    def _put(self, load: Load, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
        if load is not self._open:
            load.put(table, list(rows))
            return
        for row in rows:
            told, key = self._told.setdefault(table, {}), tuple(row[name] for name in table.info["keys"])
            if key in told:  # a second version
                self._put_told()
                told = self._told.setdefault(table, {})
            told[key] = row

    @contextlib.contextmanager
    def _loading(self, at: str, source: str) -> Iterator[Load]:
        if self._open:
            yield self._open
        else:
            with clock.frozen(self.election.moment_of(at)), loading(self.store, source) as load:
                yield load

    def at(self, hour: str) -> Moment:
        """The store as it stands, seen at this hour."""
        with clock.frozen(self.election.moment_of(hour)):
            return moment(self.store, self.election)

    def as_of(self, hour: str) -> Moment:
        """The store as it stood at this hour."""
        return moment(self.store, self.election, self.election.moment_of(hour))

    def put(self, table: sa.Table, *rows: dict[str, Any], at: str = "06:00", source: str = "observation") -> None:
        with self._loading(at, source) as load:
            self._put(load, table, rows)

    def withdraw(self, table: sa.Table, *keys: tuple[Any, ...], at: str, source: str = "observation") -> None:
        with self._loading(at, source) as load:
            if self._open:
                self._put_told()
            load.withdraw(table, keys)

    def pec(self, code: str, stratum: str = "osh", **more: Any) -> Self:
        """A PEC of the frame, in the sample unless it says otherwise."""
        row = {"region": stratum, "district": "Alay", "stratum": stratum, "registered_voters": 1000, "in_sample": 1}
        self.put(t.pec, {"pec": code, "mobile_applications": 0} | row | more, at="2021-11-27T06:00")
        return self

    def pecs(self, per_stratum: int | dict[str, int], **more: Any) -> list[str]:
        """So many sampled PECs in each stratum, in one load; their codes."""
        rows = []
        for number, s in enumerate(self.election.strata, 1):
            for i in range(per_stratum.get(s.id, 0) if isinstance(per_stratum, dict) else per_stratum):
                row = {"pec": f"{number}{i:03}", "region": s.id, "stratum": s.id, "district": None}
                rows.append(row | {"registered_voters": 1000, "in_sample": 1, "mobile_applications": 0} | more)
        self.put(t.pec, *rows, at="2021-11-27T06:00")
        return [str(r["pec"]) for r in rows]

    def observer(self, code: str, pec: str | None, role: str = "sto", **more: Any) -> Self:
        row = {"source": "observation", "observer": code, "pec": pec, "role": role}
        self.put(t.observer, row | more, at="2021-11-27T06:00")
        return self

    def report(
        self,
        pec: str,
        form: str,
        observer: str = "",
        at: str = "06:00",
        sent: str | None = None,
        report: str | None = None,
        held: str | None = None,
        best: bool = True,
        **answers: Any,
    ) -> str:
        """A report and its answers; required questions that are not mentioned get the best answer (None: no answer)."""
        number = next(self._number)
        report = report or f"r{number}"
        said = self._best(form) | answers if best else answers
        said = {k: v for k, v in said.items() if v is not None}
        submitted = self.election.moment_of(sent) if sent else self.election.moment_of(at) - timedelta(minutes=1)
        if self._open:  # in the order in which they are told
            submitted += timedelta(milliseconds=number)
        key = {"source": "observation", "report": report}
        row = {"observer": observer or f"{pec}-1", "pec": pec, "form": form, "submitted_at": submitted}
        complete = int(self.election.required(form) <= set(said))
        with self._loading(at, "observation") as load:
            self._put(load, t.report, [key | row | {"complete": complete, "held": held}])
            self._put(load, t.answer, [key | self._answer(form, q, v) for q, v in said.items()])
        return report

    def _best(self, form: str) -> dict[str, Any]:
        asked = self.election.asked(form)
        best: dict[str, Any] = {"choice": None, "number": 100, "text": "-", "time": "08:00"}
        return {
            q: asked[q].choices[0] if asked[q].type == "choice" else best[asked[q].type]
            for q in self.election.required(form)
        }

    def _answer(self, form: str, question: str, value: Any) -> dict[str, Any]:
        kind = self.election.asked(form)[question].type
        number = float(value) if kind == "number" else None
        moment_at = self.election.moment_of(value) if kind == "time" else None
        return {"question": question, "value": str(value), "number": number, "moment_at": moment_at}

    def decide(self, kind: str, subject: str, value: str | None, at: str) -> None:
        when = self.election.moment_of(at)
        with clock.frozen(when), loading(self.store, "page") as load:
            row = {"kind": kind, "subject": subject, "value": value, "who": "operator", "why": "rang the PEC"}
            load.conn.execute(t.decision.insert().values(load=load.id, decided_at=when, **row))
            load.counts["changed"] += 1

    def incident(self, category: str, at: str = "10:00", **more: Any) -> Self:
        severity = next(c.severity for c in self.election.categories if c.id == category)
        key = {"source": "observation", "incident": f"i{next(self._number)}", "category": category}
        when = self.election.moment_of(at)
        self.put(t.incident, key | {"severity": severity, "reported_at": when, "occurred_at": when} | more, at=at)
        return self

    def episode(self, pec: str, device: str, start: str, at: str, end: str | None = None, **more: Any) -> str:
        said = {"device": device, "from": start, "to": end, **more}
        return self.report(pec, "equipment_episode", at=at, **said)

    def polled(self, at: str, *failing: str, outcome: str = "ok", load: int | None = None) -> int:
        """A poll of the commission in which all of its feeds answered but for those that failed; its id."""
        row = {"source": "commission", "polled_at": self.election.moment_of(at), "outcome": outcome, "load": load}
        feeds = [f.id for f in self.election.source("commission").feeds if f.id not in failing]
        with self.store.begin() as conn:
            poll = int(conn.execute(t.poll.insert().returning(t.poll.c.id), row).scalar_one())
            conn.execute(t.poll_feed.insert(), [{"poll": poll, "feed": feed} for feed in feeds])
        return poll

    def published(
        self, count: str, place: str, lines: dict[str, float], at: str, hour: str = "", scope: str = "pec"
    ) -> Self:
        key = {"source": "commission", "contest": "single_constituency", "scope": scope, "place": place}
        rows = [
            key | {"count": count, "hour": hour, "line": line, "unit": "number", "value": float(value)}
            for line, value in lines.items()
        ]
        self.put(t.published, *rows, at=at, source="commission")
        return self
