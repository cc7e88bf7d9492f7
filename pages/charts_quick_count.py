"""The chart of the quick count: each list's share with its interval, beside the commission's manual protocols."""

import altair as alt
import pandas as pd

from pages import charts, check_words, colours, words
from pages.charts import Spec
from pages.words import _

_ROW = 28


def shares(frame: pd.DataFrame) -> Spec:
    """Observers solid blue, dots with whiskers; the commission grey diamonds. The rows stand as they are ordered.

    frame: list, value, low, high (missing under a red light), confidence, n, of, published, published_pecs,
    published_of.
    """
    if frame.empty or frame["value"].isna().all():
        return {}
    known = {_("observers"): colours.OBSERVERS, _("commission"): colours.COMMISSION}
    rows = frame[["list", "value", "low", "high", "published"]].copy()
    rows["name"] = [words.sentence(check_words.line(line)) for line in frame["list"]]
    rows["written"] = [words.percent(v, 2) for v in frame["value"]]
    rows["interval"] = [
        words.NOTHING if words.missing(v) else words.interval(low, high, c, 2)
        for v, low, high, c in zip(frame["value"], frame["low"], frame["high"], frame["confidence"], strict=True)
    ]
    rows["reported"] = [words.fraction(n, of) for n, of in zip(frame["n"], frame["of"], strict=True)]
    rows["theirs"] = [words.percent(v, 2) for v in frame["published"]]
    rows["pecs"] = [words.fraction(n, of) for n, of in zip(frame["published_pecs"], frame["published_of"], strict=True)]
    rows["us"], rows["them"] = known
    base = alt.Chart(charts.data()).encode(
        y=alt.Y("name:N", sort=list(rows["name"]), axis=alt.Axis(title=None, labelLimit=160)),
        tooltip=charts.tooltip(
            name=_("List"),
            written=_("Observers"),
            interval=_("Interval"),
            reported=_("PECs of the sample"),
            theirs=_("Commission, manual"),
            pecs=_("PECs published"),
        ),
    )
    ends = frame[["high", "published"]].max().max()
    x = alt.X(
        "value:Q",
        axis=charts.percent_axis(_("share of ballots")),
        scale=alt.Scale(domain=[0, float(ends) * 1.05 or 1], nice=False),
    )
    ours, theirs = charts.colour("us", known), charts.colour("them", known)
    # below the dots, so that none hides the other
    diamonds = base.mark_point(shape="diamond", size=75, filled=True, opacity=1, yOffset=7)
    chart = alt.layer(
        diamonds.encode(x="published:Q", color=theirs),
        base.mark_rule(strokeWidth=2, color=colours.OBSERVERS).encode(x="low:Q", x2="high:Q"),
        base.mark_point(shape="circle", size=55, filled=True, opacity=1).encode(x=x, color=ours),
    )
    return charts.spec(
        chart,
        _("The observers' estimate of each share of the ballots in the country, with its interval"),
        _("Dots with whiskers: the observers' estimates. Diamonds: the commission's manual protocols."),
        _ROW * len(rows),
        rows=rows,
    )
