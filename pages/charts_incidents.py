"""Charts of incident reports: by hour and by region, stacked by severity, and the heat table category × region."""

from datetime import datetime

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import TEXT, Spec
from pages.words import _

_HOUR = 3_600_000.0  # ms
_NAMES = 130  # pixels of the regions' names
_ROW = 38  # pixels of a category: its name above, its numbers below


def by_hour(hours: pd.DataFrame) -> Spec:
    """Reports by the hour of the event. hours: hour (ISO, local), severity, count."""
    rows = hours[hours["count"] > 0].copy()
    if rows.empty:
        return {}
    starts = [datetime.fromisoformat(hour) for hour in rows["hour"]]
    rows["at"] = [charts.clock_point(at) for at in starts]
    rows["until"] = rows["at"] + _HOUR
    rows["hour_word"] = [words.clock_time(at) for at in starts]
    _with_severity(rows)
    chart = (
        alt.Chart(charts.data())
        .transform_stack(stack="count", as_=["low", "high"], groupby=["at"], sort=[alt.SortField("order")])
        .mark_rect(x2Offset=-1)
        .encode(
            x=charts.time_x("at", title=_("hour of the event")),
            x2="until:T",
            y=alt.Y("low:Q", axis=charts.count_axis(_("reports"))),
            y2="high:Q",
            color=charts.colour("word", _severities(rows)),
            tooltip=charts.tooltip(hour_word=_("Hour"), word=_("Severity"), count=_("Reports received")),
        )
    )
    return charts.spec(
        chart,
        _("Incident reports received, by hour of the event"),
        _("Bars: reports received for each hour, stacked by severity."),
        210,
        rows=rows.drop(columns=["hour"]),
    )


def by_region(regions: pd.DataFrame) -> Spec:
    """Reports by region, most first. regions: region, severity, count."""
    rows = regions[regions["count"] > 0].copy()
    if rows.empty:
        return {}
    _with_severity(rows)
    rows["name"] = rows["region"].map(_place)
    sums = rows.groupby("name", sort=False)["count"].sum().sort_values(ascending=False, kind="stable")
    order = list(sums.index)
    y = alt.Y("name:N", sort=order, axis=alt.Axis(title=None, labelLimit=_NAMES))
    room = alt.Scale(domain=[0, int(sums.max()) * 1.15], nice=False)  # for the number at the end of a bar
    bars = (
        alt.Chart(charts.data())
        .mark_bar()
        .encode(
            y=y,
            x=alt.X("count:Q", axis=charts.count_axis(_("reports")), stack="zero", scale=room),
            color=charts.colour("word", _severities(rows), beside=_NAMES),
            order="order:Q",
            tooltip=charts.tooltip(name=_("Region"), word=_("Severity"), count=_("Reports received")),
        )
    )
    ends = alt.Chart(charts.data("ends")).mark_text(align="left", dx=4, fontSize=12, color=TEXT)
    chart = alt.layer(bars, ends.encode(y=y, x="count:Q", text="text:N", tooltip=alt.value(None)))
    return charts.spec(
        chart,
        _("Incident reports received, by region"),
        _("Bars: reports received from each region, stacked by severity."),
        26 * len(order),
        rows=rows,
        ends=[{"name": n, "count": int(c), "text": words.number(c)} for n, c in sums.items()],
    )


def heat(cells: pd.DataFrame) -> Spec:
    """Reports by category and region, as numbers on a shade. cells: category, region, count.

    Categories without a report stay out of the picture; the table behind has them.
    """
    totals = cells.groupby("category", sort=False)["count"].sum()
    categories = list(totals[totals > 0].sort_values(ascending=False, kind="stable").index)
    if not categories:
        return {}
    rows = cells[cells["category"].isin(categories)].copy()
    rows["name"] = rows["category"].map(names.category)
    rows["region_name"] = rows["region"].map(_place)
    rows["text"] = [words.number(n) if n else "" for n in rows["count"]]
    named = [{"category": c, "name": f"{names.category(c)} · {words.number(totals[c])}"} for c in categories]
    y = alt.Y("category:N", sort=categories, axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    x = alt.X(
        "region_name:N",
        sort=list(dict.fromkeys(rows["region_name"])),
        axis=alt.Axis(orient="top", title=None, labelAngle=-45, labelLimit=90, labelOverlap=False, labelPadding=2),
        scale=alt.Scale(paddingInner=0.06, paddingOuter=0),
    )
    cell = alt.Chart(charts.data()).mark_rect(height=18, yOffset=9, color=colours.OBSERVERS)
    number = alt.Chart(charts.data()).mark_text(dy=9, fontSize=12, color=TEXT)
    name = alt.Chart(charts.data("named")).mark_text(
        align="left", dy=-10, fontSize=12, color=TEXT, limit=alt.ExprRef("width")
    )
    shade = alt.Opacity("count:Q", scale=alt.Scale(domainMin=0, range=[0.05, 0.7]), legend=None)
    tip = charts.tooltip(name=_("Category"), region_name=_("Region"), count=_("Reports received"))
    chart = alt.layer(
        cell.encode(x=x, y=y, opacity=shade, tooltip=tip),
        number.encode(x=x, y=y, text="text:N", tooltip=tip),
        name.encode(x=alt.value(0), y=y, text="name:N", tooltip=alt.value(None)),
    )
    return charts.spec(
        chart,
        _("Incident reports received, by category and region"),
        _("Table of numbers: reports received for each category and region, darker where there are more."),
        _ROW * len(categories),
        rows=rows.drop(columns=["region"]),
        named=named,
    )


def _place(region: object) -> str:
    return names.region(region) or _("no place")


def _with_severity(rows: pd.DataFrame) -> None:
    rows["word"] = rows["severity"].map(names.severity)
    rows["order"] = rows["severity"].map({s: i for i, s in enumerate(colours.SEVERITIES)})


def _severities(rows: pd.DataFrame) -> dict[str, str]:
    """Their words and colours; what is to be sorted only where there is some."""
    there = {"unsorted"} - set(rows["severity"])
    return {names.severity(s): colour for s, colour in colours.SEVERITIES.items() if s not in there}
