"""An observation database on PostgreSQL whose columns get another type while it is polled: nothing stops, nothing hides."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from store import tables as t
from tests.observation_world import Observation, beside, current, poller


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
    assert after and not before & after
