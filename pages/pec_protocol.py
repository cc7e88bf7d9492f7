"""A PEC's protocol: the observers' copy, the machine and the manual count side by side, and the history of each."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from pages import check_words, comparison, embargoed, names, shell, words
from pages.view import View
from pages.words import _
from queries import comparison as compared
from queries import embargo, protocol
from queries.pec import Pec


def panel(seen: View, one: Pec) -> None:
    """Every line of each contest's protocol; below it what each side said before."""
    shell.heading(_("The protocol: observers' copy, machine count, manual count"))
    embargoed.note(seen)
    fields = embargo.open_fields(seen.moment, seen.figure(compared.fields, pec=one.code))
    history = seen.figure(protocol.history, pec=one.code)
    if history.empty:
        return shell.empty(_("Neither the observers nor the commission have a protocol of this PEC yet."))
    protocols = seen.figure(compared.protocols, whole=embargo.lifted(seen.moment))
    for row in protocols[protocols["pec"] == one.code].to_dict("records"):
        _in_a_word(row)
    _sides(seen, fields, history)
    _history(history)
    return None


def _in_a_word(row: dict[Hashable, Any]) -> None:
    """'Copy: certified. 2 of 30 lines differ from the manual count.'"""
    copy = words.NOTHING if words.missing(row["copy"]) else comparison.copy(str(row["copy"]))
    said = [_("Copy: {copy}.").format(copy=copy)]
    if row["compared"]:
        differs = words.fraction(row["differing"], row["compared"])
        said.append(_("{fraction} lines differ from the manual count.").format(fraction=differs))
    st.text(" ".join(said))


def _sides(seen: View, fields: pd.DataFrame, history: pd.DataFrame) -> None:
    """What stands now, those that differ first. Of a PEC outside the sample the commission's figures alone."""
    columns = {
        "field": shell.Column(_("Line"), check_words.line, "medium"),
        "observed": shell.Column(_("Observers"), words.number),
        "machine": shell.Column(_("Machine"), words.number),
        "manual": shell.Column(_("Manual"), words.number),
    }
    stands = history[history["replaced_at"].isna()]
    sides = stands.pivot_table(index=["contest", "field"], columns="side", values="value", aggfunc="last", sort=False)
    sides = sides.reset_index().reindex(columns=["contest", "field", *protocol.SIDES])
    if len(fields):
        said = comparison.states_said(seen)
        columns |= {
            "difference": shell.Column(_("Difference"), words.number),
            "state": shell.Column(_("State"), lambda id: said.get(id, id)),
        }
        extra = sides[~sides["field"].isin(fields["field"])]
        sides = pd.concat([fields, extra[extra["machine"].notna() | extra["manual"].notna()]], ignore_index=True)
    for contest, own in sides.groupby("contest", sort=False):
        if sides["contest"].nunique() > 1:
            st.caption(words.verbatim(names.contest(str(contest))))
        shell.table(own.reset_index(drop=True), columns, f"pec_protocol_{contest}", height=380)


def _history(history: pd.DataFrame) -> None:
    """What was replaced, and what vanished: every other figure stands as it first came."""
    keys = ["contest", "field", "side", "who"]
    rows = history[history.groupby(keys, dropna=False)["replaced_at"].transform(lambda at: at.notna().any())]
    if rows.empty:
        return shell.empty(_("No figure of this protocol has been replaced since it first came."))
    columns = {
        "known_at": shell.Column(_("Since"), words.clock_time),
        "replaced_at": shell.Column(_("Until"), words.clock_time),
        "side": shell.Column(_("Whose"), _side),
        "who": shell.Column(_("Observer")),
        "field": shell.Column(_("Line"), check_words.line, "medium"),
        "value": shell.Column(_("Figure"), words.number),
        "payload": shell.Column(_("Payload"), words.number),
    }
    shell.heading(_("What was replaced in it"))
    shell.table(rows.reset_index(drop=True), columns, "pec_protocol_history")
    return None


def _side(id: str) -> str:
    return {
        "observed": _("observers"),
        "machine": _("machine count"),
        "manual": _("manual count"),
    }.get(id, id)
