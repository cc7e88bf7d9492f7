"""A store that is gone, replaced or read-only while it is in use: nobody writes, and all is well when it is back."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from loaders import schedule
from loaders.runner import Runner
from loaders.source import Found
from store import check, clock, writable
from store import tables as t
from store.engine import connect, open_store, writing
from store.loading import loading
from store.writable import Unwritable
from tests.conftest import OWNER, ROOT
from tests.harm import Harm, gone, read_only, replaced
from tests.observation_world import OPENING, Observation
from tests.test_schedule import one_source, polls
from tests.test_store import pec, put
from tests.waiting import LIMIT, eventually

SAID = ["the store cannot be written", "over: the store cannot be written"]
HARMS = pytest.mark.parametrize(
    ("harm", "why"),
    [(gone, "is gone"), (replaced, "is another file than the one that was opened"), (read_only, "is read-only")],
)


@contextlib.contextmanager
def another(url: str) -> Iterator[None]:
    """Another store stands at the address: the same but for its own id."""
    other = sa.create_engine(url)
    with other.begin() as conn:
        own = conn.scalar(sa.select(t.owner.c.store))
        conn.execute(t.owner.update().values(store="another"))
    yield
    with other.begin() as conn:
        conn.execute(t.owner.update().values(store=own))
    other.dispose()


@contextlib.contextmanager
def without_writing(url: str) -> Iterator[None]:
    """The database takes no more writing in connections that begin from now on."""
    server = sa.create_engine(sa.engine.make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    name = sa.engine.make_url(url).database
    with server.connect() as conn:
        conn.exec_driver_sql(f"alter database {name} set default_transaction_read_only = on")
        yield
        conn.exec_driver_sql(f"alter database {name} reset default_transaction_read_only")
    server.dispose()


def file_of(store: sa.Engine) -> Path:
    return Path(str(store.url.database))


@HARMS
def test_nobody_writes_into_a_file_that_is_not_the_store_or_is_read_only(
    sqlite_store: sa.Engine, harm: Harm, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(sqlite_store, pec("1001"))
    with harm(file_of(sqlite_store)):
        for code in ("1002", "1003"):
            with pytest.raises(Unwritable, match=why):
                put(sqlite_store, pec(code))
    put(sqlite_store, pec("1004"))
    with sqlite_store.connect() as conn:
        assert set(conn.scalars(sa.select(t.pec.c.pec))) == {"1001", "1004"}
    assert list(check.faults(sqlite_store)) == []
    assert [r.message.partition(": sqlite")[0] for r in caplog.records] == SAID


@pytest.mark.parametrize("harm", [gone, replaced])
def test_nor_does_a_new_connection_read_it_or_make_a_new_file(sqlite_store: sa.Engine, harm: Harm) -> None:
    put(sqlite_store, pec("1001"))
    sqlite_store.dispose()
    with harm(file_of(sqlite_store)), pytest.raises(Unwritable), sqlite_store.connect():
        pass
    put(sqlite_store, pec("1002"))


def test_a_load_whose_file_vanishes_under_it_is_not_taken_to_be_loaded(sqlite_store: sa.Engine) -> None:
    with contextlib.ExitStack() as harm:

        def load_while_it_goes() -> None:
            with loading(sqlite_store, "observation") as load:
                load.put(t.pec, [pec("1001")])
                harm.enter_context(gone(file_of(sqlite_store)))

        with pytest.raises(Unwritable):
            load_while_it_goes()
    with sqlite_store.connect() as conn:
        assert conn.scalars(sa.select(t.pec.c.pec)).all() == []


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_nobody_writes_into_another_store_at_the_same_address(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite" if database == "sqlite" else request.getfixturevalue("postgres_url")
    store = open_store(url, OWNER)
    with another(url), pytest.raises(Unwritable, match="is another store than the one that was opened") as refused:
        put(store, pec("1001"))
    assert "@" not in str(refused.value)
    put(store, pec("1001"))
    store.dispose()


def test_a_database_that_takes_no_writing_is_told_apart(postgres_url: str) -> None:
    store = open_store(postgres_url, OWNER)
    store.dispose()
    with without_writing(postgres_url), pytest.raises(Unwritable, match="is read-only"), writing(store):
        pass
    put(store, pec("1001"))
    store.dispose()


@HARMS
def test_the_schedule_stops_and_goes_on_by_itself_and_says_each_once(
    sqlite_store: sa.Engine,
    harm: Harm,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[int] = []

    def look(*_: Any) -> Found:
        asked.append(1)
        return Found(seen=1)

    put(sqlite_store, pec("1001"))
    election = one_source(monkeypatch, look, interval=1)
    runner = Runner(sqlite_store)
    turns = [schedule._Turn(sqlite_store, election, election.sources[0], runner) for _ in range(2)]
    with clock.frozen(clock.now()):
        with harm(file_of(sqlite_store)):
            for turn in turns * 3:
                turn.tick()
        assert asked == []
        for turn in turns:
            turn.tick()
    assert len(polls(sqlite_store)) == len(asked) == 2
    assert [r.message.partition(": sqlite")[0] for r in caplog.records] == SAID
    assert why in caplog.text


def test_the_loaders_do_not_go_on_with_a_file_that_was_removed(tmp_path: Path) -> None:
    url, observation = f"sqlite:///{tmp_path / 'store.sqlite'}", f"sqlite:///{tmp_path / 'observation.sqlite'}"
    world = Observation(observation)
    world.frame()
    world.report("r1", "08:10", OPENING)
    open_store(url, OWNER).dispose()
    own = {"BAIKOO_ELECTION": OWNER.election, "BAIKOO_STORE": url, "BAIKOO_OBSERVATION": observation}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "loaders", "run"], cwd=ROOT, env=os.environ | own, stdout=out, stderr=out
        )
    store = connect(url)
    try:
        eventually(lambda: [p for p in polls(store) if p.source == "observation"], "a poll of the observers")
        with gone(tmp_path / "store.sqlite"):
            eventually(lambda: SAID[0] in log.read_text(), "word of it in the log")
        eventually(lambda: SAID[1] in log.read_text(), "word that it is over")
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
    assert [line.partition(": sqlite")[0] for line in log.read_text().splitlines() if "written" in line] == [
        f"WARNING {said}" for said in SAID
    ]
    assert list(check.faults(store)) == []
    store.dispose()


def test_a_full_disk_is_a_store_that_cannot_be_written(
    sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    writable.check(sqlite_store)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1000))
        for _ in range(2):
            with pytest.raises(Unwritable, match="is on a full disk"):
                writable.check(sqlite_store)
    writable.check(sqlite_store)
    assert [said.partition(": sqlite")[0] for said in caplog.messages] == SAID


def test_a_store_that_another_writer_keeps_for_long_cannot_be_written(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writable, "PATIENCE", 0.2)
    other, ours = store, connect(store.url)
    asked: list[int] = []

    def look(*_: Any) -> Found:
        asked.append(1)
        return Found(seen=1)

    election = one_source(monkeypatch, look, interval=1)
    turn = schedule._Turn(ours, election, election.sources[0], Runner(ours))
    with clock.frozen(clock.now()):
        with writing(other):
            for _ in range(3):
                turn.tick()
            assert len(asked) == 1, "what could not be written down is not asked again"
            with pytest.raises(Unwritable, match="is locked by another writer"):
                writable.check(ours)  # as every page does
        writable.check(ours)
        with clock.frozen(clock.now() + timedelta(seconds=2)):
            turn.tick()
    assert len(polls(ours)) == 1
    put(ours, pec("1001"))
    assert [said.partition(": sqlite")[0].partition(": postgres")[0] for said in caplog.messages] == SAID
    turn.runner.release()
    ours.dispose()


def test_a_lock_is_noticed_where_nobody_wants_to_write_and_is_as_old_as_the_first_look_at_it(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(writable, "monotonic", lambda: now)
    ours = connect(store.url)

    def look(*times: float) -> None:
        nonlocal now
        for at in times:
            now = at
            writable.check(ours)

    with writing(store):
        look(1000, 1009, 1018, 1027)
        look(1087, 1096, 1105, 1114)  # nobody looked for a minute: it may have been another writer
        with pytest.raises(Unwritable, match="is locked by another writer") as refused:
            look(1120)
        assert refused.value.since == 1087
    look(1121)
    with writing(ours):
        look(*range(2000, 2100, 9))
    ours.dispose()


def test_a_store_into_which_another_process_loads_without_a_pause_is_not_locked(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever somebody looks it writes, but its loads come: who waits has a turn between them."""
    now = 0.0
    monkeypatch.setattr(writable, "monotonic", lambda: now)
    ours = connect(store.url)
    for n in range(20):
        with loading(store, "observation") as load:
            load.put(t.pec, [pec(f"{n}")])
            now += 9
            writable.check(ours)
    ours.dispose()


def test_a_writer_waits_for_one_of_its_own_process_however_long_that_takes(
    sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writable, "PATIENCE", 0.05)
    ours = connect(sqlite_store.url)
    with ThreadPoolExecutor() as pool, contextlib.ExitStack() as first:
        first.enter_context(writing(ours))
        second = pool.submit(put, ours, pec("1001"))
        with pytest.raises(TimeoutError):
            second.result(1)
        first.close()
        second.result(LIMIT)
    ours.dispose()
