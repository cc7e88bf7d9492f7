"""The observers' reports: who sends which checklist, when it was sent and when it arrived."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from rehearsal.answers import Truth
from rehearsal.script import Floats, spread
from rehearsal.turnout import Turnout
from rehearsal.world import World


@dataclass(frozen=True)
class Habit:
    """How a checklist comes in: from when on, how soon, and how often both observers send it."""

    starts: str  # of election day; '-' before it: of the day before
    arrival: tuple[tuple[float, float], ...]  # (share of the PECs that send it, minutes)
    both: float = 0.95
    by: float = 1.0  # share of PECs that send it at all


_COUNT_ONLY = ((0, 1), (0.6, 12), (0.95, 40), (1, 90))
HABITS = {
    "mobile_voting": Habit("-08:00", ((0, 240), (0.5, 560), (0.9, 740), (0.97, 800), (1, 950)), both=0.5),
    "arrival": Habit("06:00", ((0, 10), (0.5, 35), (0.9, 58), (0.97, 85), (1, 150)), both=1),
    "opening": Habit("07:00", ((0, 50), (0.5, 75), (0.88, 100), (0.96, 125), (0.99, 200), (1, 330))),
    "turnout_10": Habit("10:00", _COUNT_ONLY, both=0.4, by=0.86),
    "voting_12": Habit("12:00", ((0, -4), (0.1, 1), (0.8, 15), (0.9, 32), (0.96, 75), (0.985, 110), (1, 200))),
    "turnout_14": Habit("14:00", _COUNT_ONLY, both=0.4, by=0.82),
    "voting_16": Habit("16:00", ((0, -5), (0.12, 0), (0.855, 15), (0.92, 32), (0.97, 80), (1, 215))),
    "turnout_18": Habit("18:00", _COUNT_ONLY, both=0.4, by=0.84),
    "closing": Habit("20:00", ((0, 2), (0.7, 22), (0.92, 48), (0.97, 75), (0.99, 150), (1, 420))),
    "arbb_final": Habit("20:00", ((0, 18), (0.6, 55), (0.9, 92), (0.96, 130), (1, 480)), both=0.4),
    "counting": Habit("20:30", ((0, 100), (0.5, 240), (0.9, 430), (0.97, 520), (1, 760)), both=0.9),
    "protocol_single_constituency": Habit("20:30", ((0, 115), (0.5, 260), (0.9, 450), (0.97, 540), (1, 775)), both=0.5),
}


@dataclass(frozen=True)
class Change:
    """Answers of a report that were added or corrected later."""

    at: datetime
    answers: dict[str, str]


@dataclass(frozen=True)
class Report:
    observer: str
    pec: str  # as the observer named it
    form: str
    submitted: datetime
    received: datetime
    answers: dict[str, str]
    number: int = 1  # of this observer's reports of the form
    changes: tuple[Change, ...] = ()
    withdrawn: datetime | None = None

    @property
    def report(self) -> str:
        return f"{self.observer}.{self.form}.{self.number}"


def reports(world: World, turnout: Turnout, truth: Truth) -> list[Report]:
    """Every checklist of every PEC that sends it, the first observer's and mostly the second's."""
    found = []
    for form, habit in HABITS.items():
        rng = world.script.chance(f"reports {form}")
        pecs = _evenly(world, turnout, world.with_portable_box if form == "mobile_voting" else None)
        skipped = set(rng.choice(pecs, round(len(pecs) * (1 - habit.by)), replace=False).tolist())
        minutes, places = _minutes(habit), spread(len(pecs), float(rng.random()))
        for pec, place in zip(pecs, places, strict=True):
            if pec not in skipped:
                first = _start(world, habit) + timedelta(seconds=round(60 * float(minutes(place))))
                found += _of_pec(form, pec, first, truth.of(form, pec), habit, rng)
    return found


def _of_pec(
    form: str, pec: str, first: datetime, answers: dict[str, str], habit: Habit, rng: np.random.Generator
) -> list[Report]:
    """The report of one observer, and of the other some minutes later."""
    order = rng.permutation([1, 2])
    wait = timedelta(seconds=5 + round(min(float(rng.exponential(35)), 240)))
    sent = [Report(f"S-{pec}-{order[0]}", pec, form, first - wait, first, answers)]
    if rng.random() < habit.both:
        second = first + timedelta(seconds=30 + round(min(float(rng.exponential(420)), 1500)))
        sent.append(replace(sent[0], observer=f"S-{pec}-{order[1]}", submitted=second - wait, received=second))
    return sent


def _evenly(world: World, turnout: Turnout, only: list[str] | None) -> list[str]:
    """Sampled PECs by stratum and turnout: whoever takes them evenly in this order gets a fair part of the sample."""
    voters = np.array([p.voters for p in world.pecs])
    rate = dict(zip([p.pec for p in world.pecs], (turnout.issued / voters).tolist(), strict=True))
    among = world.in_sample if only is None else frozenset(only)
    return sorted(among, key=lambda pec: (world.pec[pec].region, rate[pec]))


def _minutes(habit: Habit) -> "_Curve":
    return _Curve(np.array([s for s, _ in habit.arrival]), np.array([m for _, m in habit.arrival]))


@dataclass(frozen=True)
class _Curve:
    shares: Floats
    minutes: Floats

    def __call__(self, share: float) -> float:
        return float(np.interp(share, self.shares, self.minutes))


def _start(world: World, habit: Habit) -> datetime:
    start = world.election.moment_of(habit.starts.removeprefix("-"))
    return start - timedelta(days=1) if habit.starts.startswith("-") else start
