"""Secrets of the machine: a password stands in no message, and what we keep is its owner's alone."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from elections import config
from loaders import __main__ as loaders
from loaders import schedule
from queries import __main__ as queries
from queries import moment
from rehearsal import __main__ as rehearsal
from rehearsal.observation import open_observation
from store import __main__ as store_command
from store import address
from store import tables as t
from store.engine import open_store

SECRET = "topsecret"  # noqa: S105 -- what must be told to nobody
ADDRESSES = (
    f"postgresql://u:{SECRET}",
    f"postgresql://u:{SECRET}@",
    f"postgresql://u:{SECRET}@127.0.0.1:x/d",
    f"postgresql://u:{SECRET}@127.0.0.1:1/d?sslpassword={SECRET}",
    f"postgresql://127.0.0.1:1/d?user=u&password={SECRET}",
    f"postgresql://[::1:{SECRET}@h/d",
    f"mysql://u:{SECRET}@h/d",
    f"u:{SECRET}@h/d",
    f"://u:{SECRET}@h/d",
)
COMMANDS: dict[str, Callable[[str], int]] = {
    "store": lambda _: store_command.main(["--check"]),
    "queries": lambda _: queries.main(["coverage"]),
    "loaders": lambda _: loaders.main(["once"]),
    "rehearsal": lambda at: rehearsal.main(["--election", "kg-2021-11-28", "--until", "08:00", "--store", at]),
}


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    moment.here.cache_clear()
    yield
    moment.here.cache_clear()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("store", ADDRESSES)
def test_no_command_tells_the_password_of_the_store(
    store: str, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
    monkeypatch.setenv("BAIKOO_STORE", store)
    assert COMMANDS[command](store), "it cannot be used"
    out, err = capfd.readouterr()
    assert SECRET not in out + err
    assert err.count("\n") == 1, "one line says why"


@pytest.mark.parametrize("observation", ADDRESSES)
def test_no_poll_tells_the_password_of_the_observers_database(
    observation: str, sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BAIKOO_OBSERVATION", observation)
    schedule.poll(sqlite_store, config.read("kg-2021-11-28"), "observation")
    with sqlite_store.connect() as conn:
        error = conn.execute(sa.select(t.poll.c.error)).scalar_one()
    assert error
    assert SECRET not in error + caplog.text


def test_an_address_is_shown_without_user_password_and_options() -> None:
    assert address.shown(f"postgresql://u:{SECRET}@h:5/d?password={SECRET}") == "postgresql+psycopg://h:5/d"


def others_may(folder: Path) -> list[str]:
    """The files in a folder that anybody but their owner may read or write."""
    return [file.name for file in folder.iterdir() if stat.S_IMODE(file.stat().st_mode) & 0o077]


@pytest.mark.parametrize("make", [open_store, open_observation])
def test_a_store_is_its_owners_alone(make: Callable[[str], sa.Engine], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        engine = make(f"sqlite:///{tmp_path}/own.sqlite")
        with engine.connect() as conn, conn.begin():
            conn.execute(sa.text("create table more (id integer)"))
            assert others_may(tmp_path) == []
        for file in tmp_path.iterdir():  # as a store of before this was so
            file.chmod(0o644)
        engine.dispose()
        make(f"sqlite:///{tmp_path}/own.sqlite").dispose()
        assert others_may(tmp_path) == []
    finally:
        os.umask(before)
