"""What is newly learnt to be critical is named on the wall and Overview, whatever time its sender gave it."""

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from loaders import observation as loader
from loaders.source import SourceError
from queries import changes, incidents, moment, room
from store import clock, decisions
from store import tables as t
from tests.facts import ELECTION, Facts
from tests.observation_world import Observation, Poll, at
from tests.test_pages import drawn, words_of
from tests.test_unsorted import row, take

TOO_EARLY = {"late": "2021-11-28T06:30:00Z", "wrong_day": "2021-11-20T07:05:00Z"}  # while it is 14:00, or 08:00Z
TOLD = r"<li><time>.*?</li>"


@pytest.fixture
def facts(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The store of this process at 14:05, with a PEC and its observer, who was heard of before."""
    monkeypatch.setenv("BAIKOO_STORE", store.url.render_as_string(False))
    moment.here.cache_clear()
    facts = Facts(store)
    facts.pec("5001").observer("5001-1", "5001").observer("5001-2", "5001")
    clock.set_rehearsed(store, ELECTION.moment_of("14:05"), 0)
    yield facts
    moment.here.cache_clear()
    clock.follow(None)


def danger(incident: str, **more: object) -> dict[str, object]:
    """A critical incident of an observer of the frame that could be used as it came."""
    return row(incident, category="violence", severity="critical", observer="5001-1", pec="5001") | more


def fresh(facts: Facts, hour: str) -> list[str]:
    return room.fresh_critical(facts.at(hour))["incident"].tolist()


def lately(facts: Facts, hour: str) -> list[tuple[str, str | None]]:
    rows = changes.recent(facts.at(hour))
    return list(zip(rows["what"], rows["severity"], strict=True))


@pytest.mark.parametrize("kind", TOO_EARLY)
def test_a_critical_incident_is_new_when_it_is_learnt_whatever_its_sender_says(facts: Facts, kind: str) -> None:
    take(facts.store, danger("i1", reported_at=TOO_EARLY[kind]))
    assert fresh(facts, "14:05") == ["i1"]
    assert fresh(facts, "14:11") == [], "it is not new for ever"
    assert room.fresh_critical(facts.as_of("13:59")).empty
    said = words_of(drawn("wall", wall="1"))
    assert "New and critical" in said
    assert lately(facts, "14:05") == [("incident", "critical")]


def test_an_incident_that_becomes_critical_is_new_once(facts: Facts) -> None:
    take(facts.store, danger("i1", category="secrecy", severity="serious"), hour="12:00")
    assert fresh(facts, "12:01") == []
    take(facts.store, danger("i1"), hour="14:00")
    assert fresh(facts, "14:05") == ["i1"]
    assert lately(facts, "14:05") == [("incident_critical", "critical")]
    assert fresh(facts, "14:11") == []
    take(facts.store, danger("i1", status="verified", description="beaten"), hour="14:20")
    assert fresh(facts, "14:21") == [], "it was critical before"
    assert lately(facts, "14:21") == []
    assert room.incident_counts(facts.at("14:59"))["critical_last_hour"] == 1
    assert room.incident_counts(facts.at("15:01"))["critical_last_hour"] == 0
    assert room.fresh_critical(facts.as_of("14:05"))["incident"].tolist() == ["i1"]
    assert room.fresh_critical(facts.as_of("13:50")).empty
    said = words_of(drawn("overview"))
    assert "now critical: Violence" in said
    assert "1 incident became critical" in said


def test_one_that_comes_and_becomes_critical_at_once_is_one_line(facts: Facts) -> None:
    take(facts.store, danger("i1", category="secrecy", severity="minor"), hour="14:00")
    take(facts.store, danger("i1"), hour="14:03")
    rows = changes.recent(facts.at("14:05"))
    assert rows[["what", "severity"]].values.tolist() == [["incident", "critical"]]
    assert rows["at_at"].iloc[0] == at("14:03")


def test_one_that_a_person_sorts_as_critical_is_new_then(facts: Facts) -> None:
    take(facts.store, *(row(f"i{n}", category="shots", observer=None, pec="5001") for n in (1, 2)), hour="12:00")
    assert fresh(facts, "12:05") == ["i1", "i2"]
    assert fresh(facts, "13:59") == []
    subjects = incidents.unsorted(facts.at("13:59"))["subject"].tolist()
    for subject, value in zip(subjects, ("violence|critical", "violence|minor"), strict=True):
        with clock.frozen(at("14:00")):
            decisions.sort_incidents(facts.store, [subject], value, "Asanova", "rang them", facts.at("13:59").load)
    take(facts.store, *(danger(f"h{n}", observer=None, description=f"{n}") for n in range(9)), hour="14:04")
    assert fresh(facts, "14:05")[0] == "i1", "what a person vouches for stands before a flood of strangers"
    assert ("incident_critical", "critical") in lately(facts, "14:05")
    assert changes.recent(facts.at("14:05")).set_index("what").loc["incident_critical", "known"]
    with clock.frozen(at("14:05")):
        decisions.sort_incidents(facts.store, subjects[:1], incidents.OPEN, "Asanova", "not so", facts.at("14:05").load)
    assert "incident_critical" not in dict(lately(facts, "14:05"))


def test_a_first_load_in_the_middle_of_the_day_makes_the_mornings_incidents_no_news(facts: Facts) -> None:
    told = {"source": "another", "category": "violence", "severity": "critical", "pec": "5001"}
    came = [told | {"incident": hour, "reported_at": ELECTION.moment_of(hour)} for hour in ("08:00", "13:58")]
    facts.put(t.incident, *came, at="14:00", source="another")
    poll = {"source": "another", "polled_at": ELECTION.moment_of("14:00"), "outcome": "ok"}
    with facts.store.begin() as conn:
        conn.execute(t.poll.insert(), poll)
    assert fresh(facts, "14:05") == ["13:58"]
    facts.put(t.incident, came[0] | {"incident": "late"}, at="14:04", source="another")
    assert fresh(facts, "14:05") == ["late", "13:58"]


def test_a_first_load_of_several_transactions_makes_them_no_news_either(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts(store)
    monkeypatch.setattr(loader, "_BATCH", 10)
    observation.day(20, "08:10", severity="critical", category="violence")
    poll("14:00")
    with store.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).where(t.load.c.source == "observation")) > 2
    assert fresh(facts, "14:05") == []
    observation.incident("late", "14:03", severity="critical", category="violence", reported_at="08:10")
    poll("14:04")
    assert fresh(facts, "14:05") == ["late"]


def test_the_first_incident_is_new_however_shortly_after_the_start_it_comes(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.frame(20)
    poll("12:00")
    observation.incident("late", "12:05", severity="critical", category="violence", reported_at="11:30")
    poll("12:05")
    assert fresh(Facts(store), "12:06") == ["late"]


def test_a_first_load_that_broke_off_and_went_on_later_is_one(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    observation.day(20, "08:10", severity="critical", category="violence")
    with monkeypatch.context() as patch:
        patch.setattr(loader, "_BATCH", 10)
        patch.setattr(loader._Reading, "_compare", _breaks_off)
        assert poll("12:00").outcome == "error"
    assert fresh(Facts(store), "12:01") == []
    observation.incident("sent", "12:10", severity="critical", category="violence", reported_at="12:05")
    assert poll("12:41").outcome == "ok"
    assert fresh(Facts(store), "12:42") == ["sent"]


def _breaks_off(_reading: loader._Reading) -> None:
    raise SourceError("the connection is gone")


def test_the_wall_says_how_many_more_there_are_and_nothing_twice(facts: Facts) -> None:
    take(facts.store, *(danger(f"d{n}", observer=None, description=f"{n}") for n in range(4)))
    take(facts.store, danger("own"), hour="14:01")
    take(facts.store, row("odd", category="x", observer="5001-2", pec="5001"), hour="14:02")
    said = words_of(drawn("wall", wall="1"))
    lines = re.findall(TOLD, said[said.index("New and critical") :])
    assert len(lines) == 3
    assert "14:01" in lines[0]
    assert all("Violence" in line for line in lines), "what the banner names is not named again"
    assert "and 2 more" in said


def test_a_critical_report_is_not_folded_behind_later_ones_of_its_observer(facts: Facts) -> None:
    take(facts.store, danger("i1"), hour="14:00")
    take(facts.store, *(danger(f"m{n}", severity="minor", category="secrecy") for n in range(5)), hour="14:02")
    rows = changes.recent(facts.at("14:05"))
    assert rows["severity"].tolist() == ["minor", "minor", "critical"]
    assert rows["more"].sum() == 3


def test_an_incident_of_no_pec_is_told_in_its_region(facts: Facts) -> None:
    take(facts.store, danger("i1", pec=None, region="naryn"))
    assert len(changes.recent(facts.at("14:05"), region="naryn")) == 1
    assert changes.recent(facts.at("14:05"), region="osh").empty
