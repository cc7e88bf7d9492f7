"""The list to ring: late PECs, what did arrive from them, and the telephones of those who should be there."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import lists, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import coverage, room

_AT_ONCE = 20  # PECs in the list before somebody asks for all
_LATE = (
    "pec",
    "region",
    "district",
    "area",
    "settlement",
    "form",
    "due_at",
    "minutes_late",
    "observers",
    "last_heard_at",
)


def to_ring(seen: View) -> None:
    """The late PECs with their telephones, longest late first: the one list that shows them."""
    form = {"form": seen.form} if seen.form else {}
    late = seen.figure(coverage.unreported, contacts=True, **form, **seen.place)
    shell.heading(_("PECs to ring, longest late first"))
    if late.empty:
        return shell.empty(" ".join([_("No PEC is late."), *_next_due(seen)]))
    pecs = [own for _code, own in late.groupby("pec", sort=False)]
    shown = pecs
    if len(pecs) > _AT_ONCE and not st.toggle(_("Show all"), key="ring_all"):
        shown = pecs[:_AT_ONCE]
    st.caption(
        n_("{shown} of {n} late PEC", "{shown} of {n} late PECs", len(pecs)).format(
            shown=words.number(len(shown)), n=words.number(len(pecs))
        )
    )
    lists.draw([_ring(seen, own) for own in shown])
    behind = st.expander(_("The list as a table"), key="ring_behind", on_change="rerun")
    if behind.open:
        with behind:
            shell.table(late[list(_LATE)], _late_columns(), "to_ring", opens_pec=True)


def _ring(seen: View, own: pd.DataFrame) -> str:
    """One PEC: which it is, what is late and what did arrive, whom to ring."""
    first: dict[Any, Any] = own.iloc[0].to_dict()
    where = lists.place(first["region"], first["district"], first["area"], first["settlement"])
    late = "".join(
        f"<div><span class='bk-late'>{escape(words.minutes(minutes))}</span> {escape(names.form(form))}</div>"
        for minutes, form in zip(own["minutes_late"], own["form"], strict=True)
    )
    heard = _("last heard {time}").format(time=words.clock_time(first["last_heard_at"]))
    if words.missing(first["last_heard_at"]):
        heard = _("never heard today")
    arrived = dict.fromkeys(_arrived(kind) for kinds in own["arrived"] for kind in kinds)
    came = "".join(f"<div>{escape(word)}</div>" for word in arrived)
    people = zip(first["observers"], first["names"], first["phones"], strict=True)
    ring = "".join(_person(*person) for person in people) or escape(_("No observer is named for this PEC."))
    codes = [words.beginning(code) for code in dict.fromkeys(first["coordinators"]) if code]
    bosses = [_("coordinator {code}").format(code=code) for code in codes]
    return (
        f"<div><b>{lists.pec_link(seen, first['pec'])}</b><br><small>{where}</small></div>"
        f"<div>{late}{came}<small>{escape(heard)}</small></div>"
        f"<div>{ring}<small>{escape(', '.join(bosses))}</small></div>"
    )


def _person(code: str, name: str, phones: str) -> str:
    numbers = " ".join(lists.telephone(number) for number in phones.split(", ") if number)
    who = escape(words.beginning(name or code))
    return f"<div>{who} {numbers} <small>{escape(words.beginning(code))}</small></div>"


def _arrived(kind: str) -> str:
    return {
        "unreadable": _("a message came that could not be read"),
        "held": _("a report came, but for another PEC"),
    }.get(kind, kind)


def _late_columns() -> shell.Columns:
    return {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "district": shell.Column(_("District"), names.district),
        "form": shell.Column(_("Checklist"), names.form),
        "minutes_late": shell.Column(_("Late by"), words.minutes),
        "last_heard_at": shell.Column(_("Last heard"), words.clock_time),
    }


def _next_due(seen: View) -> list[str]:
    """'Opening: expected from 07:00, due by 08:30.' of the checklist that comes next."""
    rows = seen.figure(room.checklists)
    coming = rows[rows["due_at"] > pd.Timestamp(seen.moment.at)].sort_values("due_at").head(1)
    said = _("{checklist}: expected from {opens}, due by {due}.")
    return [
        said.format(
            checklist=names.form(row["form"]),
            opens=words.clock_time(row["opens_at"]),
            due=words.clock_time(row["due_at"]),
        )
        for row in coming.to_dict("records")
    ]
