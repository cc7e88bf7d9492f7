"""The pulse: an open page learns within a second that the figures moved, and draws its live parts again.

A page looks by itself every few seconds. In between, a few lines of JavaScript ask the server twice a second for the
key of the snapshot, which costs neither of them anything, and press an unseen button when it is another one; not all
screens in the same instant.
"""

from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from pages.view import view
from queries import snapshot

TICK = 5.0  # seconds between a live part's own looks at the snapshot
BUTTON = "↻"  # no word: nobody sees it
_SCRIPT = Path(__file__).parent / "pulse.js"
_PARTS = "live_parts"  # the keys of the live parts that this session's page drew


def routes() -> list[Route]:
    """The script, and what it asks."""

    async def script(request: Request) -> Response:
        return FileResponse(_SCRIPT, media_type="text/javascript", headers={"cache-control": "no-cache"})

    def key(request: Request) -> Response:  # in a thread: the first snapshot after a start is waited for
        load, minute = snapshot.current().key
        return PlainTextResponse(f"{load} {minute}", headers={"cache-control": "no-store"})

    return [Route("/pulse.js", script), Route("/pulse", key)]


def begin() -> None:
    """The page is drawn from its beginning: none of its parts stands yet. A page of the past has no pulse."""
    st.session_state[_PARTS] = []
    if view().as_of is not None:
        return
    with st.container(key="bk_pulse"):
        st.button(BUTTON, key="pulse", on_click=_moved)
        st.html('<script src="pulse.js"></script>', unsafe_allow_javascript=True)


def follow(key: str) -> None:
    """From now on the pulse draws the part of this key again."""
    if key not in st.session_state.setdefault(_PARTS, []):
        st.session_state[_PARTS].append(key)


def _moved() -> None:
    if parts := st.session_state.get(_PARTS):
        st.rerun(parts)
