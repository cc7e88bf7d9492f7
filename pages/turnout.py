"""Turnout: the observers' estimate under its light, beside what the commission published for the same hour."""

from typing import Any

import pandas as pd
import streamlit as st

from pages import (
    charts,
    charts_estimates,
    charts_turnout,
    falling,
    names,
    shell,
    stability,
    turnout_held,
    turnout_words,
    words,
)
from pages.shell import Card, Tone
from pages.turnout_words import light_word, points
from pages.view import View
from pages.words import _
from queries import turnout

_TONES: dict[str, Tone] = {"green": "green", "amber": "amber", "red": "red"}


def page() -> None:
    shell.title(_("Turnout"), _("Share of the voters on the list who have voted, estimated from the sampled PECs."))
    shell.live(_contests)


def _contests(seen: View) -> None:
    election = seen.moment.election
    contests = [c.id for c in election.contests if any(f.contest == c.id and f.hour for f in election.checklists)]
    shell.by_region_at_most(seen)
    several = len(contests) > 1
    titles = [words.verbatim(names.contest(c)) for c in contests]
    tabs = st.tabs(titles) if several else [st.container() for _contest in contests]
    for contest, tab in zip(contests, tabs, strict=True):
        with tab:
            _contest(seen, contest)


def _contest(seen: View, contest: str) -> None:
    region = {"region": seen.around} if seen.around else {}
    hours = seen.figure(turnout.turnout, contest=contest, by=("hour",), **region)
    hours = hours[(hours["n"] > 0) | hours["published"].notna()]
    if hours.empty:
        first = next(c.hour for c in seen.moment.election.checklists if c.contest == contest and c.hour)
        return shell.empty(turnout_words.expected(seen, str(first)))
    hour = _chosen_hour(hours, contest)
    row: dict[Any, Any] = hours[hours["hour"] == hour].iloc[0].to_dict()
    shell.figure_cards([_ours(row), _theirs(row), _margins(row), _origin(row)])
    if row["light"] == "red":
        _missing(seen, row)
    else:
        _by_hour(seen, hours, contest)
        _why(row)
    turnout_held.part(seen, row)
    if row["light"] != "red":
        stability.parts(seen, contest, row["hour"])
    _strata(seen, contest, row)
    falling.part(seen, contest)


def _chosen_hour(hours: pd.DataFrame, contest: str) -> str:
    """The hour that was chosen; unless one was, the latest whose figure may be shown."""
    shown = hours[hours["light"] != "red"]
    latest = str((shown if len(shown) else hours)["hour"].iloc[-1])
    chosen = st.segmented_control(
        _("hour of the count"),
        ["", *hours["hour"]],
        format_func=lambda hour: hour or _("latest"),
        default="",
        key=f"turnout_hour_{contest}",
        label_visibility="collapsed",
    )
    return chosen or latest


def _ours(row: dict[Any, Any]) -> Card:
    title = _("Observers, {hour}").format(hour=row["hour"])
    interval = "" if words.missing(row["value"]) else words.interval(row["low"], row["high"], row["confidence"])
    lines = (interval, turnout_words.rests_on(row), turnout_words.merged(row))
    return Card(title, words.percent(row["value"]), lines, _TONES.get(row["light"], ""), light_word(row["light"]))


def _theirs(row: dict[Any, Any]) -> Card:
    title = _("Commission, {hour}").format(hour=row["hour"])
    if words.missing(row["published"]):
        return Card(title, words.NOTHING, (_("nothing published for this hour yet"),))
    voters = _("{voted} of {registered} voters inside the country")
    lines = (
        voters.format(voted=words.number(row["published_voted"]), registered=words.number(row["published_registered"])),
        _("known here since {time}").format(time=words.clock_time(row["published_at"])),
    )
    return Card(title, words.percent(row["published"], 2), lines)


def _margins(row: dict[Any, Any]) -> Card:
    """The declared margin; where the interval shown is wider, half of that, since that is what may be said."""
    if words.missing(row["publish_margin"]):
        return Card(_("Margin to publish, in points"), words.NOTHING, turnout_words.margins(row))
    if turnout_words.wider(row):
        shown = f"± {points(row['shown_margin'])}"
        title = _("Margin of the interval shown, in points")
        return Card(title, shown, turnout_words.margins(row), "", _("say the interval"))
    return Card(_("Margin to publish, in points"), f"± {points(row['publish_margin'])}", turnout_words.margins(row))


def _origin(row: dict[Any, Any]) -> Card:
    return Card(_("Counted by observers themselves"), words.number(row["origin_own"]), turnout_words.origin(row))


def _missing(seen: View, row: dict[Any, Any]) -> None:
    """In the chart's place under a red light: what is missing, and when it may be there."""
    shell.heading(_("No number for {hour} yet: what is missing").format(hour=row["hour"]))
    for why in row["reasons"]:
        shell.empty(turnout_words.reason(why))
    shell.empty(turnout_words.expected(seen, row["hour"]))


def _why(row: dict[Any, Any]) -> None:
    if row["reasons"]:
        said = [_("Why preliminary:"), *(turnout_words.reason(why) for why in row["reasons"])]
        st.caption(words.verbatim(" ".join(said)))


def _by_hour(seen: View, hours: pd.DataFrame, contest: str) -> None:
    earlier = seen.moment.election.earlier_turnout
    spec = seen.spec("turnout_by_hour", lambda: charts_turnout.by_hour(hours, earlier), contest)
    columns = {
        "hour": shell.Column(_("Hour")),
        "value": shell.Column(_("Observers"), words.percent),
        "low": shell.Column(_("From"), words.percent),
        "high": shell.Column(_("To"), words.percent),
        "margin": shell.Column(_("Margin from the data, points"), points),
        "design_margin": shell.Column(_("Fixed before the day, points"), points),
        "shown_margin": shell.Column(_("Of the interval shown, points"), points),
        "light": shell.Column(_("Light"), light_word),
        "n": shell.Column(_("PECs"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
        "published": shell.Column(_("Commission"), lambda share: words.percent(share, 2)),
    }
    charts.draw(spec, f"turnout_{contest}", hours, columns)


def _strata(seen: View, contest: str, national: dict[Any, Any]) -> None:
    """The regions at that hour: each with its interval, and how many of its PECs have reported."""
    rows = seen.figure(turnout.turnout, contest=contest, by=("hour", "region"), hour=national["hour"])
    title = _("Share of voters who have voted by {hour}, by region").format(hour=national["hour"])
    spec = seen.spec(
        "turnout_strata",
        lambda: charts_estimates.dots(rows, national, title, _("voters who have voted")),
        contest,
        national["hour"],
    )
    columns = {
        "region": shell.Column(_("Region"), names.region),
        "n": shell.Column(_("PECs"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
        "value": shell.Column(_("Observers"), words.percent),
        "low": shell.Column(_("From"), words.percent),
        "high": shell.Column(_("To"), words.percent),
        "light": shell.Column(_("Light"), light_word),
        "published": shell.Column(_("Commission"), lambda share: words.percent(share, 2)),
    }
    if spec:
        charts.draw(spec, f"turnout_strata_{contest}")
    shell.heading(
        _("How many of each region's sampled PECs have reported the count of {hour}").format(hour=national["hour"])
    )
    count = turnout_words.rests_on(national)
    shell.table(rows, columns, f"turnout_strata_{contest}_table", count)
