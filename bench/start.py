"""How soon `make run` shows a page with figures: the first start, which plays a morning, and a later one."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.server import ROOT, free_port, wait_until_it_answers
from bench.visitor import Visitor

# as the Makefile has it
_COMMAND = ("-m", "rehearsal", "--election", "kg-2021-11-28", "--until", "13:30", "--speed", "60", "--serve")
_FIRST = 600.0  # seconds: a slow machine plays the morning for minutes
_LATER = 3


def started(folder: Path) -> tuple[float, list[float]]:
    """Seconds of the first start, and of those after it."""
    folder.mkdir()
    first, *later = (_start(folder) for _ in range(1 + _LATER))
    return first, later


def _start(folder: Path) -> float:
    """Start what `make run` starts, wait for the figures of the Overview, end it as Ctrl-C does."""
    site, dashboard, log = free_port(), free_port(), folder / "log"
    command = [sys.executable, *_COMMAND, "--port", str(site), "--dashboard-port", str(dashboard)]
    command += ["--store", f"sqlite:///{folder / 'store.sqlite'}"]
    command += ["--observation", f"sqlite:///{folder / 'observation.sqlite'}"]
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=out, stderr=out)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{dashboard}/_stcore/health", process, log, _FIRST)
        asyncio.run(_until_figures(dashboard))
        return time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


async def _until_figures(port: int) -> None:
    async with Visitor(port) as visitor:
        while "bk-value" not in (await visitor.run()).words:
            await asyncio.sleep(0.1)
