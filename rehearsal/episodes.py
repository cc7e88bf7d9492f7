"""Equipment that failed: when, for how long, what took its place. The published answers say at how many PECs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from rehearsal.incidents import Incident
from rehearsal.world import World

_BUSY = (
    (8.1, 12.0, 0.45),
    (12.0, 16.0, 0.32),
    (16.0, 19.6, 0.23),
)  # hours, and the share of failures that begin in them
_NEVER_HEARD_OF_AGAIN = 3
_TWICE = 5  # PECs where the scanner failed a second time


@dataclass(frozen=True)
class Episode:
    pec: str
    device: str  # arbb, identification
    observer: str
    start: datetime
    end: datetime | None  # none: it was replaced, or nobody said
    replaced: bool
    reported: datetime
    settled: datetime | None  # when the observer said how it ended


@dataclass(frozen=True)
class Failed:
    """PECs by what happened to their equipment; the published numbers of them."""

    arbb: frozenset[str]
    replaced: frozenset[str]
    identification: frozenset[str]
    turned_away: dict[str, str]  # PEC -> how many voters


def failed(world: World, incidents: list[Incident]) -> Failed:
    rng = world.script.chance("failed")
    table = {
        (row["question"], row["answer"]): int(row["pecs"]) for row in world.script.table("procedures_election_day")
    }
    sampled = sorted(world.in_sample)

    def pick(among: list[str], question: str, known: set[str]) -> frozenset[str]:
        others = [pec for pec in among if pec not in known]
        count = table[question, "yes"] - len(known)
        return frozenset(known | set(rng.choice(others, count, replace=False).tolist()))

    known = {i.pec for i in incidents if i.category.startswith("arbb_") and i.pec in world.in_sample}
    arbb = pick(sampled, "arbb_temporary_failure", {pec for pec in known if pec})
    replaced = pick(sorted(arbb), "arbb_replaced_by_stationary_box", set())
    identification = pick(sampled, "identification_failure", set())
    bands = [b for b in ("1_to_5", "6_to_10", "over_10") for _ in range(table["voters_turned_away_identification", b])]
    turned_away = rng.choice(sorted(identification), len(bands), replace=False).tolist()
    return Failed(arbb, replaced, identification, dict(zip(turned_away, bands, strict=True)))


def episodes(world: World, failed: Failed, incidents: list[Incident]) -> list[Episode]:
    rng = world.script.chance("episodes")
    known = {i.pec: i.occurred_at for i in incidents if i.category == "arbb_failure"}
    silent = {
        str(pec) for pec in rng.choice(sorted(failed.arbb - failed.replaced), _NEVER_HEARD_OF_AGAIN, replace=False)
    }
    found = []
    for pec in sorted(failed.arbb):
        start = known.get(pec) or _start(world, rng)
        found.append(_episode(pec, "arbb", 1, start, pec in failed.replaced, pec in silent, rng))
    for pec in sorted(failed.identification):
        found.append(_episode(pec, "identification", 2, _start(world, rng), False, False, rng))
    once = [e for e in found if e.device == "arbb" and e.end and e.pec not in failed.identification]
    for k in rng.choice(len(once), _TWICE, replace=False):
        again = (once[k].end or once[k].start) + timedelta(minutes=int(rng.integers(15, 40)))
        if again < _evening(world):
            found.append(_episode(once[k].pec, "arbb", 2, again, False, False, rng))
    return found


def _episode(
    pec: str, device: str, observer: int, start: datetime, replaced: bool, silent: bool, rng: np.random.Generator
) -> Episode:
    """Most last ten minutes to an hour; a replaced scanner does not come back."""
    start = start.replace(second=0, microsecond=0)
    minutes = int(np.clip(rng.lognormal(3.2, 0.55), 6, 150))
    end = None if replaced or silent else start + timedelta(minutes=minutes)
    reported = start + timedelta(minutes=int(rng.integers(3, 18)), seconds=int(rng.integers(60)))
    over = end or start + timedelta(minutes=int(rng.integers(20, 45)))
    settled = max(over, reported) + timedelta(minutes=int(rng.integers(2, 12)))
    return Episode(pec, device, f"S-{pec}-{observer}", start, end, replaced, reported, None if silent else settled)


def _start(world: World, rng: np.random.Generator) -> datetime:
    first, last, _ = _BUSY[int(rng.choice(len(_BUSY), p=[share for _, _, share in _BUSY]))]
    return _midnight(world) + timedelta(hours=float(rng.uniform(first, last)))


def _evening(world: World) -> datetime:
    return _midnight(world) + timedelta(hours=19, minutes=30)


def _midnight(world: World) -> datetime:
    return world.election.moment_of("00:00")
