"""How many came to vote: at each PEC by hour as its observers see it, by region as the commission says."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rehearsal.script import Floats, Integers, Mask, apportion
from rehearsal.world import World

HOURS = ("10:00", "12:00", "14:00", "16:00", "18:00", "20:00")
_SPREAD = 0.5  # of a PEC's turnout around its region's, in log odds
_TEMPO = 0.09  # of a PEC's busy hours around the country's


@dataclass(frozen=True)
class Turnout:
    """Arrays over the world's PECs."""

    voted: dict[str, Integers]  # by hour, as an observer inside counts them
    issued: Integers  # voters who received a ballot
    found: Integers  # ballots in the boxes


def turnout(world: World) -> Turnout:
    rng = world.script.chance("turnout")
    voters = np.array([p.voters for p in world.pecs])
    sampled = np.array([p.pec in world.in_sample for p in world.pecs])
    abroad = np.array([p.stratum is None for p in world.pecs])
    rates = np.array([world.script.rates[p.region] for p in world.pecs])
    odds = np.log(rates / (1 - rates)) + rng.normal(scale=_SPREAD, size=len(rates))
    kept = np.minimum(rng.poisson(0.15, size=len(rates)), 2)  # ballots that voters carried away
    estimate = _estimator(world, voters, sampled)

    issued = np.zeros(len(voters), dtype=np.int64)
    final = world.script.observed[HOURS[-1]]
    shift = _solve(lambda s: estimate(_rate(odds + s) * voters) - final)
    issued[sampled] = np.round(_rate(odds + shift) * voters)[sampled]
    found = issued - np.where(sampled, kept, 0)
    elsewhere = world.script.found - world.script.found_abroad - int(found[sampled].sum())
    for group, total in ((abroad, world.script.found_abroad), (~abroad & ~sampled, elsewhere)):
        shift = _solve(lambda s, g=group, t=total: float((_rate(odds + s) * voters)[g].sum()) - t)  # type: ignore[misc]  # -- defaults bind
        found[group] = apportion((_rate(odds + shift) * voters)[group], total, voters[group] - 5)
        issued[group] = found[group] + kept[group]
    return Turnout(_by_hour(world, issued, estimate, rng), issued, found)


def _by_hour(
    world: World, issued: Integers, estimate: Callable[[Floats], float], rng: np.random.Generator
) -> dict[str, Integers]:
    """A PEC's count at each hour: the country's course of the day, sooner here and later there."""
    observed = world.script.observed
    tempo = np.exp(rng.normal(scale=_TEMPO, size=len(issued)))
    voted: dict[str, Integers] = {HOURS[-1]: issued}
    for hour in HOURS[:-1]:
        share = observed[hour] / observed[HOURS[-1]]
        course = _solve(lambda s, h=hour, f=share: estimate(issued * f ** (tempo * np.exp(-s))) - observed[h])  # type: ignore[misc]  # -- defaults
        voted[hour] = np.round(issued * share ** (tempo * np.exp(-course))).astype(np.int64)
    return voted


def _estimator(world: World, voters: Integers, sampled: Mask) -> Callable[[Floats], float]:
    """The stratified ratio of the sample's counts to its voters: what observers will say of the country."""
    weight = np.zeros(len(voters))
    of = {s.id: s.pecs / s.sampled for s in world.election.strata}
    weight[sampled] = [of[p.stratum or ""] for p in world.sampled]
    listed = float(weight @ voters)
    return lambda counts: float(weight @ counts) / listed


def published_turnout(world: World) -> dict[str, dict[str, int]]:
    """Hour -> region -> voters who voted by then, by the commission: it lags, and the country's share is exact."""
    rng = world.script.chance("published turnout")
    voters: dict[str, int] = {}
    for p in world.pecs:
        voters[p.region] = voters.get(p.region, 0) + p.voters
    inside = [r.id for r in world.election.regions if not r.abroad]
    abroad = next(r.id for r in world.election.regions if r.abroad)
    lean = np.exp(rng.normal(scale=0.03, size=len(inside)))
    weights = np.array([voters[r] * world.script.rates[r] for r in inside]) * lean
    found: dict[str, dict[str, int]] = {}
    for hour in HOURS:
        share = world.script.turnout[hour]
        of_all = share / world.script.turnout[HOURS[-1]]
        counts = apportion(weights, round(share * sum(voters[r] for r in inside)))
        found[hour] = dict(zip(inside, counts.tolist(), strict=True))
        found[hour][abroad] = round(world.script.found_abroad * of_all * 0.97)
    return found


def _rate(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds)))


def _solve(excess: Callable[[float], float]) -> float:
    """Where an increasing function is zero."""
    low, high = -3.0, 3.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return (low + high) / 2
