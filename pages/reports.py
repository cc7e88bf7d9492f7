"""Incident reports one by one: their filters, and each with where, when, who and the observer's own words."""

import json
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import filters, lists, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import incidents
from queries.moment import here

FILTERS = ("category", "severity", "reporter")  # parameters of the address
_AT_ONCE = 30  # reports in the list before somebody asks for all
_REPORTERS = ("sto", "mobile", "lto", "coordinator", "hotline")


def choose_filters() -> None:
    """Kind, severity and reporter, kept in the address."""
    shell.heading(_("The reports, most urgent first"))
    filters.choose(
        "reports",
        category=(_("All categories"), {c.id: names.category(c.id) for c in here()[1].categories}),
        severity=(_("Any severity"), {s: names.severity(s) for s in ("unsorted", "critical", "serious", "minor")}),
        reporter=(_("Any reporter"), {r: names.reporter(r) for r in _REPORTERS}),
    )


def listed(seen: View) -> None:
    """The reports that the filters leave, most urgent first, the newest of them on top."""
    chosen = {name: st.session_state.get(name) or None for name in FILTERS}
    rows = seen.figure(incidents.incident_list, category=chosen["category"], severity=chosen["severity"], **seen.place)
    if chosen["reporter"]:
        rows = rows[rows["reporter"] == chosen["reporter"]]
    if rows.empty:
        return shell.empty(
            _("No report fits these filters.") if any(chosen.values()) else _("No incident has been reported yet.")
        )
    _few_or_all(seen, rows, "reports_all")
    behind = st.expander(_("The list as a table"), key="reports_behind", on_change="rerun")
    if behind.open:
        with behind:
            shell.table(rows[list(_COLUMNS)], columns(), "incident_reports", opens_pec=True)


def _few_or_all(seen: View, rows: pd.DataFrame, key: str) -> None:
    """The first lines, those of one sender folded, and how many reports there are; all of them for who asks."""
    shown, few = rows, incidents.folded(rows).head(_AT_ONCE)
    if len(rows) > len(few) and not st.toggle(_("Show all"), key=key):
        shown = few
    st.caption(
        n_("{shown} of {n} report", "{shown} of {n} reports", len(rows)).format(
            shown=words.number(len(shown)), n=words.number(len(rows))
        )
    )
    lists.draw([item(seen, row) for row in shown.to_dict("records")])


def item(seen: View, row: dict[Any, Any]) -> str:
    """One report as a line: what and when, where and who, the observer's words as they are."""
    when = words.clock_time(row["occurred_at"] if not words.missing(row["occurred_at"]) else row["reported_at"])
    known = _("reported {time}").format(time=words.clock_time(row["reported_at"]))
    who = " · ".join(part for part in (names.reporter(row["reporter"]), status(row["status"])) if part)
    description = "" if words.missing(row["description"]) else str(row["description"])
    said = f"<blockquote>{escape(words.quoted(description))}</blockquote>" if description else ""
    small = (*_unusable(row), _decided(row), more_of_sender(row.get("more", 0)))
    said += "".join(f"<small>{escape(line)}</small><br>" for line in small if line)
    place = lists.place(row["region"], row["district"]) + _differs(row)
    return (
        f"<div>{lists.mark(row['severity'], names.severity(row['severity']))} <b>{escape(when)}</b>"
        f"<br><small>{escape(known)}</small></div>"
        f"<div><b>{escape(names.category(row['category']))}</b><br>"
        f"{lists.pec_link(seen, row['pec'])} <small>{place}<br>{escape(who)}</small></div>"
        f"<div>{said}</div>"
    )


def _unusable(row: dict[Any, Any]) -> list[str]:
    """What of an unsorted report could not be used, as it was written."""
    if not row["unsorted"]:
        return []
    because = ", ".join(names.reason(why) for why in row["why"])
    written = [f"{_field(name)} {words.quoted(value)}" for name, value in json.loads(row["written"]).items() if value]
    return [because, *([_("as written: {fields}").format(fields=", ".join(written))] if written else [])]


def _field(name: str) -> str:
    return {
        "pec": _("PEC"),
        "region": _("Region"),
        "district": _("District"),
        "category": _("Category"),
        "severity": _("Severity"),
        "observer": _("Observer"),
        "occurred_at": _("Time"),
        "reported_at": _("Reported"),
    }.get(name, name)


def _decided(row: dict[Any, Any]) -> str:
    """Who sorted it, and why."""
    if words.missing(row["decided_by"]) or row["unsorted"]:
        return ""
    said = _("sorted by {who} at {time}: {why}")
    return said.format(who=row["decided_by"], time=words.clock_time(row["decided_at"]), why=row["decided_why"])


def more_of_sender(more: int) -> str:
    """How many others of the same sender are folded into this line."""
    if not more:
        return ""
    return n_("and {n} more of this sender", "and {n} more of this sender", more).format(n=words.number(more))


def and_more(more: int) -> str:
    """How many others there are."""
    return n_("and {n} more", "and {n} more", more).format(n=words.number(more)) if more else ""


def _differs(row: dict[Any, Any]) -> str:
    """Region and district as reported, where they are not the frame's: shown, never set aside."""
    if not row["differs"]:
        return ""
    reported = lists.place(row["region_as_reported"], row["district_as_reported"])
    return "<br>" + lists.mark("conflict", _("as reported")) + f" {reported}"


def status(id: str | None) -> str:
    """How far a report has got."""
    return {
        "new": _("new"),
        "verified": _("verified"),
        "passed_on": _("passed on"),
        "rejected": _("rejected"),
        "closed": _("closed"),
    }.get(str(id), "" if words.missing(id) else words.beginning(str(id)))


_COLUMNS = (
    "incident", "pec", "region", "district", "category", "severity", "occurred_at", "reported_at", "reporter", "status",
    "description",
)  # fmt: skip


def columns() -> shell.Columns:
    return {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "district": shell.Column(_("District"), names.district),
        "category": shell.Column(_("Category"), names.category),
        "severity": shell.Column(_("Severity"), names.severity),
        "occurred_at": shell.Column(_("Time"), words.clock_time),
        "reported_at": shell.Column(_("Reported"), words.clock_time),
        "reporter": shell.Column(_("Reporter"), names.reporter),
        "status": shell.Column(_("Status"), status),
        "description": shell.Column(_("In the observer's words"), width="large"),
    }


def of_a_pec(seen: View, rows: pd.DataFrame) -> None:
    """The reports of one PEC."""
    _few_or_all(seen, rows, "pec_reports_all")
