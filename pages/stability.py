"""Parts of the Turnout page: how an hour's estimate settled down, and whether early reports differ from late ones."""

import streamlit as st

from pages import charts, charts_stability, names, shell, turnout_words, words
from pages.turnout_words import light_word, points
from pages.view import View
from pages.words import _
from queries import stability


def parts(seen: View, contest: str, hour: str) -> None:
    """The two charts, where the light of the hour lets a number be shown."""
    region = {"region": seen.around} if seen.around else {}
    _stability(seen, contest, hour, region)
    _drift(seen, contest, hour, region)


def _stability(seen: View, contest: str, hour: str, region: dict[str, str]) -> None:
    """The estimate by order of receipt, and under it of which regions the reports were."""
    steps = seen.figure(stability.stability, contest=contest, hour=hour, **region)
    spec = seen.spec("turnout_stability", lambda: charts_stability.settling(steps), contest, hour)
    if not spec:
        return
    columns = {
        "n": shell.Column(_("Reports so far"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
        "value": shell.Column(_("Observers"), words.percent),
        "low": shell.Column(_("From"), words.percent),
        "high": shell.Column(_("To"), words.percent),
        "light": shell.Column(_("Light"), light_word),
    }
    charts.draw(spec, f"turnout_stability_{contest}", steps, columns)
    parts = seen.once("turnout_composition", lambda: stability.composition(steps, seen.moment.election), contest, hour)
    strip = seen.spec("turnout_composition_chart", lambda: charts_stability.composition(parts), contest, hour)
    columns = {
        "n": shell.Column(_("Reports so far"), words.number),
        "stratum": shell.Column(_("Region"), turnout_words.stratum),
        "pecs": shell.Column(_("PECs"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
    }
    charts.draw(strip, f"turnout_composition_{contest}", parts, columns)


def _drift(seen: View, contest: str, hour: str, region: dict[str, str]) -> None:
    """Each PEC's turnout less its stratum's by order of receipt, the slope, and what it means."""
    trend = seen.figure(stability.trends, contest=contest, hour=hour, **region)
    rows = seen.figure(stability.residuals, contest=contest, hour=hour, **region)
    spec = seen.spec("turnout_drift", lambda: charts_stability.drift(rows), contest, hour)
    if not spec:
        return
    columns = {
        "place": shell.Column(_("Order of receipt"), words.number),
        "pec": shell.Column(_("PEC")),
        "region": shell.Column(_("Region"), names.region),
        "residual": shell.Column(_("Points above its stratum"), points),
        "fitted": shell.Column(_("By the slope alone"), points),
    }
    charts.draw(spec, f"turnout_drift_{contest}", rows, columns)
    st.caption(words.verbatim(" ".join(turnout_words.drift(trend.iloc[0].to_dict()))))
