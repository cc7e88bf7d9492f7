"""The overview's own chart: what has been received of each checklist, through the day."""

from datetime import datetime

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import FAINT, TEXT, Spec
from pages.words import _

_ROW = 58  # pixels of a checklist: its name above, its area, when it is due below
_TOP, _BASE, _NAME, _DUE = 0.26, 0.73, 0.12, 0.86  # parts of a row


def coverage_through_the_day(arrivals: pd.DataFrame, checklists: pd.DataFrame, now: datetime, until: datetime) -> Spec:
    """A row a checklist: what has been received as an area under the line of what is expected; when it is due; now,
    while that is no later than `until`, where the axis ends.

    arrivals: form, minute_at, received (so far), expected; checklists: form, expected, received, opens_at, due_at.
    """
    if checklists.empty:
        return {}
    rows = pd.DataFrame(
        {
            "row": range(len(checklists)),
            "name": [
                f"{names.form(form)} · {words.fraction(n, of)}"
                for form, n, of in zip(checklists["form"], checklists["received"], checklists["expected"], strict=True)
            ],
            "opens": charts.on_clock(checklists["opens_at"]),
            "due": charts.on_clock(checklists["due_at"]),
            "due_word": [_("due {time}").format(time=words.clock_time(at)) for at in checklists["due_at"]],
        }
    )
    for part, place in (("top", _TOP), ("base", _BASE), ("word", _NAME), ("due_word_at", _DUE)):
        rows[part] = rows["row"] + place
    rows["now"] = charts.clock_point(now) if now <= until else None
    first = checklists["opens_at"].min()
    rows["late_in_day"] = (checklists["due_at"] > first + (until - first) / 2).to_numpy()
    day = [f"{words.local(at):%Y-%m-%dT%H:%M:%S}Z" for at in (first, until)]
    x = charts.time_x("at", grid=False).scale(type="utc", domain=day)  # as text: Vega takes numbers for no time here
    y = alt.Y("base:Q", scale=alt.Scale(domain=[0, len(rows)], reverse=True, nice=False), axis=None)
    due = charts.tooltip(name=_("Checklist"), due_word=_("Due"))
    area = alt.Chart(charts.data("steps")).mark_area(
        color=colours.STATES["received"], interpolate="step-after", opacity=0.85, tooltip=False
    )
    each = alt.Chart(charts.data())
    words_of_due = each.encode(x="due:T", y="due_word_at:Q", text="due_word:N", tooltip=due)
    dues = [  # each word at its rule, on the side where there is room
        words_of_due.transform_filter("!datum.late_in_day").mark_text(align="left", fontSize=11, color=TEXT),
        words_of_due.transform_filter("datum.late_in_day").mark_text(align="right", fontSize=11, color=TEXT),
    ]
    chart = alt.layer(
        area.encode(x=x, y=y, y2="high:Q", detail="form:N"),
        each.mark_rule(color=FAINT).encode(x="opens:T", x2=alt.value("width"), y="top:Q"),
        each.mark_rule(color=FAINT).encode(x="opens:T", x2=alt.value("width"), y="base:Q"),
        each.mark_rule(color=colours.STATES["late"], strokeDash=[4, 2], strokeWidth=2).encode(
            x="due:T", y="top:Q", y2="base:Q", tooltip=due
        ),
        *dues,
        # now, in each row alone: a line from row to row would cross the names of checklists
        each.transform_filter("datum.now !== null")
        .mark_rule(color=TEXT, strokeWidth=1.5)
        .encode(x="now:T", y="top:Q", y2="base:Q"),
        each.mark_text(align="left", fontSize=12, fontWeight=600, color=TEXT).encode(
            x=alt.value(0), y="word:Q", text="name:N"
        ),
    )
    return charts.spec(
        chart,
        _("PECs that have sent each checklist, through the day"),
        _("Areas: received checklists by time, a row for each checklist, under the line of what is expected."),
        _ROW * len(rows),
        rows=rows,
        steps=_steps(arrivals, checklists, min(now, until)),
    )


def _steps(arrivals: pd.DataFrame, checklists: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Each checklist's curve from its opening until now, as heights in its row."""
    row = {form: place for place, form in enumerate(checklists["form"])}
    first = checklists.assign(minute_at=checklists["opens_at"], received=0)
    last = checklists.assign(minute_at=pd.Timestamp(now))
    steps = pd.concat([f[["form", "minute_at", "received", "expected"]] for f in (first, arrivals, last)])
    steps = steps[steps["form"].isin(row) & (steps["minute_at"] <= pd.Timestamp(now)) & (steps["expected"] > 0)]
    steps = steps.sort_values(["form", "minute_at"], kind="stable")
    steps["base"] = steps["form"].map(row) + _BASE
    steps["high"] = steps["base"] - (_BASE - _TOP) * (steps["received"] / steps["expected"])
    steps["at"] = charts.on_clock(steps["minute_at"])
    return steps[["form", "at", "base", "high"]]
