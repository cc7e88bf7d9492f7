"""A PEC's panel opens over any page and has its address, `?pec=5043`; closing it leaves the page as it was."""

import streamlit as st

from pages import address
from pages.words import _


def follow(page: str) -> None:
    """Keep what the address says in step with the reader: a PEC was asked for, or they went on to another page."""
    state = st.session_state
    if wanted := state.pop("open_pec", None):
        address.say("pec", wanted)
    elif state.get("pec_over", page) != page:
        address.say("pec", "")
    state["pec_over"] = page


def is_open() -> bool:
    return bool(st.session_state.get("pec", "").strip())


def close_button(page: str) -> None:
    label = _("Back to: {page}").format(page=page)
    st.button(label, on_click=_close, key="close_pec", icon=":material/arrow_back:", type="tertiary")


def _close() -> None:
    address.say("pec", "")
