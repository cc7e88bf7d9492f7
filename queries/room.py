"""The situation room's figures: which checklist matters now, who is late at all, the regions side by side."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from elections.config import Checklist, Election
from queries import comparison, contradictions, coverage, embargo, equipment, incidents, procedures, results, turnout
from queries.moment import Moment
from queries.shared import ask


def sample_forms(election: Election) -> list[str]:
    """The checklists that are due from the sampled PECs."""
    return [c.form for c in election.checklists if c.due and c.expected_from == "sample"]


def current(m: Moment, most: int = 1) -> list[str]:
    """The checklists that matter now, at most so many: of those that are asked for, the ones due nearest to now, where
    one that is past due by more than an hour gives way to those that are not; then the next."""
    election = m.election

    def opens(c: Checklist) -> datetime:
        return election.instant(c.opens)

    def due(c: Checklist) -> datetime:
        return election.instant(c.due or c.opens)

    def from_now(c: Checklist) -> tuple[bool, timedelta]:
        return m.at - due(c) > timedelta(hours=1), abs(m.at - due(c))

    forms = [election.forms[form] for form in sample_forms(election)]
    opened = sorted((c for c in forms if opens(c) <= m.at), key=from_now)
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


def late_by_region(
    m: Moment, form: str | None = None, region: str | None = None, district: str | None = None
) -> pd.DataFrame:
    """PECs that are late with a checklist, or with any of them: region, pecs, over_hour (past due by more than an
    hour), checklists, of (PECs that are expected to send it), value (pecs of of)."""
    found = coverage.states(m, form, region, district)
    overdue = found["state"] == "late"
    found["late"] = found["pec"].where(overdue)
    found["over"] = found["pec"].where(overdue & (found["minutes_late"] > 60).fillna(False))
    counts = {"pecs": ("late", "nunique"), "over_hour": ("over", "nunique"), "checklists": ("late", "count")}
    rows = found.groupby("region").agg(**counts, of=("pec", "nunique")).reset_index()
    rows["value"] = rows["pecs"] / rows["of"]
    return rows


def late(m: Moment, **asked: str) -> dict[str, int]:
    """The sums of `late_by_region`: pecs, over_hour, checklists, of."""
    rows = ask(m, late_by_region, **asked)
    return {name: int(rows[name].sum()) for name in ("pecs", "over_hour", "checklists", "of")}


def inside(m: Moment, region: str | None = None, district: str | None = None) -> dict[str, int]:
    """PECs whose observers have sent something since the morning of election day, and whose protocol is awaited: pecs,
    of (those that a protocol is expected from)."""
    today = {c.form for c in m.election.checklists if c.opens.date() >= m.election.date}
    found = coverage.states(m, region=region, district=district)
    there = found[found["form"].isin(today) & (found["observers_in"] > 0)]
    protocols = found[found["form"].isin(_protocols(m.election))]
    still = protocols[protocols["state"].isin(_AWAITED) & protocols["pec"].isin(there["pec"])]
    return {"pecs": still["pec"].nunique(), "of": protocols["pec"].nunique()}


_AWAITED = ("not_due", "due", "late", "incomplete")


def _protocols(election: Election) -> list[str]:
    return [c.protocol_form for c in election.contests if c.protocol_form]


def night_forms(m: Moment) -> list[str]:
    """The checklists that the night is about: the machine's final report and the protocols; else those of `current`."""
    asked = m.election.asked
    reports = [f for f in sample_forms(m.election) if any(q.meaning == FINAL for q in asked(f).values())]
    return [*reports[:1], *_protocols(m.election)[:1]] or current(m, most=2)


FINAL = "final_report"


def incident_counts(m: Moment, **place: str) -> dict[str, int]:
    """Reports of incidents of election day and after it: total, critical, last_hour (so new to the monitor, or to be so
    severe: `learnt_at`), critical_last_hour.

    before: reports of the days ahead of it, which no figure of the day counts; unsorted: reports of any day that a
    person must sort.
    """
    every = ask(m, incidents.incident_list, **place)
    listed = every[every["day"] >= m.election.date.isoformat()]
    fresh = incidents.lately(m, listed["learnt_at"], 60)
    critical = listed["severity"] == "critical"
    return {
        "total": len(listed),
        "critical": int(critical.sum()),
        "last_hour": int(fresh.sum()),
        "critical_last_hour": int((fresh & critical).sum()),
        "before": len(every) - len(listed),
        "unsorted": int(every["unsorted"].sum()),
    }


def severities(m: Moment, **place: str) -> pd.DataFrame:
    """A row a severity, 'unsorted' where there are some: severity, count and pecs (of election day and after it),
    before (reports of days ahead)."""
    every = ask(m, incidents.incident_list, **place)
    today = every["day"] >= m.election.date.isoformat()
    rows = every.assign(pec=every["pec"].where(today), today=today.astype("int64"), before=(~today).astype("int64"))
    counts = rows.groupby("severity").agg(count=("today", "sum"), pecs=("pec", "nunique"), before=("before", "sum"))
    known = [incidents.UNSORTED] if incidents.UNSORTED in counts.index else []
    return counts.reindex(pd.Index([*known, *incidents.URGENT], name="severity"), fill_value=0).reset_index()


def fresh_critical(m: Moment, minutes: int = 10, **place: str) -> pd.DataFrame:
    """Incidents that the monitor learnt in the last minutes are critical or to be sorted, whatever time their senders
    gave them: the columns of `incident_list`.

    Those of observers of the frame and those that a person sorted first, of these the critical ones, then the newest.
    The first load of a source finds what came all day, which is no news: of that, those reported in the last minutes.
    """
    listed = ask(m, incidents.incident_list, **place)
    urgent = listed["severity"].isin(["critical", incidents.UNSORTED])
    rows = listed[urgent & incidents.lately(m, listed["learnt_at"], minutes)]
    order = rows.assign(first=incidents.vouched(rows), critical=rows["severity"] == "critical")
    order = order.sort_values(["first", "critical", "learnt_at"], ascending=False, kind="stable")
    return order.drop(columns=["first", "critical"])


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


def device(election: Election) -> str | None:
    """The device that the room looks at: the first that checklists ask about."""
    return next(iter(equipment.devices(election)), None)


def device_failures(m: Moment, region: str | None = None) -> dict[str, Any] | None:
    """The row of `equipment.failures` about this device, in all or of a region; None: no checklist asks about any."""
    rows = ask(m, equipment.failures, by=("device", "region")) if region else ask(m, equipment.failures)
    rows = rows[rows["device"] == device(m.election)]
    rows = rows[rows["region"] == region] if region else rows
    return dict(rows.iloc[0]) if len(rows) else None


def counted(m: Moment) -> pd.DataFrame:
    """What the commission has published of each count by now: count, pecs, of, value (pecs of of)."""
    rows = ask(m, results.progress).sort_values("at_at", kind="stable").groupby("count", sort=False).tail(1)
    rows["value"] = rows["pecs"] / rows["of"].where(rows["of"] > 0)
    return rows[["count", "pecs", "of", "value"]].reset_index(drop=True)


def contradicting(m: Moment) -> dict[str, int]:
    """How many contradictions of the commission's counts in the whole country stand, by how far people have taken
    them, the furthest first; nothing where nothing is counted yet."""
    if ask(m, results.progress).empty:
        return {}
    rows = ask(m, contradictions.of_country)
    return contradictions.by_step(rows[rows["count"].isin(results.COUNTS)])


def compared(m: Moment, **place: str) -> dict[str, int]:
    """Observers' protocols held against the commission's: differ, of (those that could be compared)."""
    states = ask(m, comparison.counted, column="state", whole=embargo.lifted(m), **place)
    differ = int(states.get("differs", 0))
    return {"differ": differ, "of": differ + int(states.get("equal", 0))}


def handed(m: Moment, form: str, meaning: str) -> dict[str, int]:
    """How many PECs answered what to this checklist's question with a meaning, where it has one."""
    asked = {f"{q.stage}.{q.id}" for q in m.election.questions if q.meaning == meaning}
    keys = [k for k in m.election.forms[form].questions if k in asked]
    if not keys:
        return {}
    stage, question = keys[0].split(".", 1)
    rows = procedures.procedures(m, stage=stage, question=question)
    return {str(a): int(n) for a, n in zip(rows["answer"], rows["count"], strict=True)}


def regions(m: Moment, form: str | None = None, district: str | None = None) -> pd.DataFrame:
    """The regions, most late PECs first.

    region, the states of `form` (none: of the one that matters now) and `expected`, pecs_late, pecs_of, value (with
    `form`, or with any: as of `late_by_region`), incidents, critical (of election day and after it), failed, failed_n,
    failed_value (of `device`; no value under a red light), turnout, turnout_low, turnout_high, turnout_light, hour.
    """
    there = {"district": district} if district else {}
    rows = ask(m, coverage.coverage, by=("region", "form"), **there)
    rows = rows[rows["form"] == (form or focus(m))].drop(columns="form")
    overdue = ask(m, late_by_region, **({"form": form} if form else {}), **there)[["region", "pecs", "of", "value"]]
    overdue = overdue.rename(columns={"pecs": "pecs_late", "of": "pecs_of"})
    rows = rows.merge(overdue, on="region", how="left")
    rows[["pecs_late", "pecs_of"]] = rows[["pecs_late", "pecs_of"]].fillna(0).astype("int64")
    reports = ask(m, incidents.incidents, by=("region", "day"))
    reports = reports[reports["day"] >= m.election.date.isoformat()].groupby("region")[["count", "critical"]].sum()
    failed = ask(m, equipment.failures, by=("device", "region"))
    failed = failed.loc[failed["device"] == device(m.election), ["region", "failed_of_n", "n", "value"]]
    failed.columns = pd.Index(["region", "failed", "failed_n", "failed_value"])
    rows = rows.merge(reports.rename(columns={"count": "incidents"}), on="region", how="left")
    rows[["incidents", "critical"]] = rows[["incidents", "critical"]].fillna(0).astype("int64")
    rows = rows.merge(failed, on="region", how="left")
    latest = ask(m, latest_turnout)
    if latest is not None:
        own = ask(m, turnout.turnout, by=("hour", "region"))
        own = own[(own["hour"] == latest["hour"]) & (own["contest"] == latest["contest"])]
        own = own[["region", "hour", "value", "low", "high", "light"]]
        own.columns = pd.Index(["region", "hour", "turnout", "turnout_low", "turnout_high", "turnout_light"])
        rows = rows.merge(own, on="region", how="left")
    return rows.sort_values(["pecs_late", "incomplete", "due"], ascending=False, kind="stable").reset_index(drop=True)
