"""What this reader looks at: language, region, district, form and hour, as the page's address says them."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, TypeVar, cast

import streamlit as st

from pages import words
from queries import snapshot
from queries.moment import Moment, here

T = TypeVar("T")
KEYS = ("region", "district", "form", "as_of", "pec")  # parameters of the address
_KEPT = 2_000  # figures and specs of past moments and filters that stay in memory


@dataclass(frozen=True)
class View:
    """One look at the store. `figure` and `spec` compute once for all sessions that look at the same."""

    moment: Moment
    language: str
    region: str | None
    district: str | None
    form: str | None
    as_of: datetime | None  # None: now

    @property
    def place(self) -> dict[str, str]:
        """The filters by place, as the queries take them: `incidents(m, **view.place)`."""
        chosen = {"region": self.region, "district": self.district}
        return {k: v for k, v in chosen.items() if v}

    def figure(self, ask: Callable[..., T], /, **given: Any) -> T:
        """What a query says of this moment; asked once per load, minute and arguments. Never change the answer.

        The filters are not added by themselves: `view.figure(coverage.coverage, by=("form",), **view.place)`.
        """
        key = (*self._when, f"{ask.__module__}.{ask.__qualname__}", _frozen(given))
        return _once(key, lambda: ask(self.moment, **given))

    def spec(self, name: str, build: Callable[[], dict[str, Any]], *given: Any) -> dict[str, Any]:
        """A chart's spec, built once per load, minute, language, filters and `given` (whatever else it depends on)."""
        filters = (self.region, self.district, self.form, *given)
        return _once((*self._when, self.language, "spec", name, filters), build)

    @property
    def phase(self) -> str:
        """The phase of the day at this moment: before, voting, closing, night, after."""
        election = self.moment.election
        begun = [p for p in election.phases if election.instant(p.starts) <= self.moment.at]
        return begun[-1].id if begun else election.phases[0].id

    @property
    def _when(self) -> tuple[str, str, int, int]:
        m = self.moment
        return str(m.engine.url), m.election.id, m.load, int(m.at.timestamp() // 60)


def view() -> View:
    """What this session looks at, from the snapshot that is current right now."""
    chosen = {k: str(st.session_state.get(k) or "").strip() or None for k in KEYS}
    as_of = moment_of(chosen["as_of"])
    shot = snapshot.current() if as_of is None else snapshot.at(as_of)
    election = shot.moment.election
    region = chosen["region"] if chosen["region"] in {r.id for r in election.regions} else None
    district = next((d for d in election.districts if d.id == chosen["district"]), None)
    if district and region and district.region != region:
        district = None  # an old district beside a newly chosen region
    form = chosen["form"] if chosen["form"] in election.forms else None
    return View(shot.moment, words.language(), region, district.id if district else None, form, as_of)


def moment_of(text: str | None) -> datetime | None:
    """The moment that `?as_of=` names; None for now, for nonsense and for the future."""
    if not text or text == "now":
        return None
    try:
        at = here()[1].moment_of(text)
    except ValueError:
        return None
    return at if at < snapshot.current().moment.at else None


def hours(until: datetime) -> list[datetime]:
    """The full hours that the as-of picker offers: from the morning of election day until now."""
    election = here()[1]
    first = min(election.instant(c.opens) for c in election.checklists if c.opens.date() == election.date)
    last = min(until, day_ends())
    return [first + timedelta(hours=h) for h in range(1, int((last - first) / timedelta(hours=1)) + 1)]


def day_ends() -> datetime:
    """Noon of the day after: until then people look at hours, later at days."""
    election = here()[1]
    return election.instant(datetime.combine(election.date + timedelta(days=1), time(12)))  # noqa: DTZ001 -- local


_lock = threading.Lock()
_answers: OrderedDict[tuple[Any, ...], Future[Any]] = OrderedDict()


def _once(key: tuple[Any, ...], make: Callable[[], T]) -> T:
    """The value of this key, made by the first who asks while the others wait for it."""
    with _lock:
        answer = _answers.get(key)
        mine = answer is None
        if answer is None:
            answer = _answers[key] = Future()
            while len(_answers) > _KEPT:
                _answers.popitem(last=False)
    if mine:
        try:
            answer.set_result(make())
        except BaseException as error:
            with _lock:
                _answers.pop(key, None)
            answer.set_exception(error)
    return cast("T", answer.result())


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((k, _frozen(v)) for k, v in value.items()))
    return tuple(_frozen(v) for v in value) if isinstance(value, list | tuple) else value
