"""Charts of the commission's results: machine and manual side by side, and how much has been counted."""

from datetime import datetime

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import TEXT, Spec
from pages.words import _

_NAMES = 160  # pixels for the names of lists
_MACHINE = "#B5B5B5"  # lighter than the manual count's grey; both are the commission's


def count_kind(id: str) -> str:
    return {"machine": _("machine count"), "manual": _("manual count")}.get(id, id)


def lists(frame: pd.DataFrame) -> Spec:
    """Each list's votes by machine and by hand on the PECs that have both. frame: list, machine, manual, pecs."""
    if frame.empty or not frame["pecs"].max():
        return {}
    long = frame.melt(["list"], ["machine", "manual"], var_name="count", value_name="votes")
    long["name"] = long["list"].map(names.list_of_candidates)
    long["word"] = long["count"].map(count_kind)
    long["text"] = long["votes"].map(words.number)
    order = [names.list_of_candidates(i) for i in frame.sort_values("manual", ascending=False)["list"]]
    known = {count_kind("machine"): _MACHINE, count_kind("manual"): colours.COMMISSION}
    most = float(long["votes"].max())
    base = alt.Chart(charts.data()).encode(
        y=alt.Y("name:N", sort=order, axis=alt.Axis(title=None, labelLimit=_NAMES)),
        yOffset=alt.YOffset("word:N", sort=list(known)),
        x=alt.X(
            "votes:Q", axis=charts.count_axis(_("votes")), scale=alt.Scale(domain=[0, most * 1.25 or 1], nice=False)
        ),
        tooltip=charts.tooltip(name=_("List"), word=_("Count"), text=_("Votes")),
    )
    chart = alt.layer(
        base.mark_bar().encode(color=charts.colour("word", known, beside=_NAMES)),
        base.mark_text(align="left", dx=3, fontSize=11, color=TEXT).encode(text="text:N"),
    )
    pecs = words.number(frame["pecs"].max())
    return charts.spec(
        chart,
        _("Votes by list on the {n} PECs that have both counts, as the commission published them").format(n=pecs),
        _("Bars: each list's votes by machine and by hand, side by side."),
        36 * len(order),
        rows=long[["name", "word", "votes", "text"]],
    )


def one_count(frame: pd.DataFrame, count: str) -> Spec:
    """Each list's votes by one count. frame: list, votes, share, base, pecs, of (of this count)."""
    if frame.empty or not frame["pecs"].max():
        return {}
    rows = frame.sort_values("votes", ascending=False)
    rows = rows.assign(
        name=rows["list"].map(names.list_of_candidates),
        text=[words.share(s, v, b) for s, v, b in zip(rows["share"], rows["votes"], rows["base"], strict=True)],
        written=rows["share"].map(words.percent),
    )
    most = float(rows["share"].max())
    base = alt.Chart(charts.data()).encode(
        y=alt.Y("name:N", sort=list(rows["name"]), axis=alt.Axis(title=None, labelLimit=_NAMES)),
        x=alt.X(
            "share:Q", axis=charts.percent_axis(_("share of ballots")), scale=alt.Scale(domain=[0, most * 1.2 or 1])
        ),
        tooltip=charts.tooltip(name=_("List"), text=_("Votes")),
    )
    chart = alt.layer(
        base.mark_bar(color=_MACHINE if count == "machine" else colours.COMMISSION),
        base.mark_text(align="left", dx=3, fontSize=11, color=TEXT).encode(text="written:N"),
    )
    title = _("Share of ballots by list, {count} of {pecs} PECs, as the commission published it")
    pecs = words.fraction(rows["pecs"].max(), rows["of"].max())
    return charts.spec(
        chart,
        title.format(count=count_kind(count), pecs=pecs),
        _("Bars: each list's share of the ballots, as the commission published it."),
        24 * len(rows),
        rows=rows[["name", "share", "text", "written"]],
    )


_FEW = 6  # points that are hardly a line yet, and are drawn larger


def counted(frame: pd.DataFrame, since: datetime, now: datetime) -> Spec:
    """The share of PECs whose result was published, as it grew. frame: count, at_at, pecs, of, value."""
    rows = frame[frame["at_at"].notna()].copy()
    if rows.empty:
        return {}
    rows["at"] = charts.on_clock(rows["at_at"])
    rows["word"] = rows["count"].map(count_kind)
    rows["clock"] = rows["at_at"].map(words.clock_time)
    rows["text"] = [words.share(v, n, of) for v, n, of in zip(rows["value"], rows["pecs"], rows["of"], strict=True)]
    known = {count_kind(kind): colours.COMMISSION for kind in ("machine", "manual")}
    base = alt.Chart(charts.data()).encode(
        x=charts.time_x("at", [charts.clock_point(since), charts.clock_point(now)]),
        y=alt.Y("value:Q", axis=charts.percent_axis(_("PECs published")), scale=alt.Scale(domain=[0, 1])),
        tooltip=charts.tooltip(clock=_("Time"), word=_("Count"), text=_("PECs published")),
    )
    dashes = alt.StrokeDash(
        "word:N",
        scale=alt.Scale(domain=list(known), range=[[4, 3], [1, 0]]),
        legend=charts.legend(list(known), symbolType="stroke", symbolSize=300),
    )
    chart = alt.layer(
        base.mark_line(interpolate="step-after", strokeWidth=2, color=colours.COMMISSION).encode(strokeDash=dashes),
        base.mark_point(
            shape="diamond", size=14 if len(rows) > _FEW else 70, filled=True, color=colours.COMMISSION, opacity=0.8
        ),
    )
    return charts.spec(
        chart,
        _("Share of PECs whose result the commission has published, through the night"),
        _("Lines on the clock: the share of PECs published by machine count and by manual count."),
        190,
        rows=rows[["at", "word", "clock", "text", "value"]],
    )
