"""Charts of the commission's feed: what it changed after it had published it, over time."""

import altair as alt
import pandas as pd

from pages import charts, words
from pages.charts import Spec
from pages.words import _

_HOUR = 3_600_000.0  # ms


def kind(id: str) -> str:
    """What became of a figure."""
    return {
        "changed": _("changed"),
        "relabelled": _("moved to another place"),
        "line_vanished": _("line vanished"),
        "vanished": _("protocol vanished"),
    }.get(id, id)


def changes(hours: pd.DataFrame) -> Spec:
    """Figures changed after they were published, hour by hour. hours: hour_at, kind, figures, pecs, votes."""
    if hours.empty:
        return {}
    rows = hours.assign(word=hours["kind"].map(kind))
    rows["at"] = charts.on_clock(hours["hour_at"])
    rows["until"] = rows["at"] + _HOUR
    rows["clock"] = hours["hour_at"].map(words.clock_time)
    rows["text"] = rows["figures"].map(words.number)
    rows["votes_text"] = rows["votes"].map(words.number)
    known = {kind("changed"): "#7A7A7A", kind("relabelled"): "#BDBDBD", kind("line_vanished"): "#E69F00",
             kind("vanished"): "#D55E00"}  # fmt: skip
    known = {word: colour for word, colour in known.items() if word in set(rows["word"])}
    rows["order"] = rows["word"].map({word: i for i, word in enumerate(known)})
    ends = [float(rows["at"].min()) - 2 * _HOUR, float(rows["until"].max()) + 2 * _HOUR]
    chart = (
        alt.Chart(charts.data())
        .transform_stack(stack="figures", as_=["low", "high"], groupby=["at"], sort=[alt.SortField("order")])
        .mark_rect(x2Offset=-1)
        .encode(
            x=charts.time_x("at", ends, title=_("hour when the monitor saw it")),
            x2="until:T",
            y=alt.Y("low:Q", axis=charts.count_axis(_("figures"))),
            y2="high:Q",
            color=charts.colour("word", known),
            tooltip=charts.tooltip(clock=_("Hour"), word=_("What"), text=_("Figures"), votes_text=_("Of them votes")),
        )
    )
    return charts.spec(
        chart,
        _("Figures that the commission changed after it had published them, by hour"),
        _("Bars: published figures that were changed or vanished in each hour."),
        170,
        rows=rows[["at", "until", "word", "clock", "figures", "text", "votes_text", "order"]],
    )
