"""A payload that lost too much: the banner for every page, and where a person says that it has truly gone."""

from typing import Any

import streamlit as st

from pages import feed_names, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import refused
from queries.moment import here
from store import decisions


def banner(seen: View) -> None:
    """One banner a feed whose last good payload stays; nothing where none is refused."""
    for row in seen.figure(refused.refused).to_dict("records"):
        shell.banner(_said(row), "red" if words.missing(row["accepted_by"]) else "amber")


def _said(row: dict[Any, Any]) -> str:
    gone = {
        "rows": n_("{lost} of {held} row vanished at once", "{lost} of {held} rows vanished at once", row["held"]),
        "figures": n_(
            "{lost} of {held} figure vanished at once", "{lost} of {held} figures vanished at once", row["held"]
        ),
    }[row["what"]].format(lost=words.number(row["lost"]), held=words.number(row["held"]))
    said = _("{source}, {feed}: {gone} at {time}. The last good figures stay on the screen.").format(
        source=names.source(row["source"]),
        feed=feed_names.feed(row["source"], row["feed"]),
        gone=gone,
        time=words.clock_time(row["since_at"]),
    )
    if words.missing(row["accepted_by"]):
        return said
    accepted = _("Accepted by {who} at {time}; taken at the next poll.")
    return f"{said} {accepted.format(who=row['accepted_by'], time=words.clock_time(row['accepted_at']))}"


def accept(seen: View) -> None:
    """What is refused and nobody has accepted, each with its form. The present only: the past is not decided on."""
    if seen.as_of:
        return
    rows = seen.figure(refused.refused)
    for row in rows[rows["accepted_by"].isna()].to_dict("records"):
        _form(row)


def _form(row: dict[Any, Any]) -> None:
    key = f"refused_{row['source']}_{row['feed']}_{row['payload']}"
    with st.expander(_("Has it truly gone? Accept the payload"), key=key), st.form(f"{key}_form", border=False):
        st.text(
            _("Payload {payload} of {time} is kept in the archive below. Accepting it makes it current.").format(
                payload=row["payload"], time=words.clock_time(row["fetched_at"])
            )
        )
        who = st.text_input(_("Who decides"), key=f"{key}_who")
        why = st.text_input(_("Why it has truly gone"), key=f"{key}_why")
        if st.form_submit_button(_("Accept this payload")):
            try:
                decisions.accept_payload(here()[0], row["source"], row["feed"], int(row["payload"]), who, why)
            except decisions.Refused:
                st.error(_("Say who decides, and why."))
            else:
                st.rerun()
