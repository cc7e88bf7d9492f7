"""Overview: the situation room. What the day asks for now, what changed, the regions, worst first."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages import (
    bursts,
    cards,
    charts,
    charts_day,
    charts_map,
    charts_overview,
    colours,
    frame,
    names,
    reports,
    shell,
    strip,
    unsorted,
    words,
)
from pages.view import View, packed
from pages.words import _, n_
from queries import changes, coverage, incidents, room
from queries.moment import here

RECENT_ROWS = 8
LATELY = 5  # checklists


def page() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        shell.title(_("Overview"))
        strip.choose_form(room.sample_forms(here()[1]), _("Checklist that matters now"))
    shell.live(unsorted.banner)
    shell.live(frame.banner)
    shell.live(bursts.banner)
    shell.live(_figures)
    shell.figures_first()
    shell.live(_room)


def _figures(seen: View) -> None:
    st.html(seen.made(cards.html))


def _room(seen: View) -> None:
    left, right = st.columns([2.2, 1], gap="medium")
    with left:
        through_the_day(seen)
        regions(seen)
    with right:
        last_minutes(seen)
        late_map(seen)


def through_the_day(seen: View) -> None:
    """Small multiples by checklist."""
    _draw_day(seen, _opened, _day)


def lately(seen: View) -> None:
    """As many of them as can be read from afar: those opened last."""
    _draw_day(seen, _opened_lately, _day_lately)


def _draw_day(seen: View, checklists: Callable[[View], pd.DataFrame], chart: Callable[[View], charts.Spec]) -> None:
    opened = seen.made(checklists)
    if opened.empty:
        shell.heading(_("PECs that have sent each checklist, through the day"))
        return shell.empty(_expected(seen.figure(room.checklists, **seen.place)))
    columns = {
        "form": shell.Column(_("Checklist"), names.form),
        "received": shell.Column(_("Received"), words.number),
        "expected": shell.Column(_("Expected"), words.number),
        "late": shell.Column(_("Late"), words.number),
        "lost": shell.Column(_("Lost"), words.number),
        "due_at": shell.Column(_("Due"), words.clock_time),
    }
    charts.draw(seen.made(chart), "through_the_day", opened, columns)


def _opened(seen: View) -> pd.DataFrame:
    """The checklists whose time has come."""
    checklists = seen.figure(room.checklists, **seen.place)
    return checklists[checklists["opens_at"] <= pd.Timestamp(seen.moment.at)]


def _opened_lately(seen: View) -> pd.DataFrame:
    return seen.made(_opened).sort_values("opens_at", kind="stable").tail(LATELY)


def _day(seen: View) -> charts.Spec:
    return _small_multiples(seen, seen.made(_opened))


def _day_lately(seen: View) -> charts.Spec:
    return _small_multiples(seen, seen.made(_opened_lately))


def _small_multiples(seen: View, opened: pd.DataFrame) -> charts.Spec:
    arrivals = seen.figure(coverage.arrivals, **seen.place)
    chart = charts_overview.coverage_through_the_day
    return packed(chart(arrivals, opened, seen.moment.at, cards.until(seen)))


def _expected(checklists: pd.DataFrame) -> str:
    """'Opening: expected from 07:00, due by 08:30.'"""
    said = _("{checklist}: expected from {opens}, due by {due}.")
    return " ".join(
        said.format(
            checklist=names.form(row["form"]),
            opens=words.clock_time(row["opens_at"]),
            due=words.clock_time(row["due_at"]),
        )
        for row in checklists.sort_values("due_at").head(2).to_dict("records")
    )


def last_minutes(seen: View) -> None:
    """What changed in the last 15 minutes: what observers of the frame say is critical, then the newest."""
    head = shell.heading_html(_("Last 15 minutes"))
    if words_of_recent := seen.made(_recent_words):
        st.html(head + words_of_recent)
    else:
        st.html(head)
        shell.empty(_("Nothing new came in the last 15 minutes."))


def _recent_words(seen: View) -> str:
    there = {"region": seen.region} if seen.region else {}
    recent = seen.figure(changes.recent, minutes=15, **there)
    if recent.empty:
        return ""
    counts = seen.figure(changes.counts, minutes=15, **there)
    lines = [cards.change(what, n) for what, n in counts.itertuples(index=False)]
    # twenty reports a minute, as many corrected, or a flood of strangers' incidents must not hide the one incident
    # among them: the counts tell of all
    usual = recent["what"] == "report_in"
    usual |= ~recent["known"] & ((~recent["known"]).cumsum() > RECENT_ROWS // 2)
    if (recent["what"] == "report_corrected").sum() > RECENT_ROWS // 2:
        usual |= recent["what"] == "report_corrected"
    first = recent["known"] & recent["severity"].isin(("critical", incidents.UNSORTED))
    rows = pd.concat([recent[first], recent[~first & ~usual], recent[~first & usual]]).head(RECENT_ROWS)
    return (
        "<ul class='bk-counts'>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
        "<ol class='bk-recent'>" + "".join(map(_recent, rows.to_dict("records"))) + "</ol>"
    )


def _recent(row: dict[Any, Any]) -> str:
    known = (cards.pec_words(row["pec"]), names.region(row["region"]), reports.more_of_sender(row["more"]))
    place = " · ".join(part for part in known if part)
    return (
        f"<li><time>{words.clock_time(row['at_at'])}</time> <b>{escape(cards.change_words(row))}</b> "
        f"<small>{escape(place)}</small></li>"
    )


def regions(seen: View) -> None:
    """The regions side by side; their order is that of the trouble."""
    if _looked_at(seen) is not None:
        st.html(seen.made(_regions_table))


def _looked_at(seen: View) -> str | None:
    """The checklist that was chosen, else the one that matters now."""
    return seen.form or seen.figure(room.focus)


def _form(seen: View) -> dict[str, str]:
    """The chosen checklist, as the queries take it; none chosen: late with any."""
    return {"form": seen.form} if seen.form else {}


def _regions_table(seen: View) -> str:
    rows = seen.figure(room.regions, **_form(seen), **({"district": seen.district} if seen.district else {}))
    if seen.district:
        rows = rows[rows["expected"] > 0]
    elif seen.region:
        rows = rows[rows["region"] == seen.region]
    device = room.device(seen.moment.election)
    failed = _("Failed: {device}").format(device=charts_day.device(device)) if device else ""
    heads = [_("Region"), _("Received"), _("Late"), _("Incident reports"), *([failed] if failed else []), _("Turnout")]
    if "hour" in rows and rows["hour"].notna().any():
        heads[-1] = _("Turnout at {hour}").format(hour=rows["hour"].dropna().iloc[0])
    body = "".join(_region_row(row, bool(device)) for row in rows.to_dict("records"))
    marks = ("", "", *(" class=bk-number" for _right in heads[2:]))
    head = "".join(f"<th{mark}>{escape(h)}</th>" for mark, h in zip(marks, heads, strict=True))
    table = f"<table class='bk-table'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    title = shell.heading_html(_("Regions, most late PECs first"), _of_which(seen))
    return f"{title}<div class='scrolls'>{table}</div>{_legend()}"


def _of_which(seen: View) -> str:
    """Which checklists the columns are about."""
    form = names.form(str(_looked_at(seen)))
    return form if seen.form else _("Received: {checklist}. Late: PECs late with any checklist.").format(checklist=form)


def _region_row(row: dict[Any, Any], with_device: bool) -> str:
    bar = "".join(
        f"<i style='flex:{row[state]};background:{colour}' title='{escape(names.state(state))}: {row[state]}'></i>"
        for state, colour in colours.STATES.items()
        if row[state]
    )
    failed = f"<td class='bk-number'>{_failed(row)}</td>"
    critical = n_("{n} critical", "{n} critical", row["critical"]).format(n=row["critical"]) if row["critical"] else ""
    return (
        f"<tr><td><b>{escape(names.region(row['region']))}</b></td>"
        f"<td>{words.fraction(row['received'], row['expected'])}<div class='bk-bar'>{bar}</div></td>"
        f"<td class='bk-number'><b>{words.number(row['pecs_late'])}</b></td>"
        f"<td class='bk-number'>{words.number(row['incidents'])}<small>{escape(critical)}</small></td>"
        f"{failed if with_device else ''}<td class='bk-number'>{_turnout(row)}</td></tr>"
    )


def _failed(row: dict[Any, Any]) -> str:
    """The share of PECs whose device failed, if there is one, and how many did, of those that said."""
    of = words.fraction(row["failed"], row["failed_n"]) if row["failed_n"] > 0 else ""
    share = _no_estimate() if words.missing(row["failed_value"]) else words.percent(row["failed_value"])
    return f"{share}<small>{of}</small>"


def _no_estimate() -> str:
    return f"<small>{escape(_('no estimate yet'))}</small>"


def _turnout(row: dict[Any, Any]) -> str:
    if words.missing(row.get("turnout")) or row.get("turnout_light") == "red":
        return _no_estimate()
    between = _("{low} to {high}").format(
        low=words.percent(row["turnout_low"]), high=words.percent(row["turnout_high"])
    )
    return f"{words.percent(row['turnout'])}<small>{escape(between)}</small>"


def _legend() -> str:
    marks = "".join(
        f"<span><i style='background:{colour}'></i>{escape(names.state(state))}</span>"
        for state, colour in colours.STATES.items()
    )
    return f"<div class='bk-legend'>{marks}</div>"


def late_map(seen: View) -> None:
    """Where the late ones are."""
    if _looked_at(seen) is None or seen.moment.election.map is None:
        return
    columns = {
        "region": shell.Column(_("Region"), names.region),
        "pecs_late": shell.Column(_("Late"), words.number),
        "pecs_of": shell.Column(_("Expected"), words.number),
    }
    charts.draw(seen.made(_late_map), "late_map", seen.figure(room.regions, **_form(seen)), columns)


def _late_map(seen: View) -> charts.Spec:
    return packed(_map(seen.figure(room.regions, **_form(seen)), seen.form, str(seen.moment.election.map)))


def _map(rows: pd.DataFrame, form: str | None, file: str) -> charts.Spec:
    late = zip(rows["value"], rows["pecs_late"], rows["pecs_of"], strict=True)
    written = rows.assign(
        written=rows["pecs_late"].map(words.number),
        share=[words.share(value, n, of) for value, n, of in late],
        value=rows["value"].fillna(0.0),
    )
    title = _("PECs late with this checklist, by region: {checklist}").format(checklist=names.form(form or ""))
    return charts_map.regions(
        written[["region", "value", "written", "share"]],
        Path(file),
        title if form else _("PECs late with any checklist, by region"),
        _("Map of the regions: number of PECs that are late."),
        shade="value",
        colour=colours.STATES["late"],
        written="written",
        tooltips={"share": _("Late")},
        full=0.5,
    )
