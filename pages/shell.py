"""What every page is made of: live parts, cards with figures, tables, charts with their table."""

import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa
import streamlit as st

from pages import deciding, names, pulse, words
from pages.present import present
from pages.view import View, looks_back, view
from pages.words import NOTHING, _, missing
from queries import export
from queries.moment import here

log = logging.getLogger("baikoo.pages")
_PAINT = 0.3  # seconds; on a slow laptop the figures stand so much earlier, and the charts not much later
_JITTER = 1.0  # seconds, so that fifty screens do not look in the same instant

Tone = Literal["", "green", "amber", "red"]


def live(
    draw: Callable[[View], None], own_look: float = pulse.TICK, in_outage: Callable[[], None] | None = None
) -> None:
    """Draw a part of the page, and again when the figures move while the page shows the present; by itself after
    `own_look` seconds. `in_outage` is drawn where the store's outage leaves nothing to draw of it.

    Use it as `live(_list_to_ring)` with functions of a module: they are the fragment's identity.
    """
    key = f"{draw.__module__}.{draw.__qualname__}"
    now = looks_back() is None
    if now:
        pulse.follow(key)
    every = own_look + random.uniform(0, _JITTER) if now else None  # noqa: S311 -- no secret

    def part() -> None:
        try:
            with words.speaking(words.language()), deciding.part(key):  # a language is asked once, not with each word
                draw(view())
        except Exception as error:  # the other parts of the page go on
            outage = isinstance(error, sa.exc.SQLAlchemyError) and present.unreadable()  # said once
            if not outage:
                log.exception("%s cannot be drawn", draw.__qualname__)
            (in_outage if outage and in_outage else broken)()

    part.__qualname__ = key
    st.fragment(part, run_every=every, key=key)()


def figures_first() -> None:
    """Let the browser paint the figures that were drawn so far: with the charts it would paint all of it together."""
    time.sleep(_PAINT)


@dataclass(frozen=True)
class Card:
    """A figure that is read from across the room: title, value, and what it rests on."""

    title: str
    value: str
    lines: Sequence[str] = ()
    tone: Tone = ""  # always beside a word that says the same
    word: str = ""  # 'preliminary', 'late': drawn beside the value in the tone's colour


_LONG = 9  # characters of a value that fit in large type: '12 of 300'


def figure_cards(cards: Sequence[Card]) -> None:
    """Cards in a row; they wrap on a narrow screen."""
    st.html(cards_html(cards))


def cards_html(cards: Sequence[Card]) -> str:
    """What `figure_cards` draws."""
    return f'<div class="bk-cards">{"".join(map(_card, cards))}</div>'


def _card(card: Card) -> str:
    word = f' <span class="bk-word">{escape(card.word)}</span>' if card.word else ""
    lines = "".join(f'<div class="bk-line">{escape(line)}</div>' for line in card.lines if line)
    long = " bk-long" if len(card.value) > _LONG else ""
    return (
        f'<section class="bk-card bk-{card.tone or "plain"}"><h3>{escape(card.title)}</h3>'
        f'<div class="bk-value{long}">{escape(card.value)}{word}</div>{lines}</section>'
    )


def title(text: str, under: str = "") -> None:
    """The page's title, and a sentence under it."""
    st.html(f"<h1 class='bk-title'>{escape(text)}</h1>" + (f"<p class='bk-under'>{escape(under)}</p>" if under else ""))


def heading(text: str, under: str = "") -> None:
    """A part's heading: a sentence with its subject and unit."""
    st.html(heading_html(text, under))


def heading_html(text: str, under: str = "") -> str:
    """What `heading` draws, for a part that is drawn in one piece with it."""
    return f"<h2 class='bk-h2'>{escape(text)}</h2>" + (f"<p class='bk-under'>{escape(under)}</p>" if under else "")


def empty(text: str) -> None:
    """What stands where there is nothing to show yet: when there will be, or why there is not."""
    st.html(f"<p class='bk-empty'>{escape(text)}</p>")


def by_region_at_most(seen: View) -> None:
    """With a district chosen: what estimates there are is of its region."""
    if seen.district and seen.around:
        said = _("No estimate by district: the sample is too small for it. The estimates here are of: {region}.")
        empty(said.format(region=names.region(seen.around)))


def broken() -> None:
    """What stands where a part failed: never a traceback."""
    said = _("This part cannot be shown right now. What went wrong stands in the server's log.")
    st.html(f"<p class='bk-empty bk-broken' role='alert'>{escape(said)}</p>")


def banner(text: str, tone: Tone = "amber") -> None:
    """What nobody may overlook."""
    st.html(banner_html(text, tone))


def banner_html(text: str, tone: Tone = "amber") -> str:
    """What `banner` draws."""
    return f"<div class='bk-banner bk-{tone}' role='status'>{escape(text)}</div>"


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, how a value is written, how wide it is drawn."""

    title: str
    show: Callable[[Any], str] = str
    width: Literal["small", "medium", "large"] | int | None = None
    help: str | None = None


Columns = Mapping[str, Column]


def table(
    frame: pd.DataFrame,
    columns: Columns,
    key: str,
    count: str = "",
    opens_pec: bool = False,
    height: int | None = None,
    alt: str = "",
    choose: bool = False,
) -> int | None:
    """A table as the reader's language writes it, sorted as it came (worst first); other words stay plain text.

    `count` stands above: '48 of 300 PECs'. `opens_pec`: a chosen row opens the panel of its column `pec`.
    A CSV button saves the columns of the frame as they are, not as they are written here. With `choose`, the number
    of the row that the reader chose comes back.
    """
    above = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    if count:
        above.html(f"<span class='bk-count'>{escape(count)}</span>")
    above.download_button(
        "CSV",
        data=lambda: export.csv(frame, here()[1]),
        file_name=f"{key}.csv",
        mime="text/csv",
        key=f"{key}_csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )
    shown = _plain(frame[list(columns)], columns)
    written = shown.style.format({name: _writer(c.show) for name, c in columns.items()})
    config = {name: st.column_config.Column(c.title, width=c.width, help=c.help) for name, c in columns.items()}
    options: dict[str, Any] = {
        "column_config": config,
        "hide_index": True,
        "key": key,
        "alt": alt or count or None,
        "height": height or "auto",
        "placeholder": NOTHING,
    }
    if opens_pec and "pec" in frame:
        st.dataframe(written, on_select=lambda: _open_row(key, frame), selection_mode="single-row", **options)
    elif choose:
        chosen = st.dataframe(written, on_select="rerun", selection_mode="single-row", **options).selection.rows
        return chosen[0] if chosen and chosen[0] < len(frame) else None
    else:
        st.dataframe(written, **options)
    return None


def _plain(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The frame with cells that hold several values (reasons, merged strata) as words: they have no order. Of a long
    text only its beginning goes to the browser."""
    plain: dict[str, Any] = {}
    for name in frame:
        cells, show = frame[name], columns[str(name)].show
        if cells.dtype == object and cells.map(lambda v: isinstance(v, tuple | list)).any():
            plain[str(name)] = cells.map(show)
        elif cells.map(lambda v: isinstance(v, str) and len(v) > words.MOST_LETTERS).any():
            plain[str(name)] = cells.map(lambda v: words.beginning(v) if isinstance(v, str) else v)
    return frame.assign(**plain)


def _writer(show: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: NOTHING if missing(value) else show(value)


def _open_row(key: str, frame: pd.DataFrame) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        open_pec(str(frame["pec"].iloc[rows[0]]))


def open_pec(code: str) -> None:
    """Open a PEC's panel; call it from a widget's callback, of a page's part too."""
    st.session_state["open_pec"] = code.strip()
    st.rerun()  # the whole page, not the part alone: the next run goes to the panel


@contextlib.contextmanager
def enlarged(scale: float) -> Iterator[None]:
    """Charts in this block are so many times as large: read from across the room."""
    token = _scale.set(scale)
    try:
        yield
    finally:
        _scale.reset(token)


_scale: ContextVar[float] = ContextVar("scale", default=0.0)
_FONTS = {"fontSize", "labelFontSize", "titleFontSize"}
_SIZES = _FONTS | {"height", "symbolSize", "strokeWidth", "dx", "dy", "size", "yOffset"}


def _enlarged(part: Any, scale: float) -> Any:
    """A spec with every size in it multiplied; its rows stay."""
    if isinstance(part, list):
        return [_enlarged(item, scale) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        name: value * scale
        if name in _SIZES and isinstance(value, int | float)
        else value
        if name in ("datasets", "data")
        else _enlarged(value, scale)
        for name, value in part.items()
    }


def chart(
    spec: dict[str, Any],
    alt: str,
    frame: pd.DataFrame | None = None,
    columns: Columns | None = None,
    key: str = "",
) -> None:
    """A chart with the words that stand for it, and the table behind it."""
    drawn = {name: value for name, value in spec.items() if name != "description"}  # `alt` says it
    drawn["background"] = "transparent"  # the wall is dark whatever the theme
    if scale := _scale.get():
        drawn = _enlarged(drawn, scale)
        config = drawn.get("config", {})
        faint = {"gridColor": "#6B7480", "gridOpacity": 0.4, "labelColor": "currentColor", "titleColor": "currentColor"}
        drawn["config"] = config | {
            "axis": config.get("axis", {}) | faint,
            "legend": config.get("legend", {}) | {"labelColor": "currentColor"},
        }
    st.vega_lite_chart(spec=drawn, alt=alt, width="stretch", key=f"{key}_chart" if key else None)
    if frame is None or columns is None:
        return
    behind = st.expander(_("The figures as a table"), key=f"{key}_behind", on_change="rerun")
    if behind.open:
        with behind:
            table(frame, columns, key=f"{key}_table", alt=alt)
