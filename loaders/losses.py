"""Rows of a view that vanished, were marked as deleted or became unusable, too many at once: a person accepts them."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from loaders import held
from loaders.rows import AT_A_PEC
from store import clock
from store import tables as t
from store.alarms import Alarm
from store.decisions import Refused, accept_loss
from store.loading import Load, Overtaken, Row, loading

FEW = 10  # so many keys may vanish at once, whatever their share
TOGETHER = timedelta(hours=1)  # what went within it counts together


@dataclass(frozen=True)
class Loss:
    """So many rows of a view stay until somebody accepts that they have gone; `becomes`: what becomes of each, by key;
    `held`: of so many."""

    view: str
    becomes: Mapping[str, str]
    held: int

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.becomes)

    @property
    def lost(self) -> int:
        return len(self.becomes)

    @property
    def hash(self) -> str:
        """Of what goes, and of what becomes of it."""
        return hashlib.sha256(repr(sorted(self.becomes.items())).encode()).hexdigest()[:16]

    @property
    def alarm(self) -> Alarm:
        return Alarm("lost", self.view, self.lost, self.held)


def is_many(lost: int, held: int, most: float, few: int = FEW) -> bool:
    """Whether so many cannot go without a person."""
    return lost > max(few, most * held)


def left(pecs: Iterable[Row], sampled: Mapping[str, set[str]]) -> set[str]:
    """Those of these PECs, as their source has them, that are in the sample here and not there, or in another
    stratum."""
    stratum = {pec: of for of, some in sampled.items() for pec in some}
    return {
        row["pec"]
        for row in pecs
        if row["pec"] in stratum and (not row["in_sample"] or (row["stratum"] or "") != stratum[row["pec"]])
    }


def elsewhere(observers: Iterable[Row], posts: Mapping[str, str]) -> set[str]:
    """Those of these observers, as their source has them, who are at another PEC than here, or at none any more."""
    return {
        row["observer"]
        for row in observers
        if row["observer"] in posts and (row["pec"], row["role"]) != (posts[row["observer"]], AT_A_PEC)
    }


@dataclass(frozen=True)
class Standing:
    """A loss that is written down; `undone`: a person took its acceptance back; `waits_from`, `since`: the load in
    which it began to wait, and when, whatever it has become since."""

    hash: str
    accepted: bool
    undone: bool
    waits_from: int
    since: datetime


@dataclass
class Losses:
    """What of a source may go in one poll: what a comparison counted and found few, or a person accepted."""

    store: sa.Engine
    source: str
    most: float
    accept: bool  # a person says so of everything
    stands: dict[str, Standing] = field(default_factory=dict)  # what waits for a person, by view
    found: dict[str, Loss] = field(default_factory=dict)  # too many, in this poll, by view
    agreed: dict[str, frozenset[str]] = field(default_factory=dict)  # keys that may go, by view
    undone: int = 0  # the last decision that took something back, when `stands` was read

    def __post_init__(self) -> None:
        self.read()

    def read(self) -> None:
        """What waits for a person now."""
        with self.store.connect() as conn:
            self.undone = undone(conn, self.source)
            standing = conn.execute(_STANDING, {"source": self.source})
            self.stands = {view: Standing(*rest) for view, *rest in standing}

    def overruled(self, conn: sa.Connection) -> bool:
        """Whether somebody has taken something back since `stands` was read, or another loss stands, which another
        process counted: what was counted by it does not go."""
        standing = {view: loss for view, loss, *_ in conn.execute(_STANDING, {"source": self.source})}
        return undone(conn, self.source) != self.undone or standing != {v: s.hash for v, s in self.stands.items()}

    @property
    def accepted(self) -> bool:
        """Whether a person has accepted anything that has not gone yet."""
        return self.accept or any(loss.accepted for loss in self.stands.values())

    def counted(self, loss: Loss) -> bool:
        """All that a comparison found gone of a view: whether it may go. Who accepts a loss accepts these keys."""
        many = bool(loss.lost) and self._is_many(loss)
        if many and self.accept:
            self._keep(loss)
        elif many and not (self.is_standing(loss) and self.stands[loss.view].accepted):
            self.found[loss.view] = loss
            return False
        self.agreed[loss.view] = loss.keys
        return True

    def _is_many(self, loss: Loss) -> bool:
        """Whether so many cannot go, with those that went within the hour: of the view, of one kind (a region, a
        checklist, a question, a category, a severity), of the sample or a stratum of it. Neither can all that there
        are, where they are several."""
        waits = self.stands.get(loss.view)
        if waits and waits.undone:  # whoever said that they are there is not overruled, however few they are
            return True
        since = waits.since if waits else clock.now()  # the hour stands still while a person is awaited
        with self.store.connect() as conn:
            of_rows = held.kinds_of(conn, loss.view, self.source)
            kinds = held.by_kind(conn, of_rows, self.source)
            lately = held.gone_since(conn, of_rows, self.source, since - TOGETHER)
        lost = {kind: keys & loss.keys for kind, keys in kinds.items()}
        for one in lately:
            for kind in one.kinds:
                kinds.setdefault(kind, set()).add(one.key)
                lost.setdefault(kind, set()).add(one.key)
        vanished = {one.key for one in lately if not one.stands}
        of = loss.held + len(vanished)
        sampled = [kind for kind in kinds if kind.startswith(held.SAMPLED)]
        few = dict.fromkeys(sampled, 1)  # of a sample each PEC tells
        return (
            is_many(len(loss.keys.union(one.key for one in lately)), of, self.most)
            or len(vanished | loss.keys) == of > 1
            or any(is_many(len(lost[kind]), len(keys), self.most, few.get(kind, FEW)) for kind, keys in kinds.items())
            or is_many(_of(lost, sampled), _of(kinds, sampled), self.most, 1)
        )

    def _keep(self, loss: Loss) -> None:
        """Who accepts everything accepts this loss: it stands for a moment, so that it can be undone like any other."""
        d = t.decision.c
        query = sa.select(d.who, d.why).where(d.kind == "accept", d.subject == self.source).order_by(d.id.desc())
        with loading(self.store, self.source) as load:
            row = self._row(loss, load)
            load.put(t.loss, [row], seen=False)
            said = load.conn.execute(query.limit(1)).first()
        self.stands[loss.view] = Standing(loss.hash, True, False, row["waits_from"], clock.now())
        if said:
            try:
                accept_loss(self.store, self.source, loss.view, loss.hash, said.who, said.why or "--accept")
            except Refused as error:  # another process has counted again just now
                raise Overtaken from error

    def _row(self, loss: Loss, load: Load) -> Row:
        row = {"source": self.source, "view": loss.view, "lost": loss.lost, "held": loss.held, "hash": loss.hash}
        waits = load.current(t.loss, [(self.source, loss.view)])
        return row | {"waits_from": next((one["waits_from"] for one in waits.values()), load.id)}

    def is_standing(self, loss: Loss) -> bool:
        """Whether just this loss is written down: it goes with the rows, and can be undone if somebody accepted it."""
        return loss.view in self.stands and self.stands[loss.view].hash == loss.hash

    def taken(self, load: Load, views: Collection[str]) -> None:
        """The loss of these views goes with this load, or is none any more."""
        over = [view for view in views if self.stands.pop(view, None) is not None]
        load.counts["derived"] += len(load.end(t.loss, [(self.source, view) for view in over]))

    def note(self, compared: bool) -> int | None:
        """Write down what is lost; after a comparison also what is no more. The load, where it moved anything."""
        over = {view for view in self.stands if compared and view not in self.found}
        if not (self.found or over):
            return None
        with loading(self.store, self.source) as load:
            new = [self._row(loss, load) for loss in self.found.values() if not self.is_standing(loss)]
            load.put(t.loss, new, seen=False)
            if not self.overruled(load.conn):
                self.taken(load, over)
        return load.id if load.moved else None


def _of(kinds: Mapping[str, set[str]], some: Iterable[str]) -> int:
    """How many keys are of some of these kinds; none is of two of them."""
    return sum(len(kinds[kind]) for kind in some)


_STANDING = sa.text(
    """
    select l.view, l.hash,
        coalesce(d.value = l.hash and d.load > l.load_from, false) as accepted,
        exists (
            select 1 from decision u
            where u.kind = 'loss' and u.subject = l.source || '|' || l.view
                and u.value like 'undone|%' and u.load >= l.waits_from) as undone,
        l.waits_from, f.committed_at as since
    from loss l
    join load f on f.id = l.waits_from
    left join decision d on d.id = (
        select max(id) from decision where kind = 'loss' and subject = l.source || '|' || l.view)
    where l.source = :source and l.load_to is null
    """
).columns(accepted=sa.Boolean, undone=sa.Boolean, since=t.Instant)


def undone(conn: sa.Connection, source: str) -> int:
    """The last time that somebody took back what was accepted of this source: a decision; 0 where nobody did."""
    d = t.decision.c
    query = sa.select(sa.func.max(d.id)).where(d.kind == "loss", d.value.like("undone|%"))
    return conn.execute(query.where(d.subject.in_([f"{source}|{view}" for view in t.OF_VIEW]))).scalar() or 0
