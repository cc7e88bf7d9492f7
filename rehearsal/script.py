"""The script of a rehearsal: its seed, its places, its faults, and the published totals it must come to."""

import csv
import tomllib
import zlib
from collections.abc import Iterator
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from elections.config import Election

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Row = dict[str, str]


class Fault(BaseModel):
    """Something that goes wrong. How often: `count` times, or at a `share` of the reports."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: Literal[
        "contradictions",  # incidents name the region and district that observers wrote, not the PEC's own
        "outage",  # a region's reports of these hours come after them
        "late_network",  # a message that was minutes on its way
        "slow_commit",  # a row that can be read later than its updated_at says
        "disagreement",  # the two observers differ, until one is corrected
        "incomplete",  # an answer is missing, and comes later
        "withdrawn",  # the PEC's only report is withdrawn, and sent again hours later
        "vanished",  # a row typed in twice, deleted without a trace
        "lost",  # a PEC's checklist that never comes
        "wrong_pec",  # the observer names a neighbour's PEC; the right report follows
        "unknown_pec",  # the observer names a PEC that is none; the right report follows
        "not_a_number",  # a count with a letter in it, corrected later
        "falling_count",  # a count lower than the one before
        "unreadable_message",  # a text message that nobody's program can read
        "protocol_differs",  # the observer's copy is not what the commission published
        "machine_misreads",  # scanners that missed ballots, or took an invalid one for valid
        "summary_error",  # the commission's summary adds preference votes to votes
    ]
    count: int = 0
    share: float = 0
    form: str | None = None
    region: str | None = None
    starts: datetime | None = Field(default=None, alias="from")
    ends: datetime | None = Field(default=None, alias="to")


class Script(BaseModel):
    """`rehearsal.toml` in the election's folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    published: Path  # the folder with the published tables
    turnout: dict[str, float]  # the commission's, inside the country, by hour
    observed: dict[str, float]  # what the sample comes to, by hour
    found: int  # ballots in boxes, in all
    found_abroad: int
    manual_in: list[tuple[datetime, int]]  # protocols by hand that are published by a local time, the first time: 0
    rates: dict[str, float]  # a region's turnout, before all is fitted to the totals
    areas: dict[str, list[tuple[str, float]]]  # district -> its raions and cities, and their weights
    moved: dict[str, tuple[str, str]]  # PEC -> district and raion, where the two hierarchies cross
    moved_settlement: str
    abroad: list[tuple[str, str, float, float]]  # city, country, latitude, longitude
    faults: tuple[Fault, ...] = ()

    def with_seed(self, seed: int | None) -> Self:
        return self if seed is None else self.model_copy(update={"seed": seed})

    def fault(self, kind: str) -> Fault | None:
        return next((f for f in self.faults if f.kind == kind), None)

    def chance(self, name: str) -> np.random.Generator:
        """Random numbers of their own for each subject: a change in one does not reshuffle the others."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def table(self, name: str) -> list[Row]:
        """The rows of a published table."""
        with (self.published / f"{name}.csv").open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines))

    @cached_property
    def figures(self) -> dict[str, float]:
        """The published headline figures."""
        return {row["figure"]: float(row["value"]) for row in self.table("published_figures")}

    @cached_property
    def named_pecs(self) -> dict[str, str]:
        """Every PEC that a published table names, and the first district it is named in."""
        names = {row["district"]: row["name_en"] for row in self.table("districts")}
        named = {pec: district for pec, (district, _) in self.moved.items()}
        for row in self.table("recounted_pecs"):
            named |= {pec: names[row["district"]] for pec in row["pecs"].split()}
        for table in ("incidents_election_day", "incidents_mobile_voting_day"):
            for row in self.table(table):
                if row["pec"]:
                    named.setdefault(row["pec"], row["district_as_reported"])
        return named


def read_script(election: Election) -> Script:
    """The script of an election that can be rehearsed; FileNotFoundError where it has none."""
    values = _values(election.folder)
    return Script.model_validate(values)


def _values(folder: Path) -> dict[str, Any]:
    values = tomllib.loads((folder / "rehearsal.toml").read_text("utf-8"))
    base = _values((folder / values.pop("extends")).resolve()) if "extends" in values else {}
    if "published" in values:
        values["published"] = folder / values["published"]
    return base | values


@cache
def made_up() -> dict[str, list[str]]:
    """Names of people and villages."""
    return tomllib.loads(Path(__file__).with_name("names.toml").read_text("utf-8"))


def apportion(weights: Floats, total: int, most: Integers | None = None) -> Integers:
    """Whole numbers in proportion to the weights that add up to the total (largest remainders).

    most: what each may be at most; what is cut off there is shared among the others.
    """
    ceiling = np.full(len(weights), total, dtype=np.int64) if most is None else most
    if ceiling.sum() < total:
        raise ValueError(f"{total} do not fit under a ceiling of {ceiling.sum()}")
    shares = np.zeros(len(weights))
    free = np.ones(len(weights), dtype=bool)
    while True:
        shares[free] = weights[free] / weights[free].sum() * (total - ceiling[~free].sum())
        over = free & (shares > ceiling)
        if not over.any():
            break
        shares[over] = ceiling[over]
        free &= ~over
    whole = np.floor(shares).astype(np.int64)
    remainders = np.where(whole < ceiling, shares - whole, -1)
    whole[np.argsort(-remainders, kind="stable")[: total - whole.sum()]] += 1
    return whole


def spread(places: int, start: float) -> Iterator[float]:
    """Numbers from 0 to 1 that fill it evenly however many are taken: neighbours are never alike."""
    golden = 0.6180339887498949
    return (((start + k * golden) % 1) for k in range(places))
