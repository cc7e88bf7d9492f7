"""Filters of a part of a page, kept in the address: select boxes over unseen inputs that hold identifiers."""

from collections.abc import Mapping

import streamlit as st

from pages import lists

Options = Mapping[str, str]  # identifier -> words


def choose(part: str, **filters: tuple[str, Options]) -> None:
    """Draw the filters: parameter of the address = (the words for all of them, the options)."""
    lists.style()
    with st.container(key=f"bk_address_{part}"):
        for name in filters:
            st.text_input(name, key=name, bind="query-params")
    with st.container(horizontal=True, key=f"bk_filters_{part}"):
        for name, (everything, options) in filters.items():
            _box(name, everything, options)


def chosen(name: str, options: Options) -> str | None:
    """What the address says of a filter; None for all of them, and for nonsense."""
    said = str(st.session_state.get(name) or "")
    return said if said in options else None


def _box(name: str, everything: str, options: Options) -> None:
    said, box = str(st.session_state.get(name) or ""), f"{name}_box"
    st.session_state[box] = said if said in options else ""

    def keep() -> None:
        st.session_state[name] = st.session_state[box]

    st.selectbox(
        everything,
        ["", *options],
        format_func=lambda id: options.get(id, everything),
        key=box,
        on_change=keep,
        label_visibility="collapsed",
        width=260,
    )
