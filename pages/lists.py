"""Lists of PECs and reports as lines, cards on a telephone: links to a panel, telephones, marks with their word."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

from pages import names, words
from pages.view import View
from pages.words import _

_STYLE = Path(__file__).parent / "lists.css"


def draw(items: Sequence[str]) -> None:
    """The items, each a piece of HTML whose words were escaped."""
    style()
    st.html(f"<ul class='bk-list'>{''.join(f'<li>{item}</li>' for item in items)}</ul>")


def style() -> None:
    """How these lists look; once for every part of a page that has one."""
    st.html(_STYLE)


def pec_link(seen: View, code: str | None) -> str:
    """'PEC 5043', which opens its panel over this page, in the same language and at the same moment."""
    if words.missing(code) or not code:
        return escape(_("no PEC named"))
    code = words.beginning(code)
    asked = {"pec": code, "lang": seen.language, **seen.place}
    if seen.as_of:
        asked["as_of"] = f"{words.local(seen.as_of):%Y-%m-%dT%H:%M}"
    if seen.form:
        asked["form"] = seen.form
    said = _("PEC {code}").format(code=code)
    return f"<a href='?{urlencode(asked)}' target='_self'>{escape(said)}</a>"


def place(region: str | None, district: str | None, *more: str | None) -> str:
    """'Naryn · Kochkor (No. 32) · Jumgal raion', as far as it is known."""
    known = [
        names.region(region) if _given(region) else "",
        names.district(district) if _given(district) else "",
        *more,
    ]
    return escape(" · ".join(words.beginning(str(part)) for part in known if _given(part)))


def telephone(number: str) -> str:
    """A number that a tap calls."""
    dialled = "".join(c for c in number[: words.MOST_LETTERS] if c.isdigit() or c == "+")
    return f"<a href='tel:{escape(dialled)}'>{escape(words.beginning(number))}</a>"


def mark(kind: str, word: str) -> str:
    """A word on the colour of its meaning."""
    return f"<span class='bk-mark bk-{escape(kind)}'>{escape(word)}</span>"


def _given(value: object) -> bool:
    return not words.missing(value) and value != ""
