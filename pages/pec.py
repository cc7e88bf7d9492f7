"""One PEC's day on one panel: who and where, what came and when, what was corrected, what contradicts."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import (
    cards,
    charts,
    charts_day,
    charts_turnout,
    falling,
    lists,
    names,
    pec_answers,
    pec_day,
    pec_protocol,
    reports,
    settling,
    shell,
    words,
)
from pages.view import View
from pages.words import _, n_
from queries import pec, turnout
from queries.pec import Pec


def page() -> None:
    code = str(st.session_state.get("pec") or "").strip()
    shell.title(cards.pec_words(code) if code else _("One polling station's day"))
    if not code:
        return shell.empty(_("Type a PEC's number into the box above."))
    shell.live(_panel)


def _panel(seen: View) -> None:
    code = str(st.session_state.get("pec") or "").strip()
    one = seen.figure(pec.pec, code=code, contacts=True)
    if not one.known and not one.watched:
        return shell.empty(_("There is no PEC {code} on the list of this election.").format(code=words.beginning(code)))
    if not one.watched:
        said = _("Nobody watches PEC {code}: it is not in the sample, and nobody has reported from it.")
        shell.banner(said.format(code=words.beginning(code)))
    left, right = st.columns([2, 3], gap="large")
    with left:
        _who_and_where(one)
    with right:
        _day(seen, one)
        _turnout(seen, one)
    pec_answers.checklists(seen, one)
    settling.part(seen, one)
    _incidents(seen, one)
    _episodes(one)
    pec_protocol.panel(seen, one)


def _who_and_where(one: Pec) -> None:
    """Place, voters, sample; observers and their telephones."""
    place = one.place
    facts = [
        (_("Region"), names.region(place.get("region"))),
        (_("District"), names.district(place.get("district"))),
        (_("Raion or city"), place.get("area")),
        (_("Settlement"), place.get("settlement")),
        (_("Voters on the list"), words.number(place.get("registered_voters"))),
        (_("Voters outside the premises"), words.number(place.get("mobile_applications"))),
        (_("Sample"), _("in the sample") if place.get("in_sample") else _("not in the sample")),
    ]
    people = "".join(
        f"<dt>{escape(names.reporter(row['role']))}</dt><dd>{_person(row)}</dd>"
        for row in one.observers.to_dict("records")
    )
    if not len(one.observers):
        facts.append((_("Observers"), _("none is named for this PEC")))
    told = {k: words.beginning(str(v)) for k, v in facts if not words.missing(v) and v != ""}
    known = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in told.items())
    lists.style()
    st.html(f"<dl class='bk-facts'>{known}{people}</dl>")


def _person(row: dict[Any, Any]) -> str:
    numbers = [n for n in (row["phone"], row["backup_phone"]) if not words.missing(n) and n]
    heard = _("last heard {time}").format(time=words.clock_time(row["heard_at"]))
    small = [
        row["observer"],
        _("coordinator {code}").format(code=row["coordinator"]) if row["coordinator"] else "",
        heard,
    ]
    name = row["observer"] if words.missing(row["full_name"]) else row["full_name"]
    return (
        f"{escape(words.beginning(str(name)))} {' '.join(lists.telephone(str(n)) for n in numbers)}"
        f"<br><small>{escape(' · '.join(words.beginning(str(s)) for s in small if s))}</small>"
    )


def _day(seen: View, one: Pec) -> None:
    rows = pec_day.events(one, seen.moment.at)
    title = _("What came from PEC {code}, on the day's clock").format(code=words.beginning(one.code))
    spec = seen.spec("pec_day", lambda: charts_day.timeline(rows, seen.moment.at, title), one.code)
    if not spec:
        return shell.empty(_("Nothing has come from this PEC yet."))
    columns = {
        "at_at": shell.Column(_("Time"), words.clock_time),
        "lane": shell.Column(_("What")),
        "words": shell.Column(_("Said"), width="large"),
    }
    charts.draw(spec, "pec_day", rows, columns)


def _turnout(seen: View, one: Pec) -> None:
    region = one.place.get("region")
    if one.counts.empty or not region:
        return
    around = seen.figure(turnout.turnout, by=("hour", "region"), region=region)
    spec = seen.spec(
        "pec_turnout",
        lambda: charts_turnout.of_a_pec(one.counts, around, names.region(region)),
        one.code,
    )
    columns = {
        "hour": shell.Column(_("Hour")),
        "count": shell.Column(_("Voters who have voted"), words.number),
        "conflict": shell.Column(_("Observers differ")),
        "fell": shell.Column(_("Lower than before")),
    }
    if spec:
        charts.draw(spec, "pec_turnout", _said(one.counts, "conflict", "fell"), columns)
    taken = seen.figure(turnout.accepted)
    for row in taken[taken["pec"] == one.code].to_dict("records"):
        st.caption(words.verbatim(falling.decided(row)))


def _incidents(seen: View, one: Pec) -> None:
    if len(one.incidents):
        count = n_("{n} incident report", "{n} incident reports", len(one.incidents))
        shell.heading(count.format(n=words.number(len(one.incidents))))
        reports.of_a_pec(seen, one.incidents)


def _episodes(one: Pec) -> None:
    if one.episodes.empty:
        return
    shell.heading(_("Equipment failures"))
    columns = {
        "device": shell.Column(_("Device"), charts_day.device),
        "state": shell.Column(_("State"), charts_day.episode_state),
        "from_at": shell.Column(_("From"), words.clock_time),
        "to_at": shell.Column(_("To"), words.clock_time),
        "minutes": shell.Column(_("Lasted"), words.minutes),
        "replaced": shell.Column(_("Replaced by a box")),
    }
    shell.table(_said(one.episodes, "replaced"), columns, "pec_episodes")


def _said(rows: pd.DataFrame, *truths: str) -> pd.DataFrame:
    """Truths as words: a table draws them as boxes to tick otherwise."""
    return rows.assign(**{name: rows[name].map({True: _("yes"), False: ""}) for name in truths})
