"""A part of the Turnout page: the observers and the commission at the same hour, and whether the two agree."""

from html import escape
from typing import Any

import streamlit as st

from pages import shell, turnout_words, words
from pages.turnout_words import points
from pages.view import View
from pages.words import _


def part(seen: View, row: dict[Any, Any]) -> None:
    """A row of `turnout`: a line each side with its cut-off, its base and the PECs in it; the verdict in words."""
    heads = [_("Cut-off"), _("Base: voters on the list"), _("PECs included"), _("Turnout")]
    sides = [
        (_("Observers"), _observers(seen, row)),
        (_("Commission"), _commission(row)),
    ]
    head = "".join(f"<th>{escape(h)}</th>" for h in ["", *heads])
    body = "".join(
        f"<tr><th scope='row'>{escape(side)}</th>"
        + "".join(
            f"<td data-head='{escape(h, quote=True)}'>{_cell(*c)}</td>" for h, c in zip(heads, cells, strict=True)
        )
        + "</tr>"
        for side, cells in sides
    )
    verdict = escape(" ".join(_compared(row)))
    worth = escape(_not_independent(row))
    st.html(
        shell.heading_html(_("Observers and commission at {hour}").format(hour=row["hour"]))
        + f"<table class='bk-table bk-held'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        + f"<p class='bk-said'><b>{verdict}</b> {worth}</p>"
    )


def _cell(value: str, small: str) -> str:
    return f"<span>{escape(value)}<small>{escape(small)}</small></span>"


def _observers(seen: View, row: dict[Any, Any]) -> list[tuple[str, str]]:
    cut_off = _("reports received until {time}").format(time=words.clock_time(seen.moment.at))
    stands = _("a sample of {n} PECs").format(n=words.number(row["published_pecs_of"]))
    red = words.missing(row["value"])
    return [
        (_("count of {hour}").format(hour=row["hour"]), cut_off),
        (words.number(row["voters"]), _("on the lists of all PECs that the estimate is of")),
        (words.fraction(row["n"], row["of"]), "" if words.missing(row["published_pecs_of"]) else stands),
        (
            turnout_words.light_word("red") if red else words.percent(row["value"], 2),
            "" if red else words.interval(row["low"], row["high"], row["confidence"]),
        ),
    ]


def _commission(row: dict[Any, Any]) -> list[tuple[str, str]]:
    if not row["published_regions"]:
        return [(words.NOTHING, _("nothing published for this hour yet")), *[(words.NOTHING, "")] * 3]
    pecs = words.NOTHING if words.missing(row["published_pecs"]) else words.number(row["published_pecs"])
    if not words.missing(row["published_pecs"]) and not words.missing(row["published_pecs_of"]):
        pecs = words.fraction(row["published_pecs"], row["published_pecs_of"])
    regions = _("{fraction} regions").format(
        fraction=words.fraction(row["published_regions"], row["published_regions_of"])
    )
    known = _("known here since {time}").format(time=words.clock_time(row["published_at"]))
    return [
        (_("count of {hour}").format(hour=row["hour"]), known),
        (words.number(row["published_registered"]), _("as the commission stated")),
        (pecs, regions),
        (words.percent(row["published"], 2), _("{n} voters").format(n=words.number(row["published_voted"]))),
    ]


def _compared(row: dict[Any, Any]) -> list[str]:
    """Whether the commission's figure lies in the interval, or why nobody can say."""
    if row["state"] == "not_comparable":
        return [_("Not comparable: {why}.").format(why=_why(row))]
    margin = points(row["publish_margin"])
    if row["state"] == "inside":
        said = [_("The commission's figure lies inside the interval of the observers' estimate.")]
        if not row["within_margin"]:
            said.append(
                _("It lies outside the margin that is to be published, ± {points} points.").format(points=margin)
            )
        return said
    said = [
        _("The commission's figure lies outside the interval of the observers' estimate, by {points} points.").format(
            points=points(row["outside_by"])
        )
    ]
    if row["within_margin"]:
        said.append(_("It lies within the margin that is to be published, ± {points} points.").format(points=margin))
    return said


def _why(row: dict[Any, Any]) -> str:
    said = {
        "nothing_published": _("the commission has published nothing for this hour yet"),
        "regions_missing": _("of the regions inside the country the commission has published {regions}"),
        "base_missing": _("the commission does not say of how many voters its figure is"),
        "pecs_missing": _("by the commission's own count its figure is of {pecs} PECs"),
        "part_of_stratum": _("this region is a part of a stratum and has no estimate of its own"),
        "light": _("too few PECs have reported for a number of the observers"),
    }
    return said[row["why"]].format(
        regions=words.fraction(row["published_regions"], row["published_regions_of"]),
        pecs=words.fraction(row["published_pecs"], row["published_pecs_of"]),
    )


def _not_independent(row: dict[Any, Any]) -> str:
    """A count that was read from the commission's screen is the commission's own."""
    if not row["origin_screen"]:
        return ""
    said = _(
        "Of the observers' counts {fraction} were read from the commission's screen: that part is no independent count."
    )
    return said.format(fraction=words.fraction(row["origin_screen"], row["n"]))
