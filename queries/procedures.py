"""Procedures: what observers saw at the sampled PECs, answer by answer, and what it says of all PECs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from elections.config import Checklist, Election, Question
from queries import answers, sample, yes_no
from queries.estimates import Floats
from queries.moment import Moment
from queries.turnout import estimate_columns, thresholds

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
    first, forms = yes_no.first_reports(m, pecs["pec"]), yes_no.forms(m.election)
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
    told = told[told["form"].isin(windows) & told["subject"].isin(subjects)]
    told = told[told["pec"].isin(pecs)]
    found: dict[str, list[Window]] = {}
    counts = told.groupby(["subject", "form"], observed=True).size().reset_index(name="pecs")
    for subject, form, n in counts.itertuples(index=False):
        since, until = (m.election.instant(at) for at in windows[form])
        found.setdefault(str(subject), []).append(Window(since, until, int(n)))
    return {subject: tuple(sorted(of, key=lambda w: w.since)) for subject, of in found.items()}


def _drawn(m: Moment, region: str | None) -> sample.Drawn | None:
    everywhere = sample.drawn(m.election)
    return everywhere if region is None else sample.by_region(everywhere, sample.pecs(m)).get(region)


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
    shares, merged = yes_no.shares(
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
