"""Who observes: made-up names, telephones in a range that cannot ring."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rehearsal.frame import Pec
from rehearsal.script import Script, apportion, made_up


@dataclass(frozen=True)
class Observer:
    """A person of the observer organisation; `pec` only where they stay at one all day."""

    observer: str
    role: str  # sto, mobile, lto, coordinator
    pec: str | None
    region: str
    full_name: str
    phone: str
    backup_phone: str | None
    coordinator: str | None


def observers(script: Script, sampled: list[Pec]) -> list[Observer]:
    """Coordinators (one a region), two observers a sampled PEC, mobile teams, long-term observers."""
    chance = script.chance("people")
    names, phones = _names(chance), _phones()
    regions = [row["region"] for row in script.table("regions")]
    coordinator = {region: f"C-{k + 1:02}" for k, region in enumerate(regions)}

    def person(code: str, role: str, region: str, pec: str | None = None) -> Observer:
        backup = next(phones) if chance.random() < 0.4 else None
        by = None if role == "coordinator" else coordinator[region]
        return Observer(code, role, pec, region, next(names), next(phones), backup, by)

    people = [person(code, "coordinator", region) for region, code in coordinator.items()]
    people += [person(f"S-{p.pec}-{k}", "sto", p.region, p.pec) for p in sampled for k in (1, 2)]
    people += [person(f"M-{k + 1:02}", "mobile", region) for k, region in enumerate(_mobile_teams(script))]
    longterm = int(script.figures["observers_lto"])
    people += [person(f"L-{k + 1:02}", "lto", regions[k % len(regions)]) for k in range(longterm)]
    return people


def _mobile_teams(script: Script) -> list[str]:
    """The region of each mobile team: in proportion to the PECs that they visited."""
    table = script.table("regions")
    visited = np.array([float(row["mobile_team_pecs"]) for row in table])
    teams = apportion(visited, int(script.figures["mobile_teams"]))
    return [row["region"] for row, count in zip(table, teams, strict=True) for _ in range(count)]


def _names(chance: np.random.Generator) -> Iterator[str]:
    while True:
        family = str(chance.choice(made_up()["family"]))
        if chance.random() < 0.55:
            yield f"{family}а {chance.choice(made_up()['women'])}"
        else:
            yield f"{family} {chance.choice(made_up()['men'])}"


def _phones() -> Iterator[str]:
    """+996 000: no operator has that code."""
    for number in range(1, 1_000_000):
        yield f"+996 000 {number // 1000:03} {number % 1000:03}"
