"""Tier C of the checks: what is unlike the rest and worth a look. Never a verdict, and no digit tests.

Each check gives every PEC that it judges a p-value, and Benjamini-Hochberg keeps those of which at most a twentieth
are there by chance. A PEC is judged by its manual protocol, by its machine count where there is none yet.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from elections.config import Contest, Election
from queries.check_kinds import Columns, Outcome
from queries.checks_a import OBSERVED, Judged, at, judged
from queries.feed import VOTED
from queries.sheets import Floats, Rows, Sheets

FALSE_DISCOVERIES = 0.05
LEAST_PECS = 10  # in a district: fewer have no usual value
LEAST_BALLOTS = 30  # found: fewer say nothing about a share
_MAD = 1.4826  # a normal's standard deviation in median absolute deviations
_Found = tuple[list[Columns], Judged]


def to_look_at(
    election: Election, published: Sheets, frame: pd.DataFrame, steps: pd.DataFrame, counted: pd.DataFrame
) -> Outcome:
    """`frame`: the PECs with district, stratum and registered_voters; `steps`: of `feed`; `counted`: of `counts`."""
    found: list[_Found] = []
    places = frame["pec"].tolist()
    voters_of = dict(zip(places, frame["registered_voters"].astype("float64").tolist(), strict=True))
    number = {d: i for i, d in enumerate(frame["district"].dropna().unique())}
    district_of = dict(zip(places, (number.get(d, -1) for d in frame["district"]), strict=True))
    for contest in election.contests:
        protocols = published.of(contest=contest.id, scope="pec")
        machine, manual = protocols.of(count="machine"), protocols.of(count="manual")
        own = _latest(protocols)
        ballots, voters = own.line("found"), own.line("registered")
        known = np.array([voters_of.get(place, np.nan) for place in own.keys["place"]])
        voters = np.where(np.isfinite(voters), voters, known)
        district = np.array([district_of.get(place, -1) for place in own.keys["place"]], dtype=np.int64)
        found += [
            _over_list(own, ballots, known),
            _unlike("turnout_unlike", own, ballots, voters, district),
            _unlike("invalid_unlike", own, own.line("invalid"), ballots, district),
            _machine_manual(contest, machine, manual),
            _same_figures(contest, own),
        ]
    found += [
        _jumps("turnout_jump", steps[steps["scope"] == "pec"], frame, "district"),
        _jumps("observed_turnout_jump", _between(counted), frame, "stratum"),
    ]
    return Outcome([f for parts, _ in found for f in parts], [j for _, made in found for j in made])


def _between(counted: pd.DataFrame) -> pd.DataFrame:
    """The observers' counts beside that of the hour before, as `feed.steps` has the commission's."""
    named = {"pec": "place", "number": "count", "earlier": "earlier_count"}
    rows = counted[["contest", "hour", "pec", "number", "earlier", "earlier_hour"]].rename(columns=named)
    return rows.assign(scope="pec", payload=0)


def _jumps(check: str, steps: pd.DataFrame, frame: pd.DataFrame, around: str) -> _Found:
    """How many came since the hour before, against the PECs of the same district or stratum in the same hours.

    A count that fell is another check's.
    """
    rows = steps[steps["count"] >= steps["earlier_count"]]
    known = frame.set_index("pec")[[around, "registered_voters"]].reindex(rows["place"])
    alike = pd.MultiIndex.from_arrays([rows["contest"], rows["earlier_hour"], rows["hour"], known[around]])
    group, _ = pd.factorize(alike)
    group[known[around].isna().to_numpy()] = -1
    keys = {name: rows[name].to_numpy(dtype=object) for name in ("contest", "scope", "place", "hour", "payload")}
    keys |= {"count": np.full(len(rows), "turnout" if check == "turnout_jump" else OBSERVED, dtype=object)}
    own = Sheets(keys, (), np.empty((len(rows), 0)))
    came = (rows["count"] - rows["earlier_count"]).to_numpy(dtype=np.float64)
    voters = known["registered_voters"].to_numpy(dtype=np.float64)
    return _unlike(check, own, came, voters, group, VOTED, rows["earlier_hour"].to_numpy(dtype=object))


def _latest(protocols: Sheets) -> Sheets:
    """Each PEC's manual protocol, or its machine count where there is none."""
    manual: Rows = protocols.keys["count"] == "manual"
    by_hand = set(protocols.keys["place"][manual])
    counts = zip(protocols.keys["place"], protocols.keys["count"], strict=True)
    only_machine = [count == "machine" and place not in by_hand for place, count in counts]
    return protocols.where(manual | np.array(only_machine, dtype=np.bool_))


def _over_list(own: Sheets, ballots: Floats, voters: Floats) -> _Found:
    with np.errstate(invalid="ignore"):
        there: Rows = np.isfinite(ballots) & (voters > 0)
        over: Rows = there & (ballots > voters)
    found = at(own, over, "turnout_over_list", line="found", left=ballots[over], right=voters[over],
               difference=(ballots - voters)[over])  # fmt: skip
    return [found], judged("turnout_over_list", own, there)


def _unlike(
    check: str,
    own: Sheets,
    part: Floats,
    whole: Floats,
    group: NDArray[np.int64],
    line: str = "",
    other: NDArray[Any] | None = None,
) -> _Found:
    """Shares that are unlike their group's (-1: it has none). The scale has the chance of few ballots in it besides
    the MAD."""
    with np.errstate(invalid="ignore"):
        there: Rows = np.isfinite(part) & (whole >= LEAST_BALLOTS) & (group >= 0)
    pecs = np.bincount(group[there], minlength=int(group.max(initial=0)) + 1)
    there &= pecs[group] >= LEAST_PECS
    if not there.any():
        return [], []
    chosen = np.flatnonzero(there)[np.argsort(group[there], kind="stable")]
    of = group[chosen]
    share, size = part[chosen] / whole[chosen], pecs[of]
    middles = _medians(share, of)
    spreads = _MAD * _medians(np.abs(share - middles), of)
    likely = np.clip(middles, 0.001, 0.999)
    scale = np.sqrt(spreads**2 + likely * (1 - likely) / whole[chosen])
    p = np.asarray(2 * special.stdtr(size - 1, -np.abs(share - middles) / scale), dtype=np.float64)
    kept = discoveries(p)
    found = at(own, chosen[kept], check, line=line, left=share[kept], right=middles[kept],
               difference=(share - middles)[kept], other=None if other is None else other[chosen[kept]],
               p=p[kept])  # fmt: skip
    return [found], judged(check, own, there)


def _medians(values: Floats, group: NDArray[np.int64]) -> Floats:
    """The median of each one's group; the groups are one after the other."""
    ordered = values[np.lexsort((values, group))]
    _, first, which, size = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    medians = (ordered[first + (size - 1) // 2] + ordered[first + size // 2]) / 2
    return np.asarray(medians[which], dtype=np.float64)


def _machine_manual(contest: Contest, machine: Sheets, manual: Sheets) -> _Found:
    """How many votes went elsewhere by hand than by machine, at the PECs that have both."""
    place = {p: i for i, p in enumerate(machine.keys["place"])}
    pairs = [(i, place[p]) for i, p in enumerate(manual.keys["place"]) if p in place]
    if len(pairs) < LEAST_PECS:
        return [], []
    by_hand, by_machine = np.array(pairs).T
    names = [item.id for item in contest.lists]
    moved = np.abs(manual.block(names)[by_hand] - machine.block(names)[by_machine]).sum(axis=1)
    by_hand, moved = by_hand[np.isfinite(moved)], moved[np.isfinite(moved)]
    usual = float(np.median(moved)) if len(moved) else 0.0
    scale = max(_MAD * float(np.median(np.abs(moved - usual))), np.sqrt(max(usual, 1.0))) if len(moved) else 1.0
    p = special.stdtr(max(len(moved) - 1, 1), -(moved - usual) / scale)
    kept = discoveries(p)
    found = at(manual, by_hand[kept], "machine_manual", line="", left=moved[kept], right=usual,
               difference=moved[kept] - usual, p=p[kept])  # fmt: skip
    return [found], [("machine_manual", (contest.id, "manual", "pec"), len(moved))]


def _same_figures(contest: Contest, own: Sheets) -> _Found:
    """PECs with the same votes list by list. The chance is that of one PEC's votes coming out so, times the pairs."""
    names = [item.id for item in contest.lists]
    figures = own.block([*names, "valid", "invalid"])
    there: Rows = np.isfinite(figures).sum(axis=1) == figures.shape[1]
    rows = np.flatnonzero(there)
    first: dict[bytes, int] = {}
    pairs = [(int(r), f) for r in rows if (f := first.setdefault(figures[r].tobytes(), int(r))) != r]
    if not pairs:
        return [], judged("same_figures", own, there)
    again, before = np.array(pairs).T
    whole = figures[rows, : len(names)].sum(axis=0)
    share = np.clip(whole / max(whole.sum(), 1), 1e-6, 1)
    votes = figures[again, : len(names)]
    chance = special.gammaln(votes.sum(axis=1) + 1) - special.gammaln(votes + 1).sum(axis=1)
    chance += (votes * np.log(share)).sum(axis=1)
    p = np.minimum(1.0, np.exp(chance) * len(rows) * (len(rows) - 1) / 2)
    kept = np.flatnonzero(p <= FALSE_DISCOVERIES)  # the number of pairs is in p already
    found = at(own, again[kept], "same_figures", line="", left=votes[kept].sum(axis=1),
               right=votes[kept].sum(axis=1), difference=0.0, other=own.keys["place"][before[kept]],
               p=p[kept])  # fmt: skip
    return [found], judged("same_figures", own, there)


def discoveries(p: ArrayLike, share: float = FALSE_DISCOVERIES) -> NDArray[np.intp]:
    """The places of the p-values that Benjamini and Hochberg keep: of these, `share` are there by chance at most."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    under = np.flatnonzero(values[order] <= share * np.arange(1, len(values) + 1) / max(len(values), 1))
    return order[: under[-1] + 1] if len(under) else order[:0]
