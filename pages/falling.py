"""A part of the Turnout page: counts that fall from one hour to the next, and where a person accepts one of them."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages import deciding, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import turnout
from queries.moment import here
from store import decisions


def part(seen: View, contest: str) -> None:
    """What falls and is left out, the form for it, and what was accepted before."""
    rows, taken = (_own(seen.figure(ask), contest, seen.around) for ask in (turnout.falling, turnout.accepted))
    if rows.empty and taken.empty:
        return
    shell.heading(
        _("Counts that fall from one hour to the next: left out until a person decides"),
        _("A correction by the observer ends it as well. An accepted count enters the estimate; later hours go by it."),
    )
    if len(rows):
        _fallen(rows, contest)
    if len(rows) and not seen.as_of:  # the past is not decided on
        _form(rows.reset_index(drop=True), contest)
    if len(taken):
        _taken(taken, contest)


def _own(rows: pd.DataFrame, contest: str, region: str | None) -> pd.DataFrame:
    rows = rows[rows["contest"] == contest]
    return rows if region is None else rows[rows["region"] == region]


def _fallen(rows: pd.DataFrame, contest: str) -> None:
    columns = {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "hour": shell.Column(_("Hour")),
        "count": shell.Column(_("Voters"), words.number),
        "earlier_hour": shell.Column(_("Earlier hour")),
        "earlier_count": shell.Column(_("Voters then"), words.number),
    }
    count = n_("{n} count", "{n} counts", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, columns, f"turnout_falling_{contest}", count, opens_pec=True)


def _form(rows: pd.DataFrame, contest: str) -> None:
    """Who accepts which count, and why. The form is one count's: where that falls no more, nothing else is accepted."""
    key = f"falling_{contest}"
    with st.expander(_("Somebody has looked into it: accept a count"), key=key):
        choices = dict(zip(rows["pec"] + "|" + rows["form"], rows.to_dict("records"), strict=True))
        chosen = st.selectbox(
            _("Count"), list(choices), format_func=lambda c: _said(choices.get(c)), key=f"{key}_count"
        )
        row = choices[str(chosen)]
        key = f"{key}_{words.beginning(str(chosen))}_{row['count']}"
        with st.form(key, border=False):
            who = st.text_input(_("Who decides"), key=f"{key}_who")
            why = st.text_input(_("Why this count holds"), key=f"{key}_why")
            count = (row["pec"], row["form"], row["question"], row["count"])
            deciding.decide(
                key,
                deciding.pressed(key, _("Accept this count")),
                partial(decisions.accept_count, here()[0], *count, who, why),
            )


def _said(row: dict[Any, Any] | None) -> str:
    """'PEC 2460, 14:00: 201 after 293 at 12:00'; nothing of a count that falls no more."""
    if row is None:
        return words.NOTHING
    return _("PEC {code}, {hour}: {count} voters, after {earlier} at {earlier_hour}").format(
        code=words.beginning(row["pec"]),
        hour=row["hour"],
        count=words.number(row["count"]),
        earlier=words.number(row["earlier_count"]),
        earlier_hour=row["earlier_hour"],
    )


def _taken(taken: pd.DataFrame, contest: str) -> None:
    columns = {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "hour": shell.Column(_("Hour")),
        "count": shell.Column(_("Voters"), words.number),
        "who": shell.Column(_("Who")),
        "decided_at": shell.Column(_("When"), words.clock_time),
        "why": shell.Column(_("Why"), width="large"),
    }
    count = n_("{n} count accepted by a person", "{n} counts accepted by a person", len(taken))
    shell.table(taken, columns, f"turnout_accepted_{contest}", count.format(n=words.number(len(taken))), opens_pec=True)


def decided(row: dict[Any, Any]) -> str:
    """A row of `turnout.accepted` in a sentence."""
    return _("The falling count of {hour}, {count} voters, was accepted by {who} at {time}: {why}").format(
        hour=row["hour"],
        count=words.number(row["count"]),
        who=row["who"],
        time=words.clock_time(row["decided_at"]),
        why=row["why"],
    )
