"""The raw archive: what a source sent, byte for byte, before anybody parsed it."""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from loaders.source import SourceError, raw_text
from store import clock
from store import tables as t
from store.engine import writing
from store.loading import Load

_LEVEL = 3  # zlib: a payload of a megabyte comes every few minutes
_HOUR = timedelta(hours=1)
_MOST = 128 * 2**20  # bytes of a feed, packed, in an hour: a site that sends another page at every poll fills the disk
_LOOKED_AT = 500  # payloads of the last hour, at most


def keep(
    store: sa.Engine, source: str, feed: str, url: str, status: int, body: bytes, headers: Mapping[str, str]
) -> int:
    """Archive a payload in a transaction of its own; its id.

    The same bytes as the feed's last payload of this status are not kept twice. Raises SourceError where there were too
    many others.
    """
    digest = hashlib.sha256(body).hexdigest()
    with writing(store) as conn:
        p = t.payload.c
        last = conn.execute(
            sa.select(p.id, p.sha256)
            .where(p.source == source, p.feed == feed, p.status == status)
            .order_by(p.id.desc())
            .limit(1)
        ).first()
        if last and last.sha256 == digest:
            return int(last.id)
        packed = zlib.compress(body, _LEVEL)
        if _of_an_hour(conn, source, feed) + len(packed) > _MOST:
            raise SourceError(f"{feed}: more than {_MOST // 2**20} MiB of changed pages in an hour; no more is taken")
        row = {
            "source": source,
            "feed": feed,
            "url": url,
            "fetched_at": clock.now(),
            "status": status,
            "content_type": headers.get("content-type"),
            "etag": headers.get("etag"),
            "last_modified": headers.get("last-modified"),
            "size": len(body),
            "sha256": digest,
            "body": packed,
        }
        return int(conn.execute(t.payload.insert().returning(p.id), row).scalar_one())


def _of_an_hour(conn: sa.Connection, source: str, feed: str) -> int:
    """Bytes that were kept of a feed in the last hour."""
    p = t.payload.c
    last = sa.select(p.fetched_at, sa.func.length(p.body).label("bytes")).where(p.source == source, p.feed == feed)
    lately = last.order_by(p.id.desc()).limit(_LOOKED_AT).subquery()
    total = sa.select(sa.func.coalesce(sa.func.sum(lately.c.bytes), 0))
    return int(conn.execute(total.where(lately.c.fetched_at.between(clock.now() - _HOUR, clock.now()))).scalar_one())


def keep_rows(load: Load, url: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Archive the rows of an SQL source, by view, that changed something in this load."""
    views = (f"{json.dumps(view)}:[{','.join(map(raw_text, some))}]" for view, some in rows.items() if some)
    body = ("{" + ",".join(views) + "}").encode()
    row = {
        "source": load.source,
        "feed": "rows",
        "url": url,
        "fetched_at": clock.now(),
        "content_type": "application/json",
        "size": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "body": zlib.compress(body, _LEVEL),
        "load": load.id,
    }
    load.conn.execute(t.payload.insert(), row)


def body(conn: sa.Connection, payload: int) -> bytes | None:
    """The bytes of an archived payload; None where there is none."""
    packed = conn.execute(sa.select(t.payload.c.body).where(t.payload.c.id == payload)).scalar()
    return None if packed is None else zlib.decompress(packed)
