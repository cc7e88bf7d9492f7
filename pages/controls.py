"""The rehearsal's controls, in the sidebar: pause, speed, jump to a later hour, start again."""

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
import streamlit as st

from pages import deciding, view, words
from pages.words import _
from queries.moment import here
from store import clock, wishes

SPEEDS = (1.0, 10.0, 60.0, 600.0)


def sidebar() -> None:
    """Drawn in a rehearsal only: an election's real day has no such buttons."""
    engine, election = here()
    state = clock.state()
    if not election.rehearsal or state is None:
        return
    title, said = _("Rehearsal"), _("pause") if state.speed == 0 else f"× {state.speed:g}"
    # its label says the speed, and a box of another label is another box: it stays as open as it was
    st.session_state["rehearsal_controls"] = bool(st.session_state.get("rehearsal_controls"))
    box = st.sidebar.expander(f"{title} · {said}", key="rehearsal_controls", on_change="rerun")
    if box.open:  # drawn when it is asked for: a page has its figures a tenth of a second earlier
        with box:
            _controls(engine, state)


def _controls(engine: sa.Engine, state: clock.Rehearsed) -> None:
    # set each time: somebody else may have changed it, and a label kept from another language is no value
    st.session_state["rehearsal_speed"] = state.speed if state.speed in SPEEDS else 0.0
    st.segmented_control(
        _("Speed"),
        [0.0, *SPEEDS],
        format_func=lambda speed: _("pause") if speed == 0 else f"× {speed:g}",
        key="rehearsal_speed",
        on_change=_set_speed,
        required=True,
    )
    hours = {at.isoformat(): words.clock_time(at) for at in _later_hours(clock.now())}
    if hours:
        st.session_state["rehearsal_jump"] = ""
        st.selectbox(
            _("Jump to"),
            ["", *hours],
            format_func=lambda at: hours.get(at, _("jump to a later hour…")),
            key="rehearsal_jump",
            on_change=_jump,
            label_visibility="collapsed",
        )
    with st.popover(_("Start again"), type="tertiary"):
        st.text(_("The rehearsed day begins again with a new store. What was loaded so far is left behind."))
        if engine.dialect.name != "sqlite":
            st.text(_("Only a day that is kept in SQLite files can be started again from here."))
            return
        st.button(
            _("Start the day again"), on_click=_keep, args=(lambda: wishes.restart(engine),), key="rehearsal_restart"
        )


def _set_speed() -> None:
    speed = st.session_state["rehearsal_speed"]
    _keep(lambda: clock.set_rehearsed(here()[0], clock.now(), speed))


def _jump() -> None:
    if chosen := st.session_state["rehearsal_jump"]:
        _keep(lambda: wishes.jump(here()[0], datetime.fromisoformat(chosen)))


def _keep(wish: Callable[[], object]) -> None:
    try:
        wish()
    except sa.exc.SQLAlchemyError:
        deciding.say(deciding.not_kept())


def _later_hours(now: datetime) -> list[datetime]:
    """The full hours after now, to the next noon."""
    first = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    last = view.day_ends()
    return [first + timedelta(hours=h) for h in range(int((last - first) / timedelta(hours=1)) + 1)]
