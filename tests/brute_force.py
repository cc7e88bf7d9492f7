"""The figures once more, from the observation database's own rows, in plain loops; shares no code with the queries."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa
from scipy import special

from elections.config import Checklist, Election, Question

Row = dict[str, Any]
VIEWS = ("obs_pec", "obs_observer", "obs_report", "obs_answer", "obs_incident")


def read(database: sa.Engine) -> dict[str, list[Row]]:
    """The rows of the contract's views as they are now; deleted ones are gone."""
    found = {}
    with database.connect() as conn:
        for view in VIEWS:
            rows = [dict(r) for r in conn.execute(sa.text(f"select * from {view}")).mappings()]  # noqa: S608 -- our names
            found[view] = [r for r in rows if not r.get("deleted")]
    return found


@dataclass
class Said:
    """What a PEC's observers say to one question of one checklist."""

    values: list[str]  # of the active reports, the latest submitted first
    differ: bool


@dataclass
class Day:
    """The observation database at a moment, and what PECs say in it."""

    election: Election
    at: datetime
    rows: dict[str, list[Row]]

    def __post_init__(self) -> None:
        self.pecs = {r["pec"]: r for r in self.rows["obs_pec"]}
        self.sampled = {code: r for code, r in self.pecs.items() if r["in_sample"]}
        observers = {r["observer"]: r for r in self.rows["obs_observer"]}
        answers: dict[str, dict[str, str]] = defaultdict(dict)
        changed: dict[str, list[datetime]] = defaultdict(list)
        for r in self.rows["obs_answer"]:
            answers[r["report"]][r["question"]] = r["value"]
            changed[r["report"]].append(_time(r["updated_at"]))
        self.episodes: list[Row] = []
        active: dict[tuple[str, str, str], Row] = {}
        for r in self.rows["obs_report"]:
            observer = observers.get(r["observer"])
            if r["pec"] not in self.pecs or observer is None:
                continue
            if observer["role"] == "sto" and observer["pec"] != r["pec"]:
                continue
            sent = _time(r["submitted_at"])
            own = {"answers": answers.get(r["report"], {}), "changed": changed.get(r["report"], [])}
            report = r | own | {"sent": sent}
            if r["form"] == "equipment_episode":
                self.episodes.append(report)
            key = (r["pec"], r["form"], r["observer"])
            if key not in active or (sent, r["report"]) > (active[key]["sent"], active[key]["report"]):
                active[key] = report
        together: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for (pec, form, _), report in active.items():
            together[pec, form].append(report)
        self.said = {key: self._said(key[1], reports) for key, reports in together.items()}

    def _said(self, form: str, reports: list[Row]) -> dict[str, Said]:
        """Question -> what the active reports say."""
        found = {}
        reports = sorted(reports, key=lambda r: (r["sent"], r["report"]), reverse=True)
        for name, question in self.election.asked(form).items():
            values = [r["answers"][name] for r in reports if name in r["answers"]]
            values = [v for v in values if _good(question, v)]
            if values:
                found[name] = Said(values, _differ(question, values))
        return found

    def state(self, pec: str, checklist: Checklist) -> str:
        said = self.said.get((pec, checklist.form), {})
        required = [said.get(name) for name in self.election.required(checklist.form)]
        if any(s and s.differ for s in required):
            return "conflict"
        if all(required):
            return "received"
        if any(required):
            return "incomplete"
        local = self.at.astimezone(self.election.tz).replace(tzinfo=None)
        if checklist.asked_until and local > checklist.asked_until:
            return "lost"
        assert checklist.due
        if local > checklist.due + timedelta(minutes=checklist.grace):
            return "late"
        return "due" if local >= checklist.opens else "not_due"

    def coverage(self) -> dict[tuple[str, str, str], int]:
        """(form, region, state) -> PECs."""
        counts: dict[tuple[str, str, str], int] = defaultdict(int)
        for checklist in self.election.checklists:
            if checklist.due is None or checklist.expected_from == "any":
                continue
            for code, pec in self.sampled.items():
                if checklist.expected_from == "sample" or pec["mobile_applications"]:
                    counts[checklist.form, pec["region"], self.state(code, checklist)] += 1
        return dict(counts)

    def incidents(self) -> dict[tuple[str, str], tuple[int, int]]:
        """(region, category) -> reports, PECs."""
        reports: dict[tuple[str, str], list[str | None]] = defaultdict(list)
        for r in self.rows["obs_incident"]:
            pec = self.pecs.get(r["pec"])
            reports[pec["region"] if pec else r["region"], r["category"]].append(r["pec"])
        return {key: (len(pecs), len(set(pecs) - {None})) for key, pecs in reports.items()}

    def of_day(self, question: Question) -> dict[str, int | None]:
        """Sampled PEC -> the place of its worst answer (from 0), or None where it is open."""
        found: dict[str, int | None] = {}
        forms = [f for f in self.election.forms if self.election.asked(f).get(question.id) == question]
        for code in self.sampled:
            known, doubtful = [], []
            for form in forms:
                said = self.said.get((code, form), {}).get(question.id)
                if said:
                    ranks = [question.choices.index(v) for v in said.values]
                    (doubtful if said.differ else known).append(max(ranks))
            if known and max(known) >= max(doubtful, default=-1):
                found[code] = max(known)
            elif doubtful:
                found[code] = None
        return found

    def procedures(self) -> dict[tuple[str, str, str], Row]:
        """(stage, question, answer) -> count, n, conflicts and, of all PECs, value, low, high."""
        found = {}
        for q in self.election.questions:
            forms = [c for f, c in self.election.forms.items() if self.election.asked(f).get(q.id) == q]
            if q.type != "choice" or not any(c.expected_from != "any" for c in forms):
                continue
            day = self.of_day(q)
            if all(c.expected_from == "applications" for c in forms):
                day = {pec: rank for pec, rank in day.items() if self.sampled[pec]["mobile_applications"]}
                everywhere = False
            else:
                everywhere = True
            answered = {pec: rank for pec, rank in day.items() if rank is not None}
            for place, answer in enumerate(q.choices):
                yes = {pec: int(rank == place) for pec, rank in answered.items()}
                row = {"count": sum(yes.values()), "n": len(yes), "conflicts": len(day) - len(yes)}
                found[q.stage, q.id, answer] = row | (self._proportion(yes) if everywhere else {})
        return found

    def equipment(self) -> dict[str, Row]:
        """Device -> pecs_failed, n, failed_of_n, conflicts, without_end, open_at_least and _most, value, low, high."""
        found = {}
        for question in self.election.questions:
            if question.meaning != "equipment":
                continue
            own = [e for e in self.episodes if e["answers"].get("device") == question.of]
            day = self.of_day(question)
            with_episode = {e["pec"] for e in own if e["pec"] in self.sampled}
            failed = {
                pec: int(rank == len(question.choices) - 1 or pec in with_episode)
                for pec, rank in day.items()
                if rank is not None
            }
            without = [e for e in own if "to" not in e["answers"] and e["pec"] in self.sampled]
            # a correction is news when it is loaded, minutes after it was written: at the edge it may be either
            surely = {e["pec"] for e in without if self._news(e) > self.at - timedelta(minutes=60)}
            maybe = {e["pec"] for e in without if self._news(e) > self.at - timedelta(minutes=70)}
            found[str(question.of)] = {
                "pecs_failed": len(with_episode | {pec for pec, yes in failed.items() if yes}),
                "n": len(failed),
                "failed_of_n": sum(failed.values()),
                "conflicts": sum(rank is None for rank in day.values()),
                "without_end": len({e["pec"] for e in without}),
                "open_at_least": len(surely),
                "open_at_most": len(maybe),
                **self._proportion(failed),
            }
        return found

    def _news(self, episode: Row) -> datetime:
        corrected = [at for at in episode["changed"] if at > min(episode["changed"])]
        return max([episode["sent"], *corrected])

    def turnout(self) -> dict[str, Row]:
        """Hour -> n, falling, conflicts, value, margin, merged; of hours that have come."""
        found = {}
        highest: dict[str, float] = {}
        for form in sorted((c for c in self.election.checklists if c.hour), key=lambda c: str(c.hour)):
            if self.election.moment_of(str(form.hour)) > self.at:
                continue
            used, falling, conflicts = {}, 0, 0
            for code in self.sampled:
                said = self.said.get((code, form.form), {}).get("voters_voted")
                if said is None:
                    continue
                count = float(said.values[0])
                if said.differ:
                    conflicts += 1
                elif count < highest.get(code, 0):
                    falling += 1
                else:
                    used[code] = highest[code] = count
            found[str(form.hour)] = {"n": len(used), "falling": falling, "conflicts": conflicts, **self._ratio(used)}
        return found

    def _strata(self, pecs: Iterable[str]) -> tuple[dict[str, str], dict[str, int]] | None:
        """PEC -> stratum, stratum -> N_h, those with fewer than two PECs merged with their partners."""
        merged = {s.id: frozenset({s.id}) for s in self.election.strata}
        partner = {s.id: s.merge_with for s in self.election.strata}
        size = {s.id: s.pecs for s in self.election.strata}
        of = {pec: self.pecs[pec]["stratum"] for pec in pecs}
        while True:
            groups = set(merged.values())
            small = [g for g in groups if sum(s in g for s in of.values()) < 2]
            if not small:
                label = {s: "+".join(sorted(g)) for s, g in merged.items()}
                sizes = {"+".join(sorted(g)): sum(size[s] for s in g) for g in groups}
                return {pec: label[s] for pec, s in of.items()}, sizes
            for group in small:
                out = [partner[s] for s in group if partner[s] and partner[s] not in group]
                if not out:
                    return None
                whole = merged[str(out[0])] | group
                merged |= dict.fromkeys(whole, whole)

    def _ratio(self, counts: dict[str, float]) -> Row:
        """Turnout and its margin, as statistics.md writes them."""
        strata = self._strata(counts)
        if strata is None:
            return {"value": None, "margin": None, "merged": ()}
        of, sizes = strata
        r = pd.Series(of).value_counts()
        frame = pd.DataFrame({"y": counts, "h": of, "x": {p: self.pecs[p]["registered_voters"] for p in counts}})
        w = frame["h"].map(sizes) / frame["h"].map(r)
        share = (w * frame["y"]).sum() / (w * frame["x"]).sum()
        z = w * (frame["y"] - share * frame["x"]) / (w * frame["x"]).sum()
        variance = sum(
            (1 - r[h] / sizes[h]) * r[h] / (r[h] - 1) * ((own - own.mean()) ** 2).sum()
            for h, own in z.groupby(frame["h"])
        )
        t = special.stdtrit(len(frame) - len(sizes), 1 - (1 - self.election.estimates.confidence) / 2)
        merged = tuple(sorted(h for h in sizes if "+" in h))
        return {"value": share, "margin": t * math.sqrt(variance), "merged": merged}

    def _proportion(self, yes: dict[str, int]) -> Row:
        """The share of all PECs with its Korn-Graubard interval, as statistics.md writes them."""
        strata = self._strata(yes)
        if strata is None:
            return {"value": None, "low": None, "high": None}
        of, sizes = strata
        whole, n, alpha = sum(sizes.values()), len(yes), 1 - self.election.estimates.confidence
        groups: dict[str, list[int]] = defaultdict(list)
        for pec, answer in yes.items():
            groups[of[pec]].append(answer)
        p = sum(sizes[h] / whole * sum(own) / len(own) for h, own in groups.items())
        v = sum(
            (sizes[h] / whole) ** 2 * (1 - len(own) / sizes[h]) * q * (1 - q) / (len(own) - 1)
            for h, own in groups.items()
            for q in [sum(own) / len(own)]
        )
        wide = special.stdtrit(n - 1, 1 - alpha / 2) / special.stdtrit(n - len(groups), 1 - alpha / 2)
        star = (p * (1 - p) / v if v > 0 else n) * wide**2
        x = star * p
        low = special.betaincinv(x, star - x + 1, alpha / 2) if p > 0 else 0.0
        high = special.betaincinv(x + 1, star - x, 1 - alpha / 2) if p < 1 else 1.0
        return {"value": p, "low": low, "high": high}


def _time(value: str | datetime) -> datetime:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _good(question: Question, value: str) -> bool:
    if question.type == "choice":
        return value in question.choices
    if question.type == "number":
        return value.isdigit()
    return bool(value)


def _differ(question: Question, values: list[str]) -> bool:
    if question.type == "choice":
        return len(set(values)) > 1
    if question.type == "number":
        numbers = [float(v) for v in values]
        return max(numbers) - min(numbers) > question.tolerance * max(numbers)
    return False
