"""Which row a reader opened: it stays open when the rows under it move, as lists do that grow from the top."""

from collections.abc import Sequence

import streamlit as st


def kept(key: str, number: int | None, ids: Sequence[str]) -> int | None:
    """The place of the opened row now. `number`: the table's chosen row; `ids`: what each row is, as drawn now."""
    row, opened = f"{key}_row", f"{key}_opened"
    if number != st.session_state.get(row):  # the reader chose: not the list that moved
        st.session_state[row] = number
        st.session_state[opened] = None if number is None else ids[number]
    wanted = st.session_state.get(opened)
    return ids.index(wanted) if wanted in ids else None
