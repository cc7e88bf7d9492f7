"""The observation loader against real databases: what is new, changed, withdrawn, late, and what it leaves alone."""

import json
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from elections import config
from loaders import contract, schedule
from store import clock
from store import tables as t
from store.engine import open_store
from tests.observation_world import ELECTION, OPENING, Observation, at

Poll = Callable[..., Any]


@pytest.fixture
def observation(
    store: sa.Engine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    """Three PECs and their observers, in SQLite beside a store in SQLite, in PostgreSQL beside one in PostgreSQL."""
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    if store.dialect.name == "postgresql":
        server, name = request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex}"
        with sa.create_engine(server, isolation_level="AUTOCOMMIT").connect() as conn:
            conn.exec_driver_sql(f"create database {name}")
        url = sa.engine.make_url(server).set(database=name).render_as_string(False)
    world = Observation(url)
    world.frame()
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    monkeypatch.setenv("BAIKOO_COMMISSION", "http://127.0.0.1:9")
    yield world
    world.engine.dispose()


@pytest.fixture
def poll(store: sa.Engine, observation: Observation) -> Poll:
    """Look at the source at an hour; the row in `poll` that it left."""
    return poller(store)


def poller(store: sa.Engine) -> Poll:
    def look(hour: str, **options: bool) -> Any:
        with clock.frozen(at(hour)):
            schedule.poll(store, ELECTION, "observation", **options)
        with store.connect() as conn:
            return conn.execute(sa.select(t.poll).order_by(t.poll.c.id.desc()).limit(1)).one()

    return look


def current(store: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    key = table.info["keys"][-1]
    with store.connect() as conn:
        query = sa.select(table).where(table.c.load_to.is_(None)).order_by(table.c[key])
        return [dict(row) for row in conn.execute(query).mappings()]


def answers(store: sa.Engine, report: str = "r1") -> dict[str, str]:
    return {a["question"]: a["value"] for a in current(store, t.answer) if a["report"] == report}


def aside(store: sa.Engine) -> set[tuple[str, str, str]]:
    return {(q["place"], q["key"], q["reason"]) for q in current(store, t.quarantine)}


def rows_in(store: sa.Engine, *tables: sa.Table) -> list[int]:
    with store.connect() as conn:
        return [conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in tables]


def loads_add_up(store: sa.Engine) -> bool:
    with store.connect() as conn:
        return all(r.seen == r.changed + r.unchanged + r.set_aside for r in conn.execute(sa.select(t.load)))


def test_the_first_poll_loads_frame_observers_and_reports_with_their_answers(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    observation.incident("i1", "08:20", pec=None, region="Osh", description="<b>queue</b>")
    row = poll("08:30")
    assert (row.outcome, row.error) == ("ok", None)
    assert [p["pec"] for p in current(store, t.pec)] == ["1001", "1002", "1003"]
    assert len(current(store, t.observer)) == 3
    (report,) = current(store, t.report)
    assert (report["report"], report["complete"], report["held"]) == ("r1", 1, None)
    assert report["submitted_at"] == at("08:10")
    assert answers(store) == OPENING
    (incident,) = current(store, t.incident)
    assert (incident["pec"], incident["region"], incident["description"]) == (None, "Osh", "<b>queue</b>")
    assert loads_add_up(store)


def test_a_poll_that_finds_nothing_leaves_only_its_row_in_poll(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    every = [t.load, t.payload, *t.FACTS]
    before = rows_in(store, *every)
    for minute in range(31, 50):  # two comparisons of keys among them
        row = poll(f"08:{minute}")
        assert (row.outcome, row.load) == ("ok", None)
    assert rows_in(store, *every) == before
    assert rows_in(store, t.poll) == [20]


def test_a_poll_reads_only_the_overlap(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    for n in range(50):
        observation.report(f"r{n}", f"08:{n:02}", {"observer_admitted": "yes"})
    poll("09:00")
    row = poll("09:01")
    assert row.seen <= 3 + 3 + 2 * 3  # the frame, the observers, and three minutes of reports and answers


def test_after_a_start_a_poll_that_finds_nothing_new_leaves_no_load(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    before = rows_in(store, t.load, t.report, t.answer)
    again = sa.create_engine(store.url) if store.dialect.name == "postgresql" else open_store(store.url)
    assert poller(again)("08:31").load is None
    assert rows_in(store, t.load, t.report, t.answer) == before


def test_what_changed_becomes_a_new_version_and_the_old_one_stays(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "12:00", {"voters_voted": "310", "count_origin": "screen"}, form="turnout_14")
    poll("14:10")
    observation.answer("r1", "voters_voted", "301", "14:20")
    poll("14:21")
    assert answers(store)["voters_voted"] == "301"
    with store.connect() as conn:
        a = t.answer.c
        versions = conn.execute(
            sa.select(a.value, a.number, a.load_to).where(a.question == "voters_voted").order_by(a.id)
        ).all()
    assert [(v.value, v.number, v.load_to is None) for v in versions] == [("310", 310.0, False), ("301", 301.0, True)]
    assert rows_in(store, t.report) == [1]


def test_a_late_answer_completes_the_report(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    observation.report("r1", "08:10", {q: v for q, v in OPENING.items() if q != "boxes_sealed"})
    poll("08:30")
    assert [r["complete"] for r in current(store, t.report)] == [0]
    observation.answer("r1", "boxes_sealed", "no", "08:40")
    poll("08:41")
    assert [r["complete"] for r in current(store, t.report)] == [1]


def test_an_answer_that_vanished_makes_the_report_incomplete_when_keys_are_compared(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    observation.vanish("answer", report="r1", question="boxes_sealed")
    for minute in range(31, 41):
        poll(f"08:{minute}")
    assert [r["complete"] for r in current(store, t.report)] == [0]
    assert "boxes_sealed" not in answers(store)


def test_a_commit_later_than_its_time_is_found_in_the_overlap(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    observation.report("r2", "08:09", OPENING, observer="o2", pec="1002")
    poll("08:31")
    assert [r["report"] for r in current(store, t.report)] == ["r1", "r2"]
    assert answers(store, "r2") == OPENING


def test_a_commit_later_than_the_overlap_is_found_when_keys_are_compared(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "09:00", OPENING)
    observation.incident("i1", "09:00")
    poll("09:01")
    observation.report("r2", "08:10", OPENING, observer="o2", pec="1002")
    observation.incident("i2", "08:10")
    for minute in range(2, 10):
        poll(f"09:{minute:02}")
    assert len(current(store, t.report)) == 1
    poll("09:10")
    assert [r["report"] for r in current(store, t.report)] == ["r1", "r2"]
    assert [i["incident"] for i in current(store, t.incident)] == ["i1", "i2"]


def test_rows_that_share_a_time_are_not_lost_at_the_border_of_a_page(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "PAGE", 7)
    monkeypatch.setattr("loaders.observation._REPORTS", 7)
    for n in range(40):
        observation.report(f"r{n:02}", "08:10", {"observer_admitted": "yes"})
        observation.incident(f"i{n:02}", "08:10")
    poll("08:30")
    assert len(current(store, t.report)) == len(current(store, t.incident)) == len(current(store, t.answer)) == 40


def test_a_deleted_report_is_withdrawn_with_its_answers(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    observation.report("r1", "08:10", OPENING)
    observation.incident("i1", "08:10")
    poll("08:30")
    observation.report("r1", "08:40", deleted=1)
    observation.incident("i1", "08:40", deleted=1)
    poll("08:41")
    assert current(store, t.report) == current(store, t.answer) == current(store, t.incident) == []
    assert loads_add_up(store)


def test_a_row_that_vanished_is_withdrawn_when_keys_are_compared(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    observation.report("r2", "08:11", OPENING)
    poll("08:30")
    observation.vanish("report", report="r1")
    observation.vanish("answer", report="r1")
    for minute in range(31, 39):
        poll(f"08:{minute}")
    assert len(current(store, t.report)) == 2
    poll("08:39")
    assert [r["report"] for r in current(store, t.report)] == ["r2"]
    assert answers(store, "r1") == {}


def test_a_view_that_is_suddenly_empty_withdraws_nothing_and_shows(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.frame(2000 if store.dialect.name == "sqlite" else 40)
    poll("08:30")
    held = len(current(store, t.pec))
    observation.vanish("pec")
    for minute in range(31, 39):
        poll(f"08:{minute}")
    for minute in range(39, 42):
        row = poll(f"08:{minute}")
        assert row.outcome == "error"
        assert f"obs_pec shows 0 of the {held} rows we hold" in row.error
    assert len(current(store, t.pec)) == held
    assert poll("08:42", accept=True).outcome == "ok"
    assert current(store, t.pec) == []


def test_the_same_report_twice_counts_once_by_its_later_row(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    observation.twice(
        "report", "08:12", report="r1", observer="o1", pec="1001", form="arrival", submitted_at="08:12", deleted=0
    )
    poll("08:30")
    assert [r["form"] for r in current(store, t.report)] == ["arrival"]
    assert loads_add_up(store)
    assert poll("08:31").load is None


BAD = {
    "a PEC not in the frame": ({"pec": "9999"}, "unknown_pec"),
    "a report without a PEC": ({"pec": None}, "unknown_pec"),
    "a checklist without an observer": ({"observer": None}, "no_observer"),
    "an observer nobody knows": ({"observer": "x9"}, "unknown_observer"),
    "a form nobody configured": ({"form": "weather"}, "unknown_form"),
    "a time in the future": ({"submitted_at": "08:36"}, "in_future"),
    "a day before its checklist's": ({"submitted_at": "2021-11-26T09:00"}, "outside_days"),
    "no time": ({"submitted_at": None}, "not_a_time"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_report_is_set_aside_with_its_answers_and_good_ones_load(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    values, reason = BAD[what]
    observation.report("bad", "08:10", OPENING, **values)
    observation.report("good", "08:10", OPENING)
    row = poll("08:30")
    assert row.outcome == "ok"
    assert [r["report"] for r in current(store, t.report)] == ["good"]
    assert aside(store) == {("obs_report", "bad", reason)} | {
        ("obs_answer", f"bad/{q}", "report_set_aside") for q in OPENING
    }
    assert json.loads(next(q["raw"] for q in current(store, t.quarantine) if q["key"] == "bad"))["report"] == "bad"
    assert loads_add_up(store)


def test_what_is_set_aside_stands_there_once_however_often_it_is_read(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("bad", "08:10", OPENING, pec="9999")
    poll("08:30")
    before = rows_in(store, t.load, t.quarantine)
    for minute in range(31, 45):
        poll(f"08:{minute}")
    assert rows_in(store, t.load, t.quarantine) == before


def test_a_later_good_version_brings_the_answers_that_were_set_aside(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING, pec="9999")
    poll("08:30")
    observation.put(  # only the report changes, long after its answers
        "report", "11:00", report="r1", observer="o1", pec="1001", form="opening", submitted_at="08:10", deleted=0
    )
    poll("11:01")
    assert aside(store) == set()
    assert answers(store) == OPENING
    assert [r["complete"] for r in current(store, t.report)] == [1]


def test_a_pec_that_joins_the_frame_brings_the_reports_that_waited_for_it(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING, pec="1009", observer="o9")
    poll("08:30")
    assert current(store, t.report) == []
    observation.pec("1009", "10:00")
    observation.observer("o9", "1009", "10:00")
    poll("10:01")
    assert answers(store) == OPENING
    assert aside(store) == set()


def test_a_good_report_that_becomes_unusable_is_no_longer_said(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    observation.report("r1", "08:40", OPENING, pec="9999")
    poll("08:41")
    assert current(store, t.report) == current(store, t.answer) == []
    assert ("obs_report", "r1", "unknown_pec") in aside(store)


ANSWERS = {
    "a value outside its list": ("opening", "boxes_sealed", "perhaps", "not_a_choice"),
    "an answer to an unknown question": ("opening", "boxes_painted", "yes", "unknown_question"),
    "a number where none can be": ("turnout_10", "voters_voted", "many", "not_a_number"),
    "a negative number": ("turnout_10", "voters_voted", "-3", "negative"),
    "a number that is not whole": ("turnout_10", "voters_voted", "3.5", "not_whole"),
    "more voters than there can be": ("turnout_10", "voters_voted", "1501", "too_large"),
    "no time where one was asked": ("equipment_episode", "from", "noonish", "not_a_time"),
    "a time in the future of the answer": ("equipment_episode", "to", "11:59", "in_future"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_a_bad_answer_is_set_aside_and_the_good_ones_of_its_report_load(
    store: sa.Engine, observation: Observation, poll: Poll, what: str
) -> None:
    form, question, value, reason = ANSWERS[what]
    good = {"opening": ("observer_admitted", "yes"), "turnout_10": ("count_origin", "screen")}.get(
        form, ("device", "arbb")
    )
    observation.report("r1", "10:05", dict([good, (question, value)]), form=form)
    poll("10:10")
    assert answers(store) == dict([good])
    assert aside(store) == {("obs_answer", f"r1/{question}", reason)}
    assert [r["complete"] for r in current(store, t.report)] == [0]
    assert loads_add_up(store)


def test_an_answer_corrected_later_completes_its_report_and_is_resolved(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "10:05", {"voters_voted": "many", "count_origin": "screen"}, form="turnout_10")
    poll("10:10")
    observation.answer("r1", "voters_voted", "120", "10:20")
    poll("10:21")
    assert aside(store) == set()
    assert [r["complete"] for r in current(store, t.report)] == [1]


def test_an_answer_without_a_report_is_set_aside_until_its_report_comes(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.answer("r0", "observer_admitted", "yes", "07:10")
    poll("08:00")
    assert aside(store) == {("obs_answer", "r0/observer_admitted", "unknown_report")}
    observation.vanish("answer", report="r0")
    observation.answer("r1", "observer_admitted", "yes", "08:10")
    poll("08:11")
    assert aside(store) >= {("obs_answer", "r1/observer_admitted", "unknown_report")}
    observation.report("r1", "08:20")
    poll("08:21")
    assert answers(store) == {"observer_admitted": "yes"}
    for minute in range(22, 30):
        poll(f"08:{minute}")
    assert aside(store) == set()


def test_an_sto_reporting_on_another_pec_is_held_back_until_the_assignment_is_mended(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.observer("m1", "1001", role="mobile")
    observation.report("r1", "08:10", OPENING, pec="1002")
    observation.report("r2", "08:10", {"situation_calm": "yes"}, pec="1002", observer="m1", form="mobile_visit")
    poll("08:30")
    assert {r["report"]: r["held"] for r in current(store, t.report)} == {"r1": "wrong_pec", "r2": None}
    observation.observer("o1", "1002", "09:00")
    poll("09:01")
    assert {r["report"]: r["held"] for r in current(store, t.report)} == {"r1": None, "r2": None}


def test_a_bad_incident_is_set_aside(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    observation.incident("good", "08:10", pec=None)
    observation.incident("category", "08:10", category="weather")
    observation.incident("pec", "08:10", pec="9999")
    observation.incident("future", "08:10", occurred_at="09:00")
    poll("08:30")
    assert [i["incident"] for i in current(store, t.incident)] == ["good"]
    assert aside(store) == {
        ("obs_incident", "category", "unknown_category"),
        ("obs_incident", "pec", "unknown_pec"),
        ("obs_incident", "future", "in_future"),
    }
    poll("09:00")
    assert loads_add_up(store)


def test_rows_are_archived_without_names_and_telephones(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    observation.report("r1", "08:10", OPENING)
    observation.observer("o7", "1001", role="boss", full_name="Nurlan Bad", phone="+996000000777")
    observation.put("message", "08:10", message="m1", sender="+996000000888", received_at="08:10", text="hello")
    poll("08:30")
    with store.connect() as conn:
        payloads = conn.execute(sa.select(t.payload)).all()
    assert [p.feed for p in payloads] == ["rows"]
    body = zlib.decompress(payloads[0].body)
    kept = json.loads(body)
    assert {view: len(rows) for view, rows in kept.items()} == {
        "obs_pec": 3, "obs_observer": 3, "obs_report": 1, "obs_answer": 8, "obs_message": 1
    }  # fmt: skip
    raw = body.decode() + "".join(q["raw"] for q in current(store, t.quarantine))
    assert not [secret for secret in ("Aibek", "Nurlan", "+99600") if secret in raw]
    assert {o["full_name"] for o in current(store, t.observer)} == {"Aibek Asanov"}


def test_the_source_is_opened_for_reading_only(observation: Observation) -> None:
    with (
        pytest.raises(sa.exc.DBAPIError, match=r"read.?only"),
        contract.connect(observation.url).connect() as conn,
    ):
        conn.exec_driver_sql("delete from own_pec")


def test_a_source_that_is_not_there_shows_and_changes_nothing(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    away = f"sqlite:///{tmp_path / 'none.sqlite'}"
    if store.dialect.name == "postgresql":
        away = "postgresql://monitor:secret@127.0.0.1:9/none"
    monkeypatch.setenv("BAIKOO_OBSERVATION", away)
    row = poll("08:31")
    assert row.outcome == "error"
    assert "secret" not in row.error
    assert not (tmp_path / "none.sqlite").exists()
    assert len(current(store, t.report)) == 1
    monkeypatch.setenv("BAIKOO_OBSERVATION", observation.url)
    assert poll("08:32").outcome == "ok"


def test_a_database_without_a_required_view_says_which(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    Observation(url, without=("incident", "message", "attachment"))
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    assert poller(sqlite_store)("08:30").error == "the observation database has no obs_incident"


def test_a_file_put_in_the_place_of_another_is_read(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    poll = poller(sqlite_store)
    for report, hour in (("r1", "08:10"), ("r2", "08:20")):
        export = Observation(f"sqlite:///{tmp_path / 'export.sqlite'}")
        export.frame()
        export.report(report, hour, OPENING)
        export.engine.dispose()
        (tmp_path / "export.sqlite").replace(tmp_path / "observation.sqlite")
        poll(hour)
    assert [r["report"] for r in current(sqlite_store, t.report)] == ["r1", "r2"]


STYLES = (
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f+00:00",
    "%Y-%m-%d %H:%M:%S+00",
    "%Y-%m-%d %H:%M",
)


@pytest.mark.parametrize("style", STYLES)
def test_times_as_text_are_read_on_from_in_every_style(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    observation = Observation(url, style)
    observation.frame()
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    poll = poller(sqlite_store)
    observation.report("r1", "08:10", OPENING)
    poll("08:30")
    observation.report("r2", "08:31", OPENING)
    assert poll("08:32").seen < 30  # the overlap, not the whole
    observation.report("r3", "08:30", OPENING)  # committed late
    poll("08:33")
    assert [r["report"] for r in current(sqlite_store, t.report)] == ["r1", "r2", "r3"]
    assert current(sqlite_store, t.report)[0]["submitted_at"] == at("08:10")


def test_a_time_in_the_future_does_not_hide_what_comes_until_then(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.incident("i1", "2031-01-01T00:00", reported_at="08:00")
    poll("08:30")
    observation.incident("i2", "08:40")
    poll("08:41")
    assert [i["incident"] for i in current(store, t.incident)] == ["i1", "i2"]


def test_codes_typed_as_numbers_are_text_here(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    observation = Observation(url)
    with observation.engine.begin() as conn:
        for kind in ("pec", "observer", "report"):
            conn.exec_driver_sql(f"drop view obs_{kind}")
            columns = "cast(pec as real) as pec, *" if kind == "pec" else "cast(pec as integer) as pec, *"
            conn.exec_driver_sql(f"create view obs_{kind} as select {columns} from own_{kind}")  # noqa: S608 -- our names
    observation.frame()
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    observation.report("r1", "08:10", OPENING)
    poller(sqlite_store)("08:30")
    assert [p["pec"] for p in current(sqlite_store, t.pec)] == ["1001", "1002", "1003"]
    assert [(r["pec"], r["held"]) for r in current(sqlite_store, t.report)] == [("1001", None)]


def test_a_large_first_load_is_made_in_transactions_of_a_few_thousand_rows(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    observation = Observation(url)
    observation.frame()
    with observation.engine.begin() as conn:
        for n in range(2000):
            row = {"r": f"r{n}", "at": f"2021-11-28T02:{n % 60:02}:00Z"}
            conn.execute(sa.text("insert into own_report values (:r, 'o1', '1001', 'opening', :at, :at, 0)"), row)
            for question, value in OPENING.items():
                conn.execute(
                    sa.text("insert into own_answer values (:r, :q, :v, :at)"), row | {"q": question, "v": value}
                )
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    assert poller(sqlite_store)("10:00").outcome == "ok"
    with sqlite_store.connect() as conn:
        loads = conn.execute(sa.select(t.load.c.changed)).scalars().all()
        whole = conn.execute(
            sa.select(t.report.c.load_from).join(t.answer, t.answer.c.report == t.report.c.report)
            .where(t.report.c.load_from != t.answer.c.load_from)
        ).all()  # fmt: skip
    assert len(loads) >= 3
    assert max(loads) < 8_000
    assert sum(loads) == 3 + 3 + 2000 * 9
    assert whole == []  # every report came with its answers
    assert {r["complete"] for r in current(sqlite_store, t.report)} == {1}


def test_what_was_set_aside_loads_after_the_configuration_was_mended(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", {"weather": "fine"}, form="arrival")
    poll("08:30")
    assert aside(store) == {("obs_answer", "r1/weather", "unknown_question")}
    arrival = ELECTION.forms["arrival"]
    question = config.Question(
        id="weather", stage="arrival", name=dict.fromkeys(ELECTION.languages, "Weather"), type="text"
    )
    mended = ELECTION.model_copy(
        update={
            "questions": (*ELECTION.questions, question),
            "checklists": tuple(
                c.model_copy(update={"questions": (*c.questions, "arrival.weather")}) if c is arrival else c
                for c in ELECTION.checklists
            ),
        }
    )
    mended.__dict__.pop("_asked", None)
    mended.__dict__.pop("forms", None)
    with clock.frozen(at("08:40")):
        schedule.poll(store, mended, "observation", again=True)
    assert answers(store) == {"weather": "fine"}
    assert aside(store) == set()
