"""Counts at PECs: turnout hour by hour, where it falls, where it was read; the order in which counts came."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from elections.config import Checklist, Election, Question
from queries import answers
from queries.kept import Kept, KeptOfMoment
from queries.moment import Moment

COLUMNS = ["pec", "form", "contest", "hour", "question", "number", "conflict", "fell", "earlier", "earlier_hour",
           "origin", "order"]  # fmt: skip


def counting(election: Election) -> list[Checklist]:
    """The checklists with a turnout count, in the order of their hours."""
    found = [c for c in election.checklists if c.hour and c.contest and question(election, c.form)]
    return sorted(found, key=lambda c: (str(c.contest), str(c.hour)))


def question(election: Election, form: str, meaning: str = "turnout") -> Question | None:
    """The question of a checklist with this meaning."""
    return next((q for q in election.asked(form).values() if q.meaning == meaning), None)


def turnout_counts(m: Moment) -> pd.DataFrame:
    """One row a PEC and hour: pec, form, contest, hour, question (id), number (none in conflict), conflict,

    fell (it is lower than `earlier`, of `earlier_hour`, and nobody has accepted it), origin (screen, own_count, or
    none), order (of receipt: by the load that brought the PEC's first count of that hour, then when it was sent).
    Nobody changes it.
    """
    return _COUNTS.of(m)


def _in_order(m: Moment) -> pd.DataFrame:
    rows = _OF_PECS.of(m).merge(order_of_receipt(m), on=["pec", "form"], how="left")
    return rows.sort_values(["pec", "contest", "hour"], kind="stable")[COLUMNS].reset_index(drop=True)


def _ask_counts(m: Moment, pecs: Sequence[str] | None) -> pd.DataFrame:
    every = answers.answers(m)
    every = every if pecs is None else every[every["pec"].isin(pecs)]
    forms = counting(m.election)
    asked = {c.form: question(m.election, c.form) for c in forms}
    subject = {form: answers.subject(q) for form, q in asked.items() if q}
    rows = every[every["form"].isin(subject)].astype({"form": "str", "subject": "str"})
    rows = rows[rows["subject"] == rows["form"].map(subject)][["pec", "form", "number", "conflict"]]
    about = {c.form: (c.contest, c.hour, q.id) for c in forms if (q := asked[c.form])}
    named = pd.DataFrame([about[form] for form in rows["form"]], rows.index, ["contest", "hour", "question"], "str")
    rows = pd.concat([rows, named], axis=1).sort_values(["pec", "contest", "hour"], kind="stable")
    rows = rows.merge(_origins(m, every), on=["pec", "form"], how="left").reset_index(drop=True)
    return _compare(rows, _accepted(m))


def _compare(rows: pd.DataFrame, accepted: set[tuple[str, float | None]]) -> pd.DataFrame:
    """Each count beside the last one before it that holds; one that was accepted holds, and the next go by it."""
    subjects = rows["pec"] + "|" + rows["form"] + "|" + rows["question"]
    fell: list[bool] = []
    earlier: list[float] = []
    earlier_hour: list[str] = []
    before: tuple[str, str] | None = None
    last, last_hour = np.nan, ""
    for pec, contest, hour, number, subject in zip(
        rows["pec"], rows["contest"], rows["hour"], rows["number"], subjects, strict=True
    ):
        if (pec, contest) != before:
            before, last, last_hour = (pec, contest), np.nan, ""
        fell.append(bool(number < last) and not {(subject, None), (subject, number)} & accepted)
        earlier.append(last)
        earlier_hour.append(last_hour)
        if number == number and not fell[-1]:  # NaN, a conflict, says nothing
            last, last_hour = number, hour
    return rows.assign(fell=pd.Series(fell, index=rows.index, dtype="bool"), earlier=earlier, earlier_hour=earlier_hour)


def _accepted(m: Moment) -> set[tuple[str, float | None]]:
    """The counts that a person has looked at and accepted, as '<pec>|<form>|<question>' and the count itself: another
    one that comes later was not looked at. Without a count whatever it is."""
    rows = _decided(m)
    return {(s, None if v is None else float(v)) for s, v in zip(rows["subject"], rows["value"], strict=True)}


def accepted_counts(m: Moment) -> pd.DataFrame:
    """Counts lower than an earlier hour's that a person accepted, in the order of the decisions.

    subject, pec, contest, form, hour, question, count (that was accepted; none: whatever it is), who, why, decided_at.
    """
    rows = _decided(m)
    parts = rows["subject"].str.split("|", n=2, expand=True).reindex(columns=[0, 1, 2])
    forms = {c.form: c for c in counting(m.election)}
    rows = rows.assign(pec=parts[0], form=parts[1], question=parts[2], count=pd.to_numeric(rows["value"]))
    rows = rows[rows["form"].isin(forms)].reset_index(drop=True)
    rows["contest"] = [forms[form].contest for form in rows["form"]]
    rows["hour"] = [forms[form].hour for form in rows["form"]]
    columns = ["subject", "pec", "contest", "form", "hour", "question", "count", "who", "why", "decided_at"]
    return rows[columns].astype({"count": "float64"})


def _decided(m: Moment) -> pd.DataFrame:
    return m.frame(
        "select subject, value, who, why, decided_at from decision where kind = 'count' and load <= :load order by id"
    )


def _origins(m: Moment, every: pd.DataFrame) -> pd.DataFrame:
    """Where each count was read: pec, form, origin."""
    asked = {c.form: q for c in counting(m.election) if (q := question(m.election, c.form, "turnout_origin"))}
    rows = every[every["form"].isin(asked) & every["rank"].notna()].astype({"form": "str", "subject": "str"})
    rows = rows[rows["subject"] == rows["form"].map({form: answers.subject(q) for form, q in asked.items()})]
    origin = [asked[form].choices[int(rank) - 1] for form, rank in zip(rows["form"], rows["rank"], strict=True)]
    return rows[["pec", "form"]].assign(origin=origin)


def order_of_receipt(m: Moment) -> pd.DataFrame:
    """The place of each PEC's first usable count of each form, turnout's or a protocol's: pec, form, order.

    By the load that brought it, then when it was sent; the same for those that came together.
    """
    first = _FIRST.of(m)
    return first[["pec", "form"]].assign(order=first.groupby(["load", "submitted"]).ngroup())


def _dated(election: Election) -> list[dict[str, str]]:
    """The question of each form whose first answer dates the count: a protocol's is its valid ballots."""
    turnout = [(c.form, q) for c in counting(election) if (q := question(election, c.form))]
    forms = [c.protocol_form for c in election.contests if c.protocol_form]
    protocols = [
        (f, q) for f in forms for q in election.asked(f).values() if q.meaning == "protocol" and q.of == "valid"
    ]
    return [{"form": f, "question": q.id} for f, q in (*turnout, *protocols)] or [{"form": "", "question": ""}]


def _ask_first(m: Moment, pecs: Sequence[str] | None) -> pd.DataFrame:
    # cross join: SQLite then keeps to this order, and does not read every count for the reports of a few PECs
    found = m.frame(
        """
        select pec, form, load, submitted
        from (
            select r.pec, r.form, case when a.load_from > r.load_from then a.load_from else r.load_from end as load,
                r.submitted_at as submitted,
                row_number() over (partition by r.pec, r.form order by
                    case when a.load_from > r.load_from then a.load_from else r.load_from end, r.submitted_at) as place
            from known_report r
            cross join counted q
            cross join answer a
            where q.form = r.form and a.source = r.source and a.report = r.report and a.question = q.question
                and a.load_from <= :load) as counts
        where place = 1
        """,
        {"counted": _dated(m.election), **answers.some(pecs)},
        answers.ever_known(pecs),
    )
    return found.astype({"pec": "str", "form": "str"})


_FIRST = Kept(_ask_first)
_OF_PECS = Kept(_ask_counts)
_COUNTS = KeptOfMoment(_in_order)
