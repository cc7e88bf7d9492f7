"""What lost too much: the banner for every page, where a person says that it has truly gone, and the way back."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages import deciding, feed_names, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import refused
from queries.moment import here
from store import decisions


def banner(seen: View) -> None:
    """One banner a feed whose last good payload stays, and one a view of which too many rows are gone at once."""
    for row in seen.figure(refused.refused).to_dict("records"):
        shell.banner(_said(row), "red" if words.missing(row["accepted_by"]) else "amber")
    for row in seen.figure(refused.losses).to_dict("records"):
        shell.banner(_loss_said(row), "red" if words.missing(row["accepted_by"]) else "amber")


def _loss_said(row: dict[Any, Any]) -> str:
    said = _(
        "{source}, {view}: {lost} of {held} rows are gone or changed since {time}, too many within an hour. They stay "
        "until somebody accepts it on Data health."
    ).format(
        source=names.source(row["source"]),
        view=names.view(row["view"]),
        lost=words.number(row["lost"]),
        held=words.number(row["held"]),
        time=words.clock_time(row["since_at"]),
    )
    return said if words.missing(row["accepted_by"]) else f"{said} {_accepted(row)}"


def _accepted(row: dict[Any, Any]) -> str:
    accepted = _("Accepted by {who} at {time}; taken at the next poll.")
    return accepted.format(who=row["accepted_by"], time=words.clock_time(row["accepted_at"]))


def _said(row: dict[Any, Any]) -> str:
    said = _(
        "{source}, {feed}: {gone} at {time}. The last good figures stay on the screen until it is whole again or "
        "somebody accepts that on Feed."
    ).format(
        source=names.source(row["source"]),
        feed=feed_names.feed(row["source"], row["feed"]),
        gone=_gone(row),
        time=words.clock_time(row["since_at"]),
    )
    return said if words.missing(row["accepted_by"]) else f"{said} {_accepted(row)}"


def _gone(row: dict[Any, Any]) -> str:
    """All that goes."""
    if row["figures"]:
        gone = n_(
            "{lost} of {held} rows and {figures} figure of other rows vanished at once",
            "{lost} of {held} rows and {figures} figures of other rows vanished at once",
            row["figures"],
        )
    elif row["what"] == "rows":
        gone = n_("{lost} of {held} row vanished at once", "{lost} of {held} rows vanished at once", row["held"])
    else:
        gone = n_("{lost} of {held} figure vanished at once", "{lost} of {held} figures vanished at once", row["held"])
    return gone.format(**{name: words.number(row[name]) for name in ("lost", "held", "figures")})


def accept(seen: View) -> None:
    """What is refused and nobody has accepted, each with its form; and what somebody has, to take that back. The
    present only: the past is not decided on."""
    if seen.as_of:
        return
    store = here()[0]
    known = deciding.drawn_before("refused_drawn", seen.moment.load)
    rows = seen.figure(refused.refused)
    for row in rows[rows["accepted_by"].isna()].to_dict("records"):
        source, feed, payload, goes = str(row["source"]), str(row["feed"]), int(row["payload"]), str(row["hash"])
        under = _("Payload {payload} of {time} is kept in the archive below. Accepting it makes it current.")
        decision(
            _("Has it truly gone? Accept the payload"),
            f"refused_{source}_{feed}_{goes}",
            _("Accept this payload"),
            partial(decisions.accept_payload, store, source, feed, goes, known=known),
            under.format(payload=payload, time=words.clock_time(row["fetched_at"])),
        )
    for row in seen.figure(refused.taken_payloads).to_dict("records"):
        source, feed, accepted = str(row["source"]), str(row["feed"]), int(row["decision"])
        said = _("{feed}: {gone}; withdrawn at {time}, accepted by {who}: {why}").format(
            feed=feed_names.feed(source, feed),
            gone=_gone(row),
            time=words.clock_time(row["taken_at"]),
            who=row["who"],
            why=row["why"],
        )
        decision(
            said,
            f"taken_{accepted}_{feed}",
            _("Undo it: the figures stand again"),
            partial(decisions.undo_payload, store, source, feed, accepted),
        )


def losses(seen: View) -> None:
    """Rows of the observers' database of which too many are gone or changed: who accepts it, who takes that back."""
    if seen.as_of:
        return
    store = here()[0]
    known = deciding.drawn_before("losses_drawn", seen.moment.load)
    for row in seen.figure(refused.losses).to_dict("records"):
        source, view, keys = str(row["source"]), str(row["view"]), str(row["hash"])
        if words.missing(row["accepted_by"]):
            decision(
                _("{view}: have they truly gone or changed? Accept it").format(view=names.view(view)),
                f"loss_{source}_{view}_{keys}",
                _("Accept that they have gone or changed"),
                partial(decisions.accept_loss, store, source, view, keys, known=known),
            )
    for row in seen.figure(refused.taken).to_dict("records"):
        source, view, load = str(row["source"]), str(row["view"]), int(row["load"])
        said = _("{view}: {lost} rows withdrawn or changed at {time}, accepted by {who}: {why}").format(
            view=names.view(view),
            lost=words.number(row["lost"]),
            time=words.clock_time(row["taken_at"]),
            who=row["who"],
            why=row["why"],
        )
        decision(
            said,
            f"taken_{load}_{view}",
            _("Undo it: the rows stand again"),
            partial(decisions.undo_loss, store, source, view, load),
        )


def decision(said: str, key: str, button: str, decide: Callable[[str, str], object], under: str = "") -> None:
    """A form that asks who and why, and decides."""
    with st.expander(words.verbatim(said), key=key), st.form(f"{key}_form", border=False):
        if under:
            st.text(under)
        who = st.text_input(_("Who decides"), key=f"{key}_who")
        why = st.text_input(_("Why"), key=f"{key}_why")
        deciding.decide(key, deciding.pressed(key, button), partial(decide, who, why), refused=_not_taken)


def _not_taken(reason: str) -> str:
    if reason == "undone":
        return _("Somebody else has undone it already.")
    if reason == "newer":
        return _("A newer acceptance of some of the same rows stands. Undo that one first.")
    return deciding.changed_meanwhile() if reason == "meanwhile" else deciding.say_who(reason)
