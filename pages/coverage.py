"""Coverage: which checklists have come, whom to ring about the rest, where they are missing."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages import bursts, charts, charts_coverage, charts_map, colours, names, ring, shell, strip, words
from pages.view import View
from pages.words import _, n_
from queries import coverage, room
from queries.moment import here
from queries.states import expected_checklists


def page() -> None:
    shell.title(_("Coverage"), _("Which checklists have come from the sampled PECs, and whom to ring about the rest."))
    strip.choose_form([c.form for c in expected_checklists(here()[1])])
    shell.live(bursts.banner)
    left, right = st.columns([2, 1], gap="large")
    with left:
        shell.live(ring.to_ring)
        shell.live(_grid)
    with right:
        shell.live(_bars)
        shell.live(_map)
    shell.live(_districts)


def _bars(seen: View) -> None:
    rows = seen.figure(coverage.coverage, by=("form",), **_form(seen), **seen.place)
    notes = {row["form"]: _note(seen, row) for row in rows.to_dict("records")}
    spec = seen.spec("state_bars", lambda: charts_coverage.state_bars(rows, notes))
    if not spec:
        return shell.empty(_("No PEC of the sample is expected to send this checklist."))
    charts.draw(spec, "state_bars", rows, {"form": shell.Column(_("Checklist"), names.form), **_state_columns()})


def _note(seen: View, row: dict[Any, Any]) -> str:
    """'256 of 300 · due 08:30, 3 h ago': how many, and the time to go or over."""
    election, at = seen.moment.election, seen.moment.at
    checklist = election.forms[row["form"]]
    opens, due = election.instant(checklist.opens), election.instant(checklist.due or checklist.opens)
    if at < opens:
        return _("expected from {opens}, due by {due}").format(opens=words.clock_time(opens), due=words.clock_time(due))
    sent = words.fraction(row["received"], row["expected"])
    if checklist.asked_until and at > (until := election.instant(checklist.asked_until)):
        return _("{sent} · asked for until {time}").format(sent=sent, time=words.clock_time(until))
    return f"{sent} · {_due(due, at)}"


def _due(due: datetime, at: datetime) -> str:
    away = abs(due - at)
    when = f"{words.local(due):%H:%M}" if away < timedelta(hours=12) else words.clock_time(due)
    time = words.duration(away.total_seconds())
    said = _("due {when}, in {time}") if at < due else _("due {when}, {time} ago")
    return said.format(when=when, time=time)


def _grid(seen: View) -> None:
    rows = seen.figure(coverage.coverage, by=("region", "form"), **_form(seen), **seen.place)
    spec = seen.spec("coverage_grid", lambda: charts_coverage.grid(rows))
    if spec:
        columns = {
            "region": shell.Column(_("Region"), names.region),
            "form": shell.Column(_("Checklist"), names.form),
            **_state_columns(),
        }
        charts.draw(spec, "coverage_grid", rows, columns)


def _map(seen: View) -> None:
    """Where the late ones are; a click chooses the region."""
    form, file = _form_to_show(seen), seen.moment.election.map
    if form is None or file is None:
        return
    rows = seen.figure(room.regions, form=form)
    spec = seen.spec("coverage_map", lambda: _late_map(rows, form, Path(file), seen.region), form)
    charts_map.draw(spec, "coverage_map")


def _late_map(rows: pd.DataFrame, form: str, file: Path, chosen: str | None) -> charts.Spec:
    written = rows.assign(
        written=rows["late"].map(words.number),
        share=[words.fraction(n, of) for n, of in zip(rows["late"], rows["expected"], strict=True)],
        value=rows["value"].fillna(0.0),
    )
    return charts_map.regions(
        written[["region", "value", "written", "share"]],
        file,
        _("Late PECs by region: {checklist}").format(checklist=names.form(form)),
        _("Map of the regions: late PECs of each. A click chooses the region."),
        shade="value",
        colour=colours.STATES["late"],
        written="written",
        tooltips={"share": _("Late")},
        full=0.5,
        chosen=chosen,
    )


def _districts(seen: View) -> None:
    form = _form_to_show(seen)
    if form is None:
        return
    rows = seen.figure(coverage.coverage, by=("region", "district"), form=form, **seen.place)
    rows = rows[rows["expected"] > 0].sort_values(["late", "lost", "incomplete", "due"], ascending=False, kind="stable")
    shell.heading(_("Districts, most late PECs first: {checklist}").format(checklist=names.form(form)))
    columns = {
        "district": shell.Column(_("District"), names.district),
        "region": shell.Column(_("Region"), names.region),
        **_state_columns(),
    }
    count = n_("{n} district", "{n} districts", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, columns, "coverage_districts", count)


def _state_columns() -> shell.Columns:
    states = {state: shell.Column(names.state(state).capitalize(), words.number) for state in colours.STATES}
    return {"expected": shell.Column(_("Expected"), words.number), **states}


def _form_to_show(seen: View) -> str | None:
    """The checklist that was chosen; unless one was, the one with most late PECs, else the one that matters now."""
    rows = seen.figure(coverage.coverage, by=("form",), **seen.place)
    late = rows[rows["late"] > 0].sort_values("late", ascending=False)
    return seen.form or (str(late["form"].iloc[0]) if len(late) else seen.figure(room.focus))


def _form(seen: View) -> dict[str, str]:
    return {"form": seen.form} if seen.form else {}
