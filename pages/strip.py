"""What stands on every page: the strip with clock and ages, the filters, the PEC box, as of, and the banners."""

from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
import streamlit as st

from pages import address, alarms, names, pulse, refused, shell, view, words
from pages.present import present
from pages.words import _, label
from queries import health, snapshot
from queries.moment import Moment, here

_STYLE = Path(__file__).parent / "style.css"
ICON = str(Path(__file__).parent / "icon.png")


def style() -> None:
    """The look of everything that is drawn as HTML."""
    st.html(_STYLE)


def choose_language() -> None:
    """The switch in the sidebar, `?lang=`; no choice made, the browser's language where it is offered."""
    offered = here()[1].languages
    st.sidebar.segmented_control(
        "EN / RU / KY",
        offered,
        default=words.preferred(st.context.locale, offered),
        key="lang",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )


def strip(controls: bool = True) -> None:
    """Country, date, clock, ages of the sources; then filters, PEC box and as of, where there are `controls`."""
    shell.live(_line, in_outage=_last_line)
    shell.live(refused.banner)
    if not controls:
        return
    with st.container(key="bk_filters", horizontal=True, vertical_alignment="bottom"):
        address.choose("region", _("All regions"), {r.id: label(r.name) for r in here()[1].regions if not r.abroad})
        address.choose("district", _("All districts"), _districts())
        st.text_input(
            _("PEC number"),
            key="pec_box",
            placeholder=_("PEC number…"),
            label_visibility="collapsed",
            icon=":material/search:",
            on_change=_open_typed,
            width=170,
        )
        address.choose("as_of", _("as of: now"), _moments(), width=230)


def choose_form(forms: list[str] | None = None, everything: str | None = None) -> None:
    """The filter by checklist, drawn by the pages that use it; it stays in the address on all of them."""
    address.choose(
        "form", everything or _("All checklists"), {f: names.form(f) for f in forms or here()[1].forms}, width=320
    )


def _districts() -> dict[str, str]:
    region = st.session_state.get("region")
    return {d.id: names.district(d.id) for d in here()[1].districts if not region or d.region == region}


def _moments() -> dict[str, str]:
    """The hours to look back to, newest first; one that the address names stands among them."""
    hours = view.hours(snapshot.current().moment.at)
    if (chosen := view.moment_of(st.session_state.get("as_of"))) and chosen not in hours:
        hours = sorted([*hours, chosen])
    said = _("as of: {time}")
    moments = {_hour(at): said.format(time=words.clock_time(at)) for at in reversed(hours)}
    if chosen:  # as the address wrote it
        moments[st.session_state["as_of"]] = said.format(time=words.clock_time(chosen))
    return moments


def _hour(at: datetime) -> str:
    local = words.local(at)
    return f"{local:%H:%M}" if local.date() == here()[1].date else f"{local:%Y-%m-%dT%H:%M}"


def _open_typed() -> None:
    typed = st.session_state["pec_box"].strip()
    st.session_state["pec_box"] = ""
    if typed:
        shell.open_pec(typed)


def _line(seen: view.View) -> None:
    """The line itself: of now, where clock and ages go on by themselves (pages/pulse.js), or of a past moment."""
    if seen.as_of is None:
        sources = present.known().sources
        stale = present.said("stale", _stale_sources)
        inner, key = present.said("strip", _written_line), pulse.key(seen.snapshot, sources)
        st.html(f"<div class='bk-strip' data-key='{escape(key)}'>{inner}</div>{_note()}{stale}")
        return
    at = f"{words.date(words.local(seen.as_of))}, {words.local(seen.as_of):%H:%M}"
    past = _("You are looking at {time}: what was known then, not now.").format(time=at)
    inner = _written_line(seen.moment, seen.figure(health.health), goes_on=False)
    st.html(f"<div class='bk-strip'>{inner}</div>{_note()}" + shell.banner_html(past, "amber"))


def _last_line() -> None:
    """The line of now above a past moment that nobody can ask the store for."""
    try:
        inner = present.said("strip", _written_line)
    except sa.exc.SQLAlchemyError:  # it has not answered since the start
        return shell.broken()
    st.html(f"<div class='bk-strip'>{inner}</div>{_note()}")


def _stale_sources(_moment: Moment, sources: pd.DataFrame) -> str:
    rows = sources.to_dict("records")
    red = [row for row in rows if row["state"] == "red" and not present.broken]  # then it is the store's fault
    stale = "".join(shell.banner_html(_stale(row), "red") for row in red)
    told = [said for row in rows for said in alarms.short(row["source"], row["alarms"])]
    told += [_clock(whose, seconds) for whose, seconds in present.clocks.items()]
    if present.unjudged and not present.broken:
        told.append(_("The checks of what the commission published cannot be made. The server's log says why."))
    return stale + "".join(shell.banner_html(said, "red") for said in told)


def _clock(whose: str, seconds: int) -> str:
    said = {
        "machine": _(
            "The clock of the monitor's machine was moved by {time} while it ran. Times and ages may be wrong by as "
            "much."
        ),
        "store": _(
            "The clock of the store's database and that of the monitor's machine are {time} apart. Times and ages may "
            "be wrong by as much."
        ),
    }[whose]
    return said.format(time=words.duration(abs(seconds)))


def _written_line(moment: Moment, sources: pd.DataFrame, goes_on: bool = True) -> str:
    """Country, date, clock and ages; whether it is a rehearsal."""
    election = moment.election
    badge = _("REHEARSAL")
    time = words.clock_time(moment.at, seconds=True)
    clock = pulse.time_goes_on(moment.at, time) if goes_on else escape(time)
    parts = [
        f"<span class='bk-where'>{escape(label(election.country))} · {escape(words.date(election.date))}</span>",
        f"<span class='bk-rehearsal'>{escape(badge)}</span>" if election.rehearsal else "",
        f"<span class='bk-clock'>{clock} <small>({words.offset(moment.at)})</small></span>",
        *(_age(row, goes_on) for row in sources.to_dict("records")),
    ]
    return "".join(parts)


def _note() -> str:
    """Below the line, in a rehearsal: what it is made of."""
    return f"<div class='bk-note'>{escape(_rehearsed())}</div>" if here()[1].rehearsal else ""


def _rehearsed() -> str:
    return _("Rehearsal: totals as published, single rows synthetic")


def _age(row: dict[Any, Any], goes_on: bool) -> str:
    """'observers 12 s', with the word where it is late, and when the data last changed."""
    word = {"amber": _("late"), "red": _("stale"), "never": _("no answer yet")}.get(row["state"], "")
    changed = _("changed {time}").format(time=words.clock_time(row["last_change_at"]))
    return (
        f"<span class='bk-age bk-{escape(row['state'])}' {pulse.goes_on(row) if goes_on else ''}>"
        f"{escape(names.source(row['source']))} <b data-age>{words.duration(row['age'])}</b> "
        f"<span data-late>{escape(word)}</span> <small>{escape(changed)}</small></span>"
    )


def _stale(row: dict[Any, Any]) -> str:
    name = names.source(row["source"])
    if pd.isna(row["last_success_at"]):
        return _("No answer yet from: {source}.").format(source=name)
    return _("{source}: last good data of {time}, marked stale. It stays on the screen until new data comes.").format(
        source=name, time=words.clock_time(row["last_success_at"])
    )
