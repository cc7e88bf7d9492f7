"""Answers of the PECs to a question of a few choices: the share of all PECs that say each, under its light.

Equipment that failed and procedures are both such answers. Drift has the answer in the place of turnout, by the order
in which the PECs' first usable reports came; a worst case means nothing for yes and no.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from elections.config import Election
from queries import answers, sample
from queries.estimates import Floats, proportion
from queries.kept import Kept
from queries.light import Shown, Thresholds, drift, light
from queries.moment import Moment
from queries.turnout import drawn_of


def forms(election: Election) -> dict[str, frozenset[str]]:
    """The checklists that ask a question, by its subject."""
    found: dict[str, set[str]] = {}
    for form in election.forms:
        for question in election.asked(form).values():
            found.setdefault(answers.subject(question), set()).add(form)
    return {subject: frozenset(forms) for subject, forms in found.items()}


def first_reports(m: Moment, pecs: pd.Series) -> dict[str, Floats]:
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
        answers.ever_known(pecs),
    )


_FIRST = Kept(_ask_first)


@lru_cache(maxsize=1_000)
def shares(
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
    found: list[tuple[Shown, float | None]] = []
    for choice in range(1, choices + 1):
        yes = np.asarray(rank) == choice
        estimate = proportion(yes, merged.stratum, merged.sizes, confidence)
        term = drift(yes, order, merged.stratum, sum(sampled.values())).term
        found.append((light(estimate, reported, sampled, term, None, limits), estimate.value))
    return found, tuple(sorted(merged.parts))
