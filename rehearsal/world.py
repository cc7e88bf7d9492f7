"""The world of a rehearsal: the frame, the sample drawn from it, applications to vote at home, the people."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from elections.config import Election
from rehearsal.frame import Pec, frame
from rehearsal.people import Observer, observers
from rehearsal.script import Script, apportion

# Incidents that observers inside a PEC also answered a question about: those PECs were in the sample.
SEEN_INSIDE = {
    "no_ballot_recount": ("opening", "ballots_counted_at_opening"),
    "no_pec_meeting_or_lots": ("opening", "drawing_of_lots"),
    "observer_rights": ("counting", "observer_rights_infringed"),
    "secrecy": ("voting", "secrecy_violated"),
    "unauthorised_persons": ("voting", "unauthorised_persons"),
    "arbb_failure": ("voting", "arbb_temporary_failure"),
}
# An incident that no observer of the sample saw: at all of its PECs the question was answered otherwise.
_NEVER_INSIDE = ("arbb_unsealed",)


@dataclass(frozen=True)
class World:
    """Everything that stands before the day begins."""

    election: Election
    script: Script
    pecs: list[Pec]
    in_sample: frozenset[str]
    applications: dict[str, int]  # voters outside the premises, by PEC
    people: list[Observer]

    @cached_property
    def pec(self) -> dict[str, Pec]:
        return {p.pec: p for p in self.pecs}

    @cached_property
    def sampled(self) -> list[Pec]:
        return [p for p in self.pecs if p.pec in self.in_sample]

    @cached_property
    def with_portable_box(self) -> list[str]:
        """Sampled PECs with applications to vote outside the premises."""
        return [p.pec for p in self.sampled if self.applications.get(p.pec)]


def world(election: Election, script: Script) -> World:
    """The same world for the same script, always."""
    pecs = frame(election, script)
    sample = _sample(election, script, pecs)
    people = observers(script, [p for p in pecs if p.pec in sample])
    return World(election, script, pecs, sample, _applications(script, pecs, sample), people)


def _sample(election: Election, script: Script, pecs: list[Pec]) -> frozenset[str]:
    """An interval sample in each stratum, moved to the nearest PEC where the published record says who was inside."""
    seen, never = _published_inside(script)
    rng = script.chance("sample")
    chosen: set[str] = set()
    for stratum in election.strata:
        numbers = [p.pec for p in pecs if p.stratum == stratum.id and p.pec not in never]
        step = len(numbers) / stratum.sampled
        start = rng.uniform(0, step)
        drawn = [numbers[int(start + k * step)] for k in range(stratum.sampled)]
        for pec in sorted(seen & set(numbers) - set(drawn)):
            nearest = min((d for d in drawn if d not in seen), key=lambda d: abs(int(d) - int(pec)))
            drawn[drawn.index(nearest)] = pec
        chosen |= set(drawn)
    return frozenset(chosen)


def _published_inside(script: Script) -> tuple[set[str], set[str]]:
    """PECs that observers of the sample were at by what is published, and PECs where none was."""
    table = script.table("incidents_election_day")
    seen = {row["pec"] for row in table if row["category"] in SEEN_INSIDE}
    seen |= {row["pec"] for row in script.table("incidents_mobile_voting_day")}
    return seen - {""}, {row["pec"] for row in table if row["category"] in _NEVER_INSIDE}


def _applications(script: Script, pecs: list[Pec], sample: frozenset[str]) -> dict[str, int]:
    """Applications by PEC: the published number in each region; in the sample at the published number of PECs."""
    rng = script.chance("applications")
    eager = {row["pec"] for row in script.table("incidents_mobile_voting_day")} - {""}
    drawn = [p.pec for p in pecs if p.pec in sample and p.pec not in eager]
    observed = int(script.table("mobile_voting_day")[0]["observed"])
    boxes = eager | set(rng.choice(drawn, observed - len(eager), replace=False).tolist())
    in_region: defaultdict[str, list[str]] = defaultdict(list)
    for p in pecs:
        if p.stratum and (p.pec in boxes if p.pec in sample else rng.random() < 0.6):
            in_region[p.region].append(p.pec)
    found: dict[str, int] = {}
    for row in script.table("regions"):
        own = in_region[row["region"]]
        extra = apportion(rng.gamma(2, size=len(own)), int(row["out_of_premises_single"]) - len(own))
        found |= {pec: int(n) + 1 for pec, n in zip(own, extra, strict=True)}
    return found
