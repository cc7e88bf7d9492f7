"""Fifty open Overviews, and a new report every few seconds: how long a tick takes, whether everybody saw everything.

A page does what it does in a browser: it hears the pulse and draws its live parts again when the figures are other
ones than its strip names; and every minute each of the parts looks by itself.
"""

import asyncio
import json
import random
import re
import time
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect

from bench.day import Day
from bench.server import Server
from bench.visitor import Run, Visitor
from pages import pulse

SESSIONS, TICK, EVERY = 50, pulse.TICK, 5.0
_AWAKE = 0.05  # seconds between looks at what was heard
_SPREAD = 0.3  # seconds, as pages/pulse.js has it
_SETTLE = 15.0  # seconds after the last report in which everybody must have seen it


@dataclass
class Seen:
    """What fifty readers saw."""

    sessions: int
    ticks: list[float] = field(default_factory=list)  # seconds of every tick
    committed: dict[str, float] = field(default_factory=dict)  # PEC -> when its report was committed
    delays: dict[str, list[float]] = field(default_factory=dict)  # PEC -> seconds until each session showed it
    memory: float = 0  # MiB
    processor: float = 0  # share of one

    @property
    def missed(self) -> int:
        """Session and report pairs that never met."""
        return sum(self.sessions - len(self.delays.get(pec, [])) for pec in self.committed)


async def watch(server: Server, day: Day, seconds: float, sessions: int = SESSIONS, tick: float = TICK) -> Seen:
    """Open the Overviews and watch them for so long."""
    seen, over = Seen(sessions), asyncio.Event()
    chance = random.Random(1)  # noqa: S311 -- no secret
    pecs = chance.sample(day.sampled(), int((seconds - _SETTLE) / EVERY))
    async with asyncio.TaskGroup() as group:
        few = asyncio.Semaphore(4)  # they do not all come in the same instant
        opened = [asyncio.Event() for _ in range(sessions)]
        for event in opened:
            group.create_task(_sit(server, seen, tick, few, event, over))
        await asyncio.gather(*(event.wait() for event in opened))
        before, began = server.processor(), time.perf_counter()
        seen.ticks.clear()
        for n, (pec, observer) in enumerate(pecs):
            at = began + (n + chance.random()) * EVERY  # at any moment between two polls
            await asyncio.sleep(max(0, at - time.perf_counter()))
            await asyncio.to_thread(day.report, pec, observer)
            seen.committed[pec] = time.perf_counter()
        await asyncio.sleep(max(0, began + seconds - time.perf_counter()))
        seen.processor = (server.processor() - before) / (time.perf_counter() - began)
        seen.memory = server.memory()
        over.set()
    return seen


async def _sit(
    server: Server, seen: Seen, tick: float, few: asyncio.Semaphore, opened: asyncio.Event, over: asyncio.Event
) -> None:
    """One reader's page, and its ticks."""
    shown: set[str] = set()
    drawn = newest = ""  # the figures that the strip names, and those of which the pulse spoke last

    def saw(run: Run) -> None:
        nonlocal drawn
        seen.ticks.append(run.seconds)
        named = re.findall(r"data-key='([^']*)'", run.words)
        drawn = named[-1] if named else drawn
        for pec, at in seen.committed.items():
            if pec not in shown and f"PEC {pec} " in run.words.replace("<", " "):
                shown.add(pec)
                seen.delays.setdefault(pec, []).append(time.perf_counter() - at)

    async def hear(told: ClientConnection) -> None:
        nonlocal newest
        async for word in told:  # also while the page is being drawn
            newest = json.loads(word).get("key", newest)

    async with Visitor(server.port) as visitor, connect(server.address.replace("http", "ws") + "/pulse") as told:
        async with few:
            saw(await visitor.run())
        opened.set()
        hearing = asyncio.create_task(hear(told))
        looked = time.perf_counter() - random.uniform(0, tick)  # noqa: S311 -- no secret
        while not over.is_set():
            await asyncio.sleep(_AWAKE)
            if newest not in ("", drawn):
                await asyncio.sleep(random.uniform(0, _SPREAD))  # noqa: S311 -- no secret
                saw(await visitor.press(pulse.BUTTON))
            if time.perf_counter() - looked >= tick:
                looked = time.perf_counter()
                for fragment in list(visitor.fragments):
                    saw(await visitor.run(fragment))
        hearing.cancel()
