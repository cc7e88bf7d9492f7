"""The ages of the sources right now, and what is broken: asked of the store once in a while for all sessions.

They move between two snapshots. Nobody waits long: a store that does not answer is broken too.
"""

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Literal, TypeVar

import pandas as pd
import sqlalchemy as sa

from pages import words
from queries import health, judging, snapshot
from queries.moment import Moment, now
from store import clock, clocks, writable
from store.outage import Outage

log = logging.getLogger("baikoo.pages")
T = TypeVar("T")
_GOOD = 1.0  # seconds that an answer is good for
_PATIENCE = 5.0  # seconds that an answer may take; pages take a server for silent after some more
_LATE = 120.0  # seconds of real time; a snapshot is made anew with every load, and every minute


class NoAnswer(sa.exc.SQLAlchemyError):
    """The store hangs: it is not worth asking."""


@dataclass(frozen=True)
class Known:
    """What the store said of the sources: a row each as `health.health` has it; and of its clock."""

    moment: Moment
    sources: pd.DataFrame
    speed: float  # of its clock
    since: float  # by `monotonic`

    def now(self) -> datetime:
        """The time by its clock, which goes on."""
        return self.moment.at + timedelta(seconds=self.speed * (monotonic() - self.since))

    def later(self) -> "Known":
        """The same now, where nothing has come since."""
        at = self.now()
        return Known(replace(self.moment, at=at), health.aged(self.sources, at), self.speed, monotonic())


class Present:
    """What the store says of this moment, and whether it says anything."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Known | None = None
        self._asking: Future[None] | None = None
        self._asked_at = 0.0  # by `monotonic`
        self._said: dict[Any, tuple[Known, str]] = {}
        self._outage = Outage(log, "the store cannot be read")
        self.broken: Literal["reading", "writing"] | None = None  # what the store could not do when it was asked last
        self.broken_at = 0.0  # since when, by `monotonic`
        self.hangs = False  # it was asked and has not answered
        self.clocks: dict[str, int] = {}  # 'machine', 'store' -> seconds that it was moved, or is away from ours
        self.unjudged = False  # the commission's polls cannot be judged
        self._watch, self._wrong = clocks.Watch(), Outage(log, "the clock")

    def unreadable(self) -> bool:
        """Whether the store cannot be read at this moment; asked anew."""
        if self._asking:
            self._wait(self._asking)  # it was asked before: what it says is not of now
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            self.known(good=0)
        return self.broken is not None

    def must_answer(self) -> None:
        """Raises NoAnswer where the store hangs: whoever asks it would wait for as long as it does."""
        if self.hangs:
            raise NoAnswer("it does not answer")

    def known(self, good: float = _GOOD) -> Known:
        """What the store said so many seconds ago at most; in an outage what it said last, to anybody, with ages that
        go on. Raises NoAnswer where it has said nothing yet."""
        with self._lock:
            if self._asking is None or (self._asking.done() and monotonic() - self._asked_at > good):
                self._asking, self._asked_at = in_thread(self._ask), monotonic()
            asking = self._asking
        self._wait(asking)
        if not self.broken and self._known:
            return self._known
        last = max((k for k in (self._known, _of_snapshot()) if k), key=lambda k: k.since, default=None)
        if last is None:
            raise NoAnswer("it has not answered yet")
        return last.later()

    def _wait(self, asking: Future[None]) -> None:
        try:
            asking.result(max(0.0, self._asked_at + _PATIENCE - monotonic()))
        except TimeoutError:
            with self._lock:
                if not asking.done():
                    self.hangs = True
                    self._goes_on("reading", "it does not answer", self._asked_at)

    def _ask(self) -> None:
        try:
            moment = now()
            self.unjudged = judging.fails()
            self._known = Known(moment, health.health(moment), clock.speed(), monotonic())
            self._hold_clocks(moment.engine)
            writable.check(moment.engine)
        except writable.Unwritable as error:  # which says so in the log by itself
            broken: tuple[Literal["reading", "writing"], str, float] | None = "writing", str(error), error.since
        except sa.exc.SQLAlchemyError as error:
            broken = "reading", type(error).__name__, self._asked_at
        else:
            broken = None
        with self._lock:
            self.hangs = False
            if broken:
                self._goes_on(*broken)
            else:
                self.broken = None
                self._outage.over()

    def _goes_on(self, broken: Literal["reading", "writing"], why: str, since: float) -> None:
        if self.broken is None:
            self.broken_at = since
        self.broken = broken
        if broken == "reading":
            self._outage.goes_on(why)

    def _hold_clocks(self, store: sa.Engine) -> None:
        with store.connect() as conn:
            held = {"machine": self._watch.moved(), "store": clocks.apart(clocks.of_database(conn))}
        self.clocks = {whose: seconds for whose, seconds in held.items() if seconds}
        if self.clocks:
            self._wrong.goes_on(", ".join(f"{whose} {seconds:+} s" for whose, seconds in self.clocks.items()))
        else:
            self._wrong.over()

    def said(self, name: str, build: Callable[[Moment, pd.DataFrame], str]) -> str:
        """What is written from them, once in this language for all sessions."""
        known, key = self.known(), (name, words.language())
        of, text = self._said.get(key, (None, ""))
        if of is not known:
            text = build(known.moment, known.sources)
            self._said[key] = known, text
        return text


def in_thread(question: Callable[[], T]) -> Future[T]:
    """Ask in a thread of its own, for which nobody waits, not even the end of the process."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # whoever waits for it gets it
            answer.set_exception(error)

    threading.Thread(target=ask, name="asked apart", daemon=True).start()
    return answer


def _of_snapshot() -> Known | None:
    """What the last snapshot has of the sources, where it has it."""
    shot = snapshot.kept()
    if shot is None or not shot.has(health.health):
        return None
    return Known(shot.moment, shot.ask(health.health), shot.speed, shot.made_at)


def old_figures(known: Known) -> float | None:
    """Seconds that no new figures have been made, though there should have been; None where they are fresh."""
    if (since := snapshot.failing_since()) is not None:
        return monotonic() - since
    if (shot := snapshot.kept()) is None:
        return 0.0
    late = (known.now() - shot.moment.at).total_seconds() / max(1.0, known.speed)
    return late if late > _LATE else None


present = Present()
