"""What reports from a stratified sample of PECs say about all PECs: the estimate and its interval.

The PEC is the sampling unit: N_h PECs of stratum h are in the frame, r_h have a usable report, and each
of these stands for N_h / r_h. Values are fractions, never clipped to 0-1 here; that is for who prints them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special  # scipy.stats takes a second to import

Floats = NDArray[np.float64]
LEAST = 2  # reports a stratum must have: one has no variance, and none lets the stratum vanish unseen


class TooFewPecs(ValueError):
    """A stratum has fewer than two PECs with a usable report, so there is no estimate."""

    def __init__(self, stratum: str) -> None:
        super().__init__(f"stratum {stratum}: fewer than {LEAST} PECs with a usable report")
        self.stratum = stratum


@dataclass(frozen=True)
class Estimate:
    """A figure about all PECs of the frame; n is the number of PECs it rests on."""

    value: float
    standard_error: float
    degrees_of_freedom: int
    low: float
    high: float
    confidence: float
    n: int

    @property
    def margin(self) -> float:
        """Half the width of the interval; of a proportion, whose sides differ, their mean."""
        return (self.high - self.low) / 2


def ratio(
    y: ArrayLike,
    x: ArrayLike,
    stratum: ArrayLike,
    stratum_sizes: Mapping[str, int],
    confidence: float = 0.99,
) -> Estimate:
    """The stratified combined ratio Σ w y / Σ w x: turnout (voted / on the list), a share (votes / valid).

    y, x, stratum: one entry a PEC with a usable report, in any order; stratum_sizes: stratum -> N_h, for
    every stratum of the frame. The variance is linearised with the finite population correction, and the
    interval is symmetric, from Student's t with (PECs - strata) degrees of freedom; it equals
    svyratio and confint of R's survey (Cochran 1977, 6.11; Särndal, Swensson and Wretman 1992, 5.6).

    Raises TooFewPecs for a stratum with no or one PEC; ValueError for a stratum without a size or with
    more PECs than its size, unequal lengths, a value that is not a number, x of zero or less.
    """
    h, size, reports = _strata(stratum, stratum_sizes)
    y, x = _numbers("y", y, len(h)), _numbers("x", x, len(h))
    if (x <= 0).any():
        raise ValueError(f"x is zero or less at {(x <= 0).sum()} of {len(h)} PECs")
    weight = (size / reports)[h]
    total = weight @ x
    value = float(weight @ y / total)
    z = weight * (y - value * x) / total
    squares = np.bincount(h, (z - (np.bincount(h, z) / reports)[h]) ** 2)
    error = float(np.sqrt(np.sum((1 - reports / size) * reports / (reports - 1) * squares)))
    freedom = len(h) - len(size)
    margin = _t(confidence, freedom) * error
    return Estimate(value, error, freedom, value - margin, value + margin, confidence, len(h))


def proportion(
    yes: ArrayLike,
    stratum: ArrayLike,
    stratum_sizes: Mapping[str, int],
    confidence: float = 0.99,
) -> Estimate:
    """The share of all PECs where the answer is yes, with the Korn-Graubard (beta) interval.

    yes: 0 or 1 (or bool), one entry a PEC that answered; the rest as for `ratio`, errors too, and
    ValueError for another answer than 0 and 1. It equals svyciprop(method="beta") of R's survey
    (Korn and Graubard 1998). Where the variance is 0 the effective sample is the sample itself, corrected
    for degrees of freedom as elsewhere, and at 0 or all one side closes: 0 of 300 is 'at most 1.8%' at 99%.
    """
    h, size, reports = _strata(stratum, stratum_sizes)
    yes = _numbers("yes", yes, len(h))
    if not np.isin(yes, (0, 1)).all():
        raise ValueError("yes holds another answer than 0 and 1")
    n, freedom = len(h), len(h) - len(size)
    share = np.bincount(h, yes) / reports
    value = float(size @ share / size.sum())
    by_stratum = (1 - reports / size) * share * (1 - share) / (reports - 1)
    variance = float(np.sum((size / size.sum()) ** 2 * by_stratum))
    effective = value * (1 - value) / variance if variance > 0 else n
    effective *= (_t(confidence, n - 1) / _t(confidence, freedom)) ** 2
    successes, failures, tail = effective * value, effective * (1 - value), (1 - confidence) / 2
    low = float(special.betaincinv(successes, failures + 1, tail)) if value > 0 else 0.0
    high = float(special.betaincinv(successes + 1, failures, 1 - tail)) if value < 1 else 1.0
    return Estimate(value, variance**0.5, freedom, low, high, confidence, n)


def merge_small_strata(
    stratum: ArrayLike, stratum_sizes: Mapping[str, int], partners: Mapping[str, str]
) -> tuple[NDArray[np.str_], dict[str, int], dict[str, tuple[str, ...]]]:
    """Merge every stratum with fewer than two PECs with its partner, on along the chain until all have two.

    stratum: one entry a PEC with a usable report; stratum_sizes: stratum -> N_h; partners: stratum -> the
    stratum it merges with, fixed before election day (a chain, no circle). Small strata are merged in
    rounds, all of a round at once, so the result does not depend on names or order.

    Returns the PECs' strata relabelled, sizes by new label, and, for merged labels only, label -> parts.
    A merged label is its parts, sorted, joined with '+'. Any numbers by stratum (N_h, n_h) can be summed
    this way by passing them as the sizes.

    Raises TooFewPecs if nothing is left to merge with, ValueError for a PEC in a stratum without a size.
    """
    strata = _known(stratum, stratum_sizes)
    end = {label: label for label in stratum_sizes}  # stratum -> where its chain has got to
    while small := _below_least(strata, end):
        for tail in small:
            target = end.get(partners.get(tail, tail))
            if target is None or target == tail:
                raise TooFewPecs("+".join(sorted(part for part in end if end[part] == tail)))
            end.update({part: target for part in end if end[part] == tail})
    parts = {tail: tuple(sorted(part for part in end if end[part] == tail)) for tail in set(end.values())}
    label = {part: "+".join(parts[tail]) for part, tail in end.items()}
    sizes: dict[str, int] = dict.fromkeys(label.values(), 0)
    for part, size in stratum_sizes.items():
        sizes[label[part]] += size
    merged = {label[tail]: parts[tail] for tail in sorted(parts) if len(parts[tail]) > 1}
    return np.array([label[part] for part in strata], dtype=np.str_), sizes, merged


def _below_least(strata: list[str], end: Mapping[str, str]) -> list[str]:
    reports = Counter(end[part] for part in strata)
    return [tail for tail in dict.fromkeys(end.values()) if reports[tail] < LEAST]


def _known(stratum: ArrayLike, stratum_sizes: Mapping[str, int]) -> list[str]:
    strata: list[str] = np.asarray(stratum).tolist()
    if unknown := {str(label) for label in strata if label not in stratum_sizes}:
        raise ValueError(f"no size is given for stratum {', '.join(sorted(unknown))}")
    return strata


def _strata(stratum: ArrayLike, stratum_sizes: Mapping[str, int]) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """The number h of each PEC's stratum; N_h and r_h by h. Nobody changes them."""
    labels = stratum if isinstance(stratum, tuple) else tuple(np.asarray(stratum).tolist())
    return _numbered(labels, tuple(stratum_sizes.items()))


@lru_cache(maxsize=500)  # forty lists are of the same PECs, and to look up each PEC's stratum is most of an estimate
def _numbered(
    stratum: tuple[str, ...], sizes: tuple[tuple[str, int], ...]
) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    number = {label: h for h, (label, _) in enumerate(sizes)}
    if not number:
        raise ValueError("no stratum is given")
    h = np.array([number[label] for label in _known(stratum, number)], dtype=np.intp)
    reports = np.bincount(h, minlength=len(number))
    for (label, size), count in zip(sizes, reports, strict=True):
        if count < LEAST:
            raise TooFewPecs(label)
        if not count <= size:
            raise ValueError(f"stratum {label}: {count} PECs of the {size} in the frame")
    return h, np.array([size for _, size in sizes], dtype=float), reports


def _numbers(name: str, values: ArrayLike, n: int) -> Floats:
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (n,):
        raise ValueError(f"{name} has {numbers.size} values for {n} PECs")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} is not a number at {(~np.isfinite(numbers)).sum()} of {n} PECs")
    return numbers


@cache  # as slow as the rest of an estimate, and there are few degrees of freedom
def _t(confidence: float, freedom: int) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    return float(special.stdtrit(freedom, (1 + confidence) / 2))
