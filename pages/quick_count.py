"""A part of the Results page: the observers' quick count, under its light; nothing of it before the embargo ends."""

from typing import Any

import pandas as pd
import streamlit as st

from pages import charts, charts_quick_count, check_words, comparison, embargoed, names, shell, turnout_words, words
from pages.shell import Card
from pages.turnout_words import light_word, points
from pages.view import View
from pages.words import _, n_
from queries import comparison as compared
from queries import embargo, protocol_fields, quick_count


def part(seen: View, contest: str) -> None:
    if not any(c.id == contest and c.protocol_form for c in seen.moment.election.contests):
        return None
    st.divider()
    shell.heading(
        _("The observers' quick count, from their copies of the protocols"),
        _("Estimates from the sampled PECs, each under its own light. They are not the commission's figures."),
    )
    if not embargo.lifted(seen.moment):
        return embargoed.note(seen)
    rows = _ordered(seen.figure(compared.shares, contest=contest))
    if seen.place:
        shell.empty(_("These shares are of the whole country: a part of it has too few sampled PECs for an estimate."))
    shell.figure_cards([_lights(rows), _protocols(rows), _copies(rows), _theirs(rows)])
    if (rows["light"] == "red").all():
        _missing(rows)
    else:
        _shares(seen, contest, rows)
    _districts(seen, contest, rows)
    return None


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """The largest share first; without one by the commission's; invalid ballots, of another base, last."""
    last = rows["list"] == quick_count.INVALID
    order = rows.assign(last=last, size=rows["value"].fillna(rows["published"]))
    order = order.sort_values(["last", "size"], ascending=[True, False], kind="stable", na_position="last")
    return rows.loc[order.index].reset_index(drop=True)


def _lights(rows: pd.DataFrame) -> Card:
    lights = quick_count.lights(rows)
    lines = [f"{light_word(light)}: {words.number(n)}" for light, n in lights.items()] if len(lights) > 1 else []
    worst = list(lights)[-1]
    told = words.fraction(quick_count.shown(rows), len(rows))
    return Card(_("Shares that have a number"), told, lines, worst, light_word(worst))


def _protocols(rows: pd.DataFrame) -> Card:
    row = rows.iloc[0]
    lines = (_("sampled PECs with a copy that has every list's votes"),)
    return Card(_("Protocols in the estimate"), words.fraction(row["n"], row["of"]), lines)


def _copies(rows: pd.DataFrame) -> Card:
    row = rows.iloc[0]
    lines = [
        f"{words.sentence(comparison.copy(kind))}: {words.number(row[kind])}"
        for kind in protocol_fields.COPIES
        if row[kind] or kind in protocol_fields.OBTAINED
    ]
    return Card(_("Copies obtained"), words.number(quick_count.obtained(rows)), lines)


def _theirs(rows: pd.DataFrame) -> Card:
    row = rows.iloc[0]
    lines = (
        _("manual protocols, of {n} PECs inside the country").format(n=words.number(row["published_of"])),
        _("as the commission published them"),
    )
    return Card(_("Commission"), words.number(row["published_pecs"]), lines)


def _line(id: str) -> str:
    return words.sentence(check_words.line(id))


def _missing(rows: pd.DataFrame) -> None:
    """In the chart's place where no share may be told."""
    shell.heading(_("No share may be told yet: what is missing"))
    for why in _shared(rows) or rows["reasons"].iloc[0]:
        shell.empty(turnout_words.reason(why))


def _shared(rows: pd.DataFrame) -> list[Any]:
    """The reasons that all of these shares have, each once: PECs that are missing are missing in all of them."""
    every = list(rows["reasons"])
    return [why for why in every[0] if all(why in reasons for reasons in every)] if every else []


def _shares(seen: View, contest: str, rows: pd.DataFrame) -> None:
    said = rows.assign(
        interval=[
            words.NOTHING if words.missing(low) else words.interval(low, high, c, 2)
            for low, high, c in zip(rows["low"], rows["high"], rows["confidence"], strict=True)
        ],
        basis=[words.fraction(n, of) for n, of in zip(rows["n"], rows["of"], strict=True)],
        lacks=[turnout_words.reasons_said(reasons) for reasons in rows["reasons"]],
        said=[comparison.held(s, w) for s, w in zip(rows["state"], rows["why"], strict=True)],
    )
    columns = {
        "list": shell.Column(_("List"), _line, "medium"),
        "value": shell.Column(_("Observers"), lambda v: words.percent(v, 2)),
        "interval": shell.Column(_("Interval"), width=230),
        "margin": shell.Column(_("Margin from the data, points"), points),
        "light": shell.Column(_("Light"), light_word),
        "basis": shell.Column(_("PECs of the sample")),
        "published": shell.Column(_("Commission, manual"), lambda v: words.percent(v, 2)),
        "published_votes": shell.Column(_("Manual: votes"), words.number),
        "published_base": shell.Column(_("Manual: ballots"), words.number),
        "said": shell.Column(_("Held against each other"), width="medium"),
        "lacks": shell.Column(_("Why not better"), width="large"),
    }
    if not rows["reasons"].map(len).any():
        del columns["lacks"]
    spec = seen.spec("quick_count", lambda: charts_quick_count.shares(rows), contest)
    charts.draw(spec, f"quick_count_{contest}")
    st.caption(_("Shares of lists are of the valid ballots, that of invalid ballots is of the ballots in the boxes."))
    if shared := _shared(rows[rows["light"] == "amber"]):
        st.caption(words.verbatim(" ".join([_("Why preliminary:"), turnout_words.reasons_said(shared)])))
    if (rows["why"] == "published").any() and rows["published_pecs"].iloc[0]:
        pecs = words.fraction(rows["published_pecs"].iloc[0], rows["published_of"].iloc[0])
        text = _(
            "The commission's manual protocols are of {pecs} PECs: a part of the PECs is no total to compare with."
        )
        st.caption(text.format(pecs=pecs))
    count = n_("{n} share", "{n} shares", len(rows)).format(n=words.number(len(rows)))
    shell.table(said, columns, f"quick_count_{contest}_table", count)


def _districts(seen: View, contest: str, rows: pd.DataFrame) -> None:
    """Votes in the copies of a district's sampled PECs: counted, and never estimated."""
    shell.heading(
        _("Votes in the observers' copies by district: counts alone"),
        _(
            "A district has too few sampled PECs for an estimate. These counts say nothing of its other PECs, and no "
            "share is made of them."
        ),
    )
    chosen = st.selectbox(
        _("List"), list(rows["list"]), format_func=_line, key=f"quick_count_list_{contest}", width=320
    )
    counts = seen.figure(quick_count.by_district, contest=contest)
    counts = counts[counts["list"] == chosen]
    own = {d.id for d in seen.moment.election.districts if seen.region in (None, d.region)}
    counts = counts[counts["district"].isin({seen.district} if seen.district else own)]
    base = "found" if chosen == quick_count.INVALID else "valid"
    columns = {
        "district": shell.Column(_("District"), names.district, "medium"),
        "votes": shell.Column(_("Votes") if base == "valid" else words.sentence(names.line("invalid")), words.number),
        "ballots": shell.Column(words.sentence(names.line(base)), words.number),
        "n": shell.Column(_("PECs counted"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
    }
    count = n_("{n} district", "{n} districts", len(counts)).format(n=words.number(len(counts)))
    shell.table(counts.reset_index(drop=True), columns, f"quick_count_{contest}_districts", count, height=420)
