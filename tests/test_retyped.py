"""An observation database on PostgreSQL whose columns get another type while it is polled: it goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from loaders import observation as loader
from store import tables as t
from tests.observation_world import OPENING, Observation, beside, current, poller

TEXT = """to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


@pytest.fixture
def postgresql(
    postgres_store: sa.Engine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    """An observation database on PostgreSQL, west of Greenwich."""
    monkeypatch.setenv("PGTZ", "America/New_York")
    yield from beside(postgres_store, request, tmp_path, monkeypatch)


def retyped(observation: Observation, kind: str, column: str, sql_type: str, using: str) -> None:
    with observation.engine.begin() as conn:
        conn.exec_driver_sql(f"drop view obs_{kind}")
        conn.exec_driver_sql(f"alter table own_{kind} alter {column} type {sql_type} using {using}")
        conn.exec_driver_sql(f"create view obs_{kind} as select * from own_{kind}")  # noqa: S608 -- our own names


CHANGES = [
    ("text", TEXT, "updated_at::timestamptz"),
    ("timestamp", "updated_at at time zone 'UTC'", "updated_at at time zone 'UTC'"),
    ("date", "updated_at::date", "updated_at::timestamp at time zone 'UTC'"),
    ("bigint", "extract(epoch from updated_at)", "to_timestamp(updated_at)"),
]


@pytest.mark.parametrize(("sql_type", "there", "back"), CHANGES, ids=[name for name, *_ in CHANGES])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_time_of_another_type_is_read_on_from(
    postgres_store: sa.Engine, postgresql: Observation, sql_type: str, there: str, back: str, restarted: bool
) -> None:
    poll = poller(postgres_store)
    postgresql.report("r1", "08:10", OPENING)
    postgresql.incident("i1", "08:29")
    poll("08:30")
    postgresql.incident("i2", "08:31")
    for key, new_type, using, minute in (("i2", sql_type, there, "08:31"), ("i3", "timestamptz", back, "08:33")):
        retyped(postgresql, "incident", "updated_at", new_type, using)
        if key == "i3":
            postgresql.incident(key, minute)
        if restarted:
            loader._memories.pop(postgres_store)
        row = poll(minute)
        assert (row.outcome, row.error) == ("ok", None)
        assert key in {i["incident"] for i in current(postgres_store, t.incident)}


def test_a_text_that_becomes_a_time_in_a_view_is_read_on_from_though_it_holds_nothing(
    postgres_store: sa.Engine, postgresql: Observation
) -> None:
    poll = poller(postgres_store)
    for kind in ("incident", "report", "answer"):
        retyped(postgresql, kind, "updated_at", "text", TEXT)
    postgresql.timestamps = False
    postgresql.report("r1", "08:10", OPENING)
    postgresql.incident("i1", "08:29")
    poll("08:30")
    postgresql.timestamps = True
    for kind in ("incident", "report", "answer"):
        postgresql.vanish(kind)
        retyped(postgresql, kind, "updated_at", "timestamptz", "updated_at::timestamptz")
    for minute in range(31, 35):
        assert poll(f"08:{minute}").outcome == "ok"


def test_a_column_that_gets_wider_stops_nothing(postgres_store: sa.Engine, postgresql: Observation) -> None:
    poll = poller(postgres_store)
    retyped(postgresql, "attachment", "url", "varchar(40)", "url")
    for minute in range(30, 38):  # a driver that prepares statements does so after a few
        poll(f"08:{minute}")
    retyped(postgresql, "attachment", "url", "text", "url")
    postgresql.incident("danger", "08:37")
    assert poll("08:38").outcome == "ok"
    assert {i["incident"] for i in current(postgres_store, t.incident)} == {"danger"}


def test_a_connection_on_which_a_poll_failed_is_not_used_again(
    postgres_store: sa.Engine, postgresql: Observation
) -> None:
    poll = poller(postgres_store)
    pids = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    poll("08:30")
    with postgresql.engine.begin() as conn:
        before = set(conn.execute(sa.text(pids)).scalars())
        conn.exec_driver_sql("alter view obs_report rename to away")
    assert poll("08:31").outcome == "error"
    with postgresql.engine.begin() as conn:
        conn.exec_driver_sql("alter view away rename to obs_report")
    assert poll("08:32").outcome == "ok"
    with postgresql.engine.connect() as conn:
        after = set(conn.execute(sa.text(pids)).scalars())
    assert after
    assert not before & after
