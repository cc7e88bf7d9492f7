"""The reference contract: the views of an observation database, and how they are read."""

import operator
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from sqlalchemy.engine import URL

from loaders.source import SourceError
from store import address as database

Raw = dict[str, Any]
Cursor = dict[str, Any]  # {"text": '2021-11-28T09:58:00Z'} or {"at": ISO, "aware": bool}
PAGE = 5_000
_UNTAKEN = re.compile("[\x00\ud800-\udfff]")
_SOME = 400  # keys in one statement
_DIGITS = 1_000  # of a numeric key, at most: a database refuses to compare with more
_OLDEST = 1_000  # years before it are no time: text of them does not sort as they do, and an overlap may end before all
_CLOCKS_DIFFER = timedelta(minutes=10)
_TIMES = ("date", "time", "timetz", "timestamp", "timestamptz")  # PostgreSQL's types
_TEXTS = ("text", "varchar", "bpchar", "name")
_OTHER_BYTES = "surrogateescape"
_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d)(:\d\d)?")
_ZONE = re.compile(r"(Z|[+-]\d\d(:?\d\d)?)?$")


@dataclass(frozen=True)
class View:
    """A view of the contract: its key, its other columns, whether a source may do without it."""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    optional: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        return (*self.keys, *self.columns, "updated_at")

    @cached_property
    def table(self) -> sa.TableClause:
        return sa.table(self.name, *(sa.column(n) for n in self.names))

    def raw(self, values: tuple[Any, ...]) -> Raw:
        return dict(zip(self.names, values, strict=True))


PEC = View(
    "obs_pec",
    ("pec",),
    (
        "region",
        "area",
        "settlement",
        "district",
        "stratum",
        "registered_voters",
        "in_sample",
        "mobile_applications",
        "latitude",
        "longitude",
    ),
)
OBSERVER = View("obs_observer", ("observer",), ("pec", "role", "full_name", "phone", "backup_phone", "coordinator"))
REPORT = View("obs_report", ("report",), ("observer", "pec", "form", "submitted_at", "deleted"))
ANSWER = View("obs_answer", ("report", "question"), ("value",))
INCIDENT = View(
    "obs_incident",
    ("incident",),
    (
        "pec",
        "region",
        "district",
        "observer",
        "category",
        "severity",
        "occurred_at",
        "description",
        "status",
        "reported_at",
        "channel",
        "deleted",
    ),
)
MESSAGE = View("obs_message", ("message",), ("sender", "received_at", "text", "observer", "report"), optional=True)
ATTACHMENT = View("obs_attachment", ("attachment",), ("report", "kind", "sha256", "url"), optional=True)
VIEWS = (PEC, OBSERVER, REPORT, ANSWER, INCIDENT, MESSAGE, ATTACHMENT)


def connect(address: str) -> sa.Engine:
    """The source, for reading only: what is written by mistake is refused by the database itself."""
    url = database.url(address)
    settings: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        url = _read_only_file(url)
        # opened at each poll: a file may be put in the place of another
        settings |= {"connect_args": {"timeout": 10, "factory": _File}, "poolclass": sa.NullPool}
    elif url.get_backend_name() == "postgresql":
        settings["connect_args"] = {
            "options": "-c default_transaction_read_only=on -c statement_timeout=60000",
            "connect_timeout": 10,
            "prepare_threshold": None,  # a prepared statement fails for good once a column of its view has another type
        }
        settings["pool_pre_ping"] = True
    else:
        settings["pool_pre_ping"] = True
    try:
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True, **settings)
    except ImportError as error:
        raise SourceError(f"the driver of {url.drivername} is not installed: {error.name}") from error
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _take_any_time)
    return engine


class _Time(Loader):
    """A time; as text where Python can hold none such, so that only its own row is bad: 'infinity', the year 20000."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        usual = psycopg.adapters.get_loader(oid, self.format)
        assert usual is not None, oid  # noqa: S101 -- a type of PostgreSQL's own
        self._usual = usual(oid, context)

    def load(self, data: Buffer) -> Any:
        try:
            return self._usual.load(data)
        except psycopg.DataError:
            return bytes(data).decode()


def _take_any_time(connection: psycopg.Connection, _record: object) -> None:
    for name in _TIMES:
        connection.adapters.register_loader(name, _Time)


class _File(sqlite3.Connection):
    """A SQLite file; other bytes than UTF-8 are read too, as lone surrogates, which `clean` replaces."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)


class _Cursor(sqlite3.Cursor):
    """Asks again where it comes upon other bytes: to read all text as if it had some takes a third longer."""

    def execute(self, sql: str, parameters: Any = (), /) -> "_Cursor":
        self._asked, self._given = (sql, parameters), 0
        return super().execute(sql, parameters)

    def fetchone(self) -> Any:
        row = self._read(super().fetchone)
        self._given += 1
        return row

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        rows: list[Any] = self._read(lambda: super(_Cursor, self).fetchmany(size))
        self._given += len(rows)
        return rows

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._read(super().fetchall)
        return rows

    def _read(self, fetch: Callable[[], Any]) -> Any:
        try:
            return fetch()
        except sqlite3.OperationalError as error:
            if "UTF-8" not in str(error):
                raise
        self.connection.text_factory = operator.methodcaller("decode", "utf-8", _OTHER_BYTES)
        super().execute(*self._asked)
        for _ in range(self._given):
            super().fetchone()
        return fetch()


def _read_only_file(url: URL) -> URL:
    if not url.database or url.database.startswith("file:"):
        return url
    file = Path(url.database).absolute().as_uri().replace("file://", "file:")
    return url.set(database=file, query={**url.query, "mode": "ro", "uri": "true"})


def present(conn: sa.Connection) -> tuple[View, ...]:
    """The contract's views that this source has; SourceError where a required one is missing."""
    inspector = sa.inspect(conn)
    there = {*inspector.get_view_names(), *inspector.get_table_names()}
    missing = [v.name for v in VIEWS if v.name not in there and not v.optional]
    if missing:
        raise SourceError(f"the observation database has no {', '.join(missing)}")
    return tuple(v for v in VIEWS if v.name in there)


def changes(
    conn: sa.Connection, view: View, since: Cursor | None, overlap: int | None, page: int = PAGE
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows changed since the cursor, less the overlap, in pages: ordered by change and key, so a tie is not cut.

    No overlap: only what changed after the cursor.
    """
    table = view.table
    order = [table.c.updated_at, *(table.c[k] for k in view.keys)]
    query = sa.select(table).order_by(*order).limit(page)
    where: list[sa.ColumnElement[bool]] = []
    if since is not None:
        changed = table.c.updated_at
        where = [changed > _value(since) if overlap is None else changed >= _bound(since, overlap)]
    while True:
        rows = [tuple(r) for r in conn.execute(query.where(*where)).all()]
        if rows:
            yield rows
        if len(rows) < page:
            return
        last = view.raw(rows[-1])
        where = [_after(order, [_literal(last[c.name]) for c in order])]


def _after(order: Sequence[sa.ColumnElement[Any]], last: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    """Rows after this one, written so that every database can use its index on the first column."""
    column, value = order[0], last[0]
    if len(order) == 1:
        return column > value
    return sa.and_(column >= value, sa.or_(column > value, _after(order[1:], last[1:])))


def by_key(conn: sa.Connection, view: View, keys: Iterable[str]) -> list[Raw]:
    """All rows whose (first) key is one of these."""
    column = view.table.c[view.keys[0]]
    wanted = sorted(set(keys))
    if not wanted:
        return []
    typed: sa.ColumnElement[Any] = column
    if conn.dialect.name == "sqlite":  # it may keep text and numbers in one column
        samples = ["", 0, 0.0]  # text first: the type of the first is that of all, and text leaves each as it is
    else:
        samples = list(conn.execute(sa.select(column).where(column.is_not(None)).limit(1)).scalars())
        if any(type(sample) is int for sample in samples):
            typed = sa.type_coerce(column, sa.BigInteger)  # else as large as the first
    rows: list[Raw] = []
    for start in range(0, len(wanted), _SOME):
        part = wanted[start : start + _SOME]
        some = [own for key in part for sample in samples if (own := _like(sample, key)) is not None]
        rows += _rows(conn, sa.select(view.table).where(typed.in_(some))) if some else []
    asked = {code(key) for key in wanted}  # a database may find others: 10 is no '010', 'r1' no 'R1'
    return [row for row in rows if code(row[column.name]) in asked]


def newest(conn: sa.Connection, view: View) -> Cursor | None:
    """The cursor that stands after everything that the view holds now; None where it can be none."""
    return _cursor(conn.execute(sa.select(sa.func.max(view.table.c.updated_at))).scalar())


def fits(conn: sa.Connection, view: View, cursor: Cursor) -> bool:
    """Whether the cursor is what its column holds now. PostgreSQL compares no text with a time, and times with a zone
    with those without by a zone of its own."""
    if conn.dialect.name != "postgresql":
        return True
    with conn.execute(sa.select(view.table.c.updated_at).limit(0)) as result:
        answer: Any = result.cursor
        column = psycopg.adapters.types.get(answer.description[0].type_code)
    if "text" in cursor:
        return column is None or column.name in _TEXTS  # None: a type of this database's own, which comes as text
    return column is not None and column.name == ("timestamptz" if cursor["aware"] else "timestamp")


def not_after(cursor: Cursor, now: datetime) -> Cursor:
    """The cursor, or the present in its style: one of a clock that was ahead would hide all that comes until then."""
    ahead = (moment(cursor) - now).total_seconds()
    if ahead <= 0:
        return cursor
    present = _earlier(cursor, ahead)
    zone = _ZONE.search(cursor.get("text", ""))
    return {"text": present["text"] + zone[0]} if zone and "text" in present else present


def advanced(since: Cursor | None, rows: Sequence[Raw], now: datetime) -> Cursor | None:
    """The cursor after these rows. A time in the future does not count: it would hide all that comes until then."""
    latest, at = since, None if since is None else moment(since)
    for row in rows:
        cursor = _cursor(row.get("updated_at"))
        if cursor is not None and (when := moment(cursor)) <= now and (at is None or when >= at):
            latest, at = cursor, when
    return latest


def when(changed: Any) -> datetime | None:
    """The time that an `updated_at` is; None where it is none."""
    cursor = _cursor(changed)
    return None if cursor is None else moment(cursor)


def goes_back(newest: Any, since: Cursor | None) -> bool:
    """Whether the newest `updated_at` of a view lies before what was read of it already."""
    cursor = _cursor(newest)
    return since is not None and cursor is not None and moment(cursor) < moment(since)


def settled(cursor: Cursor, overlap: int, now: datetime) -> bool:
    """Whether all that changed by the cursor is long committed, by the source's promise and for clocks that differ."""
    return moment(cursor) + timedelta(seconds=overlap) + _CLOCKS_DIFFER <= now


def recent(updated_at: Any, cursor: Cursor | None, overlap: int) -> bool:
    """Whether a row changed at this time is read again next time, when the cursor stands here."""
    changed = _cursor(updated_at)
    if cursor is None or changed is None:
        return True
    return moment(changed) >= moment(cursor) - timedelta(seconds=overlap + 60)


def moment(cursor: Cursor) -> datetime:
    """A cursor's time; one without a zone is UTC."""
    when = datetime.fromisoformat(cursor["text"] if "text" in cursor else cursor["at"])
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _cursor(changed: Any) -> Cursor | None:
    """`updated_at` as a cursor, None where it is no time."""
    if isinstance(changed, datetime):
        return {"at": changed.isoformat(), "aware": changed.tzinfo is not None} if changed.year >= _OLDEST else None
    if isinstance(changed, str) and _TEXT.match(changed):
        try:
            return {"text": changed} if datetime.fromisoformat(changed).year >= _OLDEST else None
        except ValueError:
            return None
    return None


def _value(cursor: Cursor) -> sa.ColumnElement[Any]:
    return sa.literal(cursor["text"]) if "text" in cursor else _literal(datetime.fromisoformat(cursor["at"]))


def _bound(cursor: Cursor, overlap: int) -> sa.ColumnElement[Any]:
    """The cursor less the overlap, in the source's own style, so that text compares as time does."""
    return _value(_earlier(cursor, overlap))


def _earlier(cursor: Cursor, seconds: float) -> Cursor:
    """A cursor that stands before this one.

    Text ends before fraction and zone: as a prefix it sorts before every time that begins with it.
    """
    by = timedelta(seconds=seconds)
    if "at" in cursor:
        return cursor | {"at": (datetime.fromisoformat(cursor["at"]) - by).isoformat()}
    text = cursor["text"]
    style = _TEXT.match(text)
    if style is None:
        raise SourceError(f"the cursor is no time: {text!r}")
    _, separator, _, seconds_too = style.groups()
    back = datetime.fromisoformat(text).replace(tzinfo=None) - by
    return {"text": back.strftime(f"%Y-%m-%d{separator}%H:%M" + (":%S" if seconds_too else ""))}


def _literal(value: Any) -> sa.ColumnElement[Any]:
    if isinstance(value, datetime):
        return sa.literal(value, sa.DateTime(timezone=value.tzinfo is not None))
    if not isinstance(value, str):
        return sa.literal(value)
    if clean(value) != value:  # other bytes in SQLite, given back as they stand there
        return sa.cast(sa.literal(value.encode(errors=_OTHER_BYTES)), sa.Text)
    return sa.literal(value, sa.types.NULLTYPE)  # it may be a time such as 'infinity': the database knows its column


def _rows(conn: sa.Connection, query: sa.Select[Any]) -> list[Raw]:
    return [dict(r) for r in conn.execute(query).mappings().all()]


def code(value: Any) -> str:
    """A code as text, however the source types it: 5043, 5043.0 and ' 5043 ' are '5043'; nothing is ''.

    Characters that no database takes stand in it as '\ufffd'.
    """
    if type(value) is str:  # nearly always
        return (value if value.isascii() and "\x00" not in value else clean(value)).strip()
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, Decimal) and value.is_finite() and value == int(value):
        return str(int(value))
    return clean(str(value)).strip()


def question(value: Any) -> str:
    """A question as it stands in '<report>/<question>': without a '/' of its own, so that the report is found."""
    return code(value).replace("/", "\u2215")


def can_be_asked(key: str) -> bool:
    """Whether a row can be asked for by this key: it has one, of characters that a database takes."""
    return key != "" and "\ufffd" not in key


def as_written(found: dict[str, set[str]], key: Any) -> None:
    """Keep how a key is written, where it is text that is not its code: only so can it be asked for."""
    if isinstance(key, str) and can_be_asked(code(key)):
        found.setdefault(code(key), set()).add(key)


def clean(text: str) -> str:
    """Text as every database takes it: NUL and lone surrogates replaced."""
    return _UNTAKEN.sub("\ufffd", text)


def is_set(value: Any) -> bool:
    """A 0/1 column, as number, text or truth."""
    return str(value).strip().lower() in ("1", "1.0", "true", "t")


def _like(sample: Any, key: str) -> Any:
    """Our text key as the source types it; None where it can be none of its keys."""
    kind = type(sample)
    if kind not in (int, float, Decimal, uuid.UUID):
        return key
    try:
        own = kind(key)
    except (ValueError, ArithmeticError):
        return None
    fits = own.bit_length() < 64 if kind is int else kind is not Decimal or abs(own.adjusted()) < _DIGITS
    return own if fits else None


def latest(rows: Iterable[Raw], keys: Sequence[str]) -> tuple[dict[tuple[str, ...], Raw], int]:
    """One row a key, the one changed last, and how many others there were. A row without its key stands alone."""
    kept: dict[tuple[str, ...], Raw] = {}
    extra = 0
    for n, row in enumerate(rows):
        key = tuple(code(row.get(k)) for k in keys)
        if "" in key:
            key = (*key, str(n))
        before = kept.get(key)
        extra += before is not None
        if before is None or _order(row, keys) >= _order(before, keys):
            kept[key] = row
    return kept, extra


def _order(row: Raw, keys: Sequence[str]) -> tuple[datetime, *tuple[str, ...]]:
    """Of rows of one time and key that is written differently the same one is the last, in whatever order they come."""
    return _changed(row), *(str(row.get(k)) for k in keys)


def _changed(row: Mapping[str, Any]) -> datetime:
    cursor = _cursor(row.get("updated_at"))
    return datetime.min.replace(tzinfo=UTC) if cursor is None else moment(cursor)
