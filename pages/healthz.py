"""`/healthz`, for a program that watches the monitor: whether sources, store and snapshot are fresh. Without data."""

import asyncio
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pages.present import old_figures, present

_WELL = {"fresh", "late"}  # late: two polls were missed, not yet five

_STORE = {"reading": "unreadable", "writing": "unwritable", None: "fresh"}


def route() -> Route:
    return Route("/healthz", _answer)


async def _answer(request: Request) -> Response:
    told = await asyncio.to_thread(state)
    well = {told["store"], told["snapshot"], *told["sources"].values()} <= _WELL and not told["clocks"]
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(told, status, headers={"cache-control": "no-store"})


def state() -> dict[str, Any]:
    """store: fresh, unreadable or unwritable. snapshot: fresh or stale. clocks: whose is a minute and more away.
    sources: id -> fresh, late, stale, never (it has not answered yet), alarm."""
    try:
        known = present.known()
    except sa.exc.SQLAlchemyError:  # since the start
        return {"store": _STORE[present.broken], "snapshot": "stale", "clocks": [], "sources": {}}
    told = {row["source"]: _source(row) for row in known.sources.to_dict("records")}
    return {
        "store": _STORE[present.broken],
        "snapshot": "fresh" if old_figures(known) is None else "stale",
        "clocks": list(present.clocks),
        "sources": told,
    }


def _source(row: dict[Any, Any]) -> str:
    word = {"ok": "fresh", "amber": "late", "red": "stale", "never": "never"}[row["state"]]
    return "alarm" if word in _WELL and row["alarms"] else word
