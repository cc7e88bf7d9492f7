"""Whose a store is: no rehearsal touches what is real, no election another's, and nothing is written to find out."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from elections.config import FOLDER
from loaders.__main__ import main as loaders
from queries.__main__ import main as queries
from queries.moment import here
from rehearsal.__main__ import main as rehearse
from rehearsal.observation import open_observation
from store import clock
from store import tables as t
from store.__main__ import main as store_command
from store.engine import connect, open_store
from store.owner import Foreign, Owner
from tests.observation_world import Observation
from tests.test_store import migrations

REAL, REHEARSAL = Owner("kg-2027-01-24", rehearsal=False), Owner("kg-2021-11-28", rehearsal=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    own: str = (
        request.getfixturevalue("postgres_url") if request.param == "postgres" else f"sqlite:///{tmp_path}/s.sqlite"
    )
    return own


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    here.cache_clear()
    yield
    here.cache_clear()
    clock.follow(None)


def contents(url: str) -> dict[str, list[str]]:
    """Every row of every table."""
    engine = sa.create_engine(connect(url).url)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as conn:
        found = {name: sorted(map(str, conn.execute(sa.select(table)))) for name, table in tables.tables.items()}
    engine.dispose()
    return found


def poll_once(url: str) -> None:
    engine = connect(url)
    row = {"source": "observation", "polled_at": datetime(2027, 1, 24, tzinfo=UTC), "outcome": "ok"}
    with engine.begin() as conn:
        conn.execute(t.poll.insert(), row)
    engine.dispose()


def test_a_store_keeps_its_own_id_and_who_opened_it_first(url: str) -> None:
    for _ in range(2):
        open_store(url, REAL).dispose()
    (row,) = contents(url)["owner"]
    assert "kg-2027-01-24" in row
    open_store(url).dispose()  # to look at it
    assert contents(url)["owner"] == [row]


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (REAL, REHEARSAL, "is the store of kg-2027-01-24, not of kg-2021-11-28"),
        (REAL, Owner(REAL.election, rehearsal=True), "holds a real election: no rehearsal writes into it"),
        (REHEARSAL, Owner(REHEARSAL.election, rehearsal=False), "holds a rehearsal: name a new store"),
        (REAL, Owner("kg-2028-01-01", rehearsal=False), "is the store of kg-2027-01-24, not of kg-2028-01-01"),
    ],
)
def test_somebody_elses_store_is_refused_and_stays_as_it_was(url: str, first: Owner, second: Owner, why: str) -> None:
    open_store(url, first).dispose()
    poll_once(url)
    before = contents(url)
    with pytest.raises(Foreign, match=why):
        open_store(url, second)
    assert contents(url) == before


def older(url: str) -> None:
    """A store of before it was written down whose it is."""
    engine = connect(url)
    with engine.begin() as conn:
        command.upgrade(migrations(conn), "0003")
    engine.dispose()


def rehearse_in(url: str) -> None:
    engine = connect(url)
    clock.set_rehearsed(engine, datetime(2021, 11, 28, 6, tzinfo=UTC), 0)
    engine.dispose()


@pytest.mark.parametrize(
    ("came", "other", "own", "why"),
    [
        (rehearse_in, REAL, REHEARSAL, "holds a rehearsal"),
        (poll_once, REHEARSAL, REAL, "holds a real election"),
    ],
    ids=["with a clock", "polled without one"],
)
def test_an_older_store_tells_whose_it_is_by_what_came(
    url: str, came: Callable[[str], None], other: Owner, own: Owner, why: str
) -> None:
    older(url)
    came(url)
    before = contents(url)
    with pytest.raises(Foreign, match=why):
        open_store(url, other)
    assert contents(url) == before
    open_store(url, own).dispose()
    assert own.election in str(contents(url)["owner"])


def test_a_database_of_something_else_is_no_store(url: str) -> None:
    engine = sa.create_engine(connect(url).url)
    with engine.begin() as conn:
        conn.execute(sa.text("create table members (name text)"))
    engine.dispose()
    with pytest.raises(Foreign, match="holds something else than a store"):
        open_store(url, REAL)
    assert contents(url) == {"members": []}


ELSEWHERE = {
    "a table in another schema": ["create schema app", "create table app.members (name text)"],
    "a view alone": ["create view members as select 'Asanova' as name"],
    "a materialised view alone": ["create materialized view members as select 'Asanova' as name"],
    "a table that is another's": ["create foreign data wrapper far", "create server there foreign data wrapper far",
                                  "create foreign table members (name text) server there"],
}  # fmt: skip


@pytest.mark.parametrize("what", ELSEWHERE)
@pytest.mark.parametrize("opened", ["--store", "--observation"])
def test_whatever_stands_in_a_database_and_in_whichever_schema_nothing_is_made_beside_it(
    postgres_url: str, opened: str, what: str
) -> None:
    engine = connect(postgres_url)
    with engine.begin() as conn:
        for statement in ELSEWHERE[what]:
            conn.exec_driver_sql(statement)
    with pytest.raises(Foreign):
        open_store(postgres_url, REAL) if opened == "--store" else open_observation(postgres_url)
    assert sa.inspect(engine).get_table_names() == []
    assert "owner" not in contents(postgres_url)
    engine.dispose()


def test_a_file_with_nothing_but_a_view_is_refused_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite"
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        conn.exec_driver_sql("create view members as select 'Asanova' as name")
    for opened in (lambda: open_store(url, REAL), lambda: open_observation(url)):
        with pytest.raises(Foreign):
            opened()
    assert contents(url) == {}
    engine.dispose()


def test_what_an_extension_of_postgresql_brings_is_nobodys(postgres_url: str) -> None:
    engine = connect(postgres_url)
    with engine.begin() as conn:
        conn.exec_driver_sql("create extension pg_stat_statements")  # its views stand in `public`
    open_store(postgres_url, REAL).dispose()
    open_store(postgres_url, REAL).dispose()
    engine.dispose()


def rehearsed(folder: Path, *more: str) -> int:
    return rehearse(["--election", "kg-2021-11-28", "--until", "2021-11-27T08:05", *more])


def test_a_rehearsal_takes_nothing_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real, observed = f"sqlite:///{tmp_path}/real.sqlite", f"sqlite:///{tmp_path}/observed.sqlite"
    open_store(real, REAL).dispose()
    Observation(observed).engine.dispose()
    before = contents(real), contents(observed)
    monkeypatch.chdir(tmp_path)
    for name, value in (("STORE", real), ("OBSERVATION", observed), ("COMMISSION", "http://127.0.0.1:9")):
        monkeypatch.setenv(f"BAIKOO_{name}", value)
    assert rehearsed(tmp_path) == 0, capfd.readouterr().err
    assert (contents(real), contents(observed)) == before
    assert (tmp_path / "var" / "kg-2021-11-28" / "observation.sqlite").exists()


@pytest.mark.parametrize("option", ["--store", "--observation"])
def test_a_rehearsal_that_is_pointed_at_something_real_leaves_it_as_it_was(
    url: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if option == "--store":
        open_store(url, REAL).dispose()
    else:
        Observation(url).engine.dispose()
    before = contents(url)
    assert rehearsed(tmp_path, option, url) == 2
    assert capfd.readouterr().err.startswith("rehearsal: ")
    assert contents(url) == before


def test_no_row_moves_the_clock_of_a_real_election(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_store: sa.Engine
) -> None:
    own = tmp_path / "kg-2027-01-24"
    own.mkdir()
    (own / "election.toml").write_text(f'extends = "{FOLDER / "kg-2021-11-28"}"\nrehearsal = false\n', "utf-8")
    url = f"sqlite:///{tmp_path}/own.sqlite"
    monkeypatch.setenv("BAIKOO_ELECTION", str(own))
    monkeypatch.setenv("BAIKOO_STORE", url)
    engine, election = here()
    assert not election.rehearsal
    clock.set_rehearsed(engine, datetime(2021, 11, 28, 6, tzinfo=UTC), 60)
    assert clock.state() is None
    assert clock.speed() == 1
    assert clock.now().year > 2021


COMMANDS: dict[str, Callable[[], int]] = {
    "queries": lambda: queries(["coverage"]),
    "loaders": lambda: loaders(["once"]),
    "store": lambda: store_command([]),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_without_an_election_nothing_starts(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BAIKOO_ELECTION")
    monkeypatch.delenv("BAIKOO_STORE", raising=False)
    assert COMMANDS[command]() != 0
    assert "BAIKOO_ELECTION" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_name_of_the_store_is_not_the_default_one(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAIKOO_STORE", "")
    assert COMMANDS[command]() != 0
    assert "BAIKOO_STORE is empty" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_whose_it_is_stands_in_what_the_command_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", f"sqlite:///{tmp_path}/s.sqlite")
    open_store(f"sqlite:///{tmp_path}/s.sqlite", REAL).dispose()
    assert store_command([]) == 0
    assert "owner      kg-2027-01-24, in earnest, " in capfd.readouterr().out
