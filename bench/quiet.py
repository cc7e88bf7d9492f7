"""Quiet rehearsals with other seeds, played by the loaders and judged poll by poll: no check of tier A may fire.

`python -m bench.quiet` prints a line a seed; `--seeds 3` plays fewer than ten.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from bench.server import ROOT
from queries.check_list import CHECKS
from store.engine import open_store

ELECTION, UNTIL = "kg-rehearsal-quiet", "2021-11-29T10:00"
_JUDGED = sa.text(
    """
    select count(distinct poll) as polls, coalesce(sum(judged), 0) as compared,
        count(distinct case when wrong > 0 then poll end) as fired
    from check_result where check_id in :checks
    """
).bindparams(sa.bindparam("checks", [id for id, check in CHECKS.items() if check.tier == "A"], expanding=True))


@dataclass(frozen=True)
class Night:
    """What came of one rehearsal: polls that were judged, comparisons made, polls at which a check did not hold."""

    seed: int
    polls: int
    compared: int
    fired: int


def judged(seed: int, folder: Path) -> Night:
    """Play a quiet day to the next morning, and judge every poll that brought something."""
    url = f"sqlite:///{folder / f'store-{seed}.sqlite'}"
    played = ["rehearsal", "--election", ELECTION, "--until", UNTIL, "--seed", str(seed), "--store", url]
    played += ["--observation", f"sqlite:///{folder / f'observation-{seed}.sqlite'}"]
    environment = os.environ | {"BAIKOO_STORE": url, "BAIKOO_ELECTION": ELECTION}
    for command in (played, ["queries.judging"]):
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=environment, check=True, capture_output=True)
    store = open_store(url)
    found = night(store, seed)
    store.dispose()
    return found


def night(store: sa.Engine, seed: int) -> Night:
    """What the checks of tier A came to at the polls that were judged."""
    with store.connect() as conn:
        return Night(seed, *conn.execute(_JUDGED).one())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quiet", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="how many (default: 10)")
    seeds = range(1, parser.parse_args().seeds + 1)
    with tempfile.TemporaryDirectory(prefix="baikoo-quiet-") as folder, ThreadPoolExecutor(os.cpu_count()) as several:
        nights = list(several.map(lambda seed: judged(seed, Path(folder)), seeds))
    for n in nights:
        print(f"seed {n.seed}: {n.polls} polls judged, {n.compared:,} comparisons of tier A, wrong at {n.fired} polls")
    return 1 if any(n.fired or not n.polls for n in nights) else 0


if __name__ == "__main__":
    sys.exit(main())
