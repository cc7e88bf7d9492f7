"""A commission's site on loopback, for tests: what it publishes, and every way in which it can fail to."""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa

from elections import config
from elections.config import Election
from loaders import schedule
from store import clock
from store import tables as t
from store.loading import loading
from tests.waiting import LIMIT

Poll = Callable[..., Any]
PECS = 60
PATIENCE = 1000.0  # seconds that a whole answer may take; they pass on the loop's clock, not on the machine's
ELECTION = config.read("kg-2021-11-28")
PATHS = {feed.id: feed.path for feed in ELECTION.source("commission").feeds}


def protocol(pec: str, **changes: Any) -> dict[str, Any]:
    """A PEC's row of the machine or manual count; the votes are of the lists 1 and 2."""
    row = {"pec": pec, "region": "bishkek", "district": "Sverdlov", "voters": 1000, "issued": 300, "unused": 700}
    row |= {"spoiled": 0, "received": 1000, "found": 300, "valid": 290, "invalid": 10, "votes": {"1": 200, "2": 90}}
    return row | changes


class Loop(asyncio.SelectorEventLoop):
    """The event loop of a client. Its clock can be put forward, so that nobody waits for a slow page."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead

    def let_pass(self, seconds: float) -> None:
        """From another thread: first let the client take what was sent, in more turns than that needs."""
        over = threading.Event()

        def turn(left: int) -> None:
            if left:
                self.call_soon(turn, left - 1)
            else:
                self.ahead += seconds
                over.set()

        self.call_soon_threadsafe(turn, 20)
        over.wait(LIMIT)


@dataclass
class Site:
    """What stands at each path; a fault there, if any; every request that came."""

    url: str = ""
    pages: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)  # path -> status code, 'drip', 'drip_headers', 'silent', 'cut'
    headers: dict[str, str] = field(default_factory=dict)  # sent with every answer
    headers_of: dict[str, dict[str, str]] = field(default_factory=dict)  # path -> headers of this page alone
    etags: bool = True
    stuck: bool = False  # whoever asks with a condition is told that nothing has changed
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)  # path -> what happens once it is asked
    closing: threading.Event = field(default_factory=threading.Event)
    loop: Loop = field(default_factory=Loop)  # of the client, where a test has slow pages

    def publish(self, feed: str, content: Any) -> None:
        """Rows of a feed, or any other content, or bytes as they are."""
        rows = {"turnout": "rows", "machine": "protocols", "manual": "protocols"}.get(feed, "rows")
        content = {rows: content} if isinstance(content, list) else content
        self.pages[PATHS[feed]] = content if isinstance(content, bytes) else json.dumps(content).encode()

    def fail(self, feed: str, how: str) -> None:
        self.faults[PATHS[feed]] = how

    def say(self, feed: str, **headers: str) -> None:
        """Headers of one page: `content_encoding="gzip"`."""
        self.headers_of[PATHS[feed]] = {name.replace("_", "-"): value for name, value in headers.items()}

    def when_asked(self, feed: str, happens: Callable[[], object]) -> None:
        """Once, before the next answer of this feed."""
        self.meanwhile[PATHS[feed]] = happens

    def mend(self) -> None:
        self.faults.clear()
        self.headers_of.clear()

    def times(self, feed: str) -> int:
        return sum(path == PATHS[feed] for path, _ in self.asked)


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    """The site, with its five pages empty."""
    site = Site()
    for feed in PATHS:
        site.publish(feed, [])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a byte leaves when it is written

        def do_GET(self) -> None:
            site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            site.meanwhile.pop(self.path, lambda: None)()
            with contextlib.suppress(ConnectionError):
                self.answer(site.faults.get(self.path, ""), site.pages.get(self.path))

        def answer(self, fault: str, body: bytes | None) -> None:
            if fault == "silent":
                site.loop.let_pass(1.2 * PATIENCE)
                site.closing.wait(LIMIT)
            elif fault == "drip_headers":
                self.drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000)
                self.close_connection = True
            elif fault in ("drip", "cut"):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n")
                self.drip(b" " * 1000) if fault == "drip" else self.wfile.write((body or b"")[:50])
                self.close_connection = True
            else:
                self.whole(int(fault or (404 if body is None else 200)), body or b"")

        def whole(self, status: int, body: bytes) -> None:
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            named = self.headers.get("If-None-Match")
            if status == 200 and site.etags and (named == etag or (named and site.stuck)):
                status = 304
            if status == 304:
                body = b""
            self.send_response_only(status)
            if site.etags and status in (200, 304):
                self.send_header("ETag", etag)
            for name, value in (site.headers | site.headers_of.get(self.path, {})).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def drip(self, body: bytes) -> None:
            """A byte at a time: each in good time, but two of them take longer than the whole answer may."""
            for sent, byte in enumerate(body):
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if sent in (2, 4):
                    site.loop.let_pass(0.6 * PATIENCE)

        def log_message(self, *_: Any) -> None:
            """Nothing: the test keeps what was asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        site.loop.close()


def with_source(**changes: Any) -> Election:
    """The election with its commission's source changed, and with patience: a busy machine is no fault of a site."""
    changes = {"timeout": PATIENCE} | changes
    sources = [s.model_copy(update=changes) if s.id == "commission" else s for s in ELECTION.sources]
    return ELECTION.model_copy(update={"sources": tuple(sources)})


def put_frame(store: sa.Engine, *pecs: str, at: str = "06:00", region: str = "bishkek") -> None:
    row = {"region": region, "in_sample": 1, "mobile_applications": 0}
    with clock.frozen(ELECTION.moment_of(at)), loading(store, "observation") as load:
        load.put(t.pec, [row | {"pec": p} for p in pecs])


def poller(store: sa.Engine, election: Election) -> Poll:
    def look(hour: str, **options: bool) -> Any:
        with clock.frozen(ELECTION.moment_of(hour)):
            schedule.poll(store, election, "commission", **options)
        with store.connect() as conn:
            return conn.execute(sa.select(t.poll).order_by(t.poll.c.id.desc()).limit(1)).one()

    return look


def pecs(number: int = PECS) -> list[str]:
    return [str(1001 + n) for n in range(number)]


def published(store: sa.Engine, **where: str) -> dict[tuple[str, ...], float]:
    """(place, hour, line, unit) -> value, as it stands now."""
    p = t.published.c
    query = sa.select(p.place, p.hour, p.line, p.unit, p.value).where(p.load_to.is_(None))
    for name, value in where.items():
        query = query.where(p[name] == value)
    with store.connect() as conn:
        return {(r.place, r.hour, r.line, r.unit): r.value for r in conn.execute(query)}


def aside(store: sa.Engine) -> set[tuple[str, str, str]]:
    q = t.quarantine.c
    with store.connect() as conn:
        return {tuple(r) for r in conn.execute(sa.select(q.place, q.key, q.reason).where(q.load_to.is_(None)))}


def archived(store: sa.Engine, feed: str = "machine") -> list[Any]:
    with store.connect() as conn:
        return list(conn.execute(sa.select(t.payload).where(t.payload.c.feed == feed).order_by(t.payload.c.id)))


def loads_add_up(store: sa.Engine) -> bool:
    with store.connect() as conn:
        return all(r.seen == r.changed + r.unchanged + r.set_aside for r in conn.execute(sa.select(t.load)))
