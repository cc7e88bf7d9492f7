"""Streamlit's page, which starts a visitor's browser: our typeface is loaded before Streamlit's client starts."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import fonts

LIMIT = 3000  # ms to wait for the typeface: a page in another one is better than none
_CLIENT = re.compile(r'<script type="module" crossorigin src="(\./static/js/index\.[\w-]+\.js)"></script>')
_PRELOAD = re.compile(r'<link\s+rel="preload"\s+href="[^"]+"\s+as="font"[^>]*>')  # of a font that is never used
_OF_THE_FILE = ("content-length", "content-encoding", "accept-ranges", "etag", "last-modified")


class UnknownPage(Exception):
    """Streamlit's page is not the one that we know."""


@dataclass(frozen=True)
class StartPage:
    html: bytes
    script: bytes
    script_file: str


@cache
def start_page() -> StartPage:
    """Streamlit's page with our script in the place of its client, which the script starts."""
    html = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    clients = _CLIENT.findall(html)
    if len(clients) != 1 or len(_PRELOAD.findall(html)) != 1:
        raise UnknownPage(f"Streamlit {streamlit.__version__} has another page than server/start_page.py expects")
    script = _script(clients[0])
    file = f"start.{fonts.digest(script)}.js"
    preloads = (f'<link rel="preload" href="{f.address}" as="font" type="font/woff2" crossorigin>' for f in fonts.FACES)
    html = _PRELOAD.sub("\n    ".join(preloads), html)
    html = _CLIENT.sub(f'<script type="module" src="./start/{file}"></script>', html)
    return StartPage(html.encode(), script, file)


def _script(client: str) -> bytes:
    faces = [{"address": face.address, "unicodeRange": face.unicode_range} for face in fonts.FACES]
    values = {"FAMILY": fonts.FAMILY, "FACES": faces, "CLIENT": client, "LIMIT": LIMIT}
    lines = [f"const {name} = {json.dumps(value)};" for name, value in values.items()]
    return "\n".join([*lines, (Path(__file__).parent / "start.js").read_text("utf-8")]).encode()


def route() -> Route:
    """Where the browser fetches the script. Its address changes with it, so the browser may keep it."""

    async def script(request: Request) -> Response:
        start = start_page()
        if request.path_params["file"] != start.script_file:
            return Response(status_code=404)
        return Response(start.script, media_type="text/javascript", headers=fonts.KEPT)

    return Route("/start/{file}", script)


class Start:
    """ASGI middleware: wherever Streamlit answers with its page, ours goes out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        if not scope["path"].startswith("/static/"):
            # Streamlit would compare with its own file: a browser that has that must not hear that it may keep it
            asked_of_file = (b"if-none-match", b"if-modified-since", b"range", b"if-range")
            scope = {**scope, "headers": [h for h in scope["headers"] if h[0] not in asked_of_file]}
        await self.app(scope, receive, _with_our_page(send, scope["method"] == "HEAD"))


def _with_our_page(send: Send, head: bool) -> Send:
    """Streamlit answers with nothing else in HTML."""
    is_page = False

    async def sending(message: Message) -> None:
        nonlocal is_page
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            is_page = message["status"] == 200 and headers.get("content-type", "").startswith("text/html")
            if is_page:
                for name in _OF_THE_FILE:
                    del headers[name]
                headers["content-length"] = str(len(start_page().html))
                message = {**message, "headers": headers.raw}
        elif is_page and message["type"] == "http.response.body":
            if message.get("more_body"):
                return  # ours goes out when Streamlit's has ended
            message = {"type": "http.response.body", "body": b"" if head else start_page().html}
        elif is_page:
            return  # another way to send the file
        await send(message)

    return sending
