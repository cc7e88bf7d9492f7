"""`python -m store`: where the store is, how large, which data version; `--check`: whether it is whole; `backup`."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from store import address, check, terminal
from store import tables as t
from store.backup import NoCopy, backup
from store.engine import connect, is_there, store_url

# what a file raises in which there is anything but a store
_UNREADABLE = (sa.exc.SQLAlchemyError, sqlite3.Error, ArithmeticError, OSError, TypeError, ValueError)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    election = os.environ.get("BAIKOO_ELECTION", "").rstrip("/").rsplit("/", 1)[-1]
    if not election and "BAIKOO_STORE" not in os.environ:
        return _no("name the store in BAIKOO_STORE, or its election in BAIKOO_ELECTION")
    try:
        url = store_url(election)
        file = address.file(url)
        if file and file.exists() and not file.stat().st_size:
            return _no(f"{address.shown(url)}: the file is empty")
        if not is_there(url):
            return _no(f"{address.shown(url)}: there is no store here yet")
        return _do(connect(url), options)
    except (address.BadAddress, NoCopy) as error:
        return _no(f"{error}")
    except _UNREADABLE as error:
        return _no(f"{address.shown(url)}: no store that this version reads: {_why(error)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    parser.add_argument("--check", action="store_true", help="say what is wrong with it; exit 1 if anything is")
    parser.add_argument("--hash", action="store_true", help="print a hash of every current key and value")
    commands = parser.add_subparsers(dest="command")
    copy = commands.add_parser("backup", help="copy it into a new file, also while it is in use")
    copy.add_argument("file", type=Path)
    return parser


def _do(engine: sa.Engine, options: argparse.Namespace) -> int:
    if options.command == "backup":
        return _backup(engine, options.file)
    if options.hash:
        print(check.contents(engine))
        return 0
    if options.check and (said := check.file_fault(engine)):
        return _no(f"{_place(engine)}: the file is broken: {said}")
    print("\n".join(_lines(engine)))
    return _told(list(check.row_faults(engine))) if options.check else 0


def _backup(engine: sa.Engine, file: Path) -> int:
    found = backup(engine, file)
    copy = connect(sa.URL.create("sqlite", database=str(file)))
    print("\n".join(_lines(copy)))
    copy.dispose()  # its log goes with it
    return _told(found)


def _told(found: Sequence[str]) -> int:
    """Say what is wrong; the exit code."""
    for fault in found:
        print(f"WRONG: {terminal.line(fault)}")
    print("check      " + (f"{len(found)} faults" if found else "clean"))
    return 1 if found else 0


def _no(why: str) -> int:
    print(terminal.line(why), file=sys.stderr)
    return 1


def _why(error: BaseException) -> str:
    """In the database's own words; those of Python may quote a row."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(cause, sqlite3.Error) and not hasattr(cause, "sqlite_errorname"):
        return "text that is none"
    if isinstance(cause, sqlite3.Error | sa.exc.SQLAlchemyError | OSError) or isinstance(error, sa.exc.DBAPIError):
        return str(cause).splitlines()[0]
    return f"values that no store has ({type(cause).__name__})"


def _lines(engine: sa.Engine) -> list[str]:
    with engine.connect() as conn:
        count = {f.name: conn.scalar(sa.select(sa.func.count()).select_from(f)) for f in (*t.FACTS, t.load, t.payload)}
        version = conn.scalar(sa.select(sa.func.max(t.load.c.id)))
        last = conn.scalar(sa.select(sa.func.max(t.load.c.committed_at)))
        size = conn.scalar(sa.text(_SIZE[engine.dialect.name]))
    return [
        f"store      {_place(engine)}",
        f"size       {(size or 0) / 1e6:,.1f} MB",
        *_log(engine),
        f"owner      {_owner(engine)}",
        f"version    {version or 'none'}" + (f", last load {last:%Y-%m-%d %H:%M:%S} UTC" if last else ""),
        *(f"{name:<10} {rows:,} rows" for name, rows in count.items()),
    ]


def _log(engine: sa.Engine) -> list[str]:
    """What of a SQLite store stands beside its file: somebody has it open, or was killed."""
    file = address.file(engine.url)
    log = file and file.with_name(f"{file.name}-wal")
    size = log.stat().st_size if log and log.exists() else 0
    return [f"log        {size / 1e6:,.1f} MB beside the file, a part of the store"] if size else []


def _owner(engine: sa.Engine) -> str:
    """Whose it is: its own id, its election, whether it is a rehearsal's."""
    if not sa.inspect(engine).has_table(t.owner.name):
        return "not said yet: the store is of an earlier version"
    with engine.connect() as conn:
        row = conn.execute(sa.select(t.owner)).first()
    if row is None:
        return "nobody's yet"
    return f"{row.election}, {'a rehearsal' if row.rehearsal else 'in earnest'}, {row.store}"


_SIZE = {
    "sqlite": "select page_count * page_size from pragma_page_count(), pragma_page_size()",
    "postgresql": "select pg_database_size(current_database())",
}


def _place(engine: sa.Engine) -> str:
    return address.shown(engine.url)


if __name__ == "__main__":
    sys.exit(main())
