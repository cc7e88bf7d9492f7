"""What a person decides in a form: kept, refused with the reason, or not kept, which is said until the next press.

The store may let us wait, and meanwhile another run may draw the page anew. So a decision is written in a thread of its
own, and whichever run draws the form says what has become of it. Where the form is gone, it is said over the page.
"""

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
import streamlit as st

from pages import words
from pages.present import in_thread
from pages.words import _
from store import clock, decisions, pictures

log = logging.getLogger("baikoo.pages")
T = TypeVar("T")
_FORMS = "forms"  # of this session
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


@dataclass
class _Forms:
    """What a session knows of its forms."""

    session: str = field(default_factory=lambda: secrets.token_hex(4))  # its name, for the page
    last: dict[str, _Decision] = field(default_factory=dict)  # each form's, until it is kept or told
    pressed: set[str] = field(default_factory=set)  # to which no run has come yet
    stand: dict[str, str] = field(default_factory=dict)  # form -> the part of the page that it is drawn in
    part: str = ""  # that is being drawn; none: the page itself
    to_say: list[str] = field(default_factory=list)  # when the page is drawn again


def _forms() -> _Forms:
    if _FORMS not in st.session_state:
        st.session_state[_FORMS] = _Forms()
    forms: _Forms = st.session_state[_FORMS]
    return forms


def say(sentence: str) -> None:
    """Say it over the page that is drawn next, until somebody closes it."""
    _forms().to_say.append(sentence)


def _toast(sentence: str) -> None:
    """With the time: the browser shows no sentence twice."""
    said = f"{words.clock_time(clock.now(), seconds=True)} · {sentence}"
    st.toast(words.verbatim(said), icon=":material/warning:", duration="infinite")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """The page is drawn in it. What has become of decisions is said over it where no form of the page says so: the form
    may be on another page, or gone."""
    above, forms = st.container(), _forms()
    for sentence in forms.to_say:
        _toast(sentence)
    waiting = [one.future for one in forms.last.values() if not one.future.done()]
    # who loads the page anew, or whose server is killed, has another session: the page remembers that one waited
    st.html(f"<div class='bk-deciding' data-session='{forms.session}' data-waits='{'yes' if waiting else ''}'></div>")
    if waiting:
        _look_for_the_end(waiting)
    forms.stand = {}
    yield
    forms.to_say = []  # not before: a run that another one has taken the place of may end before
    with above:
        _say_of({*forms.last, *forms.pressed})


@contextlib.contextmanager
def part(key: str) -> Iterator[None]:
    """A part of the page is drawn in it, with the page or by itself."""
    forms = _forms()
    before = {form for form, of in forms.stand.items() if of == key}
    forms.stand = {form: of for form, of in forms.stand.items() if of != key}
    around, forms.part = forms.part, key
    try:
        yield
    finally:
        forms.part = around
    _say_of(before | {form for form, of in forms.stand.items() if of == key})


def _say_of(some: set[str]) -> None:
    """What has become of the decisions of these forms, where they are not there any more, and of presses that no run
    has come to."""
    forms = _forms()
    for form in some & forms.last.keys() - forms.stand.keys():
        _say_over_the_page(form)
    if missed := some & forms.pressed:
        forms.pressed -= missed
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
    _forms().pressed.add(form)


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
    forms = _forms()
    last, forms.stand[form] = forms.last, forms.part
    waits = form in last and not last[form].future.done()
    if pressed:
        forms.pressed.discard(form)
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
    one = _forms().last[form]
    if not one.future.done():
        _say_that_it_waits()
    elif isinstance(one.future.exception(), _ANSWERS):
        one.told = True
        st.error(_became(one))
    else:
        del _forms().last[form]  # of a fault of ours the part says so in its place; then the form stands again
        if sentence := _became(one):
            say(sentence)
        st.rerun()


def _say_over_the_page(form: str) -> None:
    """The same where the form is not there: until somebody closes it."""
    one = _forms().last[form]
    if not one.future.done():
        return _say_that_it_waits()
    del _forms().last[form]
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
