"""`python -m bench`: how fast it is, as a table; `--write` keeps it in docs/performance.md with the machine's name."""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench import rooms, said, warm
from bench.day import INTERVAL, Day, large, small
from bench.rooms import Seen
from bench.server import ROOT, serving

_PARTS = ("said", "warm", "rooms", "large")
_DOCUMENT = ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- figures -->", "<!-- /figures -->"


@dataclass(frozen=True)
class Line:
    """One measurement, and what it must not exceed."""

    what: str
    value: float
    unit: str
    limit: float

    @property
    def holds(self) -> bool:
        return self.value <= self.limit

    def cells(self) -> tuple[str, str, str, str]:
        digits = 2 if self.unit in ("times", "s") else 0
        limit = f"{self.limit:,.{digits if self.limit % 1 else 0}f} {self.unit}"
        return self.what, f"{self.value:,.{digits}f} {self.unit}", limit, "yes" if self.holds else "NO"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=_PARTS, action="append", help="these parts (default: all)")
    parser.add_argument("--seconds", type=float, default=90, help="that fifty Overviews are watched (default: 90)")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/performance.md")
    asked = parser.parse_args()
    parts = asked.only or list(_PARTS)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="baikoo-bench-") as folder:
        for line in _measured(Path(folder), parts, asked.seconds):
            print(" | ".join(line.cells()), flush=True)
            lines.append(line)
    if asked.write:
        _keep(lines)
    return 0 if all(line.holds for line in lines) else 1


def _measured(folder: Path, parts: list[str], seconds: float) -> Iterator[Line]:
    if "said" in parts:
        print("Filling a night's stores ...", flush=True)
        yield from _said(folder)
    if not {"warm", "rooms", "large"} & set(parts):
        return
    print("Playing the day ...", flush=True)
    (folder / "small").mkdir()
    with small(folder / "small") as day:
        if "warm" in parts:
            yield from _warm(day, folder)
        if "rooms" in parts:
            yield from _rooms(day, folder / "rooms.log", seconds, "50 Overviews", 150, 450)
        if "large" in parts:
            print("Multiplying it ...", flush=True)
            (folder / "large").mkdir()
            with large(folder / "large", day) as many:
                yield from _rooms(many, folder / "large.log", seconds, "50 Overviews, 100,000 PECs", 300, None)


def _said(folder: Path) -> Iterator[Line]:
    with said.databases(folder) as databases:
        for name, url in databases.items():
            first, after = said.measured(folder / "night", url)
            what = f"all that may be said, {name}"
            yield Line(f"{what}: the first time", statistics.median(first.clock), "s", 3)
            yield Line(f"{what}: after a load, median", statistics.median(after.clock) * 1000, "ms", 300)
            yield Line(f"{what}: after a load, at least", min(after.clock) * 1000, "ms", 300)
            yield Line(
                f"{what}: after a load, Python's processor", statistics.median(after.processor) * 1000, "ms", 300
            )


def _warm(day: Day, folder: Path) -> Iterator[Line]:
    took = warm.opened(day, folder)
    yield Line("an empty page in Chromium, warm", took["empty"], "s", 60)
    yield Line("the Overview's figures, against it", took["figures"] / took["empty"], "times", 1.5)
    yield Line("the Overview's charts, against it", took["charts"] / took["empty"], "times", 2.5)


def _rooms(day: Day, log: Path, seconds: float, what: str, limit: float, memory: float | None) -> Iterator[Line]:
    with serving("dashboard.py", day.environment, log) as server:
        seen = asyncio.run(rooms.watch(server, day, seconds))
    yield Line(f"{what}: a tick, median", statistics.median(seen.ticks) * 1000, "ms", limit)
    yield Line(f"{what}: a tick, 95 of 100 within", _within(seen.ticks, 0.95) * 1000, "ms", limit)
    yield Line(f"{what}: reports that a session never showed (of {_pairs(seen)})", seen.missed, "", 0)
    delays = [delay for each in seen.delays.values() for delay in each]
    if delays:
        yield Line(f"{what}: a row is on an open page, median", statistics.median(delays), "s", INTERVAL + 2)
        yield Line(f"{what}: a row is on an open page, 95 of 100 within", _within(delays, 0.95), "s", INTERVAL + 2)
        yield Line(f"{what}: a row is on an open page, at most", max(delays), "s", INTERVAL + 2)
    yield Line(f"{what}: the server's processor, of one", 100 * seen.processor, "%", 100)
    yield Line(f"{what}: the server's memory at most", seen.memory, "MiB", memory or 1024)


def _pairs(seen: Seen) -> str:
    return f"{len(seen.committed) * seen.sessions:,}"


def _within(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _keep(lines: list[Line]) -> None:
    table = ["| measured | figure | must be at most | holds |", "| --- | --- | --- | --- |"]
    table += [f"| {' | '.join(line.cells())} |" for line in lines]
    head = f"`{' '.join(['python -m bench', *sys.argv[1:]])}` on {_machine()}, {date.today():%d.%m.%Y}."  # noqa: DTZ011 -- the day on this machine
    text = _DOCUMENT.read_text("utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    _DOCUMENT.write_text(f"{before}{_BEGIN}\n{head}\n\n" + "\n".join(table) + f"\n{_END}{after}", "utf-8")


def _machine() -> str:
    """What the figures were measured on, and how busy it was with other things."""
    cpu = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), ": unknown")
    load = os.getloadavg()[2]
    name = cpu.partition(":")[2].strip()
    return f"{os.cpu_count()} cores ({name}), Python {platform.python_version()}, load of 15 minutes {load:.1f}"


if __name__ == "__main__":
    sys.exit(main())
