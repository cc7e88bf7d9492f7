"""Whether an estimate from the reports so far may be shown, how wide, and what is missing if not.

An interval covers the truth only if the PECs still missing are like those that reported. `drift` asks the
data about it, `worst_case_shift` bounds what no data can show, and `light` decides. How often the intervals
that are shown cover the truth: docs/statistics.md, by bench/coverage.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, inf
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from queries.estimates import Estimate, Floats, ratio

WORST_TAIL = 0.02  # a share of the voters: a missing PEC is taken to be like the PECs of the lowest or highest 2%
Colour = Literal["green", "amber", "red"]
COLOURS: tuple[Colour, ...] = ("green", "amber", "red")  # best first


@dataclass(frozen=True)
class Drift:
    """How a rate, within strata, depends on when the report came, and what that may do to the estimate."""

    slope: float  # change of the rate from the first of the sample to the last, as a fraction
    standard_error: float  # of the slope
    missing: float  # share of the sample without a usable report
    shift: float  # expected move of the estimate when the missing come in
    term: float  # what widens the interval on each side


def drift(rate: ArrayLike, order: ArrayLike, stratum: ArrayLike, sample_size: int) -> Drift:
    """The slope of the rate on the order of receipt, both centred in their stratum, and its drift term.

    rate: y / x of each PEC that reported (or its answer, 0 or 1); order: its time or place of receipt,
    any numbers that sort (ranked here, equal ones share a rank); stratum: its (merged) stratum;
    sample_size: Σ n_h.

    With f missing, the mean place of the missing less that of the received is 1/2, so the shift is f·b/2 and
    the term |f·b/2| + 2·f·se(b)/2. se(b) is that of least squares with n - H - 1 residual degrees of freedom
    (H stratum means and one slope are fitted).

    Nothing missing: the term is 0. Nothing to see a slope in (two reports of one stratum, or all reports of
    each stratum at the same moment): standard error and term are infinite, and the light is red.

    Raises ValueError for unequal lengths, a value that is not a number, more reports than the sample has.
    """
    e, place = np.asarray(rate, dtype=float), np.asarray(order, dtype=float)
    h = _strata(stratum)
    if not e.shape == place.shape == h.shape or not len(h):
        raise ValueError(f"{e.size} rates, {place.size} places and {h.size} strata are not one a PEC")
    if not np.isfinite([e, place]).all():
        raise ValueError("a rate or a place in the order of receipt is not a number")
    if len(h) > sample_size:
        raise ValueError(f"{len(h)} reports, of a sample of {sample_size}")
    u = _ranked(tuple(place.tolist())) / sample_size
    reports = np.bincount(h)
    e, u = _centred(e, h), _centred(u, h)
    missing = 1 - len(h) / sample_size
    spread, freedom = float(u @ u), len(h) - len(reports) - 1
    seen = spread > 1e-12 and freedom > 0  # centring leaves rounding, never exactly 0
    slope = float(u @ e) / spread if seen else 0.0
    error = float(np.sqrt(np.sum((e - slope * u) ** 2) / freedom / spread)) if seen else inf
    shift = missing * slope / 2
    term = abs(shift) + 2 * missing * error / 2 if missing else 0.0
    return Drift(slope, error, missing, shift, term)


def residuals(rate: ArrayLike, stratum: ArrayLike) -> Floats:
    """Each rate less the mean of its stratum's: what `drift` looks for a slope in."""
    h = _strata(stratum)
    return _centred(np.asarray(rate, dtype=float), h)


def _strata(stratum: ArrayLike) -> NDArray[np.intp]:
    """The number of each PEC's stratum, as they come. Nobody changes them."""
    return _numbered(stratum if isinstance(stratum, tuple) else tuple(np.asarray(stratum).tolist()))


@lru_cache(maxsize=500)
def _numbered(stratum: tuple[str, ...]) -> NDArray[np.intp]:
    number: dict[str, int] = {}
    return np.array([number.setdefault(label, len(number)) for label in stratum], dtype=np.intp)


@lru_cache(maxsize=50)  # every list of a contest came in the same order
def _ranked(place: tuple[float, ...]) -> Floats:
    """The rank of each from 1 on; equal ones share the mean of theirs. Nobody changes them."""
    _, which, times = np.unique(place, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(times) - (times - 1) / 2)[which], dtype=np.float64)


def _centred(values: Floats, h: NDArray[np.intp]) -> Floats:
    return np.asarray(values - (np.bincount(h, values) / np.bincount(h))[h], dtype=np.float64)


def worst_case_shift(
    y: ArrayLike,
    x: ArrayLike,
    stratum: ArrayLike,
    stratum_sizes: Mapping[str, int],
    missing_stratum: ArrayLike,
    missing_x: ArrayLike | None = None,
    tail: float = WORST_TAIL,
) -> float:
    """The larger move of the ratio with each missing PEC at its stratum's low, then high, percentile of y/x.

    y, x, stratum, stratum_sizes, errors: as for `estimates.ratio`; missing_stratum: one entry for each PEC
    of the sample without a usable report; missing_x: its x (voters on the list are known for every PEC). Where it
    is not known (NaN, or no missing_x at all: ballots nobody has seen yet) it is the mean x of its stratum's reports.

    The percentiles (`tail` and 1 - `tail`) are of the x of the PECs that reported, not of the PECs: tiny
    PECs, whose rates are often extreme, would else decide what thousands of missing voters may have done.
    """
    now = ratio(y, x, stratum, stratum_sizes).value
    y, x, labels = np.asarray(y, dtype=float), np.asarray(x, dtype=float), np.asarray(stratum, dtype=np.str_)
    absent: list[str] = np.asarray(missing_stratum).tolist()
    if unknown := {str(label) for label in absent if label not in stratum_sizes}:
        raise ValueError(f"no size is given for stratum {', '.join(sorted(unknown))}")
    of = {label: labels == label for label in set(absent)}
    means = {label: float(x[own].mean()) for label, own in of.items()}
    usual = np.array([means[label] for label in absent], dtype=float)
    known = usual if missing_x is None else np.asarray(missing_x, dtype=float)
    missing_x = np.where(np.isnan(known), usual, known)
    extremes = {label: _extremes(y[own] / x[own], x[own], tail) for label, own in of.items()}
    moves, everywhere = [0.0], (*(stratum if isinstance(stratum, tuple) else labels.tolist()), *absent)
    for side in (0, 1):
        filled = missing_x * [extremes[label][side] for label in absent]
        everyone = ratio(np.append(y, filled), np.append(x, missing_x), everywhere, stratum_sizes)
        moves.append(abs(everyone.value - now))
    return max(moves)


def _extremes(rate: Floats, x: Floats, tail: float) -> tuple[float, float]:
    """The rates of the PECs in which the x, summed from the lowest rate and from the highest, reach `tail`."""
    order = np.argsort(rate)
    most = tail * x.sum()
    lowest, highest = (rate[way[x[way].cumsum().searchsorted(most)]] for way in (order, order[::-1]))
    return float(lowest), float(highest)


@dataclass(frozen=True)
class Thresholds:
    """When a light is green or amber; shares are of the drawn sample, widths are fractions."""

    green_share: float = 0.95
    green_stratum_share: float = 0.80
    amber_share: float = 0.80
    amber_stratum_share: float = 0.50
    spare: int = 2  # reports a stratum may lack whatever its share: of few PECs, two are soon more than 20%
    least: int = 2  # reports of a stratum when green; when amber one is enough, and it is merged
    drift_of_margin: float = 0.5
    amber_width: float = 0.15


@dataclass(frozen=True)
class Reason:
    """Why a light is not better: what there is and what it takes. The words are made where it is shown.

    sample, stratum: PECs reported, and how many it takes, of so many drawn; drift: the term, and the most it
    may be; width: the interval's width, and the most it may be; estimate: there is none (0, and it takes 1).
    """

    code: Literal["sample", "stratum", "drift", "width", "estimate"]
    stratum: str | None
    have: float
    needs: float
    of: int | None = None


@dataclass(frozen=True)
class Shown:
    """The light and the interval that is shown with it: none when red. Margin: the computed one, alone."""

    light: Colour
    low: float | None
    high: float | None
    margin: float | None
    drift: float
    worst_case: float | None
    reasons: tuple[Reason, ...]


def light(
    estimate: Estimate | None,
    reported: Mapping[str, int],
    drawn: Mapping[str, int],
    drift_term: float,
    worst_case: float | None,
    thresholds: Thresholds,
) -> Shown:
    """Green, amber or red, the interval that goes with it, and why it is not better.

    estimate: None where there is none (`TooFewPecs`); reported, drawn: PECs by stratum **as drawn**, never as
    merged: judged merged, a stratum that loses its last reports but one would get a better light by it.
    A stratum without a report may be left out of reported, and makes the light red; one that had to be merged
    has fewer than `least`, so a merged estimate is at most amber. drift_term: `Drift.term`; worst_case:
    `worst_case_shift`, None for process questions (a percentile of yes and no means nothing). The interval is
    widened on both sides by the larger of the two, when green as when amber: the PECs still missing may be
    unlike the rest under a green light too. Reasons say why amber is not green, and why red is not amber.

    Raises ValueError where more PECs reported than were drawn.
    """
    not_amber = _too_few(reported, drawn, thresholds.amber_share, thresholds.amber_stratum_share, 1, thresholds.spare)
    if estimate is None:
        reasons = (Reason("estimate", None, 0, 1), *not_amber)
        return Shown("red", None, None, None, drift_term, worst_case, reasons)

    widening = max(drift_term, worst_case or 0.0)
    low, high, margin = estimate.low - widening, estimate.high + widening, estimate.margin

    not_green = _too_few(
        reported, drawn, thresholds.green_share, thresholds.green_stratum_share, thresholds.least, thresholds.spare
    )
    most = thresholds.drift_of_margin * margin
    if not drift_term <= most:
        not_green.append(Reason("drift", None, drift_term, most))
    if not not_green:
        return Shown("green", low, high, margin, drift_term, worst_case, ())

    if not high - low <= thresholds.amber_width:
        not_amber.append(Reason("width", None, high - low, thresholds.amber_width))
    if not not_amber:
        return Shown("amber", low, high, margin, drift_term, worst_case, tuple(not_green))
    return Shown("red", None, None, margin, drift_term, worst_case, tuple(not_amber))


def _too_few(
    reported: Mapping[str, int], drawn: Mapping[str, int], share: float, stratum_share: float, least: int, spare: int
) -> list[Reason]:
    """The sample, then each stratum, that has fewer reports than it needs."""
    if over := [label for label, count in reported.items() if count > drawn.get(label, 0)]:
        raise ValueError(f"more PECs reported than were drawn in stratum {', '.join(sorted(over))}")

    def needs(share: float, of: int) -> int:
        return ceil(round(share * of, 9))  # 0.55 * 100 is 55.00000000000001, and 55 are enough

    everywhere = sum(drawn.values())
    asked = [Reason("sample", None, sum(reported.values()), needs(share, everywhere), everywhere)]
    for label, of in drawn.items():
        enough = max(least, min(needs(stratum_share, of), of - spare))
        asked.append(Reason("stratum", label, reported.get(label, 0), enough, of))
    return [reason for reason in asked if reason.have < reason.needs]
