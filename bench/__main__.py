"""`python -m bench`: how fast it is, as a table, in yardsticks; `--write` keeps it in docs/performance.md."""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from bench import ends, polls, rooms, said, start, warm, yardstick
from bench.day import INTERVAL, Day, large, play, small
from bench.rooms import Seen
from bench.server import ROOT, serving

ORDINARY = 0.2  # seconds of a yardstick on the machine that the issues' seconds mean; see docs/performance.md
PARTS = ("said", "polls", "start", "play", "warm", "rooms", "ends", "large")
DOCUMENT = ROOT / "docs" / "performance.md"
_PLAYED = {"play", "warm", "rooms", "ends", "large"}  # parts that need the played day
_SIZES = (1_000, 100_000)  # reports that are there when nothing new is
_BEGIN, _END = "<!-- figures -->", "<!-- /figures -->"
HEAD = ("measured", "figure", "yardsticks", "at most", "holds")


@dataclass(frozen=True)
class Line:
    """One measurement, and what it must not exceed.

    A duration is in seconds. So is its limit, as an issue names it, and means an ordinary machine: what is compared are
    yardsticks. Where a page waits for a timer, that part of the duration is the same on every machine: `timer`.
    """

    what: str
    value: float
    unit: str = "s"
    limit: float | None = None  # none: only told
    timer: float = 0  # seconds
    yardstick: float = ORDINARY  # seconds that one took when this was measured

    @property
    def yardsticks(self) -> float:
        """How many yardsticks it took, beside the timer."""
        return max(0, self.value - self.timer) / self.yardstick

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.yardsticks <= self.limit / ORDINARY if self.unit == "s" else self.value <= self.limit

    def cells(self) -> tuple[str, str, str, str, str]:
        holds = "" if self.limit is None else "yes" if self.holds else "NO"
        if self.unit != "s":
            limit = "" if self.limit is None else self._plain(self.limit)
            return self.what, self._plain(self.value), "", limit, holds
        limit = "" if self.limit is None else f"{_short(self.limit / ORDINARY)} yardsticks"
        timer = f"{self.timer:g} s" if self.timer else ""
        took = (
            f"{self.value * 1000:,.{1 if self.value < 0.02 else 0}f} ms" if self.value < 1 else f"{self.value:,.2f} s"
        )
        yardsticks = f"{_short(self.yardsticks)} after {timer}" if timer else _short(self.yardsticks)
        return self.what, took, yardsticks, f"{timer} + {limit}" if timer else limit, holds

    def _plain(self, value: float) -> str:
        return f"{value:,.{2 if self.unit == 'times' else 0}f} {self.unit}".rstrip()


def _short(yardsticks: float) -> str:
    return f"{yardsticks:,.{3 if yardsticks < 0.1 else 2 if yardsticks < 10 else 0}f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts (default: all)")
    parser.add_argument("--seconds", type=float, default=90, help="that fifty Overviews are watched (default: 90)")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/performance.md")
    asked = parser.parse_args()
    parts = asked.only or list(PARTS)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="baikoo-bench-") as folder:
        for line in _in_yardsticks(_measured(Path(folder), parts, asked.seconds)):
            print(" | ".join(line.cells()), flush=True)
            lines.append(line)
    if asked.write:
        _keep(lines)
    return 0 if all(line.holds for line in lines) else 1


def _in_yardsticks(measured: Iterator[list[Line]]) -> Iterator[Line]:
    """Each line with the yardstick that was measured before and after it: machines drift."""
    before = yardstick.measure()
    for lines in measured:
        after = yardstick.measure()
        yield from (replace(line, yardstick=(before + after) / 2) for line in lines)
        before = after


def _measured(folder: Path, parts: list[str], seconds: float) -> Iterator[list[Line]]:
    """What was measured one after the other. Nothing, where only something was made ready and the time has passed."""
    if "said" in parts:
        yield from _said(folder)
    if "polls" in parts:
        for reports in _SIZES:
            yield _polls(folder / f"polls-{reports}", reports)
    if "start" in parts:
        yield _start(folder / "start")
    if _PLAYED & set(parts):
        yield from _played(folder, parts, seconds)


def _played(folder: Path, parts: list[str], seconds: float) -> Iterator[list[Line]]:
    print("Playing the day ...", flush=True)
    played = [Line("the day played to 10:00 of the next morning", play(folder / "small"), limit=90)]
    yield played if "play" in parts else []
    with small(folder / "small") as day:
        yield []
        if "warm" in parts:
            yield _warm(day, folder)
        if "rooms" in parts:
            yield _rooms(day, folder / "rooms.log", seconds, "50 Overviews", 450)
        if "ends" in parts:
            with serving("dashboard.py", day.environment, folder / "ends.log") as server:
                yield [Line("the server ends under 50 open pages", asyncio.run(ends.took(server)), limit=3)]
        if "large" in parts:
            print("Multiplying it ...", flush=True)
            (folder / "large").mkdir()
            with large(folder / "large", day) as many:
                yield []
                yield _rooms(many, folder / "large.log", seconds, "50 Overviews, 100,000 PECs", 1024)


def _said(folder: Path) -> Iterator[list[Line]]:
    print("Filling a night's stores ...", flush=True)
    with said.databases(folder) as databases:
        for name, url in databases.items():
            yield []
            first, after = said.measured(folder / "night", url)
            what = f"all that may be said, {name}"
            yield [
                Line(f"{what}: the first time", statistics.median(first), limit=3),
                Line(f"{what}: after a load", statistics.median(after), limit=0.3),
            ]


def _polls(folder: Path, reports: int) -> list[Line]:
    took = polls.measured(folder, reports)
    what = f"a poll of {reports:,} reports"
    return [
        Line(f"{what}: the first, which loads them", took.first),
        Line(f"{what}: nothing new", statistics.median(took.empty), limit=0.01),
        Line(f"{what}: nothing new, keys compared", statistics.median(took.compared)),
    ]


def _start(folder: Path) -> list[Line]:
    first, later = start.started(folder)
    what = "a page with figures after `make run`"
    return [
        Line(f"{what}: the first start, which plays to 13:30", first),
        Line(f"{what}: a later start", statistics.median(later), limit=5),
    ]


def _warm(day: Day, folder: Path) -> list[Line]:
    took = warm.opened(day, folder)
    return [
        Line("an empty page in Chromium, warm", took["empty"]),
        Line("the Overview's figures, against it", took["figures"] / took["empty"], "times", 1.5),
        Line("the Overview's charts, against it", took["charts"] / took["empty"], "times", 2.5),
    ]


def _rooms(day: Day, log: Path, seconds: float, what: str, memory: float) -> list[Line]:
    with serving("dashboard.py", day.environment, log) as server:
        seen = asyncio.run(rooms.watch(server, day, seconds))
    lines = [
        Line(f"{what}: a tick, median", statistics.median(seen.ticks)),
        Line(f"{what}: a tick, 95 of 100 within", _within(seen.ticks, 0.95), limit=1),
        Line(f"{what}: reports that a session never showed (of {_pairs(seen)})", seen.missed, "", 0),
    ]
    delays = [delay for each in seen.delays.values() for delay in each]
    if delays:
        shown = f"{what}: a row is on an open page"
        lines += [
            Line(f"{shown}, median", statistics.median(delays), limit=2, timer=INTERVAL),
            Line(f"{shown}, 95 of 100 within", _within(delays, 0.95), limit=2, timer=INTERVAL),
            Line(f"{shown}, at most", max(delays), limit=2, timer=INTERVAL),
        ]
    return [
        *lines,
        Line(f"{what}: the server's processor, of one", 100 * seen.processor, "%", 100),
        Line(f"{what}: the server's memory at most", seen.memory, "MiB", memory),
    ]


def _pairs(seen: Seen) -> str:
    return f"{len(seen.committed) * seen.sessions:,}"


def _within(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _keep(lines: list[Line]) -> None:
    table = [_row(HEAD), _row(["---"] * len(HEAD)), *(_row(line.cells()) for line in lines)]
    text = DOCUMENT.read_text("utf-8")
    before, after = text.partition(_BEGIN)[0], text.partition(_END)[2]
    kept = f"{_BEGIN}\n{_heading(lines)}\n\n" + "\n".join(table) + f"\n{_END}"
    DOCUMENT.write_text(f"{before}{kept}{after}", "utf-8")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _heading(lines: list[Line]) -> str:
    command = " ".join(["python -m bench", *sys.argv[1:]])
    took = sorted(line.yardstick * 1000 for line in lines)
    today = f"{date.today():%d.%m.%Y}"  # noqa: DTZ011 -- the day on this machine
    return f"`{command}` on {_machine()}, {today}. A yardstick took {took[0]:.0f} to {took[-1]:.0f} ms."


def _machine() -> str:
    """What the figures were measured on, and how busy it was with other things."""
    cpu = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), ": unknown")
    load = os.getloadavg()[2]
    name = cpu.partition(":")[2].strip()
    return f"{os.cpu_count()} cores ({name}), Python {platform.python_version()}, load of 15 minutes {load:.1f}"


if __name__ == "__main__":
    sys.exit(main())
