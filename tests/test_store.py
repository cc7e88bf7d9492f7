"""The store: versions by load, moments, one writer at a time, checks that find what is wrong."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import threading
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import alembic.autogenerate
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as some

from elections import config
from queries.moment import Moment, moment
from store import check, clock
from store import tables as t
from store.engine import connect, is_there, open_store, writing
from store.loading import last_kept, loading
from tests.waiting import LIMIT, eventually

NOON = datetime(2021, 11, 28, 6, tzinfo=UTC)
ELECTION = config.read("kg-2021-11-28")


def pec(code: str, voters: int = 1000) -> dict[str, Any]:
    return {"pec": code, "registered_voters": voters, "in_sample": 1, "mobile_applications": 0}


def put(store: sa.Engine, *rows: dict[str, Any], at: datetime = NOON, source: str = "observation") -> None:
    with clock.frozen(at), loading(store, source) as load:
        load.put(t.pec, rows)


def known(at: Moment) -> dict[str, int]:
    frame = at.frame("select pec, registered_voters from pec_now order by pec")
    return dict(zip(frame["pec"], frame["registered_voters"], strict=True))


def stood(store: sa.Engine, at: datetime) -> dict[str, int]:
    return known(moment(store, ELECTION, at))


def test_as_of_a_time_shows_the_store_as_it_stood_then(store: sa.Engine) -> None:
    put(store, pec("1001", 900), at=NOON)
    put(store, pec("1001", 950), pec("1002"), at=NOON + timedelta(hours=1))
    assert stood(store, NOON - timedelta(seconds=1)) == {}
    assert stood(store, NOON) == {"1001": 900}
    assert stood(store, NOON + timedelta(hours=2)) == {"1001": 950, "1002": 1000}


def test_a_load_that_finds_nothing_new_leaves_no_trace(store: sa.Engine) -> None:
    put(store, pec("1001"))
    put(store, pec("1001"))
    with store.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(t.load)) == 1


def test_a_load_that_fails_leaves_nothing(store: sa.Engine) -> None:
    put(store, pec("1001"))
    with contextlib.suppress(RuntimeError), loading(store, "observation") as load:
        load.put(t.pec, [pec("1002")])
        raise RuntimeError("the source went away")
    assert stood(store, NOON + timedelta(days=1)) == {"1001": 1000}
    with store.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(t.load)) == 1
    assert list(check.faults(store)) == []


def test_a_clock_that_steps_back_does_not_reorder_history(store: sa.Engine) -> None:
    put(store, pec("1001", 1), at=NOON)
    put(store, pec("1001", 2), at=NOON - timedelta(seconds=50))
    assert stood(store, NOON - timedelta(seconds=5)) == {}, "nothing was committed before noon"
    assert stood(store, NOON) == {"1001": 2}, "two loads of one time: as after the last of them"
    assert list(check.faults(store)) == []


def test_a_clock_that_was_a_day_ahead_poisons_nothing_when_it_is_put_right(store: sa.Engine) -> None:
    put(store, pec("1001", 1), at=NOON)
    put(store, pec("1001", 2), at=NOON + timedelta(days=1, minutes=1))
    for minute in (5, 10):
        put(store, pec("1001", minute), at=NOON + timedelta(minutes=minute))
    assert stood(store, NOON + timedelta(minutes=4)) == {"1001": 1}
    assert stood(store, NOON + timedelta(minutes=6)) == {"1001": 5}
    assert stood(store, NOON + timedelta(minutes=11)) == {"1001": 10}
    assert stood(store, NOON + timedelta(days=2)) == {"1001": 10}
    assert list(check.faults(store)) == []


def test_a_clock_that_was_a_day_behind_poisons_nothing_either(store: sa.Engine) -> None:
    put(store, pec("1001", 1), at=NOON)
    put(store, pec("1001", 2), at=NOON - timedelta(days=1))
    put(store, pec("1001", 3), at=NOON + timedelta(minutes=10))
    assert stood(store, NOON - timedelta(minutes=1)) != {"1001": 3}
    assert stood(store, NOON + timedelta(minutes=1)) == {"1001": 1}
    assert stood(store, NOON + timedelta(minutes=11)) == {"1001": 3}


def test_a_withdrawn_key_is_gone_from_now_on_and_there_before(store: sa.Engine) -> None:
    put(store, pec("1001"), pec("1002"))
    with clock.frozen(NOON + timedelta(hours=1)), loading(store, "observation") as load:
        load.withdraw(t.pec, [("1001",)], seen=False)
    assert stood(store, NOON) == {"1001": 1000, "1002": 1000}
    assert stood(store, NOON + timedelta(hours=1)) == {"1002": 1000}


def test_the_cursor_of_the_last_load_that_kept_one_is_found(store: sa.Engine) -> None:
    with loading(store, "observation") as load:
        load.put(t.pec, [pec("1001")])
        load.cursor = {"obs_pec": "2021-11-28T06:00:00Z"}
    put(store, pec("1002"))
    with store.connect() as conn:
        assert last_kept(conn, "observation")[1] == {"obs_pec": "2021-11-28T06:00:00Z"}
        assert last_kept(conn, "commission") == (0, None)


def test_what_was_set_aside_stands_once_and_is_resolved_by_a_good_version(store: sa.Engine) -> None:
    bad = {"place": "obs_pec", "key": "1001", "hash": "h", "reason": "not_a_number", "raw": "{}"}
    for _ in range(3):
        with loading(store, "observation") as load:
            load.set_aside([bad])
    with store.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(t.quarantine)) == 1
    with loading(store, "observation") as load:
        load.put(t.pec, [pec("1001")])
        load.resolve([1])
    with store.connect() as conn:
        open_now = sa.select(sa.func.count()).select_from(t.quarantine).where(t.quarantine.c.load_to.is_(None))
        assert conn.scalar(open_now) == 0
    assert list(check.faults(store)) == []


STEPS = some.lists(
    some.tuples(
        some.dictionaries(some.sampled_from("abcd"), some.integers(0, 2), max_size=4),  # what a load brings
        some.sets(some.sampled_from("abcd"), max_size=2),  # what vanished
        some.integers(-60, 120),  # seconds since the load before, by a clock that may step back
    ),
    max_size=8,
)


@settings(max_examples=20)
@given(steps=STEPS)
def test_every_moment_shows_what_a_plain_dictionary_would(
    migrated_file: Path, tmp_path: Path, steps: list[Any]
) -> None:
    store = connect(f"sqlite:///{shutil.copy(migrated_file, tmp_path / f'{uuid.uuid4().hex}.sqlite')}")
    model: dict[str, int] = {}
    history: list[tuple[datetime, dict[str, int]]] = []
    at, committed = NOON, NOON - timedelta(days=1)
    for brought, gone, seconds in steps:
        at += timedelta(seconds=seconds)
        vanished = gone - brought.keys()
        after = {k: v for k, v in (model | brought).items() if k not in vanished}
        with clock.frozen(at), loading(store, "observation") as load:
            load.put(t.pec, [pec(k, v) for k, v in brought.items()])
            load.withdraw(t.pec, [(k,) for k in vanished], seen=False)
        if any(model.get(k) != v for k, v in brought.items()) or vanished & set(model):
            committed = committed if timedelta() < committed - at < timedelta(minutes=1) else at
            history.append((committed, after))
        model = after
    for when, _ in history:
        by_then = [(committed, n) for n, (committed, _) in enumerate(history) if committed <= when]
        last = len(history) - 1 if len(by_then) == len(history) else max(by_then)[1]
        assert stood(store, when) == history[last][1]
    assert list(check.faults(store)) == []
    store.dispose()


def test_loads_of_several_writers_never_interleave(store: sa.Engine) -> None:
    at_the_door: list[str] = []
    inside: list[str] = []
    most: list[int] = []
    done: list[str] = []

    def write(source: str) -> None:
        for i in range(15):
            at_the_door.append(source)
            with loading(store, source) as load:
                at_the_door.remove(source)
                inside.append(source)
                load.put(t.pec, [pec(f"{source}{i}")])
                eventually(lambda: at_the_door or inside[1:] or len(done) == 2, "another who wants to write")
                most.append(len(inside))
                inside.remove(source)
        done.append(source)

    writers = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    assert set(most) == {1}
    with store.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(t.load)) == 45
    assert list(check.faults(store)) == [], "loads commit in the order of their ids"


def test_a_reader_does_not_wait_for_a_writer(store: sa.Engine) -> None:
    put(store, pec("1001"))
    with ThreadPoolExecutor() as reader, writing(store) as conn:
        conn.execute(t.pec.insert(), [pec("1002") | {"load_from": 1}])
        assert reader.submit(stood, store, NOON).result(LIMIT) == {"1001": 1000}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("update load set seen = 7", "load 1 of observation: 7 seen are not changed + unchanged + set aside"),
        ("update pec set load_to = load_from", "pec 1001: the version of load 1 overlaps another"),
        (
            "update load set committed_at = committed_at - 30000 where id = 2",
            "load 2: committed before the load ahead of it",
        ),
        (
            "update load set seen = 5, changed = 5 where id = 1",
            "load 1 of observation: 5 changed or withdrawn, but 1 ver",
        ),
        ("update load set error = 'cut off' where id = 1", "load 1 of observation: failed, but 1 versions opened"),
        ("update pec set in_sample = 2 where pec = '1002'", "pec 1002: in_sample is 2"),
        ("update payload set size = 1", "payload 1: its 4 bytes are not the 1 with hash"),
    ],
)
def test_the_check_names_what_is_wrong(store: sa.Engine, spoil: str, found: str) -> None:
    put(store, pec("1001"))
    put(store, pec("1002"))
    body = {"size": 4, "sha256": "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589"}
    with writing(store) as conn:
        row = {"source": "commission", "feed": "turnout", "fetched_at": NOON, "body": zlib.compress(b"abcd")}
        conn.execute(t.payload.insert().values(row | body))
    assert list(check.faults(store)) == []
    with writing(store) as conn:
        conn.exec_driver_sql(spoil)
    assert any(fault.startswith(found) for fault in check.faults(store))


def test_the_check_names_a_version_whose_load_is_not_there(sqlite_store: sa.Engine) -> None:
    put(sqlite_store, pec("1001"))
    with contextlib.closing(sqlite3.connect(str(sqlite_store.url.database))) as conn:  # it minds no foreign keys
        conn.execute("update pec set load_from = 9")
        conn.commit()
    assert "pec 1: load_from 9 is not there" in list(check.faults(sqlite_store))


def test_the_check_names_a_broken_file(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    store = open_store(f"sqlite:///{file}")
    put(store, *(pec(f"{i:04}") for i in range(500)))
    with store.connect() as conn:
        conn.exec_driver_sql("pragma wal_checkpoint(truncate)")
        page = conn.scalar(sa.text("select rootpage from sqlite_master where name = 'pec_current'"))
    store.dispose()
    with file.open("r+b") as bytes_of_it:
        bytes_of_it.seek((page - 1) * 4096)
        bytes_of_it.write(b"\0" * 4096)
    assert any(fault.startswith("the file: ") for fault in check.faults(connect(f"sqlite:///{file}")))


def test_two_stores_that_know_the_same_have_the_same_hash_however_they_learnt_it(tmp_path: Path) -> None:
    one, other = (open_store(f"sqlite:///{tmp_path / name}.sqlite") for name in ("one", "other"))
    put(one, pec("1001"), pec("1002"))
    put(other, pec("1002", 5))
    put(other, pec("1001"))
    assert check.contents(one) != check.contents(other)
    put(other, pec("1002"))
    assert check.contents(one) == check.contents(other)


def test_the_command_says_where_the_store_is_and_that_it_is_clean(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    put(open_store(url), pec("1001"))
    asked = subprocess.run(
        [sys.executable, "-m", "store", "--check"], env={"BAIKOO_STORE": url}, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    assert str(tmp_path) in asked.stdout
    assert asked.stdout.rstrip().endswith("check      clean")


def migrations(conn: sa.Connection) -> Config:
    alembic_config = Config()
    alembic_config.set_main_option("script_location", "store/migrations")
    alembic_config.attributes["connection"] = conn
    return alembic_config


REVISIONS = [r.revision for r in ScriptDirectory("store/migrations").walk_revisions()]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_every_released_revision_is_migrated_with_its_data(tmp_path: Path, revision: str) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    with writing(connect(url)) as conn:
        command.upgrade(migrations(conn), revision)
        conn.exec_driver_sql(
            "insert into load (source, started_at, committed_at, seen, changed, unchanged, set_aside, withdrawn)"
            " values ('observation', 0, 0, 1, 1, 0, 0, 0)"
        )
        conn.exec_driver_sql("insert into pec (pec, in_sample, mobile_applications, load_from) values ('1', 1, 0, 1)")
    assert stood(open_store(url), NOON).keys() == {"1"}


@pytest.mark.parametrize(("table", "key"), [(t.loss, "view"), (t.refusal, "feed")])
def test_what_waits_has_waited_since_its_first_version_also_after_a_migration(
    store: sa.Engine, table: sa.Table, key: str
) -> None:
    def version(of: str, begins: int, ends: int | None) -> dict[str, Any]:
        row: dict[str, Any] = {"source": "s", key: of, "lost": begins, "held": 40, "load_from": begins, "load_to": ends}
        row |= {"hash": ""} if table is t.loss else {"first_payload": 1, "last_payload": 1, "what": "rows"}
        return row | {"waits_from": begins}

    paid = {"source": "s", "feed": "f", "fetched_at": NOON, "size": 0, "sha256": "", "body": b""}
    changed = [version("a", 1, 2), version("a", 3, 4), version("a", 4, 5), version("a", 5, None)]
    with writing(store) as conn:
        conn.execute(t.load.insert(), [{"source": "s", "started_at": NOON, "committed_at": NOON}] * 5)
        conn.execute(t.payload.insert(), paid)
        conn.execute(table.insert(), [*changed, version("b", 4, None)])
        newest = conn.exec_driver_sql("select version_num from alembic_version").scalar_one()
        conn.exec_driver_sql("update alembic_version set version_num = '0010'")
        command.upgrade(migrations(conn), "0011")
        conn.execute(sa.text("update alembic_version set version_num = :newest"), {"newest": newest})  # others share it
        now = conn.execute(sa.select(table).where(table.c.load_to.is_(None)).order_by(table.c[key])).mappings().all()
    assert [row["waits_from"] for row in now] == [3, 4]


def test_the_migrated_store_is_the_one_that_the_code_describes(store: sa.Engine) -> None:
    with store.connect() as conn:
        context = MigrationContext.configure(conn)
        assert alembic.autogenerate.compare_metadata(context, t.metadata) == []


def test_the_rehearsed_clock_runs_at_its_speed_and_stands_still_when_paused(
    sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "_real_now", lambda: real)
    clock.follow(sqlite_store)
    for speed, passed in ((3600, timedelta(minutes=3)), (0, timedelta())):
        clock.set_rehearsed(sqlite_store, NOON, speed)
        real += timedelta(milliseconds=50)
        assert clock.now() == NOON + passed


def test_asking_whether_a_store_is_there_makes_none(tmp_path: Path, store: sa.Engine) -> None:
    file = tmp_path / "nowhere" / "store.sqlite"
    assert not is_there(f"sqlite:///{file}")
    assert not file.parent.exists()
    assert is_there(store.url)


def test_a_postgresql_that_is_away_without_a_word_is_given_up_in_seconds(postgres_url: str) -> None:
    def limits(**said: str) -> dict[str, str]:
        engine = connect(sa.engine.make_url(postgres_url).update_query_dict(said))
        with engine.connect() as conn:
            of_connection: dict[str, str] = conn.connection.dbapi_connection.info.get_parameters()  # type: ignore[union-attr] # -- it is open
        engine.dispose()
        return of_connection

    ours = limits()
    assert (ours["connect_timeout"], ours["keepalives_idle"], ours["tcp_user_timeout"]) == ("10", "10", "20000")
    assert limits(connect_timeout="3")["connect_timeout"] == "3", "its address says otherwise"
