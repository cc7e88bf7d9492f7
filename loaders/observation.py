"""An observation database by the reference contract: what is new, changed and withdrawn there since the last poll."""

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from elections.config import Election, Source
from loaders import contract, held
from loaders import rows as check
from loaders.archive import keep_rows
from loaders.contents import Contents, contents
from loaders.contract import ANSWER, INCIDENT, OBSERVER, PEC, REPORT, Cursor, Raw, View, code
from loaders.intake import Batch, Intake
from loaders.losses import Loss, Losses, left
from loaders.quarantine import standing
from loaders.rows import NO_KEY
from loaders.source import Found
from store import clock, clocks
from store import tables as t
from store.address import shown
from store.alarms import Alarm
from store.loading import last_kept, loading

_BATCH = 5_000  # rows in a transaction, about: pages and other writers wait no longer for a first load
_REPORTS = 250  # reports at a time, each with its answers
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
    contents: dict[str, dict[str, int]] = field(default_factory=dict)  # digests at the last comparison, by view and key
    told: dict[str, set[str]] = field(default_factory=dict)  # keys that changed since, as the source said, by view
    alarms: list[Alarm] = field(default_factory=list)  # what the last comparison found
    used: dict[str, int] = field(default_factory=dict)  # rows of each view that the store holds
    used_of: tuple[int | None, int] | None = None  # the loads after which they were counted

    def forget(self) -> None:
        self.load, self.cursors, self.known, self.settled, self.views = -1, {}, {}, set(), ()
        self.contents, self.told, self.used, self.used_of = {}, {}, {}, None


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
    frame: dict[str, set[str]] = field(default_factory=dict)  # PECs and observers that changed or went, by view
    going: set[str] = field(default_factory=set)  # views whose loss goes with the next load
    whole: set[str] = field(default_factory=set)  # reports that were read again by this comparison, with their answers

    def __post_init__(self) -> None:
        self.losses = Losses(self.store, self.source.id, self.source.most_lost, self.accept)

    def read(self) -> Found:
        self._remember()
        every = self.source.compare_every
        asked = self.first or self.again or self.accept or any(self.losses.stands.values())
        compare = asked or self.memory.polls % every == every - 1
        if self.first:  # what changes while they are loaded differs from these
            self.memory.contents = {view.name: contents(self.conn, view).digests for view in self.memory.views}
        for rows in self._news(PEC):
            self._add(PEC, self._of_the_sample(rows))
        for rows in self._news(OBSERVER):
            self._add(OBSERVER, rows)
        self._changed_reports()
        for view in self.memory.views:
            if view not in (PEC, OBSERVER, REPORT, ANSWER):
                self._changed(view)
        self._flush()
        if compare or self.frame_changed:
            self._try_again()
        if compare:
            self.frame_changed = False
            self._compare()
            if self.frame_changed:
                self._try_again()
        if self.frame and not self.first:
            self._look_again()
            self._flush()
        self.memory.cursors = self.cursors
        self.memory.settled = {view.name for view in self.memory.views if self._is_settled(view.name)}
        self.found.load = self.losses.note(compare) or self.found.load
        self._say_losses()
        if (self.found.load, self.memory.load) != self.memory.used_of:
            with self.store.connect() as conn:
                self.memory.used = held.used(conn, self.source.id)
            self.memory.used_of = self.found.load, self.memory.load
        self.found.used, self.found.alarms = self.memory.used, list(self.memory.alarms)
        if seconds := clocks.apart(clocks.of_database(self.conn)):
            self.found.alarms.append(Alarm("clock", self.source.id, abs(seconds)))
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
            self.memory.told.setdefault(view.name, set()).update(code(row[view.keys[0]]) for row in news)
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

    def _of_the_sample(self, rows: list[Raw]) -> list[Raw]:
        """Without the PECs that the source takes from the sample or from their stratum, where those are too many."""
        with self.store.connect() as conn:
            sampled = held.sampled(conn)
        moved = left(rows, sampled)
        if self.losses.may_leave_the_sample(moved, sampled):
            return rows
        return [row for row in rows if code(row["pec"]) not in moved]

    def _changed(self, view: View) -> None:
        """Rows that changed; those that are marked as deleted at the end, when it is known how many they are."""
        marked: set[str] = set()
        for rows in self._news(view):
            self._add(view, (row for row in rows if not check.deleted(row)))
            marked |= {code(row[view.keys[0]]) for row in rows if check.deleted(row)}
        if self.losses.may_go(view.name, marked):
            self._add(view, contract.by_key(self.conn, view, marked))

    def _say_losses(self) -> None:
        """What is lost stands in the alarm until the next comparison."""
        lost = self.losses.found
        others = [alarm for alarm in self.memory.alarms if alarm.code != "lost" or alarm.place not in lost]
        self.memory.alarms = [*(loss.alarm for loss in lost.values()), *others]

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
        marked: set[str] = set()
        for rows in self._news(REPORT, page=_REPORTS):
            alive = [row for row in rows if not check.deleted(row)]
            self._add_reports({code(row["report"]) for row in alive}, alive)
            marked |= {code(row["report"]) for row in rows if check.deleted(row)}
            touched -= {code(row["report"]) for row in rows}
        self._reread(touched | (marked if self.losses.may_go(REPORT.name, marked) else set()))
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
        """Compare with the source: what vanished there is withdrawn here, what came or changed unseen is read."""
        self.memory.alarms = []
        there = {view.name: contents(self.conn, view) for view in self.memory.views}
        with self.store.connect() as conn:
            aside = standing(conn, self.source.id)
            answered = held.answers(conn, self.source.id)
            here = {
                view.name: held.keys(conn, view.name, self.source.id) for view in self.memory.views if view != ANSWER
            }
            sampled = held.sampled(conn)
        kept = here[REPORT.name] & {a.key for a in aside if a.place == REPORT.name}  # with the answers that they had
        for a in aside:
            if a.place == ANSWER.name and a.report not in kept:
                answered[a.report] = answered.get(a.report, 0) + 1
        for view in self.memory.views:
            own = there[view.name]
            if view != ANSWER:
                set_aside = {a.key for a in aside if a.place == view.name}
                self._withdraw(view, own.keys, here[view.name], set_aside, sampled if view == PEC else {})
                self._add_unseen(view, own.keys - here[view.name] - set_aside - {""})
            if view == INCIDENT:
                self._add(view, contract.without_key(self.conn, view))
            if view == REPORT:
                self._compare_answers(answered, there[ANSWER.name].filled, here[view.name] & own.keys)
            self._compare_contents(view, own)
        self.memory.told = {}
        alone = self.batch.gone.get(REPORT.name, set()) & there[ANSWER.name].filled.keys()
        self._flush()
        self._reread(alone)  # answers whose report went without them
        self._flush()

    def _withdraw(
        self, view: View, there: set[str], here: set[str], aside: set[str], sampled: Mapping[str, set[str]]
    ) -> None:
        """What vanished, was marked as deleted, or stands although it could not be used any more."""
        known = {key for key in here if not key.startswith(NO_KEY)}
        gone = (known - there) | (known & aside if view != PEC else set())
        moved = left(contract.by_key(self.conn, PEC, set().union(*sampled.values())), sampled) if sampled else set()
        if not self.losses.counted(Loss(view.name, frozenset(gone | moved), len(gone | moved), len(known)), sampled):
            return
        if gone := gone | (aside - there):
            self.batch.gone[view.name] = gone
        if moved:
            self._add(view, contract.by_key(self.conn, view, moved))
        self.going.add(view.name)

    def _compare_contents(self, view: View, own: Contents) -> None:
        """Read again what differs from the last comparison or was read since, and say where a source breaks what it
        promises: a change has a new time. After a start everything is read again: nobody knows what it was."""
        before, told = self.memory.contents.get(view.name), self.memory.told.get(view.name, set())
        self.memory.contents[view.name] = own.digests
        cursor, everything = self.cursors.get(view.name), own.digests.keys() - {""}
        if before is None:
            edited, changed = set[str](), everything
        else:
            edited = {key for key in everything & before.keys() if before[key] != own.digests[key]}
            changed = edited | (everything - before.keys())
        if not self.first:  # a time that goes back undoes what was told
            changed |= told & everything
        late = [k for k in edited - told if not contract.recent(own.changed_at[k], cursor, self.source.overlap)]
        if view == REPORT:
            self.whole = changed - self._held_back(REPORT)
            self._reread(self.whole - self.batch.reports.keys())
        elif view == ANSWER:  # those of reports that were read again came with them
            self._reread(changed - self.whole - self.batch.reports.keys() - self._held_back(REPORT))
        elif changed:
            self._add(view, contract.by_key(self.conn, view, changed - self._held_back(view)))
        if late:
            self.memory.alarms.append(Alarm("late", view.name, len(late)))
        if own.untimed:
            self.memory.alarms.append(Alarm("untimed", view.name, own.untimed))
        if contract.goes_back(own.newest, cursor):
            self.memory.alarms.append(Alarm("back", view.name))

    def _held_back(self, view: View) -> frozenset[str]:
        """Keys that stay as they are until a person accepts that they have gone."""
        loss = self.losses.found.get(view.name)
        return loss.keys if loss else frozenset(self.batch.gone.get(view.name, ()))

    def _add_unseen(self, view: View, keys: set[str]) -> None:
        """Rows that were committed long after their `updated_at`."""
        if view == REPORT:
            self._reread(keys - self.batch.reports.keys())
        elif keys:
            self._add(view, contract.by_key(self.conn, view, keys))

    def _compare_answers(self, answered: Mapping[str, int], there: Mapping[str, int], reports: set[str]) -> None:
        """Read again the reports that have more or fewer answers than here, and answers without a report."""
        differ = {r for r in reports if there.get(r, 0) != answered.get(r, 0)}
        fewer = sum(max(0, answered.get(r, 0) - there.get(r, 0)) for r in differ)
        of = sum(answered.get(r, 0) for r in reports)
        if not self.losses.counted(Loss(ANSWER.name, frozenset(differ), fewer, of)):
            return
        self.going.add(ANSWER.name)
        orphans = {r for r, n in there.items() if r not in reports and answered.get(r, 0) != n}
        self._reread((differ | orphans) - self.batch.reports.keys() - {""})

    def _try_again(self) -> None:
        """What was set aside or is unsorted may be good by now: its PEC or observer came, its hour, a mended
        configuration."""
        with self.store.connect() as conn:
            aside = standing(conn, self.source.id)
            unsorted = held.unsorted(conn, self.source.id)
        for view in self.memory.views:
            keys = {a.key for a in aside if a.place == view.name} - {""}
            if view == INCIDENT:
                keys |= unsorted
            if view not in (REPORT, ANSWER) and keys:
                self._add(view, contract.by_key(self.conn, view, keys))
        reports = {a.key for a in aside if a.place == REPORT.name}
        going = reports if self.losses.stands.get(REPORT.name) else set()  # with one load, so that it can be undone
        self._reread((reports | {a.report for a in aside if a.place == ANSWER.name}) - going - {""})
        self._flush()

    def _look_again(self) -> None:
        """What was good by the frame may be so no more: its PEC or its observer changed, or went."""
        pecs, observers = self.frame.get(PEC.name, set()), self.frame.get(OBSERVER.name, set())
        with self.store.connect() as conn:
            reports, incidents = held.of_the_frame(conn, self.source.id, pecs, observers)
        self._reread(reports - self._held_back(REPORT))
        self._add(INCIDENT, contract.by_key(self.conn, INCIDENT, incidents - self._held_back(INCIDENT)))

    def _flush(self) -> None:
        """One load of what has been read so far."""
        batch, self.batch = self.batch, Batch()
        if not batch.size:
            return
        with loading(self.store, self.source.id) as load:
            intake = Intake(load, self.election, batch, self.now, self.losses.may_go)
            intake.take()
            self.losses.taken(load, self.going)
            self.going = set()
            load.cursor = self.cursors
            if load.moved:
                keep_rows(load, shown(self.source.address()), intake.changed)
        self.frame_changed |= intake.frame_changed
        for view in (PEC, OBSERVER):
            changed = {code(row[view.keys[0]]) for row in intake.changed.get(view.name, ())}
            if moved := changed | batch.gone.get(view.name, set()):
                self.frame.setdefault(view.name, set()).update(moved)
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
