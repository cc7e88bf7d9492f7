"""A part of a PEC's panel: where its observers differ, and a person who has asked them says which answer holds."""

from functools import partial

import streamlit as st

from pages import deciding, names, words
from pages.pec_answers import question_name, value_words
from pages.view import View
from pages.words import _
from queries.moment import here
from queries.pec import Pec
from store import decisions


def part(seen: View, one: Pec) -> None:
    """The form for a conflict, and what was settled before."""
    if len(one.differing) and not seen.as_of:  # the past is not decided on
        _form(seen, one)
    for row in one.settled.to_dict("records"):
        said = _("{question}: {answer}, settled by {who} at {time}: {why}")
        st.text(
            said.format(
                question=question_name(row["form"], row["question"]),
                answer=value_words(row["form"], row["question"], row["value"]),
                who=row["who"],
                time=words.clock_time(row["decided_at"]),
                why=row["why"],
            )
        )


def _form(seen: View, one: Pec) -> None:
    """Who says which answer holds, and why. A correction that the observers send ends the conflict as well."""
    key = f"settle_{words.beginning(one.code)}"
    with st.expander(_("Somebody has asked the observers: settle a conflict"), key=key):
        rows = {f"{row['form']}|{row['question']}": row for row in one.differing.to_dict("records")}
        chosen = str(st.selectbox(_("Question"), list(rows), format_func=_named, key=f"{key}_question"))
        form, question = chosen.split("|")
        key = f"{key}_{chosen}"
        known = deciding.drawn_before(f"{key}_drawn", seen.moment.load)
        with st.form(key, border=False):
            value = st.radio(
                _("The answer that holds"),
                rows[chosen]["values"],
                index=None,
                format_func=lambda v: words.verbatim(value_words(form, question, v)),
                key=f"{key}_value",
            )
            who = st.text_input(_("Who decides"), key=f"{key}_who")
            why = st.text_input(_("Why this answer holds"), key=f"{key}_why")
            deciding.decide(
                key,
                deciding.pressed(key, _("Settle it")),
                partial(decisions.settle_answer, here()[0], one.code, form, question, str(value), who, why, known),
                _("Choose the answer that holds.") if value is None else "",
                _refused,
            )


def _refused(reason: str) -> str:
    return _("Somebody else has settled it already.") if reason == "meanwhile" else deciding.say_who(reason)


def _named(chosen: str) -> str:
    form, question = chosen.split("|")
    return f"{names.form(form)}: {question_name(form, question)}"
