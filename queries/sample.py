"""The sample as it was drawn, and estimates from the PECs of it that answered, small strata merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from elections.config import Election
from queries.estimates import TooFewPecs, merge_small_strata
from queries.kept import KeptOfFacts
from queries.moment import Moment


def pecs(m: Moment, region: str | None = None) -> pd.DataFrame:
    """The sampled PECs of the frame, by the frame's own region.

    pec, region, district, area, settlement, stratum, registered_voters, mobile_applications.
    """
    found = _PECS.of(m)
    return found if region is None else found[found["region"] == region].reset_index(drop=True)


def _ask(m: Moment) -> pd.DataFrame:
    return m.frame(
        """
        select pec, region, district, area, settlement, stratum, registered_voters, mobile_applications
        from pec_now where in_sample = 1 order by pec
        """
    )


_PECS = KeptOfFacts(_ask, "pec")


@dataclass(frozen=True)
class Drawn:
    """Strata with N_h and n_h as configured: fixed at the draw, never counted from the frame of the day."""

    sizes: dict[str, int]  # stratum -> N_h
    sampled: dict[str, int]  # stratum -> n_h
    partners: dict[str, str]

    def __hash__(self) -> int:
        return hash((tuple(self.sizes.items()), tuple(self.sampled.items()), tuple(self.partners.items())))

    @property
    def of(self) -> int:
        return sum(self.sampled.values())

    def only(self, strata: Sequence[str]) -> "Drawn":
        """Some of the strata, merged with nobody outside them."""
        return Drawn(
            {s: n for s, n in self.sizes.items() if s in strata},
            {s: n for s, n in self.sampled.items() if s in strata},
            {s: p for s, p in self.partners.items() if s in strata and p in strata},
        )


def drawn(election: Election) -> Drawn:
    return Drawn(
        {s.id: s.pecs for s in election.strata},
        {s.id: s.sampled for s in election.strata},
        {s.id: s.merge_with for s in election.strata if s.merge_with},
    )


def by_region(sample: Drawn, pecs: pd.DataFrame) -> dict[str, Drawn | None]:
    """The strata of each region of the sampled PECs (`region`, `stratum`); None where one reaches into another region.

    An estimate about a part of a stratum would need that part's N_h, which nobody fixed at the draw.
    """
    pairs = pecs[["region", "stratum"]].dropna().drop_duplicates()
    shared = set(pairs.loc[pairs["stratum"].duplicated(keep=False), "stratum"])
    return {
        str(region): None if shared & set(own) else sample.only([str(s) for s in own])
        for region, own in pairs.groupby("region")["stratum"]
    }


@dataclass(frozen=True)
class Merged:
    """The strata of the PECs that answered, small ones merged."""

    stratum: tuple[str, ...]  # of each PEC
    sizes: dict[str, int]
    parts: dict[str, tuple[str, ...]]


def merge(stratum: Sequence[str], sample: Drawn | None) -> Merged | None:
    """The strata of these PECs as they are estimated from; none where nothing is left to merge with."""
    return None if sample is None or not len(stratum) else _merged(tuple(stratum), sample)


@lru_cache(maxsize=500)  # forty lists are of the same PECs
def _merged(stratum: tuple[str, ...], sample: Drawn) -> Merged | None:
    try:
        strata, sizes, parts = merge_small_strata(stratum, sample.sizes, sample.partners)
        return Merged(tuple(strata.tolist()), sizes, parts)
    except TooFewPecs:
        return None


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their estimates as numbers, missing ones too."""
    margins = ("margin", "design_margin", "shown_margin", "publish_margin")
    named = [name for name in ("value", "low", "high", *margins, "published") if name in rows]
    return rows.assign(**{name: rows[name].astype("float64") for name in named if rows[name].dtype != "float64"})


def clip(limit: float) -> float:
    """A limit of a share, kept between 0 and 1."""
    return min(1.0, max(0.0, limit))
