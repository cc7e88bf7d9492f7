"""The state of a checklist at a PEC: received, due, late ... One definition, which every figure and page asks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from elections.config import Checklist, Election
from queries import answers, sample
from queries.kept import Kept, KeptOfMoment
from queries.moment import Moment

STATES = ("not_due", "due", "late", "lost", "received", "incomplete", "conflict")


def expected_checklists(election: Election) -> list[Checklist]:
    """The checklists that somebody is expected to send; a count without `due` is expected from nobody."""
    return [c for c in election.checklists if c.due and c.expected_from != "any"]


def states(m: Moment, form: str | None = None, region: str | None = None, district: str | None = None) -> pd.DataFrame:
    """One row a PEC x checklist that is expected of it.

    pec, region, district, area, settlement, form, state, due_at, late_from_at, minutes_late (since it was due; of
    late ones), observers_in (that sent something), first_at (when its first complete report was sent, else its
    first report).
    """
    rows = _STATES.of(m)
    wanted = pd.Series(True, index=rows.index)
    for name, value in (("form", form), ("region", region), ("district", district)):
        if value is not None:
            wanted &= rows[name] == value
    return rows[wanted].reset_index(drop=True)


def _all(m: Moment) -> pd.DataFrame:
    checklists = expected_checklists(m.election)
    rows = sample.pecs(m).merge(_times(m.election, checklists), how="cross")
    rows = rows[(rows["expected_from"] == "sample") | (rows["mobile_applications"] > 0)]
    rows = rows.merge(_came(m, checklists), on=["pec", "form"], how="left")
    rows = rows.merge(_SENT.of(m), on=["pec", "form"], how="left")
    rows["state"] = _state(rows, m)
    late = rows["state"] == "late"
    since_due = (m.at - rows["due_at"]).dt.total_seconds() // 60
    rows["minutes_late"] = since_due.where(late).astype("Int64")
    rows["observers_in"] = rows["observers_in"].fillna(0).astype("int64")
    return rows[_COLUMNS]


_STATES = KeptOfMoment(_all)  # several figures of a moment ask for them
_COLUMNS = ["pec", "region", "district", "area", "settlement", "form", "state", "due_at", "late_from_at",
            "minutes_late", "observers_in", "first_at"]  # fmt: skip


def _state(rows: pd.DataFrame, m: Moment) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    """The state of each PEC x checklist: the first that holds.

    A report that answers none of the required questions is no report yet. Received: every required question has an
    answer from `min_observers` of the PEC's observers, whichever of them said what; one complete report of two that
    are asked for leaves the checklist due, then late.
    """
    return np.select(
        [
            rows["conflict"].eq(True),
            rows["answered"] < rows["required"],
            rows["observers"] >= rows["min_observers"],
            rows["asked_until_at"] < m.at,
            rows["late_from_at"] < m.at,
            rows["opens_at"] <= m.at,
        ],
        ["conflict", "incomplete", "received", "lost", "late", "due"],
        "not_due",
    )


def _times(election: Election, checklists: Sequence[Checklist]) -> pd.DataFrame:
    """When each checklist is expected, and what it takes."""
    rows = [
        {
            "form": c.form,
            "expected_from": c.expected_from,
            "min_observers": c.min_observers,
            "required": len(election.required(c.form)),
            "opens_at": election.instant(c.opens),
            "due_at": election.instant(c.due) if c.due else None,
            "late_from_at": election.late_from(c),
            "asked_until_at": election.instant(c.asked_until) if c.asked_until else None,
        }
        for c in checklists
    ]
    columns = ["form", "expected_from", "min_observers", "required", "opens_at", "due_at", "late_from_at"]
    times = pd.DataFrame(rows, columns=[*columns, "asked_until_at"])
    for name in ("opens_at", "due_at", "late_from_at", "asked_until_at"):
        times[name] = pd.to_datetime(times[name], utc=True)
    return times


def _came(m: Moment, checklists: Sequence[Checklist]) -> pd.DataFrame:
    """What came of the required questions: pec, form, answered (how many), conflict, observers (least of one)."""
    asked = m.election.asked
    required = [(c.form, answers.subject(asked(c.form)[q])) for c in checklists for q in m.election.required(c.form)]
    pairs = pd.DataFrame(required, columns=["form", "subject"])
    said = answers.answers(m).astype({"form": "str", "subject": "str"}).merge(pairs, on=["form", "subject"])
    came = said.groupby(["pec", "form"]).agg(
        answered=("subject", "size"), conflict=("conflict", "max"), observers=("observers", "min")
    )
    return came.reset_index()


def _ask_sent(m: Moment, pecs: Sequence[str] | None) -> pd.DataFrame:
    return m.frame(
        """
        select pec, form, count(distinct observer) as observers_in,
            coalesce(min(case when complete = 1 then submitted_at end), min(submitted_at)) as first_at
        from counting_report group by pec, form
        """,
        answers.some(pecs),
        answers.VIEWS if pecs is None else answers.VIEWS | {"counting_report": answers.OF_SOME},
    )


_SENT = Kept(_ask_sent)
