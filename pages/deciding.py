"""What a person decides in a form: kept, refused with the reason, or not kept, which is said until the next press.

The store may let us wait, and meanwhile another run may draw the page anew. So a decision is written in a thread of its
own, and whichever run draws the form says what has become of it. Where the form is gone, it is said over the page.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
import streamlit as st

from pages import words
from pages.present import in_thread
from pages.words import _
from store import clock, decisions, pictures

log = logging.getLogger("baikoo.pages")
T = TypeVar("T")
_LAST = "last_decisions"  # of this session: each form's last decision, until it is kept or told
_PRESSED = "pressed_forms"  # whose press no run has come to yet
_PART = "part_drawn"  # the part of the page that is being drawn; "": the page itself
_PART_OF = "parts_of_forms"  # where each form was drawn last
_DRAWN = "forms_drawn"  # the forms of each part, at its last run
_SAY = "to_be_said"  # when the page is drawn again
_AT_ONCE = 1.0  # seconds that a press waits for its decision; most take milliseconds
_LOOK = 1.0  # seconds between looks at one that takes longer


def say_who(_reason: str) -> str:
    return _("Say who decides, and why.")


def not_kept() -> str:
    return _("The decision was not kept: the store cannot be written. Press again when it can be.")


@dataclass
class _Decision:
    """A decision on its way into the store, and how its form tells what becomes of it."""

    future: Future[Any]
    refused: Callable[[str], str]
    kept: Callable[[Any], str]
    told: bool = False  # at its form


def _of_session(name: str, new: Callable[[], T]) -> T:
    if name not in st.session_state:
        st.session_state[name] = new()
    kept: T = st.session_state[name]
    return kept


def _last() -> dict[str, _Decision]:
    return _of_session(_LAST, dict)


def say(sentence: str) -> None:
    """Say it over the page that is drawn next, until somebody closes it."""
    _of_session(_SAY, list[str]).append(sentence)


def _toast(sentence: str) -> None:
    """With the time: the browser shows no sentence twice."""
    said = f"{words.clock_time(clock.now(), seconds=True)} · {sentence}"
    st.toast(words.verbatim(said), icon=":material/warning:", duration="infinite")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """The page is drawn in it. What has become of decisions is said over it where no form of the page says so: the form
    may be on another page, or gone."""
    above = st.container()
    for sentence in st.session_state.get(_SAY, ()):
        _toast(sentence)
    if waiting := [one.future for one in _last().values() if not one.future.done()]:
        _look_for_the_end(waiting)
    st.session_state[_DRAWN] = {}
    with part(""):
        yield
    st.session_state.pop(_SAY, None)  # not before: a run that another one has taken the place of may end before
    drawn = set().union(*st.session_state[_DRAWN].values())
    with above:
        for form in _last().keys() - drawn:
            _say_over_the_page(form)
    _say_missed(set(_of_session(_PRESSED, set[str])))


@contextlib.contextmanager
def part(key: str) -> Iterator[None]:
    """A part of the page is drawn in it, with the page or by itself."""
    before = st.session_state.get(_PART, "")
    st.session_state[_PART] = key
    drawn: set[str] = set()
    _of_session(_DRAWN, dict[str, set[str]])[key] = drawn
    try:
        yield
    finally:
        st.session_state[_PART] = before
    own = {form for form, of in _of_session(_PART_OF, dict[str, str]).items() if of == key}
    for form in own & _last().keys() - drawn:
        if _last()[form].future.done():
            _say_over_the_page(form)
    _say_missed(own & _of_session(_PRESSED, set[str]))


def _say_missed(forms: set[str]) -> None:
    """These forms were pressed, and are not there any more."""
    if forms:
        st.session_state[_PRESSED] -= forms
        _toast(_("The decision was not kept: what it was about was decided on or changed meanwhile. Look at it again."))


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


def pressed(form: str, label: str, primary: bool = False) -> bool:
    """A button of the form, and whether it was pressed. A press is remembered until a run has come to it."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    return st.form_submit_button(label, type=kind, on_click=_press, args=(form,))


def _press(form: str) -> None:
    _of_session(_PRESSED, set[str]).add(form)


def decide(
    form: str,
    pressed: bool,
    decision: Callable[[], T],
    missing: str = "",
    refused: Callable[[str], str] = say_who,
    kept: Callable[[T], str] = lambda _result: "",
) -> None:
    """Where the form was pressed (see `pressed`), decide, unless something is missing. Call it at every run, where the
    form's own words stand. `kept` says of what a decision returned that was kept what of it was not done; nothing: all
    was."""
    last, here = _last(), st.session_state.get(_PART, "")
    _of_session(_PART_OF, dict[str, str])[form] = here
    _of_session(_DRAWN, dict[str, set[str]]).setdefault(here, set()).add(form)
    waits = form in last and not last[form].future.done()
    if pressed:
        _of_session(_PRESSED, set[str]).discard(form)
    if pressed and not waits:
        for over in [one for one in last if one == form or last[one].told]:
            del last[over]
        if missing:
            st.error(missing)
        else:
            last[form] = _Decision(in_thread(lambda: _written(decision)), refused, kept)
            if wait([last[form].future], _AT_ONCE).not_done:
                st.rerun()  # all of the page, which looks for the end from now on
    if form in last:
        _say_at_the_form(form)


def _written(decision: Callable[[], T]) -> T:
    try:
        return decision()
    except sa.exc.SQLAlchemyError as error:
        log.warning("a decision was not kept: %s", type(error).__name__)  # its words may name people
        raise


def _say_at_the_form(form: str) -> None:
    """What has become of the form's last decision: why not, until the next press."""
    one = _last()[form]
    if not one.future.done():
        _say_that_it_waits()
    elif isinstance(one.future.exception(), _ANSWERS):
        one.told = True
        st.error(_became(one))
    else:
        del _last()[form]  # of a fault of ours the part says so in its place; then the form stands again
        if sentence := _became(one):
            say(sentence)
        st.rerun()


def _say_over_the_page(form: str) -> None:
    """The same where the form is not there: until somebody closes it."""
    one = _last()[form]
    if not one.future.done():
        return _say_that_it_waits()
    del _last()[form]
    if sentence := _became(one):
        _toast(sentence)


def _say_that_it_waits() -> None:
    st.info(_("The decision is being written: the store lets it wait. Pressing again changes nothing."))


_ANSWERS = (decisions.Refused, pictures.NoPicture, sa.exc.SQLAlchemyError)


def _became(one: _Decision) -> str:
    """What a decision's end has to be told of; nothing: it was kept as it was made."""
    try:
        return one.kept(one.future.result())
    except (decisions.Refused, pictures.NoPicture) as error:
        return one.refused(error.reason)
    except sa.exc.SQLAlchemyError:
        return not_kept()
