"""What this reader looks at: language, region, district, form and hour, as the page's address says them."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
import streamlit as st
from streamlit.dataframe_util import convert_anything_to_arrow_bytes

from pages import words
from pages.present import NoAnswer, present
from queries import snapshot
from queries.moment import Moment, here, now
from queries.once import Once
from queries.snapshot import Snapshot
from store.outage import Outage

log = logging.getLogger("baikoo.pages")
T = TypeVar("T")
KEYS = ("region", "district", "form", "as_of", "pec")  # parameters of the address
_LOOKED = 60.0  # seconds: what somebody looked at in them is made ahead


@dataclass(frozen=True)
class View:
    """One look at the store. `figure` and `spec` compute once for all sessions that look at the same."""

    snapshot: Snapshot
    language: str
    region: str | None
    district: str | None
    form: str | None
    as_of: datetime | None  # None: now

    @property
    def moment(self) -> Moment:
        return self.snapshot.moment

    @property
    def place(self) -> dict[str, str]:
        """The filters by place, as the queries take them: `incidents(m, **view.place)`."""
        chosen = {"region": self.region, "district": self.district}
        return {k: v for k, v in chosen.items() if v}

    @property
    def around(self) -> str | None:
        """The region chosen, else that of the chosen district: for figures that no district can carry."""
        return self.region or next((d.region for d in self.moment.election.districts if d.id == self.district), None)

    def figure(self, ask: Callable[..., T], /, **given: Any) -> T:
        """What a query says of this moment, asked once for all sessions.

        The filters are not added by themselves: `view.figure(coverage.coverage, by=("form",), **view.place)`. Raises
        NoAnswer where nobody has asked yet and the store hangs.
        """
        if not self.snapshot.has(ask, **given):
            present.must_answer()
        return self.snapshot.ask(ask, **given)

    def made(self, build: "Callable[[View], T]") -> T:
        """What a function of a module makes of this look, built once; while people look at it, ahead of time too.

        So nobody waits for it when the next snapshot comes, and all who look draw again at once.
        """
        if self.as_of is None:
            _looked[build, self.language, self.region, self.district, self.form] = monotonic()
        return _once(self.snapshot, (build, *self._filters), lambda: build(self))

    @property
    def _filters(self) -> tuple[Any, ...]:
        return self.language, self.region, self.district, self.form, self.as_of

    def once(self, name: str, build: Callable[[], T], *given: Any) -> T:
        """What is built once per snapshot, language, filters and `given` (whatever else it depends on)."""
        return _once(self.snapshot, (name, *self._filters, given), build)

    def spec(self, name: str, build: Callable[[], dict[str, Any]], *given: Any) -> dict[str, Any]:
        """A chart's spec, built once for all sessions that look at the same."""
        return self.once(name, lambda: packed(build()), *given)

    @property
    def phase(self) -> str:
        """The phase of the day at this moment: before, voting, closing, night, after."""
        election = self.moment.election
        begun = [p for p in election.phases if election.instant(p.starts) <= self.moment.at]
        return begun[-1].id if begun else election.phases[0].id


def view() -> View:
    """What this session looks at, from the snapshot that is current right now."""
    chosen = {k: str(st.session_state.get(k) or "").strip() or None for k in KEYS}
    as_of = moment_of(chosen["as_of"])
    if as_of:
        present.must_answer()
    shot = snapshot.current() if as_of is None else snapshot.at(as_of)
    election = shot.moment.election
    region = chosen["region"] if chosen["region"] in {r.id for r in election.regions} else None
    district = next((d for d in election.districts if d.id == chosen["district"]), None)
    if district and region and district.region != region:
        district = None  # an old district beside a newly chosen region
    form = chosen["form"] if chosen["form"] in election.forms else None
    return View(shot, words.language(), region, district.id if district else None, form, as_of)


def looks_back() -> datetime | None:
    """The past moment that this session looks at; asks nothing of the store."""
    return moment_of(str(st.session_state.get("as_of") or "").strip())


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
    return election.instant(datetime.combine(election.date + timedelta(days=1), time(12)))


def packed(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with its rows as the browser gets them: Streamlit would convert them anew for each session."""
    rows = {k: convert_anything_to_arrow_bytes(v) if isinstance(v, list) else v for k, v in _datasets(spec).items()}
    return spec | {"datasets": rows} if rows else spec


def _datasets(spec: dict[str, Any]) -> dict[str, Any]:
    return dict(spec.get("datasets") or {})


def _make_ahead(shot: Snapshot) -> None:
    """What people looked at of the last snapshot, made of the next one before they get it."""
    for key, at in list(_looked.items()):
        build, language, region, district, form = key
        if monotonic() - at > _LOOKED:
            del _looked[key]
            continue
        with words.speaking(language):
            fault = _faults.setdefault(build, Outage(log, f"{build.__module__}.{build.__qualname__} ahead of time"))
            try:
                View(shot, language, region, district, form, None).made(build)
            except NoAnswer:  # the store hangs, which is said once
                pass
            except Exception as error:  # the part that shows it says so
                if isinstance(error, sa.exc.SQLAlchemyError):
                    now()  # where the store is away this fails too, and the outage is said once
                fault.goes_on(type(error).__name__, error)
            else:
                fault.over()
            _looked[key] = at  # this look was nobody's


snapshot.prepare(_make_ahead)
_looked: dict[Any, float] = {}
_faults: dict[Any, Outage] = {}
_lock = threading.Lock()
_built: WeakKeyDictionary[Snapshot, Once] = WeakKeyDictionary()


def _once(snapshot: Snapshot, key: Any, build: Callable[[], T]) -> T:
    """The value of this key, built by the first who asks while the others wait for it."""
    with _lock:
        built = _built.setdefault(snapshot, Once())
    return built.get(key, build)
