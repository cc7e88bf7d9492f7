"""`python -m store`: where the store is, how large, which data version; `--check`: whether it is whole."""

import argparse
import os
import sys
from collections.abc import Sequence

import sqlalchemy as sa

from store import address, check, terminal
from store import tables as t
from store.engine import connect, is_there, store_url


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m store", description=__doc__)
    parser.add_argument("--check", action="store_true", help="say what is wrong with it; exit 1 if anything is")
    parser.add_argument("--hash", action="store_true", help="print a hash of every current key and value")
    options = parser.parse_args(arguments)
    election = os.environ.get("BAIKOO_ELECTION", "").rstrip("/").rsplit("/", 1)[-1]
    if not election and not os.environ.get("BAIKOO_STORE"):
        print("name the store in BAIKOO_STORE, or its election in BAIKOO_ELECTION", file=sys.stderr)
        return 1
    url = store_url(election)
    try:
        there = is_there(url)
    except sa.exc.SQLAlchemyError as error:
        print(f"BAIKOO_STORE: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    engine = connect(url)
    if not there:
        print(f"{_place(engine)}: there is no store here yet", file=sys.stderr)
        return 1
    if options.hash:
        print(check.contents(engine))
        return 0
    for line in _lines(engine):
        print(line)
    if options.check:
        found = list(check.faults(engine))
        for fault in found:
            print(f"WRONG: {terminal.line(fault)}")
        print("check      " + (f"{len(found)} faults" if found else "clean"))
        return 1 if found else 0
    return 0


def _lines(engine: sa.Engine) -> list[str]:
    with engine.connect() as conn:
        count = {f.name: conn.scalar(sa.select(sa.func.count()).select_from(f)) for f in (*t.FACTS, t.load, t.payload)}
        version = conn.scalar(sa.select(sa.func.max(t.load.c.id)))
        last = conn.scalar(sa.select(sa.func.max(t.load.c.committed_at)))
        size = conn.scalar(sa.text(_SIZE[engine.dialect.name]))
    return [
        f"store      {_place(engine)}",
        f"size       {(size or 0) / 1e6:,.1f} MB",
        f"owner      {_owner(engine)}",
        f"version    {version or 'none'}" + (f", last load {last:%Y-%m-%d %H:%M:%S} UTC" if last else ""),
        *(f"{name:<10} {rows:,} rows" for name, rows in count.items()),
    ]


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
