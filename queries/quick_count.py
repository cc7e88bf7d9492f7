"""The quick count: shares of lists, of 'against all' and of invalid ballots from the observers' protocols.

The estimator and the light of turnout, with valid ballots in the place of the voters on the list (for invalid ballots:
ballots found). All of it is under embargo until the hour that the configuration sets; who shows it sees to that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from elections.config import Contest
from queries import sample
from queries.counts import order_of_receipt
from queries.kept import KeptOfFacts, KeptOfMoment
from queries.light import COLOURS, Colour
from queries.moment import Moment
from queries.protocol_fields import COPIES, OBTAINED, fields
from queries.sheets import Floats, Rows, Sheets, sheets
from queries.turnout import estimate_columns, estimate_shown

INVALID = "invalid"  # as a list: the share of the ballots found that are invalid
_LINES = ("valid", "invalid", "found")  # that there is a share of, or in
_UNUSABLE = ("conflict", "copy_not_obtained", "not_observed")
PUBLISHED = ["published", "published_votes", "published_base", "published_pecs"]
MACHINE = ["machine", "machine_votes", "machine_base", "machine_pecs"]
COLUMNS = ["contest", "list", "value", "low", "high", "margin", "confidence", "n", "of", "light", "drift",
           "worst_case", "reasons", "merged_strata", *COPIES, *PUBLISHED, *MACHINE, "published_of"]  # fmt: skip


def quick_count(m: Moment, contest: str | None = None) -> pd.DataFrame:
    """One row a contest and list, 'against all' among them, and one of the invalid ballots (list: 'invalid').

    value, low, high: the share of valid ballots (of the invalid: of those found) and the interval shown, none of them
    under a red light; margin (the computed one), confidence, n (PECs with an obtained copy that has every list's
    votes), of (sampled), light, drift, worst_case, reasons, merged_strata: as of `turnout`. certified, photographed,
    promised, refused, conflict: sampled PECs by what became of the copy. The commission's manual protocols inside the
    country: published (the same share), published_votes, published_base, published_pecs; the scanners': machine,
    machine_votes, machine_base, machine_pecs; published_of (PECs inside the country).
    """
    every = _ROWS.of(m)
    rows = [row for c in _contests(m, contest) for row in every[c.id]]
    return sample.numbers(pd.DataFrame(rows, columns=COLUMNS)).astype({"machine": "float64"})


def lights(shares: pd.DataFrame) -> dict[Colour, int]:
    """How many of these shares have each light, best first; a light that none of them has is not there."""
    counts = shares["light"].value_counts()
    return {light: int(counts[light]) for light in COLOURS if light in counts}


def shown(shares: pd.DataFrame) -> int:
    """How many of these shares have a number."""
    return int((shares["light"] != "red").sum())


def obtained(shares: pd.DataFrame) -> int:
    """The sampled PECs of which an observer has a copy, certified or photographed: the same for all of these shares."""
    return int(shares.iloc[0][[*OBTAINED]].sum())


def by_district(m: Moment, contest: str | None = None, district: str | None = None) -> pd.DataFrame:
    """Counts alone, one row a contest, district and list: a district has too few sampled PECs for an estimate.

    votes, ballots (valid ones, for the invalid those found) of the n PECs with an obtained copy that has every list's
    votes, of (sampled), why ('too_few_sampled').
    """
    pecs, usable = sample.pecs(m), _USABLE.of(m)
    places = pd.Index([d.id for d in m.election.districts if district in (None, d.id)], name="district")
    districts = dict(zip(pecs["pec"], pecs["district"], strict=True))
    parts = []
    for c in _contests(m, contest):
        said, shares = usable[c.id], _shares(c)
        place = places.get_indexer(pd.Index([districts[pec] for pec in said.pecs], dtype="object"))
        counts = np.zeros((len(shares), len(places), 3))  # votes, ballots, PECs
        for own, (name, base) in zip(counts, shares, strict=True):
            used = said.used(name, base) & (place >= 0)
            np.add.at(own, place[used], np.column_stack([said.line(name), said.line(base), np.ones(len(place))])[used])
        named = {"district": np.tile(places, len(shares)), "list": np.repeat([name for name, _ in shares], len(places))}
        numbers = zip(("votes", "ballots", "n"), counts.reshape(-1, 3).T, strict=True)
        parts.append(pd.DataFrame({**named, **dict(numbers), "contest": c.id}))
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


@dataclass(frozen=True)
class _Usable:
    """The observers' protocols of a contest that can be used: of the PECs in order, those with every list's votes."""

    pecs: list[str]
    lines: tuple[str, ...]
    figures: Floats  # a PEC x a line

    def line(self, name: str) -> Floats:
        return np.asarray(self.figures[:, self.lines.index(name)])

    def used(self, name: str, base: str) -> Rows:
        """Where there is a share of one line in another."""
        return np.isfinite(self.line(name)) & (self.line(base) > 0)


def _usable(contest: Contest, m: Moment) -> _Usable:
    lists = [item.id for item in contest.lists]
    lines = (*lists, *_LINES)
    told = fields(m, contest.id)
    told = told[~told["state"].isin(_UNUSABLE)]
    row, pecs = pd.factorize(told["pec"], sort=True)
    column = pd.Index(lines).get_indexer(pd.Index(told["field"]))
    figures = np.full((len(pecs), len(lines) + 1), np.nan)
    figures[row, column] = told["observed"]  # a line that is none of these goes to the last column
    whole: Rows = np.isfinite(figures[:, [*range(len(lists)), lines.index("valid")]]).all(axis=1)
    return _Usable(np.asarray(pecs)[whole].tolist(), lines, figures[whole, :-1])


_USABLE = KeptOfMoment(lambda m: {c.id: _usable(c, m) for c in _contests(m, None)})


def _rows(contest: Contest, m: Moment) -> Iterator[dict[str, Any]]:
    pecs, drawn, said = sample.pecs(m), sample.drawn(m.election), _USABLE.of(m)[contest.id]
    came = order_of_receipt(m)
    came = came[came["form"] == contest.protocol_form]
    order_of = dict(zip(came["pec"], came["order"].astype("float64"), strict=True))
    strata = {pec: s for pec, s in zip(pecs["pec"], pecs["stratum"], strict=True) if s in drawn.sizes}
    drawn_there = np.array([pec in strata for pec in said.pecs], dtype=np.bool_)
    stratum = np.array([strata.get(pec) for pec in said.pecs], dtype=object)
    order = np.array([order_of.get(pec, np.nan) for pec in said.pecs], dtype=np.float64)
    copies = _copies(contest, m)
    manual, machine = _Inside(contest, m, "manual"), _Inside(contest, m, "machine")
    for name, base in _shares(contest):
        own = np.flatnonzero(said.used(name, base) & drawn_there)
        there = {said.pecs[i] for i in own}
        missing = [s for pec, s in strata.items() if pec not in there]
        shown, value, merged = estimate_shown(
            m.election,
            drawn,
            y=said.line(name)[own].tolist(),
            x=said.line(base)[own].tolist(),
            stratum=stratum[own].tolist(),
            order=order[own].tolist(),
            missing=missing,
            missing_x=np.full(len(missing), np.nan).tolist(),  # not known: as many as a PEC on the average
        )
        yield {
            "contest": contest.id,
            "list": name,
            **estimate_columns(m.election, shown, value, merged),
            "n": len(own),
            "of": drawn.of,
            **copies,
            **dict(zip(PUBLISHED, manual.share(name, base), strict=True)),
            **dict(zip(MACHINE, machine.share(name, base), strict=True)),
            "published_of": manual.of,
        }


_ROWS = KeptOfMoment(lambda m: {c.id: list(_rows(c, m)) for c in _contests(m, None)})


def _copies(contest: Contest, m: Moment) -> dict[str, int]:
    """How many sampled PECs say what of their copy."""
    copies = fields(m, contest.id).drop_duplicates("pec")["copy"].value_counts()
    return {copy: int(copies.get(copy, 0)) for copy in COPIES}


_FRAME = KeptOfFacts(lambda m: m.frame("select pec, region from pec_now").astype("object"), "pec")


class _Inside:
    """The commission's protocols of one count inside the country."""

    def __init__(self, contest: Contest, m: Moment, count: str) -> None:
        abroad = [r.id for r in m.election.regions if r.abroad]
        frame = _FRAME.of(m)
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
