"""What every chart is made of: a spec with its title, its words and a few rows; its axes; how it is drawn."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt
import pandas as pd

from pages import shell, words
from queries.export import plain as plain_value
from queries.moment import here
from server import fonts

Spec = dict[str, Any]  # Vega-Lite; an empty one: there is nothing to draw
Rows = list[dict[str, Any]]

TEXT = "currentColor"  # of the page: dark on light, light on dark (charts are drawn as SVG)
FAINT = "#888888"  # rules and ticks, readable on both
_LEGEND_PIXELS = 320  # so that it fits a telephone
_ACCENT_PIXELS = 4  # Vega takes a letter to end where Й has its accent: a title along the left edge would lose it
_SLANTED_PIXELS = 3  # the last of slanted labels reaches so far over the edge that Vega reckons with
_FLUSH_PIXELS = 24  # a label nearer to the end of its axis is drawn inwards, or the frame cuts it


def data(name: str = "rows") -> alt.NamedData:
    """The rows of this name, given to `spec`: a stable name lets the browser change the rows under a chart."""
    return alt.NamedData(name=name)


def spec(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart,
    title: str,
    alternative: str,
    height: int,
    **rows: pd.DataFrame | Rows,
) -> Spec:
    """The chart as Vega-Lite: its title, the words that stand for it, its rows by name."""
    local = alt.Locale(number=alt.NumberLocale(**_number_locale()))
    whole = chart.properties(height=height, title=title, description=alternative).configure(
        font=fonts.STACK,
        locale=local,
        axis=alt.AxisConfig(
            labelFontSize=12, titleFontSize=12, titlePadding=6, labelPadding=5, gridOpacity=0.6, labelSeparation=8
        ),
        axisXQuantitative=alt.AxisConfig(labelFlush=_FLUSH_PIXELS),
        axisXTemporal=alt.AxisConfig(labelFlush=_FLUSH_PIXELS),
        axisY=alt.AxisConfig(labelFlush=False),
        legend=alt.LegendConfig(labelFontSize=12, symbolSize=110, padding=0, offset=6),
        view=alt.ViewConfig(stroke=None),
    )
    # fit-x: the height is that of the plot, so a row is as high as it was drawn for
    # not validated: the tests do that, and it costs a fifth of the time
    made = whole.to_dict(validate=False) | {"autosize": {"type": "fit-x", "contains": "padding"}}
    made["padding"] = {"left": _ACCENT_PIXELS, "right": _SLANTED_PIXELS}
    made["datasets"] = {name: _plain(given) for name, given in rows.items()}
    return dict(made)


def _plain(given: pd.DataFrame | Rows) -> Rows:
    """Values that JSON can say: what is missing as null."""
    zone = here()[1].tz
    rows = given.to_dict("records") if isinstance(given, pd.DataFrame) else given
    return [{str(name): plain_value(value, zone) for name, value in row.items()} for row in rows]


def draw(spec: Spec, key: str, frame: pd.DataFrame | None = None, columns: shell.Columns | None = None) -> None:
    """The chart under its title, with the table behind it. The title is the page's: it wraps, and is read aloud."""
    shell.heading(spec["title"])
    shell.chart(untitled(spec), spec["description"], frame, columns, key)


def untitled(spec: Spec) -> Spec:
    """The spec without the words that the page says around it."""
    return {name: value for name, value in spec.items() if name not in ("title", "description")}


def on_clock(times: pd.Series) -> list[float | None]:
    """Times as the election's clock shows them, in ms of UTC: Vega would use the zone of the browser otherwise."""
    return [None if words.missing(at) else clock_point(at) for at in times]


def clock_point(at: datetime) -> float:
    then = words.local(at)
    return pd.Timestamp(then.replace(tzinfo=None)).timestamp() * 1000


def time_x(field: str, domain: Sequence[float] | None = None, title: str | None = None, grid: bool = True) -> alt.X:
    """The day's clock from left to right; midnight says its date."""
    hours = {"milliseconds": "%H:%M", "seconds": "%H:%M", "minutes": "%H:%M", "hours": "%H:%M"}
    days = {"day": "%d.%m", "date": "%d.%m", "week": "%d.%m", "month": "%d.%m", "year": "%d.%m"}
    # as text: Vega-Lite takes a number here for a year
    ends = [f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%S}Z" for at in domain or ()]
    scale = alt.Scale(type="utc", domain=ends) if ends else alt.Scale(type="utc")
    axis = alt.Axis(format={**hours, **days}, title=title, grid=grid, tickCount=8)
    return alt.X(f"{field}:T", scale=scale, axis=axis)


def percent_axis(title: str | None, **more: Any) -> alt.Axis:
    return alt.Axis(format=".0%", title=title, tickCount=6, **more)


def count_axis(title: str | None, **more: Any) -> alt.Axis:
    return alt.Axis(format=",.0f", title=title, tickMinStep=1, tickCount=6, **more)


def legend(labels: Sequence[str], beside: int = 0, **more: Any) -> alt.Legend:
    """A legend above the chart, in as many columns as a telephone has room for beside the axis (pixels)."""
    widest = max((len(label) for label in labels), default=1) * 7 + 30
    columns = max(1, min(len(labels), (_LEGEND_PIXELS - beside) // widest))
    return alt.Legend(title=None, orient="top", columns=columns, labelLimit=_LEGEND_PIXELS, **more)


def colour(field: str, colours: Mapping[str, str], beside: int = 0, **more: Any) -> alt.Color:
    """The fixed colours by the words that stand for them; `colours` in the order of the legend."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=legend(list(colours), beside, **more))


def tooltip(**titles: str) -> list[alt.Tooltip]:
    """Fields as they are written in the rows, each under its title."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def _number_locale() -> dict[str, Any]:
    """How Vega writes numbers on axes: the marks of the reader's language, taken from how a number is written."""
    written = words.number(1234.5, 1)
    return {
        "decimal": written[5],
        "thousands": written[1],
        "grouping": [3],
        "currency": ["", ""],
        "percent": words.percent(0.5, 0).removeprefix("50"),
    }
