"""A copy of a store: made while it is in use, of one load, never over another file; by itself before a migration."""

import contextlib
import io
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from store import check
from store import tables as t
from store.__main__ import main
from store.backup import NoCopy
from store.engine import connect, open_store, writing
from store.owner import Owner
from tests.conftest import OWNER
from tests.harm import copied_file
from tests.test_store import migrations, pec, put
from tests.waiting import LIMIT, eventually

REAL = Owner(OWNER.election, rehearsal=False)


def store_command(url: sa.URL | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `python -m store` says and how it ends, in this process: tests/test_store.py runs it as people do."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("BAIKOO_STORE", str(url))
        code = main(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def loads(store: sa.Engine) -> Iterator[list[int]]:
    """Somebody who loads without a pause, a PEC a load; how many."""
    ended, made = threading.Event(), list[int]()

    def load() -> None:
        while not ended.is_set():
            put(store, pec(str(len(made))))
            made.append(1)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        yield made
    finally:
        ended.set()
        loader.join(LIMIT)


def known(url: sa.URL | str) -> tuple[int, set[str]]:
    engine = sa.create_engine(url)
    with engine.connect() as conn:
        found = conn.scalar(sa.select(sa.func.max(t.load.c.id))), set(conn.scalars(sa.select(t.pec.c.pec)))
    engine.dispose()
    return found


def test_a_store_that_is_loaded_into_is_copied_as_of_one_load(sqlite_store: sa.Engine, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    with loads(sqlite_store) as made:
        eventually(lambda: len(made) > 20, "twenty loads")
        before = len(made)
        done = store_command(sqlite_store.url, "backup", str(copy))
        assert done.returncode == 0, done.stderr
        eventually(lambda: len(made) > before + 1, "a load that began after it")
    version, pecs = known(f"sqlite:///{copy}")
    assert before <= version < len(made)
    assert pecs == {str(n) for n in range(version)}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert done.stdout.endswith("check      clean\n")
    assert f"version    {version}, " in done.stdout
    assert sorted(f.name for f in tmp_path.glob("copy*")) == ["copy.sqlite"], "nothing is left beside it"


def test_a_copy_knows_what_the_bare_file_does_not(sqlite_store: sa.Engine, tmp_path: Path) -> None:
    """Which `--check` cannot know: the bare file is the store as it stood at an earlier load."""
    put(sqlite_store, pec("1001"))
    with contextlib.closing(sqlite3.connect(str(sqlite_store.url.database))) as conn:
        conn.execute("pragma wal_checkpoint(truncate)")
    put(sqlite_store, pec("1002"))
    bare, copy = tmp_path / "bare.sqlite", tmp_path / "copy.sqlite"
    copied_file(Path(str(sqlite_store.url.database)), bare)
    asked = store_command(sqlite_store.url, "--check")
    assert "MB beside the file, a part of the store" in asked.stdout
    assert store_command(sqlite_store.url, "backup", str(copy)).returncode == 0
    assert store_command(f"sqlite:///{bare}", "--check").returncode == 0
    assert known(f"sqlite:///{bare}")[1] == {"1001"}
    assert known(f"sqlite:///{copy}")[1] == {"1001", "1002"}
    assert check.contents(connect(f"sqlite:///{copy}")) == check.contents(sqlite_store)


def test_no_file_is_overwritten_and_none_is_left_where_it_cannot_be_made(
    sqlite_store: sa.Engine, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.write_text("somebody's")
    for file, why in ((there, "there is such a file already"), (tmp_path / "none" / "copy", "No such file")):
        done = store_command(sqlite_store.url, "backup", str(file))
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr
        assert done.stderr.count("\n") == 1
    assert there.read_text() == "somebody's"
    assert {f.name for f in tmp_path.iterdir()} <= {"there", "store.sqlite", "store.sqlite-wal", "store.sqlite-shm"}


def test_a_store_with_faults_is_copied_with_them_and_it_says_so(sqlite_store: sa.Engine, tmp_path: Path) -> None:
    put(sqlite_store, pec("1001"))
    with writing(sqlite_store) as conn:
        conn.exec_driver_sql("update pec set in_sample = 2")
    done = store_command(sqlite_store.url, "backup", str(tmp_path / "copy"))
    assert done.returncode == 1
    assert "WRONG: pec 1001: in_sample is 2\ncheck      1 faults\n" in done.stdout
    assert known(f"sqlite:///{tmp_path}/copy")[1] == {"1001"}


def test_a_store_in_postgresql_is_its_own_tools_to_copy(
    postgres_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", postgres_store.url.render_as_string(False))
    assert main(["backup", str(tmp_path / "copy")]) == 1
    assert "pg_dump" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A store of an earlier revision with a PEC in it."""
    file = tmp_path / "store.sqlite"
    engine = connect(f"sqlite:///{file}")
    with writing(engine) as conn:
        command.upgrade(migrations(conn), "0003")
        conn.exec_driver_sql(
            "insert into load (source, started_at, committed_at, seen, changed, unchanged, set_aside, withdrawn)"
            " values ('observation', 0, 0, 1, 1, 0, 0, 0)"
        )
        conn.exec_driver_sql("insert into pec (pec, in_sample, mobile_applications, load_from) values ('1', 1, 0, 1)")
    engine.dispose()
    return file


def revision(file: Path) -> str:
    with contextlib.closing(sqlite3.connect(file)) as conn:
        return str(conn.execute("select version_num from alembic_version").fetchone()[0])


def test_a_store_is_copied_before_it_is_migrated_and_only_then(older: Path) -> None:
    kept = older.with_name("store.sqlite.before-0003")
    for _ in range(2):
        open_store(f"sqlite:///{older}", REAL).dispose()
    assert revision(older) > "0003"
    assert revision(kept) == "0003"
    assert known(f"sqlite:///{kept}") == (1, {"1"})
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert {f.name for f in older.parent.iterdir()} == {older.name, kept.name}


def test_a_copy_of_before_a_migration_is_not_overwritten(older: Path) -> None:
    kept = older.with_name("store.sqlite.before-0003")
    kept.write_text("the first")
    open_store(f"sqlite:///{older}", REAL).dispose()
    assert kept.read_text() == "the first"


def test_a_new_store_has_no_copy(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/store.sqlite", OWNER).dispose()
    assert [f.name for f in tmp_path.iterdir()] == ["store.sqlite"]


def test_a_broken_store_is_not_migrated(older: Path) -> None:
    with contextlib.closing(sqlite3.connect(older)) as conn:
        (page,) = conn.execute("select rootpage from sqlite_master where name = 'pec_current'").fetchone()
    with older.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\0" * 4096)
    with pytest.raises(NoCopy, match="the file is broken"):
        open_store(f"sqlite:///{older}", REAL)
    assert revision(older) == "0003"
    assert list(older.parent.glob("*before*")) == []
