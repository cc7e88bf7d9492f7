"""The yardstick: a fixed piece of Python, pandas and SQL, so that a duration means the same on every machine.

Never change what it does, nor how much of it: the bars of docs/performance.md are so many times this piece of work.
`python -m bench.yardstick` prints the seconds that it takes here.
"""

import statistics
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import sqlalchemy as sa

from bench.server import ROOT

_TIMES = 7
_ROUNDS = 2
_WORDS, _ROWS, _REPORTS, _PLACES = 60_000, 150_000, 8_000, 500
_PER_PLACE = sa.text(
    """
    with latest as (
        select place, voted, row_number() over (partition by place order by sent desc, number) as turn from report
    )
    select place.region, count(*) as places, sum(latest.voted) as voted
    from latest join place on place.place = latest.place
    where latest.turn <= 5 group by place.region order by place.region
    """
)


def measure() -> float:
    """Seconds of one yardstick: the median of several, in a process of its own that holds nothing else.

    Of the processor, not by the clock: another program that runs just then would make the yardstick longer, and every
    bar easier.
    """
    command = [sys.executable, "-m", "bench.yardstick"]
    return float(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def work() -> None:
    """One yardstick: its three parts take about the same time."""
    for _ in range(_ROUNDS):
        _python()
        _pandas()
        _sql()


def _python() -> int:
    """Loops, dictionaries, strings."""
    counted: Counter[str] = Counter()
    by_length: dict[int, list[str]] = {}
    for number in range(_WORDS):
        word = f"{number * 7919 % 10_007:05}-{number % 97}"
        counted[word[:3]] += len(word)
        by_length.setdefault(number % 1_009, []).append(word.replace("-", " ").upper())
    joined = [" ".join(sorted(words)) for words in by_length.values()]
    return sum(counted.values()) + sum(map(len, joined))


def _pandas() -> float:
    """A made-up frame: group, merge, sort."""
    chance = np.random.default_rng(2021)
    rows = pd.DataFrame({"place": chance.integers(0, _PLACES, _ROWS), "voted": chance.integers(0, 900, _ROWS),
                         "sent": chance.random(_ROWS)})  # fmt: skip
    places = pd.DataFrame({"place": range(_PLACES), "region": [f"region {n % 9}" for n in range(_PLACES)]})
    latest = rows.sort_values(["place", "sent"]).groupby("place").tail(20).merge(places, on="place")
    shares = latest.groupby(["region", "place"]).voted.agg(["sum", "mean", "std"]).reset_index()
    return float(shares.groupby("region")["mean"].mean().sum() + rows.merge(places, on="place").voted.sum())


def _sql() -> int:
    """SQLite in memory: insert, join, window, sum."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as conn:
        conn.exec_driver_sql("create table place (place integer primary key, region text)")
        conn.exec_driver_sql(
            "create table report (number integer primary key, place integer, voted integer, sent real)"
        )
        conn.execute(
            sa.text("insert into place values (:place, :region)"),
            [{"place": n, "region": f"region {n % 9}"} for n in range(_PLACES)],
        )
        conn.execute(
            sa.text("insert into report values (:number, :place, :voted, :sent)"),
            [{"number": n, "place": n * 7919 % _PLACES, "voted": n % 900, "sent": n * 31 % 1_009 / 7}
             for n in range(_REPORTS)],
        )  # fmt: skip
        found = sum(row.voted for _ in range(3) for row in conn.execute(_PER_PLACE))
    engine.dispose()
    return int(found)


def _once() -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    work()  # what is done only once a process
    print(f"{statistics.median(_once() for _ in range(_TIMES)):.4f}")
