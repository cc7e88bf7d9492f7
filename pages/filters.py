"""Filters of a part of a page, kept in the address."""

from collections.abc import Mapping

import streamlit as st

from pages import address, lists

Options = Mapping[str, str]  # identifier -> words


def choose(part: str, **filters: tuple[str, Options]) -> None:
    """Draw the filters: parameter of the address = (the words for all of them, the options)."""
    lists.style()
    address.take_up_own(*filters)
    with st.container(horizontal=True, key=f"bk_filters_{part}"):
        for name, (everything, options) in filters.items():
            address.choose(name, everything, options, width=260)


def chosen(name: str, options: Options) -> str | None:
    """What the address says of a filter; None for all of them, and for nonsense."""
    said = str(st.session_state.get(name) or "")
    return said if said in options else None
