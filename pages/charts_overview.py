"""The overview's charts: coverage through the day, the map of what is late, incidents by hour. Frame in, spec out."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from pages import colours, names, words
from pages.words import _

_ROW = 46  # pixels of a checklist's row


def clock_axis(times: pd.Series) -> pd.Series:
    """Times as the election's clock shows them, written as UTC: Vega would use the browser's zone otherwise."""
    return times.map(clock_point)


def clock_point(at: datetime) -> str:
    return f"{words.local(at):%Y-%m-%dT%H:%M:%S}Z"


def coverage_through_the_day(
    arrivals: pd.DataFrame, checklists: pd.DataFrame, now: datetime, until: datetime
) -> dict[str, Any]:
    """A row a checklist: what has been received as an area, what is expected as a line, when it is due, and now.

    arrivals: form, minute_at, received (so far), expected; checklists: form, expected, received, due_at, opens_at.
    """
    rows = {form: place for place, form in enumerate(checklists["form"])}
    came = arrivals[arrivals["form"].isin(rows)].copy()
    came["part"] = came["received"] / came["expected"]
    ends = checklists.assign(minute_at=pd.Timestamp(now), part=checklists["received"] / checklists["expected"])
    starts = checklists.assign(minute_at=checklists["opens_at"], part=0.0)
    steps = pd.concat([starts, came, ends])[["form", "minute_at", "part"]].sort_values(["form", "minute_at"])
    steps = steps[steps["minute_at"] <= pd.Timestamp(now)]
    steps["row"] = steps["form"].map(rows)
    steps["low"], steps["high"] = steps["row"] + 0.86, steps["row"] + 0.86 - 0.62 * steps["part"]
    steps["at"] = clock_axis(steps["minute_at"])
    each = checklists.assign(
        row=checklists["form"].map(rows),
        name=checklists["form"].map(names.form),
        fraction=[words.fraction(r, e) for r, e in zip(checklists["received"], checklists["expected"], strict=True)],
        due=clock_axis(checklists["due_at"]),
        opens=clock_axis(checklists["opens_at"]),
        due_words=[_("due {time}").format(time=words.clock_time(at)) for at in checklists["due_at"]],
    ).drop(columns=["due_at", "opens_at"])
    each["top"], each["text"], each["base"] = each["row"] + 0.24, each["row"] + 0.13, each["row"] + 0.86
    first, last = clock_point(checklists["opens_at"].min()), clock_point(until)
    x = alt.X(
        "at:T",
        scale=alt.Scale(type="utc", domain=[first, last]),
        axis=alt.Axis(format="%H:%M", title=None, tickCount=8, grid=True, gridOpacity=0.25),
    )
    y = alt.Y("low:Q", scale=alt.Scale(domain=[0, len(rows)], reverse=True, nice=False), axis=None)
    area = (
        alt.Chart(steps)
        .mark_area(color=colours.STATES["received"], interpolate="step-after", opacity=0.85)
        .encode(x=x, y=y, y2="high:Q", detail="form:N")
    )
    on_row = alt.Chart(each).encode(y=alt.Y("top:Q"))
    expected = on_row.mark_rule(color="#888", strokeWidth=1).encode(x="opens:T", x2=alt.datum(last, type="temporal"))
    due = on_row.mark_rule(color=colours.STATES["late"], strokeDash=[3, 2], strokeWidth=1.5).encode(
        x="due:T", y2="base:Q", tooltip=[alt.Tooltip("name:N", title=_("Checklist")), alt.Tooltip("due_words:N", title=" ")]
    )
    label = on_row.mark_text(align="left", baseline="middle", fontWeight="bold", fontSize=12, dx=1).encode(
        x=alt.value(0), y="text:Q", text="name:N"
    )
    counted = on_row.mark_text(align="right", baseline="middle", fontSize=12).encode(
        x=alt.value("width"), y="text:Q", text="fraction:N"
    )
    present = (
        alt.Chart(pd.DataFrame({"now": [clock_point(now)]}))
        .mark_rule(strokeWidth=1.5, color="#888")
        .encode(x="now:T", tooltip=alt.value(None))
    )
    chart = alt.layer(area, expected, due, label, counted, present)
    return _spec(chart.properties(height=_ROW * len(rows) + 4, width="container"))


def late_map(regions: pd.DataFrame, geojson: str) -> dict[str, Any]:
    """Regions shaded by the share of PECs that are late with the checklist due now, with the count written on them.

    regions: region, late, expected, value (late of expected).
    """
    shapes, middles = _shapes(geojson)
    marked = regions.merge(middles, on="region")
    marked["name"] = marked["region"].map(names.region)
    marked["share"] = [
        words.share(v, c, of) for v, c, of in zip(marked["value"], marked["late"], marked["expected"], strict=True)
    ]
    marked["written"] = marked["late"].map(words.number)
    own = alt.LookupData(marked[["region", "name", "share", "value"]], "region", ["name", "share", "value"])
    scale = alt.Scale(domain=[0, 0.5], range=["#F7E3D3", colours.STATES["late"]], clamp=True)
    shape = (
        alt.Chart(alt.Data(values=shapes, format=alt.DataFormat(type="json")))
        .mark_geoshape(stroke="#777", strokeWidth=0.8)
        .transform_lookup(lookup="properties.region", from_=own)
        .encode(
            color=alt.condition("isValid(datum.value)", alt.Color("value:Q", scale=scale, legend=None), alt.value("#BDBDBD")),
            tooltip=[alt.Tooltip("name:N", title=_("Region")), alt.Tooltip("share:N", title=_("late"))],
        )
    )
    text = (
        alt.Chart(marked)
        .mark_text(fontSize=13, fontWeight="bold", color="#1B1F24")
        .encode(longitude="longitude:Q", latitude="latitude:Q", text="written:N")
    )
    return _spec(alt.layer(shape, text).project("mercator").properties(height=230, width="container"))


def incidents_by_hour(hours: pd.DataFrame) -> dict[str, Any]:
    """Reports received by hour of the event, stacked by severity. hours: hour (ISO, local), severity, count."""
    rows = hours.assign(
        at=hours["hour"].str.slice(0, 16) + ":00Z",
        word=hours["severity"].map(names.severity),
        order=hours["severity"].map({s: i for i, s in enumerate(colours.SEVERITIES)}),
    )
    known = [names.severity(s) for s in colours.SEVERITIES]
    chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("at:T", scale=alt.Scale(type="utc"), timeUnit="utcyearmonthdatehours", axis=alt.Axis(format="%H:%M", title=None)),
            y=alt.Y("count:Q", title=_("reports"), axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "word:N", scale=alt.Scale(domain=known, range=list(colours.SEVERITIES.values())),
                legend=alt.Legend(title=None, orient="top"),
            ),
            order="order:Q",
            tooltip=[
                alt.Tooltip("at:T", format="%H:%M", title=_("hour")),
                alt.Tooltip("word:N", title=_("severity")),
                alt.Tooltip("count:Q", title=_("reports")),
            ],
        )
    )
    return _spec(chart.properties(height=230, width="container"))


def _spec(chart: alt.LayerChart | alt.Chart) -> dict[str, Any]:
    return dict(chart.configure_view(stroke=None).to_dict())


@cache
def _shapes(file: str) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The regions' outlines, as fine as a small map shows them, and a point in the middle of each."""
    whole = json.loads(Path(file).read_text("utf-8"))
    shapes, middles = [], []
    for feature in whole["features"]:
        rings = [_coarse(ring) for ring in feature["geometry"]["coordinates"]]
        geometry = {"type": "Polygon", "coordinates": [r for r in rings if len(r) > 3]}
        shapes.append({"type": "Feature", "properties": feature["properties"], "geometry": geometry})
        longitude, latitude = _middle(rings[0])
        middles.append({"region": feature["properties"]["region"], "longitude": longitude, "latitude": latitude})
    return shapes, pd.DataFrame(middles)


def _coarse(ring: Sequence[Sequence[float]]) -> list[list[float]]:
    points: list[list[float]] = []
    for longitude, latitude, *_rest in ring:
        point = [round(longitude, 2), round(latitude, 2)]
        if not points or point != points[-1]:
            points.append(point)
    return points


def _middle(ring: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The centre of a ring's area."""
    area = x = y = 0.0
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = x0 * y1 - x1 * y0
        area, x, y = area + cross, x + (x0 + x1) * cross, y + (y0 + y1) * cross
    return (x / (3 * area), y / (3 * area)) if area else (ring[0][0], ring[0][1])
