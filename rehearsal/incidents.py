"""The incidents of both days: as published, with the times, words and reporters that nobody published."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from rehearsal.script import Row
from rehearsal.world import World

_BY_16 = 33  # of election day's reports
_AT_OPENING = (
    "no_ballot_recount",
    "no_pec_meeting_or_lots",
    "ballots_not_shown",
    "technical_error_lots",
    "arbb_unsealed",
    "ballots_differ_from_list",
)
_AT_OPENING_BY_16 = 19
# Critical ones, by category: when they happened; the published report names no hours.
_CRITICAL = {
    "observer_rights": ("07:25", "14:38"),
    "arbb_overflow_opened": ("17:20",),
    "ballots_exceed_identified": ("21:12",),
}
_WORDS = {
    "no_ballot_recount": "Бюллетени при открытии не пересчитали, председатель сказал, что нет времени.",
    "no_pec_meeting_or_lots": "Заседания не было, обязанности распределили без жеребьёвки.",
    "observer_rights": "Наблюдателю велели сидеть у входа, стол регистрации оттуда не видно.",
    "secrecy": "Добуш берүүчү кабинанын жанында бөтөн адам турат.",
    "campaigning": "У входа раздают листовки, показывают на телефоне номер в списке.",
    "arbb_failure": "АСУ не принимает бюллетени, застрял лист.",
    "arbb_unsealed": "На АСУ нет пломбы.",
    "ballots_differ_from_list": "Число бюллетеней не сходится со списком избирателей.",
    "unauthorised_persons": "- посторонний мужчина даёт указания членам комиссии",
    "technical_error_lots": "Ошиблись при жеребьёвке, исправили и составили акт.",
    "voting_for_another": "Женщина проголосовала за соседку, члены комиссии не остановили.",
    "ballots_not_shown": "Пачки бюллетеней наблюдателям не показали.",
    "arbb_overflow_opened": "АСУ переполнилась, её вскрыли посреди голосования.",
    "ballots_exceed_identified": "В урне бюллетеней больше, чем чеков идентификации: 2 лишних.",
    "voter_transportation": "Шайлоочуларды маршрутка менен ташып жатышат.",
    "campaigning_silence_day": "=агитация в день тишины: обходят дворы*",
    "no_safe_for_portable_box": "Переносную урну оставили на ночь без сейфа.",
    "withdrawn_candidate_not_crossed_out": "Выбывший кандидат в бюллетене не вычеркнут.",
    "pressure_on_voter": "Родственник диктует пожилому избирателю, за кого голосовать.",
    "no_register_entry": "Заявление не записали в журнал.",
    "portable_box_unsealed": "Переносная урна без пломбы.",
    "check_differs_from_list": "Чек идентификации не сходится с реестром.",
    "mobile_voting_refused": "Пришли по заявлению, голосовать на дому отказали.",
}


@dataclass(frozen=True)
class Incident:
    incident: str
    category: str
    severity: str
    pec: str | None
    region: str
    district: str
    observer: str | None  # none: the hotline
    channel: str
    occurred_at: datetime
    reported_at: datetime
    description: str


def incidents(world: World) -> list[Incident]:
    """Those of the day before, then those of election day, in the order of the published tables."""
    day = world.election.date
    before = world.script.table("incidents_mobile_voting_day")
    table = world.script.table("incidents_election_day")
    rng = world.script.chance("incidents")
    times = [_on_the_day_before(world, day - timedelta(days=1), rng) for _ in before] + _on_election_day(
        world, table, rng
    )
    return [
        _incident(world, k + 1, row, *when, rng)
        for k, (row, when) in enumerate(zip(before + table, times, strict=True))
    ]


def _incident(
    world: World, number: int, row: Row, occurred: datetime, reported: datetime, rng: np.random.Generator
) -> Incident:
    pec = row["pec"] or None
    region, district = row["region_as_reported"], row["district_as_reported"]
    if pec and not world.script.fault("contradictions"):
        region, district = world.pec[pec].region, world.pec[pec].district or ""
    observer = _reporter(world, pec, region, rng)
    channel = str(rng.choice(["app", "sms", "phone"], p=[0.5, 0.3, 0.2])) if observer else "hotline"
    category = row["category"]
    severity = next(c.severity for c in world.election.categories if c.id == category)
    words = _WORDS[category]
    return Incident(
        f"I-{number:03}", category, severity, pec, region, district, observer, channel, occurred, reported, words
    )


def _reporter(world: World, pec: str | None, region: str, rng: np.random.Generator) -> str | None:
    """An observer inside where there is one, else a mobile team of the region or a caller."""
    teams = [p.observer for p in world.people if p.role == "mobile" and p.region == region]
    if pec in world.in_sample and rng.random() < 0.85:
        return f"S-{pec}-{rng.integers(1, 3)}"
    return str(rng.choice(teams)) if rng.random() < 0.65 else None


def _on_the_day_before(world: World, day: date, rng: np.random.Generator) -> tuple[datetime, datetime]:
    occurred = _at(world, day, "09:00") + timedelta(minutes=int(rng.integers(0, 600)))
    return occurred, occurred + timedelta(minutes=int(rng.integers(5, 90)))


def _on_election_day(world: World, table: list[Row], rng: np.random.Generator) -> list[tuple[datetime, datetime]]:
    """When each happened and was reported: 33 reports by 16:00, and none within two minutes of it."""
    day = world.election.date
    critical = {category: iter(times) for category, times in _CRITICAL.items()}
    early = sum(_at(world, day, t) < _at(world, day, "15:00") for times in _CRITICAL.values() for t in times)
    opening = [k for k, row in enumerate(table) if row["category"] in _AT_OPENING]
    daytime = [
        k for k, row in enumerate(table) if row["category"] not in _AT_OPENING and row["category"] not in _CRITICAL
    ]
    soon = {*rng.permutation(opening)[:_AT_OPENING_BY_16].tolist()}
    soon |= {*rng.permutation(daytime)[: _BY_16 - _AT_OPENING_BY_16 - early].tolist()}
    found = []
    for k, row in enumerate(table):
        if row["category"] in critical:
            occurred = _at(world, day, next(critical[row["category"]]))
            reported = occurred + timedelta(minutes=int(rng.integers(6, 20)))
        elif k in opening:
            occurred = _at(world, day, "06:45") + timedelta(minutes=int(rng.integers(0, 75)))
            slow = _at(world, day, "16:10") + timedelta(minutes=int(rng.integers(0, 150)))
            reported = occurred + timedelta(minutes=int(5 + 150 * rng.beta(1, 2))) if k in soon else slow
        else:
            first, last = ("08:20", "15:30") if k in soon else ("16:04", "19:40")
            span = _at(world, day, last) - _at(world, day, first)
            occurred = _at(world, day, first) + span * float(rng.beta(1.4, 1))
            reported = occurred + timedelta(minutes=int(rng.integers(4, 26)))
        found.append((_minute(occurred), _minute(reported)))
    return found


def _at(world: World, day: date, text: str) -> datetime:
    return world.election.instant(datetime.combine(day, time.fromisoformat(text)))


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
