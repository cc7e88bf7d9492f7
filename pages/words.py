"""Words, numbers and times on the screen, in the reader's language and the election's zone."""

import contextlib
import gettext
import io
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import date as calendar_date
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path

import pandas as pd
import streamlit as st
from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from streamlit.runtime.scriptrunner import get_script_run_ctx

from queries.moment import here

CATALOGUES = Path(__file__).parent.parent / "locale"
NOTHING = "–"
_THIN = "\u202f"  # narrow, and no line breaks at it

_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)


def language() -> str:
    """The language of this session: `speaking`'s, else what the reader chose, else what the browser asks for."""
    if spoken := _spoken.get():
        return spoken
    if get_script_run_ctx(suppress_warning=True) is None:
        return "en"
    offered = here()[1].languages
    asked = st.session_state.get("lang") or st.query_params.get("lang")  # the wall has no switch
    return asked if asked in offered else preferred(st.context.locale, offered)


def preferred(locale: str | None, offered: tuple[str, ...]) -> str:
    """The language that a browser's locale asks for, where it is offered; else the election's first."""
    asked = (locale or "").replace("_", "-").split("-")[0].lower()
    return asked if asked in offered else offered[0]


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """In this block the screen speaks this language, whatever the session says."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue, compiled when it is first needed: no step of the installation can forget it."""
    file = CATALOGUES / language / "LC_MESSAGES" / "baikoo.po"
    if not file.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with file.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(message: str) -> str:
    return _catalogue(language()).gettext(message)


def n_(singular: str, plural: str, n: float) -> str:
    """The form of the words that goes with this number; the number itself is put in by the caller."""
    return _catalogue(language()).ngettext(singular, plural, int(n))


def label(text: Mapping[str, str]) -> str:
    """A text of the configuration in the reader's language."""
    return text.get(language()) or text["en"]


def verbatim(text: str) -> str:
    """Somebody's words as markdown that shows them letter for letter: for captions, tabs and choices.

    An unseen U+2060 parts what is found after the markdown was read: `:smile:`, `www.example.org`, an address.
    """
    parted = re.sub(r"((?<!\d):(?=[\w/+-])|www(?=\.)|@)", "\\1\u2060", " ".join(text.split()))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", parted)


MOST_LETTERS = 1_000  # of one text: a browser needs a minute for a megabyte


def beginning(text: str) -> str:
    """Somebody's words, as many as are drawn; the store keeps the others."""
    if len(text) <= MOST_LETTERS:
        return text
    more = _("… and more letters: {n}").format(n=number(len(text) - MOST_LETTERS))
    return f"{text[:MOST_LETTERS]} {more}"


def quoted(text: str) -> str:
    """The beginning of somebody's words, in the marks of the reader's language."""
    return _("“{words}”").format(words=beginning(text))


def sentence(text: str) -> str:
    """With a capital in front; the others stay as they are ('PEC by PEC')."""
    return text[:1].upper() + text[1:]


@cache
def _locale(language: str) -> Locale:
    return Locale.parse("en_GB" if language == "en" else language)


def _thin(text: str) -> str:
    return text.replace("\u00a0", _THIN)


def missing(value: object) -> bool:
    """Whether there is no value: None, NaN, NaT."""
    return value is None or value is pd.NaT or value is pd.NA or value != value  # NaN alone differs from itself


def number(value: float | None, digits: int = 0) -> str:
    """'1,234'; 'no value' is a dash, never a zero."""
    if value is None or missing(value):
        return NOTHING
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return _thin(numbers.format_decimal(value, format=pattern, locale=_locale(language())))


def percent(value: float | None, digits: int = 1) -> str:
    """'95.1%' of a fraction. Where it stands alone its fraction stands beside it: see `share`."""
    if value is None or missing(value):
        return NOTHING
    local = _locale(language())
    sign = "%" if local.language == "en" else "\u00a0%"
    return _thin(numbers.format_percent(value, format="#,##0" + "." * bool(digits) + "0" * digits + sign, locale=local))


def fraction(count: float, of: float) -> str:
    """'1,234 of 1,298'."""
    return _("{count} of {of}").format(count=number(count), of=number(of))


def share(value: float | None, count: float, of: float, digits: int = 1) -> str:
    """'95.1% (1,234 of 1,298)': a percent never without its fraction."""
    return f"{percent(value, digits)} ({fraction(count, of)})"


def interval(low: float | None, high: float | None, confidence: float, digits: int = 1) -> str:
    """'from 23.2% to 36.9% (99%)'."""
    return _("from {low} to {high} ({confidence})").format(
        low=percent(low, digits), high=percent(high, digits), confidence=percent(confidence, 0)
    )


def zone() -> tzinfo:
    return here()[1].tz


def local(at: datetime) -> datetime:
    """A time in the election's zone."""
    return at.astimezone(zone())


def clock_time(at: datetime | None, seconds: bool = False) -> str:
    """'14:05'; of another day than election day: '29 Nov 14:05'."""
    if at is None or missing(at):
        return NOTHING
    then = local(at)
    time = f"{then:%H:%M:%S}" if seconds else f"{then:%H:%M}"
    return time if then.date() == here()[1].date else f"{_day(then)} {time}"


def offset(at: datetime) -> str:
    """'UTC+6', 'UTC+5:30': the election's zone at a time."""
    zone = f"{local(at):%z}"
    return f"UTC{zone[0]}{int(zone[1:3])}" + (f":{zone[3:5]}" if zone[3:5] != "00" else "")


def _day(then: datetime) -> str:
    return str(dates.format_date(then, "d MMM", locale=_locale(language())))


def date(at: calendar_date) -> str:
    """'28 November 2021', of a date or a time of the election's zone."""
    return str(dates.format_date(at, "long", locale=_locale(language())))


UNITS = ("d", "h", "min", "s")


def unit(name: str) -> str:
    """'{n} min': a unit of time, and where its number stands."""
    return {"d": _("{n} d"), "h": _("{n} h"), "min": _("{n} min"), "s": _("{n} s")}[name]


def duration(seconds: float | None) -> str:
    """'45 s', '1 min 40 s', '12 min', '1 h 40 min', '2 d 3 h': two units, the second one where it matters."""
    if seconds is None or missing(seconds):
        return NOTHING
    whole = max(0, int(seconds))
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    in_days, in_hours = unit("d").format(n=number(days)), unit("h").format(n=h)
    in_minutes, in_seconds = unit("min").format(n=m), unit("s").format(n=s)
    if days:
        return f"{in_days} {in_hours}" if h else in_days
    if hours:
        return f"{in_hours} {in_minutes}" if m else in_hours
    if minutes:
        return f"{in_minutes} {in_seconds}" if s and minutes < 5 else in_minutes
    return in_seconds


def minutes(value: float | None) -> str:
    """A duration that is given in minutes."""
    return duration(None if value is None or missing(value) else value * 60)
