"""What a person decides in a form: kept, refused with the reason, or not kept, which is said until the next press.

The store may let us wait, and meanwhile another run may draw the page anew. So a decision is written in a thread of its
own, and whichever run draws the form says what has become of it. Where the form is gone, it is said over the page: by
every run, until the reader closes it in the browser (pulse.js). For what a run has drawn may never come there:
Streamlit throws away what is on its way when another run takes its place. A run may end wherever the session's state is
read or anything is drawn; so nothing is forgotten before what follows from it is remembered, with neither in between.
"""

import contextlib
import json
import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from html import escape
from time import monotonic
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
_SOON = 0.2  # seconds of them after which it is said that it waits
_LOOK = 1.0  # seconds between looks at one that takes longer
ON_THE_WAY = 3.0  # seconds that a drawing may take to its reader's eyes and a press back
ASK = "?"  # no word: nobody sees it
_SAID = 3  # sentences over the page that a run draws, the last ones
_CAME = 20  # presses to which a run has come, of which the browser is told by which form


def say_who(_reason: str) -> str:
    return _("Say who decides, and why.")


def not_kept() -> str:
    return _("The decision was not kept: the store cannot be written. Press again when it can be.")


def changed_meanwhile() -> str:
    return _("The decision was not kept: what it was about was decided on or changed meanwhile. Look at it again.")


@dataclass
class _Decision:
    """A decision on its way into the store, and how its form tells what becomes of it."""

    future: Future[Any]
    refused: Callable[[str], str]
    kept: Callable[[Any], str]
    press: int = 0  # its number in the session
    told: bool = False  # at its form


@dataclass
class _Forms:
    """What a session knows of its forms."""

    session: str = field(default_factory=lambda: secrets.token_hex(4))  # its name, for the page
    last: dict[str, _Decision] = field(default_factory=dict)  # each form's, until it is kept or told
    pressed: set[str] = field(default_factory=set)  # to which no run has come yet
    stand: dict[str, str] = field(default_factory=dict)  # form -> the part of the page that it is drawn in
    part: str = ""  # that is being drawn; none: the page itself
    came: list[str] = field(default_factory=list)  # the form of each press to which a run has come
    refused: dict[int, str] = field(default_factory=dict)  # press -> what was said of it at its form
    asked: int = 0  # how often the browser asked what became of a press
    sentences: int = 0  # that were said over the page
    said: dict[str, str] = field(default_factory=dict)  # the last of them; by its number the browser knows one
    tellings: int = 0  # to the page, of all this
    looked_for: list[Future[Any]] = field(default_factory=list)  # decisions for whose end the page looks


def _forms() -> _Forms:
    if _FORMS not in st.session_state:
        st.session_state[_FORMS] = _Forms()
    forms: _Forms = st.session_state[_FORMS]
    return forms


def say(sentence: str) -> None:
    """Say it over the page, with the time, until somebody closes it."""
    forms, line = _forms(), _line(sentence)
    forms.sentences += 1
    forms.said = dict([*forms.said.items(), (str(forms.sentences), line)][-_SAID:])


def _line(sentence: str) -> str:
    return f"{words.clock_time(clock.now(), seconds=True)} · {sentence}"


@contextlib.contextmanager
def told() -> Iterator[None]:
    """The page is drawn in it. What has become of decisions is said over it where no form of the page says so: the form
    may be on another page, or gone."""
    above, forms = st.container(), _forms()
    forms.looked_for = [one.future for one in forms.last.values() if not one.future.done()]
    with above:
        _tell_the_page()
        with st.container(key="bk_ask"):
            _ask()
    if forms.looked_for:
        _look_for_the_end(forms.looked_for)
    forms.stand = {}
    yield
    with above:
        _say_of({*forms.last, *forms.pressed})
        _tell_the_page()


@st.fragment
def _ask() -> None:
    """A button that nobody sees. A connection may break with a press on its way: who has no answer to it presses this
    (pulse.js), and what arrives after the press and knows nothing of it says that it is lost."""
    st.button(ASK, key="ask", on_click=_asked)
    _tell_the_page()


def _asked() -> None:
    _forms().asked += 1


def _tell_the_page() -> None:
    """It says what is said over it, and remembers each press until it is answered (pulse.js): who loads it anew, or
    whose server is killed, has another session. The newest telling holds."""
    forms = _forms()
    forms.tellings += 1
    told = {
        "session": forms.session,
        "telling": forms.tellings,
        "asked": forms.asked,
        "answered": len(forms.came),
        "came": dict(list(enumerate(forms.came, 1))[-_CAME:]),
        "refused": forms.refused,
        "waits": [one.press for one in forms.last.values() if not one.told],
        "said": forms.said,
    }
    st.html(f"<div class='bk-deciding' data-told='{escape(json.dumps(told, ensure_ascii=False))}'></div>")


@contextlib.contextmanager
def part(key: str) -> Iterator[None]:
    """A part of the page is drawn in it, with the page or by itself."""
    forms = _forms()
    before = {form for form, of in forms.stand.items() if of == key}
    forms.stand = {form: of for form, of in forms.stand.items() if of != key}
    around, forms.part = forms.part, key
    try:
        yield
    except Exception:  # the part is gone, and its forms
        _say_of(before)
        _tell_of_presses()
        raise
    finally:
        forms.part = around
    _say_of(before | {form for form, of in forms.stand.items() if of == key})
    _tell_of_presses()


def _tell_of_presses() -> None:
    """The run may be of this part alone. Most sessions decide nothing."""
    if _forms().came or _forms().said:
        _tell_the_page()


def _say_of(some: set[str]) -> None:
    """What has become of the decisions of these forms, where they are not there any more, and of presses that no run
    has come to."""
    forms = _forms()
    for form in some & forms.last.keys() - forms.stand.keys():
        _say_over_the_page(form)
    if missed := some & forms.pressed:
        say(_("The decision was not kept: its form had gone before the press arrived. Look at it, and press again."))
        forms.pressed -= missed
        forms.came += missed


def _look_for_the_end(waiting: list[Future[Any]]) -> None:
    """The page is drawn again as soon as anything has become of one of these."""

    def look() -> None:
        if any(future.done() for future in waiting):
            st.rerun()
        _tell_the_page()

    st.fragment(look, run_every=_LOOK)()


def drawn_before(key: str, drawn: T) -> T:
    """What the reader saw of a form that is sent now: nobody decides on what came since. The last drawing may not have
    been on the screen yet when they pressed."""
    now = monotonic()
    before: list[tuple[float, T]] = st.session_state.get(key, [(now, drawn)])
    seen = [one for one in before if one[0] <= now - ON_THE_WAY][-1:] or before[:1]
    st.session_state[key] = [*seen, *(one for one in before if one[0] > seen[0][0]), (now, drawn)]
    return seen[0][1]


def pressed(form: str, label: str, primary: bool = False) -> bool:
    """A button of the form, and whether it was pressed. A press is remembered until a run has come to it. The browser
    knows the button by its key (pulse.js)."""
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    return st.form_submit_button(label, type=kind, key=f"decides_{kind}_{form}", on_click=_press, args=(form,))


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
    anew = pressed and (form not in last or last[form].future.done())
    if anew:
        if form in last and not last[form].told and (before := _became(last[form])):  # nobody was told yet
            say(before)
        for over in [one for one in last if one == form or last[one].told]:
            del last[over]
        if missing:
            last[form] = _Decision(_refusal(), lambda _reason: missing if form in forms.stand else "", kept)
        else:
            last[form] = _Decision(in_thread(lambda: _written(decision)), refused, kept, len(forms.came) + 1)
    if pressed:
        forms.pressed.discard(form)
        forms.came.append(form)
    if anew:
        _wait_a_while(last[form].future)
    if form in last:
        _say_at_the_form(form)


def _refusal() -> Future[Any]:
    """Of a press that decides nothing."""
    future: Future[Any] = Future()
    future.set_exception(decisions.Refused("missing"))
    return future


def _wait_a_while(future: Future[Any]) -> None:
    """For a decision. It is said as soon as anybody could wonder that the store lets it wait."""
    if wait([future], _SOON).not_done:
        place = st.empty()
        with place.container():
            _say_that_it_waits()
            _tell_the_page()
        if not wait([future], _AT_ONCE - _SOON).not_done:
            place.empty()


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
        if one.future not in _forms().looked_for:
            st.rerun()  # all of the page, which looks for the end from now on
        _say_that_it_waits()
    elif isinstance(one.future.exception(), _ANSWERS):
        sentence = _became(one)
        if one.press:
            forms = _forms()
            forms.refused = dict(
                [*forms.refused.items(), (one.press, forms.refused.get(one.press, _line(sentence)))][-_SAID:]
            )
        st.error(sentence)
        one.told = True
    else:
        _say_the_end(form)
        st.rerun()


def _say_over_the_page(form: str) -> None:
    """The same where the form is not there: until somebody closes it."""
    if _forms().last[form].future.done():
        _say_the_end(form)
    else:
        _say_that_it_waits()


def _say_the_end(form: str) -> None:
    """Over the page. Then the form has no decision any more."""
    last = _forms().last
    try:
        if sentence := _became(last[form]):
            say(sentence)
    except Exception:  # of a fault of ours the part says so in its place; then the form stands again
        del last[form]
        raise
    del last[form]


def it_waits() -> str:
    return _("The decision is being written: the store lets it wait. Pressing again changes nothing.")


def _say_that_it_waits() -> None:
    st.info(it_waits())


_ANSWERS = (decisions.Refused, pictures.NoPicture, sa.exc.SQLAlchemyError)


def _became(one: _Decision) -> str:
    """What a decision's end has to be told of; nothing: it was kept as it was made."""
    try:
        return one.kept(one.future.result())
    except (decisions.Refused, pictures.NoPicture) as error:
        return one.refused(error.reason)
    except sa.exc.SQLAlchemyError:
        return not_kept()
