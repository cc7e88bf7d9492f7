"""The day as events: every row that comes into the observers' database, changes there or goes, and when."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from rehearsal.answers import Truth
from rehearsal.ballots import Ballots
from rehearsal.episodes import Episode, episodes, failed
from rehearsal.faults import Faults, Message, after_outage, unreadable
from rehearsal.incidents import Incident, incidents
from rehearsal.reports import Report, reports
from rehearsal.turnout import Turnout
from rehearsal.world import World

Value = str | int | float | None
Row = dict[str, Value]
_BEFORE = timedelta(days=1)


Kind = Literal["insert", "update", "delete"]
Change = tuple[Kind, str, Row]  # of a row in a table


@dataclass(frozen=True)
class Event:
    """A row that can be read from `at` on; `delete` leaves no trace."""

    at: float  # seconds since 1970
    table: str
    kind: Kind
    row: Row


class Journal:
    """Collects events. A row says when it was written; a slow commit shows it a little later."""

    def __init__(self, slow: Callable[[], float]) -> None:
        self.events: list[Event] = []
        self._slow = slow

    def commit(self, at: datetime, *changes: Change) -> None:
        """The changes of one transaction: they are seen together."""
        seen, stamp = at.timestamp() + self._slow(), utc(at)
        self.events += [
            Event(seen, table, kind, row if kind == "delete" else row | {"updated_at": stamp})
            for kind, table, row in changes
        ]


def utc(moment: datetime) -> str:
    """As the contract has times: UTC, ISO 8601."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(world: World, turnout: Turnout, ballots: Ballots) -> list[Event]:
    """All events, in the order in which they can be seen."""
    reported = incidents(world)
    broken = failed(world, reported)
    stopped = episodes(world, broken, reported)
    truth = Truth(world, turnout, ballots, reported, broken, stopped)
    sent = Faults(world, turnout, truth, reports(world, turnout, truth)).apply()
    journal = Journal(_slow_commits(world))
    _standing(world, journal)
    _checklists(sent, journal)
    _episodes(world, stopped, journal)
    _visits(world, reported, journal)
    _incidents(world, reported, journal)
    _messages([*_arrivals(world, sent), *unreadable(world, sent)], journal)
    _attachments(sent, truth, journal)
    return sorted(journal.events, key=lambda e: e.at)


def _slow_commits(world: World) -> Callable[[], float]:
    """Seconds from a row's `updated_at` until it can be read: none, mostly."""
    fault, rng = world.script.fault("slow_commit"), world.script.chance("slow_commit")
    if not fault:
        return lambda: 0.0
    return lambda: float(rng.integers(20, 100)) if rng.random() < fault.share else 0.0


def _standing(world: World, journal: Journal) -> None:
    """The frame and the people, there since two days before."""
    at = world.election.moment_of("00:00") - 2 * _BEFORE
    frame: list[Row] = [
        {
            "pec": p.pec,
            "region": p.region,
            "area": p.area,
            "settlement": p.settlement,
            "district": p.district,
            "stratum": p.stratum,
            "registered_voters": p.voters,
            "in_sample": int(p.pec in world.in_sample),
            "mobile_applications": world.applications.get(p.pec, 0),
            "latitude": p.latitude,
            "longitude": p.longitude,
        }
        for p in world.pecs
    ]
    people: list[Row] = [
        {
            "observer": p.observer,
            "pec": p.pec,
            "role": p.role,
            "full_name": p.full_name,
            "phone": p.phone,
            "backup_phone": p.backup_phone,
            "coordinator": p.coordinator,
        }
        for p in world.people
    ]
    journal.commit(at, *(("insert", "pec", row) for row in frame), *(("insert", "observer", row) for row in people))


def _report(code: str, observer: str, pec: str, form: str, sent: datetime, answers: dict[str, str]) -> list[Change]:
    """A report and its answers, as they come."""
    row: Row = {"report": code, "observer": observer, "pec": pec, "form": form, "deleted": 0}
    return [("insert", "report", row | {"submitted_at": utc(sent)}), *_answered("insert", code, answers)]


def _answered(kind: Kind, code: str, answers: dict[str, str]) -> list[Change]:
    return [(kind, "answer", {"report": code, "question": question, "value": a}) for question, a in answers.items()]


def _checklists(sent: Sequence[Report], journal: Journal) -> None:
    for r in sent:
        journal.commit(r.received, *_report(r.report, r.observer, r.pec, r.form, r.submitted, r.answers))
        for change in r.changes:
            known = {q: a for q, a in change.answers.items() if q in r.answers}
            added = {q: a for q, a in change.answers.items() if q not in r.answers}
            journal.commit(change.at, *_answered("update", r.report, known), *_answered("insert", r.report, added))
        if r.withdrawn:
            journal.commit(r.withdrawn, ("update", "report", {"report": r.report, "deleted": 1}))


def _episodes(world: World, stopped: list[Episode], journal: Journal) -> None:
    """A failure is a report when it begins, corrected when it ends."""
    delayed = _network(world, "episodes")
    for k, e in enumerate(stopped):
        region, code = world.pec[e.pec].region, f"{e.observer}.equipment_episode.{k + 1}"
        came = delayed(region, e.reported + timedelta(seconds=20))
        begun = {"device": e.device, "from": e.start.isoformat()}
        journal.commit(came, *_report(code, e.observer, e.pec, "equipment_episode", e.reported, begun))
        if e.settled:
            over = {"replaced_by": "stationary_box" if e.replaced else "not_replaced"}
            over |= {"to": e.end.isoformat()} if e.end else {}
            at = max(delayed(region, e.settled), came + timedelta(minutes=2))
            journal.commit(at, *_answered("insert", code, over))


def _visits(world: World, reported: list[Incident], journal: Journal) -> None:
    """Mobile teams: the published number of PECs in each region, those of their incidents among them."""
    rng, delayed = world.script.chance("visits"), _network(world, "visits")
    written: list[tuple[str, datetime]] = []
    for row in world.script.table("regions"):
        region = row["region"]
        teams = [p.observer for p in world.people if p.role == "mobile" and p.region == region]
        seen = {
            i.pec: i.observer for i in reported if i.pec and i.observer in teams and world.pec[i.pec].region == region
        }
        others = [p.pec for p in world.pecs if p.region == region and p.pec not in seen]
        chosen = rng.choice(others, int(row["mobile_team_pecs"]) - len(seen), replace=False).tolist()
        for k, pec in enumerate([*seen, *chosen]):
            observer = seen.get(pec) or teams[k % len(teams)]
            when = _visited(world, rng)
            came = delayed(region, when + timedelta(seconds=int(rng.integers(10, 900))))
            code = f"{observer}.mobile_visit.{pec}"
            calm = "no" if pec in seen or rng.random() < 0.04 else "yes"
            journal.commit(came, *_report(code, observer, pec, "mobile_visit", when, {"situation_calm": calm}))
            if world.election.moment_of("09:00") < came < world.election.moment_of("12:00"):
                written.append((code, came))
    _typed_twice(world, written, journal)


def _visited(world: World, rng: np.random.Generator) -> datetime:
    hours = float(rng.uniform(8.2, 19.8))
    when = world.election.moment_of("00:00") + timedelta(hours=hours)
    return (when - _BEFORE if rng.random() < 0.12 else when).replace(microsecond=0)


def _typed_twice(world: World, written: list[tuple[str, datetime]], journal: Journal) -> None:
    """A visit that stood twice in the database, until somebody deleted the second row there."""
    if not (fault := world.script.fault("vanished")):
        return
    for code, came in written[: fault.count]:
        observer, form, pec = code.split(".")
        again, at = f"{code}.again", came + timedelta(minutes=4)
        journal.commit(at, *_report(again, observer, pec, form, came, {"situation_calm": "yes"}))
        gone: list[Change] = [
            ("delete", "answer", {"report": again, "question": "situation_calm"}),
            ("delete", "report", {"report": again}),
        ]
        journal.commit(at + timedelta(minutes=50), *gone)


def _incidents(world: World, reported: list[Incident], journal: Journal) -> None:
    rng, delayed = world.script.chance("incident rows"), _network(world, "incidents")
    for i in reported:
        came = delayed(world.pec[i.pec].region if i.pec else i.region, i.reported_at + timedelta(seconds=40))
        row: Row = {
            "incident": i.incident,
            "pec": i.pec,
            "region": i.region,
            "district": i.district,
            "observer": i.observer,
            "category": i.category,
            "severity": i.severity,
            "occurred_at": utc(i.occurred_at),
            "description": i.description,
            "status": "new",
            "reported_at": utc(i.reported_at),
            "channel": i.channel,
            "deleted": 0,
        }
        journal.commit(came, ("insert", "incident", row))
        for status, first, last in (("verified", 6, 50), ("passed_on", 60, 200)):
            if rng.random() < 0.7:
                at = came + timedelta(minutes=int(rng.integers(first, last)))
                journal.commit(at, ("update", "incident", {"incident": i.incident, "status": status}))


def _arrivals(world: World, sent: Sequence[Report]) -> list[Message]:
    """Arrival comes by text message: one letter, nothing to misread."""
    phones = {p.observer: p.phone for p in world.people}
    return [
        Message(phones[r.observer], r.observer, r.received, f"KELDIM {r.pec}", r.report)
        for r in sent
        if r.form == "arrival"
    ]


def _messages(messages: list[Message], journal: Journal) -> None:
    for k, m in enumerate(messages):
        row: Row = {"message": f"T-{k + 1:04}", "sender": m.sender, "received_at": utc(m.received), "text": m.text}
        journal.commit(m.received, ("insert", "message", row | {"observer": m.observer, "report": m.report}))


def _attachments(sent: Sequence[Report], truth: Truth, journal: Journal) -> None:
    """Photographs of protocols and of the scanners' final reports."""
    kinds = {"protocol_single_constituency": "protocol", "arbb_final": "arbb_report"}
    for r in sent:
        if r.form in kinds and (r.form == "arbb_final" or truth.copies[r.pec] in ("certified", "photographed")):
            digest = hashlib.sha256(r.report.encode()).hexdigest()
            row: Row = {"attachment": f"A-{r.report}", "report": r.report, "kind": kinds[r.form], "sha256": digest}
            url = f"https://photos.observers.example/{digest[:16]}.jpg"
            journal.commit(r.received + timedelta(seconds=120), ("insert", "attachment", row | {"url": url}))


def _network(world: World, name: str) -> Callable[[str, datetime], datetime]:
    """When something sent from a region arrives."""
    fault, rng = world.script.fault("outage"), world.script.chance(f"network {name}")

    def delayed(region: str, at: datetime) -> datetime:
        return after_outage(world, fault, at, rng) if fault and region == fault.region else at

    return delayed
