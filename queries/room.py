"""The situation room's figures: which checklist matters now, who is late at all, the regions side by side."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from elections.config import Checklist, Election
from queries import coverage, equipment, incidents, procedures, results, turnout
from queries.moment import Moment
from queries.shared import ask


def sample_forms(election: Election) -> list[str]:
    """The checklists that are due from the sampled PECs."""
    return [c.form for c in election.checklists if c.due and c.expected_from == "sample"]


def current(m: Moment, most: int = 1) -> list[str]:
    """The checklists that matter now, at most so many: those opened last (of two, the one due first), then the next."""
    election = m.election

    def opens(c: Checklist) -> datetime:
        return election.instant(c.opens)

    def due(c: Checklist) -> datetime:
        return election.instant(c.due or c.opens)

    forms = [election.forms[form] for form in sample_forms(election)]
    opened = sorted((c for c in forms if opens(c) <= m.at), key=lambda c: (-opens(c).timestamp(), due(c)))
    coming = sorted((c for c in forms if opens(c) > m.at), key=lambda c: (opens(c), due(c)))
    asked = [c for c in opened if not c.asked_until or election.instant(c.asked_until) > m.at]
    return [c.form for c in [*asked, *coming, *opened][:most]]


def focus(m: Moment) -> str | None:
    """The one checklist that the room looks at."""
    return next(iter(current(m)), None)


def checklists(m: Moment, **place: str) -> pd.DataFrame:
    """Each checklist of the sample: form, expected, the states, opens_at, due_at, value (received of expected)."""
    rows = ask(m, coverage.coverage, **place)
    forms = m.election.forms
    rows = rows[[forms[f].expected_from == "sample" for f in rows["form"]]].reset_index(drop=True)
    for column in ("opens", "due"):
        times = [m.election.instant(getattr(forms[f], column)) for f in rows["form"]]
        rows[f"{column}_at"] = pd.to_datetime(pd.Series(times, index=rows.index, dtype="object"), utc=True)
    rows["value"] = rows["received"] / rows["expected"].where(rows["expected"] > 0)
    return rows


def late(m: Moment, region: str | None = None, district: str | None = None) -> dict[str, int]:
    """PECs that are late with any checklist: pecs, over_hour (past due by more than an hour), checklists."""
    found = coverage.states(m, region=region, district=district)
    overdue = found[found["state"] == "late"]
    over_hour = overdue[overdue["minutes_late"] > 60]
    return {"pecs": overdue["pec"].nunique(), "over_hour": over_hour["pec"].nunique(), "checklists": len(overdue)}


def incident_counts(m: Moment, **place: str) -> dict[str, int]:
    """Reports of incidents of election day and after it: total, critical, last_hour (reported), critical_last_hour.

    before: reports of the days ahead of it, which no figure of the day counts.
    """
    every = ask(m, incidents.incident_list, **place)
    listed = every[every["day"] >= m.election.date.isoformat()]
    fresh = listed["reported_at"] > pd.Timestamp(m.at - timedelta(hours=1))
    critical = listed["severity"] == "critical"
    return {
        "total": len(listed),
        "critical": int(critical.sum()),
        "last_hour": int(fresh.sum()),
        "critical_last_hour": int((fresh & critical).sum()),
        "before": len(every) - len(listed),
    }


def fresh_critical(m: Moment, minutes: int = 10, **place: str) -> pd.DataFrame:
    """Critical incidents reported in the last minutes, newest first, with the columns of `incident_list`."""
    listed = ask(m, incidents.incident_list, **place)
    fresh = listed["reported_at"] > pd.Timestamp(m.at - timedelta(minutes=minutes))
    return listed[(listed["severity"] == "critical") & fresh].sort_values("reported_at", ascending=False)


def latest_turnout(m: Moment, region: str | None = None) -> dict[str, Any] | None:
    """The last hour whose estimate may be shown, else the last that anybody reported; None before the first."""
    rows = ask(m, turnout.turnout, by=("hour", "region")) if region else ask(m, turnout.turnout)
    if region:
        rows = rows[rows["region"] == region]
    rows = rows[(rows["n"] > 0) | rows["published"].notna()]
    if rows.empty:
        return None
    shown = rows[rows["light"] != "red"]
    return dict((shown if len(shown) else rows).sort_values("hour", kind="stable").iloc[-1])


def failures_of(m: Moment, device: str, region: str | None = None) -> dict[str, Any]:
    """The row of `equipment.failures` about a device, in all or of a region."""
    rows = ask(m, equipment.failures, by=("device", "region")) if region else ask(m, equipment.failures)
    rows = rows[rows["device"] == device]
    return dict((rows[rows["region"] == region] if region else rows).iloc[0])


def counted(m: Moment) -> pd.DataFrame:
    """What the commission has published of each count by now: count, pecs, of, value (pecs of of)."""
    rows = ask(m, results.progress).sort_values("at_at", kind="stable").groupby("count", sort=False).tail(1)
    rows["value"] = rows["pecs"] / rows["of"].where(rows["of"] > 0)
    return rows[["count", "pecs", "of", "value"]].reset_index(drop=True)


def copies(m: Moment, form: str) -> dict[str, int]:
    """How many PECs answered what about the copy of the protocol, where this checklist asks about it."""
    asked = {f"{q.stage}.{q.id}" for q in m.election.questions if q.meaning == "protocol_copy"}
    keys = [k for k in m.election.forms[form].questions if k in asked]
    if not keys:
        return {}
    stage, question = keys[0].split(".", 1)
    rows = procedures.procedures(m, stage=stage, question=question)
    return {str(a): int(n) for a, n in zip(rows["answer"], rows["count"], strict=True)}


def regions(m: Moment, form: str, district: str | None = None) -> pd.DataFrame:
    """The regions, most late PECs first.

    region, the states of `form` and `expected`, value (late of expected), incidents, critical (of election day and
    after it), arbb_failed, arbb_n, arbb_value, turnout, turnout_low, turnout_high, turnout_light, hour.
    """
    rows = ask(m, coverage.coverage, by=("region", "form"), **({"district": district} if district else {}))
    rows = rows[rows["form"] == form].drop(columns="form")
    rows["value"] = rows["late"] / rows["expected"].where(rows["expected"] > 0)
    reports = ask(m, incidents.incidents, by=("region", "day"))
    reports = reports[reports["day"] >= m.election.date.isoformat()].groupby("region")[["count", "critical"]].sum()
    failed = ask(m, equipment.failures, by=("device", "region"))
    arbb = failed[(failed["device"] == "arbb") & (failed["light"] != "red")][["region", "failed_of_n", "n", "value"]]
    arbb.columns = pd.Index(["region", "arbb_failed", "arbb_n", "arbb_value"])
    rows = rows.merge(reports.rename(columns={"count": "incidents"}), on="region", how="left")
    rows[["incidents", "critical"]] = rows[["incidents", "critical"]].fillna(0).astype("int64")
    rows = rows.merge(arbb, on="region", how="left")
    latest = ask(m, latest_turnout)
    if latest is not None:
        own = ask(m, turnout.turnout, by=("hour", "region"))
        own = own[(own["hour"] == latest["hour"]) & (own["contest"] == latest["contest"])]
        own = own[["region", "hour", "value", "low", "high", "light"]]
        own.columns = pd.Index(["region", "hour", "turnout", "turnout_low", "turnout_high", "turnout_light"])
        rows = rows.merge(own, on="region", how="left")
    return rows.sort_values(["late", "incomplete", "due"], ascending=False, kind="stable").reset_index(drop=True)
