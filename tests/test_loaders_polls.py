"""What a poll costs that finds nothing new, in steps of SQLite. How long it takes is the bench's to say."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bench.polls import fill
from loaders import schedule
from store import clock
from store import tables as t
from store.engine import open_store
from tests.observation_world import ELECTION, at, rows_in

_EVENING = at("20:00")


@dataclass
class Cost:
    """What was asked of source and store together."""

    statements: int = 0
    steps: int = 0  # instructions that SQLite ran: a table that is read from end to end takes some for each row


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what every database is asked that is opened until the end."""
    cost = Cost()

    def step() -> int:
        cost.steps += 1
        return 0

    def opened(connection: Any, _record: object) -> None:
        connection.set_progress_handler(step, 1)

    def asked(*_: object) -> None:
        cost.statements += 1

    sa.event.listen(sa.Engine, "connect", opened)
    sa.event.listen(sa.Engine, "before_cursor_execute", asked)
    yield cost
    sa.event.remove(sa.Engine, "connect", opened)
    sa.event.remove(sa.Engine, "before_cursor_execute", asked)


def empty_poll(folder: Path, reports: int, monkeypatch: pytest.MonkeyPatch) -> Cost:
    """The cost of a poll that finds nothing new among so many reports, which came at the same pace each time."""
    url, store_url = (f"sqlite:///{folder / f'{name}-{reports}.sqlite'}" for name in ("observation", "store"))
    fill(url, ELECTION, _EVENING, reports, timedelta(seconds=10 * reports))
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    store = open_store(store_url)
    for minute in (0, 1):  # the first loads them, the second learns what the overlap holds
        poll(store, minute)
    store.dispose()  # so that its connection is opened anew, and counted
    with counted() as cost:
        poll(store, 2)
    assert rows_in(store, t.report, t.poll) == [reports, 3]
    store.dispose()
    return cost


def poll(store: sa.Engine, minute: int) -> None:
    with clock.frozen(_EVENING + timedelta(minutes=minute)):
        schedule.poll(store, ELECTION, "observation")


def test_a_poll_that_finds_nothing_costs_the_same_however_many_reports_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (empty_poll(tmp_path, reports, monkeypatch) for reports in (250, 1_000))
    assert few.steps > 0
    assert many == few
