"""Asking a commission's site: who asks, how often at most, how long, how much, and patience after an error."""

import asyncio
import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy

import httpx

from elections.config import Source
from loaders import VERSION
from loaders.source import SourceError
from store import clock

_LARGEST = 16 * 2**20  # bytes; as small things they become thirty times as many in memory
_LONGEST_WAIT = timedelta(minutes=15)
_LONGEST_ASKED_FOR = timedelta(hours=1)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unreachable(SourceError):
    """Nobody answered, or not in time: asking for the rest would only take longer."""


class Held(SourceError):
    """Not asked: a wait after an error is not over."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class _Patience:
    """After errors in a row, ask less and less often."""

    failures: int = 0
    not_before: float | None = None  # by the steady clock


@dataclass
class Asker:
    """The client for one source. Its waits are by the store's clock, its timeouts in real time."""

    source: Source
    address: str
    patience: dict[str, _Patience] = field(default_factory=dict)  # by feed; '': the whole site

    def __post_init__(self) -> None:
        own = httpx.URL(self.address).host in _LOOPBACK
        who = f"Baikoo/{VERSION}" + (f" (+{self.source.contact})" if self.source.contact else "")
        self.loop = asyncio.new_event_loop()
        self.client = httpx.AsyncClient(
            headers={"User-Agent": who, "Accept": "application/json", "Accept-Encoding": "gzip"},
            timeout=self.source.timeout,
            trust_env=not own,  # a proxy of the machine does not lead to itself
        )
        self.client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # none is kept, or sent back
        self.own = own

    def most(self) -> float:
        """The ceiling of requests in a minute of real time; of our own site, which a rehearsal plays, in one of its."""
        return self.source.requests_a_minute * (max(1.0, clock.speed()) if self.own else 1)

    def url(self, path: str) -> str:
        return self.address.rstrip("/") + path

    def shown(self, path: str) -> str:
        """The address as it may be kept and shown: without user, password and query."""
        base = httpx.URL(self.address)
        host = f"{base.host}:{base.port}" if base.port else base.host
        return f"{base.scheme}://{host}{base.path.rstrip('/')}{path}"

    def ask(self, feed: str, path: str, headers: Mapping[str, str]) -> Answer:
        """The whole answer. Raises Unreachable, or SourceError where it is too large."""
        sent = self.loop.run_until_complete(self._ask(feed, path, headers))
        return Answer(sent.status, sent.headers, _decoded(feed, sent))

    def may_ask(self, feed: str) -> None:
        """Raises Held."""
        for whom in ("", feed):
            until = self.patience.get(whom, _Patience()).not_before
            left = until - clock.steady() if until is not None else 0
            if 0 < left <= _LONGEST_ASKED_FOR.total_seconds():  # a longer one is of another speed of the clock: over
                raise Held(f"{feed}: not asked for another {left:.0f} s, after an error")

    async def _ask(self, feed: str, path: str, headers: Mapping[str, str]) -> Answer:
        """The answer as it came, still packed."""
        seconds = self.source.timeout
        try:
            async with asyncio.timeout(seconds), self.client.stream("GET", self.url(path), headers=headers) as got:
                body = bytearray()
                async for some in got.aiter_raw():
                    body += some
                    _not_too_large(feed, len(body))
                return Answer(got.status_code, got.headers, bytes(body))
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unreachable(f"{feed}: no whole answer within {seconds:g} s") from error
        except httpx.ConnectError as error:
            raise Unreachable(f"{feed}: no connection") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{feed}: the connection broke ({type(error).__name__})") from error

    def went_well(self, feed: str) -> None:
        self.patience.pop(feed, None)
        self.patience.pop("", None)

    def went_wrong(self, feed: str, answer: Answer | None = None) -> None:
        """Wait longer with each error in a row; as long as the site asks for, where it does."""
        now = clock.steady()
        patience = self.patience.setdefault(feed, _Patience())
        patience.failures += 1
        if patience.failures > 1:
            wait = timedelta(seconds=self.source.interval) * 2 ** min(patience.failures - 2, 10)
            patience.not_before = now + min(wait, _LONGEST_WAIT).total_seconds()
        asked_for = _retry_after(answer, clock.now()) if answer else None
        if asked_for:
            self.patience[""] = _Patience(1, now + min(asked_for, _LONGEST_ASKED_FOR).total_seconds())


def _decoded(feed: str, sent: Answer) -> bytes:
    """The body, unpacked: gzip once, which is what was asked for, and never to more than an answer may be large.

    Raises SourceError for any other encoding, and for a body that is not packed as it says.
    """
    encoding = sent.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or not sent.body:
        return sent.body
    if encoding not in ("gzip", "x-gzip"):
        raise SourceError(f"{feed}: the answer is encoded as {encoding[:40]!r}, not as gzip once")
    try:
        with gzip.open(io.BytesIO(sent.body)) as packed:
            body = packed.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"{feed}: the answer is no whole gzip") from error
    _not_too_large(feed, len(body))
    return body


def _not_too_large(feed: str, size: int) -> None:
    if size > _LARGEST:
        raise SourceError(f"{feed}: the answer is larger than {_LARGEST // 2**20} MiB")


def _retry_after(answer: Answer, now: datetime) -> timedelta | None:
    """How long the site asks us to wait: in seconds, or until a date."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.FORBIDDEN):
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text)) if len(text) < 10 else _LONGEST_ASKED_FOR
    try:
        sent = parsedate_to_datetime(answer.headers["date"]) if "date" in answer.headers else now
        return max(parsedate_to_datetime(text) - sent, timedelta())
    except (ValueError, TypeError, OverflowError):  # no date, one without a zone, or of no calendar
        return timedelta(minutes=1) if answer.status == HTTPStatus.TOO_MANY_REQUESTS else None
