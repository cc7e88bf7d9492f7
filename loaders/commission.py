"""What a commission publishes over HTTP: asked for politely, archived before it is parsed, loaded where it changed."""

import hashlib
import threading
import weakref
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa

from elections.config import Contest, Election, Feed, Source
from loaders import archive, ceiling, mapping, refusals, vanished
from loaders.asking import Answer, Asker, Unreachable
from loaders.asking import Held as NotAsked
from loaders.figures import Held, Publication, mapped, shared
from loaders.refusals import Known, Lost, Refusal
from loaders.source import ANEW, Found, Overtaking, SourceError, fault, plain
from loaders.vanished import Lines
from store import clock, clocks
from store import tables as t
from store.alarms import Alarm
from store.loading import Overtaken, last_kept

_LONGEST_VALIDATOR = 1_000  # letters
_LONGEST_TRUST = 600  # seconds in which a site may say that its page is the same

_OF_CONTENT = (sa.exc.DataError, sa.exc.IntegrityError)  # what the store says of what it was given


@dataclass
class _FeedMemory:
    """What this process remembers of a feed between polls; all of it can be read again."""

    held: Held = field(default_factory=Held)
    frame: int = 0  # the frame's last load when it was last asked whether the held rows are mapped as they would be now
    sha256: str = ""
    validators: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    said_at: datetime | None = None  # the time by the site's clock, in its last answer
    clock: int = 0  # seconds that it is away from ours


@dataclass
class _Memory:
    asker: Asker
    lock: threading.Lock = field(default_factory=threading.Lock)
    known: Known = field(default_factory=Known)  # the source's last load, and what was undone
    read: bool = False  # whether the rest is as the store has it since then; else the next poll reads it again
    mark: dict[str, Any] = field(default_factory=dict)  # feed -> payload that the store holds, and by which mapping
    feeds: dict[str, _FeedMemory] = field(default_factory=dict)


_memories: weakref.WeakKeyDictionary[sa.Engine, dict[tuple[str, str], _Memory]] = weakref.WeakKeyDictionary()


def poll(store: sa.Engine, election: Election, source: Source, again: bool = False, accept: bool = False) -> Found:
    """Ask for every feed and load what changed.

    `again`: map everything afresh; `accept`: a person says that what vanished from a page has truly gone.
    """
    address = source.address()
    of_store = _memories.setdefault(store, {})
    memory = of_store.get((source.id, address))
    if memory is None:
        memory = of_store[source.id, address] = _Memory(Asker(source, address))
    load: int | None = None
    with memory.lock:
        for _ in range(ANEW):
            one = _Poll(store, election, source, memory, again, accept, Found(load=load))
            try:
                return one.read()
            except Overtaken:
                load = one.found.load
    raise Overtaking


@dataclass
class _Poll:
    """One poll."""

    store: sa.Engine
    election: Election
    source: Source
    memory: _Memory
    again: bool
    accept: bool
    found: Found = field(default_factory=Found)
    refused: dict[str, Refusal] = field(default_factory=dict)  # feed -> what stands refused of it
    asked: int = 0
    not_there: list[str] = field(default_factory=list)
    full: str = ""  # why nothing more may be asked now
    turn: int = 0  # the number of this poll

    def read(self) -> Found:
        """Tables before the protocols that they are the total of, and again after those that brought something: a
        table that is the same on both sides of its PECs is of the same moment as they are."""
        self._remember()
        self._accepted()
        turns = ceiling.turns(self.store, self.source.id)
        self.turn = max(turns.values(), default=0) + 1
        held = {feed: m.held.payload for feed, m in self.memory.feeds.items()}
        order = sorted(self.source.feeds, key=lambda f: (turns.get(f.id, 0), f.scope == "pec"))
        if all(self._ask(feed) for feed in order):
            new = {(f.contest, f.count) for f in order if f.scope == "pec" and self._holds(f) != held[f.id]}
            all(self._ask(f) for f in order if f.scope != "pec" and (f.contest, f.count) in new)
        errors = [m.error for m in self.memory.feeds.values() if m.error]
        if self.full and not self.asked:
            errors.append(self.full)
        if self.asked and len(self.not_there) == self.asked:  # one page that is not out yet is no error; a site
            errors += self.not_there  # without any is
        self.found.error = "; ".join(errors) or None
        self.found.used = {feed: m.held.used for feed, m in self.memory.feeds.items()}
        if apart := max(m.clock for m in self.memory.feeds.values()):
            self.found.alarms.append(Alarm("clock", self.source.id, apart))
        return self.found

    def _holds(self, feed: Feed) -> int | None:
        return self.memory.feeds[feed.id].held.payload

    def _ask(self, feed: Feed) -> bool:
        """Take a feed; False where nobody answers, or nothing may be asked: so that the others are not tried either."""
        memory = self.memory.feeds[feed.id]
        self.found.answered.discard(feed.id)
        try:
            self.asked += 1
            if self._take(feed, memory):
                self.found.answered.add(feed.id)
            else:
                self.not_there.append(f"{feed.id}: HTTP 404 Not Found")
        except NotAsked as held:
            self.asked -= 1
            memory.error = memory.error or str(held)
            return True
        except ceiling.Full as full:
            self.asked -= 1
            self.full = str(full)
            return False
        except Unreachable as error:
            memory.error = str(error)
            return False
        except SourceError as error:
            memory.error = str(error)
        except Overtaken:
            raise
        except Exception as error:  # a fault of this loader in one feed: the others are asked all the same
            if isinstance(error, sa.exc.SQLAlchemyError) and not isinstance(error, _OF_CONTENT):
                raise  # of the store: no feed can be loaded
            memory.error = f"{feed.id}: {plain(error)}"
            fault(self.source.id, error)
        else:
            memory.error = None
        return True

    def _accepted(self) -> None:
        """Take what a person accepted, from the archive: the page may have changed since, and comes after it."""
        refusals.keep_only(self.store, self.source.id, [feed.id for feed in self.source.feeds])
        with self.store.connect() as conn:
            self.refused = refusals.standing(conn, self.source.id)
        for feed in self.source.feeds:
            refused = self.refused.get(feed.id)
            if refused and refused.accepted is not None:
                memory = self.memory.feeds[feed.id]
                try:
                    self._take_again(feed, memory, refused.accepted)
                except SourceError as error:
                    memory.error = str(error)

    def _take_again(self, feed: Feed, memory: _FeedMemory, payload: int) -> None:
        """Make an archived payload current, if what goes with it is what a person has agreed to: the frame or the
        mapping may be another since. Else it is refused anew."""
        with self.store.connect() as conn:
            body = archive.body(conn, payload)
        if body is None:
            return
        self._publish(feed, memory, payload, mapping.rows(feed, body), agreed=True)
        memory.error = None
        memory.sha256, memory.validators = hashlib.sha256(body).hexdigest(), {}

    def _take(self, feed: Feed, memory: _FeedMemory) -> bool:
        """Ask for a feed and load it; False where it is not published yet."""
        asker = self.memory.asker
        asker.may_ask(feed.id)
        ceiling.count(self.store, self.source.id, feed.id, self.turn, asker.most())
        conditions = {} if self.again or self._whole_is_due(feed) else memory.validators
        try:
            answer = asker.ask(feed.id, feed.path, conditions)
        except SourceError:
            asker.went_wrong(feed.id)
            raise
        try:
            there = self._load(feed, memory, answer, conditional=bool(conditions))
        except SourceError:
            asker.went_wrong(feed.id, answer)
            raise
        asker.went_well(feed.id)
        self._hold_clocks(feed, memory, answer)
        return there

    def _hold_clocks(self, feed: Feed, memory: _FeedMemory, answer: Answer) -> None:
        """Its clock against ours. A page out of a cache says when it was made: a time that lies behind counts where it
        goes on from answer to answer, and by more than the time between them."""
        then = _said_at(answer)
        goes_on, memory.said_at = bool(then and memory.said_at and then > memory.said_at), then
        seconds = clocks.apart(then)
        old = seconds < 0 and not (goes_on and -seconds > clocks.APART + self.source.interval / (clock.speed() or 1.0))
        memory.clock = 0 if old else abs(seconds)

    def _whole_is_due(self, feed: Feed) -> bool:
        """Whether the page must be sent whatever it is: a site that says "the same" for ever would hide its changes.

        Of the polls in which this feed answered, every n-th; in whichever process.
        """
        others = max(1, _LONGEST_TRUST // self.source.interval) - 1
        f = t.poll_feed.c
        query = sa.select(f.whole).join_from(t.poll_feed, t.poll, f.poll == t.poll.c.id)
        query = query.where(t.poll.c.source == self.source.id, f.feed == feed.id).order_by(f.poll.desc()).limit(others)
        with self.store.connect() as conn:
            last = conn.execute(query).scalars().all()
        return len(last) == others and not any(last)

    def _load(self, feed: Feed, memory: _FeedMemory, answer: Answer, conditional: bool) -> bool:
        if answer.status == HTTPStatus.NOT_MODIFIED and conditional:
            self._same(feed, memory)
            return True
        self.found.whole.add(feed.id)
        digest = hashlib.sha256(answer.body).hexdigest()
        if answer.status == HTTPStatus.OK and digest == memory.sha256 and not self.again:
            memory.validators = _validators(answer)
            self._same(feed, memory)
            return True
        payload = archive.keep(
            self.store,
            self.source.id,
            feed.id,
            self.memory.asker.shown(feed.path),
            answer.status,
            answer.body,
            answer.headers,
        )
        if answer.status == HTTPStatus.NOT_FOUND and not memory.held.figures:
            return False
        if answer.status != HTTPStatus.OK:
            raise SourceError(f"{feed.id}: HTTP {answer.status} {_phrase(answer.status)}".strip())
        rows = mapping.rows(feed, answer.body)
        self.found.seen += rows.seen
        self._publish(feed, memory, payload, rows)
        memory.sha256, memory.validators = digest, _validators(answer)
        return True

    def _same(self, feed: Feed, memory: _FeedMemory) -> None:
        """Nothing new there. What was set aside may be good by now where the frame changed, and what was good bad."""
        frame = self._frame_load()
        if memory.frame != frame and memory.held.payload and self._mapping(feed) != self._mapped(feed):
            with self.store.connect() as conn:
                body = archive.body(conn, memory.held.payload)
            if body is not None:
                return self._publish(feed, memory, memory.held.payload, mapping.rows(feed, body))
        memory.frame = frame
        self._not_refused(feed)

    def _publish(self, feed: Feed, memory: _FeedMemory, payload: int, rows: mapping.Rows, agreed: bool = False) -> None:
        frame = self._frame_load()
        now = self._mapping(feed)
        publication = Publication(
            self.store,
            self.source.id,
            self.source.most_lost,
            feed,
            self._contest(feed),
            self._frame_or_wait(feed, rows),
            memory.held,
            self.memory.known,
            self._lines(feed),
            self.again or now != self._mapped(feed),
            self.accept,
            self._accepted_all() if self.accept else None,
            self.refused.get(feed.id),
            agreed,
        )
        own = self.memory.mark.get(feed.id, {})
        unfinished = self.memory.mark | {feed.id: {k: v for k, v in own.items() if k != "mapping"}}
        mark = self.memory.mark | {feed.id: own | {"payload": payload, "mapping": now}}
        try:
            memory.held, load = publication.take(payload, rows, unfinished, mark)
        except Lost as lost:
            known = self.memory.known
            refusals.refuse(self.store, self.source.id, feed.id, payload, lost, self.refused.get(feed.id), known)
            raise
        except SourceError:
            raise
        except BaseException:
            self.memory.read, self.memory.mark = False, unfinished  # some of it may be loaded
            self.memory.known = publication.known
            raise
        self._not_refused(feed)
        memory.frame, self.memory.mark = frame, mark
        self.memory.known = publication.known
        self.found.load = load or self.found.load

    def _accepted_all(self) -> int | None:
        with self.store.connect() as conn:
            return refusals.accepted_all(conn, self.source.id)

    def _not_refused(self, feed: Feed) -> None:
        """What the site shows of this feed could be taken."""
        if self.refused.pop(feed.id, None) is not None:
            refusals.over(self.store, self.source.id, feed.id)

    def _remember(self) -> None:
        """Go on from what the store holds, whoever loaded it."""
        with self.store.connect() as conn:
            load, mark = last_kept(conn, self.source.id)
            known = Known(load, refusals.undone(conn, self.source.id))
            if self.memory.read and known == self.memory.known:
                return
            errors = {feed: m.error for feed, m in self.memory.feeds.items()}
            self.memory.read, self.memory.known = False, known
            # what a feed that is not configured stood for may be another feed's by now
            self.memory.mark = {f.id: mark[f.id] for f in self.source.feeds if f.id in (mark or {})}
            back = refusals.undone(conn, self.source.id, load).keys()
            if back - self.memory.mark.keys():  # of a feed that is called otherwise by now
                back = self.memory.mark.keys()
            for feed in back:
                self.memory.mark[feed] = self._not_as_mapped(conn, feed)
            self.memory.feeds = {f.id: self._from_store(conn, f) for f in self.source.feeds}
            self.memory.read = True
        for feed, memory in self.memory.feeds.items():
            memory.error = errors.get(feed)

    def _not_as_mapped(self, conn: sa.Connection, feed: str) -> dict[str, Any]:
        """The mark of a feed of which figures stand again that its payload does not have."""
        own = {k: v for k, v in self.memory.mark[feed].items() if k not in ("mapping", "accepted")}
        return own | {"accepted": refusals.last_taken(conn, self.source.id, feed)}

    def _from_store(self, conn: sa.Connection, feed: Feed) -> _FeedMemory:
        """A feed as the store holds it: its figures, and from the archive the payload that they are of. Where that
        cannot be told by the mapping as it is now, whatever comes is loaded afresh, and held against the figures."""
        mark = self.memory.mark.get(feed.id, {})
        memory = _FeedMemory(Held(mark.get("payload", 0), figures=self._standing(conn, feed)))
        same = self._mapped(feed) == self._mapping(feed)
        body = archive.body(conn, memory.held.payload) if same else None
        if body is None:
            return memory
        try:
            rows = mapping.rows(feed, body)
        except SourceError:  # by the program as it is now
            return memory
        p, held = t.payload.c, memory.held
        kept = conn.execute(sa.select(p.sha256, p.etag, p.last_modified).where(p.id == held.payload)).one()
        memory.sha256, memory.validators = kept.sha256, _named(kept.etag, kept.last_modified)
        held.rows = {k: mapping.digest(row) for k, row in rows.by_key.items()}
        held.figures = {k: frozenset() for k in held.rows} | held.figures
        held.troubled = mapped(feed, self._contest(feed), rows.by_key, self._places(feed)).troubled
        return memory

    def _standing(self, conn: sa.Connection, feed: Feed) -> dict[str, Lines]:
        """The lines of each row of a feed that the store holds, whatever they were mapped from."""
        own = self._lines(feed)
        stand = vanished.stand(conn, self.source.id, self._contest(feed), feed)
        found = {k: frozenset(one for one in some if own is None or one in own) for k, some in stand.items()}
        return shared({k: some for k, some in found.items() if some})

    def _lines(self, feed: Feed) -> set[tuple[str, str]] | None:
        """The lines that a feed says, where another one is about the same figures: it must not end the other's."""
        kind = feed.contest, feed.count, feed.scope
        if sum((f.contest, f.count, f.scope) == kind for f in self.source.feeds) == 1:
            return None
        lists = [item.id for item in self._contest(feed).lists]
        said = [(line, "number") for line in feed.lines]
        said += [(one, unit) for path, unit in ((feed.votes, "number"), (feed.percents, "percent")) if path
                 for one in lists]  # fmt: skip
        return set(said)

    def _contest(self, feed: Feed) -> Contest:
        return next(c for c in self.election.contests if c.id == feed.contest)

    def _places(self, feed: Feed) -> Collection[str]:
        """The codes that this feed's rows may name."""
        if feed.scope == "country":
            return {""}
        if feed.scope == "region":
            return {r.id for r in self.election.regions}
        with self.store.connect() as conn:
            return set(conn.execute(sa.select(t.pec.c.pec).where(t.pec.c.load_to.is_(None))).scalars())

    def _frame_or_wait(self, feed: Feed, rows: mapping.Rows) -> Collection[str]:
        places = self._places(feed)
        if rows.by_key and not places:
            raise SourceError(f"{feed.id}: there is no frame of PECs yet; it is kept, and loaded when there is one")
        return places

    def _frame_load(self) -> int:
        """The last load in which a PEC came, changed or went."""
        p = t.pec.c
        with self.store.connect() as conn:
            came, went = conn.execute(sa.select(sa.func.max(p.load_from), sa.func.max(p.load_to))).one()
        return max(came or 0, went or 0)

    def _mapping(self, feed: Feed) -> str:
        """What the figures of a payload depend on besides its bytes: the configuration, and which places there are."""
        told = (feed.model_dump_json(), self._contest(feed).model_dump_json(), *sorted(self._places(feed)))
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]

    def _mapped(self, feed: Feed) -> str | None:
        """The same when the figures that the store holds were made of it; None where it holds none, or not all of a
        payload's."""
        mapped: str | None = self.memory.mark.get(feed.id, {}).get("mapping")
        return mapped


def _said_at(answer: Answer) -> datetime | None:
    """The time by the site's clock, as it says in Date, and in Age how long ago that was."""
    try:
        then = parsedate_to_datetime(answer.headers.get("date") or "")
        age = answer.headers.get("age") or "0"
        aged = then + timedelta(seconds=int(age) if age.isascii() and age.isdigit() else 0)
    except (ValueError, OverflowError):
        return None
    return aged if aged.tzinfo else aged.replace(tzinfo=UTC)


def _validators(answer: Answer) -> dict[str, str]:
    return _named(answer.headers.get("etag"), answer.headers.get("last-modified"))


def _named(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The headers of a conditional request: those that can be sent, and that a site takes back."""
    named = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {
        name: value
        for name, value in named.items()
        if value and value.isascii() and value.isprintable() and len(value) <= _LONGEST_VALIDATOR
    }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
