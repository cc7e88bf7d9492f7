"""The observers' estimate held against the commission's figure: whether the two can be compared, and what comes of it.

Not comparable is an answer of its own, with its reason: a figure of half of the country is neither inside an interval
nor outside it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd


class Held(NamedTuple):
    """state: inside, outside (the interval that is shown), not_comparable; why: of the last; outside_by: how far from
    the nearer end of the interval, as a fraction, of outside alone."""

    state: str
    why: str | None
    outside_by: float | None


def held(why: str | None, low: float, high: float, published: float) -> Held:
    """What comes of it, unless there is a reason why not to compare."""
    if why is not None:
        return Held("not_comparable", why, None)
    beyond = max(low - published, published - high)
    return Held("outside", None, beyond) if beyond > 0 else Held("inside", None, None)


def turnout(row: Mapping[Any, Any]) -> Held:
    """A row of `turnout` against the commission's figure of the same hour, by the first reason that holds:

    nothing_published: not for this hour; regions_missing: not of every region inside the country; base_missing: it does
    not say everywhere of how many voters; pecs_missing: by its own count not of all PECs that the estimate is of;
    part_of_stratum: the region has no estimate of its own; light: ours is red.
    """
    parted = pd.isna(row["published_pecs_of"])
    fewer = not parted and not pd.isna(row["published_pecs"]) and row["published_pecs"] < row["published_pecs_of"]
    reasons = {
        "nothing_published": not row["published_regions"],
        "regions_missing": row["published_regions"] < row["published_regions_of"],
        "base_missing": pd.isna(row["published"]),
        "pecs_missing": fewer,
        "part_of_stratum": parted,
        "light": row["light"] == "red",
    }
    why = next((code for code, holds in reasons.items() if holds), None)
    return held(why, row["low"], row["high"], row["published"])


def within_margin(row: Mapping[Any, Any]) -> bool | None:
    """Whether the commission's figure lies in the estimate with the margin that the configuration says to publish,
    which may be wider or narrower than the interval shown; nothing where the two are not comparable."""
    if row["state"] == "not_comparable":
        return None
    return bool(abs(row["published"] - row["value"]) <= row["publish_margin"])


def share(row: Mapping[Any, Any], least: float) -> Held:
    """A row of `quick_count` against the sum of the commission's manual protocols; a part of the PECs is no total to
    compare with. light: ours is red; published: less than this share of the PECs is in."""
    few = pd.isna(row["published"]) or row["published_pecs"] < least * row["published_of"]
    why = "light" if row["light"] == "red" else "published" if few else None
    return held(why, row["low"], row["high"], row["published"])
