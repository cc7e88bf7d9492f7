"""The frame: every polling station, its number, its place in both hierarchies, its voters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from elections.config import Election
from rehearsal.script import Floats, Mask, Row, Script, apportion, made_up

_LARGEST, _SMALLEST = 2_700, 40  # voters at a PEC


@dataclass(frozen=True)
class Pec:
    """A polling station as the observers' frame has it. Abroad: no district, no stratum."""

    pec: str
    region: str
    district: str | None
    stratum: str | None
    area: str
    settlement: str
    voters: int
    latitude: float
    longitude: float


def frame(election: Election, script: Script) -> list[Pec]:
    """All PECs, inside the country by number, then those abroad."""
    published = script.table("regions")
    inside = int(script.figures["registered_final"] - script.figures["registered_abroad"])
    voters = _voters_by_region(script, published, inside)
    shapes = _shapes(election)
    pecs: list[Pec] = []
    for row in published:
        pecs += _region(script, row, voters[row["region"]], shapes.get(row["region"]))
    return sorted(pecs, key=lambda p: p.pec) + _abroad(election, script)


def _voters_by_region(script: Script, published: list[Row], inside: int) -> dict[str, int]:
    """In proportion to the ballots delivered; the regions of which districts' voters are published come to those."""
    known = {"batken": sum(n for n in _published_voters(script).values())}
    others = [row for row in published if row["region"] not in known]
    ballots = np.array([float(row["ballots_single_constituency"]) for row in others])
    shares = apportion(ballots, inside - sum(known.values()))
    return known | {row["region"]: int(n) for row, n in zip(others, shares, strict=True)}


def _published_voters(script: Script) -> dict[str, int]:
    return {row["district_name"]: int(row["voters"]) for row in script.table("batken")}


def _published_pecs(script: Script) -> dict[str, int]:
    return {row["district_name"]: int(row["pecs"]) for row in script.table("batken")}


def _region(script: Script, row: Row, voters: int, shape: Floats | None) -> list[Pec]:
    region, rng = row["region"], script.chance(f"frame {row['region']}")
    numbers = _numbers(script, row["pec_prefix"], int(row["pecs_total"]), rng)
    districts = [r["name_en"] for r in script.table("districts") if r["region"] == region]
    district = _districts(script, numbers, districts, rng)
    sizes = _sizes(script, [district[n] for n in numbers], voters, rng)
    pecs = []
    for name in districts:
        own = [n for n in numbers if district[n] == name]
        places = _around(shape, len(own), rng)
        for number, area, (longitude, latitude) in zip(own, _areas(script, name, own), places, strict=True):
            settlement = _settlement(script, number, area, rng)
            position = (round(float(latitude), 5), round(float(longitude), 5))
            pecs.append(Pec(number, region, name, region, area, settlement, sizes[numbers.index(number)], *position))
    return pecs


def _numbers(script: Script, prefix: str, total: int, rng: np.random.Generator) -> list[str]:
    """Four digits that start with the region's; those that are named somewhere, and others up to about the last."""
    named = {int(pec) for pec in script.named_pecs if pec.startswith(prefix)}
    first = int(prefix) * 1000
    last = max([first + int(total * 1.03), *named])
    others = [n for n in range(first + 1, last + 1) if n not in named]
    chosen = rng.choice(others, total - len(named), replace=False)
    return [str(n) for n in sorted({*named, *chosen.tolist()})]


def _districts(
    script: Script, numbers: Sequence[str], districts: Sequence[str], rng: np.random.Generator
) -> dict[str, str]:
    """PEC -> district: as named, the others in runs of neighbouring numbers."""
    named = {n: script.named_pecs[n] for n in numbers if n in script.named_pecs}
    published = _published_pecs(script)
    if set(districts) <= set(published):
        sizes = [published[d] for d in districts]
    else:
        sizes = [int(n) for n in apportion(rng.gamma(25, size=len(districts)), len(numbers))]
    middle = {
        d: np.mean([int(n) for n, named_in in named.items() if named_in == d] or [int(numbers[0])]) for d in districts
    }
    free = iter([n for n in numbers if n not in named])
    found = dict(named)
    for name, size in sorted(zip(districts, sizes, strict=True), key=lambda pair: middle[pair[0]]):
        for _ in range(size - sum(d == name for d in named.values())):
            found[next(free)] = name
    return found


def _areas(script: Script, district: str, numbers: Sequence[str]) -> list[str]:
    """The raion or city of each of a district's PECs: runs of numbers, but where a PEC is known to be elsewhere."""
    names = [name for name, _ in script.areas[district]]
    sizes = apportion(np.array([weight for _, weight in script.areas[district]], dtype=float), len(numbers))
    fixed = {n: script.moved[n][1] for n in numbers if n in script.moved}
    left = dict(zip(names, sizes.tolist(), strict=True))
    for area in fixed.values():
        left[area] -= 1
    run = iter([name for name in names for _ in range(left[name])])
    return [fixed.get(n) or next(run) for n in numbers]


def _settlement(script: Script, number: str, area: str, rng: np.random.Generator) -> str:
    if number in script.moved:
        return script.moved_settlement
    if area.endswith(" city"):
        return area.removesuffix(" city")
    return str(rng.choice(made_up()["villages"]))


def _sizes(script: Script, district: Sequence[str], voters: int, rng: np.random.Generator) -> list[int]:
    """Voters of each PEC: unequal, none too large; districts whose voters are published come to those."""
    weights = rng.lognormal(sigma=0.55, size=len(district))
    published = _published_voters(script)
    if not set(district) <= set(published):
        return _within(weights, voters)
    sizes = np.zeros(len(district), dtype=np.int64)
    for name in set(district):
        own = np.array([d == name for d in district])
        sizes[own] = _within(weights[own], published[name])
    return [int(n) for n in sizes]


def _within(weights: Floats, voters: int) -> list[int]:
    room = np.full(len(weights), _LARGEST - _SMALLEST)
    return [int(n) + _SMALLEST for n in apportion(weights, voters - _SMALLEST * len(weights), room)]


def _abroad(election: Election, script: Script) -> list[Pec]:
    region = next(r.id for r in election.regions if r.abroad)
    inside = sum(int(row["pecs_total"]) for row in script.table("regions"))
    count = int(script.figures["pecs_total"]) - inside
    weights = script.chance("abroad").lognormal(sigma=0.5, size=count)
    pecs = []
    for k, voters in enumerate(_within(weights, int(script.figures["registered_abroad"]))):
        city, country, latitude, longitude = script.abroad[k % len(script.abroad)]
        pecs.append(Pec(f"9{k + 1:03}", region, None, None, country, city, voters, latitude, longitude))
    return pecs


def _shapes(election: Election) -> dict[str, Floats]:
    """A region's outline, as points of (longitude, latitude)."""
    if election.map is None:
        return {}
    shapes = {}
    for feature in json.loads(Path(election.map).read_text("utf-8"))["features"]:
        rings = feature["geometry"]["coordinates"]
        polygons = [rings] if feature["geometry"]["type"] == "Polygon" else rings
        outline = max((polygon[0] for polygon in polygons), key=len)
        shapes[feature["properties"]["region"]] = np.array([point[:2] for point in outline], dtype=float)
    return shapes


def _around(shape: Floats | None, count: int, rng: np.random.Generator) -> Floats:
    """Places of a district's PECs: most near its centre, all inside the region's outline."""
    if shape is None:
        return np.zeros((count, 2))
    low, high = shape.min(axis=0), shape.max(axis=0)
    everywhere = rng.uniform(low, high, size=(600, 2))
    everywhere = everywhere[_inside(shape, everywhere)]
    near = everywhere[0] + rng.normal(scale=(high - low) * 0.08, size=(count * 4, 2))
    near = near[_inside(shape, near)]
    return np.concatenate([near, everywhere[1:]])[:count]


def _inside(shape: Floats, points: Floats) -> Mask:
    """Which points lie inside the outline: those from which a ray crosses it an odd number of times."""
    x, y = points[:, 0, None], points[:, 1, None]
    x1, y1 = shape[:-1, 0], shape[:-1, 1]
    x2, y2 = shape[1:, 0], shape[1:, 1]
    crosses = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / np.where(y2 == y1, 1, y2 - y1) + x1)
    return np.asarray(crosses.sum(axis=1) % 2 == 1)
