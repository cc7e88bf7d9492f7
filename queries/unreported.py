"""Who has not reported: the late checklists, what did arrive from there, and whom to ring."""

from datetime import datetime
from typing import Any

import pandas as pd

from queries.moment import Moment
from queries.states import states

_PERSONAL = ["names", "phones", "coordinators"]


def unreported(
    m: Moment,
    form: str | None = None,
    region: str | None = None,
    district: str | None = None,
    contacts: bool = False,
) -> pd.DataFrame:
    """The late PECs x checklists, longest late first.

    pec, region, district, area, settlement, form, due_at, minutes_late, observers (codes of those who should be
    there), unreadable (their messages since the checklist opened that could not be read), held (their reports of
    this checklist that are held back), arrived (which of these there are: 'unreadable', 'held'), last_heard_at (by
    report, message or incident of any kind). With contacts also names, phones (the backup's after each) and
    coordinators, in the order of observers.
    """
    found = states(m, form, region, district)
    late = found[found["state"] == "late"]
    people = _people(m)
    people = people[people["pec"].isin(late["pec"])]
    late = late.merge(_by_pec(people, contacts), on="pec", how="left")
    late = late.merge(_held(m), on=["pec", "form"], how="left")
    late["unreadable"] = _unreadable(m, late)
    late["held"] = late["held"].fillna(0).astype("int64")
    late["arrived"] = [
        tuple(name for name, count in (("unreadable", u), ("held", h)) if count)
        for u, h in zip(late["unreadable"], late["held"], strict=True)
    ]
    for name in ["observers", *(_PERSONAL if contacts else [])]:
        late[name] = [value if isinstance(value, tuple) else () for value in late[name]]
    late = late.sort_values(["due_at", "region", "pec", "form"], kind="stable").reset_index(drop=True)
    columns = ["pec", "region", "district", "area", "settlement", "form", "due_at", "minutes_late", "observers"]
    return late[[*columns, *(_PERSONAL if contacts else []), "unreadable", "held", "arrived", "last_heard_at"]]


# When each observer was last heard of, by whatever they sent.
HEARD = {
    "heard": """
        select source, observer, max(at) as heard_at
        from (
            select source, observer, max(submitted_at) as at from report_now group by source, observer
            union all select source, observer, max(received_at) from message_now group by source, observer
            union all select source, observer, max(reported_at) from incident_now group by source, observer) as every
        group by source, observer"""
}


def _people(m: Moment) -> pd.DataFrame:
    """The observers of every PEC, with when each was last heard."""
    return m.frame(
        """
        select o.pec, o.observer, o.full_name, o.phone, o.backup_phone, o.coordinator, heard.heard_at
        from observer_now o
        left join heard on heard.source = o.source and heard.observer = o.observer
        where o.pec is not null and o.role = 'sto'
        order by o.pec, o.observer
        """,
        views=HEARD,
    )


def _by_pec(people: pd.DataFrame, contacts: bool) -> pd.DataFrame:
    """One row a PEC: its observers' codes, when any of them was last heard, and whom to ring."""
    rows: list[dict[str, Any]] = []
    for pec, own in people.groupby("pec"):
        row: dict[str, Any] = {"pec": pec, "observers": tuple(own["observer"]), "last_heard_at": own["heard_at"].max()}
        if contacts:
            row["names"] = tuple(_given(v) for v in own["full_name"])
            row["phones"] = tuple(
                ", ".join(number for number in (_given(p), _given(b)) if number)
                for p, b in zip(own["phone"], own["backup_phone"], strict=True)
            )
            row["coordinators"] = tuple(_given(v) for v in own["coordinator"])
        rows.append(row)
    columns = ["pec", "observers", "last_heard_at", *(_PERSONAL if contacts else [])]
    found = pd.DataFrame(rows, columns=columns)
    found["last_heard_at"] = pd.to_datetime(found["last_heard_at"], utc=True)
    return found


def _given(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _held(m: Moment) -> pd.DataFrame:
    """Reports that a PEC's observers sent and that are held back: pec (theirs), form, held."""
    return m.frame(
        """
        select o.pec, r.form, count(*) as held
        from report_now r join observer_now o on o.source = r.source and o.observer = r.observer
        where r.held is not null
        group by o.pec, r.form
        """
    )


def _unreadable(m: Moment, late: pd.DataFrame) -> list[int]:
    """For each late row, its observers' messages since the checklist opened that no program could read."""
    messages = m.frame(
        """
        select o.pec, msg.received_at
        from message_now msg
        join observer_now o on o.source = msg.source and (
            o.observer = msg.observer or msg.observer is null and msg.sender in (o.phone, o.backup_phone))
        where msg.report is null and o.pec is not null
        """
    )
    opens = {form: m.election.instant(c.opens) for form, c in m.election.forms.items()}
    received: dict[str, list[datetime]] = {str(p): list(own) for p, own in messages.groupby("pec")["received_at"]}
    return [
        sum(at >= opens[form] for at in received.get(pec, ()))
        for pec, form in zip(late["pec"], late["form"], strict=True)
    ]
