"""Incidents that a person must sort: said first on Overview and wall; on Incidents the list, the form, the way back."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from pages import cards, deciding, lists, names, reports, shell, words
from pages.view import View
from pages.words import _, n_
from queries import incidents
from queries.moment import here
from store import decisions

_NAMED = 3  # reports that the banner names
_LISTED = 30
_OFFERED = 200  # reports in the form's list
STRANGERS = "strangers"  # in it, stands for all whose sender is no observer of the frame


def banner(seen: View) -> None:
    """How many there are, whatever region is chosen: where they happened may be what nobody knows."""
    rows = seen.figure(incidents.unsorted)
    if rows.empty:
        return
    of = len(seen.figure(incidents.incident_list))
    said = _("{n} of {of} incident reports must be sorted by a person")
    said = said.format(n=words.number(len(rows)), of=words.number(of))
    told = "".join(f"<li>{escape(_told(row))}</li>" for row in first(rows).to_dict("records"))
    asked = urlencode({"lang": seen.language})
    link = f"<a href='incidents?{asked}' target='_self'>{escape(said)}</a>"
    st.html(f"<div class='bk-banner bk-red bk-unsorted' role='alert'>{link}<ul>{told}</ul></div>")


def first(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that the banner names, a line a sender, observers of the frame first."""
    return incidents.folded(rows, 1).head(_NAMED)


def _told(row: Mapping[Any, Any]) -> str:
    """When, where and who; the observer's words are for those who act on them."""
    known = (
        cards.pec_words(row["pec"]),
        names.region(row["region"]),
        names.reporter(row["reporter"]),
        reports.more_of_sender(row["more"]),
    )
    return " · ".join((words.clock_time(row["reported_at"]), *(part for part in known if part)))


def panel(seen: View) -> None:
    """Each of them with what could not be used, and the form. The past is not decided on."""
    rows = seen.figure(incidents.unsorted)
    if rows.empty:
        return
    title = n_("{n} report to be sorted", "{n} reports to be sorted", len(rows)).format(n=words.number(len(rows)))
    shell.heading(title, _("They could not be used as they came. They stand first until a person says what they are."))
    few = incidents.folded(rows).head(_LISTED)
    lists.draw([reports.item(seen, row) for row in few.to_dict("records")])
    if not seen.as_of:
        _form(seen, rows)


def _form(seen: View, rows: pd.DataFrame) -> None:
    with st.expander(_("Sort a report"), key="sort", expanded=True):
        found = incidents.found(rows, st.text_input(_("Words, PEC or sender of the report"), key="sort_words"))
        if found.empty:
            st.text(_("No report has this."))
            return
        subjects, strangers = _by_subject(found), list(found.loc[~found["known"], "subject"])
        named = _of_strangers(len(strangers) > 1) | _choices(subjects)
        first = len(named) - len(subjects)  # the first report
        chosen = st.selectbox(_("Report"), list(named), first, lambda s: named.get(s, ""), key="sort_subject")
        if chosen is None or chosen not in named:  # somebody else has sorted it
            return
        row: dict[Any, Any] = subjects.get(chosen, {"category": None, "sender": None})
        of_sender = rows.loc[rows["sender"] == row["sender"], "subject"]  # none where nobody is named
        key = f"sort_{chosen.rpartition('|')[2]}"  # a subject begins with the report's own key, however long that is
        many = strangers if chosen == STRANGERS else list(of_sender)
        stand = {*many, *seen.figure(incidents.decided)["subject"]}
        shown = len(many)
        known, many = deciding.drawn_before(f"{key}_drawn", (seen.moment.load, many))
        many = [subject for subject in many if subject in stand]  # the others went or were found out without a person
        with st.form(key, border=False):
            if chosen in subjects:
                lists.draw([reports.item(seen, row)])
            else:
                said = n_("{n} report to be sorted", "{n} reports to be sorted", shown)
                st.text(said.format(n=words.number(shown)))
            categories = [c.id for c in here()[1].categories]
            index = categories.index(row["category"]) if row["category"] in categories else None
            category = st.selectbox(
                _("Category"), categories, index=index, format_func=names.category, key=f"{key}_category",
                placeholder=_("Category"),
            )  # fmt: skip
            severity = st.radio(
                _("Severity"), incidents.URGENT, index=None, format_func=names.severity, horizontal=True,
                key=f"{key}_severity",
            )  # fmt: skip
            others, every = len(of_sender) - 1, False
            if others > 0:
                said = n_("The other {n} of this sender too", "The other {n} of this sender too", others)
                every = st.checkbox(said.format(n=words.number(others)), key=f"{key}_every")
            who = st.text_input(_("Who decides"), key=f"{key}_who")
            why = st.text_input(_("Why"), key=f"{key}_why")
            with st.container(horizontal=True):
                sort = deciding.pressed(key, _("Sort it so"), primary=True)
                dismiss = deciding.pressed(key, _("Dismiss: it is no incident"))
        unsaid = sort and (category is None or severity is None)
        deciding.decide(
            key,
            sort or dismiss,
            partial(
                decisions.sort_incidents,
                here()[0],
                many if every or chosen == STRANGERS else [chosen],
                incidents.DISMISSED if dismiss else f"{category}|{severity}",
                who,
                why,
                known,
            ),
            _("Choose its category and its severity.") if unsaid else "",
            kept=_left_as_they_are,
        )


def _of_strangers(several: bool) -> dict[str, str]:
    """The choice of all whose sender is no observer of the frame. What is chosen is known by these words alone: they
    are the same however many there are by then."""
    return {STRANGERS: _("All not from observers of the frame")} if several else {}


def _left_as_they_are(left: Mapping[str, str]) -> str:
    """What somebody else had decided on before the press came to the store."""
    said = n_(
        "{n} report was decided on meanwhile by {who} and is left as it is.",
        "{n} reports were decided on meanwhile by {who} and are left as they are.",
        len(left),
    )
    who = ", ".join(sorted(set(left.values())))
    return said.format(n=words.number(len(left)), who=who) if left else ""


def _by_subject(rows: pd.DataFrame) -> dict[str, dict[Any, Any]]:
    return {str(row["subject"]): row for row in rows.head(_OFFERED).to_dict("records")}


def _choices(rows: Mapping[str, Mapping[Any, Any]]) -> dict[str, str]:
    """The browser knows a choice by its words: where several have the same the end of their key tells them apart."""
    said = {subject: _choice(row) for subject, row in rows.items()}
    number = Counter(said.values())
    return {subject: f"{one} · {subject[-8:]}" if number[one] > 1 else one for subject, one in said.items()}


def _choice(row: Mapping[Any, Any]) -> str:
    said = "" if words.missing(row["description"]) else words.beginning(str(row["description"]))[:80]
    parts = words.clock_time(row["reported_at"]), _place(row), names.reporter(row["reporter"]), said
    return " · ".join(part for part in parts if part)


def _place(row: Mapping[Any, Any]) -> str:
    return cards.pec_words(row["pec"]) or names.region(row["region"])


def decided(seen: View) -> None:
    """What a person has sorted or dismissed, and the way back."""
    rows = seen.figure(incidents.decided)
    if rows.empty:
        return
    title = n_("{n} report sorted by a person", "{n} reports sorted by a person", len(rows))
    with st.expander(title.format(n=words.number(len(rows))), key="decided"):
        lists.draw([_decision(row) for row in rows.head(_LISTED).to_dict("records")])
        if not seen.as_of:
            _take_back(seen, rows)


def _decision(row: Mapping[Any, Any]) -> str:
    as_what = (
        _("dismissed") if row["dismissed"] else f"{names.category(row['category'])}, {names.severity(row['severity'])}"
    )
    who = _by_whom(row)
    said = "" if words.missing(row["description"]) else words.quoted(str(row["description"]))
    return (
        f"<div><b>{escape(words.clock_time(row['reported_at']))}</b></div>"
        f"<div><b>{escape(as_what)}</b><br>{escape(_place(row))} <small>{escape(who)}</small></div>"
        f"<div>{escape(said)}</div>"
    )


def _take_back(seen: View, rows: pd.DataFrame) -> None:
    at_once = rows.groupby(["decided_at", "decided_by"], sort=False)
    together = {f"{at} {who}": own for (at, who), own in at_once if len(own) > 1}
    named = {key: _all_of(own) for key, own in together.items()}
    named |= _choices(_by_subject(rows))
    known = deciding.drawn_before("take_back_drawn", seen.moment.load)
    with st.form("take_back", border=False):
        chosen = st.selectbox(
            _("Report"),
            list(named),
            index=None,
            format_func=lambda s: named.get(s, ""),
            key="take_back_subject",
            placeholder=_("Report"),
        )
        who = st.text_input(_("Who decides"), key="take_back_who")
        why = st.text_input(_("Why"), key="take_back_why")
        subjects = list(together[chosen]["subject"]) if chosen in together else [str(chosen)]
        deciding.decide(
            "take_back",
            deciding.pressed("take_back", _("Take the decision back")),
            partial(decisions.sort_incidents, here()[0], subjects, incidents.OPEN, who, why, known),
            _("Choose the report.") if chosen is None else "",
            kept=_left_as_they_are,
        )


def _all_of(rows: pd.DataFrame) -> str:
    """What was decided at once: the same words while a part of it is taken back."""
    return _("All at once: {said}").format(said=_by_whom(rows.iloc[0].to_dict(), seconds=True))


def _by_whom(row: Mapping[Any, Any], seconds: bool = False) -> str:
    return _("{who} at {time}: {why}").format(
        who=row["decided_by"], time=words.clock_time(row["decided_at"], seconds), why=row["decided_why"]
    )
