"""What became of a source's rows: said in the log, by the command line and on the screen; none usable is not 'ok'."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from queries import health, incidents
from queries.__main__ import main as figures
from store import alarms, clock, decisions
from store import tables as t
from store.alarms import Alarm
from store.engine import connect
from tests import commission_site
from tests.commission_site import Site, protocol, put_frame
from tests.conftest import ROOT
from tests.facts import ELECTION, Facts
from tests.harm import read_only
from tests.observation_world import OPENING, Observation, Poll, at, current, poller
from tests.test_pages import drawn, words_of

DRAWN = {s.id: s.sampled for s in ELECTION.strata}


def bad_ones(observation: Observation, bad: int = 3, good: int = 1) -> None:
    """So many reports are of PECs that nobody knows, and each good one answers a question that nobody asks."""
    for n in range(bad):
        observation.report(f"bad{n}", "08:10", {"boxes_sealed": "yes"}, pec=f"999{n}", observer=f"o{n % 3 + 1}")
    for n in range(good):
        observation.report(f"good{n}", "08:10", OPENING, pec="1001")
        observation.answer(f"good{n}", "weather", "fine", "08:10")


def test_they_are_counted_by_reason_in_the_log_once(
    store: sa.Engine, observation: Observation, poll: Poll, caplog: pytest.LogCaptureFixture
) -> None:
    bad_ones(observation)
    row = poll("08:30")
    assert (row.outcome, row.error) == ("ok", None)
    used = 3 + 3 + 1 + len(OPENING)  # PECs, observers, report, answers
    said = f"observation: 7 of {used + 7} rows rejected: unknown PEC 3, unknown question 1, report set aside 3"
    assert caplog.messages == [said]
    poll("08:31")
    assert caplog.messages == [said]
    observation.report("bad9", "08:31", pec="9999")
    poll("08:32")
    assert caplog.messages[1].startswith(f"observation: 8 of {used + 8} rows rejected: unknown PEC 4")


def test_they_name_pec_and_observer(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    bad_ones(observation)
    poll("08:30")
    about = {q["key"]: (q["pec"], q["observer"]) for q in current(store, t.quarantine)}
    assert about == {
        **{f"bad{n}": (f"999{n}", f"o{n + 1}") for n in range(3)},
        **{f"bad{n}/boxes_sealed": (f"999{n}", f"o{n + 1}") for n in range(3)},
        "good0/weather": ("1001", "o1"),
    }
    found = health.causes(Facts(store).at("08:31"))[["place", "reason", "rows", "pecs", "observers"]]
    assert [tuple(row) for row in found.itertuples(index=False)] == [
        ("obs_answer", "report_set_aside", 3, 3, 3),
        ("obs_report", "unknown_pec", 3, 3, 3),
        ("obs_answer", "unknown_question", 1, 1, 1),
    ]
    rows = health.health(Facts(store).at("08:31")).set_index("source")
    assert tuple(rows.loc["observation", ["quarantined", "of"]]) == (7, 14 + len(OPENING))
    some = health.quarantined(Facts(store).at("08:31"), "observation", "obs_report", "unknown_pec")
    assert set(some["key"]) == {"bad0", "bad1", "bad2"}


def test_a_view_of_which_nothing_can_be_used_is_an_alarm_until_something_can(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    bad_ones(observation, bad=11, good=0)
    assert poll("08:30").error == "obs_report: none of its 11 rows could be used"
    assert poll("08:31").error == "obs_report: none of its 11 rows could be used"
    observation.report("good", "08:31", OPENING, pec="1001")
    assert poll("08:32").error is None


def test_ten_that_are_bad_are_no_alarm(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    bad_ones(observation, bad=10, good=0)
    assert poll("08:30").error is None


def test_what_another_process_loaded_ends_the_alarm(sqlite_store: sa.Engine, observation_beside: Observation) -> None:
    poll = poller(sqlite_store)
    bad_ones(observation_beside, bad=11, good=0)
    assert poll("08:30").error
    observation_beside.report("good", "08:31", OPENING, pec="1001")
    another = connect(sqlite_store.url.render_as_string(False))
    poller(another)("08:32")
    another.dispose()
    assert poll("08:33").error is None


def test_what_was_rejected_is_no_error_when_the_source_is_back(
    sqlite_store: sa.Engine, observation_beside: Observation
) -> None:
    poll = poller(sqlite_store)
    bad_ones(observation_beside, bad=2, good=3)
    assert [poll(f"08:{minute}").outcome for minute in (29, 30)] == ["ok", "ok"]
    file = Path(str(observation_beside.engine.url.database))
    away = file.rename(file.with_name("away"))
    assert poll("08:31").outcome == "error"
    away.rename(file)
    assert [poll(f"08:{minute}").outcome for minute in (32, 33)] == ["ok", "ok"]


def test_a_source_of_which_nothing_can_be_used_is_in_error(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.change("pec", "06:00", region="nowhere")
    observation.change("observer", "06:00", role="king")
    row = poll("08:30")
    assert row.outcome == "error"
    assert row.error == ("none of its rows could be used: 6 of 6 rows rejected: unknown region 3, unknown role 3")


@pytest.fixture
def site(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    with commission_site.serving() as site:
        monkeypatch.setenv("BAIKOO_COMMISSION", site.url)
        yield site


def test_a_feed_of_which_nothing_can_be_used_is_an_alarm(sqlite_store: sa.Engine, site: Site) -> None:
    put_frame(sqlite_store, "1001")
    poll = commission_site.poller(sqlite_store, ELECTION)
    strangers = [str(pec) for pec in range(7002, 7014)]
    nothing_yet = protocol("1001", **dict.fromkeys(("voters", "issued", "unused", "spoiled", "received"), None))
    nothing_yet |= {"found": None, "valid": None, "invalid": None, "votes": None}
    site.publish("machine", [protocol(pec) for pec in strangers])
    site.publish("manual", [protocol("1001", found="many"), protocol("7002")])
    row = poll("21:00")
    assert row.outcome == "ok"
    assert alarms.read(row.error) == [Alarm("unusable", "machine", 12, 12)]
    assert {(q["place"], q["pec"]) for q in current(sqlite_store, t.quarantine)} == {
        *(("machine", pec) for pec in strangers), ("manual", "7002"), ("manual", "1001"),
    }  # fmt: skip
    site.publish("machine", [nothing_yet, *(protocol(pec) for pec in strangers)])
    assert poll("21:02").error is None, "a page on which a PEC has no figures yet can be used"


def test_once_says_it_and_ends_with_1_where_nothing_can_be_used(
    sqlite_store: sa.Engine, observation_beside: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad_ones(observation_beside, bad=11, good=0)
    clock.set_rehearsed(sqlite_store, at("08:30"), 0)
    environ = os.environ | {"BAIKOO_STORE": sqlite_store.url.render_as_string(False)}
    command = [sys.executable, "-m", "loaders", "once", "--source", "observation"]
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "observation: alarm, " in run.stdout
    assert "observation: 22 of 28 rows rejected: unknown PEC 11, report set aside 11" in run.stderr


def test_health_on_the_command_line_ends_with_1_where_something_is_red(
    sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    facts = Facts(sqlite_store)
    facts.pecs(DRAWN)
    facts.polled("09:00")
    clock.set_rehearsed(sqlite_store, at("09:00"), 0)
    assert figures(["health"]) == 1, "the observers' database was never read"
    row = {"source": "observation", "polled_at": at("09:00"), "outcome": "ok", "seen": 1, "milliseconds": 1}
    with sqlite_store.begin() as conn:
        conn.execute(t.poll.insert(), row)
    assert figures(["health"]) == 0
    with sqlite_store.begin() as conn:
        conn.execute(t.poll.insert(), row | {"error": alarms.written([Alarm("late", "obs_answer", 3)])})
    capsysbinary.readouterr()
    assert figures(["health", "--format", "json"]) == 1
    told = {row["source"]: row["alarms"] for row in json.loads(capsysbinary.readouterr().out)["rows"]}
    assert told == {"observation": "obs_answer: 3 rows changed without a new updated_at", "commission": None}
    with sqlite_store.begin() as conn:
        conn.execute(t.poll.insert(), row)
    assert figures(["health"]) == 0
    facts.incident("violence", at="09:00", unsorted="unknown_pec", written="{}", hash="h")
    assert figures(["health"]) == 1, "a report must be sorted"
    subject = incidents.unsorted(facts.at("09:00"))["subject"].item()
    decisions.sort_incidents(sqlite_store, [subject], incidents.DISMISSED, "Asanova", "a test", known=0)
    assert figures(["health"]) == 0
    with read_only(Path(str(sqlite_store.url.database))):
        assert figures(["health"]) == 1, "the store cannot be written"
    assert figures(["health"]) == 0
    facts.withdraw(t.pec, ("1000",), at="09:00")
    assert figures(["health"]) == 1, "the sample is not as it was drawn"
    assert figures(["coverage"]) == 0


def test_data_health_shows_causes_and_what_has_one_of_them(
    sqlite_store: sa.Engine, observation_beside: Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    bad_ones(observation_beside, bad=11, good=0)
    poller(sqlite_store)("08:30")
    clock.set_rehearsed(sqlite_store, at("08:30"), 0)
    app = drawn("health")
    said = words_of(app)
    assert "22 of 28 rows set aside" in said
    assert "report: none of its 11 rows could be used" in said
    assert "answers, with an alarm" in said
    assert "22 of 28" in said
    tables = [f.value for f in app.dataframe]
    assert {"rows", "pecs", "observers"} <= set(tables[0].columns)
    assert {"9990", "9991", "9992"} <= set(tables[1]["pec"])


def test_an_alarm_comes_out_of_the_store_as_it_went_in() -> None:
    some = [Alarm("late", "obs_answer", 3), Alarm("clock", "commission", 1234)]
    assert alarms.read(alarms.written(some)) == some
    assert alarms.read(None) == alarms.read("") == []
    assert alarms.said(some) == (
        "obs_answer: 3 rows changed without a new updated_at; "
        "commission: its clock and this machine's are 1,234 seconds apart"
    )
    assert "as an earlier version said it" in str(alarms.said(alarms.read("obs_pec: as an earlier version said it")))
