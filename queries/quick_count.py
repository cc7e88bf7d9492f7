"""The quick count: shares of lists, of 'against all' and of invalid ballots from the observers' protocols.

The estimator and the light of turnout, with valid ballots in the place of the voters on the list (for invalid ballots:
ballots found). All of it is under embargo until the hour that the configuration sets; who shows it sees to that.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from elections.config import Contest
from queries import sample
from queries.counts import order_of_receipt
from queries.moment import Moment
from queries.protocol_fields import COPIES, fields
from queries.sheets import Sheets, sheets
from queries.turnout import estimate_columns, shown_with_light

INVALID = "invalid"  # as a list: the share of the ballots found that are invalid
_UNUSABLE = ("conflict", "copy_not_obtained", "not_observed")
_PUBLISHED = ["published", "published_votes", "published_base", "published_pecs"]
_MACHINE = ["machine", "machine_votes", "machine_base", "machine_pecs"]
COLUMNS = ["contest", "list", "value", "low", "high", "margin", "confidence", "n", "of", "light", "drift",
           "worst_case", "reasons", "merged_strata", *COPIES, *_PUBLISHED, *_MACHINE, "published_of"]  # fmt: skip


def quick_count(m: Moment, contest: str | None = None) -> pd.DataFrame:
    """One row a contest and list, 'against all' among them, and one of the invalid ballots (list: 'invalid').

    value, low, high: the share of valid ballots (of the invalid: of those found) and the interval shown, none of them
    under a red light; margin (the computed one), confidence, n (PECs with an obtained copy that has every list's
    votes), of (sampled), light, drift, worst_case, reasons, merged_strata: as of `turnout`. certified, photographed,
    promised, refused, conflict: sampled PECs by what became of the copy. The commission's manual protocols inside the
    country: published (the same share), published_votes, published_base, published_pecs; the scanners': machine,
    machine_votes, machine_base, machine_pecs; published_of (PECs inside the country).
    """
    rows = [row for c in _contests(m, contest) for row in _rows(c, m)]
    return sample.numbers(pd.DataFrame(rows, columns=COLUMNS)).astype({"machine": "float64"})


def by_district(m: Moment, contest: str | None = None, district: str | None = None) -> pd.DataFrame:
    """Counts alone, one row a contest, district and list: a district has too few sampled PECs for an estimate.

    votes, ballots (valid ones, for the invalid those found) of the n PECs with an obtained copy that has every list's
    votes, of (sampled), why ('too_few_sampled').
    """
    pecs = sample.pecs(m)
    places = pd.Index([d.id for d in m.election.districts if district in (None, d.id)], name="district")
    parts = []
    for c in _contests(m, contest):
        said = _protocols(c, m).merge(pecs[["pec", "district"]], on="pec")
        for name, base in _shares(c):
            own = pd.DataFrame({"votes": said[name], "ballots": said[base], "n": 1, "district": said["district"]})
            counts = own[own["votes"].notna() & (own["ballots"] > 0)].groupby("district").sum()
            parts.append(counts.reindex(places, fill_value=0).reset_index().assign(contest=c.id, list=name))
    columns = ["contest", "district", "list", "votes", "ballots", "n", "of", "why"]
    if not parts:
        return pd.DataFrame(columns=columns)
    of = pecs["district"].value_counts()
    rows = pd.concat(parts, ignore_index=True).assign(why="too_few_sampled")
    rows["of"] = rows["district"].map(of).fillna(0)
    return rows.astype(dict.fromkeys(["votes", "ballots", "n", "of"], "int64"))[columns]


def _contests(m: Moment, contest: str | None) -> list[Contest]:
    return [c for c in m.election.contests if c.protocol_form and contest in (None, c.id)]


def _shares(contest: Contest) -> list[tuple[str, str]]:
    """What there is a share of, and of which line."""
    return [*((item.id, "valid") for item in contest.lists), (INVALID, "found")]


def _protocols(contest: Contest, m: Moment) -> pd.DataFrame:
    """The observers' protocols that can be used, one row a PEC, each field a column: those with every list's votes."""
    lists = [item.id for item in contest.lists]
    told = fields(m, contest.id)
    told = told[~told["state"].isin(_UNUSABLE)]
    wide = told.pivot_table(index="pec", columns="field", values="observed", dropna=False)
    return wide.reindex(columns=[*lists, "valid", "invalid", "found"]).dropna(subset=[*lists, "valid"]).reset_index()


def _rows(contest: Contest, m: Moment) -> Iterator[dict[str, Any]]:
    pecs, drawn = sample.pecs(m), sample.drawn(m.election)
    said = _protocols(contest, m).merge(pecs[["pec", "stratum"]], on="pec")
    came = order_of_receipt(m)
    came = came[came["form"] == contest.protocol_form]
    said = said.merge(came[["pec", "order"]], on="pec", how="left")
    # looked up once a list and stratum: objects are, strings of Arrow are converted each time
    said = said[said["stratum"].isin(drawn.sizes)].astype({"pec": "object", "stratum": "object"})
    # what they counted is not known: as many as a PEC on the average
    missing = pecs.astype({"pec": "object", "stratum": "object"}).assign(registered_voters=np.nan)
    copies = _copies(contest, m)
    manual, machine = _Inside(contest, m, "manual"), _Inside(contest, m, "machine")
    for name, base in _shares(contest):
        own = said.assign(number=said[name], registered_voters=said[base])
        own = own[own["number"].notna() & (own["registered_voters"] > 0)]
        shown, value, merged = shown_with_light(m.election, own, missing, drawn)
        yield {
            "contest": contest.id,
            "list": name,
            **estimate_columns(m.election, shown, value, merged),
            "n": len(own),
            "of": drawn.of,
            **copies,
            **dict(zip(_PUBLISHED, manual.share(name, base), strict=True)),
            **dict(zip(_MACHINE, machine.share(name, base), strict=True)),
            "published_of": manual.of,
        }


def _copies(contest: Contest, m: Moment) -> dict[str, int]:
    """How many sampled PECs say what of their copy."""
    copies = fields(m, contest.id).drop_duplicates("pec")["copy"].value_counts()
    return {copy: int(copies.get(copy, 0)) for copy in COPIES}


class _Inside:
    """The commission's protocols of one count inside the country."""

    def __init__(self, contest: Contest, m: Moment, count: str) -> None:
        abroad = [r.id for r in m.election.regions if r.abroad]
        frame = m.frame("select pec, region from pec_now")
        inside = set(frame.loc[~frame["region"].isin(abroad), "pec"])
        every = sheets(m).of(contest=contest.id, scope="pec", count=count)
        own = np.array([place in inside for place in every.keys["place"]], dtype=np.bool_)
        self._protocols: Sheets = every.where(own)
        self.of = len(inside)

    def share(self, name: str, base: str) -> tuple[float | None, int, int, int]:
        """The share, votes, ballots and PECs of the protocols that have both lines."""
        votes, ballots = self._protocols.line(name), self._protocols.line(base)
        both = ~np.isnan(votes) & ~np.isnan(ballots)
        counted, whole = float(votes[both].sum()), float(ballots[both].sum())
        return counted / whole if whole > 0 else None, round(counted), round(whole), int(both.sum())
