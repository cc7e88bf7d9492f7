"""An observation database by the reference contract: what is new, changed and withdrawn there since the last poll."""

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from elections.config import Election, Source
from loaders import contract, held
from loaders import rows as check
from loaders.archive import keep_rows
from loaders.contents import Contents, contents
from loaders.contract import ANSWER, INCIDENT, OBSERVER, PEC, REPORT, VIEWS, Cursor, Raw, View, code
from loaders.intake import Batch, Intake
from loaders.losses import Loss, Losses, elsewhere, left, undone
from loaders.quarantine import standing
from loaders.rows import Fact, Known
from loaders.source import ANEW, Bad, Found, Overtaking
from store import clock, clocks
from store import tables as t
from store.address import shown
from store.alarms import Alarm
from store.loading import Overtaken, last_kept, loading, says

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
    contents: dict[str, Contents] = field(default_factory=dict)  # at the last comparison, by view
    told: dict[str, set[str]] = field(default_factory=dict)  # keys that changed since, as the source said, by view
    written: dict[str, set[str]] = field(default_factory=dict)  # keys that stand there with blanks, as they stand
    undone: int = 0  # the last decision that took back what was accepted
    alarms: list[Alarm] = field(default_factory=list)  # what the last comparison found
    used: dict[str, int] = field(default_factory=dict)  # rows of each view that the store holds
    used_of: tuple[int | None, int] | None = None  # the loads after which they were counted

    def forget(self) -> None:
        self.load, self.cursors, self.known, self.settled, self.views = -1, {}, {}, set(), ()
        self.contents, self.told, self.written, self.used, self.used_of = {}, {}, {}, {}, None


_memories: weakref.WeakKeyDictionary[sa.Engine, dict[tuple[str, str], Memory]] = weakref.WeakKeyDictionary()


def poll(store: sa.Engine, election: Election, source: Source, again: bool = False, accept: bool = False) -> Found:
    """Read what changed and load it.

    `again`: look again at everything that was set aside; `accept`: a person says that what vanished has truly gone.
    """
    address = source.address()
    of_store = _memories.setdefault(store, {})
    memory = of_store.get((source.id, address))
    if memory is None:
        memory = of_store[source.id, address] = _begin(store, source.id, address)
    load: int | None = None
    with memory.lock:
        try:
            for _ in range(ANEW):
                undone = memory.undone
                with memory.source.connect() as conn:
                    one = _Reading(store, election, source, memory, conn, clock.now(), again, accept)
                    one.found.load = load
                    try:
                        return one.read()
                    except Overtaken:
                        load = one.found.load
                memory.forget()
                memory.undone = undone  # what was taken back since the last poll still is
            raise Overtaking
        except BaseException:
            memory.forget()
            memory.source.dispose()  # what failed on a connection may do so for as long as it is used
            raise
        finally:
            memory.polls += 1


def _begin(store: sa.Engine, source: str, address: str) -> Memory:
    with store.connect() as conn:
        query = sa.select(sa.func.count()).select_from(t.poll).where(t.poll.c.source == source)
        polls = int(conn.execute(query).scalar_one())
        return Memory(contract.connect(address), polls, undone=undone(conn, source))


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
    losing: set[str] = field(default_factory=set)  # views of which something would go: a comparison counts it
    going: set[str] = field(default_factory=set)  # views whose loss goes with the next load
    whole: set[str] = field(default_factory=set)  # reports that were read again by this comparison, with their answers

    def __post_init__(self) -> None:
        self.losses = Losses(self.store, self.source.id, self.source.most_lost, self.accept)

    def read(self) -> Found:
        self._remember()
        every = self.source.compare_every
        asked = self._undone() or self.first or self.again or self.losses.accepted
        if self.first:  # what changes while they are loaded differs from these
            self.memory.contents = {view.name: contents(self.conn, view).remembered for view in self.memory.views}
        self._read_news()
        compare = asked or self.memory.polls % every == every - 1
        if compare or self.frame_changed:
            self._try_again()
        if compare := compare or bool(self.losing):
            self._compare()
        self.memory.cursors = self.cursors
        self.memory.settled = {view.name for view in self.memory.views if self._is_settled(view.name)}
        self.found.load = self.losses.note(compare) or self.found.load
        if (self.found.load, self.memory.load) != self.memory.used_of:
            with self.store.connect() as conn:
                self.memory.used = held.used(conn, self.source.id)
            self.memory.used_of = self.found.load, self.memory.load
        self.found.used, self.found.alarms = self.memory.used, list(self.memory.alarms)
        if seconds := clocks.apart(clocks.of_database(self.conn)):
            self.found.alarms.append(Alarm("clock", self.source.id, abs(seconds)))
        return self.found

    def _undone(self) -> bool:
        """Whether somebody took back since the last poll what was accepted: what it was here is not known then."""
        last, self.memory.undone = self.memory.undone, self.losses.undone
        if last == self.memory.undone:
            return False
        self.memory.contents = {}
        return True

    def _remember(self) -> None:
        """Go on where the last load of this source stood, whoever made it."""
        with self.store.connect() as conn:
            load, cursors = last_kept(conn, self.source.id)
        if load != self.memory.load:
            self.memory.forget()
            self.memory.load, self.memory.cursors = load, cursors or {}
        if not self.memory.views:
            self.memory.views = contract.present(self.conn)
        self.cursors = self._cursors_now()
        self.first = not load

    def _cursors_now(self) -> dict[str, Cursor]:
        """The cursors; none of a view whose times are of another type now: it is read from its beginning."""
        cursors = dict(self.memory.cursors)
        for view in self.memory.views:
            last = cursors.pop(view.name, None)
            if last and contract.fits(self.conn, view, last):
                cursors[view.name] = contract.not_after(last, self.now)
        return cursors

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
            for row in news:
                if row[view.keys[0]] != code(row[view.keys[0]]):
                    contract.as_written(self.memory.written, row[view.keys[0]])
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

    def _by_key(self, view: View, keys: Iterable[str]) -> list[Raw]:
        """All rows of these keys, with or without blanks about them; none of a view that is not there."""
        if view not in self.memory.views:
            return []
        return contract.by_key(self.conn, view, (k for key in keys for k in (key, *self.memory.written.get(key, ()))))

    def _read_news(self) -> None:
        """What the source says has changed; then what hangs on a PEC or an observer that did."""
        for view in (PEC, OBSERVER):
            for rows in self._news(view):
                self._add(view, rows)
        self._changed_reports()
        for view in self.memory.views:
            if view == INCIDENT:
                self._changed_incidents()
            elif view not in (PEC, OBSERVER, REPORT, ANSWER):
                for rows in self._news(view):
                    self._add(view, rows)
        self._flush()
        self._look_again()

    def _changed_incidents(self) -> None:
        """Incidents that changed, each with all rows that have its key: none hides another."""
        news: list[Raw] = []
        for rows in self._news(INCIDENT, flush=False):
            news += rows
        self._add_incidents({code(row["incident"]) for row in news}, news)

    def _add_incidents(self, keys: set[str], rows: Iterable[Raw]) -> None:
        """Incidents by their keys; of these rows those that cannot be asked for by their key, as they were read."""
        found = self._by_key(INCIDENT, keys - {""})
        asked = {code(row["incident"]) for row in found}
        self._add(INCIDENT, found)
        self._add(INCIDENT, (row for row in rows if code(row["incident"]) not in asked))

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
            reports = {code(row["report"]) for row in rows}
            self._add_reports(reports, rows)
            touched -= reports
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

    def _reread(self, reports: Iterable[str], flush: bool = True) -> None:
        wanted = sorted(reports)
        for start in range(0, len(wanted), _REPORTS):
            some = set(wanted[start : start + _REPORTS])
            self._add_reports(some, self._by_key(REPORT, some))
            if flush and self.batch.size >= _BATCH:
                self._flush()

    def _add_reports(self, reports: Iterable[str], rows: Iterable[Raw]) -> None:
        """Reports with their rows and all their answers; a report without a row is only its answers."""
        wanted = set(reports)
        for report in wanted - {""}:
            self.batch.reports[report], self.batch.answers[report] = [], []
        for row in rows:
            self.batch.reports.setdefault(code(row["report"]), []).append(row)
        for row in self._by_key(ANSWER, wanted - {""}):
            self.batch.answers[code(row["report"])].append(row)

    def _compare(self) -> None:
        """Compare with the source: what came or changed unseen is read, and then counted what would go."""
        self.memory.alarms = []
        self.losses.read()
        self._undone()
        self.memory.views = contract.present(self.conn)  # one of those that need not be there may come, or go
        there = {view.name: contents(self.conn, view) for view in self.memory.views}
        for own in there.values():
            for key, written in own.written.items():
                self.memory.written.setdefault(key, set()).update(written)
        aside, here = self._held(self.memory.views)
        for view in self.memory.views:
            self._read_again(view, there, here[view.name] | aside.get(view.name, set()))
        self.memory.told = {}
        self._flush()
        self._take_unasked(there)
        self._look_again()
        if self.frame_changed:
            self._try_again()
        self._count_frame(there)
        self._look_again()
        self._count(there, [REPORT])
        self._count(there, [view for view in VIEWS if view not in (PEC, OBSERVER, REPORT)])
        self.memory.alarms = [*(loss.alarm for loss in self.losses.found.values()), *self.memory.alarms]

    def _held(self, views: Iterable[View]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """The keys that are set aside, and those that stand, by view."""
        aside: dict[str, set[str]] = {}
        with self.store.connect() as conn:
            for one in standing(conn, self.source.id):
                aside.setdefault(one.place, set()).add(one.key)
            here = {view.name: held.keys(conn, view.name, self.source.id) for view in views}
        return aside, here

    def _read_again(self, view: View, there: Mapping[str, Contents], known: set[str]) -> None:
        """Read again what differs from the last comparison, was read since or is not here. After a start that is all:
        nobody knows what it was. Say where a source breaks what it promises: a change has a new time."""
        own, told = there[view.name], self.memory.told.get(view.name, set())
        before = self.memory.contents.get(view.name)
        self.memory.contents[view.name] = own.remembered
        cursor, everything = self.cursors.get(view.name), own.digests.keys() - {""}
        if before is None:
            edited, changed = set[str](), everything
        else:
            was = before.digests
            edited = {key for key in everything & was.keys() if was[key] != own.digests[key]}
            changed = edited | (everything - was.keys())
        if not self.first:  # a time that goes back undoes what was told
            changed |= told & everything
        late = [k for k in edited - told if not contract.recent(own.changed_at[k], cursor, self.source.overlap)]
        if view == ANSWER:  # those of reports that were read again came with them
            changed |= {key.rpartition("/")[0] for key in own.filled - known} - there[REPORT.name].deleted - {""}
            self._reread(changed - self.whole - self.batch.reports.keys())
        elif view == REPORT:
            self.whole = changed | (own.keys - known - {""})
            self._reread(self.whole - self.batch.reports.keys())
        elif view == INCIDENT:
            changed |= own.keys - known
            self._add_incidents(changed, (row for row in own.unasked if code(row["incident"]) in changed | {""}))
        else:
            self._add(view, self._by_key(view, changed | (own.keys - known - {""})))
        if late:
            self.memory.alarms.append(Alarm("late", view.name, len(late)))
        if own.untimed:
            self.memory.alarms.append(Alarm("untimed", view.name, own.untimed))
        if contract.goes_back(own.newest, cursor) if before is None else own.goes_back(before, edited):
            self.memory.alarms.append(Alarm("back", view.name))

    def _take_unasked(self, there: Mapping[str, Contents]) -> None:
        """All rows that cannot be asked for by their key: what else was set aside of such is not there any more."""
        for view in self.memory.views:
            for row in there[view.name].unasked:
                if view in (REPORT, ANSWER):
                    report = code(row["report"])
                    reports, answers = (
                        part.setdefault(report, []) for part in (self.batch.reports, self.batch.answers)
                    )
                    (reports if view == REPORT else answers).append(row)
                elif view != INCIDENT:  # these are kept, unsorted
                    self._add(view, [row])
        with self.store.connect() as conn:
            self.batch.unasked = bool(self.batch.size) or any(
                not a.can_be_asked for a in standing(conn, self.source.id)
            )
        self._flush()

    def _count_frame(self, there: Mapping[str, Contents]) -> None:
        """PECs and observers that vanished, were emptied, left the sample or their PEC. A bad row takes none away."""
        aside, here = self._held([PEC, OBSERVER])
        with self.store.connect() as conn:
            sampled, posts = held.sampled(conn), held.posts(conn, self.source.id)
            emptied = {(a.place, a.key) for a in standing(conn, self.source.id) if a.reason == "emptied"}
        pecs, _ = contract.latest(self._by_key(PEC, set().union(*sampled.values())), PEC.keys)
        observers, _ = contract.latest(self._by_key(OBSERVER, posts), OBSERVER.keys)
        known = Known(self.election, self.source.id, self.now, {}, {})
        left_it = left(_usable(check.pec(row, known) for row in pecs.values()), sampled)
        moved = elsewhere(_usable(check.observer(row, known) for row in observers.values()), posts)
        for view, some in ((PEC, left_it), (OBSERVER, moved)):
            own, stand = there[view.name], here[view.name]
            some |= {key for key in stand if (view.name, key) in emptied}
            self._end(view, (stand - own.keys) | some, stand, own, aside.get(view.name, set()))

    def _count(self, there: Mapping[str, Contents], views: Sequence[View]) -> None:
        """What else vanished, was marked as deleted, or stands although it could not be used any more."""
        aside, here = self._held({REPORT, *views})
        reports = (here[REPORT.name] & there[REPORT.name].keys) - aside.get(REPORT.name, set())
        for view in views:
            own, bad, stand = there.get(view.name, Contents()), aside.get(view.name, set()), here[view.name]
            if view == ANSWER:  # those of reports that stand: others go with their report, or stay with it
                stand = {key for key in stand if key.rpartition("/")[0] in reports}
                gone = stand - own.filled
            else:
                stand = {key for key in stand if not check.is_own_key(key)}
                gone = stand - own.keys
            self._end(view, gone | (stand & bad), stand, own, bad)

    def _end(self, view: View, gone: set[str], stand: set[str], own: Contents, aside: set[str]) -> None:
        """Let go what of a view is `gone`, where it may, in one load, so that it can be undone; and of what is set
        `aside` what vanished."""
        over = set[str]()
        becomes = dict.fromkeys(gone, "gone") | self._becomes(view, set() if view == ANSWER else gone & own.keys)
        loss = Loss(view.name, becomes, len(stand))
        if self.losses.counted(loss):
            over = gone
            if self.losses.is_standing(loss):
                self.going.add(view.name)
        if view == ANSWER:
            self._reread({key.rpartition("/")[0] for key in over}, flush=False)
        else:
            vanished = (over | (aside - stand)) - own.digests.keys()
            if vanished:
                self.batch.gone[view.name] = vanished
            if view == REPORT:
                self._reread(over | vanished, flush=False)
            else:
                self._add(view, self._by_key(view, over - vanished))
        self._flush()

    def _becomes(self, view: View, keys: set[str]) -> dict[str, str]:
        """What becomes of rows that go though they are there: where they would stand, and what of them would be empty;
        or why they cannot be used."""
        if not keys:
            return {}
        with self.store.connect() as conn:
            pecs, observers = held.frame(conn, self.source.id)
        known = Known(self.election, self.source.id, self.now, pecs, observers)
        rows, _ = contract.latest(self._by_key(view, keys), view.keys)
        table = t.OF_VIEW[view.name][0]
        place, told = (*table.info["place"], "unsorted"), table.info["told"]
        facts = {check.key(view, row): check.CHECKS[view.name](row, known) for row in rows.values()}
        return {
            key: f"{fact.reason} {fact.field} {fact.detail}"
            if isinstance(fact, Bad)
            else repr([*(fact.get(name) for name in place), *(name for name in told if not says(fact[name]))])
            for key, fact in facts.items()
        }

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
                self._add(view, self._by_key(view, keys))
        reports = {a.key for a in aside if a.place == REPORT.name}
        self._reread((reports | {a.report for a in aside if a.place == ANSWER.name}) - {""})
        self._flush()
        self.frame_changed = False

    def _look_again(self) -> None:
        """What was good by the frame may be so no more: its PEC or its observer changed, or went."""
        frame, self.frame = self.frame, {}
        if self.first or not frame:
            return
        with self.store.connect() as conn:
            reports, incidents = held.of_the_frame(
                conn, self.source.id, frame.get(PEC.name, set()), frame.get(OBSERVER.name, set())
            )
        self._reread(reports)
        self._add(INCIDENT, self._by_key(INCIDENT, incidents))
        self._flush()

    def _flush(self) -> None:
        """One load of what has been read so far."""
        batch, self.batch = self.batch, Batch()
        if not batch.size:
            return
        with loading(self.store, self.source.id) as load:
            load.follows(self.memory.load)
            if self.losses.agreed and self.losses.overruled(load.conn):
                raise Overtaken
            intake = Intake(load, self.election, batch, self.now, self.losses.agreed)
            intake.take()
            self.losses.taken(load, self.going)
            self.going = set()
            load.cursor = self.cursors
            if load.moved:
                keep_rows(load, shown(self.source.address()), intake.changed)
        self.frame_changed |= intake.frame_changed
        self.losing |= intake.losing.keys()
        for view in (PEC, OBSERVER):
            changed = {code(row[view.keys[0]]) for row in intake.changed.get(view.name, ())}
            if moved := changed | batch.gone.get(view.name, set()):
                self.frame.setdefault(view.name, set()).update(moved)
        if load.moved:
            self.found.load = self.memory.load = load.id


def _usable(facts: Iterable[Fact | Bad]) -> list[Fact]:
    return [fact for fact in facts if not isinstance(fact, Bad)]


def _is_in(known: set[tuple[object, ...]], row: tuple[object, ...]) -> bool:
    return _can_be_known(row) and row in known


def _can_be_known(row: tuple[object, ...]) -> bool:
    try:
        hash(row)
    except TypeError:  # a list or JSON where the contract has text
        return False
    return True
