"""A night of full size in a store: 2,435 published PECs, 300 protocols of two observers each, 40 lists; its news."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from elections.config import Checklist, Election, Question, read
from queries.judging import judge
from store import clock
from store import tables as t
from store.loading import loading

LISTS = 40
NEWS = 9  # loads that are kept back, to come while it is measured
MORNING = "2021-11-29T10:00"
_LATE_PECS, _LATE_PROTOCOLS, _LATE_COUNTS = 20, 4, 3  # of each of the news: published PECs, observed ones, counts
_CORRECTED = 5  # protocols that the commission changes in each of the news, and in each load before them
_TOGETHER = 15  # PECs whose reports come in one load
_CONTEST, _OBSERVERS, _COMMISSION = "single_constituency", "observation", "commission"
_PROTOCOL = f"protocol_{_CONTEST}"
_PAYLOADS = (("machine", "20:05", 8, 6), ("manual", "22:00", 40, 12))  # count, the first, minutes between them, number
Row = dict[str, Any]


def election(folder: Path) -> Election:
    """The election of 2021 with 40 lists on its ballot."""
    contest = f'id = "{_CONTEST}"\nname = {{ en = "Lists" }}\nshare_of = "found"\nprotocol_form = "{_PROTOCOL}"'
    lists = [f'  {{ id = "L{n:02}", number = "{n}", name = {{ en = "L{n}" }} }},' for n in range(1, LISTS + 1)]
    head = [f'extends = "{read("kg-2021-11-28").folder}"', 'languages = ["en"]', "[[contests]]", contest]
    folder.mkdir(exist_ok=True)
    (folder / "election.toml").write_text("\n".join([*head, "lists = [", *lists, "]", ""]), "utf-8")
    return read(folder)


class Night:
    """What happened everywhere: the same in every process. `fill` puts it into a store, `news` what was kept back."""

    def __init__(self, of: Election) -> None:
        self.election, self._chance = of, np.random.default_rng(2021)
        districts = {r.id: [d.id for d in of.districts if d.region == r.id] for r in of.regions}
        self.frame: list[Row] = [
            {"pec": f"{number}{i:04}", "region": s.id, "district": districts[s.id][i % len(districts[s.id])],
             "stratum": s.id, "registered_voters": int(self._chance.integers(300, 2500)),
             "in_sample": int(i < s.sampled), "mobile_applications": int(self._chance.integers(0, 3))}
            for number, s in enumerate(of.strata, 1) for i in range(s.pecs)
        ]  # fmt: skip
        self._chance.shuffle(self.frame)
        self.sampled = [row for row in self.frame if row["in_sample"]]
        shares = self._chance.dirichlet(np.full(LISTS, 0.5))
        self.manual = {row["pec"]: self._protocol(row["registered_voters"], shares) for row in self.frame}
        self.machine = {pec: self._moved(p) if self._chance.random() < 0.05 else p for pec, p in self.manual.items()}
        self._protocols = {"machine": self.machine, "manual": self.manual}
        self._published: dict[str, list[str]] = {"machine": [], "manual": []}

    def _protocol(self, registered: int, shares: Any) -> dict[str, float]:
        found = int(registered * self._chance.uniform(0.2, 0.55))
        invalid = int(self._chance.integers(0, 1 + found // 30))
        votes = dict(zip(self._lists(), self._chance.multinomial(found - invalid, shares).tolist(), strict=True))
        ballots = {"received": registered, "issued": found, "unused": registered - found, "spoiled": 0}
        counted = {"found": found, "valid": found - invalid, "invalid": invalid}
        return {"registered": registered, **ballots, **counted, **votes}

    def _lists(self) -> list[str]:
        return [item.id for item in self.election.contests[0].lists]

    def _moved(self, protocol: Mapping[str, float]) -> dict[str, float]:
        """The protocol with two votes of one list gone to another."""
        first, second = sorted(self._lists(), key=lambda name: -protocol[name])[:2]
        return {**protocol, first: protocol[first] - 2, second: protocol[second] + 2}

    def fill(self, store: sa.Engine) -> None:
        """The day, then the night until the last of it is missing; every poll of the commission judged."""
        with clock.frozen(self.election.moment_of("2021-11-27T06:00")), loading(store, "frame") as load:
            load.put(t.pec, self.frame, current={})
        for _, happens in sorted(self._happens(store), key=lambda event: event[0]):
            happens()
        for _ in judge(store, self.election):
            pass

    def _happens(self, store: sa.Engine) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """What comes into the store, and when."""
        for checklist in self.election.checklists:
            opens = self.election.instant(checklist.opens)
            for i, pecs in enumerate(self._expected(checklist)):
                at = opens + timedelta(minutes=2 * i)
                yield at, partial(self._reports, store, checklist, pecs, at)
        for hour in ("12:00", "14:00", "16:00", "18:00", "20:00"):
            at = self.election.moment_of(hour) + timedelta(minutes=20)
            yield at, partial(self._turnout, store, hour, at)
        for count, first, minutes, number in _PAYLOADS:
            for i, part in enumerate(self._parts(count, number)):
                at = self.election.moment_of(first) + timedelta(minutes=minutes * i)
                yield at, partial(self._payload, store, count, part, at)

    def _parts(self, count: str, number: int) -> Iterator[list[str]]:
        """The PECs that the payloads of a count bring, but those that are kept back."""
        pecs = [row["pec"] for row in self.frame]
        there = len(pecs) - NEWS * _LATE_PECS if count == "manual" else len(pecs)
        for i in range(number):
            yield pecs[there * i // number : there * (i + 1) // number]

    def _expected(self, checklist: Checklist) -> Iterator[list[Row]]:
        """The PECs that send a checklist but those whose reports are kept back, a few that come together at a time."""
        if checklist.expected_from == "any":
            return
        back = self._kept_back({_PROTOCOL: _LATE_PROTOCOLS, "closing": _LATE_COUNTS}.get(checklist.form, 0))
        asked = checklist.expected_from == "sample"
        pecs = [p for p in self.sampled if p not in back and (asked or p["mobile_applications"])]
        for start in range(0, len(pecs), _TOGETHER):
            yield pecs[start : start + _TOGETHER]

    def news(self, store: sa.Engine, number: int) -> None:
        """What was kept back comes: a payload with new protocols and changed ones, and new reports of observers."""
        own = slice(number * _LATE_PROTOCOLS, (number + 1) * _LATE_PROTOCOLS)
        late = slice(number * _LATE_COUNTS, (number + 1) * _LATE_COUNTS)
        at = self.election.moment_of(MORNING) + timedelta(minutes=5 * number - 60)
        forms = self.election.forms
        self._reports(store, forms[_PROTOCOL], self._kept_back(_LATE_PROTOCOLS)[own], at)
        self._reports(store, forms["closing"], self._kept_back(_LATE_COUNTS)[late], at)
        self._catch_up(number)
        self._payload(store, "manual", self._late_pecs(number), at)

    def _kept_back(self, of_each: int) -> list[Row]:
        return self.sampled[: NEWS * of_each]

    def _late_pecs(self, number: int) -> list[str]:
        first = len(self.frame) - (NEWS - number) * _LATE_PECS
        return [row["pec"] for row in self.frame[first : first + _LATE_PECS]]

    def _catch_up(self, number: int) -> None:
        """What a process must know that did not fill the store: what was published before these news, and how."""
        if not self._published["manual"]:
            for count, _, _, parts in _PAYLOADS:
                for pecs in self._parts(count, parts):
                    self._publish(count, pecs)
            for before in range(number):
                self._publish("manual", self._late_pecs(before))

    def _reports(self, store: sa.Engine, checklist: Checklist, pecs: Sequence[Row], at: datetime) -> None:
        reports: list[Row] = []
        answers: list[Row] = []
        for place, pec in enumerate(pecs):
            said = dict(self._answers(checklist, pec))
            sent = at - timedelta(seconds=len(pecs) - place)
            for observer in ("1", "2"):
                key = {"source": _OBSERVERS, "report": f"{checklist.form}-{pec['pec']}-{observer}"}
                reports.append(key | {"observer": f"{pec['pec']}-{observer}", "pec": pec["pec"], "form": checklist.form,
                                      "submitted_at": sent, "complete": 1, "held": None})  # fmt: skip
                answers += [{**key, "question": q, "value": v, "number": n} for q, (v, n) in said.items()]
        with clock.frozen(at), loading(store, _OBSERVERS) as load:
            load.put(t.report, reports, current={})
            load.put(t.answer, answers, current={})

    def _answers(self, checklist: Checklist, pec: Row) -> Iterator[tuple[str, tuple[str, float | None]]]:
        """Question -> value and number, as both observers of a PEC say."""
        protocol = self.manual[pec["pec"]]
        for question in self.election.asked(checklist.form).values():
            if question.type == "number":
                number = float(self._number(checklist, question, protocol))
                yield question.id, (f"{number:g}", number)
            elif question.type == "choice":
                better = self._chance.random() < 0.9
                yield question.id, (question.choices[0 if better else -1], None)

    def _number(self, checklist: Checklist, question: Question, protocol: Mapping[str, float]) -> float:
        if question.meaning == "protocol" and question.of:
            return protocol[question.of]
        passed = (int(checklist.hour[:2]) - 8) / 12 if checklist.hour else 1.0
        return round(protocol["found"] * passed)

    def _turnout(self, store: sa.Engine, hour: str, at: datetime) -> None:
        """The commission's turnout by region."""
        passed, payload = (int(hour[:2]) - 8) / 12, self._archived(store, "turnout", at)
        rows: list[Row] = []
        for region in dict.fromkeys(row["region"] for row in self.frame):
            own = [row for row in self.frame if row["region"] == region]
            figures = {
                "registered": sum(row["registered_voters"] for row in own),
                "voted": sum(round(self.manual[row["pec"]]["found"] * passed) for row in own),
                "pecs": len(own),
            }
            rows += _rows({"scope": "region", "place": region, "count": "turnout", "hour": hour}, figures, payload)
        self._poll(store, rows, [], at, "turnout", payload)

    def _payload(self, store: sa.Engine, count: str, pecs: Sequence[str], at: datetime) -> None:
        """New protocols of PECs, a few changed ones, and the table of the country that goes with them."""
        by_code = {row["pec"]: row for row in self.frame}
        protocols, changed = self._protocols[count], self._publish(count, pecs)
        published = self._published[count]
        payload, table = self._archived(store, count, at), self._archived(store, f"{count}_summary", at)
        key: Row = {"scope": "pec", "count": count, "hour": ""}
        new, again = (
            [row for pec in some
             for row in _rows(key | _place(by_code[pec]), protocols[pec], payload)]
            for some in (pecs, changed)
        )  # fmt: skip
        sums = {line: float(sum(protocols[pec][line] for pec in published)) for line in next(iter(protocols.values()))}
        country = key | {"scope": "country", "place": ""}
        again += _rows(country, sums | {"pecs": float(len(published))}, table)
        percents = {name: round(100 * sums[name] / sums["found"], 2) for name in self._lists()}
        again += _rows(country, percents, table, "percent")
        self._poll(store, new, again, at, count, payload)

    def _poll(
        self, store: sa.Engine, new: Sequence[Row], again: Sequence[Row], at: datetime, feed: str, payload: int
    ) -> None:
        """A poll with these rows, in one load, and one a minute later that finds nothing new."""
        with clock.frozen(at), loading(store, _COMMISSION) as load:
            load.put(t.published, new, current={})
            load.put(t.published, again)
            load.cursor = {feed: {"payload": payload, "mapping": ""}}
        poll = {"source": _COMMISSION, "outcome": "ok", "seen": len(new) + len(again), "milliseconds": 100}
        with store.begin() as conn:
            for when, made in ((at, load.id), (at + timedelta(minutes=1), None)):
                looked = t.poll.insert().returning(t.poll.c.id)
                number = conn.execute(looked, poll | {"polled_at": when, "load": made}).scalar_one()
                feeds = self.election.source(_COMMISSION).feeds
                conn.execute(t.poll_feed.insert(), [{"poll": number, "feed": f.id} for f in feeds])

    def _publish(self, count: str, pecs: Sequence[str]) -> list[str]:
        """These PECs are published now; the ones that were before, and that the commission changes with it."""
        published, protocols = self._published[count], self._protocols[count]
        changed = published[7 * len(pecs) % 11 :: max(1, len(published) // _CORRECTED)][:_CORRECTED]
        for pec in changed:
            protocols[pec] = self._moved(protocols[pec])
        published += pecs
        return changed

    def _archived(self, store: sa.Engine, feed: str, at: datetime) -> int:
        row = {"source": _COMMISSION, "feed": feed, "fetched_at": at, "size": 0, "sha256": json.dumps([feed, str(at)]),
               "body": b""}  # fmt: skip
        with store.begin() as conn:
            return int(conn.execute(t.payload.insert().returning(t.payload.c.id), row).scalar_one())


def _rows(key: Row, figures: Mapping[str, float], payload: int, unit: str = "number") -> list[Row]:
    same = {"source": _COMMISSION, "contest": _CONTEST, "unit": unit, "payload": payload}
    return [same | key | {"line": line, "value": float(value)} for line, value in figures.items()]


def _place(pec: Row) -> Row:
    return {"place": pec["pec"], "region": pec["region"], "district": pec["district"]}
