"""Procedures: what observers saw at the sampled PECs, answer by answer, and what it says of all PECs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from elections.config import Checklist, Election, Question
from queries import answers, sample
from queries.estimates import Floats, proportion
from queries.kept import Kept
from queries.light import Shown, Thresholds, drift, light
from queries.moment import Moment
from queries.turnout import drawn_of, estimate_columns, thresholds

COLUMNS = ["stage", "question", "answer", "count", "n", "of", "value", "low", "high", "margin", "confidence", "light",
           "drift", "reasons", "conflicts", "merged_strata", "windows"]  # fmt: skip


@dataclass(frozen=True)
class Window:
    """A time of the day that an answer is about, and how many of the sampled PECs have told of it."""

    since: datetime
    until: datetime
    pecs: int


def procedures(
    m: Moment, stage: str | None = None, question: str | None = None, region: str | None = None
) -> pd.DataFrame:
    """One row a question's answer, also of those that nobody gave.

    stage, question, answer, count (PECs that say so for the day), n (PECs that answered and are not in conflict),
    of (sampled; in the stage of voting outside the premises those with applications), value, low, high (of all PECs,
    and the interval shown; none under a red light, and none for PECs with applications: how many of those there are
    in a stratum was not fixed at the draw), margin, confidence, light, drift, reasons (as of `turnout`; a worst case
    means nothing for yes and no), conflicts (PECs out of n because their observers differ), merged_strata, windows
    (the times of the day that PECs have told of so far, where the checklists ask about times: of several the worst
    answer counts, and a PEC that has told of one alone is in n).
    """
    asked = [
        q for q in answers.questions(m.election, _counted) if stage in (None, q.stage) and question in (None, q.id)
    ]
    pecs = sample.pecs(m, region)[["pec", "region", "stratum", "mobile_applications"]]
    pecs = pecs.assign(place=np.arange(len(pecs)))
    drawn = _drawn(m, region)
    subjects = [answers.subject(q) for q in asked]
    said = answers.day_answers(m, subjects, pecs)
    by_subject = {str(subject): np.asarray(rows) for subject, rows in said.groupby("subject").indices.items()}
    day = _Day(
        place=said["place"].to_numpy(),
        rank=said["rank"].to_numpy(),
        conflict=said["conflict"].to_numpy(),
        stratum=said["stratum"].to_numpy(dtype=object),
        applied=said["mobile_applications"].to_numpy(dtype=np.float64) > 0,
    )
    first, forms = _first(m, pecs["pec"]), _forms(m.election)
    windows = _windows(m, subjects, pecs["pec"])
    rows: list[dict[str, Any]] = []
    for q, subject in zip(asked, subjects, strict=True):
        own = day.at(by_subject.get(subject, np.empty(0, dtype=np.intp)))
        about = windows.get(subject, ())
        if only_with_applications(m.election, q):
            of = int((pecs["mobile_applications"] > 0).sum())
            rows += _rows(m.election, q, own.at(own.applied), np.zeros(len(pecs)), None, of, about)
        else:
            order = np.min([first[form] for form in forms[subject]], axis=0)
            rows += _rows(m.election, q, own, order, drawn, drawn.of if drawn else len(pecs), about)
    return sample.numbers(pd.DataFrame(rows, columns=COLUMNS))


@dataclass(frozen=True)
class _Day:
    """What PECs say for the day, a row a PEC and question."""

    place: NDArray[np.intp]  # of the PEC among the sampled ones
    rank: Floats
    conflict: NDArray[np.bool_]
    stratum: NDArray[Any]
    applied: NDArray[np.bool_]  # voters applied to vote outside the premises

    def at(self, chosen: NDArray[Any]) -> "_Day":
        return _Day(*(column[chosen] for column in vars(self).values()))


def _counted(checklist: Checklist, question: Question) -> bool:
    return checklist.expected_from != "any" and question.type == "choice"


def about_the_day(election: Election) -> list[Question]:
    """The questions about what happened at a PEC. Where a count was read from is told with the count."""
    return [q for q in answers.questions(election, _counted) if q.meaning != "turnout_origin"]


def stages(election: Election) -> dict[str, Checklist]:
    """The stages that these are about, in the order of the day, each with the checklist that asks about it first."""
    first: dict[str, Checklist] = {}
    asked = {answers.subject(q): q.stage for q in about_the_day(election)}
    for checklist in sorted(election.checklists, key=lambda c: c.opens):
        for stage in (asked[key] for key in checklist.questions if key in asked):
            if checklist.expected_from != "any":
                first.setdefault(stage, checklist)
    return first


def only_with_applications(election: Election, question: Question) -> bool:
    """Whether it is asked where voters applied to vote outside the premises alone: counted, and never estimated."""
    forms = [c for f, c in election.forms.items() if election.asked(f).get(question.id) == question]
    return all(c.expected_from == "applications" for c in forms)


def _windows(m: Moment, subjects: Sequence[str], pecs: pd.Series) -> dict[str, tuple[Window, ...]]:
    """By subject the windows that some of these PECs have told of, from the earliest."""
    windows = {f: c.window for f, c in m.election.forms.items() if c.window}
    told = answers.answers(m)
    told = told[told["form"].isin(windows) & told["subject"].isin(subjects) & told["pec"].isin(pecs)]
    found: dict[str, list[Window]] = {}
    counts = told.groupby(["subject", "form"], observed=True).size().reset_index(name="pecs")
    for subject, form, n in counts.itertuples(index=False):
        since, until = (m.election.instant(at) for at in windows[form])
        found.setdefault(str(subject), []).append(Window(since, until, int(n)))
    return {subject: tuple(sorted(of, key=lambda w: w.since)) for subject, of in found.items()}


def _drawn(m: Moment, region: str | None) -> sample.Drawn | None:
    everywhere = sample.drawn(m.election)
    return everywhere if region is None else sample.by_region(everywhere, sample.pecs(m)).get(region)


def _forms(election: Election) -> dict[str, frozenset[str]]:
    """The checklists that ask a question, by its subject."""
    found: dict[str, set[str]] = {}
    for form in election.forms:
        for question in election.asked(form).values():
            found.setdefault(answers.subject(question), set()).add(form)
    return {subject: frozenset(forms) for subject, forms in found.items()}


def _first(m: Moment, pecs: pd.Series) -> dict[str, Floats]:
    """By checklist the place, in the order of receipt, of each of these PECs' first usable report (inf: none)."""
    came = _FIRST.of(m)
    order = came.groupby(["load", "submitted"]).ngroup().to_numpy(dtype=np.float64)
    place = pd.Index(pecs).get_indexer(pd.Index(came["pec"]))
    first = {form: np.full(len(pecs), np.inf) for form in m.election.forms}
    for form, rows in came.groupby("form").indices.items():
        own = rows[place[rows] >= 0]
        np.minimum.at(first[str(form)], place[own], order[own])
    return first


def _ask_first(m: Moment, pecs: Sequence[str] | None) -> pd.DataFrame:
    """When each PEC's first usable report of each checklist came: pec, form, load, submitted."""
    return m.frame(
        """
        select pec, form, load_from as load, submitted_at as submitted
        from (
            select r.*, row_number() over (partition by pec, form order by load_from, submitted_at) as place
            from known_report r) as reports
        where place = 1
        """,
        answers.some(pecs),
        {"known_report": _EVER if pecs is None else _EVER_OF_SOME},
    )


_EVER = "select * from report where load_from <= :load and held is null"
_EVER_OF_SOME = "select * from report where load_from <= :load and held is null and pec in (select pec from chosen)"
_FIRST = Kept(_ask_first)


def _rows(
    election: Election,
    question: Question,
    said: _Day,
    order: Floats,
    drawn: sample.Drawn | None,
    of: int,
    about: tuple[Window, ...],
) -> list[dict[str, Any]]:
    """The rows of one question: `said` are the PECs' answers for the day, `order` that of the sampled PECs' reports."""
    agreed = said.at(~said.conflict)
    known = agreed.at(np.array([s in drawn.sizes for s in agreed.stratum], dtype=np.bool_)) if drawn else agreed
    shares, merged = _shares(
        tuple(known.rank.tolist()),
        tuple(known.stratum.tolist()),
        tuple(order[known.place].tolist()),
        len(question.choices),
        drawn,
        thresholds(election),
        election.estimates.confidence,
    )
    return [
        {
            "stage": question.stage,
            "question": question.id,
            "answer": answer,
            "count": int((agreed.rank == rank).sum()),
            "n": len(agreed.rank),
            "of": of,
            **estimate_columns(election, shown, value, merged),
            "conflicts": len(said.rank) - len(agreed.rank),
            "windows": about,
        }
        for rank, (answer, (shown, value)) in enumerate(zip(question.choices, shares, strict=True), 1)
    ]


@lru_cache(maxsize=1_000)
def _shares(
    rank: tuple[float, ...],
    stratum: tuple[str, ...],
    order: tuple[float, ...],
    choices: int,
    drawn: sample.Drawn | None,
    limits: Thresholds,
    confidence: float,
) -> tuple[list[tuple[Shown, float | None]], tuple[str, ...]]:
    """Of each choice the share of all PECs that say so, under its light; the strata that were merged.

    The same answers give the same shares: a report tells of a few questions alone.
    """
    merged = sample.merge(stratum, drawn)
    if drawn is None or merged is None:
        return [(light(None, {}, drawn.sampled if drawn else {}, 0.0, None, limits), None)] * choices, ()
    reported = dict(Counter(stratum))
    sampled = drawn_of(drawn, reported)
    shares: list[tuple[Shown, float | None]] = []
    for choice in range(1, choices + 1):
        yes = np.asarray(rank) == choice
        estimate = proportion(yes, merged.stratum, merged.sizes, confidence)
        term = drift(yes, order, merged.stratum, sum(sampled.values())).term
        shares.append((light(estimate, reported, sampled, term, None, limits), estimate.value))
    return shares, tuple(sorted(merged.parts))
