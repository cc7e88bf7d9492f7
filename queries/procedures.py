"""Procedures: what observers saw at the sampled PECs, answer by answer, and what it says of all PECs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from elections.config import Checklist, Election, Question
from queries import answers, sample
from queries.estimates import proportion
from queries.kept import Kept
from queries.light import Shown, drift, light
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
    drawn = _drawn(m, region)
    with_applications = pecs[pecs["mobile_applications"] > 0]
    part = {answers.subject(q) for q in asked if only_with_applications(m.election, q)}
    said = answers.day_answers(m, [answers.subject(q) for q in asked], pecs)
    by_subject = dict(list(said.groupby("subject")))
    came = _FIRST.of(m)
    came = came.assign(order=came.groupby(["load", "submitted"]).ngroup())
    forms = _forms(m.election)
    first = {own: came[came["form"].isin(own)].groupby("pec")["order"].min() for own in set(forms.values())}
    windows = _windows(m, [answers.subject(q) for q in asked], pecs["pec"])
    rows: list[dict[str, Any]] = []
    for q in asked:
        about = windows.get(answers.subject(q), ())
        own = by_subject.get(answers.subject(q), said.iloc[:0])
        if answers.subject(q) in part:
            own = own[own["mobile_applications"] > 0].assign(order=0)
            rows += _rows(m.election, q, own, None, len(with_applications), about)
        else:
            of = drawn.of if drawn else len(pecs)
            own = own.assign(order=own["pec"].map(first[forms[answers.subject(q)]]))
            rows += _rows(m.election, q, own, drawn, of, about)
    return sample.numbers(pd.DataFrame(rows, columns=COLUMNS))


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
    said: pd.DataFrame,
    drawn: sample.Drawn | None,
    of: int,
    about: tuple[Window, ...],
) -> list[dict[str, Any]]:
    """The rows of one question: `said` are the PECs' answers for the day, with their order of receipt."""
    agreed = said[~said["conflict"]]
    known = agreed[agreed["stratum"].isin(drawn.sizes)] if drawn else agreed
    merged = sample.merge(known["stratum"].tolist(), drawn)
    rows = []
    for rank, answer in enumerate(question.choices, 1):
        shown, value = _shown(election, known["rank"].to_numpy() == rank, known, merged, drawn)
        rows.append(
            {
                "stage": question.stage,
                "question": question.id,
                "answer": answer,
                "count": int((agreed["rank"].to_numpy() == rank).sum()),
                "n": len(agreed),
                "of": of,
                **estimate_columns(election, shown, value, tuple(sorted(merged.parts)) if merged else ()),
                "conflicts": len(said) - len(agreed),
                "windows": about,
            }
        )
    return rows


def _shown(
    election: Election,
    yes: NDArray[np.bool_],
    known: pd.DataFrame,
    merged: sample.Merged | None,
    drawn: sample.Drawn | None,
) -> tuple[Shown, float | None]:
    """The share of all PECs that say yes, under its light."""
    limits = thresholds(election)
    if drawn is None or merged is None:
        return light(None, {}, drawn.sampled if drawn else {}, 0.0, None, limits), None
    reported = dict(Counter(known["stratum"]))
    sampled = drawn_of(drawn, reported)
    estimate = proportion(yes, merged.stratum, merged.sizes, election.estimates.confidence)
    term = drift(yes, known["order"].to_numpy(dtype=np.float64), merged.stratum, sum(sampled.values())).term
    return light(estimate, reported, sampled, term, None, limits), estimate.value
