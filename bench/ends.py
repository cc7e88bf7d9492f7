"""How long a server takes to end while fifty pages are open."""

import asyncio
import contextlib
import os
import signal
import time

from websockets.asyncio.client import connect

from bench.server import Server
from bench.visitor import Visitor

PAGES = 50


async def took(server: Server, pages: int = PAGES) -> float:
    """Seconds from the signal until the process is gone; each page has its session, and hears the pulse."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(pages):
            await (await stack.enter_async_context(Visitor(server.port))).run()
            await stack.enter_async_context(connect(server.address.replace("http", "ws") + "/pulse"))
        began = time.perf_counter()
        os.kill(server.pid, signal.SIGTERM)
        await asyncio.to_thread(os.waitid, os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        return time.perf_counter() - began
