"""The chart of answers: a dot with its whisker for each, under the words of its question."""

from textwrap import wrap

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import TEXT, Spec
from pages.turnout_words import light_word
from pages.words import _

_LINE, _DOT, _GAP = 15, 18, 9  # pixels: a line of words, the dot under it, to the next question's words
_WIDE = 46  # letters of a line that a telephone has room for
_ROOM = 2.0  # of the axis beyond the longest whisker, for the figure beside it


def answers(frame: pd.DataFrame, stage: str, whom: str) -> Spec:
    """Each answer that has a share as a dot with its interval, a hollow one where it is preliminary.

    frame: asked (the question in words), answer, value, low, high (missing: no share), confidence, count, n, light;
    whom: what the shares are of.
    """
    known = frame[frame["value"].notna()]
    if known.empty:
        return {}
    rows, height = _laid_out(known)
    title = _("{stage}, answers other than the best: {share}").format(stage=names.stage(stage), share=whom)
    if (known["light"] == "amber").any():
        title = _("{title}; hollow dots are preliminary").format(title=title)
    tip = charts.tooltip(
        asked=_("Question"), said=_("Answer"), written=_("Estimate"), interval=_("Interval"), word=_("Light"),
    )  # fmt: skip
    base = alt.Chart(charts.data()).encode(tooltip=tip)
    down = alt.Scale(domain=[0, height], reverse=True, nice=False)
    y = alt.Y("middle:Q", axis=None, scale=down)
    far = _ROOM * float(known["high"].max())
    ticks = {"values": [0, 0.25, 0.5, 0.75, 1]} if far > 1 else {}  # no share is above 100%
    axis = charts.percent_axis(words.sentence(whom), grid=False, tickMinStep=0.01, **ticks)
    x = alt.X("value:Q", axis=axis, scale=alt.Scale(domain=[0, far], nice=False))
    layers = [
        base.mark_text(align="left", baseline="top", fontSize=12, color=TEXT, lineBreak="\n", lineHeight=_LINE).encode(
            x=alt.value(0), y=alt.Y("top:Q", axis=None, scale=down), text="label:N"
        ),
        base.mark_rule(strokeWidth=2, color=colours.OBSERVERS).encode(x="low:Q", x2="high:Q", y=y),
        base.mark_point(size=80, stroke=colours.OBSERVERS, fill=colours.OBSERVERS, strokeWidth=2, opacity=1).encode(
            x=x, y=y, fillOpacity=alt.FillOpacity("sure:Q", scale=None, legend=None)
        ),
        base.mark_text(align="left", dx=8, fontSize=12, color=TEXT).encode(x="high:Q", y=y, text="written:N"),
    ]
    return charts.spec(
        alt.layer(*layers),
        title,
        _("Dots with whiskers: the share of each answer and its interval."),
        height,
        rows=rows,
    )


def _laid_out(known: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows with their words and where these stand, from the top; and how high all of it is."""
    several = known["asked"].value_counts() > 1
    rows, top, before = [], 0, ""
    for row in known.to_dict("records"):
        asked, said = row["asked"], names.choice(row["answer"])
        lines = [f"· {said}"] if several[asked] else wrap(f"{asked}: {said}", _WIDE)
        if several[asked] and asked != before:
            lines = [*wrap(asked, _WIDE), *lines]
        middle = top + len(lines) * _LINE + _DOT // 2
        rows.append(
            {
                "asked": asked,
                "said": said,
                "label": "\n".join(lines),
                "top": top,
                "middle": middle,
                "value": row["value"],
                "low": row["low"],
                "high": row["high"],
                "written": words.share(row["value"], row["count"], row["n"]),
                "interval": words.interval(row["low"], row["high"], row["confidence"]),
                "word": light_word(row["light"]),
                "sure": 1 if row["light"] == "green" else 0,
            }
        )
        top, before = middle + _DOT // 2 + _GAP, asked
    return pd.DataFrame(rows), top
