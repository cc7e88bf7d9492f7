"""What goes wrong with reports on their way. Each fault mends itself by the morning, but for what nobody sends."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from rehearsal.answers import Truth
from rehearsal.reports import Change, Report
from rehearsal.script import Fault
from rehearsal.turnout import Turnout
from rehearsal.world import World

_UNREADABLE = ("СРОЧНО позвоните мне", "OTKR?? 12 да да нет 4", "явка 3 1 2 не принимает код", "!!! урна")


@dataclass(frozen=True)
class Message:
    """A text message; `report` where it could be read."""

    sender: str
    observer: str
    received: datetime
    text: str
    report: str | None = None


class Faults:
    """Applies the script's faults to the reports of a day, one kind after the other."""

    def __init__(self, world: World, turnout: Turnout, truth: Truth, reports: list[Report]) -> None:
        self._world, self._turnout, self._truth = world, turnout, truth
        self.reports = list(reports)
        self._touched: set[str] = set()  # reports that something happened to: one thing each is enough
        self._morning = world.election.moment_of("00:00") + timedelta(days=1, hours=9, minutes=45)

    def apply(self) -> list[Report]:
        kinds: dict[str, Callable[[Fault, np.random.Generator], None]] = {
            "lost": self._lost,
            "protocol_differs": self._protocol_differs,
            "falling_count": self._falling_count,
            "withdrawn": self._withdrawn,
            "wrong_pec": self._wrong_pec,
            "unknown_pec": self._unknown_pec,
            "not_a_number": self._not_a_number,
            "disagreement": self._disagreement,
            "incomplete": self._incomplete,
            "late_network": self._late_network,
            "outage": self._outage,
        }
        for kind, happens in kinds.items():
            if fault := self._world.script.fault(kind):
                happens(fault, self._world.script.chance(f"fault {kind}"))
        return self.reports

    def _lost(self, fault: Fault, rng: np.random.Generator) -> None:
        """Only where all was well: the day's answer is the worst of its windows, and must not change."""
        well = [pec for pec in self._pecs(fault) if self._all_well(fault.form or "", pec)]
        gone = set(rng.choice(well, fault.count, replace=False).tolist())
        self.reports = [r for r in self.reports if not (r.form == fault.form and r.pec in gone)]

    def _all_well(self, form: str, pec: str) -> bool:
        asked = self._world.election.asked(form)
        given = self._truth.of(form, pec)
        return all(given[q.id] == q.choices[0] for q in asked.values() if q.stage == "voting" and q.id in given)

    def _falling_count(self, fault: Fault, rng: np.random.Generator) -> None:
        """Both observers wrote the same wrong number down: no conflict shows it, only the next count."""
        middling = [pec for pec in self._pecs(fault) if 700 < self._world.pec[pec].voters < 1300]
        for pec in rng.choice(middling, fault.count, replace=False).tolist():
            place = next(k for k, p in enumerate(self._world.pecs) if p.pec == pec)
            higher = str(int(self._turnout.voted["16:00"][place]) + 25)
            for k in self._of(fault.form, pec):
                self._replace(k, answers=self.reports[k].answers | {"voters_voted": higher})

    def _protocol_differs(self, fault: Fault, rng: np.random.Generator) -> None:
        """The commission published other votes than the copy says: a few moved from one list to another."""
        form = "protocol_single_constituency"
        numbers = [item.number for item in self._world.election.contests[0].lists]
        certified = sorted(pec for pec, copy in self._truth.copies.items() if copy == "certified")
        for pec in rng.choice(certified, fault.count, replace=False).tolist():
            own = self._of(form, pec)
            copy = self.reports[own[0]].answers
            votes = sorted(numbers, key=lambda n: -int(copy[f"votes_{n}"]))
            gains, loses = f"votes_{votes[int(rng.integers(6, 14))]}", f"votes_{votes[int(rng.integers(3))]}"
            moved = int(rng.integers(1, max(2, int(copy[loses]) // 3)))
            other = {gains: str(int(copy[gains]) + moved), loses: str(int(copy[loses]) - moved)}
            for k in own:
                self._replace(k, answers=copy | other)

    def _withdrawn(self, fault: Fault, rng: np.random.Generator) -> None:
        """The PEC's only report: without it the PEC is late again."""
        soon = self._world.election.instant(self._world.election.forms[fault.form or ""].due or self._morning)
        soon += timedelta(minutes=20)
        for pec in self._free_pecs(fault, rng, soon):
            kept, *others = self._of(fault.form, pec)
            first = self.reports[kept]
            again = first.received + timedelta(minutes=170)
            self._replace(kept, withdrawn=first.received + timedelta(minutes=65))
            self._resend(first, again)
            self.reports = [r for k, r in enumerate(self.reports) if k not in others]

    def _wrong_pec(self, fault: Fault, rng: np.random.Generator) -> None:
        """A digit too many or too few: the number of the PEC next door."""
        numbers = [p.pec for p in self._world.pecs if p.stratum]
        for pec in self._free_pecs(fault, rng):
            self._misnamed(self._of(fault.form, pec)[-1], numbers[(numbers.index(pec) + 1) % len(numbers)], rng)

    def _unknown_pec(self, fault: Fault, rng: np.random.Generator) -> None:
        for pec in self._free_pecs(fault, rng):
            self._misnamed(self._of(fault.form, pec)[-1], f"{pec[0]}99{pec[-1]}", rng)

    def _misnamed(self, k: int, pec: str, rng: np.random.Generator) -> None:
        report = self.reports[k]
        self._replace(k, pec=pec)
        self._resend(report, report.received + timedelta(minutes=int(rng.integers(12, 50))))

    def _not_a_number(self, fault: Fault, rng: np.random.Generator) -> None:
        """The letter О for a nought."""
        for pec in self._free_pecs(fault, rng):
            k = self._of(fault.form, pec)[-1]
            report, right = self.reports[k], self.reports[k].answers["voters_voted"]
            change = Change(report.received + timedelta(minutes=int(rng.integers(25, 60))), {"voters_voted": right})
            self._replace(k, answers=report.answers | {"voters_voted": right[:-1] + "О"}, changes=(change,))

    def _disagreement(self, fault: Fault, rng: np.random.Generator) -> None:
        """The second observer answers otherwise; somebody rings, and the answer is corrected or sent again."""
        pairs: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for k, r in enumerate(self.reports):
            pairs[r.form, r.pec].append(k)
        both = [
            ks[-1] for ks in pairs.values() if len(ks) == 2 and not self._touched & {self.reports[k].report for k in ks}
        ]
        for k in both:
            report = self.reports[k]
            if rng.random() < fault.share and (wrong := self._wrong_answer(report, rng)):
                at = min(report.received + timedelta(minutes=int(rng.integers(18, 150))), self._morning)
                right = {question: report.answers[question] for question in wrong}
                if rng.random() < 0.6:
                    self._replace(k, answers=report.answers | wrong, changes=(Change(at, right),))
                else:
                    self._replace(k, answers=report.answers | wrong)
                    self._resend(report, at)

    def _wrong_answer(self, report: Report, rng: np.random.Generator) -> dict[str, str]:
        """One question answered otherwise than the other observer did."""
        asked = self._world.election.asked(report.form)
        required = sorted(self._world.election.required(report.form) & set(report.answers))
        if len(required) < 2:
            return {}
        question = asked[str(rng.choice(required))]
        given = report.answers[question.id]
        if question.type == "number":
            return {question.id: str(round(int(given) * float(rng.choice([0.85, 1.1, 1.2])) + 6))}
        return {question.id: str(rng.choice([c for c in question.choices if c != given]))} if question.choices else {}

    def _incomplete(self, fault: Fault, rng: np.random.Generator) -> None:
        for k, report in enumerate(self.reports):
            required = sorted(self._world.election.required(report.form) & set(report.answers))
            if report.report in self._touched or len(required) < 2 or rng.random() >= fault.share:
                continue
            question = str(rng.choice(required))
            at = min(report.received + timedelta(minutes=int(rng.integers(10, 70))), self._morning)
            rest = {q: a for q, a in report.answers.items() if q != question}
            self._replace(k, answers=rest, changes=(Change(at, {question: report.answers[question]}),))

    def _late_network(self, fault: Fault, rng: np.random.Generator) -> None:
        """Sent minutes before it came; never before the checklist opened."""
        for k, report in enumerate(self.reports):
            if rng.random() < fault.share:
                opens = self._world.election.instant(self._world.election.forms[report.form].opens)
                sent = report.received - timedelta(minutes=int(rng.integers(4, 45)))
                if report.number == 1:
                    self.reports[k] = replace(report, submitted=min(report.submitted, max(sent, opens)))

    def _outage(self, fault: Fault, rng: np.random.Generator) -> None:
        """What was sent while the network was down comes in the half hour after."""
        for k, r in enumerate(self.reports):
            if self._world.pec[r.observer.split("-")[1]].region == fault.region:
                received = after_outage(self._world, fault, r.received, rng)
                changes = tuple(replace(c, at=max(c.at, received + timedelta(minutes=3))) for c in r.changes)
                moved = tuple(replace(c, at=after_outage(self._world, fault, c.at, rng, 40)) for c in changes)
                self.reports[k] = replace(r, received=received, changes=moved)

    def _pecs(self, fault: Fault) -> list[str]:
        """PECs that sent this form, but for those of the region whose network is down: it is enough for them."""
        outage = self._world.script.fault("outage")
        down = outage.region if outage else None
        return sorted({r.pec for r in self.reports if r.form == fault.form and self._world.pec[r.pec].region != down})

    def _free_pecs(self, fault: Fault, rng: np.random.Generator, by: datetime | None = None) -> list[str]:
        """PECs whose reports nothing happened to yet, and where asked, came by a time."""
        touched = {r.pec for r in self.reports if r.report in self._touched}
        touched |= {r.pec for r in self.reports if by and r.form == fault.form and r.received > by}
        free = [pec for pec in self._pecs(fault) if pec not in touched]
        return [str(pec) for pec in rng.choice(free, fault.count, replace=False)]

    def _of(self, form: str | None, pec: str) -> list[int]:
        return [k for k, r in enumerate(self.reports) if (r.form, r.pec) == (form, pec)]

    def _replace(self, k: int, **changed: object) -> None:
        self._touched.add(self.reports[k].report)
        self.reports[k] = replace(self.reports[k], **changed)  # type: ignore[arg-type]  # -- names of its fields

    def _resend(self, report: Report, received: datetime) -> None:
        """The same observer's next report of the form, with the right answers."""
        again = replace(report, submitted=received - timedelta(seconds=20), received=received, number=report.number + 1)
        self._touched.add(again.report)
        self.reports.append(again)


def after_outage(world: World, fault: Fault, at: datetime, rng: np.random.Generator, slack: int = 35) -> datetime:
    """When a message of the region arrives: at its time, or within minutes after the network is back."""
    starts, ends = fault.starts, fault.ends
    if not (starts and ends):
        raise ValueError("an outage needs 'from' and 'to'")
    if not world.election.instant(starts) <= at < world.election.instant(ends):
        return at
    return world.election.instant(ends) + timedelta(seconds=int(rng.integers(20, slack * 60)))


def unreadable(world: World, reports: list[Report]) -> list[Message]:
    """Text messages that no program could read, from observers whose checklist came later."""
    fault = world.script.fault("unreadable_message")
    if not fault:
        return []
    rng = world.script.chance("unreadable")
    phones = {p.observer: p.phone for p in world.people}
    late = world.election.moment_of("12:40")
    slow = [r for r in reports if r.form == "voting_12" and r.received > late and r.number == 1]
    found = []
    for k, n in enumerate(rng.choice(len(slow), fault.count, replace=False)):
        at = slow[n].received - timedelta(minutes=int(rng.integers(8, 30)))
        found.append(Message(phones[slow[n].observer], slow[n].observer, at, _UNREADABLE[k % len(_UNREADABLE)]))
    return found
