"""Clocks that are a minute apart: the machine's since its start, a database's, a site's. Said where people see it."""

from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
import sqlalchemy as sa

from elections.config import Election
from loaders import commission, schedule
from loaders.asking import Answer
from pages import strip
from pages.present import present
from queries.health import _is_store_red, health
from queries.moment import moment
from store import alarms, clock, clocks
from store import tables as t
from store.alarms import Alarm
from tests import commission_site
from tests.facts import ELECTION, Facts
from tests.observation_world import Observation, at
from tests.test_pages import drawn, words_of

HOUR = timedelta(hours=1)


class Machine:
    """A machine whose clock a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead, self.up = timedelta(), 1000.0
        real = clock._real_now
        monkeypatch.setattr(clock, "_real_now", lambda: real() + self.ahead)

    def passes(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
        self.up += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_a_clock_that_was_moved_is_noticed_and_told_for_an_hour(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2027, 1, 24, 6, tzinfo=UTC)
    monkeypatch.setattr(clock, "_real_now", lambda: now + machine.ahead)
    monkeypatch.setattr(clocks, "since_boot", lambda: machine.up)
    watch = clocks.Watch((now, machine.up))
    machine.passes(86_400)  # a laptop that slept: nobody moved its clock
    assert watch.moved() == 0
    machine.ahead += timedelta(seconds=30)
    assert watch.moved() == 0
    machine.ahead += HOUR
    assert watch.moved() == 3630
    machine.passes(3500)
    assert watch.moved() == 3630
    machine.passes(200)
    assert watch.moved() == 0
    machine.ahead -= HOUR
    assert watch.moved() == -3600
    machine.ahead += HOUR
    assert watch.moved() == 0, "it was put right"


def test_what_stands_still_is_held_against_no_clock(machine: Machine) -> None:
    assert abs(clocks.apart(clock.real() + HOUR) - 3600) <= 1
    assert clocks.apart(clock.real()) == clocks.apart(None) == 0
    now = clock.real()
    with clock.frozen(at("14:00")):
        assert clocks.apart(now) == 0


@pytest.fixture
def followed(store: sa.Engine) -> sa.Engine:
    """A store whose rehearsal stands still at 08:30."""
    clock.set_rehearsed(store, at("08:30"), 0)
    clock.follow(store)
    return store


def polled(store: sa.Engine, source: str, election: Election = ELECTION) -> list[Alarm]:
    schedule.poll(store, election, source)
    with store.connect() as conn:
        return alarms.read(conn.execute(sa.select(t.poll.c.error).order_by(t.poll.c.id.desc()).limit(1)).scalar())


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
def test_the_observers_database_is_held_against_this_machine(
    followed: sa.Engine, observation: Observation, machine: Machine
) -> None:
    assert polled(followed, "observation") == []
    machine.ahead = -HOUR
    (alarm,) = polled(followed, "observation")
    assert (alarm.code, alarm.place) == ("clock", "observation")
    assert alarm.rows == pytest.approx(3600, abs=2)
    machine.ahead = timedelta()
    assert polled(followed, "observation") == []


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
def test_a_store_whose_clock_is_away_is_red(followed: sa.Engine, machine: Machine) -> None:
    assert not _is_store_red(moment(followed, ELECTION))
    machine.ahead = HOUR
    assert _is_store_red(moment(followed, ELECTION))


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_site_is_held_against_this_machine_and_a_cache_is_not(
    followed: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = clock.real()
    monkeypatch.setattr(commission, "_said_at", lambda answer: said)
    with commission_site.serving() as site:
        monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
        assert polled(followed, "commission") == []
        said -= HOUR
        assert polled(followed, "commission") == [], "a page may be an hour old: it does not tell the time"
        for _ in range(2):
            said += timedelta(seconds=10)  # it goes on: it does
            (alarm,) = polled(followed, "commission")
            assert alarm.rows == pytest.approx(3600, abs=60)
        said += HOUR
        assert polled(followed, "commission") == []
        said += HOUR
        assert polled(followed, "commission")[0].code == "clock", "nothing can be made in the future"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"date": "Sun, 24 Jan 2027 06:00:00 GMT"}, datetime(2027, 1, 24, 6, tzinfo=UTC)),
        ({"date": "Sun, 24 Jan 2027 06:00:00 GMT", "age": "60"}, datetime(2027, 1, 24, 6, 1, tzinfo=UTC)),
        ({"date": "Sun, 24 Jan 2027 06:00:00 -0000"}, datetime(2027, 1, 24, 6, tzinfo=UTC)),
        ({"date": "Sun, 24 Jan 2027 06:00:00 GMT", "age": "9" * 30}, None),
        ({"date": "Sun, 24 Jan 2027 06:00:00 GMT", "age": "old"}, datetime(2027, 1, 24, 6, tzinfo=UTC)),
        ({"date": "Sun, 24 Jan 2027 06:00:00 GMT", "age": "-99999"}, datetime(2027, 1, 24, 6, tzinfo=UTC)),
        ({"date": "soon"}, None),
        ({"date": "Sun, 99 Jan 2027 06:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_time_is_read_of_date_and_age(headers: dict[str, str], said: datetime | None) -> None:
    assert commission._said_at(Answer(200, httpx.Headers(headers), b"")) == said


def test_it_is_said_on_every_page(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    facts = Facts(sqlite_store).pec("5043")
    row = {"source": "observation", "polled_at": at("08:30"), "outcome": "ok", "seen": 1, "milliseconds": 1}
    told = alarms.written([Alarm("clock", "observation", 3900)])
    with sqlite_store.begin() as conn:
        conn.execute(t.poll.insert(), row | {"error": told})
    clock.set_rehearsed(sqlite_store, at("08:30"), 0)
    said = "its clock and this machine's are 1 h 5 min apart. Times on this screen may be wrong."
    for page in ("strip", "health"):
        assert said in unescape(words_of(drawn(page)))
    assert "What exactly stands on Data health" not in words_of(drawn("strip"))
    assert health(facts.at("08:31"))["alarms"].iloc[0] == (Alarm("clock", "observation", 3900),)
    monkeypatch.setattr(present, "clocks", {"machine": -3900, "store": 120})
    told_here = unescape(strip._stale_sources(facts.at("08:31"), health(facts.at("08:31"))))
    assert "was moved by 1 h 5 min while it ran" in told_here
    assert "of the monitor's machine are 2 min apart" in told_here
