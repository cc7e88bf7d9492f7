"""Charts of coverage: each checklist's states as a bar, and region × checklist as small bars of states."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from pages import charts, colours, names, words
from pages.charts import TEXT, Spec
from pages.words import _

_BAR_ROW, _GRID_ROW = 60, 52  # pixels of a checklist: its name above, its bars below
_NOT_DUE_OPACITY = 0.55  # lighter on light, darker on dark


def state_bars(coverage: pd.DataFrame, notes: Mapping[str, str]) -> Spec:
    """One bar a checklist, as long as it is expected from PECs, divided by state.

    coverage: form, expected and a column a state; notes: what is said under a checklist's name, by form.
    """
    rows = coverage[coverage["expected"] > 0]
    if rows.empty:
        return {}
    forms = list(rows["form"])
    long = _by_state(rows, ["form", "expected"])
    named = pd.DataFrame({"form": forms, "name": map(names.form, forms), "note": [notes.get(f, "") for f in forms]})
    y = alt.Y("form:N", sort=forms, axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    bars = (
        alt.Chart(charts.data())
        .mark_bar(size=14, yOffset=18)
        .encode(
            y=y,
            x=alt.X("pecs:Q", axis=charts.count_axis(_("PECs")), scale=alt.Scale(nice=False)),
            color=charts.colour("word", _state_colours()),
            opacity=alt.Opacity("opacity:Q", scale=None),
            order="order:Q",
            tooltip=charts.tooltip(name=_("Checklist"), word=_("State"), share=_("PECs")),
        )
    )
    name = alt.Chart(charts.data("named")).mark_text(
        align="left", dy=-17, fontSize=13, fontWeight=600, color=TEXT, baseline="middle"
    )
    note = alt.Chart(charts.data("named")).mark_text(align="left", dy=1, fontSize=12, color=TEXT, opacity=0.75)
    left = alt.X(value=0)
    chart = alt.layer(
        bars, name.encode(y=y, x=left, text="name:N"), note.encode(y=y, x=left, text="note:N", tooltip=alt.value(None))
    )
    return charts.spec(
        chart,
        _("PECs by state of each checklist"),
        _("Bars: for each checklist, how many PECs have sent it, are due, late or incomplete."),
        _BAR_ROW * len(forms),
        rows=long,
        named=named,
    )


def grid(coverage: pd.DataFrame) -> Spec:
    """A small bar of states for each region and checklist, with how many have sent it.

    coverage: region, form, expected and a column a state.
    """
    rows = coverage[coverage["expected"] > 0]
    if rows.empty:
        return {}
    forms, regions = list(dict.fromkeys(rows["form"])), list(dict.fromkeys(rows["region"]))
    long = _by_state(rows, ["form", "region", "expected"])
    long["column"] = long["region"].map({r: i for i, r in enumerate(regions)})
    cells = rows.assign(
        region_name=rows["region"].map(names.region),
        text=[f"{words.number(r)}/{words.number(e)}" for r, e in zip(rows["received"], rows["expected"], strict=True)],
    )
    y = alt.Y("form:N", sort=forms, axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    across = alt.X(
        "region_name:N",
        sort=[names.region(r) for r in regions],
        scale=alt.Scale(paddingInner=0, paddingOuter=0),
        axis=alt.Axis(orient="top", title=None, labelAngle=-45, labelLimit=90, labelOverlap=False, labelPadding=2),
    )
    bars = (
        alt.Chart(charts.data())
        .transform_stack(
            stack="pecs",
            as_=["low", "high"],
            groupby=["form", "column"],
            offset="normalize",
            sort=[alt.SortField("order")],
        )
        .transform_calculate(
            start="datum.column + 0.04 + datum.low * 0.92", end="datum.column + 0.04 + datum.high * 0.92"
        )
        .mark_bar(size=9, yOffset=18)
        .encode(
            y=y,
            x=alt.X("start:Q", axis=None, scale=alt.Scale(domain=[0, len(regions)], nice=False)),
            x2="end:Q",
            color=charts.colour("word", _state_colours()),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=charts.tooltip(region_name=_("Region"), name=_("Checklist"), word=_("State"), share=_("PECs")),
        )
    )
    sent = alt.Chart(charts.data("cells")).mark_text(fontSize=11, dy=4, color=TEXT)
    name = alt.Chart(charts.data("named")).mark_text(align="left", dy=-14, fontSize=12, fontWeight=600, color=TEXT)
    chart = alt.layer(
        sent.encode(y=y, x=across, text="text:N", tooltip=alt.value(None)),
        bars,
        name.encode(y=y, x=alt.value(0), text="name:N", tooltip=alt.value(None)),
    ).resolve_scale(x="independent")
    return charts.spec(
        chart,
        _("PECs that have sent each checklist, by region"),
        _("Small bars: for each region and checklist, the states of its PECs and how many have sent it."),
        _GRID_ROW * len(forms),
        rows=long,
        cells=cells[["form", "region_name", "text"]],
        named=[{"form": form, "name": names.form(form)} for form in forms],
    )


def _by_state(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row a state that has any PECs."""
    long = rows.melt(keys, list(colours.STATES), var_name="state", value_name="pecs")
    long = long[long["pecs"] > 0]
    long["word"] = long["state"].map(names.state)
    long["name"] = long["form"].map(names.form)
    if "region" in keys:
        long["region_name"] = long["region"].map(names.region)
    long["share"] = [words.fraction(n, of) for n, of in zip(long["pecs"], long["expected"], strict=True)]
    long["order"] = long["state"].map({state: i for i, state in enumerate(colours.STATES)})
    long["opacity"] = long["state"].map(lambda s: _NOT_DUE_OPACITY if s == "not_due" else 1.0)
    return long


def _state_colours() -> dict[str, str]:
    return {names.state(state): colour for state, colour in colours.STATES.items()}
