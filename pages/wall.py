"""The wall, `?wall=1`: five cards and the map fill the screen; dark, no navigation; the lower half takes turns."""

import time
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import cards, charts, charts_incidents, names, overview, pulse, reports, shell, strip, unsorted, words
from pages.view import View
from pages.words import _
from queries import incidents, room
from queries.moment import here

ENLARGED = 1.7
URGENT_MINUTES = 10  # a critical report so fresh keeps the lower half
_LINES = 3  # of such reports


def asked_for() -> bool:
    return st.query_params.get("wall") == "1"


def _rotates() -> bool:
    return st.query_params.get("rotate") == "1"


def page() -> None:
    """Nothing to click: it refreshes by itself, and rotates on `?rotate=1`."""
    st.html("<div class='bk-on-wall'></div>")
    strip.strip(controls=False)
    shell.live(unsorted.banner)
    shell.live(_cards)
    shell.live(_lower_half, here()[1].wall_rotation if _rotates() else pulse.TICK)


def _cards(seen: View) -> None:
    st.html(seen.made(cards.html))


def _lower_half(seen: View) -> None:
    parts = (overview.lately, overview.regions, incident_hours)
    turn = 0
    if _rotates():
        turn = int(time.monotonic() // seen.moment.election.wall_rotation) % len(parts)
    urgent = _urgent(seen)
    with st.container(key="bk_lower"):
        left, right = st.columns([2, 1], gap="large")
    with shell.enlarged(ENLARGED):
        with left:
            if len(urgent):
                _show_urgent(urgent)
            else:
                parts[turn](seen)
        with right:
            overview.late_map(seen)


def incident_hours(seen: View) -> None:
    """Reports by hour."""
    hours = seen.figure(incidents.incidents, by=("hour", "severity"), **seen.place)
    spec = seen.spec("incident_hours", lambda: charts_incidents.by_hour(hours))
    if spec:
        return charts.draw(spec, "incident_hours")
    shell.heading(_("Incident reports received, by hour of the event"))
    shell.empty(_("No incident has been reported yet."))


def _urgent(seen: View) -> pd.DataFrame:
    """What was learnt in the last minutes to be critical or to be sorted, a line a sender; the banner above names some
    of it already."""
    fresh = incidents.folded(seen.figure(room.fresh_critical, minutes=URGENT_MINUTES, **seen.place), 1)
    named = unsorted.first(seen.figure(incidents.unsorted))
    return fresh[~(fresh["unsorted"] & fresh["subject"].isin(named["subject"]))]


def _show_urgent(urgent: pd.DataFrame) -> None:
    """What, where and when it was learnt, and how many more; the observer's own words are for those who act on them,
    not for a wall."""
    shell.heading(_("New and critical"))
    shown = urgent.head(_LINES)
    lines = "".join(map(_line, shown.to_dict("records")))
    st.html(f"<ul class='bk-urgent'>{lines}</ul>")
    if more := reports.and_more(incidents.beyond(urgent, shown)):
        st.html(f"<p class='bk-urgent'>{escape(more)}</p>")


def _line(row: dict[Any, Any]) -> str:
    reported = _("reported {time}").format(time=words.clock_time(row["reported_at"]))
    where = (cards.pec_words(row["pec"]), names.region(row["region"]), reported, reports.more_of_sender(row["more"]))
    what = names.category(row["category"])
    return (
        f"<li><time>{escape(words.clock_time(row['learnt_at']))}</time> <b>{escape(what)}</b>"
        f"<div>{escape(' · '.join(part for part in where if part))}</div></li>"
    )
