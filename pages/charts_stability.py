"""Charts of how a turnout estimate came about: by order of receipt, of which regions, early against late."""

import altair as alt
import pandas as pd

from pages import charts, colours, turnout_words, words
from pages.charts import Spec
from pages.words import _

_ROW = 18


def settling(steps: pd.DataFrame) -> Spec:
    """The estimate and its interval after so many reports; nothing of the moments at which the light was red.

    steps: n, of, value, low, high, confidence, light.
    """
    rows = steps[steps["light"] != "red"]
    if rows.empty:
        return {}
    rows = rows[["n", "of", "value", "low", "high", "confidence", "light"]].copy()
    rows["written"] = [words.percent(v) for v in rows["value"]]
    rows["interval"] = [
        words.interval(low, high, c) for low, high, c in zip(rows["low"], rows["high"], rows["confidence"], strict=True)
    ]
    rows["reported"] = [words.fraction(n, of) for n, of in zip(rows["n"], rows["of"], strict=True)]
    rows["word"] = rows["light"].map(turnout_words.light_word)
    base = alt.Chart(charts.data()).encode(
        x=_across(rows["n"].min(), rows["n"].max()),
        tooltip=charts.tooltip(reported=_("PECs"), written=_("Observers"), interval=_("Interval"), word=_("Light")),
    )
    axis = alt.Axis(format=".1%", title=_("voters who have voted"), tickCount=6)  # an interval is a few points wide
    share = alt.Y("low:Q", axis=axis, scale=alt.Scale(zero=False, nice=True))
    chart = alt.layer(
        base.mark_area(opacity=0.22, color=colours.OBSERVERS).encode(y=share, y2="high:Q"),
        base.mark_line(strokeWidth=2.5, color=colours.OBSERVERS).encode(y="value:Q"),
        base.mark_point(shape="circle", size=40, filled=True, opacity=1, color=colours.OBSERVERS).encode(y="value:Q"),
    )
    return charts.spec(
        chart,
        _("Estimate after so many reports, in the order in which they came; before, there was no number"),
        _("A line with its interval: the estimate and the interval shown, by the number of reports received so far."),
        200,
        rows=rows.drop(columns=["confidence", "light"]),
    )


def composition(parts: pd.DataFrame) -> Spec:
    """How many of each region's sampled PECs were among the reports: the fuller, the darker.

    parts: n, since, stratum, pecs, of, share.
    """
    if parts.empty:
        return {}
    rows = parts[["n", "since", "stratum", "share"]].copy()
    rows["name"] = parts["stratum"].map(turnout_words.stratum)
    rows["reported"] = [words.fraction(n, of) for n, of in zip(parts["pecs"], parts["of"], strict=True)]
    rows["total"] = [words.number(n) for n in parts["n"]]
    strip = (
        alt.Chart(charts.data())
        .mark_bar(color=colours.OBSERVERS, height={"band": 0.8})
        .encode(
            x=_across(rows["since"].min(), rows["n"].max()),
            x2="since:Q",
            y=alt.Y(
                "name:N",
                sort=list(dict.fromkeys(rows["name"])),
                axis=alt.Axis(title=None, labelLimit=130, labelOverlap=False),
            ),
            opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0, 0.9]), legend=None),
            tooltip=charts.tooltip(name=_("Region"), reported=_("PECs"), total=_("Reports so far")),
        )
    )
    return charts.spec(
        strip,
        _("Reports by region from the first to the last: the darker, the more of its sampled PECs had reported"),
        _("Strips, one a region: how many of its sampled PECs had reported after so many reports."),
        _ROW * int(rows["name"].nunique()),
        rows=rows.drop(columns=["stratum"]),
    )


def drift(rows: pd.DataFrame) -> Spec:
    """Each PEC's turnout above or below its stratum's, by order of receipt, with the slope. rows: place, pec,
    residual, fitted."""
    if rows.empty:
        return {}
    drawn = rows[["place", "pec", "residual", "fitted"]].copy()
    drawn["written"] = [turnout_words.points(v) for v in rows["residual"]]
    base = alt.Chart(charts.data()).encode(
        x=alt.X(
            "place:Q",
            axis=charts.count_axis(_("order of receipt")),
            scale=alt.Scale(domain=[0, int(rows["place"].max()) + 1], nice=False),
        ),
        tooltip=charts.tooltip(place=_("Order of receipt"), pec=_("PEC"), written=_("Points above its stratum")),
    )
    y = alt.Y("residual:Q", axis=charts.percent_axis(_("above its stratum")))
    chart = alt.layer(
        base.mark_point(filled=True, size=18, opacity=0.45, color=colours.OBSERVERS).encode(y=y),
        base.mark_line(strokeWidth=2.5, color=colours.LIGHTS["amber"]).encode(y="fitted:Q"),
    )
    return charts.spec(
        chart,
        _("Do early reports differ from late ones? Each PEC's turnout less the mean of its stratum"),
        _("Dots: each PEC's turnout above or below its stratum's, in the order of receipt; the line is their slope."),
        170,
        rows=drawn,
    )


def _across(first: int, last: int) -> alt.X:
    """From the first moment to the last."""
    return alt.X(
        "n:Q",
        axis=charts.count_axis(_("reports received so far")),
        scale=alt.Scale(domain=[int(first), max(int(last), int(first) + 1)], nice=False),
    )
