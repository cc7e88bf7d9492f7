"""Charts of estimates: dots with whiskers around the national line, and bands of answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import TEXT, Spec
from pages.words import _

_ROW = 30


def dots(frame: pd.DataFrame, national: Mapping[str, Any] | None, title: str, axis: str) -> Spec:
    """Each region's estimate as a dot with its interval, around the national line with its own.

    frame: region, value, low, high (missing: no estimate), confidence, n, of; national: value, low, high.
    """
    if frame.empty or frame["value"].isna().all():
        return {}
    rows = frame[["region", "value", "low", "high"]].copy()
    rows["name"] = frame["region"].map(names.region)
    rows["written"] = [words.percent(v) for v in frame["value"]]
    rows["interval"] = [
        words.NOTHING if words.missing(v) else words.interval(low, high, c)
        for v, low, high, c in zip(frame["value"], frame["low"], frame["high"], frame["confidence"], strict=True)
    ]
    rows["reported"] = [words.fraction(n, of) for n, of in zip(frame["n"], frame["of"], strict=True)]
    tip = charts.tooltip(
        name=_("Region"), written=_("Estimate"), interval=_("Interval"), reported=_("PECs that answered")
    )
    y = alt.Y("name:N", sort=list(rows["name"]), axis=alt.Axis(title=None, labelLimit=130))
    x = alt.X(
        "value:Q",
        axis=charts.percent_axis(axis),
        scale=alt.Scale(domain=_around(rows, national), nice=False, zero=False),
    )
    base = alt.Chart(charts.data()).encode(y=y, tooltip=tip)
    layers: list[alt.Chart] = []
    if national and not words.missing(national["value"]):
        layers += _national_line(national)
    layers += [
        base.mark_rule(strokeWidth=2, color=colours.OBSERVERS).encode(x="low:Q", x2="high:Q"),
        base.mark_point(filled=True, size=80, color=colours.OBSERVERS, opacity=1).encode(x=x),
    ]
    return charts.spec(
        alt.layer(*layers),
        title,
        _("Dots with whiskers: each region's estimate and interval, around the national line."),
        _ROW * len(rows),
        rows=rows.drop(columns=["region"]),
        national=[{name: national[name] for name in ("value", "low", "high")}] if national else [],
    )


def _around(rows: pd.DataFrame, national: Mapping[str, Any] | None) -> list[float]:
    """From the lowest end of a whisker to the highest, with some room."""
    ends = [end for name in ("low", "high", "value") for end in rows[name].dropna()]
    if national:
        ends += [national[name] for name in ("low", "high") if not words.missing(national[name])]
    room = 0.04 * (max(ends) - min(ends)) or 0.01
    return [float(min(ends) - room), float(max(ends) + room)]


def _national_line(national: Mapping[str, Any]) -> list[alt.Chart]:
    source = alt.Chart(charts.data("national"))
    label = words.percent(national["value"])
    return [
        source.mark_rect(color=colours.OBSERVERS, opacity=0.12).encode(
            x="low:Q", x2="high:Q", y=alt.value(0), y2=alt.value("height"), tooltip=alt.value(None)
        ),
        source.mark_rule(color=colours.OBSERVERS, strokeWidth=1).encode(
            x="value:Q", y=alt.value(0), y2=alt.value("height"), tooltip=alt.value(None)
        ),
        source.mark_text(color=TEXT, fontSize=12, dy=-8, align="center").encode(
            x="value:Q", y=alt.value(0), text=alt.value(_("all: {percent}").format(percent=label))
        ),
    ]


def bands(frame: pd.DataFrame, title: str, order: Sequence[str]) -> Spec:
    """How many PECs gave each answer, in the order of the choices. frame: band, pecs, n, of."""
    if frame.empty or not frame["n"].max():
        return {}
    rows = frame.copy()
    rows["name"] = rows["band"].map(names.choice)
    rows["text"] = [words.fraction(p, n) for p, n in zip(rows["pecs"], rows["n"], strict=True)]
    y = alt.Y("name:N", sort=[names.choice(c) for c in order], axis=alt.Axis(title=None, labelLimit=130))
    bars = (
        alt.Chart(charts.data())
        .mark_bar(color=colours.OBSERVERS, opacity=0.85)
        .encode(
            y=y,
            x=alt.X("pecs:Q", axis=charts.count_axis(_("PECs")), scale=alt.Scale(domain=[0, int(frame["n"].max())])),
            tooltip=charts.tooltip(name=_("Voters turned away"), text=_("PECs")),
        )
    )
    long = f"datum.pecs > {int(frame['n'].max()) / 2}"  # so long that its number stands in it
    texts = [
        bars.mark_text(align="right", dx=-6, fontSize=12, color="white").transform_filter(long),
        bars.mark_text(align="left", dx=4, fontSize=12, color=TEXT).transform_filter(f"!({long})"),
    ]
    return charts.spec(
        alt.layer(bars, *(text.encode(text="text:N") for text in texts)),
        title,
        _("Bars: how many PECs gave each answer."),
        _ROW * len(rows),
        rows=rows[["name", "pecs", "text"]],
    )
