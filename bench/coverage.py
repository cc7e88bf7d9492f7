"""How often the intervals cover the truth, simulated: `python -m bench.coverage`.

Each run makes a country of 2,435 PECs in 8 strata, draws 300 of them as in 2021, lets them report in some
order, and asks the estimator and the light at 30 to 300 reports whether the figure may be shown, how wide,
and whether it holds. docs/statistics.md keeps the tables and what was decided by them.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from multiprocessing import Pool
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from queries.estimates import TooFewPecs, merge_small_strata, ratio
from queries.light import Thresholds, drift, light, worst_case_shift

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Random = np.random.Generator

AT = (30, 60, 120, 180, 240, 270, 285, 300)
OF_NOMINAL = 0.95  # the coverage of what is shown must be this share of the nominal one
GREEN_AT_285, AMBER_AT_240 = 0.90, 0.70  # how often, in random order, or the light would be safe and useless
ENOUGH = 20  # runs with a light from which its coverage is judged

STRATA = np.array(list("abcdefgh"))
RATES = np.array([0.29, 0.37, 0.42, 0.36, 0.40, 0.46, 0.45, 0.305])  # mean turnout of a PEC, by stratum
SPREAD = 0.083  # of a PEC's turnout in its stratum


# --- three populations


class Country(NamedTuple):
    """One entry a PEC: the number of its stratum, voters on the list, turnout."""

    stratum: Ints
    voters: Floats
    turnout: Floats


def calm(sizes: Ints, random: Random) -> Country:
    """PECs of 200 to 2,800 voters, the smaller ones with a higher turnout."""
    stratum = np.repeat(np.arange(8), sizes)
    voters = np.clip(random.lognormal(np.log(1350), 0.42, len(stratum)), 200, 2800).round()
    turnout = RATES[stratum] - 0.07 * np.log(voters / 1350) + random.normal(0, SPREAD, len(stratum))
    return Country(stratum, voters, np.clip(turnout, 0.02, 0.98))


def unequal(sizes: Ints, random: Random) -> Country:
    """PECs of 15 to 12,000 voters; 6% are small and closed (hospitals, barracks) and vote at 75 to 100%."""
    stratum = np.repeat(np.arange(8), sizes)
    voters = np.clip(random.lognormal(np.log(800), 1.1, len(stratum)), 15, 12000)
    turnout = RATES[stratum] - 0.045 * np.log(voters / 1350) + random.normal(0, SPREAD, len(stratum))
    closed = random.random(len(stratum)) < 0.06
    voters[closed] = np.clip(random.lognormal(np.log(90), 0.6, closed.sum()), 15, 400)
    turnout[closed] = random.uniform(0.75, 1, closed.sum())
    return Country(stratum, voters.round(), np.clip(turnout, 0.02, 1))


@dataclass(frozen=True)
class Population:
    """How a country is made, and the design of its sample: N_h, n_h, merge partners."""

    name: str
    country: Callable[[Ints, Random], Country]
    sizes: Ints
    drawn: Ints
    partners: dict[str, str]

    def strata(self, numbers: Ints) -> dict[str, int]:
        return dict(zip(STRATA.tolist(), numbers.tolist(), strict=True))


SIZES_2021 = np.array([228, 593, 218, 452, 250, 169, 117, 408])
DRAWN_2021 = np.array([28, 73, 27, 56, 31, 21, 14, 50])
PARTNERS_2021 = {"b": "d", "c": "b", "d": "h", "e": "h", "f": "e", "g": "f", "h": "a"}
SIZES_FEW = np.array([24, 33, 41, 49, 280, 520, 690, 798])
DRAWN_FEW = np.array([3, 4, 5, 6, 34, 64, 86, 98])
PARTNERS_FEW = dict(zip("abcdefg", "bcdefgh", strict=True))

POPULATIONS = {
    "calm": Population("Calm", calm, SIZES_2021, DRAWN_2021, PARTNERS_2021),
    "unequal": Population("Very unequal PECs", unequal, SIZES_2021, DRAWN_2021, PARTNERS_2021),
    "few": Population("Strata of few PECs", calm, SIZES_FEW, DRAWN_FEW, PARTNERS_FEW),
}


# --- orders of arrival: a key for each PEC of the sample, the lowest reports first


def at_random(sample: Country, random: Random) -> Floats:
    return random.random(len(sample.voters))


def regions_lag(sample: Country, random: Random) -> Floats:
    """Each region is late by a lag of its own, of up to 0.8 of the time that reports take to come in."""
    return random.random(len(sample.voters)) + random.uniform(0, 0.8, 8)[sample.stratum]


def large_first(sample: Country, random: Random) -> Floats:
    return -sample.voters + random.random(len(sample.voters))


def high_turnout_first(noise: float) -> Callable[[Country, Random], Floats]:
    def order(sample: Country, random: Random) -> Floats:
        return -_standardised(sample.turnout) + random.normal(0, noise, len(sample.turnout))

    return order


def busy_late(sample: Country, random: Random) -> Floats:
    """The busy 40% (by turnout and chance) report after all others, and nothing before shows it."""
    busy = _standardised(sample.turnout) + random.normal(0, 1.3, len(sample.turnout))
    return _after_the_rest(busy, 0.4, random)


def last_tenth(sign: int) -> Callable[[Country, Random], Floats]:
    """The 10% with the highest (lowest: -1) turnout for their stratum come last, the others at random."""

    def order(sample: Country, random: Random) -> Floats:
        mean = np.bincount(sample.stratum, sample.turnout) / np.bincount(sample.stratum)
        return _after_the_rest(sign * (sample.turnout - mean[sample.stratum]), 0.1, random)

    return order


def _standardised(values: Floats) -> Floats:
    standardised: Floats = (values - values.mean()) / values.std()
    return standardised


def _after_the_rest(score: Floats, share: float, random: Random) -> Floats:
    key = random.random(len(score))
    key[np.argsort(-score)[: round(share * len(score))]] += 1
    return key


ORDERS: dict[str, Callable[[Country, Random], Floats]] = {
    "random": at_random,
    "regions lag": regions_lag,
    "large PECs first": large_first,
    "high turnout first, strongly": high_turnout_first(0.5),
    "high turnout first, mildly": high_turnout_first(2.0),
    "busy 40% late": busy_late,
    "last 10% all of the highest turnout, no sign before": last_tenth(1),
    "last 10% all of the lowest turnout, no sign before": last_tenth(-1),
}


# --- one election


class Seen(NamedTuple):
    """What could be said at so many reports: half widths, and the distance of the estimate from the truth."""

    population: str
    order: str
    reports: int
    off: float  # NaN: no estimate
    margin: float
    drift: float
    light: str
    shown: float  # half the width shown; NaN when red


def election(population: str, order: str, run: int, seed: int, confidence: float, at: Iterable[int]) -> list[Seen]:
    """One election; the same for the same seed, whoever else is simulated and on however many processes."""
    random = np.random.default_rng([seed, list(POPULATIONS).index(population), list(ORDERS).index(order), run])
    design = POPULATIONS[population]
    country = design.country(design.sizes, random)
    voted = np.round(country.turnout * country.voters)
    truth = float(voted.sum() / country.voters.sum())
    first = np.cumsum(design.sizes) - design.sizes
    drawn = [
        start + random.permutation(size)[:n] for start, size, n in zip(first, design.sizes, design.drawn, strict=True)
    ]
    chosen = np.concatenate(drawn)
    sample = Country(country.stratum[chosen], country.voters[chosen], (voted / country.voters)[chosen])
    rank = np.argsort(np.argsort(ORDERS[order](sample, random)))
    return [
        Seen(population, order, reports, *_seen(design, sample, voted[chosen], rank, reports, truth, confidence))
        for reports in at
    ]


def _seen(
    design: Population, sample: Country, voted: Floats, rank: Ints, reports: int, truth: float, confidence: float
) -> tuple[float, float, float, str, float]:
    """The figure of the first reports, by the code that makes the figures of the election day."""
    here, limits = rank < reports, Thresholds()
    label, voters = STRATA[sample.stratum], sample.voters
    counts, drawn = design.strata(np.bincount(sample.stratum[here], minlength=8)), design.strata(design.drawn)
    try:
        strata, sizes, parts = merge_small_strata(label[here], design.strata(design.sizes), design.partners)
    except TooFewPecs:
        return np.nan, np.nan, np.nan, "red", np.nan
    estimate = ratio(voted[here], voters[here], strata, sizes, confidence)
    term = drift(sample.turnout[here], rank[here], strata, len(rank)).term
    worst = None
    if reports >= limits.amber_share * len(rank):  # below that it is red, whatever the worst case
        merged = {part: name for name, several in parts.items() for part in several}
        missing = [merged.get(one, one) for one in label[~here].tolist()]
        worst = worst_case_shift(voted[here], voters[here], strata, sizes, missing, voters[~here])
    shown = light(estimate, counts, drawn, term, worst, limits)
    half = np.nan if shown.low is None or shown.high is None else (shown.high - shown.low) / 2
    return abs(estimate.value - truth), estimate.margin, term, shown.light, half


# --- many elections


def simulate(
    runs: int,
    processes: int = 1,
    seed: int = 1,
    confidence: float = 0.99,
    populations: Iterable[str] = POPULATIONS,
    orders: Iterable[str] = ORDERS,
    at: tuple[int, ...] = AT,
) -> pd.DataFrame:
    """One row a population, order, number of reports and run: the columns of `Seen`."""
    chunks = [range(start, min(start + 50, runs)) for start in range(0, runs, 50)]
    jobs = [(*job, seed, confidence, at) for job in product(populations, orders, chunks)]
    if processes == 1:
        return pd.DataFrame(_together(map(_chunk, jobs)))
    with Pool(processes) as pool:
        return pd.DataFrame(_together(pool.imap(_chunk, jobs)))


def _chunk(job: tuple[str, str, range, int, float, tuple[int, ...]]) -> list[Seen]:
    population, order, runs, seed, confidence, at = job
    return [seen for run in runs for seen in election(population, order, run, seed, confidence, at)]


def _together(chunks: Iterable[list[Seen]]) -> Iterator[Seen]:
    return (seen for chunk in chunks for seen in chunk)


def table(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """By population, order and number of reports: coverage and widths (in points) of each interval, lights."""
    groups = rows.groupby(["population", "order", "reports"], sort=False)
    return [
        {"population": population, "order": order, "reports": reports} | _summary(group)
        for (population, order, reports), group in groups
    ]


def _summary(rows: pd.DataFrame) -> dict[str, float]:
    off, margin = rows["off"].to_numpy(), rows["margin"].to_numpy()
    drifted, known = margin + rows["drift"].to_numpy(), ~np.isnan(off)
    row = {
        "alone": float(np.mean((off <= margin)[known])),
        "alone_width": float(200 * np.mean(margin[known])),
        "with_drift": float(np.mean((off <= drifted)[known])),
        "drift_width": float(200 * np.median(drifted[known])),  # early, a few are hundreds of points wide
    }
    for colour in ("green", "amber"):
        lit = rows[rows["light"] == colour]
        row[colour] = len(lit) / len(rows)
        row[f"{colour}_runs"] = len(lit)
        row[f"{colour}_covers"] = float((lit["off"] <= lit["shown"]).mean()) if len(lit) else np.nan
        row[f"{colour}_width"] = float(200 * lit["shown"].mean()) if len(lit) else np.nan
    row["red"] = float((rows["light"] == "red").mean())
    return row


def broken(summary: list[dict[str, Any]], confidence: float = 0.99) -> list[str]:
    """Where the light does not keep what was promised of it."""
    least, found = OF_NOMINAL * confidence, []
    for row in summary:
        order, reports = row["order"], row["reports"]
        where = f"{row['population']}, {order}, {reports} reports"
        for colour in ("green", "amber"):
            if row[f"{colour}_runs"] >= ENOUGH and row[f"{colour}_covers"] < least:
                found.append(f"{where}: {colour} covers {row[f'{colour}_covers']:.3f}, and {least:.3f} is promised")
        if order == "random" and reports == 285 and row["green"] < GREEN_AT_285:
            found.append(f"{where}: green in {row['green']:.0%}, and {GREEN_AT_285:.0%} is promised")
        if order == "random" and reports == 240 and 1 - row["red"] < AMBER_AT_240:
            found.append(f"{where}: shown in {1 - row['red']:.0%}, and {AMBER_AT_240:.0%} is promised")
    return found


def markdown(summary: list[dict[str, Any]]) -> str:
    """One population's table."""
    lines = [
        "| order of arrival | reports | alone | width | with drift | width | green | covers | width "
        "| amber | covers | width | red |",
        "| --- |" + " ---: |" * 12,
    ]
    order = None
    for row in summary:
        cells = [row["order"] if row["order"] != order else "", str(row["reports"])]
        cells += [f"{row['alone']:.3f}", f"{row['alone_width']:.1f}"]
        cells += [f"{row['with_drift']:.3f}", f"{row['drift_width']:.1f}"]
        for colour in ("green", "amber"):
            enough = row[f"{colour}_runs"] >= ENOUGH
            cells.append(f"{row[colour]:.0%}")
            cells += [f"{row[f'{colour}_covers']:.3f}", f"{row[f'{colour}_width']:.1f}"] if enough else ["–", "–"]
        lines.append(f"| {' | '.join(cells)} | {row['red']:.0%} |")
        order = row["order"]
    return "\n".join(lines)


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.coverage", description=__doc__)
    asked.add_argument("--runs", type=int, default=2000)
    asked.add_argument("--processes", type=int, default=2)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--confidence", type=float, default=0.99)
    given = asked.parse_args()
    summary = table(simulate(given.runs, given.processes, given.seed, given.confidence))
    print(f"{given.runs} runs each, seed {given.seed}, nominal {given.confidence:.0%}; widths in points, low to high")
    for name, population in POPULATIONS.items():
        print(f"\n### {population.name}\n\n{markdown([row for row in summary if row['population'] == name])}")
    found = broken(summary, given.confidence)
    print("\n" + ("\n".join(found) or "The light keeps what is promised of it."))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
