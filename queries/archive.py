"""The archive of what the commission sent: which payloads there are, and the bytes of one.

What is kept of the observers' database are rows with votes, names and telephones in them: they leave by no page.
"""

import re
import zlib

import pandas as pd

from queries.moment import Given, Moment


def payloads(m: Moment, source: str | None = None, feed: str | None = None, limit: int = 200) -> pd.DataFrame:
    """What the commission had sent by this moment, newest first: payload, fetched_at, source, feed, status,
    content_type, size (bytes), sha256, url, refused (bool: it lost too much to be made current, and stands so)."""
    rows = m.frame(
        """
        select p.id as payload, p.fetched_at, p.source, p.feed, p.status, p.content_type, p.size, p.sha256, p.url,
            case when r.feed is null then 0 else 1 end as refused
        from payload p
        left join refusal_now r on r.source = p.source and r.feed = p.feed
            and p.id between r.first_payload and r.last_payload
        where p.source in (select source from published_by) and p.fetched_at <= :at
            and (cast(:source as text) is null or p.source = :source)
            and (cast(:feed as text) is null or p.feed = :feed)
        order by p.id desc limit :limit
        """,
        _published_by(m),
        source=source,
        feed=feed,
        limit=limit,
    )
    return rows.astype({"refused": "bool"})


def body(m: Moment, payload: int) -> bytes:
    """The bytes of a payload as they came; none where the commission sent no such payload by then."""
    rows = m.frame(
        """
        select body from payload
        where id = :payload and fetched_at <= :at and source in (select source from published_by)
        """,
        _published_by(m),
        payload=payload,
    )
    return zlib.decompress(bytes(rows["body"].iloc[0])) if len(rows) else b""


def _published_by(m: Moment) -> Given:
    """The sources that are a commission's."""
    own = [{"source": s.id} for s in m.election.sources if s.kind == "commission"]
    return {"published_by": own or [{"source": ""}]}


def file_name(source: str, feed: str, payload: int) -> str:
    """What a browser saves it as: plain letters, and an ending that no program opens by itself."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{source}-{feed}").strip("-")[:60]
    return f"{plain}-{payload}.raw"
