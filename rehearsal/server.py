"""The commission's site: a small HTTP server on loopback that answers as the real one did."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from rehearsal.commission import Commission, Page


class Site:
    """Serves the commission's pages as of `now()` until it is closed; `port` 0 takes a free one."""

    def __init__(self, commission: Commission, now: Callable[[], datetime], port: int = 0) -> None:
        lock = threading.Lock()  # pages are made once, whoever asks first

        class Handler(_Handler):
            def page(self, path: str) -> Page | None:
                with lock:
                    return commission.page(path, now())

        self._server = _Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="commission", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a kept connection of a loader must not hold up the end
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A fault of ours; a client that has gone is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: the second must not wait for an answer
    server_version, sys_version = "Commission", ""

    def page(self, path: str) -> Page | None:
        raise NotImplementedError

    def do_GET(self) -> None:
        page = self.page(self.path.partition("?")[0])
        if page is None:
            self._answer(HTTPStatus.NOT_FOUND, b"no such page", {"Content-Type": "text/plain"})
            return
        known = {"ETag": page.etag, "Last-Modified": format_datetime(page.modified.astimezone(UTC), usegmt=True)}
        if self._has(page, known):
            self._answer(HTTPStatus.NOT_MODIFIED, b"", known)
        else:
            self._answer(HTTPStatus.OK, page.body, known | {"Content-Type": "application/json; charset=utf-8"})

    def _has(self, page: Page, known: dict[str, str]) -> bool:
        """Whether the one who asks has this version: the ETag decides where it is sent."""
        if tags := self.headers.get("If-None-Match"):
            return page.etag in tags
        return self.headers.get("If-Modified-Since") == known["Last-Modified"]

    def _answer(self, status: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The rehearsal's own words stand on the terminal, not each request."""
