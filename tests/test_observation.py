"""The observation loader against real databases: what is new, changed, withdrawn, late, and what it leaves alone."""

import json
import zlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from loaders import contract
from store import tables as t
from store.engine import open_store
from tests.observation_world import (
    OPENING,
    Observation,
    Poll,
    answers,
    at,
    current,
    loads_add_up,
    poller,
    rows_in,
)


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
    assert (incident["pec"], incident["region"], incident["description"]) == (None, "osh", "<b>queue</b>")
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


@pytest.mark.parametrize("view", [contract.REPORT, contract.ANSWER, contract.INCIDENT], ids=lambda view: view.name)
def test_rows_that_share_a_time_are_not_lost_at_the_border_of_a_page(
    observation: Observation, view: contract.View
) -> None:
    for n in range(40):
        observation.report(f"r{n:02}", "08:10", {"observer_admitted": "yes"})
        observation.incident(f"i{n:02}", "08:10")
    with observation.engine.connect() as conn:
        pages = list(contract.changes(conn, view, None, None, page=7))
    assert [len(rows) for rows in pages] == [7, 7, 7, 7, 7, 5]
    assert len({row[0] for rows in pages for row in rows}) == 40


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
        assert row.outcome == "ok", "what is not in doubt loads"
        assert f"obs_pec: {held:,} of the {held:,} rows we hold are gone or changed" in row.error
    assert len(current(store, t.pec)) == held
    assert poll("08:42", accept=True).outcome == "ok"
    assert current(store, t.pec) == []


def test_a_small_view_that_is_suddenly_empty_is_no_withdrawal_either(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:10", OPENING)
    observation.report("r2", "08:11", OPENING)
    poll("08:30")
    observation.vanish("report")
    for minute in range(31, 39):
        poll(f"08:{minute}")
    assert "obs_report: 2 of the 2 rows we hold are gone or changed" in poll("08:39").error
    assert len(current(store, t.report)) == 2


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


def test_a_clock_that_was_ahead_and_was_put_right_hides_nothing(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    poll("08:30")
    observation.incident("ahead", "09:31")
    poll("09:31")
    for minute in range(35, 40):
        observation.incident(f"i{minute}", f"08:{minute}")
        assert poll(f"08:{minute}").outcome == "ok"
        assert f"i{minute}" in {i["incident"] for i in current(store, t.incident)}


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


def test_rows_are_archived_without_names_and_telephones(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    observation.report("r1", "08:10", OPENING)
    people = {"full_name": "Nurlan Bad", "phone": "+996000000777", "backup_phone": "+996000000778"}
    observation.observer("o7", "1001", role="boss", **people)
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
