"""What the reader chose, kept in the page's address as identifiers, which every language shares."""

from collections.abc import Mapping

import streamlit as st

from pages.view import KEYS

_LONGEST = 100  # letters of a choice
_PAGE = "address_of"  # the page that the address was of when this session last ran


def take_up(page: str) -> None:
    """Go by what the address says. On to another page the choices go along, and stand in its address too."""
    state, said = st.session_state, st.query_params
    went_on = state.get(_PAGE, page) != page
    for name in KEYS:
        if name in said or not went_on:
            state[name] = _tidy(said.get(name, ""))
        elif state.get(name):
            said[name] = state[name]
    state[_PAGE] = page


def take_up_own(*names: str) -> None:
    """Go by what the address says of choices that a page has for itself."""
    for name in names:
        st.session_state[name] = _tidy(st.query_params.get(name, ""))


def say(name: str, value: str) -> None:
    """From now on the address says this; nothing: it says nothing of it."""
    value = _tidy(value)
    st.session_state[name] = value
    if value:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def choose(name: str, everything: str, options: Mapping[str, str], width: int = 200) -> None:
    """A select box that writes into the address; its first entry, `everything`, takes it out again."""
    chosen, box = str(st.session_state.get(name) or ""), f"{name}_box"
    st.session_state[box] = chosen if chosen in options else ""
    st.selectbox(
        everything,
        ["", *options],
        format_func=lambda id: options.get(id, everything),
        key=box,
        on_change=lambda: say(name, st.session_state[box]),
        label_visibility="collapsed",
        width=width,
    )


def _tidy(value: str) -> str:
    """What somebody typed into the address, without what no choice has: control characters, hundreds of letters."""
    return "".join(letter for letter in value[:_LONGEST] if letter.isprintable())
