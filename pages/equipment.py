"""Equipment: ballot box scanners and voter identification, each for itself: how many failed, where, for how long."""

from typing import Any

import pandas as pd
import streamlit as st

from pages import charts, charts_day, charts_estimates, names, shell, turnout_words, words
from pages.view import View
from pages.words import _, n_
from queries import equipment

_ON_THE_AXIS = 40  # failures in the timeline; the table behind it has all


def page() -> None:
    shell.title(_("Equipment"), _("Failures at the sampled PECs so far, as checklists and failure reports say."))
    shell.live(_devices)
    shell.live(_timelines)
    left, right = st.columns(2, gap="large")
    with left:
        shell.live(_worst)
    with right:
        shell.live(_turned_away)
        shell.live(_replaced)


def _devices(seen: View) -> None:
    """ARBB and identification beside each other: the estimate, what is open now, the regions."""
    shell.by_region_at_most(seen)
    national = seen.figure(equipment.failures, by=("device",), **_region(seen)).to_dict("records")
    regions = seen.figure(equipment.failures, by=("device", "region"))
    if not any(row["n"] or row["pecs_failed"] for row in national):
        return shell.empty(
            _("No PEC has answered about its equipment yet: the first checklist that asks is due at {time}.").format(
                time=words.clock_time(_first_due(seen))
            )
        )
    for row, column in zip(national, st.columns(len(national), gap="large"), strict=True):
        with column:
            shell.heading(charts_day.device(row["device"]))
            shell.figure_cards(_cards(row))
            if row["light"] != "green":
                st.caption(words.verbatim(turnout_words.reasons_said(row["reasons"])))
            if row["light"] != "red":
                _by_region(seen, row, regions[regions["device"] == row["device"]])


def _cards(row: dict[Any, Any]) -> list[shell.Card]:
    """'29.7% of PECs so far', and what is open now."""
    red = row["light"] == "red"
    rests_on = _("{n} PECs answered of {of} sampled").format(n=words.number(row["n"]), of=words.number(row["of"]))
    failed = _("failed at {n} of them").format(n=words.number(row["failed_of_n"]))
    known = n_("a failure is known at {n} PEC", "a failure is known at {n} PECs", row["pecs_failed"])
    interval = "" if red else words.interval(row["low"], row["high"], row["confidence"])
    unknown = n_(
        "{n} with its end unknown: no news for an hour",
        "{n} with their end unknown: no news for an hour",
        row["end_unknown"],
    )
    replaced = n_("replaced by a box at {n} PEC", "replaced by a box at {n} PECs", row["pecs_replaced"])
    return [
        shell.Card(
            _("PECs where it failed at least once so far"),
            words.percent(row["value"]),
            (interval, rests_on, known.format(n=words.number(row["pecs_failed"])) if red else failed),
            "",
            turnout_words.light_word(row["light"]),
        ),
        shell.Card(
            _("Open now"),
            n_("{n} PEC", "{n} PECs", row["open_now"]).format(n=words.number(row["open_now"])),
            (
                unknown.format(n=words.number(row["end_unknown"])) if row["end_unknown"] else "",
                replaced.format(n=words.number(row["pecs_replaced"])) if row["pecs_replaced"] else "",
            ),
            "amber" if row["open_now"] else "",
            _("not working") if row["open_now"] else "",
        ),
    ]


def _by_region(seen: View, row: dict[Any, Any], regions: pd.DataFrame) -> None:
    device = row["device"]
    title = _("Share of PECs where it failed at least once so far, by region: {device}")
    spec = seen.spec(
        f"equipment_{device}",
        lambda: charts_estimates.dots(regions, row, title.format(device=charts_day.device(device)), _("share of PECs")),
    )
    if not spec:
        return shell.empty(_("Too few PECs have answered for an estimate by region."))
    columns = {
        "region": shell.Column(_("Region"), names.region),
        "value": shell.Column(_("Estimate"), words.percent),
        "low": shell.Column(_("From"), words.percent),
        "high": shell.Column(_("To"), words.percent),
        "light": shell.Column(_("Light"), turnout_words.light_word),
        "pecs_failed": shell.Column(_("PECs that failed"), words.number),
        "n": shell.Column(_("Answered"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
        "open_now": shell.Column(_("Open now"), words.number),
        "end_unknown": shell.Column(_("End unknown"), words.number),
    }
    charts.draw(spec, f"equipment_{device}", regions, columns)


def _timelines(seen: View) -> None:
    """The failures of each device on the day's clock."""
    rows = seen.figure(equipment.episodes, **seen.place)
    if rows.empty:
        return shell.empty(_("No failure of equipment has been reported yet."))
    devices = list(dict.fromkeys(rows["device"].sort_values()))
    for device, column in zip(devices, st.columns(len(devices), gap="large"), strict=True):
        with column:
            _timeline(seen, device, rows[rows["device"] == device])


def _timeline(seen: View, device: str, rows: pd.DataFrame) -> None:
    """The failures of a device: those without an end first, then the newest."""
    running = rows[rows["state"] != "ended"]
    shown = pd.concat([running, rows[rows["state"] == "ended"]]).head(_ON_THE_AXIS)
    title = _("{device}: failures through the day, {shown} of {n}, those without an end first").format(
        device=words.sentence(charts_day.device(device)), shown=words.number(len(shown)), n=words.number(len(rows))
    )
    name = f"episodes_{device}"
    spec = seen.spec(name, lambda: charts_day.episodes(shown, seen.moment.at, title))
    if not spec:
        return shell.empty(_("No failure of equipment has been reported yet."))
    columns = {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "state": shell.Column(_("State"), charts_day.episode_state),
        "from_at": shell.Column(_("From"), words.clock_time),
        "to_at": shell.Column(_("To"), words.clock_time),
        "news_at": shell.Column(_("Last news"), words.clock_time),
    }
    charts.draw(spec, name, rows, columns)


def _worst(seen: View) -> None:
    rows = seen.figure(equipment.worst, **seen.place)
    if rows.empty:
        return
    rows["open"] = rows["open"].map({True: _("yes"), False: ""})  # as words: a table draws truth as a box to tick
    shell.heading(_("PECs by how long equipment failed, longest first"))
    columns = {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "minutes": shell.Column(_("In all"), words.minutes),
        "episodes": shell.Column(_("Failures"), words.number),
        "open": shell.Column(_("No end reported"), str),
    }
    count = n_("{n} PEC", "{n} PECs", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, columns, "equipment_worst", count, opens_pec=True)


def _replaced(seen: View) -> None:
    rows = seen.figure(equipment.worst, **seen.place)
    rows = rows[rows["replaced"]]
    shell.heading(_("PECs where a box replaced the scanner"))
    if rows.empty:
        return shell.empty(_("None has been reported."))
    columns = {
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "district": shell.Column(_("District"), names.district),
    }
    count = n_("{n} PEC", "{n} PECs", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, columns, "equipment_replaced", count, opens_pec=True)


def _turned_away(seen: View) -> None:
    rows = seen.figure(equipment.turned_away, **_region(seen))
    spec = seen.spec(
        "turned_away",
        lambda: charts_estimates.bands(
            rows, _("PECs by how many voters identification turned away so far"), list(rows["band"])
        ),
    )
    if spec:
        columns = {
            "band": shell.Column(_("Voters turned away"), names.choice),
            "pecs": shell.Column(_("PECs"), words.number),
            "n": shell.Column(_("Answered"), words.number),
            "of": shell.Column(_("Sampled"), words.number),
        }
        charts.draw(spec, "turned_away", rows, columns)


def _region(seen: View) -> dict[str, str]:
    return {"region": seen.around} if seen.around else {}


def _first_due(seen: View) -> Any:
    election = seen.moment.election
    asking = [
        c
        for f, c in election.forms.items()
        if c.due and any(q.meaning == "equipment" for q in election.asked(f).values())
    ]
    return min((election.instant(c.due) for c in asking if c.due), default=None)
