"""The rows of a commission's payload that changed, taken into loads."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from elections.config import Contest, Feed
from loaders import mapping, vanished
from loaders.losses import TOGETHER
from loaders.mapping import Fact
from loaders.quarantine import settle
from loaders.refusals import Known, Lost, Refusal
from loaders.vanished import Line, Lines, Vanished
from store import clock
from store import tables as t
from store.loading import Key, Load, loading
from store.taken import gone

_BATCH = 5_000  # figures in a transaction, about
_AT_ONCE = 400


@dataclass
class Held:
    """What the store holds of a feed: the payload's rows by digest, the lines of each, which have something bad."""

    payload: int = 0
    rows: dict[str, bytes] = field(default_factory=dict)  # none where they cannot be told: all that comes is new
    figures: dict[str, Lines] = field(default_factory=dict)  # also of rows that the payload does not have
    troubled: set[str] = field(default_factory=set)

    @property
    def used(self) -> int:
        """Rows of which something could be used, or that say nothing yet."""
        return sum(bool(lines) or key not in self.troubled for key, lines in self.figures.items())


@dataclass
class Mapped:
    """Rows mapped to figures."""

    bad: mapping.Unusable
    facts: dict[str, list[Fact]] = field(default_factory=dict)  # row -> its figures
    troubled: set[str] = field(default_factory=set)


def mapped(feed: Feed, contest: Contest, rows: dict[str, Any], places: Collection[str]) -> Mapped:
    found = Mapped(mapping.Unusable(feed, "figures"))
    for key, row in rows.items():
        before = len(found.bad)
        found.facts[key] = mapping.figures(feed, contest, key, row, places, found.bad)
        if len(found.bad) > before:
            found.troubled.add(key)
    return found


def lines(facts: Mapping[str, Sequence[Fact]]) -> dict[str, Lines]:
    """Row -> its lines."""
    return shared({key: frozenset((fact["line"], fact["unit"]) for fact in own) for key, own in facts.items()})


def shared(found: Mapping[str, Lines]) -> dict[str, Lines]:
    """Rows with the same lines share them: there are thousands."""
    same: dict[Lines, Lines] = {}
    return {key: same.setdefault(own, own) for key, own in found.items()}


@dataclass
class Publication:
    """A payload on its way into the store, against what the store holds of its feed."""

    store: sa.Engine
    source: str
    most_lost: float  # a larger share of rows or figures than this does not vanish at once: the page is broken
    feed: Feed
    contest: Contest
    places: Collection[str]
    held: Held
    known: Known  # when `held` was read, or since it was loaded by this process
    lines: Collection[tuple[str, str]] | None  # (line, unit) that it may say, where other feeds say others; None: all
    afresh: bool = False  # nothing is taken as unchanged: the mapping is another than it was
    accept: bool = False  # a person says that what vanished has truly gone, whatever it is
    decision: int | None = None  # by which they say so
    refusal: Refusal | None = None  # what stands refused of the feed
    agreed: bool = False  # a person says that what is refused has truly gone
    taken: Lost | None = None  # what goes since a person accepted it

    def take(
        self, payload: int, rows: mapping.Rows, unfinished: dict[str, Any], mark: dict[str, Any]
    ) -> tuple[Held, int | None]:
        """Load what differs; what is held then, and the last load. The cursor becomes `mark` with the last of it;
        until then it is `unfinished`: the figures are of two payloads, whatever comes next is loaded afresh.

        `accepted` in a mark is the last load in which something went because a person had accepted it.
        """
        before, now = self.held.rows, {k: mapping.digest(row) for k, row in rows.by_key.items()}
        changed = {
            k: row
            for k, row in rows.by_key.items()
            if self.afresh or k in self.held.troubled or before.get(k) != now[k]
        }
        found = mapped(self.feed, self.contest, changed, self.places)
        said = lines(found.facts)
        lost = Vanished(self.feed, self.most_lost, self.held.figures, said, now)
        much = self._much(lost, unfinished)
        if self.agreed and self.refusal and self.refusal.goes in (lost.hash, lost.hash_with(self._gone())):
            self.accept, self.decision, much = True, self.refusal.decision, much or lost.told
        if much and not self.accept:
            raise much
        self.taken = much
        ended = sorted(self.held.figures.keys() - now.keys())
        last = self._load(payload, rows, found, ended, unfinished, mark)
        figures = {k: self.held.figures.get(k, frozenset()) for k in now} | said
        return Held(payload, now, figures, found.troubled), last

    def _gone(self) -> set[tuple[str, Line]]:
        """What went already of what a person has agreed to: the process ended before the last part of the payload."""
        if self.refusal is None or self.refusal.decision is None:
            return set()
        with self.store.connect() as conn:
            rows = gone(conn, self.source, self.feed.id, self.refusal.decision)
        return {(f"{row['place']} {row['hour']}".strip(), (row["line"], row["unit"])) for row in rows}

    def _much(self, lost: Vanished, mark: dict[str, Any]) -> Lost | None:
        """What is too much of what a payload lost. A table that is suddenly empty, or has much less than an hour ago,
        is a fault there."""
        if not (lost.rows or lost.figures):
            return None
        if self.refusal and self.refusal.undone:  # who said that they are there is not overruled, however few they are
            return lost.told
        since = (self.refusal.since if self.refusal else clock.now()) - TOGETHER  # it stands still while it waits
        accepted = mark.get(self.feed.id, {}).get("accepted", 0)
        with self.store.connect() as conn:
            lately = vanished.gone_since(conn, self.source, self.contest, self.feed, since, accepted)
            region_of = vanished.region_of(conn) if self.feed.scope == "pec" else {}
        try:
            lost.check([one for one in lately if self.lines is None or one[1] in self.lines], region_of)
        except Lost as much:
            return much
        return None

    def _load(
        self,
        payload: int,
        rows: mapping.Rows,
        found: Mapped,
        ended: Sequence[str],
        unfinished: dict[str, Any],
        mark: dict[str, Any],
    ) -> int | None:
        last: int | None = None
        parts = list(_parts([*found.facts, *ended], found))
        for n, keys in enumerate(parts or [[]]):
            with loading(self.store, self.source) as load:
                self.known.check(load)
                self._put(load, payload, found, keys)
                load.cursor = unfinished
                if n == max(0, len(parts) - 1):
                    unchanged = rows.by_key.keys() - found.facts.keys()
                    load.counts["unchanged"] += rows.repeated + sum(
                        len(self.held.figures.get(k, ())) for k in unchanged
                    )
                    settle(load, rows.bad.told() + found.bad.told(), lambda a: a.place == self.feed.id, payload)
                    load.cursor, load.kept = mark, last is not None
                if self.accept and load.moved:
                    load.cursor[self.feed.id]["accepted"] = load.id
                    self._keep_taken(load, payload)
            if load.moved:
                last = load.id
                self.known = replace(self.known, load=load.id)
        return last

    def _keep_taken(self, load: Load, payload: int) -> None:
        """What goes with this load goes since a person accepted it: they may undo it."""
        if self.taken is None or self.decision is None:
            return
        row = {"load": load.id, "decision": self.decision, "source": self.source, "feed": self.feed.id}
        row |= {"contest": self.contest.id, "scope": self.feed.scope, "count": self.feed.count, "payload": payload}
        lost = self.taken
        row |= {"what": lost.what, "lost": lost.lost, "held": lost.held, "figures": lost.figures, "hash": lost.goes}
        load.conn.execute(t.taken.insert(), row)

    def _put(self, load: Load, payload: int, found: Mapped, keys: Sequence[str]) -> None:
        """The figures that these rows have now; others of theirs end."""
        current = self._current(load, keys)
        own = {"source": self.source, "payload": payload}
        facts = [own | fact for key in keys for fact in found.facts.get(key, ())]
        load.put(t.published, facts, current=current)
        names = t.published.info["keys"]
        said = {tuple(fact[n] for n in names) for fact in facts}
        load.withdraw(t.published, [key for key in current if key not in said], seen=False)

    def _current(self, load: Load, keys: Sequence[str]) -> dict[Key, Fact]:
        """The figures in the store of these rows ('<place>' or '<place> <hour>', whichever it was mapped to)."""
        p, names = t.published.c, t.published.info["keys"]
        places = sorted({place for key in keys for place in (key, key.rpartition(" ")[0])})
        wanted = set(keys)
        found: dict[Key, Fact] = {}
        for start in range(0, len(places), _AT_ONCE):
            query = sa.select(t.published).where(
                p.source == self.source,
                p.contest == self.contest.id,
                p.scope == self.feed.scope,
                p.count == self.feed.count,
                p.place.in_(places[start : start + _AT_ONCE]),
                p.load_to.is_(None),
            )
            for row in load.conn.execute(query).mappings():
                own = self.lines is None or (row["line"], row["unit"]) in self.lines
                if own and f"{row['place']} {row['hour']}".strip() in wanted:
                    found[tuple(row[n] for n in names)] = dict(row)
        return found


def _parts(keys: Sequence[str], found: Mapped) -> Iterator[list[str]]:
    """Rows in parts of about as many figures as a transaction should hold."""
    part: list[str] = []
    size = 0
    for key in keys:
        part.append(key)
        size += len(found.facts.get(key, ())) + 1
        if size >= _BATCH:
            yield part
            part, size = [], 0
    if part:
        yield part
