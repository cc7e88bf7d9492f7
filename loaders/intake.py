"""A batch of the contract's rows, taken into one load: frame first, then observers, reports with their answers."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from elections.config import Election
from loaders import held
from loaders import rows as check
from loaders.contract import (
    ANSWER,
    ATTACHMENT,
    INCIDENT,
    MESSAGE,
    OBSERVER,
    PEC,
    REPORT,
    VIEWS,
    Raw,
    View,
    code,
    latest,
)
from loaders.losses import elsewhere, left
from loaders.quarantine import Aside, settle
from loaders.rows import Fact, Known, Wrong, bad, deleted, told
from loaders.source import Bad
from store import tables as t
from store.loading import Key, Load, emptied

_AT_ONCE = 400


@dataclass
class Batch:
    """Rows of the source, as read: by view; reports whole, with all the answers that they have."""

    rows: dict[str, list[Raw]] = field(default_factory=dict)
    reports: dict[str, list[Raw]] = field(default_factory=dict)  # report -> its rows; none: answers without a report
    answers: dict[str, list[Raw]] = field(default_factory=dict)  # report -> its answers
    gone: dict[str, set[str]] = field(default_factory=dict)  # view -> keys that vanished at the source
    unasked: bool = False  # all rows are among these that cannot be asked for by their key

    @property
    def size(self) -> int:
        parts = (self.rows, self.answers, self.gone)
        return self.unasked + len(self.reports) + sum(len(some) for part in parts for some in part.values())


@dataclass
class Intake:
    """A batch on its way into a load. What stands in the store and would go waits for a comparison that counts it."""

    load: Load
    election: Election
    batch: Batch
    now: datetime
    agreed: Mapping[str, Collection[str]] = field(default_factory=dict)  # keys that may go, by view
    losing: dict[str, set[str]] = field(default_factory=dict)  # keys that wait, by view
    bad: list[Bad] = field(default_factory=list)
    changed: dict[str, list[Raw]] = field(default_factory=dict)  # the rows that changed something, by view
    frame_changed: bool = False
    _keys: dict[str, set[str]] = field(default_factory=dict)

    def take(self) -> None:
        """Everything in the batch is loaded, found unchanged, set aside or withdrawn."""
        self._frame()
        self._observers()
        self._reports()
        for view in (INCIDENT, MESSAGE, ATTACHMENT):
            self._simple(view)
        self._gone()
        settle(self.load, self.bad, self._looked_at)

    def _known(self, pecs: Iterable[str] = (), observers: Iterable[str] = ()) -> Known:
        source = self.load.source
        frame = self.load.current(t.pec, [(p,) for p in set(pecs)])
        people = self.load.current(t.observer, [(source, o) for o in set(observers)])
        return Known(
            self.election,
            source,
            self.now,
            {p: row["registered_voters"] for (p,), row in frame.items()},
            {o: (row["pec"], row["role"]) for (_, o), row in people.items()},
        )

    def _rows(self, view: View) -> list[Raw]:
        """The view's rows, one a key; another row of the same key changes nothing."""
        kept, extra = latest(self.batch.rows.get(view.name, ()), view.keys)
        self.load.counts["unchanged"] += extra
        return list(kept.values())

    def _checked(self, rows: Iterable[Raw], make: Callable[[Raw], Fact | Bad]) -> list[tuple[Fact, Raw]]:
        """The facts among these rows with the rows they came from; what is bad is kept to be set aside."""
        facts = []
        for raw in rows:
            fact = make(raw)
            if isinstance(fact, Bad):
                self.bad.append(fact)
            else:
                facts.append((fact, raw))
        return facts

    def _put(
        self, view: View, facts: Sequence[tuple[Fact, Raw]], table: sa.Table, current: Mapping[Key, Fact] | None = None
    ) -> list[Fact]:
        changed = self.load.put(table, [f for f, _ in facts], current=current)
        ids = {id(f) for f in changed}
        self.changed.setdefault(view.name, []).extend(raw for fact, raw in facts if id(fact) in ids)
        return changed

    def _waiting(self, view: View, keys: Iterable[str]) -> set[str]:
        """Those of these keys, all of which stand in the store, that may not go yet."""
        waiting = set(keys).difference(self.agreed.get(view.name, ()))
        if waiting:
            self.losing.setdefault(view.name, set()).update(waiting)
        return waiting

    def _staying(self, view: View, facts: list[tuple[Fact, Raw]], moved: set[str]) -> list[tuple[Fact, Raw]]:
        """The facts without those of a PEC that leaves the sample, or an observer who leaves a PEC, and may not yet."""
        waiting = self._waiting(view, moved)
        staying = [one for one in facts if one[0][view.keys[0]] not in waiting]
        self.load.counts["unchanged"] += len(facts) - len(staying)
        return staying

    def _saying(self, view: View, facts: list[tuple[Fact, Raw]]) -> list[tuple[Fact, Raw]]:
        """The facts without those that say less than here, or are of another region or report, and may not yet: these
        are bad."""
        table, key = t.OF_VIEW[view.name][0], view.keys[0]
        stands = self.load.current(table, [tuple(fact[k] for k in table.info["keys"]) for fact, _ in facts])
        here = {row[key]: row for row in stands.values()}
        saying, agreed = [], self.agreed.get(view.name, ())
        for fact, raw in facts:
            was = fact if fact[key] in agreed else here.get(fact[key], fact)
            less = next(iter(emptied(table, was, fact)), None) or held.moves(view.name, was, fact)
            if less:
                self.bad.append(bad(view, raw, Wrong("emptied", less)))
                self._waiting(view, [fact[key]])
            else:
                saying.append((fact, raw))
        return saying

    def _frame(self) -> None:
        if rows := self._rows(PEC):
            known = self._known()
            facts = self._saying(PEC, self._checked(rows, lambda raw: check.pec(raw, known)))
            moved = left((fact for fact, _ in facts), held.sampled(self.load.conn))
            self.frame_changed |= bool(self._put(PEC, self._staying(PEC, facts, moved), t.pec))

    def _observers(self) -> None:
        if rows := self._rows(OBSERVER):
            known = self._known()
            facts = self._saying(OBSERVER, self._checked(rows, lambda raw: check.observer(raw, known)))
            moved = elsewhere((fact for fact, _ in facts), held.posts(self.load.conn, self.load.source))
            self.frame_changed |= bool(self._put(OBSERVER, self._staying(OBSERVER, facts, moved), t.observer))

    def _reports(self) -> None:
        if not self.batch.reports:
            return
        alive, withdrawn, orphans = self._sorted_reports()
        known = self._known(
            (code(raw.get("pec")) for raw in alive.values()), (code(raw.get("observer")) for raw in alive.values())
        )
        stands = self.load.current(t.report, [(self.load.source, report) for report in self.batch.reports])
        before = self._current_answers(list(self.batch.reports))
        facts = {r: self._report(raw, known, stands.get((self.load.source, r))) for r, raw in alive.items()}
        over = {r for _, r in stands if r not in facts or isinstance(facts[r], Bad)}
        waiting = self._waiting(REPORT, over)
        whole: list[tuple[Fact, Raw]] = []
        answers: list[tuple[Fact, Raw]] = []
        for report, fact in facts.items():
            if isinstance(fact, Bad):
                self.bad.append(fact)
                self._answers_aside(report, Wrong("report_set_aside", "report", fact.reason), alive[report])
                continue
            good = self._counting(self._answers(report, known, fact), before.get(report, {}), alive[report])
            answered = {a["question"] for a, _ in good}
            kept = self._answers_waiting(report, before.get(report, {}).keys() - answered)
            complete = self.election.required(fact["form"]) <= answered | kept
            whole.append((fact | {"complete": int(complete)}, alive[report]))
            answers += good
        self.load.counts["unchanged"] += sum(len(self.batch.answers.get(r, ())) for r in withdrawn)
        for report in orphans:
            self._answers_aside(report, Wrong("unknown_report", "report"))
        self._put(REPORT, whole, t.report)
        self._end_reports(withdrawn, over - waiting, waiting)
        self._put_answers(answers, {r: own for r, own in before.items() if r not in waiting})

    def _report(self, raw: Raw, known: Known, stands: Fact | None) -> Fact | Bad:
        """A report. One that would leave its PEC, observer, checklist or the figures is bad until it may go."""
        fact = check.report(raw, known)
        if isinstance(fact, Bad) or not stands or stands["held"] or fact["report"] in self.agreed.get(REPORT.name, ()):
            return fact
        moved = next((name for name in t.report.info["place"] if stands[name] != fact[name]), None)
        return bad(REPORT, raw, Wrong("moved", moved, fact[moved])) if moved else fact

    def _sorted_reports(self) -> tuple[dict[str, Raw], dict[str, Raw], list[str]]:
        """The batch's reports: alive, deleted at the source, and answers whose report is not there."""
        alive: dict[str, Raw] = {}
        withdrawn: dict[str, Raw] = {}
        orphans: list[str] = []
        for report, raws in self.batch.reports.items():
            if not report:
                self.bad += [bad(REPORT, raw, Wrong("no_key", "report")) for raw in raws]
                orphans.append(report)
                continue
            kept, extra = latest(raws, REPORT.keys)
            self.load.counts["unchanged"] += extra
            raw = next(iter(kept.values()), None)
            if raw is None:
                orphans.append(report)
            elif deleted(raw):
                withdrawn[report] = raw
            else:
                alive[report] = raw
        return alive, withdrawn, orphans

    def _answers(self, report: str, known: Known, fact: Fact) -> list[tuple[Fact, Raw]]:
        """A report's usable answers."""
        kept, extra = latest(self.batch.answers.get(report, ()), ANSWER.keys)
        self.load.counts["unchanged"] += extra
        good = []
        for raw in kept.values():
            answer = check.answer(raw, known, fact)
            if answer is None:
                self.load.counts["unchanged"] += 1
            elif isinstance(answer, Bad):
                self.bad.append(answer)
            else:
                good.append((answer, raw))
        return good

    def _counting(
        self, answers: list[tuple[Fact, Raw]], before: Mapping[str, Fact], about: Raw
    ) -> list[tuple[Fact, Raw]]:
        """The answers without those that counted something, count nothing now, and may not yet: these are bad. Those of
        a report that may leave its place leave it as they are."""
        counting, agreed = [], self.agreed.get(ANSWER.name, ())
        leaving = self.agreed.get(REPORT.name, ())
        for fact, raw in answers:
            was, key = before.get(fact["question"], fact), f"{fact['report']}/{fact['question']}"
            if held.is_zeroed(was, fact) and key not in agreed and fact["report"] not in leaving:
                self.bad.append(bad(ANSWER, raw, Wrong("emptied", "value"), about))
            else:
                counting.append((fact, raw))
        return counting

    def _answers_waiting(self, report: str, questions: Iterable[str]) -> set[str]:
        """The questions whose answers are no longer said, and may not go yet; they go with a report that may."""
        if report in self.agreed.get(REPORT.name, ()):
            return set()
        waiting = self._waiting(ANSWER, (f"{report}/{question}" for question in questions))
        return {key.removeprefix(f"{report}/") for key in waiting}

    def _answers_aside(self, report: str, wrong: Wrong, about: Raw | None = None) -> None:
        kept, extra = latest(self.batch.answers.get(report, ()), ANSWER.keys)
        filled = [raw for raw in kept.values() if code(raw.get("value"))]
        self.load.counts["unchanged"] += extra + len(kept) - len(filled)
        self.bad += [bad(ANSWER, raw, wrong, about) for raw in filled]

    def _end_reports(self, withdrawn: Mapping[str, Raw], over: set[str], waiting: set[str]) -> None:
        """What the source withdrew, or made unusable, is no longer said: neither is anything it answered."""
        source = self.load.source
        ended = self.load.withdraw(t.report, [(source, r) for r in withdrawn if r not in waiting])
        self.load.counts["unchanged"] += len(waiting & withdrawn.keys())
        self.changed.setdefault(REPORT.name, []).extend(withdrawn[row["report"]] for row in ended)
        self.load.withdraw(t.report, [(source, r) for r in over - withdrawn.keys()], seen=False)

    def _put_answers(self, answers: Sequence[tuple[Fact, Raw]], before: Mapping[str, Mapping[str, Fact]]) -> None:
        """The answers that these reports have now; others of theirs end, but for those that wait."""
        source = self.load.source
        current = {(source, report, question): fact for report, own in before.items() for question, fact in own.items()}
        self._put(ANSWER, answers, t.answer, current)
        said = {(f["source"], f["report"], f["question"]) for f, _ in answers}
        waiting = self.losing.get(ANSWER.name, set())
        over = [key for key in current if key not in said and f"{key[1]}/{key[2]}" not in waiting]
        self.load.withdraw(t.answer, over, seen=False)

    def _current_answers(self, reports: Sequence[str]) -> dict[str, dict[str, Fact]]:
        """Report -> question -> answer."""
        a = t.answer.c
        found: dict[str, dict[str, Fact]] = {}
        for some in _parts(reports):
            query = sa.select(t.answer).where(a.source == self.load.source, a.report.in_(some), a.load_to.is_(None))
            for row in self.load.conn.execute(query).mappings():
                found.setdefault(row["report"], {})[row["question"]] = dict(row)
        return found

    def _simple(self, view: View) -> None:
        """Rows that stand by themselves: incidents, messages, attachments."""
        rows = self._rows(view)
        if not rows:
            return
        table, make = t.OF_VIEW[view.name][0], check.CHECKS[view.name]
        source, key = self.load.source, view.keys[0]
        known = self._known(code(raw.get("pec")) for raw in rows if raw.get("pec") is not None)
        here = [raw for raw in rows if not deleted(raw)]
        if view == INCIDENT:
            keys = {code(r[key]) for r in here}
            before = held.usable(self.load.conn, source, keys)
            now = {k: row for (_, k), row in self.load.current(table, [(source, k) for k in keys]).items()}
            make = partial(self._incident, before=before, stands=now)
        facts = self._checked(here, lambda raw: make(raw, known))
        if view == INCIDENT:
            facts += [(check.incident(raw, known, twice=True), raw) for raw in self._twice(rows)]
        once = {fact[key]: (fact, raw) for fact, raw in facts}  # without a key of their own two may be the same
        self.load.counts["unchanged"] += len(facts) - len(once)
        facts = list(once.values())
        self._put(view, facts if view == INCIDENT else self._saying(view, facts), table)
        withdrawn = {code(raw.get(key)): raw for raw in rows if deleted(raw)}
        aside = {b.key for b in self.bad if b.place == view.name}
        stands = self.load.current(table, [(source, k) for k in {*withdrawn, *aside}])
        waiting = self._waiting(view, (k for _, k in stands))
        ended = self.load.withdraw(table, [(source, k) for k in withdrawn if k not in waiting])
        self.load.counts["unchanged"] += len(waiting & withdrawn.keys())
        self.changed.setdefault(view.name, []).extend(withdrawn[row[key]] for row in ended)
        self.load.withdraw(table, [(source, k) for k in aside - waiting], seen=False)

    def _incident(
        self, raw: Raw, known: Known, before: Mapping[str, Mapping[str, Any]], stands: Mapping[str, Fact]
    ) -> Fact | Bad:
        """An incident. One that would leave its PEC or category, or tell less, is bad until it may, unless it `stands`
        like this; `before`: how the incidents were that could be used."""
        fact = check.incident(raw, known)
        now = stands.get(fact["incident"])
        is_so = now is not None and all(now[name] == value for name, value in fact.items())
        if is_so or fact["incident"] not in before or fact["incident"] in self.agreed.get(INCIDENT.name, ()):
            return fact
        less = check.weaker(fact, before[fact["incident"]])
        return bad(INCIDENT, raw, Wrong("weaker", less, _written(fact[less]))) if less else fact

    def _twice(self, rows: Iterable[Raw]) -> list[Raw]:
        """Incidents that tell something else than the one with their key that was changed last."""
        said = {told(raw) for raw in rows}
        others = {told(raw): raw for raw in self.batch.rows[INCIDENT.name] if not deleted(raw)}
        twice = [raw for about, raw in others.items() if about not in said]
        self.load.counts["unchanged"] -= len(twice)
        return twice

    def _gone(self) -> None:
        """What vanished at the source is withdrawn here."""
        source = self.load.source
        read = {report for report, rows in self.batch.reports.items() if rows}
        for name, vanished in self.batch.gone.items():
            table = t.OF_VIEW[name][0]
            keys = vanished - (read if name == REPORT.name else self._read_keys(name))
            self.load.withdraw(table, [(k,) if name == PEC.name else (source, k) for k in keys], seen=False)
            if name == REPORT.name:
                answers = [(source, r, q) for r, own in self._current_answers(sorted(keys)).items() for q in own]
                self.load.withdraw(t.answer, answers, seen=False)

    def _looked_at(self, aside: Aside) -> bool:
        """Whether the batch says something about a row that was set aside."""
        if not aside.can_be_asked:
            return self.batch.unasked
        if aside.place == ANSWER.name:
            return aside.report in self.batch.reports or aside.report in self.batch.gone.get(REPORT.name, ())
        if aside.place == REPORT.name and aside.key in self.batch.reports:
            return True
        return aside.key in self.batch.gone.get(aside.place, ()) or aside.key in self._read_keys(aside.place)

    def _read_keys(self, place: str) -> set[str]:
        if place not in self._keys:
            view = next(v for v in VIEWS if v.name == place)
            self._keys[place] = {check.key(view, raw) for raw in self.batch.rows.get(place, ())}
        return self._keys[place]


def _written(value: Any) -> str | None:
    return None if value is None else str(value)


def _parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
