"""The pulse: the server tells open pages the time, the ages of the sources, and when the figures moved.

Each page holds a websocket of ours (an event stream would leave a browser's seventh tab waiting). What is told is made
once for all of them, as soon as something changes and every few seconds besides, so that a page knows that the server
is there: `pulse.js` lets clock and ages go on by it, marks the page where nobody has been heard for a while, and
presses an unseen button when the figures moved; not all screens in the same instant.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from pages import deciding, words
from pages.present import old_figures, present
from pages.view import looks_back
from pages.words import _
from queries import health, snapshot
from queries.snapshot import Snapshot
from store.outage import Outage
from store.tables import milliseconds

log = logging.getLogger("baikoo.pages")
TICK = 60.0  # seconds between a live part's own looks at the snapshot: the way back where the pulse was not heard
BUTTON = "↻"  # no word: nobody sees it
_LOOK = 0.5  # seconds between looks at what is to be told
_AT_LEAST = 4.0  # seconds: so often something is told, whether it is news or not
_SCRIPT = Path(__file__).parent / "pulse.js"
SCRIPT = hashlib.sha256(_SCRIPT.read_bytes()).hexdigest()[:8]
_PARTS = "live_parts"  # the keys of the live parts that this session's page drew

_Told = dict[str, Any]
_GOES_ON: _Told = {"now": None, "for": None}  # what moves by itself is no news
_pages: set[asyncio.Queue[str]] = set()
_last: tuple[float, _Told] = (float("-inf"), {})  # what was told last, and when


def routes() -> list[BaseRoute]:
    """The script, and the websocket that it opens."""

    async def script(request: Request) -> Response:
        return FileResponse(_SCRIPT, media_type="text/javascript", headers={"cache-control": "no-cache"})

    return [Route("/pulse.js", script), WebSocketRoute("/pulse", _page)]


@contextlib.asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """While it is open, pages are told what there is to tell."""
    beat = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beat.cancel()


async def _page(socket: WebSocket) -> None:
    """An open page, until it is closed or the server ends."""
    global _last
    await socket.accept()
    told: asyncio.Queue[str] = asyncio.Queue(1)
    _pages.add(told)
    _last = (float("-inf"), {})  # at the next look it is told what there is
    speaking = asyncio.create_task(_speak(socket, told))
    try:
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass  # a page has nothing to say
    finally:
        _pages.discard(told)
        speaking.cancel()


async def _speak(socket: WebSocket, told: "asyncio.Queue[str]") -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it closed meanwhile
        while True:
            await socket.send_text(await told.get())


async def _beat() -> None:
    global _last
    fault = Outage(log, "the pulse")
    while True:
        await asyncio.sleep(_LOOK)
        if not _pages:
            continue
        try:
            now = await asyncio.to_thread(_now)
        except Exception as error:  # the next look may be better; meanwhile pages see that nobody speaks
            fault.goes_on(type(error).__name__, error)
            continue
        fault.over()
        at, before = _last
        if now | _GOES_ON != before | _GOES_ON or time.monotonic() - at >= _AT_LEAST:
            _last = (time.monotonic(), now)
            text = json.dumps(now)
            for told in _pages:
                if told.full():  # a page that is slow to listen hears the newest alone
                    told.get_nowait()
                told.put_nowait(text)


def _now() -> _Told:
    """now (ms by the store's clock), speed (of that clock), sources: id -> when it was last read (ms), null for never.
    key: another one: the figures moved; none where the store cannot be read or written. Where it cannot, or no new
    figures can be made: broken, for (so many seconds). script: its version, so that a page of an earlier one loads
    itself anew.
    """
    told: _Told = {"script": SCRIPT}
    try:
        known = present.known()
    except sa.exc.SQLAlchemyError:  # it has not answered since the start
        return told | _broken()
    told |= {
        "now": milliseconds(known.now()),
        "speed": known.speed,
        "sources": {
            source: None if pd.isna(at) else milliseconds(at)
            for source, at in zip(known.sources["source"], known.sources["last_success_at"], strict=True)
        },
    }
    if present.broken:
        return told | _broken()
    if shot := snapshot.kept():
        told["key"] = key(shot, known.sources)
    if (old := old_figures(known)) is not None:
        told |= {"broken": "figures", "for": round(old)}
    return told


def _broken() -> _Told:
    return {"broken": present.broken, "for": round(time.monotonic() - present.broken_at)}


def key(shot: Snapshot, sources: pd.DataFrame) -> str:
    """What a page depends on: the figures, which sources (`state`) are late, of which there are alarms, whose clock is
    wrong, whether checks are made."""
    load, minute = shot.key
    alarms = sources["alarms"].map(bool).map({True: "!", False: ""})
    wrong = [*present.clocks, *(["unjudged"] if present.unjudged else [])]
    return f"{load} {minute} {' '.join([*(sources['state'] + alarms), *wrong])}"


def begin() -> None:
    """The page is drawn from its beginning: none of its parts stands yet. A page of the past is not drawn again."""
    st.session_state[_PARTS] = []
    with st.container(key="bk_pulse"):
        if looks_back() is None:
            _button()
        st.html(_words() + '<script src="pulse.js"></script>', unsafe_allow_javascript=True)


def _words() -> str:
    """The words that the page says by itself, between two drawings; also where its strip cannot be drawn."""
    said = {
        "silent": _("The server has not answered for {age}: what stands here is old."),
        "reading": _("The monitor's store has not been readable for {age}: what stands here is old."),
        "writing": _(
            "The monitor's store cannot be written (gone, replaced, locked, read-only or on a full disk): nothing has "
            "been loaded for {age}."
        ),
        "figures": _("New figures have not been made for {age}: what stands here is old. The server's log says why."),
        "lost": _(
            "Whether your decision of {time} was kept is not known: the page was loaded again, the connection broke or "
            "the server ended before it was answered. Look whether it stands."
        ),
        "waits": deciding.it_waits(),
        "close": _("Close"),
        "amber": _("late"),
        "red": _("stale"),
        **{unit: words.unit(unit) for unit in words.UNITS},
    }
    return f"<div class='bk-words' data-words='{escape(json.dumps(said, ensure_ascii=False))}'></div>"


def goes_on(row: Mapping[Any, Any]) -> str:
    """The attributes of what shows a source's state (`.bk-age`, `data-late`) and age (`data-age`): by them both go on
    in the browser."""
    limits = f"data-amber='{health.AMBER * row['interval']}' data-red='{health.RED * row['interval']}'"
    return f"data-source='{escape(row['source'])}' {limits}"


def time_goes_on(at: datetime, shown: str) -> str:
    """A time with seconds, as `words.clock_time` shows it, that goes on in the browser."""
    day, _space, time_of_day = shown.rpartition(" ")
    offset = int((words.local(at).utcoffset() or timedelta()).total_seconds())
    return f"{escape(day)} <span data-offset='{offset}'>{time_of_day}</span>"


def follow(key: str) -> None:
    """From now on the pulse draws the part of this key again."""
    if key not in st.session_state.setdefault(_PARTS, []):
        st.session_state[_PARTS].append(key)


@st.fragment
def _button() -> None:
    """A click waits for the run that is under way: it ends neither the first drawing of a page nor what somebody has
    just pressed. It is no run of the whole page, which would clear the timers of its parts."""
    st.button(BUTTON, key="pulse", on_click=_moved)


def _moved() -> None:
    if parts := st.session_state.get(_PARTS):
        st.rerun(parts)
