"""One row that its database holds and Python does not: it is told, and all others load in the same poll."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from loaders import contract
from store import tables as t
from tests.observation_world import OPENING, Observation, Poll, answers, aside, at, beside, current, poller
from tests.sparing import sparing

NO_TIMES = ("infinity", "-infinity", "20000-01-01 00:00+00", "0001-01-01 00:00+00 BC")


@pytest.fixture
def postgresql(
    postgres_store: sa.Engine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    """An observation database on PostgreSQL."""
    yield from beside(postgres_store, request, tmp_path, monkeypatch)


def run(observation: Observation, statement: str, **values: Any) -> None:
    with observation.engine.begin() as conn:
        conn.execute(sa.text(statement), values)


def typed(observation: Observation, kind: str, column: str, sql_type: str) -> None:
    """The view gives a column of this type."""
    names = next(v for v in contract.VIEWS if v.name == f"obs_{kind}").names
    given = ", ".join(f"cast({n} as {sql_type}) as {n}" if n == column else n for n in names)
    run(observation, f"drop view obs_{kind}")
    run(observation, f"create view obs_{kind} as select {given} from own_{kind}")  # noqa: S608 -- our own names


def loaded(store: sa.Engine, table: sa.Table) -> list[str]:
    return [row[table.info["keys"][-1]] for row in current(store, table)]


@pytest.mark.parametrize("when", NO_TIMES)
def test_a_time_that_python_cannot_hold_is_told_and_all_else_loads(
    postgres_store: sa.Engine, postgresql: Observation, when: str
) -> None:
    poll = poller(postgres_store)
    for report in ("bad", "good"):
        postgresql.report(report, "08:10", OPENING)
    postgresql.put("message", "08:10", message="m1", received_at="08:10", text="a text")
    for incident in ("i1", "i2", "i3"):
        postgresql.incident(incident, "08:20")
    for statement in (
        "update own_report set submitted_at = cast(:when as timestamptz) where report = 'bad'",
        "update own_message set received_at = cast(:when as timestamptz)",
        "update own_incident set occurred_at = cast(:when as timestamptz) where incident = 'i1'",
        "update own_incident set updated_at = cast(:when as timestamptz) where incident = 'i2'",
    ):
        run(postgresql, statement, when=when)
    row = poll("08:30")
    assert (row.outcome, row.error) == ("ok", "obs_incident: 1 rows have an updated_at that is no time")
    assert loaded(postgres_store, t.report) == ["good"]
    assert aside(postgres_store) >= {("obs_report", "bad", "not_a_time"), ("obs_message", "m1", "not_a_time")}
    incidents = {i["incident"]: i["unsorted"] for i in current(postgres_store, t.incident)}
    assert incidents == {"i1": "not_a_time", "i2": None, "i3": None}
    postgresql.incident("i4", "08:31")
    assert poll("08:32").outcome == "ok"
    assert "i4" in loaded(postgres_store, t.incident)


@pytest.mark.parametrize("sql_type", ["date", "timestamp", "timestamptz"])
def test_a_border_of_pages_may_be_a_time_that_python_cannot_hold(postgresql: Observation, sql_type: str) -> None:
    for n, when in enumerate((*NO_TIMES, *NO_TIMES, "2021-11-28", "2021-11-28")):
        postgresql.incident(f"i{n}", "08:20")
        run(
            postgresql,
            "update own_incident set updated_at = cast(:at as timestamptz) where incident = :i",
            at=when,
            i=f"i{n}",
        )
    typed(postgresql, "incident", "updated_at", sql_type)
    for page in (1, 2, 3):
        with contract.connect(postgresql.url).connect() as conn:
            pages = list(contract.changes(conn, contract.INCIDENT, None, None, page))
        assert sorted(row[0] for rows in pages for row in rows) == [f"i{n}" for n in range(10)]


def test_an_hour_that_python_cannot_hold_is_set_aside(postgres_store: sa.Engine, postgresql: Observation) -> None:
    postgresql.report("r1", "08:10", {"pec_meeting_start": "24:00"})
    typed(postgresql, "answer", "value", "time")
    assert poller(postgres_store)("08:30").outcome == "ok"
    assert aside(postgres_store) == {("obs_answer", "r1/pec_meeting_start", "not_a_choice")}


@pytest.mark.parametrize(
    ("sql_type", "keys"),
    [
        ("bigint", ("1", "3000000000")),
        ("numeric", ("1", "3000000000")),
        ("uuid", ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")),
    ],
)
def test_a_row_without_a_key_stops_no_row_that_has_one(
    postgres_store: sa.Engine, postgresql: Observation, sql_type: str, keys: tuple[str, ...]
) -> None:
    postgresql.incident(None, "08:10", description="without a key")  # type: ignore[arg-type] # -- that is the fault
    for key in keys:
        postgresql.report(key, "08:10", OPENING)
        postgresql.incident(key, "08:20")
    for kind, column in (("incident", "incident"), ("report", "report"), ("answer", "report")):
        typed(postgresql, kind, column, sql_type)
    assert poller(postgres_store)("08:30").outcome == "ok"
    assert loaded(postgres_store, t.report) == [*keys]
    assert answers(postgres_store, keys[1]) == OPENING
    incidents = {i["incident"]: i["unsorted"] for i in current(postgres_store, t.incident)}
    assert {k: why for k, why in incidents.items() if k in keys} == dict.fromkeys(keys)
    assert [why for k, why in incidents.items() if k not in keys] == ["no_key"]


OTHER_BYTES = "cast(x'c3ff41' as text)"


def test_text_that_is_not_utf8_is_told_and_all_else_loads(
    sqlite_store: sa.Engine, observation_beside: Observation
) -> None:
    observation, poll = observation_beside, poller(sqlite_store)
    for n in ("1", "2", "3"):
        observation.report(f"r{n}", "08:10", OPENING, observer=f"o{n}", pec=f"100{n}")
        observation.incident(f"i{n}", "08:20")
        observation.put("message", "08:20", message=f"m{n}", received_at="08:20", text="a text")
        observation.put("attachment", "08:20", attachment=f"a{n}", report="r1", kind="photo", url="x")
    for statement in (
        "update own_message set text = {} where message = 'm1'",
        "update own_message set message = {} where message = 'm2'",
        "update own_attachment set attachment = {} where attachment = 'a2'",
        "update own_incident set description = {}, category = {}, observer = {}, status = {} where incident = 'i1'",
        "update own_incident set reported_at = {}, updated_at = {}, region = {} where incident = 'i2'",
        "update own_report set submitted_at = {} where report = 'r1'",
        "update own_answer set value = {} where report = 'r2' and question = 'pec_meeting_start'",
        "update own_pec set area = {}, latitude = {} where pec = '1003'",
        "update own_observer set full_name = {} where observer = 'o2'",
    ):
        run(observation, statement.replace("{}", OTHER_BYTES))
    row = poll("08:30")
    assert (row.outcome, row.error) == ("ok", "obs_incident: 1 rows have an updated_at that is no time")
    assert {m["message"]: m["text"] for m in current(sqlite_store, t.message)} == {
        "m1": "\ufffd\ufffdA",
        "m3": "a text",
    }
    assert loaded(sqlite_store, t.report) == ["r2"]
    assert {i["incident"]: i["unsorted"] for i in current(sqlite_store, t.incident)} == {
        "i1": "not_text", "i2": "not_text not_a_time", "i3": None
    }  # fmt: skip
    observation.incident("i4", "08:31")
    assert poll("08:32").outcome == "ok"
    assert "i4" in loaded(sqlite_store, t.incident)
    assert poller(sqlite_store)("08:40").outcome == "ok"


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("column", ["message", "updated_at"])
def test_a_border_of_pages_may_be_text_that_is_not_utf8(
    observation_beside: Observation, column: str, page: int
) -> None:
    for n in range(9):
        observation_beside.put("message", "08:20", message=f"m{n}", text=str(n))
        odd = ("x'ff'||", "x'80'||", "'\ufffd'||")[n % 3]
        odd_text = f"cast({odd}'{n}' as text)"
        run(observation_beside, f"update own_message set {column} = {odd_text} where message = 'm{n}'")  # noqa: S608 -- ours
    with contract.connect(observation_beside.url).connect() as conn:
        rows = [row for rows in contract.changes(conn, contract.MESSAGE, None, None, page) for row in rows]
    assert sorted(contract.MESSAGE.raw(row)["text"] for row in rows) == [str(n) for n in range(9)]


def test_what_was_read_before_text_that_is_not_utf8_is_read_once(observation_beside: Observation) -> None:
    for n in range(9):
        observation_beside.put("message", "08:20", message=f"m{n}", text=str(n))
    run(observation_beside, f"update own_message set sender = {OTHER_BYTES} where message = 'm7'")  # noqa: S608 -- ours
    with contract.connect(observation_beside.url).connect() as conn:
        found = conn.execute(sa.select(contract.MESSAGE.table))
        rows = [found.fetchone(), *found.fetchmany(3), *found.fetchmany(2), *found.fetchall()]
    assert [row.text for row in rows if row] == [str(n) for n in range(9)]


@pytest.mark.parametrize("sql_type", sparing(["bigint", "numeric", "integer"], test=1))
@pytest.mark.parametrize("stray", ["99999999999999999999999", "3000000000", "1e999999", "-1e999999"])
def test_an_answer_to_a_report_that_there_cannot_be_stops_nothing(
    store: sa.Engine, observation: Observation, poll: Poll, sql_type: str, stray: str
) -> None:
    observation.report("10", "08:10", OPENING)
    typed(observation, "report", "report", sql_type)
    poll("08:30")
    observation.answer(stray, "boxes_sealed", "no", "08:31")
    observation.incident("i1", "08:32")
    row = poll("08:33")
    assert (row.outcome, row.error) == ("ok", None)
    assert loaded(store, t.incident) == ["i1"]
    assert answers(store, "10") == OPENING
    assert aside(store) == {("obs_answer", f"{stray}/boxes_sealed", "unknown_report")}


def test_a_report_whose_key_only_looks_like_that_of_answers_stops_nothing(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("010", "08:10")
    observation.answer("10", "boxes_sealed", "no", "08:10")
    typed(observation, "answer", "report", "integer")
    assert poll("08:30").outcome == "ok"
    assert loaded(store, t.report) == ["010"]
    assert aside(store) == {("obs_answer", "10/boxes_sealed", "unknown_report")}


def test_a_change_in_the_year_1_is_no_time_and_stops_nothing(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.incident("i1", "08:10")
    when = "cast('0001-01-01 00:00+00' as timestamptz)" if observation.timestamps else "'0001-01-01T00:00:00Z'"
    run(observation, f"update own_incident set updated_at = {when}")  # noqa: S608 -- our own
    for hour in ("08:30", "08:31"):
        row = poll(hour)
        assert (row.outcome, loaded(store, t.incident)) == ("ok", ["i1"])
    observation.incident("i2", "08:32")
    assert poll("08:33").outcome == "ok"
    assert loaded(store, t.incident) == ["i1", "i2"]


def test_times_are_read_as_before(postgresql: Observation) -> None:
    postgresql.incident("i1", "08:20", occurred_at="08:10")
    with contract.connect(postgresql.url).connect() as conn:
        ((row,),) = contract.changes(conn, contract.INCIDENT, None, None)
    assert contract.INCIDENT.raw(row)["occurred_at"] == at("08:10")


def test_keys_that_sqlite_keeps_as_numbers_and_as_text_are_all_asked_for(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    observation, poll = Observation(url), poller(sqlite_store)
    observation.frame()
    keys = ["1", "2", "07", "2.5", "sms-8", "9223372036854775808"]
    for key in keys:
        observation.report(key, "08:10", OPENING)
        observation.incident(key, "08:10")
    for kind, column in (("report", "report"), ("answer", "report"), ("incident", "incident")):
        names = next(v for v in contract.VIEWS if v.name == f"obs_{kind}").names
        own = f"case when {column} in ('1', '2') then cast({column} as integer) when {column} = '2.5' then 2.5"
        given = ", ".join(f"{own} else {n} end as {n}" if n == column else n for n in names)
        run(observation, f"drop view obs_{kind}")
        run(observation, f"create view obs_{kind} as select {given} from own_{kind}")  # noqa: S608 -- our own names
    poll("08:30")
    assert loaded(sqlite_store, t.report) == loaded(sqlite_store, t.incident) == sorted(keys)
    assert {key: answers(sqlite_store, key) for key in keys} == dict.fromkeys(keys, OPENING)
    observation.vanish("report", report="1")
    observation.vanish("report", report="sms-8")
    observation.answer("2", "boxes_sealed", "no", "07:00")
    poll("08:31", again=True)
    assert loaded(sqlite_store, t.report) == sorted({*keys} - {"1", "sms-8"})
    assert answers(sqlite_store, "2")["boxes_sealed"] == "no"


@pytest.mark.parametrize("order", [("2", "2 "), ("2 ", "2")])
def test_of_two_rows_of_one_key_that_is_written_differently_the_same_one_stands_in_any_order(
    order: tuple[str, str],
) -> None:
    rows = [{"report": key, "pec": key, "updated_at": "2021-11-28T08:00:00Z"} for key in order]
    kept, extra = contract.latest(rows, contract.REPORT.keys)
    assert [row["report"] for row in kept.values()] == ["2 "]
    assert extra == 1
