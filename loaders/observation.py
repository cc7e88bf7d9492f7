"""An observation database by the reference contract: what is new, changed and withdrawn there since the last poll."""

import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from elections.config import Election, Source
from loaders import contract
from loaders.archive import keep_rows
from loaders.contract import ANSWER, INCIDENT, OBSERVER, PEC, REPORT, Cursor, Raw, View, code
from loaders.intake import TABLES, Batch, Intake
from loaders.quarantine import standing
from loaders.rows import NO_KEY
from loaders.source import Found
from store import clock
from store import tables as t
from store.address import shown
from store.loading import last_kept, loading

_BATCH = 5_000  # rows in a transaction, about: pages and other writers wait no longer for a first load
_REPORTS = 250  # reports at a time, each with its answers
_FEW = 10  # so many keys may vanish at once, whatever their share
_MANY = 500


@dataclass
class Memory:
    """What this process remembers of a source between polls; all of it can be read again."""

    source: sa.Engine
    polls: int  # before this one
    lock: threading.Lock = field(default_factory=threading.Lock)
    views: tuple[View, ...] = ()
    load: int = -1  # the load that the cursors go on from
    cursors: dict[str, Cursor] = field(default_factory=dict)
    known: dict[str, set[tuple[object, ...]]] = field(default_factory=dict)  # rows of the overlap, by view
    settled: set[str] = field(default_factory=set)  # views whose overlap is large, and old
    alarm: str | None = None  # what the last comparison of keys found

    def forget(self) -> None:
        self.load, self.cursors, self.known, self.settled, self.views = -1, {}, {}, set(), ()


_memories: weakref.WeakKeyDictionary[sa.Engine, dict[tuple[str, str], Memory]] = weakref.WeakKeyDictionary()


def poll(store: sa.Engine, election: Election, source: Source, again: bool = False, accept: bool = False) -> Found:
    """Read what changed and load it.

    `again`: look again at everything that was set aside; `accept`: a person says that what vanished has truly gone.
    """
    address = source.address()
    of_store = _memories.setdefault(store, {})
    memory = of_store.get((source.id, address))
    if memory is None:
        memory = of_store[source.id, address] = Memory(contract.connect(address), _polls(store, source.id))
    with memory.lock:
        try:
            with memory.source.connect() as conn:
                return _Reading(store, election, source, memory, conn, clock.now(), again, accept).read()
        except BaseException:
            memory.forget()
            raise
        finally:
            memory.polls += 1


def _polls(store: sa.Engine, source: str) -> int:
    with store.connect() as conn:
        query = sa.select(sa.func.count()).select_from(t.poll).where(t.poll.c.source == source)
        return int(conn.execute(query).scalar_one())


@dataclass
class _Reading:
    """One poll."""

    store: sa.Engine
    election: Election
    source: Source
    memory: Memory
    conn: sa.Connection
    now: datetime
    again: bool
    accept: bool
    cursors: dict[str, Cursor] = field(default_factory=dict)
    batch: Batch = field(default_factory=Batch)
    found: Found = field(default_factory=Found)
    frame_changed: bool = False
    first: bool = False

    def read(self) -> Found:
        self._remember()
        every = self.source.compare_keys_every
        compare = self.first or self.again or self.accept or self.memory.polls % every == every - 1
        for view in (PEC, OBSERVER):
            for rows in self._news(view):
                self._add(view, rows)
        self._changed_reports()
        for view in self.memory.views:
            if view not in (PEC, OBSERVER, REPORT, ANSWER):
                for rows in self._news(view):
                    self._add(view, rows)
        self._flush()
        if compare:
            self._compare()
            self._flush()
        if compare or self.frame_changed:
            self._try_again()
            self._flush()
        self.memory.cursors = self.cursors
        self.memory.settled = {view.name for view in self.memory.views if self._is_settled(view.name)}
        self.found.error = self.memory.alarm
        return self.found

    def _remember(self) -> None:
        """Go on where the last load of this source stood, whoever made it."""
        with self.store.connect() as conn:
            load, cursors = last_kept(conn, self.source.id)
        if load != self.memory.load:
            self.memory.forget()
            self.memory.load, self.memory.cursors = load, cursors or {}
        if not self.memory.views:
            self.memory.views = contract.present(self.conn)
        self.cursors = dict(self.memory.cursors)
        self.first = not self.cursors

    def _news(self, view: View, page: int = contract.PAGE, flush: bool = True) -> Iterator[list[Raw]]:
        """Pages of rows that differ from what the last poll read; the cursor moves on when a page was taken."""
        known = self.memory.known.setdefault(view.name, set())
        since, overlap = self.cursors.get(view.name), self.source.overlap
        again = None if view.name in self.memory.settled else overlap
        for rows in contract.changes(self.conn, view, since, again, page):
            self.found.seen += len(rows)
            fresh = [row for row in rows if not _is_in(known, row)]
            if not fresh:
                continue
            news = [view.raw(row) for row in fresh]
            yield news
            cursor = contract.advanced(self.cursors.get(view.name), news, self.now)
            if cursor is not None:
                self.cursors[view.name] = cursor
            known.update(row for row in fresh if _can_be_known(row))
            known -= {row for row in known if not contract.recent(row[-1], cursor, overlap)}
            if flush and self.batch.size >= _BATCH:
                self._flush()

    def _is_settled(self, view: str) -> bool:
        """Whether the overlap is a frame or an import written in one go, long ago: it is not read at every poll."""
        cursor, many = (
            self.cursors.get(view),
            view in self.memory.settled or len(self.memory.known.get(view, ())) >= _MANY,
        )
        return many and cursor is not None and contract.settled(cursor, self.source.overlap, self.now)

    def _add(self, view: View, rows: Iterable[Raw]) -> None:
        self.batch.rows.setdefault(view.name, []).extend(rows)

    def _changed_reports(self) -> None:
        """Reports that changed, or whose answers did, each whole: with all the answers it has now."""
        answers_cursor = self.cursors.get(ANSWER.name)
        touched: set[str] = set()
        start = contract.newest(self.conn, ANSWER) if self.first else None
        if start and contract.moment(start) <= self.now:
            # The first load: every answer comes with its report, and after it those that change from now on.
            self.cursors[ANSWER.name] = start
        else:
            for rows in self._news(ANSWER, flush=False):
                touched |= self._touched(rows)
            start = self.cursors.get(ANSWER.name)
            if answers_cursor is None:
                self.cursors.pop(ANSWER.name, None)
            else:
                self.cursors[ANSWER.name] = answers_cursor
        for rows in self._news(REPORT, page=_REPORTS):
            self._add_reports({code(row["report"]) for row in rows}, rows)
            touched -= {code(row["report"]) for row in rows}
        self._reread(touched)
        if start:
            self.cursors[ANSWER.name] = start

    def _touched(self, answers: Iterable[Raw]) -> set[str]:
        """The reports of these answers; an answer without one goes with none."""
        for row in answers:
            if not code(row["report"]):
                self.batch.reports.setdefault("", [])
                self.batch.answers.setdefault("", []).append(row)
        return {code(row["report"]) for row in answers} - {""}

    def _reread(self, reports: Iterable[str]) -> None:
        wanted = sorted(reports)
        for start in range(0, len(wanted), _REPORTS):
            some = set(wanted[start : start + _REPORTS])
            self._add_reports(some, contract.by_key(self.conn, REPORT, some))
            if self.batch.size >= _BATCH:
                self._flush()

    def _add_reports(self, reports: Iterable[str], rows: Iterable[Raw]) -> None:
        """Reports with their rows and all their answers; a report without a row is only its answers."""
        wanted = set(reports)
        for report in wanted - {""}:
            self.batch.reports[report], self.batch.answers[report] = [], []
        for row in rows:
            self.batch.reports.setdefault(code(row["report"]), []).append(row)
        for row in contract.by_key(self.conn, ANSWER, wanted - {""}):
            self.batch.answers[code(row["report"])].append(row)

    def _compare(self) -> None:
        """Compare keys with the source: what vanished there is withdrawn here, what came unseen is read."""
        alarms: list[str] = []
        with self.store.connect() as conn:
            aside = standing(conn, self.source.id)
            here = {view.name: _keys_here(conn, view, self.source.id) for view in self.memory.views if view != ANSWER}
            answered = _answers_here(conn, self.source.id)
        for a in aside:
            if a.place == ANSWER.name:
                answered[a.report] = answered.get(a.report, 0) + 1
        for view in self.memory.views:
            if view == ANSWER:
                continue
            there = contract.keys(self.conn, view)
            set_aside = {a.key for a in aside if a.place == view.name}
            if view == INCIDENT:
                here[view.name] = {key for key in here[view.name] if not key.startswith(NO_KEY)}
                self._add(view, contract.without_key(self.conn, view))
            vanished = (here[view.name] | set_aside) - there
            empty = not there and len(here[view.name]) > 1  # one row may well be taken back
            if not self.accept and (empty or len(vanished) > max(_FEW, self.source.most_lost * len(here[view.name]))):
                alarms.append(f"{view.name} shows {len(there)} of the {len(here[view.name])} rows we hold")
            elif vanished:
                self.batch.gone[view.name] = vanished
            self._add_unseen(view, there - here[view.name] - set_aside - {""})
            if view == REPORT:
                alarms += self._compare_answers(answered, here[view.name] & there)
        self.memory.alarm = f"{'; '.join(alarms)}: nothing of it was withdrawn" if alarms else None

    def _add_unseen(self, view: View, keys: set[str]) -> None:
        """Rows that were committed long after their `updated_at`."""
        if view == REPORT:
            self._reread(keys - self.batch.reports.keys())
        elif keys:
            self._add(view, contract.by_key(self.conn, view, keys))

    def _compare_answers(self, answered: dict[str, int], reports: set[str]) -> list[str]:
        """Read again the reports that have more or fewer answers than here, and answers without a report."""
        there = contract.answers_by_report(self.conn)
        differ = {r for r in reports if there.get(r, 0) != answered.get(r, 0)}
        fewer = sum(max(0, answered.get(r, 0) - there.get(r, 0)) for r in differ)
        held = sum(answered.get(r, 0) for r in reports)
        if not self.accept and fewer > max(_FEW, self.source.most_lost * held):
            return [f"{ANSWER.name} shows {held - fewer} of the {held} rows we hold"]
        orphans = {r for r, n in there.items() if r not in reports and answered.get(r, 0) != n}
        self._reread((differ | orphans) - self.batch.reports.keys() - {""})
        return []

    def _try_again(self) -> None:
        """What was set aside or is unsorted may be good by now: its PEC or observer came, its hour, a mended
        configuration."""
        with self.store.connect() as conn:
            aside = standing(conn, self.source.id)
            unsorted = _unsorted_here(conn, self.source.id)
        for view in self.memory.views:
            keys = {a.key for a in aside if a.place == view.name} - {""}
            if view == INCIDENT:
                keys |= unsorted
            if view not in (REPORT, ANSWER) and keys:
                self._add(view, contract.by_key(self.conn, view, keys))
        reports = {a.key for a in aside if a.place == REPORT.name} | {a.report for a in aside if a.place == ANSWER.name}
        self._reread(reports - {""})

    def _flush(self) -> None:
        """One load of what has been read so far."""
        batch, self.batch = self.batch, Batch()
        if not batch.size:
            return
        with loading(self.store, self.source.id) as load:
            intake = Intake(load, self.election, batch, self.now)
            intake.take()
            load.cursor = self.cursors
            if load.moved:
                keep_rows(load, shown(self.source.address()), intake.changed)
        self.frame_changed |= intake.frame_changed
        if load.moved:
            self.found.load = self.memory.load = load.id


def _is_in(known: set[tuple[object, ...]], row: tuple[object, ...]) -> bool:
    return _can_be_known(row) and row in known


def _can_be_known(row: tuple[object, ...]) -> bool:
    try:
        hash(row)
    except TypeError:  # a list or JSON where the contract has text
        return False
    return True


def _keys_here(conn: sa.Connection, view: View, source: str) -> set[str]:
    table, key = TABLES[view.name], view.keys[0]
    query = sa.select(table.c[key]).where(table.c.load_to.is_(None))
    return set(conn.execute(query if view == PEC else query.where(table.c.source == source)).scalars())


def _unsorted_here(conn: sa.Connection, source: str) -> set[str]:
    i = t.incident.c
    query = sa.select(i.incident).where(i.source == source, i.load_to.is_(None), i.unsorted.is_not(None))
    return set(conn.execute(query).scalars())


def _answers_here(conn: sa.Connection, source: str) -> dict[str, int]:
    a = t.answer.c
    query = sa.select(a.report, sa.func.count()).where(a.source == source, a.load_to.is_(None)).group_by(a.report)
    return {report: n for report, n in conn.execute(query)}
