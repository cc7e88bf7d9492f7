"""How they voted: each PEC's figures by hand and by machine, which come to the published totals."""

from dataclasses import dataclass

import numpy as np

from rehearsal.script import Floats, Integers, Script, apportion
from rehearsal.turnout import Turnout
from rehearsal.world import World

# The machine's night: Ata-Meken's votes, and what the summary showed with preference votes added to them.
MACHINE_LIST, MACHINE_VOTES, MACHINE_SHOWN = "Ata-Meken", 45_306, 78_651
_SMALL_LISTS = 0.047  # share of ballots that no list without a seat comes to


@dataclass(frozen=True)
class Series:
    """One count of the ballots, by hand or by machine: arrays over PECs, votes by PEC and list."""

    found: Integers
    invalid: Integers
    votes: Integers

    @property
    def valid(self) -> Integers:
        return self.found - self.invalid


@dataclass(frozen=True)
class Ballots:
    """What a PEC received and gave out, and its two counts."""

    received: Integers
    issued: Integers
    spoiled: Integers
    unused: Integers
    manual: Series
    machine: Series
    preferences: Integers  # votes for a candidate of the list, on the same ballots

    def lines(self, series: Series, pec: int) -> dict[str, int]:
        """A protocol's lines, named as the commission publishes them."""
        columns = {
            "received": self.received,
            "issued": self.issued,
            "unused": self.unused,
            "spoiled": self.spoiled,
            "found": series.found,
            "valid": series.valid,
            "invalid": series.invalid,
        }
        return {name: int(column[pec]) for name, column in columns.items()}


def ballots(world: World, turnout: Turnout) -> Ballots:
    script, lists = world.script, [item.id for item in world.election.contests[0].lists]
    rng = script.chance("ballots")
    voters = np.array([p.voters for p in world.pecs])
    received = voters + (voters - 1) // 1000  # less than 0.1% more than voters
    spoiled = np.minimum(rng.poisson(0.4, size=len(voters)), received - turnout.issued)
    manual = _manual(world, lists, turnout.found, rng)
    machine = _machine(script, manual, lists.index(MACHINE_LIST), rng)
    preferences = _preferences(machine.votes, lists, world)
    unused = received - turnout.issued - spoiled
    return Ballots(received, turnout.issued, spoiled, unused, manual, machine, preferences)


def _manual(world: World, lists: list[str], found: Integers, rng: np.random.Generator) -> Series:
    """Votes by PEC: every list's total and the invalid ballots as published, every PEC's ballots used up."""
    totals = _totals(world, lists, int(found.sum()), rng)
    regions = sorted({p.region for p in world.pecs})
    at = np.array([regions.index(p.region) for p in world.pecs])
    taste = rng.lognormal(sigma=0.45, size=(len(regions), len(totals)))[at]
    taste *= rng.gamma(6, size=(len(found), len(totals)))
    taste[:, -1] = rng.gamma(20, size=len(found))  # invalid ballots know no region
    cells = _fit(taste, found, totals)
    return Series(found, cells[:, -1], cells[:, :-1])


def _totals(world: World, lists: list[str], found: int, rng: np.random.Generator) -> Integers:
    """Votes of each list in the country, then the invalid ballots; lists that nobody published share the rest."""
    published = {row["list"]: int(row["votes"]) for row in world.script.table("results_single_constituency")}
    invalid = int(world.script.figures["invalid_ballots"])
    # By hand a little more than by machine: ballots that machines took for invalid.
    published[MACHINE_LIST] = MACHINE_VOTES + 190
    others = [name for name in lists if name not in published]
    rest = found - invalid - sum(published[name] for name in lists if name in published)
    most = np.full(len(others), int(found * _SMALL_LISTS))
    shares = apportion(np.asarray(rng.lognormal(sigma=0.7, size=len(others))), rest, most)
    published |= dict(zip(others, shares.tolist(), strict=True))
    return np.array([*(published[name] for name in lists), invalid])


def _fit(weights: Floats, rows: Integers, columns: Integers) -> Integers:
    """Whole numbers near the weights with these sums of rows and columns."""
    cells = weights.copy()
    for _ in range(60):
        cells *= (columns / cells.sum(axis=0))[None, :]
        cells *= (rows / cells.sum(axis=1))[:, None]
    whole = np.floor(cells).astype(np.int64)
    short = rows - whole.sum(axis=1)
    order = np.argsort(-(cells - whole), axis=1, kind="stable")
    for rank in range(int(short.max())):
        open_rows = np.flatnonzero(short > rank)
        whole[open_rows, order[open_rows, rank]] += 1
    _settle(whole, columns)
    return whole


def _settle(cells: Integers, columns: Integers) -> None:
    """Bring each column to its sum: one ballot at a time from a column with too many, within a row."""
    excess = cells.sum(axis=0) - columns
    while excess.any():
        rich, poor = int(excess.argmax()), int(excess.argmin())
        moves = int(min(excess[rich], -excess[poor], len(cells)))
        rows = np.argsort(-cells[:, rich], kind="stable")[:moves]
        cells[rows, rich] -= 1
        cells[rows, poor] += 1
        excess[rich] -= moves
        excess[poor] += moves


def _machine(script: Script, manual: Series, watched: int, rng: np.random.Generator) -> Series:
    """The scanners' count: some ballots taken for invalid that a hand count reads; at a few PECs more goes wrong."""
    votes, invalid, found = manual.votes.copy(), manual.invalid.copy(), manual.found.copy()
    misreads = script.fault("machine_misreads")
    unread = np.minimum(rng.poisson(2.0 if misreads else 0.4, size=len(found)), votes.sum(axis=1) // 4)
    for row in np.flatnonzero(unread):
        taken = rng.multivariate_hypergeometric(votes[row], int(unread[row]))
        votes[row] -= taken
        invalid[row] += unread[row]
    if misreads:
        for row in np.flatnonzero(rng.random(len(found)) < misreads.share):
            missed = min(int(rng.integers(1, 6)), int(invalid[row]))
            invalid[row] -= missed
            found[row] -= missed
    _bring(votes, invalid, watched, MACHINE_VOTES, rng)
    return Series(found, invalid, votes)


def _bring(votes: Integers, invalid: Integers, column: int, total: int, rng: np.random.Generator) -> None:
    """Bring one list to its total: single ballots between it and the invalid ones, at PECs that have both."""
    excess = int(votes[:, column].sum()) - total
    able = (votes[:, column] if excess > 0 else invalid) > 0
    rows = rng.choice(np.flatnonzero(able), abs(excess), replace=False)
    votes[rows, column] -= np.sign(excess)
    invalid[rows] += np.sign(excess)


def _preferences(votes: Integers, lists: list[str], world: World) -> Integers:
    """Preference votes on the machine's ballots; 'against all' has no candidates."""
    watched = lists.index(MACHINE_LIST)
    share = (MACHINE_SHOWN - MACHINE_VOTES) / MACHINE_VOTES
    counted: Integers = np.floor(votes * share).astype(np.int64)
    weights: Floats = votes[:, watched].astype(np.float64)
    counted[:, watched] = apportion(weights, MACHINE_SHOWN - MACHINE_VOTES, votes[:, watched])
    for k, item in enumerate(world.election.contests[0].lists):
        if item.against_all:
            counted[:, k] = 0
    return counted
