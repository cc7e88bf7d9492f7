"""What a person decides in a form: kept, refused with the reason, or not kept, which is said until the next press.

The store may let us wait, and meanwhile another run may draw the page anew. So a decision is written in a thread of its
own, and whichever run draws the form says what has become of it.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
import streamlit as st

from pages.present import in_thread
from pages.words import _
from store import decisions, pictures

log = logging.getLogger("baikoo.pages")
T = TypeVar("T")
_LAST = "last_decisions"  # of this session: each form's last decision, until it is kept
_DRAWN = "forms_drawn"  # since the page was drawn from its beginning
_SAID = "said_of_decision"  # what was not done as it was decided, until the next press
_PLACE = "place_of_what_is_said"
_AT_ONCE = 1.0  # seconds that a press waits for its decision; most take milliseconds
_LOOK = 1.0  # seconds between looks at one that takes longer


def say_who(_reason: str) -> str:
    return _("Say who decides, and why.")


@dataclass
class _Decision:
    """A decision on its way into the store, and how its form tells what becomes of it."""

    future: Future[Any]
    refused: Callable[[str], str]
    kept: Callable[[Any], str]


def _last() -> dict[str, _Decision]:
    last: dict[str, _Decision] = st.session_state.setdefault(_LAST, {})
    return last


@contextlib.contextmanager
def told() -> Iterator[None]:
    """The page is drawn in it. What has become of decisions stands above it, where no form of the page says so: the
    form may be on another page, or gone."""
    above = st.container()
    st.session_state[_DRAWN], st.session_state[_PLACE] = set(), above.empty()
    if said := st.session_state.get(_SAID):
        st.session_state[_PLACE].warning(said)
    if waiting := [one.future for one in _last().values() if not one.future.done()]:
        _look_for_the_end(waiting)
    yield
    with above:
        for form in _last().keys() - st.session_state[_DRAWN]:
            _say(form)


def _look_for_the_end(waiting: list[Future[Any]]) -> None:
    """The page is drawn again as soon as anything has become of one of these."""

    def look() -> None:
        if any(future.done() for future in waiting):
            st.rerun()

    st.fragment(look, run_every=_LOOK)()


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
    kept: Callable[[T], str] = lambda _result: "",
) -> None:
    """Where the form was pressed, decide, unless something is missing. Call it at every run, where the form's own
    words stand. `kept` says of what a decision returned that was kept what of it was not done; nothing: all was."""
    last = _last()
    st.session_state.setdefault(_DRAWN, set()).add(form)
    waits = form in last and not last[form].future.done()
    if pressed and not waits:
        for over in [one for one in last if last[one].future.done()]:
            del last[over]
        if st.session_state.pop(_SAID, None):
            st.session_state[_PLACE].empty()
        if missing:
            st.error(missing)
        else:
            last[form] = _Decision(in_thread(lambda: _written(decision)), refused, kept)
            if wait([last[form].future], _AT_ONCE).not_done:
                st.rerun()  # all of the page, which looks for the end from now on
    if form in last:
        _say(form)


def _written(decision: Callable[[], T]) -> T:
    try:
        return decision()
    except sa.exc.SQLAlchemyError as error:
        log.warning("a decision was not kept: %s", type(error).__name__)  # its words may name people
        raise


def _say(form: str) -> None:
    """What has become of the form's last decision."""
    one = _last()[form]
    if not one.future.done():
        st.info(_("The decision is being written: the store lets it wait. Pressing again changes nothing."))
        return
    try:
        result = one.future.result()
    except (decisions.Refused, pictures.NoPicture) as error:
        st.error(one.refused(error.reason))
    except sa.exc.SQLAlchemyError:
        st.error(_("The decision was not kept: the store cannot be written. Press again when it can be."))
    except Exception:  # a fault of ours: the part says so in its place, and at the next run the form stands again
        del _last()[form]
        raise
    else:
        st.session_state[_SAID] = one.kept(result)
        del _last()[form]  # not before: a run that another one has taken the place of may end before
        st.rerun()
