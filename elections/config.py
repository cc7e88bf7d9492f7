"""An election's configuration: `election.toml` and its tables, read and validated."""

import os
import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, ValidationError, field_validator

from elections.fits import Misfit, misfits
from elections.folder import ConfigError as ConfigError
from elections.folder import Values, values

_YEARS = 5  # a time so far from election day has nothing to do with it
FOLDER = Path(__file__).parent
Text = dict[str, str]  # language -> words
Severity = Literal["critical", "serious", "minor"]


class Part(BaseModel):
    """A part of the configuration: unknown keys are mistakes, not extras."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Region(Part):
    id: str
    name: Text
    abroad: bool = False  # publishes results, but is no stratum and in no sample


class District(Part):
    id: str
    number: int
    region: str
    name: Text


class Stratum(Part):
    """A stratum as drawn: frozen at the draw, never counted from the frame of the day."""

    id: str
    pecs: int = Field(gt=0)  # N_h
    sampled: int = Field(gt=0)  # n_h
    merge_with: str | None = None


class Choice(Part):
    id: str
    name: Text


class Stage(Part):
    """A part of the day that questions are about, as people call it."""

    id: str
    name: Text


class Question(Part):
    """A question of a checklist, and what its answer means to the figures.

    Choices stand from best to worst: where several windows of a day ask the same question, the day's answer
    is the worst of them. `of` completes the meaning: the device that failed, the line of the protocol.
    """

    id: str
    stage: str
    name: Text
    type: Literal["choice", "number", "text", "time"] = "choice"
    choices: tuple[str, ...] = ()
    minimum: float = 0
    maximum: float | None = None
    tolerance: float = 0  # two observers' numbers agree when they differ by no more than this share of the larger
    meaning: (
        Literal[
            "equipment",
            "turned_away",
            "turnout",
            "turnout_origin",
            "protocol",
            "protocol_copy",
            "final_report",
            "identified",
            "device",
            "episode_from",
            "episode_to",
            "replaced_by",
        ]
        | None
    ) = None
    of: str | None = None

    @field_validator("choices", mode="before")
    @classmethod
    def choices_of_a_table(cls, value: Any) -> Any:
        return tuple(value.split()) if isinstance(value, str) else value


class Checklist(Part):
    """A form that observers send, and when it is expected (local times of the election's zone)."""

    form: str
    name: Text
    questions: tuple[str, ...]  # '<stage>.<question>'
    required: tuple[str, ...] = ()  # empty: all of them
    opens: NaiveDatetime
    due: NaiveDatetime | None = None  # none: welcome, never late
    grace: int = 30  # minutes
    asked_until: NaiveDatetime | None = None  # after it what never came is lost
    window: tuple[NaiveDatetime, NaiveDatetime] | None = None  # the answers are about this time
    hour: str | None = None  # the turnout count's hour, '12:00'
    contest: str | None = None  # the contest that a count or a protocol is about
    expected_from: Literal["sample", "applications", "any"] = "sample"  # any: expected from nobody
    min_observers: int = Field(default=1, ge=1)


class Category(Part):
    id: str
    name: Text
    severity: Severity


class Phase(Part):
    """A part of the day: decides what the screens put first. It lasts until the next one starts."""

    id: Literal["before", "voting", "closing", "night", "after"]
    name: Text
    starts: NaiveDatetime


class ListOfCandidates(Part):
    id: str
    number: str  # as the commission publishes it
    name: Text
    against_all: bool = False


class Contest(Part):
    id: str
    name: Text
    lists: tuple[ListOfCandidates, ...] = ()  # or the table `lists.csv`, whose rows name their contest
    share_of: str = "found"  # the line that published percentages are shares of
    protocol_form: str | None = None  # the checklist that also asks each list's votes, as 'votes_<number>'

    @property
    def vote_questions(self) -> dict[str, Question]:
        """Question id -> the question for a list's votes in the protocol."""
        return {
            f"votes_{item.number}": Question(
                id=f"votes_{item.number}",
                stage="protocol",
                name=item.name,
                type="number",
                meaning="protocol",
                of=item.id,
            )
            for item in self.lists
        }


class Feed(Part):
    """One thing that the commission publishes, and where its figures stand in it (dotted paths)."""

    id: str
    path: str
    contest: str
    count: Literal["machine", "manual", "turnout"]
    scope: Literal["pec", "region", "country"]
    rows: str  # path to the list of rows
    place: str | None = None  # path in a row to the PEC's or region's code
    region: str | None = None  # path in a row to the region as published
    district: str | None = None
    hour: str | None = None  # path in a row to the hour, '14:00'
    lines: dict[str, str] = {}  # our line -> path in the row
    votes: str | None = None  # path in a row to {list number: votes}
    percents: str | None = None  # path in a row to {list number: percent}
    no_figure: tuple[str, ...] = ("-", "")


class Source(Part):
    id: str
    kind: str  # an entry of the loaders' registry
    name: Text
    url: str  # ${NAME} is taken from the environment
    interval: int = Field(default=60, gt=0)  # seconds between polls
    overlap: int = 120  # seconds that are read again
    compare_keys_every: int = 10  # polls
    requests_a_minute: int = 30
    timeout: float = 20
    contact: str = ""  # who asks: stands in the User-Agent
    most_lost: float = Field(default=0.2, gt=0, lt=1)  # a larger share does not vanish at once: it waits for a person
    feeds: tuple[Feed, ...] = ()

    @property
    def compare_every(self) -> int:
        """Polls from one comparison to the next: at most ten minutes of them."""
        return max(1, min(self.compare_keys_every, 600 // self.interval))

    def address(self) -> str:
        """The URL with its ${NAMES} filled in from the environment; ConfigError where one is not set or empty."""
        missing = [n for n in re.findall(r"\$\{(\w+)\}", self.url) if not os.environ.get(n)]
        if missing:
            raise ConfigError(f"source {self.id}: the environment sets nothing in {', '.join(missing)}")
        return re.sub(r"\$\{(\w+)\}", lambda m: os.environ[m[1]], self.url)


class Estimates(Part):
    """Which figure may be shown: the thresholds of the light, and the margin fixed before the day."""

    confidence: float = Field(default=0.99, gt=0, lt=1)
    green_share: float = 0.95
    green_stratum_share: float = 0.80
    amber_share: float = 0.80
    amber_stratum_share: float = 0.50
    spare: int = 2  # reports a stratum may lack whatever its share
    least: int = 2
    drift_of_margin: float = 0.5
    worst_tail: float = Field(default=0.02, gt=0, lt=0.5)  # missing PECs are like those of the lowest or highest 2%
    widest_amber: float = 0.15  # width of the interval, as a share
    design_margin: float | None = None
    publish_margin: Literal["design", "data"] = "data"  # which one to publish


class Tolerance(Part):
    """How far over a check's right side is still right: a share of it, and this many at least."""

    share: float = Field(default=0, ge=0)
    least: float = Field(default=0, ge=0)


class Tolerances(Part):
    """The tolerance of each check that has one, by its id."""

    delivered: Tolerance = Tolerance()


class Election(Part):
    """Everything that differs from one election to another. Read it with `read(folder)`."""

    folder: Path
    id: str
    name: Text
    country: Text
    date: date
    zone: str
    languages: tuple[str, ...]
    rehearsal: bool = False
    map: str | None = None  # GeoJSON; a feature's property 'region' names the region
    regions: tuple[Region, ...]
    districts: tuple[District, ...] = ()
    strata: tuple[Stratum, ...]
    contests: tuple[Contest, ...]
    phases: tuple[Phase, ...]
    choices: tuple[Choice, ...]
    stages: tuple[Stage, ...] = ()  # without any, a stage is called as the checklist that asks about it first
    questions: tuple[Question, ...]
    checklists: tuple[Checklist, ...]
    categories: tuple[Category, ...]
    sources: tuple[Source, ...]
    estimates: Estimates = Estimates()
    tolerances: Tolerances = Tolerances()
    embargo_until: NaiveDatetime | None = None  # observers' votes are shown to nobody before it; none: no embargo
    earlier_turnout: dict[str, float] = {}
    wall_rotation: int = 20

    @field_validator("zone")
    @classmethod
    def zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {value!r}") from error
        return value

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def instant(self, local: datetime) -> datetime:
        """A local time of the configuration as an aware time."""
        return local.replace(tzinfo=self.tz)

    def moment_of(self, text: str) -> datetime:
        """A time as people type it: '14:00' of election day, or a date and time; local unless it says otherwise.

        Raises ValueError where it is neither, and for years that have nothing to do with the election.
        """
        if re.fullmatch(r"\d{1,2}:\d{2}", text):
            return self.instant(datetime.combine(self.date, time.fromisoformat(text.zfill(5))))
        moment = datetime.fromisoformat(text)
        if abs(moment.year - self.date.year) > _YEARS:
            raise ValueError(f"{text} is years from {self.date}")
        return moment if moment.tzinfo else self.instant(moment)

    def region_of(self, written: str) -> str | None:
        """The region that an id means, or a name in any language; None: none of them."""
        return self._region_of.get(_folded(written))

    def district_of(self, written: str) -> str | None:
        """The district that an id means, or a name in any language; None: none of them, or more than one."""
        return self._district_of.get(_folded(written))

    @cached_property
    def _region_of(self) -> dict[str, str]:
        return _by_name(self.regions)

    @cached_property
    def _district_of(self) -> dict[str, str]:
        return _by_name(self.districts)

    @cached_property
    def forms(self) -> dict[str, Checklist]:
        return {c.form: c for c in self.checklists}

    def asked(self, form: str) -> dict[str, Question]:
        """The questions of a form by id, as they stand in its answers; empty for a form nobody configured."""
        return self._asked.get(form, {})

    @cached_property
    def _asked(self) -> dict[str, dict[str, Question]]:
        by_key = {f"{q.stage}.{q.id}": q for q in self.questions}
        asked = {c.form: {by_key[k].id: by_key[k] for k in c.questions} for c in self.checklists}
        for contest in self.contests:
            if contest.protocol_form:
                asked[contest.protocol_form] |= contest.vote_questions
        return asked

    def required(self, form: str) -> frozenset[str]:
        """Ids of the questions without which a report of this form is incomplete."""
        named = self.forms[form].required
        return frozenset(k.split(".", 1)[1] for k in named) if named else frozenset(self.asked(form))

    def late_from(self, checklist: Checklist) -> datetime | None:
        """When a checklist that has not come turns late: due + grace."""
        return self.instant(checklist.due) + timedelta(minutes=checklist.grace) if checklist.due else None

    def source(self, source_id: str) -> Source:
        return next(s for s in self.sources if s.id == source_id)


def _by_name(places: Iterable[Region | District]) -> dict[str, str]:
    """Id of a place by its id and its names, as far as a name means one place alone."""
    found: dict[str, set[str]] = {}
    for place in places:
        for name in place.name.values():
            found.setdefault(_folded(name), set()).add(place.id)
    named = {name: ids.pop() for name, ids in found.items() if len(ids) == 1}
    return named | {_folded(place.id): place.id for place in places}


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def chosen() -> Election:
    """The election that BAIKOO_ELECTION names. Raises ConfigError."""
    folder = os.environ.get("BAIKOO_ELECTION")
    if not folder:
        raise ConfigError("BAIKOO_ELECTION names no election: set it to a folder, or to the name of one in elections/")
    return read(folder)


def read(folder: str | Path) -> Election:
    """Read an election's folder (a path, or the name of a folder in `elections/`).

    `extends = "<folder>"` takes everything from another election and replaces the keys given here.
    A table may stand in a CSV file: `regions = "regions.csv"`, with `name_en`, `name_ru` ... for texts.
    Raises ConfigError naming the file and the field.
    """
    path = Path(folder)
    if not (path / "election.toml").is_file() and (FOLDER / path / "election.toml").is_file():
        path = FOLDER / path
    path = path.resolve()
    found = values(path)
    try:
        election = Election.model_validate({"id": path.name, **found.keys, "folder": path})
    except ValidationError as error:
        wrong: list[Misfit] = [(e["loc"], e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        raise _unusable(found, wrong) from error
    if wrong := list(misfits(election)):
        raise _unusable(found, wrong)
    return election


def _unusable(found: Values, wrong: Iterable[Misfit]) -> ConfigError:
    """All that is wrong, a line each: file, row of a table, field, what is wrong with it."""
    return ConfigError("\n".join(f"{found.told(place)}: {what}" for place, what in wrong))
