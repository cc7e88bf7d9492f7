"""Whether an estimate from the reports so far may be shown, how wide, and what is missing if not.

An interval covers the truth only if the PECs still missing are like those that reported. `drift` asks the
data about it, `worst_case_shift` bounds what no data can show, and `light` decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from queries.estimates import Estimate, ratio


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
    _, h = np.unique(np.asarray(stratum, dtype=np.str_), return_inverse=True)
    if not e.shape == place.shape == h.shape or not len(h):
        raise ValueError(f"{e.size} rates, {place.size} places and {h.size} strata are not one a PEC")
    if not np.isfinite([e, place]).all():
        raise ValueError("a rate or a place in the order of receipt is not a number")
    if len(h) > sample_size:
        raise ValueError(f"{len(h)} reports, of a sample of {sample_size}")
    u = stats.rankdata(place) / sample_size
    reports = np.bincount(h)
    e = e - (np.bincount(h, e) / reports)[h]
    u = u - (np.bincount(h, u) / reports)[h]
    missing = 1 - len(h) / sample_size
    spread, freedom = u @ u, len(h) - len(reports) - 1
    seen = spread > 1e-12 and freedom > 0  # centring leaves rounding, never exactly 0
    slope = u @ e / spread if seen else 0.0
    error = np.sqrt(np.sum((e - slope * u) ** 2) / freedom / spread) if seen else np.inf
    shift = missing * slope / 2
    term = abs(shift) + 2 * missing * error / 2 if missing else 0.0
    return Drift(float(slope), float(error), missing, float(shift), float(term))


def worst_case_shift(
    y: ArrayLike,
    x: ArrayLike,
    stratum: ArrayLike,
    stratum_sizes: Mapping[str, int],
    missing_stratum: ArrayLike,
    missing_x: ArrayLike | None = None,
) -> float:
    """The larger move of the ratio with each missing PEC at its stratum's 5th, then 95th, percentile of y/x.

    y, x, stratum, stratum_sizes, errors: as for `estimates.ratio`; missing_stratum: one entry for each PEC
    of the sample without a usable report; missing_x: its x (voters on the list are known for every PEC).
    Without missing_x (ballots nobody has seen yet) each gets the mean x of its stratum's reports.
    """
    now = ratio(y, x, stratum, stratum_sizes).value
    y, x, stratum = np.asarray(y, dtype=float), np.asarray(x, dtype=float), np.asarray(stratum)
    absent: list[str] = np.asarray(missing_stratum).tolist()
    if unknown := {str(label) for label in absent if label not in stratum_sizes}:
        raise ValueError(f"no size is given for stratum {', '.join(sorted(unknown))}")
    if missing_x is None:
        missing_x = [x[stratum == label].mean() for label in absent]
    moves = []
    for percentile in (5, 95):
        rate = {label: np.percentile((y / x)[stratum == label], percentile) for label in stratum_sizes}
        filled = np.asarray(missing_x, dtype=float) * [rate[label] for label in absent]
        everyone = ratio(
            np.append(y, filled), np.append(x, missing_x), np.append(stratum, absent), stratum_sizes
        )
        moves.append(abs(everyone.value - now))
    return max(moves)


@dataclass(frozen=True)
class Thresholds:
    """When a light is green or amber; shares are of the drawn sample, widths are fractions."""

    green_share: float = 0.95
    green_stratum_share: float = 0.80
    amber_share: float = 0.80
    amber_stratum_share: float = 0.50
    least: int = 2
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

    light: Literal["green", "amber", "red"]
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

    estimate: None where there is none (`TooFewPecs`); reported, drawn: PECs by (merged) stratum, a stratum
    without a report may be left out of reported; drift_term: `Drift.term`; worst_case: `worst_case_shift`,
    None for process questions (a percentile of yes and no means nothing). The interval is widened on both
    sides, by the drift term when green, by the larger of that and the worst case when amber. Reasons say
    why amber is not green, and why red is not amber.

    Raises ValueError where more PECs reported than were drawn.
    """
    not_amber = _too_few(
        reported, drawn, thresholds.amber_share, thresholds.amber_stratum_share, thresholds.least
    )
    if estimate is None:
        reasons = (Reason("estimate", None, 0, 1), *not_amber)
        return Shown("red", None, None, None, drift_term, worst_case, reasons)

    def shown(colour: Literal["green", "amber"], widening: float, reasons: list[Reason]) -> Shown:
        low, high = estimate.low - widening, estimate.high + widening
        return Shown(colour, low, high, estimate.margin, drift_term, worst_case, tuple(reasons))

    not_green = _too_few(
        reported, drawn, thresholds.green_share, thresholds.green_stratum_share, thresholds.least
    )
    most = thresholds.drift_of_margin * estimate.margin
    if not drift_term <= most:
        not_green.append(Reason("drift", None, drift_term, most))
    if not not_green:
        return shown("green", drift_term, [])

    widening = max(drift_term, worst_case or 0.0)
    width = estimate.high - estimate.low + 2 * widening
    if not width <= thresholds.amber_width:
        not_amber.append(Reason("width", None, width, thresholds.amber_width))
    if not not_amber:
        return shown("amber", widening, not_green)
    return Shown("red", None, None, estimate.margin, drift_term, worst_case, tuple(not_amber))


def _too_few(
    reported: Mapping[str, int], drawn: Mapping[str, int], share: float, stratum_share: float, least: int
) -> list[Reason]:
    """The sample, then each stratum, that has fewer reports than it needs."""
    if over := [label for label, count in reported.items() if count > drawn.get(label, 0)]:
        raise ValueError(f"more PECs reported than were drawn in stratum {', '.join(sorted(over))}")

    def needs(share: float, of: int) -> int:
        return ceil(round(share * of, 9))  # 0.55 * 100 is 55.00000000000001, and 55 are enough

    everywhere = sum(drawn.values())
    asked = [Reason("sample", None, sum(reported.values()), needs(share, everywhere), everywhere)]
    for label, of in drawn.items():
        asked.append(
            Reason("stratum", label, reported.get(label, 0), max(least, needs(stratum_share, of)), of)
        )
    return [reason for reason in asked if reason.have < reason.needs]
