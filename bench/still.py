"""What open screens cost a server to which nothing new comes: `python -m bench.still`, beside an earlier version.

`--beside COMMIT` measures the code of that commit too, in turn with ours: real pages in Chromium, on a day that each
version played itself. The clock stands, so that nothing moves; with `--speed 1` it goes on, and the pages are drawn
again every minute.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench import yardstick
from bench.server import CHROMIUM, ROOT, Server, serving

ELECTION, UNTIL = "kg-2021-11-28", "13:30"
PAGES = ("", "coverage", "turnout", "health")
_SETTLE = 20.0  # seconds in which the pages are drawn
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_SET_THE_CLOCK = """
import sys
from store import clock
from store.engine import connect
store = connect(sys.argv[1])
clock.set_rehearsed(store, clock.read(store).rehearsed_at, float(sys.argv[2]))
"""


def played(tree: Path, folder: Path, speed: float) -> dict[str, str]:
    """The environment of a server of this version, on a day that it played to the early afternoon."""
    folder.mkdir()
    store = f"sqlite:///{folder / 'store.sqlite'}"
    command = ["rehearsal", "--election", ELECTION, "--until", UNTIL, "--store", store]
    command += ["--observation", f"sqlite:///{folder / 'observation.sqlite'}"]
    for asked in (["-m", *command], ["-c", _SET_THE_CLOCK, store, str(speed)]):
        subprocess.run([sys.executable, *asked], cwd=tree, check=True, capture_output=True)
    return {"BAIKOO_STORE": store, "BAIKOO_ELECTION": ELECTION, "BAIKOO_SCHEDULE": "off"}


def cost(server: Server, browser: Browser, screens: int, seconds: float) -> float:
    """Seconds of the server's processor that a screen costs in a minute, over what the server does without any."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-GB")
    for number in range(screens):
        page = context.new_page()
        page.goto(f"{server.address}/{PAGES[number % len(PAGES)]}?lang=en")
        page.locator(".bk-strip").first.wait_for(timeout=120_000)
    time.sleep(_SETTLE)
    with_screens = _used(server, seconds)
    context.close()
    time.sleep(_SETTLE / 2)
    return (with_screens - _used(server, seconds)) * 60 / screens


def _used(server: Server, seconds: float) -> float:
    """The share of a processor that the server uses."""
    before, began = server.processor(), time.monotonic()
    time.sleep(seconds)
    return (server.processor() - before) / (time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.still", description=__doc__)
    parser.add_argument("--beside", metavar="COMMIT", help="an earlier version, measured in turn with this one")
    parser.add_argument("--screens", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120, help="with the screens, and as long without")
    parser.add_argument("--speed", type=float, default=0, help="of the store's clock (default: it stands)")
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="baikoo-still-") as name, ExitStack() as stack:
        folder = Path(name)
        trees = {"this version": ROOT}
        if asked.beside:
            trees[asked.beside] = _checkout(asked.beside, folder / "tree", stack)
        days = {what: played(tree, folder / f"day{n}", asked.speed) for n, (what, tree) in enumerate(trees.items())}
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        costs: dict[str, list[float]] = {what: [] for what in trees}
        for _ in range(asked.rounds):
            for what, tree in trees.items():
                with serving("dashboard.py", days[what], folder / "log", tree) as server:
                    costs[what].append(cost(server, browser, asked.screens, asked.seconds))
        browser.close()
    each_time = f"{asked.screens} screens, {asked.seconds:g} s each time, the clock's speed {asked.speed:g}"
    print(f"a yardstick: {yardstick.measure():.2f} s; {each_time}")
    for what, each in costs.items():
        print(f"{what}: {statistics.median(each):.3f} s of processor a screen and minute ({_list(each)})")
    return 0


def _list(each: list[float]) -> str:
    return ", ".join(f"{one:.3f}" for one in each)


def _checkout(commit: str, tree: Path, stack: ExitStack) -> Path:
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
    stack.callback(subprocess.run, [*git, "remove", "--force", str(tree)], check=True)
    return tree


if __name__ == "__main__":
    sys.exit(main())
