"""What a person decides in a form: kept, refused with the reason, or not kept, which is said until the next press.

The store may let us wait, and meanwhile another run may draw the page anew. So a decision is written in a thread of its
own, and whichever run draws the form says what has become of it.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import sqlalchemy as sa
import streamlit as st

from pages.present import in_thread
from pages.words import _
from store import decisions, pictures

log = logging.getLogger("baikoo.pages")
T = TypeVar("T")
_LAST = "last_decisions"  # of this session: each form's last decision, until it is kept
_AT_ONCE = 1.0  # seconds that a press waits for its decision; most take milliseconds
_LOOK = 1.0  # seconds between looks at one that takes longer


def say_who(_reason: str) -> str:
    return _("Say who decides, and why.")


def drawn_before(key: str, drawn: T) -> T:
    """What the form was drawn with which is sent now: nobody decides on what came since."""
    before: T = st.session_state.get(key, drawn)
    st.session_state[key] = drawn
    return before


def decide(
    form: str,
    pressed: bool,
    decision: Callable[[], T],
    missing: str = "",
    refused: Callable[[str], str] = say_who,
    kept: Callable[[T], object] = lambda _result: None,
) -> None:
    """Where the form was pressed, decide, unless something is missing. Call it at every run, where the form's own
    words stand. `kept` gets what a decision returned that was kept."""
    last: dict[str, Future[Any]] = st.session_state.setdefault(_LAST, {})
    waits = form in last and not last[form].done()
    if pressed and not waits:
        last.pop(form, None)
        if missing:
            st.error(missing)
        else:
            last[form] = in_thread(lambda: _written(decision))
            wait([last[form]], _AT_ONCE)
    if form in last:
        _say(form, last, refused, kept)


def _written(decision: Callable[[], T]) -> T:
    try:
        return decision()
    except sa.exc.SQLAlchemyError as error:
        log.warning("a decision was not kept: %s", type(error).__name__)  # its words may name people
        raise


def _say(form: str, last: dict[str, Future[Any]], refused: Callable[[str], str], kept: Callable[[Any], object]) -> None:
    """What has become of the form's last decision."""
    if not last[form].done():
        st.info(_("The decision is being written: the store lets it wait. Pressing again changes nothing."))
        _look_for_the_end(last[form])
        return
    try:
        result = last[form].result()
    except (decisions.Refused, pictures.NoPicture) as error:
        st.error(refused(error.reason))
    except sa.exc.SQLAlchemyError:
        st.error(_("The decision was not kept: the store cannot be written. Press again when it can be."))
    except Exception:  # a fault of ours: the part says so in its place, and at the next run the form stands again
        del last[form]
        raise
    else:
        kept(result)
        del last[form]  # not before: a run that another one has taken the place of may end in `kept`
        st.rerun()


def _look_for_the_end(decision: Future[Any]) -> None:
    @st.fragment(run_every=_LOOK)
    def look() -> None:
        if decision.done():
            st.rerun()

    look()
