"""Charts along the day's clock: equipment failures as bars, and everything that happened at one PEC."""

from datetime import datetime

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import Spec
from pages.words import _

_ROW = 20
EPISODES = {"open": colours.STATES["late"], "end_unknown": colours.STATES["incomplete"], "ended": colours.OBSERVERS}


def episode_state(state: str) -> str:
    return {"open": _("open now"), "end_unknown": _("end unknown"), "ended": _("ended")}.get(state, state)


def device(id: str) -> str:
    return {"arbb": _("ARBB"), "identification": _("Voter identification")}.get(id) or names.choice(id)


def episodes(frame: pd.DataFrame, now: datetime, title: str) -> Spec:
    """Failures as bars, a row a PEC in the frame's order; open ones run to now.

    One whose end is unknown is a bar until the last news of it, and a thin dashed line from there on.
    frame: pec, region, device, from_at, to_at, news_at, state.
    """
    rows = frame[frame["from_at"].notna()].copy()
    if rows.empty:
        return {}
    rows["start"] = charts.on_clock(rows["from_at"])
    unknown = rows["state"] == "end_unknown"
    rows["end"] = charts.on_clock(rows["to_at"].fillna(rows["news_at"].where(unknown)).fillna(pd.Timestamp(now)))
    rows["since"] = [end if lost else None for end, lost in zip(rows["end"], unknown, strict=True)]
    rows["row"] = [_("PEC {code}").format(code=words.beginning(code)) for code in rows["pec"]]
    rows["word"] = rows["state"].map(episode_state)
    rows["place"] = rows["region"].map(names.region)
    rows["what"] = rows["device"].map(device)
    rows["times"] = [
        f"{words.clock_time(start)}–{words.clock_time(end) if not words.missing(end) else '…'}"
        for start, end in zip(rows["from_at"], rows["to_at"], strict=True)
    ]
    rows["news"] = rows["news_at"].map(words.clock_time)
    known = {episode_state(s): colour for s, colour in EPISODES.items()}
    y = alt.Y(
        "row:N", sort=list(dict.fromkeys(rows["row"])), axis=alt.Axis(title=None, labelLimit=90, labelOverlap=False)
    )
    present = charts.clock_point(now)
    first = min(rows["start"])
    last = max(present, first + 3_600_000)
    base = alt.Chart(charts.data()).encode(y=y)
    bars = base.mark_bar(height=11, minBandSize=3).encode(
        x=charts.time_x("start", [first, last + 0.03 * (last - first)]),
        x2="end:T",
        color=charts.colour("word", known),
        tooltip=charts.tooltip(
            row=_("PEC"), place=_("Region"), what=_("Device"), times=_("Time"), news=_("Last news"), word=_("State")
        ),
    )
    doubtful = base.mark_rule(strokeDash=[3, 3], strokeWidth=1.5, color=colours.STATES["incomplete"]).encode(
        x="since:T", x2=alt.datum(present), tooltip=alt.value(None)
    )
    running = (
        base.mark_point(shape="triangle-right", size=70, filled=True, opacity=1, xOffset=1)
        .transform_filter(alt.FieldOneOfPredicate(field="state", oneOf=["open"]))
        .encode(x="end:T", color=charts.colour("word", known), tooltip=alt.value(None))
    )
    return charts.spec(
        alt.layer(doubtful, bars, running),
        title,
        _("Bars on the day's clock: when each failure began and ended; open ones run to now."),
        _ROW * rows["row"].nunique(),
        rows=rows[["row", "start", "end", "word", "state", "place", "what", "times", "news", "since"]],
    )


def timeline(frame: pd.DataFrame, now: datetime, title: str) -> Spec:
    """Everything of one PEC's day, in lanes. frame: lane, at_at, to_at (of what lasts), words, mark (reported, alarm,
    published)."""
    if frame.empty:
        return {}
    rows = frame.copy()
    rows["at"], rows["to"] = charts.on_clock(rows["at_at"]), charts.on_clock(rows["to_at"])
    rows["clock"] = rows["at_at"].map(words.clock_time)
    named = {
        "reported": (_("reported"), colours.OBSERVERS, "circle"),
        "alarm": (_("contradicts or alarms"), colours.STATES["late"], "triangle-up"),
        "published": (_("published by the commission"), colours.COMMISSION, "diamond"),
    }
    seen = {mark: own for mark, own in named.items() if mark in set(rows["mark"])}
    rows["mark"] = [named[mark][0] for mark in rows["mark"]]
    marks = {word: colour for word, colour, _shape in seen.values()}
    shapes = [shape for _word, _colour, shape in seen.values()]
    y = alt.Y(
        "lane:N",
        sort=list(dict.fromkeys(rows["lane"])),
        axis=alt.Axis(title=None, labelLimit=170, grid=True, labelOverlap=False),
    )
    tip = charts.tooltip(clock=_("Time"), lane=_("What"), words=_("Said"))
    low = min(v for v in rows["at"] if v is not None)
    high = max([charts.clock_point(now), *(v for v in (*rows["at"], *rows["to"]) if v is not None)])
    base = alt.Chart(charts.data()).encode(y=y, tooltip=tip, color=charts.colour("mark", marks))
    x = charts.time_x("at", [low - 900_000, high + 900_000])
    lasting = base.mark_bar(height=9, opacity=0.75).encode(x=x, x2="to:T")
    points = base.mark_point(size=90, filled=True, opacity=0.9).encode(
        x=x,
        shape=alt.Shape("mark:N", scale=alt.Scale(domain=list(marks), range=shapes), legend=None),
    )
    return charts.spec(
        alt.layer(lasting, points),
        title,
        _("Marks on the day's clock: when each report, incident and failure came."),
        30 * rows["lane"].nunique(),
        rows=rows[["lane", "at", "to", "clock", "words", "mark"]],
    )
