"""Incidents: the reports that were received, by hour, kind and place, and each of them in its observer's words."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import streamlit as st

from pages import cards, charts, charts_incidents, charts_map, colours, names, reports, shell, unsorted, words
from pages.view import View
from pages.words import _, n_
from queries import incidents, room


def page() -> None:
    shell.title(
        _("Incidents"),
        _("Reports received from observers: they are counted, and say nothing of polling stations without one."),
    )
    shell.live(unsorted.panel)
    shell.live(unsorted.decided)
    shell.live(_cards)
    left, right = st.columns(2, gap="large")
    with left:
        shell.live(_by_hour)
        shell.live(_by_region)
        shell.live(_map)
    with right:
        shell.live(_heat)
    reports.choose_filters()
    shell.live(reports.listed)


def _cards(seen: View) -> None:
    """The reports of election day and after it: all, those of the last hour, each severity."""
    rows = seen.figure(room.severities, **seen.place)
    by_severity = [
        shell.Card(
            names.severity(row["severity"]).capitalize(),
            words.number(row["count"]),
            (
                _("since the morning of election day"),
                n_("at {n} PEC", "at {n} PECs", row["pecs"]).format(n=words.number(row["pecs"])),
                cards.before_the_day(row["before"]),
            ),
        )
        for row in rows.to_dict("records")
    ]
    shell.figure_cards([cards.incident_reports(seen), *by_severity])
    if rows["before"].any():
        st.caption(_("The charts and the list below have the reports of the days before election day, too."))


def _by_hour(seen: View) -> None:
    rows = seen.figure(incidents.incidents, by=("hour", "severity"), **seen.place)
    columns = {"hour": shell.Column(_("Hour"), _hour), "severity": shell.Column(_("Severity"), names.severity)}
    _draw(seen, "incidents_by_hour", lambda: charts_incidents.by_hour(rows), rows, columns)


def _by_region(seen: View) -> None:
    rows = seen.figure(incidents.incidents, by=("region", "severity"), **seen.place)
    columns = {
        "region": shell.Column(_("Region"), names.region),
        "severity": shell.Column(_("Severity"), names.severity),
    }
    _draw(seen, "incidents_by_region", lambda: charts_incidents.by_region(rows), rows, columns)


def _heat(seen: View) -> None:
    rows = seen.figure(incidents.incidents, by=("category", "region"), **seen.place)
    columns = {
        "category": shell.Column(_("Category"), names.category),
        "region": shell.Column(_("Region"), names.region),
    }
    _draw(seen, "incidents_heat", lambda: charts_incidents.heat(rows), rows, columns)


def _draw(seen: View, name: str, build: Callable[[], charts.Spec], rows: pd.DataFrame, columns: shell.Columns) -> None:
    if spec := seen.spec(name, build):
        counts = {
            "count": shell.Column(_("Reports received"), words.number),
            "pecs": shell.Column(_("PECs"), words.number),
        }
        charts.draw(spec, name, rows, {**columns, **counts})


def _map(seen: View) -> None:
    rows = seen.figure(incidents.incidents, by=("region",))
    file = seen.moment.election.map
    if file and rows["count"].any():
        charts_map.draw(seen.spec("incidents_map", lambda: _regions(rows, Path(file), seen.region)), "incidents_map")


def _regions(rows: pd.DataFrame, file: Path, chosen: str | None) -> charts.Spec:
    return charts_map.regions(
        rows.assign(written=rows["count"].map(words.number))[["region", "count", "written"]],
        file,
        _("Incident reports received, on the map"),
        _("Map of the regions: reports received from each. A click chooses the region."),
        shade="count",
        colour=colours.OBSERVERS,
        written="written",
        tooltips={"written": _("Reports received")},
        chosen=chosen,
    )


def _hour(text: str) -> str:
    return words.clock_time(pd.Timestamp(text).to_pydatetime())
