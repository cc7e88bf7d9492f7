"""Tier C of the checks: what is unlike the rest and worth a look. Never a verdict, and no digit tests.

Each check gives every PEC that it judges a p-value, and Benjamini-Hochberg keeps those of which at most a twentieth
are there by chance. A PEC is judged by its manual protocol, by its machine count where there is none yet.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from elections.config import Contest, Election
from queries.check_kinds import Outcome, outcome
from queries.sheets import Floats, Rows, Sheets

FALSE_DISCOVERIES = 0.05
LEAST_PECS = 10  # in a district: fewer have no usual value
LEAST_BALLOTS = 30  # found: fewer say nothing about a share
_MAD = 1.4826  # a normal's standard deviation in median absolute deviations
_KEYS = ["contest", "count", "scope", "place", "hour", "payload"]
Words = NDArray[np.str_]
_Found = tuple[pd.DataFrame, list[tuple[str, str, str, str, int]]]


def to_look_at(election: Election, published: Sheets, frame: pd.DataFrame) -> Outcome:
    """`frame`: the PECs with district and registered_voters."""
    found: list[_Found] = []
    for contest in election.contests:
        protocols = published.of(contest=contest.id, scope="pec")
        counts = protocols.rows["count"].to_numpy()
        machine, manual = protocols.where(counts == "machine"), protocols.where(counts == "manual")
        if not len(machine.rows) and not len(manual.rows):
            continue
        own = _latest(protocols, machine, manual)
        about = own.rows[["place"]].merge(frame, left_on="place", right_on="pec", how="left")
        ballots, voters = own.line("found"), own.line("registered")
        known = about["registered_voters"].to_numpy(dtype=np.float64, na_value=np.nan)
        voters = np.where(np.isfinite(voters), voters, known)
        district = about["district"].fillna("").to_numpy(dtype=str)
        found += [
            _over_list(own, ballots, known),
            _unlike("turnout_unlike", own, ballots, voters, district),
            _unlike("invalid_unlike", own, own.line("invalid"), ballots, district),
            _machine_manual(contest, machine, manual),
            _same_figures(contest, own),
        ]
    return outcome([f for f, _ in found], [j for _, judged in found for j in judged])


def _latest(protocols: Sheets, machine: Sheets, manual: Sheets) -> Sheets:
    """Each PEC's manual protocol, or its machine count where there is none."""
    counts = protocols.rows["count"].to_numpy()
    only_machine = (counts == "machine") & ~protocols.rows["place"].isin(manual.rows["place"]).to_numpy()
    return protocols.where((counts == "manual") | only_machine)


def _over_list(own: Sheets, ballots: Floats, voters: Floats) -> _Found:
    there = np.isfinite(ballots) & np.isfinite(voters) & (voters > 0)
    with np.errstate(invalid="ignore"):
        over: Rows = there & (ballots > voters)
    rows = own.rows.loc[over, _KEYS].assign(check="turnout_over_list", line="found", left=ballots[over],
                                            right=voters[over], difference=(ballots - voters)[over])  # fmt: skip
    return rows, _judged("turnout_over_list", own, there)


def _unlike(check: str, own: Sheets, part: Floats, whole: Floats, district: Words) -> _Found:
    """Shares that are unlike their district's. The scale has the chance of few ballots in it besides the MAD."""
    there: Rows = np.isfinite(part) & np.isfinite(whole) & (whole >= LEAST_BALLOTS) & (district != "")
    at = np.flatnonzero(there)
    share = part[at] / whole[at]
    rows = pd.DataFrame({"share": share, "district": district[at]})
    by = rows.groupby("district")["share"]
    middle, size = by.transform("median"), by.transform("size").to_numpy()
    spread = _MAD * (rows["share"] - middle).abs().groupby(rows["district"]).transform("median").to_numpy()
    usual = middle.to_numpy()
    scale = np.sqrt(spread**2 + np.clip(usual, 0.001, 0.999) * (1 - np.clip(usual, 0.001, 0.999)) / whole[at])
    judged: Rows = size >= LEAST_PECS
    p = 2 * stats.t.sf(np.abs(share - usual) / scale, np.maximum(size - 1, 1))
    kept = np.flatnonzero(judged)[discoveries(p[judged])]
    found = own.rows.iloc[at[kept]][_KEYS].assign(check=check, line="", left=share[kept], right=usual[kept],
                                                  difference=(share - usual)[kept], p=p[kept])  # fmt: skip
    chosen = np.zeros(len(there), dtype=np.bool_)
    chosen[at[judged]] = True
    return found, _judged(check, own, chosen)


def _machine_manual(contest: Contest, machine: Sheets, manual: Sheets) -> _Found:
    """How many votes went elsewhere by hand than by machine, at the PECs that have both."""
    both = manual.rows[["place"]].reset_index().merge(machine.rows[["place"]].reset_index(), on="place")
    names = [item.id for item in contest.lists]
    by_hand, by_machine = manual.block(names)[both["index_x"]], machine.block(names)[both["index_y"]]
    moved = np.abs(by_hand - by_machine).sum(axis=1)
    there: Rows = np.isfinite(moved)
    if there.sum() < LEAST_PECS:
        return pd.DataFrame(), []
    rows, moved = manual.rows.iloc[both["index_x"][there]], moved[there]
    usual = float(np.median(moved))
    scale = max(_MAD * float(np.median(np.abs(moved - usual))), np.sqrt(max(usual, 1.0)))
    p = stats.t.sf((moved - usual) / scale, len(moved) - 1)
    kept = discoveries(p)
    found = rows.iloc[kept][_KEYS].assign(check="machine_manual", line="", left=moved[kept], right=usual,
                                          difference=moved[kept] - usual, p=p[kept])  # fmt: skip
    return found, [("machine_manual", contest.id, "manual", "pec", len(rows))]


def _same_figures(contest: Contest, own: Sheets) -> _Found:
    """PECs with the same votes list by list. The chance is that of one PEC's votes coming out so, times the pairs."""
    names = [item.id for item in contest.lists]
    figures = own.block([*names, "valid", "invalid"])
    there: Rows = np.isfinite(figures).sum(axis=1) == figures.shape[1]
    at = np.flatnonzero(there)
    if len(at) < 2:
        return pd.DataFrame(), []
    whole = figures[at]
    _, first, group = np.unique(whole, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group.ravel()] != np.arange(len(at)))
    votes = whole[:, : len(names)]
    share = np.clip(votes.sum(axis=0) / max(votes.sum(), 1), 1e-6, 1)
    own_votes = votes[again]
    chance = special.gammaln(own_votes.sum(axis=1) + 1) - special.gammaln(own_votes + 1).sum(axis=1)
    chance += (own_votes * np.log(share)).sum(axis=1)
    p = np.minimum(1.0, np.exp(chance) * len(at) * (len(at) - 1) / 2)
    kept = np.flatnonzero(p <= FALSE_DISCOVERIES)  # the pairs are in p already
    places = own.rows["place"].to_numpy()
    found = own.rows.iloc[at[again[kept]]][_KEYS].assign(
        check="same_figures", line="", left=own_votes[kept].sum(axis=1), right=own_votes[kept].sum(axis=1),
        difference=0.0, other=places[at[first[group.ravel()][again[kept]]]], p=p[kept])  # fmt: skip
    return found, _judged("same_figures", own, there)


def discoveries(p: ArrayLike, share: float = FALSE_DISCOVERIES) -> NDArray[np.intp]:
    """The places of the p-values that Benjamini and Hochberg keep: of these, `share` are there by chance at most."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    under = np.flatnonzero(values[order] <= share * np.arange(1, len(values) + 1) / max(len(values), 1))
    return order[: under[-1] + 1] if len(under) else order[:0]


def _judged(check: str, own: Sheets, there: Rows) -> list[tuple[str, str, str, str, int]]:
    counted = own.rows[there].groupby(["contest", "count"]).size()
    return [(check, str(key[0]), str(key[1]), "pec", int(n)) for key, n in counted.items() if isinstance(key, tuple)]
