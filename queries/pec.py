"""One PEC's day: who watches it, what they sent and corrected, what the commission published of it."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from queries import answers, counts, embargo, equipment, incidents, states, unreported
from queries.moment import Moment
from queries.published import feeds


@dataclass(frozen=True)
class Pec:
    """What is known of a PEC. `known`: it stands in the frame; `watched`: in the sample, or somebody reported there."""

    code: str
    known: bool
    watched: bool
    place: dict[str, Any]  # the frame's row: region, district, area, settlement, registered_voters, in_sample ...
    observers: pd.DataFrame  # observer, role, heard_at; with contacts full_name, phone, backup_phone, coordinator
    states: pd.DataFrame  # its checklists, as `states.states`
    reports: pd.DataFrame  # report, observer, form, submitted_at, complete, held, active, withdrawn, known_at
    answers: pd.DataFrame  # report, form, question, value, known_at, replaced_at (none: it holds)
    agreed: pd.DataFrame  # form, question, value, conflict: what the PEC says, from all its observers
    differing: pd.DataFrame  # form, question, values (tuple): what the observers say where they are in conflict
    settled: pd.DataFrame  # form, question, value, who, why, decided_at: a person's decision on such a conflict
    incidents: pd.DataFrame  # as `incidents.incident_list`
    episodes: pd.DataFrame  # as `equipment.episodes`
    counts: pd.DataFrame  # hour, count, voters (on the list), share, conflict, fell: turnout, hour by hour
    published: pd.DataFrame  # contest, count, hour, line, unit, value, known_at


def pec(m: Moment, code: str, contacts: bool = False) -> Pec:
    """One PEC as it was known at this moment; names and telephones only with contacts.

    What observers' protocols say under embargo has no value (`answers`, `agreed`, `settled`) and is not in `differing`
    before it ends.
    """
    place = m.frame("select * from pec_now where pec = :code", code=code).drop(columns=["id", "load_from", "load_to"])
    reports = _reports(m, code)
    of_day = states.states(m)
    listed = incidents.incident_list(m)
    happened = equipment.episodes(m)
    listed = listed[listed["pec"] == code].reset_index(drop=True)
    row = {str(k): v for k, v in place.iloc[0].items()} if len(place) else {}
    told, agreed = (embargo.open_answers(m, ask(m, code)) for ask in (_history, _agreed))
    return Pec(
        code=code,
        known=bool(row),
        watched=bool(row.get("in_sample")) or len(reports) + len(listed) > 0,
        place=row,
        observers=_observers(m, code, contacts),
        states=of_day[of_day["pec"] == code].reset_index(drop=True),
        reports=reports,
        answers=told,
        agreed=agreed,
        differing=_differing(reports, told, agreed),
        settled=embargo.open_answers(m, _settled(m, code)),
        incidents=listed,
        episodes=happened[happened["pec"] == code].reset_index(drop=True),
        counts=_counts(m, code, row.get("registered_voters")),
        published=_published(m, code),
    )


def _observers(m: Moment, code: str, contacts: bool) -> pd.DataFrame:
    rows = m.frame(
        """
        select o.observer, o.role, heard.heard_at, o.full_name, o.phone, o.backup_phone, o.coordinator
        from observer_now o
        left join heard on heard.source = o.source and heard.observer = o.observer
        where o.pec = :code
        order by o.observer
        """,
        views=unreported.HEARD,
        code=code,
    )
    return rows if contacts else rows[["observer", "role", "heard_at"]]


def _reports(m: Moment, code: str) -> pd.DataFrame:
    """Every report that was known of the PEC, in the order they were sent; `active`: its answers count."""
    rows = m.frame(
        """
        with known as (
            select r.*, first.first_load, row_number() over (
                partition by r.source, r.report order by r.load_from desc) as latest
            from report r
            join (
                select source, report, min(load_from) as first_load from report
                where pec = :code group by source, report
            ) as first on first.source = r.source and first.report = r.report
            where r.load_from <= :load and r.pec = :code)
        select k.report, k.observer, k.form, k.submitted_at, k.complete, k.held,
            case when a.report is not null then 1 else 0 end as active,
            case when k.load_to <= :load then 1 else 0 end as withdrawn, l.committed_at as known_at
        from known k
        join load l on l.id = k.first_load
        left join active_report a on a.source = k.source and a.report = k.report
        where k.latest = 1
        order by k.submitted_at, k.report
        """,
        {"asked": answers.asked(m.election), **answers.some([code])},
        answers.VIEWS | {"counting_report": answers.OF_SOME},
        code=code,
    )
    return rows.astype({"complete": "bool", "active": "bool", "withdrawn": "bool"})


def _history(m: Moment, code: str) -> pd.DataFrame:
    """Every answer that was known, old ones too: what replaced them came at `replaced_at`."""
    return m.frame(
        """
        select a.report, r.form, a.question, a.value, f.committed_at as known_at,
            case when a.load_to <= :load then t.committed_at end as replaced_at
        from (select distinct source, report, form from report where pec = :code and load_from <= :load) as r
        join answer a on a.source = r.source and a.report = r.report
        join load f on f.id = a.load_from
        left join load t on t.id = a.load_to
        where a.load_from <= :load
        order by r.form, a.report, a.question, a.load_from
        """,
        code=code,
    )


def _agreed(m: Moment, code: str) -> pd.DataFrame:
    rows = m.frame(
        "select form, question, value, conflict from pec_answer order by form, question",
        {"asked": answers.asked(m.election), **answers.some([code])},
        answers.VIEWS | {"counting_report": answers.OF_SOME},
    )
    return rows.astype({"conflict": "bool"})


def _counts(m: Moment, code: str, voters: float | None) -> pd.DataFrame:
    rows = counts.turnout_counts(m)
    rows = rows[rows["pec"] == code].rename(columns={"number": "count"}).reset_index(drop=True)
    listed = pd.Series(voters if voters else None, index=rows.index, dtype="Int64")
    rows = rows.assign(voters=listed, share=rows["count"].astype("float64") / listed.astype("float64"))
    return rows[["hour", "count", "voters", "share", "conflict", "fell"]]


def _differing(reports: pd.DataFrame, told: pd.DataFrame, agreed: pd.DataFrame) -> pd.DataFrame:
    counting = told[told["report"].isin(reports.loc[reports["active"], "report"]) & told["replaced_at"].isna()]
    said = counting.dropna(subset="value").merge(agreed.loc[agreed["conflict"], ["form", "question"]])
    rows = [
        {"form": own["form"].iloc[0], "question": own["question"].iloc[0], "values": tuple(own["value"].unique())}
        for _key, own in said.groupby(["form", "question"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["form", "question", "values"])


def _settled(m: Moment, code: str) -> pd.DataFrame:
    rows = m.frame(
        """
        select subject, value, who, why, decided_at from decision
        where id in (select max(id) from decision where kind = 'answer' and load <= :load group by subject)
            and value is not null and subject like :start
        order by id
        """,
        start=f"{code}|%",
    )
    parts = [subject.split("|") for subject in rows["subject"]]
    rows = rows.assign(pec=[p[0] for p in parts], form=[p[1] for p in parts], question=[p[2] for p in parts])
    return rows[rows["pec"] == code].drop(columns=["subject", "pec"]).reset_index(drop=True)


def _published(m: Moment, code: str) -> pd.DataFrame:
    return m.frame(
        """
        select p.contest, p.count, p.hour, p.line, p.unit, p.value, l.committed_at as known_at
        from published_now p
        join feed on feed.source = p.source and feed.contest = p.contest and feed.count = p.count
            and feed.scope = p.scope
        join load l on l.id = p.load_from
        where p.scope = 'pec' and p.place = :code
        order by p.contest, p.count, p.hour, p.line
        """,
        {"feed": feeds(m.election)},
        code=code,
    )
