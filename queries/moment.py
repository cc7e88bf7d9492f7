"""A moment: the store as it was known then, and the SQL that is asked of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import pandas as pd
import sqlalchemy as sa

from elections import config
from elections.config import Election
from store import clock
from store import tables as t
from store.engine import open_store, store_url
from store.owner import Owner

# Frames here are small and are cut up often: that costs a fifth less where a column of texts is not Arrow's.
pd.options.mode.string_storage = "python"

Given = Mapping[str, Sequence[Mapping[str, Any]]]
_FACTS = "|".join(f.name for f in t.FACTS)


@dataclass(frozen=True)
class Moment:
    """What was known at `at`: every fact as of `load`, the last load committed by then (0: none yet)."""

    engine: sa.Engine
    election: Election
    at: datetime
    load: int
    live: bool  # now, not a moment of the past

    @property
    def data_version(self) -> int:
        """Equal version, equal figures: a load is kept only where it moved something, a decision is one of its own."""
        return self.load

    def frame(
        self, sql: str, given: Given | None = None, views: Mapping[str, str] | None = None, **bound: Any
    ) -> pd.DataFrame:
        """The rows of a query, as of this moment.

        A fact's name with `_now` (`report_now`) is that table as it stood. `given` are small tables of the
        configuration by name, rows as dicts of one shape (an empty one needs no mention in the query). `views`
        are queries that several figures share, by name, each after those it asks; only those that the query
        names go along. Bound besides: `:load`, `:at` (ms). Columns that end in `_at` come back as times in UTC,
        integers as integers where some are missing.
        """
        asked_views = _asked_views(sql, views or {})
        whole = " ".join([sql, *asked_views.values()])
        tables = dict(_values(name, rows) for name, rows in (given or {}).items())
        values = {k: v for _, more in tables.values() for k, v in more.items()}
        parts = [f"{name}_now as (select * from {name} where {_STOOD})" for name in _facts_of(whole)]  # noqa: S608 -- our own tables' names
        parts += [text for text, _ in tables.values()]
        parts += [f"{name} as ({text})" for name, text in asked_views.items()]
        query = _text(_with(parts, sql))
        bound = {k: t.milliseconds(v) if isinstance(v, datetime) else v for k, v in bound.items()}
        every = {"load": self.load, "at": t.milliseconds(self.at), **values, **bound}
        asked = {name: every[name] for name in query._bindparams}
        with self.engine.connect() as conn:
            result = conn.execute(query, asked)
            names, found = list(result.keys()), result.fetchall()
        columns = zip(*found, strict=True) if found else ((),) * len(names)
        return pd.DataFrame({name: _column(name, values) for name, values in zip(names, columns, strict=True)})


def _column(name: str, values: Sequence[Any]) -> Any:
    if name.endswith("_at"):
        return pd.to_datetime(pd.array(values, dtype="Int64"), unit="ms", utc=True)
    if None in values and any(isinstance(v, int) for v in values):
        return pd.array(values, dtype="Int64")
    return values or pd.Series(values, dtype="object")


def _asked_views(sql: str, views: Mapping[str, str]) -> dict[str, str]:
    """The views that a query names, and those that they name, in their order."""
    asked: dict[str, str] = {}
    for name, text in reversed(list(views.items())):
        if re.search(rf"\b{name}\b", " ".join([sql, *asked.values()])):
            asked[name] = text
    return dict(reversed(asked.items()))


_STOOD = "load_from <= :load and (load_to is null or load_to > :load)"


def _facts_of(sql: str) -> list[str]:
    return sorted(set(re.findall(rf"\b({_FACTS})_now\b", sql)))


def _values(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, dict[str, Any]]]:
    """A table of the configuration as a common table expression, every value bound."""
    columns = list(rows[0])
    lines = ["(" + ", ".join(f":{name}_{i}_{c}" for c in columns) + ")" for i in range(len(rows))]
    bound = {f"{name}_{i}_{c}": _plain(row[c]) for i, row in enumerate(rows) for c in columns}
    return name, (f"{name}({', '.join(columns)}) as (values {', '.join(lines)})", bound)


def _plain(value: Any) -> Any:
    return t.milliseconds(value) if isinstance(value, datetime) else value


@lru_cache(maxsize=200)  # to find the names that are bound takes longer than many a query
def _text(sql: str) -> sa.TextClause:
    return sa.text(sql)


def _with(parts: Sequence[str], sql: str) -> str:
    """The query with these common table expressions before its own."""
    if not parts:
        return sql
    own = re.match(r"\s*with\s", sql)
    return "with " + ",\n".join(parts) + (",\n" + sql[own.end() :] if own else "\n" + sql)


def moment(engine: sa.Engine, election: Election, as_of: datetime | None = None) -> Moment:
    """The store at a time, or now: then all that is there, also where the clock was set back since.

    Of a past time: as of the load with the latest time until then, or the last of all where none is later. So one that
    a wrong clock dated too early or too late is the answer for its own wrong minutes alone.
    """
    query = sa.text(
        """
        select case
            when cast(:until as bigint) is null or not exists (select 1 from load where committed_at > :until)
                then (select max(id) from load)
            else (select id from load where committed_at <= :until order by committed_at desc, id desc limit 1) end
        """
    )
    with engine.connect() as conn:
        load = conn.execute(query, {"until": t.milliseconds(as_of) if as_of else None}).scalar()
    return Moment(engine, election, as_of or clock.now(), load or 0, as_of is None)


@cache
def here() -> tuple[sa.Engine, Election]:
    """This process's store and election, as BAIKOO_STORE and BAIKOO_ELECTION say. In a rehearsal its clock follows the
    store: no row in it moves the clock of a real election. Raises ConfigError, Foreign."""
    election = config.chosen()
    engine = open_store(store_url(election.id), Owner(election.id, election.rehearsal))
    clock.follow(engine if election.rehearsal else None)
    return engine, election


def now(as_of: datetime | None = None) -> Moment:
    """A moment of this process's store."""
    return moment(*here(), as_of)
