"""What a person decides in a form: kept, refused with the reason, or not kept, which is said until the next press."""

import logging
from collections.abc import Callable

import sqlalchemy as sa
import streamlit as st

from pages.words import _
from store import decisions, pictures

log = logging.getLogger("baikoo.pages")
_NOT_KEPT = "not_kept"  # of this session: the forms whose last decision could not be written


def say_who(_reason: str) -> str:
    return _("Say who decides, and why.")


def decide(
    form: str,
    pressed: bool,
    decision: Callable[[], object],
    missing: str = "",
    refused: Callable[[str], str] = say_who,
) -> None:
    """Where the form was pressed, decide, unless something is missing. Call it at every run, where the form's own
    words stand."""
    # Asked for before the store, which may let us wait: a run that another one has taken the place of ends when it
    # next asks for the session's state.
    not_kept: set[str] = st.session_state.setdefault(_NOT_KEPT, set())
    if pressed:
        not_kept.discard(form)
        if missing:
            st.error(missing)
        else:
            _decide(form, decision, refused, not_kept)
    if form in not_kept:
        st.error(_("The decision was not kept: the store cannot be written. Press again when it can be."))


def _decide(form: str, decision: Callable[[], object], refused: Callable[[str], str], not_kept: set[str]) -> None:
    try:
        decision()
    except (decisions.Refused, pictures.NoPicture) as error:
        st.error(refused(error.reason))
    except sa.exc.SQLAlchemyError as error:
        not_kept.add(form)
        log.warning("a decision was not kept: %s", type(error).__name__)  # its words may name people
    else:
        not_kept.discard(form)  # an earlier press may have failed while this one waited
        st.rerun()
