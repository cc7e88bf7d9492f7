"""A PEC's answers from its observers' reports: the one definition that every figure asks.

For a PEC and checklist each observer has one active report: the latest submitted (of equal times, the larger id)
that is not held back. The PEC's answer to a question is what its active reports say:

- all say the same, or only one says anything: that;
- numbers that differ by no more than the question's tolerance (a share of the larger): that of the report
  submitted last, so that a figure is always one that somebody reported;
- texts and times: that of the report submitted last; they never contradict;
- otherwise it is a conflict, and there is no answer until a correction, or a decision of a person
  (kind `answer`, subject `<pec>|<form>|<question>`; the last one holds).

Where a day's checklists ask the same question about several windows, the PEC's answer for the day is the worst.
A window in conflict leaves the day open, unless another window already says something as bad as the worst claim.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import pandas as pd

from elections.config import Checklist, Election, Question
from queries.kept import Kept
from queries.moment import Moment

Rows = list[dict[str, Any]]
Wanted = Callable[[Checklist, Question], bool]

# load_from + 0: PostgreSQL else takes the versions of a report's answers to be so dear that it reads by question.
# The views ask the tables `asked` and `choice`, and `counting_report`, which is all reports or some PECs' alone.
VIEWS = {
    "counting_report": "select * from report_now where held is null",
    "active_report": """
        select source, report, observer, pec, form, submitted_at, complete,
            row_number() over (partition by pec, form order by submitted_at desc, report desc) as nth
        from (
            select r.*, row_number() over (
                partition by pec, form, source, observer order by submitted_at desc, report desc) as place
            from counting_report r
            where form in (select form from asked)) as of_observer
        where place = 1""",
    "told": """
        select pec, form, question,
            count(*) as observers, min(value) as least_value, max(value) as most_value,
            min(number) as least, max(number) as most,
            max(case when nth = last then value end) as value, max(case when nth = last then number end) as number
        from (
            select r.pec, r.form, r.nth, a.question, a.value, a.number,
                min(r.nth) over (partition by r.pec, r.form, a.question) as last
            from active_report r
            join answer a on a.source = r.source and a.report = r.report
            where a.load_from + 0 <= :load and (a.load_to is null or a.load_to > :load)) as answered
        group by pec, form, question""",
    "decided": """
        select subject, value from decision
        where id in (select max(id) from decision where kind = 'answer' and load <= :load group by subject)
            and value is not null""",
    "pec_answer": """
        select pec, form, question, subject, observers, least_value, most_value,
            case when differ = 1 and decision is null then 1 else 0 end as conflict,
            case when differ = 0 then value else decision end as value,
            case when differ = 0 then number
                when kind = 'number' then cast(decision as double precision) end as number
        from (
            select t.*, q.subject, q.kind, d.value as decision, case
                when kind = 'choice' and least_value <> most_value then 1
                when kind = 'number' and most - least > tolerance * most then 1
                else 0 end as differ
            from told t
            join asked q on q.form = t.form and q.question = t.question
            left join decided d on d.subject = t.pec || '|' || t.form || '|' || t.question) as compared""",
}


def answers(m: Moment) -> pd.DataFrame:
    """What each PEC says, of every checklist and question.

    pec, form, subject ('<stage>.<question>'), observers (that answered), conflict (bool), rank (of a choice, from
    best, 1, to worst; none in conflict), worst (the worst rank that somebody claims), number (of a number question).
    """
    return _ANSWERS.of(m)


def _ask(m: Moment, pecs: Sequence[str] | None) -> pd.DataFrame:
    found = m.frame(
        """
        select pec, form, subject, observers, conflict, value, number,
            case when conflict = 1 then least_value end as least_value,
            case when conflict = 1 then most_value end as most_value
        from pec_answer
        """,
        {"asked": asked(m.election), **some(pecs)},
        VIEWS if pecs is None else VIEWS | {"counting_report": OF_SOME},
    )
    ranks = {(subject(q), value): rank for q in m.election.questions for rank, value in enumerate(q.choices, 1)}

    def rank(column: str) -> pd.Series:
        keys = zip(found["subject"].to_numpy("object"), found[column].to_numpy("object"), strict=True)
        return pd.Series([ranks.get(key) for key in keys], index=found.index, dtype="float64")

    own = rank("value")
    worst = pd.concat([own, rank("least_value"), rank("most_value")], axis=1).max(axis=1)
    return pd.DataFrame(
        {
            "pec": found["pec"].astype("str"),
            "form": pd.Categorical(found["form"], list(m.election.forms)),
            "subject": pd.Categorical(found["subject"], _subjects(m.election)),
            "observers": found["observers"].astype("int64"),
            "conflict": found["conflict"].astype("bool"),
            "rank": own,
            "worst": worst,
            "number": found["number"].astype("float64"),
        }
    )


OF_SOME = "select * from report_now where held is null and pec in (select pec from chosen)"
_ANSWERS = Kept(_ask)


def some(pecs: Sequence[str] | None) -> dict[str, Rows]:
    """The table of the chosen PECs that `OF_SOME` asks; none where all are asked.

    The last one is repeated up to a power of two: a query of a new length is compiled anew, longer than it runs.
    """
    if pecs is None:
        return {}
    named = [*(pecs or [""])]
    return {"chosen": [{"pec": pec} for pec in named + named[-1:] * (2 ** (len(named) - 1).bit_length() - len(named))]}


def ever_known(pecs: Sequence[str] | None) -> dict[str, str]:
    """The view `known_report`: every version of a usable report that was ever known, of some PECs or of all."""
    return {"known_report": _EVER if pecs is None else _EVER_OF_SOME}


_EVER = "select * from report where load_from <= :load and held is null"
_EVER_OF_SOME = "select * from report where load_from <= :load and held is null and pec in (select pec from chosen)"


def day_answers(m: Moment, subjects: Collection[str], pecs: pd.DataFrame) -> pd.DataFrame:
    """What each of these PECs (columns `pec` and whatever else) says for the day: the worst over its windows.

    The PECs' columns, subject, rank, conflict (bool: it has no rank then). PECs that said nothing are not there.
    """
    every = answers(m)[["pec", "subject", "conflict", "rank", "worst"]]
    said = every[every["subject"].isin(subjects)]
    # groups by number: texts would be compared for every answer
    pec, codes = pd.factorize(said["pec"], sort=True)
    subject, names = pd.factorize(said["subject"].cat.categories.astype("str"), sort=True)
    group = pd.Series(pec * len(names) + subject[said["subject"].cat.codes], index=said.index)
    known = said["rank"].where(~said["conflict"])
    doubtful = said["worst"].where(said["conflict"])
    day = pd.DataFrame({"rank": known, "doubtful": doubtful}).groupby(group).max()
    day.insert(0, "pec", codes[day.index // len(names)])
    day.insert(1, "subject", names[day.index % len(names)])
    day = day[day["rank"].notna() | day["doubtful"].notna()]
    day["conflict"] = day["doubtful"].fillna(0) > day["rank"].fillna(0)
    day["rank"] = day["rank"].where(~day["conflict"])
    return pecs.merge(day.drop(columns="doubtful"), on="pec")


def asked(election: Election) -> Rows:
    """The questions of the checklists, as the views ask for them; `subject` is the question across checklists.

    Not those of forms that are sent as often as something happens (an episode, a visit): each of these stands alone.
    """
    return [
        {
            "form": form,
            "question": question.id,
            "subject": subject(question),
            "kind": question.type,
            "tolerance": float(question.tolerance),
        }
        for form, checklist in election.forms.items()
        for question in election.asked(form).values()
        if checklist.expected_from != "any" or checklist.hour
    ] or [{"form": "", "question": "", "subject": "", "kind": "text", "tolerance": 0.0}]


def subject(question: Question) -> str:
    """What names a question whichever checklist asks it."""
    return f"{question.stage}.{question.id}"


def questions(election: Election, wanted: Wanted = lambda checklist, question: True) -> list[Question]:
    """The questions that some checklist asks, each once, in the configuration's order."""
    found = {subject(q): q for form, c in election.forms.items() for q in election.asked(form).values() if wanted(c, q)}
    order = {subject(q): i for i, q in enumerate(election.questions)}
    return sorted(found.values(), key=lambda q: order.get(subject(q), len(order)))


def _subjects(election: Election) -> list[str]:
    return [subject(q) for q in questions(election)]
