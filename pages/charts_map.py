"""The map: regions shaded by a figure, which is written on them. A click chooses the region.

The outlines are no part of a chart's spec: the browser fetches them once, by an address that names their hash.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages import address, charts, names, shell
from pages.charts import TEXT, Spec
from pages.words import _
from queries.moment import here

CHOSEN = "chosen"  # the selection's name
_PRECISION = 2  # decimals of a degree: about a kilometre, a fifth of a pixel
_CLOSE = 0.6  # degrees between two middles whose words would touch
_SMALL = 0.02  # of a map's area: a region so small is drawn as a disc


def regions(
    frame: pd.DataFrame,
    geojson: Path,
    title: str,
    alternative: str,
    shade: str,
    colour: str,
    written: str,
    tooltips: dict[str, str],
    full: float | None = None,
    chosen: str | None = None,
) -> Spec:
    """Regions shaded by the number `shade`, deepest at `full` (else at the largest), with the words `written` on them.

    `tooltips` are columns of words and their titles. The chosen region has a bold outline.
    """
    if frame.empty:
        return {}
    shapes = shapes_of(geojson)
    rows = frame.assign(name=frame["region"].map(names.region), shade=frame[shade], written=frame[written])
    rows["outline"] = [3.0 if region == chosen else 0.8 for region in rows["region"]]
    most = full or float(frame[shade].max() or 1) or 1.0
    rows = rows.merge(shapes.middles, on="region")
    depth = alt.FillOpacity("shade:Q", scale=alt.Scale(domain=[0, most], range=[0.06, 0.8], clamp=True), legend=None)
    shown = charts.tooltip(name=_("Region"), **tooltips)
    click = alt.selection_point(name=CHOSEN, fields=["region"], on="click", toggle=False)
    fields = ["region", "name", "shade", "outline", *tooltips]
    shape = (
        alt.Chart(alt.UrlData(shapes.address, format=alt.JsonDataFormat(property="features")))
        .mark_geoshape(fill=colour, stroke=charts.FAINT, cursor="pointer")
        .transform_lookup(lookup="properties.region", from_=alt.LookupData(charts.data(), "region", fields))
        .encode(fillOpacity=depth, strokeWidth=alt.StrokeWidth("outline:Q", scale=None), tooltip=shown)
        .add_params(click)
    )
    disc = (
        alt.Chart(charts.data("discs"))
        .mark_circle(size=560, fill=colour, stroke=charts.FAINT, opacity=1, cursor="pointer")
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            fillOpacity=depth,
            strokeWidth=alt.StrokeWidth("outline:Q", scale=None),
            tooltip=shown,
        )
    )
    label = (
        alt.Chart(charts.data())
        .mark_text(fontSize=12, fontWeight=600, color=TEXT)
        .encode(longitude="longitude:Q", latitude="latitude:Q", text="written:N", tooltip=shown)
    )
    return charts.spec(
        alt.layer(shape, disc, label).project(type="mercator"),
        title,
        alternative,
        260,
        rows=rows,
        discs=rows[rows["region"].isin(shapes.small)],
    )


def draw(spec: Spec, key: str) -> None:
    """The map under its title; a click on a region filters the page by it, a second one takes the filter away."""
    shell.heading(spec["title"])
    st.vega_lite_chart(
        spec=charts.untitled(spec),
        alt=spec["description"],
        width="stretch",
        key=key,
        selection_mode=CHOSEN,
        on_select=lambda: _choose(key),
    )


def _choose(key: str) -> None:
    found = st.session_state[key].selection.get(CHOSEN) or []
    clicked = str(found[0].get("region") or "") if found else ""
    address.say("region", "" if clicked == st.session_state.get("region") else clicked)
    st.rerun()  # the whole page, its filters too


@dataclass(frozen=True)
class Shapes:
    """The regions' outlines, as fine as a small map shows them; a point in each for its words; the small ones."""

    geojson: bytes
    middles: pd.DataFrame  # region, longitude, latitude
    small: frozenset[str]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.geojson).hexdigest()[:16]

    @property
    def address(self) -> str:
        """Relative to a page, so that it holds behind a prefix too."""
        return f"map/{self.digest}.json"


def route() -> Route:
    """Where the browser fetches the election's outlines: their address changes with them, so it may keep them."""

    async def outlines(request: Request) -> Response:
        file = here()[1].map
        if file is None or request.path_params["digest"] != (shapes := shapes_of(Path(file))).digest:
            return Response(status_code=404)
        kept = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(shapes.geojson, media_type="application/json", headers=kept)

    return Route("/map/{digest}.json", outlines)


@cache
def shapes_of(file: Path) -> Shapes:
    """The outlines of this file."""
    features, middles, areas, outlines = [], [], {}, {}
    for feature in json.loads(file.read_text("utf-8"))["features"]:
        region = feature["properties"]["region"]
        geometry = feature["geometry"]
        parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        coarse = [[ring for ring in map(_coarse, part) if len(ring) > 3] for part in parts]
        coarse = [part for part in coarse if part]
        features.append({
            "type": "Feature",
            "properties": {"region": region},
            "geometry": {"type": "MultiPolygon", "coordinates": coarse},
        })  # fmt: skip
        outlines[region] = max((part[0] for part in coarse), key=lambda ring: _middle(ring)[2])
        middle = _middle(outlines[region])
        middles.append({"region": region, "longitude": middle[0], "latitude": middle[1]})
        areas[region] = sum(_middle(part[0])[2] for part in coarse)
    small = frozenset(region for region, area in areas.items() if area < _SMALL * sum(areas.values()))
    _make_room(middles, small, outlines)
    collection = {"type": "FeatureCollection", "features": features}
    return Shapes(json.dumps(collection, separators=(",", ":")).encode(), pd.DataFrame(middles), small)


def _make_room(middles: list[dict[str, Any]], small: frozenset[str], outlines: dict[str, list[list[float]]]) -> None:
    """Move the words of a region whose middle lies under a small one's disc (a city in it) to its far half."""
    for disc in [m for m in middles if m["region"] in small]:
        for other in [m for m in middles if m["region"] not in small]:
            side = 1 if other["longitude"] >= disc["longitude"] else -1
            apart = abs(other["longitude"] - disc["longitude"]), abs(other["latitude"] - disc["latitude"])
            if max(apart) < _CLOSE:
                far = [p for p in outlines[other["region"]] if side * (p[0] - other["longitude"]) > 0]
                other["longitude"], other["latitude"], _area = _middle(far)


def _coarse(ring: Sequence[Sequence[float]]) -> list[list[float]]:
    points: list[list[float]] = []
    for longitude, latitude, *_height in ring:
        point = [round(longitude, _PRECISION), round(latitude, _PRECISION)]
        if not points or point != points[-1]:
            points.append(point)
    return points


def _middle(ring: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """The centre of a ring's area, and the area."""
    area = x = y = 0.0
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = x0 * y1 - x1 * y0
        area, x, y = area + cross, x + (x0 + x1) * cross, y + (y0 + y1) * cross
    return x / (3 * area), y / (3 * area), abs(area) / 2
