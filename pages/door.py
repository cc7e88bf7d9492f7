"""Who may come in: only this machine. There is no login yet, so any other address is refused, and says why."""

import base64
import hashlib
import ipaddress
import logging
import re
import socket
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnected

REFUSAL = (
    "Baikoo serves nothing here: it was asked to listen on {address}, and without a login it only listens on "
    "this machine (127.0.0.1). Start it with server.address = 127.0.0.1."
)
NOT_OUR_NAME = "Baikoo answers to localhost, 127.0.0.1 and [::1] only, not to {host}."
NOT_OUR_PAGE = "Baikoo answers its own pages only, not those of {origin}."
FORWARDED = "Baikoo answers nobody through a proxy: without a login everybody would come in as this machine ({name})."
_NAMES = {"localhost", "127.0.0.1", "::1"}
# What proxies call the headers that they add: whom they ask for, by which name, that they are one. No browser has them.
_OF_PROXIES = re.compile(
    r"(x-)?forward.*|(x-)?via|x-origina.*|x-rewrite.*|.*proxy.*|.*client-?ip|.*-ip|.*-addr|x-(http-)?host.*|x-(url-)?scheme"
    r"|front-end-https|cdn-loop|(cf|fastly|fly|akamai)-.*|x-(akamai|amzn?|appengine|arr|azure|cloud|envoy|varnish|vercel).*"
)
_log = logging.getLogger("baikoo.door")
_opened = threading.Event()


def open_up() -> None:
    """The server that keeps this door has started: its sessions may draw pages."""
    _opened.set()


def is_open() -> bool:
    return _opened.is_set()


def is_loopback(address: str) -> bool:
    """Whether an address that a server listens on, or a connection came to, is this machine's own."""
    if address == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)  # 127.0.0.1 seen through an IPv6 socket
    return bool((mapped or ip).is_loopback)


def elsewhere() -> str | None:
    """An address other than loopback that this process is told to listen on, or does listen on; else None.

    The setting alone is not enough: `uvicorn dashboard:app --host` never looks at it. So the sockets are asked.
    """
    configured: str | None = streamlit.config.get_option("server.address")
    if not is_loopback(configured or ""):
        return configured or "all addresses"
    return next((address for address in _listening() if not is_loopback(address)), None)


def answer_at_once() -> None:
    """Small messages leave at once, on every connection that is accepted from now on.

    Streamlit makes its socket without naming TCP, so asyncio does not see that it is one and leaves Nagle's algorithm
    on: what follows a first small message waits some 40 ms for the reader's acknowledgement.
    """
    for own in _sockets():
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _listening() -> Iterator[str]:
    """The addresses that this process listens on by TCP."""
    for own in _sockets():
        if own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            yield str(own.getsockname()[0])


def _sockets() -> Iterator[socket.socket]:
    """This process's TCP sockets."""
    for entry in Path("/dev/fd").iterdir():
        try:
            if not entry.is_socket():  # a copy of a file's descriptor must not be closed: SQLite's locks go with it
                continue
            copy = socket.socket(fileno=socket.dup(int(entry.name)))
        except (OSError, ValueError):
            continue  # closed meanwhile
        with copy:
            if copy.family in (socket.AF_INET, socket.AF_INET6) and copy.type == socket.SOCK_STREAM:
                yield copy


class Door:
    """ASGI middleware: refuses foreign addresses, names and pages, and sends the headers that keep a page safe."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._looked = False
        self._elsewhere: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        if refusal := self._refusal(scope):
            return await _refuse(scope, receive, send, refusal)
        try:
            await self.app(scope, receive, _with_headers(send))
        except WebSocketDisconnected:
            _log.debug("a page went while it was spoken to")  # Streamlit takes it for a text frame, and closes it anew

    def _refusal(self, scope: Scope) -> str | None:
        if not self._looked:  # the first request is the first moment when all sockets are there
            self._elsewhere, self._looked = elsewhere(), True
            if self._elsewhere:
                _log.error(REFUSAL.format(address=self._elsewhere))
        if self._elsewhere:
            return REFUSAL.format(address=self._elsewhere)
        address, port = scope.get("server") or ("an unknown address", None)
        if port is None or not is_loopback(address):
            return REFUSAL.format(address=address)
        return _refused_headers([(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"]])


def _refused_headers(headers: list[tuple[str, str]]) -> str | None:
    """Why a request with these headers is not of a page of ours, which somebody opened on this machine; None if it is.

    A browser says in Origin whose page asks, where it opens a websocket or may read the answer; elsewhere it says in
    Sec-Fetch-Site whether the page is of another place. A link from elsewhere may be followed: that page is ours.
    """
    hosts = [value for name, value in headers if name == "host"]
    host = hosts[0] if len(hosts) == 1 else ""
    if _name(host) not in _NAMES:
        return NOT_OUR_NAME.format(host=host[:100] or "an empty Host header")
    for name, _ in headers:
        if _OF_PROXIES.fullmatch(name.replace("_", "-")):
            return FORWARDED.format(name=name[:100])
    for origin in (value.strip().lower() for name, value in headers if name == "origin"):
        if origin != f"http://{host.strip().lower()}":
            return NOT_OUR_PAGE.format(origin=origin[:100] or "nobody")
    said = dict(headers)
    if said.get("sec-fetch-site") in ("cross-site", "same-site") and said.get("sec-fetch-mode") != "navigate":
        return NOT_OUR_PAGE.format(origin="another place")
    return None


def _name(host: str) -> str:
    """The name in a Host header, without its port; '' where it is none."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([^:/@\[\]]+))(?::\d{1,5})?", host.strip().lower())
    return (found[1] or found[2]).rstrip(".") if found else ""


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        return await send({"type": "websocket.close", "code": 1008, "reason": why[:120]})
    body = (why + "\n").encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = [(k.encode(), v.encode()) for k, v in _headers().items()]
            names = {k for k, _ in ours}
            message["headers"] = [h for h in message.get("headers", ()) if h[0].lower() not in names] + ours
        await send(message)

    return sending


@cache
def _headers() -> dict[str, str]:
    """Nothing is loaded from elsewhere, nothing is evaluated, nobody frames the page."""
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", *_inline_scripts())),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' ws://localhost:* ws://127.0.0.1:*",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{k} {v}" for k, v in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cross-origin-opener-policy": "same-origin",
    }


def _inline_scripts() -> list[str]:
    """Hashes of the inline scripts in Streamlit's own page, as the policy wants them."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return [f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts]
