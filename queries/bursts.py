"""Bursts: many conflicts, or many late changes, from a few observers within an hour. One alarm, not a hundred rows."""

from datetime import timedelta

import pandas as pd

from queries import answers
from queries.answers import OF_SOME, VIEWS, asked, some
from queries.kept import KeptOfMoment
from queries.moment import Moment

KINDS = ("conflict", "changed")
WITHIN = timedelta(hours=1)  # they came in it; and a change is late that comes so long after what it changes
_LATE = int(WITHIN.total_seconds() * 1000)  # ms
MANY = 20  # checklists
FEW = 5  # observers
_FAR = 4  # times as many as others have
_SHARE = 0.1  # of what the busiest has: who has fewer is none of the few
_MOST = 2_000  # checklists in conflict that are looked through


def bursts(m: Moment) -> pd.DataFrame:
    """One row a burst of the last hour: kind (conflict: the observers of a PEC differ; changed: an observer changed
    what they had said an hour or more before), number (checklists of PECs that the few had to do with) of `of`, pecs,
    senders (how many), observers (their codes, the busiest first), since_at, until_at (when the first and the last
    came).

    A burst: at least `MANY` checklists, from at most `FEW` observers who each have `_FAR` times as many as the others,
    those after the `FEW` busiest, have on average. What others send hides nobody, however much it is all in all: each
    of them has a correction or two. Chance alone makes no burst: of 300 observers who each correct one checklist an
    hour, or three, the busiest five do not get that far ahead.
    """
    return _BURSTS.of(m)


def _ask(m: Moment) -> pd.DataFrame:
    rows = pd.concat([_conflicts(m), _changed(m)], ignore_index=True)
    found = [_burst(kind, rows[rows["kind"] == kind]) for kind in KINDS]
    columns = ["kind", "number", "of", "pecs", "senders", "observers", "since_at", "until_at"]
    return pd.DataFrame([row for row in found if row], columns=columns)


_BURSTS = KeptOfMoment(_ask)


def _burst(kind: str, rows: pd.DataFrame) -> dict[str, object] | None:
    """The burst among these (pec, form, observer, at_at), if they are one."""
    if len(rows) < MANY:
        return None
    of_each = rows.groupby("observer").size().sort_values(ascending=False, kind="stable")
    busiest, others = of_each.head(FEW), of_each.iloc[FEW:]
    least = max(_SHARE * busiest.iloc[0], _FAR * others.mean() if len(others) else 0)
    few = busiest[busiest >= least].index
    theirs = rows[rows["observer"].isin(few)]
    number = len(theirs[["pec", "form"]].drop_duplicates())
    if number < MANY:
        return None
    return {
        "kind": kind,
        "number": number,
        "of": len(rows[["pec", "form"]].drop_duplicates()),
        "pecs": theirs["pec"].nunique(),
        "senders": len(few),
        "observers": tuple(few),
        "since_at": theirs["at_at"].min(),
        "until_at": theirs["at_at"].max(),
    }


def _conflicts(m: Moment) -> pd.DataFrame:
    """Who takes part in the conflicts that began within the hour: kind, pec, form, observer, at_at.

    One began when the last of the answers that differ came; in the first hour of reports, in which a monitor finds all
    that was said before, when that was sent.
    """
    every = answers.answers(m)
    differing = every.loc[every["conflict"], ["pec", "form", "subject"]].tail(_MOST).astype("str")
    if len(differing[["pec", "form"]].drop_duplicates()) < MANY:
        return pd.DataFrame(columns=["kind", "pec", "form", "observer", "at_at"])
    return m.frame(
        """
        with taking as (
            select d.pec, d.form, q.question, r.source, r.report, r.observer, r.submitted_at
            from differing d
            join asked q on q.form = d.form and q.subject = d.subject
            join active_report r on r.pec = d.pec and r.form = d.form),
        began as (
            select t.pec, t.form, max(case
                when l.committed_at <= s.at + :late then t.submitted_at else l.committed_at end) as at
            from taking t
            join answer_now a on a.source = t.source and a.report = t.report and a.question = t.question
            join load l on l.id = a.load_from
            cross join (select committed_at as at from load where id = (select min(load_from) from report)) as s
            group by t.pec, t.form)
        select distinct 'conflict' as kind, t.pec, t.form, t.observer, b.at as at_at
        from taking t join began b on b.pec = t.pec and b.form = t.form
        where b.at > :since and b.at <= :at + 60000
        """,
        {
            "asked": asked(m.election),
            "differing": differing.to_dict("records"),  # type: ignore[dict-item] # -- the columns are texts
            **some(sorted(set(differing["pec"]))),
        },
        VIEWS | {"counting_report": OF_SOME},
        since=m.at - WITHIN,
        late=_LATE,
    )


def _changed(m: Moment) -> pd.DataFrame:
    """Which checklists who changed late within the hour, in a report or by another one: kind, pec, form, observer,
    at_at."""
    forms = [{"form": form} for form in dict.fromkeys(str(row["form"]) for row in asked(m.election))]
    # cross join: SQLite then keeps to this order, from the few fresh loads on
    return m.frame(
        """
        with fresh as (
            select id, committed_at as at from load
            where id <= :load and committed_at > :since and committed_at <= :at + 60000)
        select 'changed' as kind, pec, form, observer, max(at) as at_at
        from (
            select r.pec, r.form, r.observer, l.at
            from fresh l
            cross join answer a
            cross join report_now r
            where a.load_from = l.id and r.source = a.source and r.report = a.report and r.held is null and exists (
                select 1 from answer o join load b on b.id = o.load_from
                where o.source = a.source and o.report = a.report and o.question = a.question
                    and o.load_from < a.load_from and b.committed_at <= l.at - :late)
            union all
            select r.pec, r.form, r.observer, l.at
            from fresh l
            join report_now r on r.load_from = l.id
            where r.held is null and exists (
                select 1 from report o
                where o.source = r.source and o.pec = r.pec and o.form = r.form and o.observer = r.observer
                    and o.report <> r.report and o.load_from < r.load_from and o.held is null
                    and o.submitted_at <= r.submitted_at - :late and exists (
                        select 1
                        from answer_now x join answer y on y.source = x.source and y.question = x.question
                        where x.source = r.source and x.report = r.report and y.report = o.report
                            and y.load_from < r.load_from and y.value <> x.value))
        ) as late
        where form in (select form from counted)
        group by pec, form, observer
        """,
        {"counted": forms},
        since=m.at - WITHIN,
        late=_LATE,
    )
