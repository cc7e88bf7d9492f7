"""What was true at each sampled PEC, and so what its observers answer: dealt out to come to the published counts."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from elections.config import Checklist, Question
from rehearsal.ballots import Ballots
from rehearsal.episodes import Episode, Failed
from rehearsal.incidents import Incident
from rehearsal.script import Row
from rehearsal.turnout import Turnout
from rehearsal.world import SEEN_INSIDE, World

_FROM_SCREEN = 0.35  # of PECs: the count is read from the commission's screen
# Incidents of the day before, and the question of the mobile checklist that their PEC answered badly.
_MOBILE_SEEN = {
    "portable_box_unsealed": "boxes_sealed_single",
    "no_register_entry": "paper_list_entry_single",
    "mobile_voting_refused": "serious_violations",
    "check_differs_from_list": "complaints",
}
_NO_COPY = {"photographed": 11, "promised": 3, "refused": 2}  # of those without a certified copy


class Truth:
    """The answers of a form at each PEC that it is expected from."""

    def __init__(
        self,
        world: World,
        turnout: Turnout,
        ballots: Ballots,
        incidents: list[Incident],
        failed: Failed,
        episodes: list[Episode],
    ) -> None:
        self._world, self._turnout, self._ballots = world, turnout, ballots
        self._incidents, self._failed, self._episodes = incidents, failed, episodes
        self._place = {p.pec: k for k, p in enumerate(world.pecs)}
        self._windows = [c for c in world.election.checklists if c.window]
        rng = world.script.chance("answers")
        self.day = self._dealt_day(rng)
        self._mobile = self._dealt_mobile(rng)
        self._window_answers = self._spread_over_windows(rng)
        screens = rng.random(len(world.sampled)) < _FROM_SCREEN
        origins = ("screen" if s else "own_count" for s in screens)
        self._origin = dict(zip([p.pec for p in world.sampled], origins, strict=True))
        self.copies = self._copies(rng)

    def of(self, form: str, pec: str) -> dict[str, str]:
        """Question -> answer; a question that nobody answered is left out."""
        checklist, place = self._world.election.forms[form], self._place[pec]
        given = {q.id: a for q in self._world.election.asked(form).values() if (a := self._answer(checklist, q, pec))}
        if form == "protocol_single_constituency":
            given |= self._protocol(pec)
        if checklist.hour:
            given["voters_voted"] = str(self._turnout.voted[checklist.hour][place])
            given["count_origin"] = self._origin[pec]
        return given

    def _answer(self, checklist: Checklist, question: Question, pec: str) -> str | None:
        if question.stage == "mobile":
            return self._mobile[question.id][pec]
        if question.stage == "voting" and (pec, question.id) in self._window_answers:
            return self._window_answers[pec, question.id].get(checklist.form, question.choices[0])
        if (question.stage, question.id) in self.day:
            return self.day[question.stage, question.id].get(pec)
        if question.id == "identification_slip_count":
            return str(self._turnout.issued[self._place[pec]])
        return "yes" if question.id in ("observer_arrived", "final_report_received") else None

    def _dealt_day(self, rng: np.random.Generator) -> dict[tuple[str, str], dict[str, str]]:
        """(Stage, question) -> PEC -> the day's answer."""
        table = self._world.script.table("procedures_election_day")
        known = self._known()
        dealt = {}
        for question in self._world.election.questions:
            rows = [r for r in table if (r["stage"], r["question"]) == (question.stage, question.id)]
            if rows:
                key = (question.stage, question.id)
                dealt[key] = _deal([p.pec for p in self._world.sampled], question, rows, known.get(key, {}), rng)
        return dealt

    def _known(self) -> dict[tuple[str, str], dict[str, str]]:
        """Answers that follow from an incident at the PEC, or from its equipment."""
        known: dict[tuple[str, str], dict[str, str]] = {}
        questions = {(q.stage, q.id): q for q in self._world.election.questions}
        for i in self._incidents:
            if i.category in SEEN_INSIDE and i.pec in self._world.in_sample and self._is_election_day(i):
                key = SEEN_INSIDE[i.category]
                known.setdefault(key, {})[i.pec or ""] = questions[key].choices[-1]
        rights = [i.pec or "" for i in self._incidents if i.category == "observer_rights"]
        known["opening", "observer_rights_infringed"] = {rights[0]: "yes"}
        known["voting", "arbb_temporary_failure"] = dict.fromkeys(sorted(self._failed.arbb), "yes")
        known["voting", "identification_failure"] = dict.fromkeys(sorted(self._failed.identification), "yes")
        known["voting", "arbb_replaced_by_stationary_box"] = dict.fromkeys(sorted(self._failed.replaced), "yes")
        known["voting", "voters_turned_away_identification"] = self._failed.turned_away
        return known

    def _is_election_day(self, incident: Incident) -> bool:
        return incident.occurred_at.date() == self._world.election.date

    def _dealt_mobile(self, rng: np.random.Generator) -> dict[str, dict[str, str]]:
        questions = {q.id: q for q in self._world.election.asked("mobile_voting").values()}
        dealt = {}
        for row in self._world.script.table("mobile_voting_day"):
            question = questions[row["question"]]
            bad = question.choices[-1]
            seen = [i.pec for i in self._incidents if _MOBILE_SEEN.get(i.category) == question.id and i.pec]
            rows = [{"answer": "yes", "pecs": row["pecs"], "observed": row["observed"]}]
            known = dict.fromkeys(seen, bad)
            dealt[question.id] = _deal(self._world.with_portable_box, question, rows, known, rng)
        return dealt

    def _spread_over_windows(self, rng: np.random.Generator) -> dict[tuple[str, str], dict[str, str]]:
        """(PEC, question) -> form -> answer, where a window of the day was worse than the best."""
        forms = [c.form for c in self._windows]
        found: dict[tuple[str, str], dict[str, str]] = {}
        for question in self._world.election.questions:
            if question.stage != "voting" or question.id not in self._world.election.asked(forms[0]):
                continue
            for pec, answer in self.day["voting", question.id].items():
                if answer != question.choices[0]:
                    found[pec, question.id] = dict.fromkeys(self._when(question, pec, rng), answer)
        return found

    def _when(self, question: Question, pec: str, rng: np.random.Generator) -> list[str]:
        """The windows in which it was so: by the equipment's failures, by the incident, or any."""
        own = [e for e in self._episodes if e.pec == pec]
        if question.id == "arbb_replaced_by_stationary_box":
            start = next(e.start for e in own if e.replaced)
            return [c.form for c in self._windows if c.window and start < self._world.election.instant(c.window[1])]
        if question.meaning in ("equipment", "turned_away"):
            own = [e for e in own if e.device == question.of]
            spans = [(e.start, e.end or e.start + timedelta(minutes=1)) for e in own]
            return self._overlapping(spans if question.meaning == "equipment" else spans[:1])
        seen = [
            (i.occurred_at, i.occurred_at + timedelta(minutes=1))
            for i in self._incidents
            if i.pec == pec and self._is_election_day(i) and SEEN_INSIDE.get(i.category) == ("voting", question.id)
        ]
        if seen:
            return self._overlapping(seen)
        return [self._windows[int(rng.choice(3, p=[0.4, 0.35, 0.25]))].form]

    def _overlapping(self, spans: Iterable[tuple[datetime, datetime]]) -> list[str]:
        instant = self._world.election.instant
        return [
            c.form
            for c in self._windows
            if c.window and any(s < instant(c.window[1]) and e > instant(c.window[0]) for s, e in spans)
        ]

    def _copies(self, rng: np.random.Generator) -> dict[str, str]:
        """PEC -> what the observers had of the protocol."""
        received = self.day["counting", "protocol_copy_received_single_constituency"]
        without = rng.permutation([pec for pec, answer in received.items() if answer != "yes"]).tolist()
        kinds = [kind for kind, count in _NO_COPY.items() for _ in range(count)]
        return dict.fromkeys(received, "certified") | dict(zip(without, kinds, strict=True))

    def _protocol(self, pec: str) -> dict[str, str]:
        """The copy, and the commission's manual figures that stand in it, where observers have one."""
        place, manual, copy = self._place[pec], self._ballots.manual, self.copies[pec]
        if copy not in ("certified", "photographed"):
            return {"copy": copy}
        lines = {"registered": self._world.pec[pec].voters, **self._ballots.lines(manual, place)}
        numbers = [item.number for item in self._world.election.contests[0].lists]
        lines |= {f"votes_{n}": v for n, v in zip(numbers, manual.votes[place].tolist(), strict=True)}
        return {"copy": copy} | {name: str(value) for name, value in lines.items()}


def _deal(
    pecs: list[str], question: Question, rows: list[Row], known: dict[str, str], rng: np.random.Generator
) -> dict[str, str]:
    """PEC -> answer, each published answer at as many PECs as published; what is left gets the first other choice."""
    counts = {row["answer"]: int(row["pecs"]) for row in rows}
    observed = int(rows[0]["observed"])
    other = next((c for c in question.choices if c not in counts), None)
    if other:
        counts[other] = observed - sum(counts.values())
    for answer in known.values():
        counts[answer] -= 1
    free = rng.permutation([pec for pec in pecs if pec not in known]).tolist()
    hand = [answer for answer, count in counts.items() for _ in range(count)]
    return known | dict(zip(free, hand, strict=False))
