"""Charts of turnout: the observers' estimate through the day beside the commission's, and one PEC beside its region."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from pages import charts, colours, words
from pages.charts import TEXT, Spec
from pages.words import _


def by_hour(hours: pd.DataFrame, earlier: Mapping[str, float]) -> Spec:
    """Observers solid blue with their interval as a ribbon, the commission as grey diamonds on a dashed line.

    hours: hour ('12:00'), value, low, high (missing under a red light), confidence, n, of, published; earlier: an
    earlier election's day -> its turnout in the end, a thin line with its date.
    """
    if hours.empty or (hours["value"].isna().all() and hours["published"].isna().all()):
        return {}
    rows = hours[["hour", "value", "low", "high", "published"]].copy()
    rows["written"] = [words.percent(v) for v in hours["value"]]
    rows["interval"] = [
        words.NOTHING if words.missing(v) else words.interval(low, high, c)
        for v, low, high, c in zip(hours["value"], hours["low"], hours["high"], hours["confidence"], strict=True)
    ]
    rows["reported"] = [words.fraction(n, of) for n, of in zip(hours["n"], hours["of"], strict=True)]
    rows["theirs"] = [words.percent(v, 2) for v in hours["published"]]
    lines = [
        {
            "share": share,
            "name": _("{date}: {percent}").format(date=words.date(pd.Timestamp(day)), percent=words.percent(share)),
        }
        for day, share in earlier.items()
    ]
    known = {_("observers"): colours.OBSERVERS, _("commission"): colours.COMMISSION}
    x = alt.X("hour:O", axis=alt.Axis(title=_("hour of the count"), labelAngle=0), scale=alt.Scale(padding=0.3))
    y = charts.percent_axis(_("voters who have voted"))
    tip = charts.tooltip(
        hour=_("Hour"), written=_("Observers"), interval=_("Interval"), reported=_("PECs"), theirs=_("Commission")
    )
    base = alt.Chart(charts.data()).encode(x=x, tooltip=tip)
    rows["us"], rows["them"] = known
    ours, theirs = charts.colour("us", known), charts.colour("them", known)
    layers = [
        base.mark_area(opacity=0.22, color=colours.OBSERVERS).encode(y=alt.Y("low:Q", axis=y), y2="high:Q"),
        base.mark_rule(strokeWidth=2, opacity=0.6, color=colours.OBSERVERS).encode(y="low:Q", y2="high:Q"),
        base.mark_line(strokeDash=[5, 4], strokeWidth=1.5).encode(y=alt.Y("published:Q"), color=theirs),
        base.mark_point(shape="diamond", size=90, filled=True, opacity=1).encode(y="published:Q", color=theirs),
        base.mark_line(strokeWidth=2.5).encode(y="value:Q", color=ours),
        base.mark_point(shape="circle", size=70, filled=True, opacity=1).encode(y="value:Q", color=ours),
    ]
    if lines:
        past = alt.Chart(charts.data("earlier")).encode(y="share:Q", tooltip=charts.tooltip(name=_("Earlier election")))
        layers += [
            past.mark_rule(color=colours.EARLIER, strokeWidth=1),
            past.mark_text(color=TEXT, opacity=0.75, fontSize=11, align="left", dy=-6, dx=2).encode(
                x=alt.value(0), text="name:N"
            ),
        ]
    return charts.spec(
        alt.layer(*layers),
        _("Share of voters on the list who have voted, by hour"),
        _("Lines by hour: the observers' estimate with its interval, the commission's figure, earlier elections."),
        300,
        rows=rows,
        earlier=lines,
    )


def of_a_pec(counts: pd.DataFrame, around: pd.DataFrame, region: str) -> Spec:
    """One PEC's counts as a share of the voters on its list, beside the estimate of its region.

    counts: hour, count, share, voters; around: hour, value.
    """
    if not counts["share"].notna().any():
        return {}
    here, there = _("this PEC"), _("{region}, estimate").format(region=region)
    known = {here: colours.OBSERVERS, there: colours.AROUND}
    own = counts[["hour", "count", "share", "voters"]]
    rows = own.merge(around[["hour", "value"]], on="hour", how="outer").sort_values("hour")
    rows["text"] = [
        words.NOTHING if words.missing(n) else words.share(s, n, v)
        for s, n, v in zip(rows["share"], rows["count"], rows["voters"], strict=True)
    ]
    rows["around"] = [words.percent(v) for v in rows["value"]]
    rows["us"], rows["them"] = here, there
    base = alt.Chart(charts.data()).encode(
        x=alt.X("hour:O", axis=alt.Axis(title=_("hour of the count"), labelAngle=0)),
        tooltip=charts.tooltip(hour=_("Hour"), text=here, around=there),
    )
    share = alt.Y("share:Q", axis=charts.percent_axis(_("voters who have voted")))
    chart = alt.layer(
        base.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=25)).encode(
            y="value:Q", color=charts.colour("them", known)
        ),
        base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=60)).encode(
            y=share, color=charts.colour("us", known)
        ),
    )
    return charts.spec(
        chart,
        _("Share of this PEC's voters who have voted, by hour"),
        _("Lines by hour: this PEC's counts and the estimate of its region."),
        180,
        rows=rows,
    )
