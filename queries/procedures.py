"""Procedures: what observers saw at the sampled PECs, answer by answer, and what it says of all PECs."""

from typing import Any

import numpy as np
import pandas as pd

from elections.config import Checklist, Election, Question
from queries import answers, sample
from queries.moment import Moment

COLUMNS = ["stage", "question", "answer", "count", "n", "of", "value", "low", "high", "confidence", "conflicts",
           "merged_strata"]  # fmt: skip


def procedures(
    m: Moment, stage: str | None = None, question: str | None = None, region: str | None = None
) -> pd.DataFrame:
    """One row a question's answer, also of those that nobody gave.

    stage, question, answer, count (PECs that say so for the day), n (PECs that answered and are not in conflict),
    of (sampled; in the stage of voting outside the premises those with applications), value, low, high (of all PECs;
    none where too few answered, and none for PECs with applications: how many of those there are in a stratum was
    not fixed at the draw), confidence, conflicts (PECs out of n because their observers differ), merged_strata.
    """
    asked = [
        q
        for q in answers.questions(m.election, _counted)
        if stage in (None, q.stage) and question in (None, q.id) and q.type == "choice"
    ]
    pecs = sample.pecs(m, region)[["pec", "region", "stratum", "mobile_applications"]]
    drawn = _drawn(m, region)
    with_applications = pecs[pecs["mobile_applications"] > 0]
    part = {answers.subject(q) for q in asked if _only_with_applications(m.election, q)}
    said = answers.day_answers(m, [answers.subject(q) for q in asked], pecs)
    by_subject = dict(list(said.groupby("subject")))
    rows: list[dict[str, Any]] = []
    for q in asked:
        own = by_subject.get(answers.subject(q), said.iloc[:0])
        if answers.subject(q) in part:
            own = own[own["mobile_applications"] > 0]
            rows += _rows(q, own, None, len(with_applications), m.election.estimates.confidence)
        else:
            of = drawn.of if drawn else len(pecs)
            rows += _rows(q, own, drawn, of, m.election.estimates.confidence)
    return sample.numbers(pd.DataFrame(rows, columns=COLUMNS))


def _counted(checklist: Checklist, question: Question) -> bool:
    return checklist.expected_from != "any" and question.type == "choice"


def _only_with_applications(election: Election, question: Question) -> bool:
    forms = [c for f, c in election.forms.items() if election.asked(f).get(question.id) == question]
    return all(c.expected_from == "applications" for c in forms)


def _drawn(m: Moment, region: str | None) -> sample.Drawn | None:
    everywhere = sample.drawn(m.election)
    return everywhere if region is None else sample.by_region(everywhere, sample.pecs(m)).get(region)


def _rows(
    question: Question, said: pd.DataFrame, drawn: sample.Drawn | None, of: int, confidence: float
) -> list[dict[str, Any]]:
    """The rows of one question: `said` are the PECs' answers for the day."""
    agreed = said[~said["conflict"]]
    ranks, strata = agreed["rank"].to_numpy(), agreed["stratum"].to_numpy(dtype=object)
    known = agreed["stratum"].isin(drawn.sizes).to_numpy() if drawn else np.ones(len(agreed), dtype=bool)
    merged = sample.merge(strata[known].tolist(), drawn)
    rows = []
    for rank, answer in enumerate(question.choices, 1):
        estimate = sample.share(ranks[known] == rank, merged, confidence)
        rows.append(
            {
                "stage": question.stage,
                "question": question.id,
                "answer": answer,
                "count": int((ranks == rank).sum()),
                "n": len(agreed),
                "of": of,
                **estimate.columns(),
                "conflicts": len(said) - len(agreed),
                "merged_strata": estimate.merged_strata,
            }
        )
    return rows
