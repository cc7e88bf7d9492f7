"""A load: one transaction, one row in `load`, and the versions of facts that it changed."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store import clock
from store import tables as t
from store.engine import writing

Row = dict[str, Any]
Key = tuple[Any, ...]
_AT_ONCE = 400  # keys in one statement: SQLite's limit on bound parameters is 32,766


@dataclass
class Load:
    """A load under way. `changed + unchanged + set_aside = seen`; what vanished at the source is `withdrawn`."""

    conn: sa.Connection
    id: int
    source: str
    counts: Counter[str] = field(default_factory=Counter)
    cursor: Any = None  # JSON-able; kept as it was where None
    kept: bool = False  # though it changes nothing: it is the last of several, and its cursor says so

    def put(
        self, table: sa.Table, rows: Sequence[Row], seen: bool = True, current: Mapping[Key, Row] | None = None
    ) -> list[Row]:
        """Append the rows that differ from their current version; returns those. Keys stand once in `rows`.

        `seen=False`: rows that follow from others (a report that its answers complete) and are not counted.
        `current`: their current versions, where the caller has them already.
        """
        if current is None:
            current = self.current(table, [_key(table, r) for r in rows])
        columns = [c.name for c in table.columns if c.name not in ("id", "load_from", "load_to")]
        changed = [r for r in rows if _differs(current.get(_key(table, r)), r, columns)]
        self._close(table, [current[k]["id"] for r in changed if (k := _key(table, r)) in current])
        if changed:
            self.conn.execute(
                table.insert(), [{c: r.get(c) for c in columns} | {"load_from": self.id} for r in changed]
            )
        if seen:
            self.counts["changed"] += len(changed)
            self.counts["unchanged"] += len(rows) - len(changed)
        else:
            self.counts["derived"] += len(changed)
        return changed

    def withdraw(self, table: sa.Table, keys: Iterable[Key], seen: bool = True) -> list[Row]:
        """End the current versions of these keys; returns the versions that ended.

        `seen`: the source said so in a row of its own; otherwise the key vanished there.
        """
        keys = list(keys)
        ended = self.end(table, keys)
        if seen:
            self.counts["changed"] += len(ended)
            self.counts["unchanged"] += len(keys) - len(ended)
        else:
            self.counts["withdrawn"] += len(ended)
        return ended

    def end(self, table: sa.Table, keys: Sequence[Key]) -> list[Row]:
        """End the current versions of these keys, uncounted; returns the versions that ended."""
        ended = list(self.current(table, keys).values())
        self._close(table, [r["id"] for r in ended])
        return ended

    def restore(self, table: sa.Table, source: str, ended: int) -> int:
        """Undo what a load of this source did to a table: what came with it ends, also where it was edited since, and
        what it ended stands again, but for what came back to its place later; how many rows."""
        own = [table.c.source == source] if "source" in table.c else []
        rows = self.took(table, source, ended)
        came = self.conn.execute(sa.select(table).where(table.c.load_from == ended, *own)).mappings()
        versions = {_key(table, dict(row)): row for row in came}
        self.end(table, [key for key, row in versions.items() if row["load_to"] is None or key not in rows])
        now, place = self.current(table, list(rows)), table.info["place"]
        back = {
            key
            for key, row in now.items()
            if all(row[name] == rows[key][name] for name in place) and not emptied(table, rows[key], row)
        }
        return len(self.put(table, [row for key, row in rows.items() if key not in back], seen=False))

    def took(self, table: sa.Table, source: str, ended: int) -> dict[Key, Row]:
        """The versions of this source that a load ended, by key."""
        own = [table.c.source == source] if "source" in table.c else []
        before = self.conn.execute(sa.select(table).where(table.c.load_to == ended, *own)).mappings()
        return {_key(table, dict(r)): dict(r) for r in before}

    def current(self, table: sa.Table, keys: Sequence[Key]) -> dict[Key, Row]:
        """The current versions of these keys, by key."""
        names = table.info["keys"]
        columns = sa.tuple_(*(table.c[n] for n in names))
        found: dict[Key, Row] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            query = sa.select(table).where(columns.in_(some), table.c.load_to.is_(None))
            found |= {tuple(r[n] for n in names): dict(r) for r in self.conn.execute(query).mappings()}
        return found

    def set_aside(self, rows: Sequence[Row]) -> None:
        """Quarantine rows (`place`, `key`, `hash`, `reason`, `field`, `detail`, `raw`, `payload`), once each."""
        own = {(r["place"], r["key"], r["hash"]): r | {"source": self.source} for r in rows}
        self.put(t.quarantine, list(own.values()), seen=False)
        self.counts["set_aside"] += len(rows)

    def follows(self, last: int) -> None:
        """Raises Overtaken where the source's last load that kept a cursor is another than this one: what the caller
        remembers of the store, and would write into its cursor, is not true any more."""
        if last_kept(self.conn, self.source)[0] != last:
            raise Overtaken

    def resolve(self, ids: Sequence[int]) -> None:
        """End these versions of what was set aside: a good one came, or another bad one."""
        self._close(t.quarantine, ids)
        self.counts["derived"] += len(ids)

    def _close(self, table: sa.Table, ids: Sequence[int]) -> None:
        if ids:
            self.conn.execute(
                table.update().where(table.c.id == sa.bindparam("version")).values(load_to=self.id),
                [{"version": i} for i in ids],
            )

    @property
    def moved(self) -> bool:
        """Whether anything came of it: a poll that finds nothing new leaves no load behind."""
        return self.kept or any(self.counts[k] for k in ("changed", "derived", "withdrawn"))


class Overtaken(Exception):
    """Another process has loaded the source since this one read what the store holds of it."""


class _NothingNew(Exception):
    """Ends a load's transaction without a trace."""


@contextlib.contextmanager
def loading(engine: sa.Engine, source: str) -> Iterator[Load]:
    """One load. It commits when the block ends; an error undoes all of it; where nothing changed it leaves no trace."""
    with contextlib.suppress(_NothingNew), writing(engine) as conn:
        row = {"source": source, "started_at": clock.now(), "committed_at": clock.now()}
        load = Load(conn, conn.execute(t.load.insert().returning(t.load.c.id), row).scalar_one(), source)
        yield load
        if not load.moved:
            raise _NothingNew
        counts = {k: load.counts[k] for k in ("changed", "unchanged", "set_aside", "withdrawn")}
        conn.execute(
            t.load.update()
            .where(t.load.c.id == load.id)
            .values(
                **counts,
                seen=counts["changed"] + counts["unchanged"] + counts["set_aside"],
                committed_at=_after(_last_committed(conn, load.id)),
                cursor=None if load.cursor is None else json.dumps(load.cursor),
            )
        )


def _after(last: datetime | None) -> datetime:
    """The present, and not before the last load: a clock that is put right by seconds must not change what is past. One
    that was wrong by more is left behind: else all that comes would be dated in the future until that has come."""
    now = clock.now()
    return last if last and timedelta() < last - now < clock.PUT_RIGHT else now


def _last_committed(conn: sa.Connection, before: int) -> datetime | None:
    """When the load before this one was committed."""
    query = sa.select(t.load.c.committed_at).where(t.load.c.id < before).order_by(t.load.c.id.desc()).limit(1)
    last: datetime | None = conn.execute(query).scalar()
    return last


def last_kept(conn: sa.Connection, source: str) -> tuple[int, Any]:
    """The source's last load that kept a cursor, and the cursor; (0, None) where there is none."""
    query = sa.select(t.load.c.id, t.load.c.cursor).where(t.load.c.source == source, t.load.c.cursor.is_not(None))
    found = conn.execute(query.order_by(t.load.c.id.desc()).limit(1)).first()
    return (0, None) if found is None else (found.id, json.loads(found.cursor))


def emptied(table: sa.Table, was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The columns in which this row said something and says nothing now."""
    return [name for name in table.info["told"] if says(was[name]) and not says(now[name])]


def says(value: Any) -> bool:
    """Whether a value says anything: text without a letter or a digit does not, nor does 0."""
    return any(map(str.isalnum, value)) if isinstance(value, str) else bool(value)


def _key(table: sa.Table, row: Row) -> Key:
    return tuple(row[n] for n in table.info["keys"])


def _differs(old: Row | None, new: Row, columns: Sequence[str]) -> bool:
    # the payload says where a figure first stood: the same figure in a later payload is no change
    return old is None or any(old[c] != new.get(c) for c in columns if c != "payload")
