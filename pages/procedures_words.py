"""How answers are said: each with its share, interval and light, or with no share at all, and what it rests on."""

from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import lists, names, turnout_words, words
from pages.view import View
from pages.words import _, n_
from queries import procedures
from queries.light import Reason
from queries.procedures import Window

_FEW = 2  # reasons that stand open; more of them, stratum by stratum, unfold

Row = dict[Any, Any]


def of_whom(seen: View) -> str:
    """What a share is a share of."""
    if seen.around:
        return _("share of the PECs of the region: {region}").format(region=names.region(seen.around))
    return _("share of all PECs")


def rests_on(seen: View, rows: pd.DataFrame, whom: str) -> str:
    """Under a stage's name: what its figures are."""
    if all(_counted_only(seen, row) for row in rows.to_dict("records")):
        return _(
            "Counts only, and no estimate of all PECs: voters had applied at some of the sampled PECs alone, "
            "and how many of those there are in a stratum was not fixed at the draw."
        )
    if rows["value"].isna().all():
        return _("Counts of the PECs that have reported; what is missing for a number stands under each question.")
    said = words.sentence(_("{share}, estimated; beside it how many of the PECs that answered.").format(share=whom))
    if any(len(about) > 1 for about in rows["windows"]):
        return said + " " + _("Of what a PEC told about several times of the day the worst counts.")
    return said


def expected(seen: View, form: str) -> str:
    """'Opening: expected from 07:00, due by 08:30.'"""
    election, checklist = seen.moment.election, seen.moment.election.forms[form]
    return _("{checklist}: expected from {opens}, due by {due}.").format(
        checklist=names.form(form),
        opens=words.clock_time(election.instant(checklist.opens)),
        due=words.clock_time(election.instant(checklist.due) if checklist.due else None),
    )


def windows(about: Sequence[Window]) -> str:
    """'08:00–12:00 (299 PECs), 12:00–16:00 (111 PECs)'."""
    return ", ".join(
        n_("{since}–{until} ({n} PEC)", "{since}–{until} ({n} PECs)", w.pecs).format(
            since=words.clock_time(w.since), until=words.clock_time(w.until), n=words.number(w.pecs)
        )
        for w in about
    )


def draw(said: Sequence[str]) -> None:
    """The questions of a stage."""
    lists.style()
    st.html(f"<ul class='bk-asked'>{''.join(said)}</ul>")


def stage(seen: View, rows: pd.DataFrame, whom: str) -> list[str]:
    """Each question with its answers, as a piece of HTML whose words were escaped."""
    return [_question(seen, own.to_dict("records"), whom) for _id, own in rows.groupby("question", sort=False)]


def _question(seen: View, rows: list[Row], whom: str) -> str:
    first, counted = rows[0], _counted_only(seen, rows[0])
    lights = dict.fromkeys(row["light"] for row in rows)
    one = len(lights) == 1 and not counted
    head = f"<b>{escape(first['asked'])}</b>" + (f" {_light(first['light'])}" if one else "")
    small = [_about(first), _answered(first, counted)]
    small += [turnout_words.merged(first)] if any(not words.missing(row["value"]) for row in rows) else []
    said = "".join(f"<small>{escape(line)}</small>" for line in small if line)
    answers = "".join(_answer(row, whom, "" if one or counted else _light(row["light"])) for row in rows)
    why = "" if counted else "".join(_why(light, _worst(rows, light)) for light in lights)
    return f"<li><div>{head}{said}{why}</div><dl>{answers}</dl></li>"


def _answer(row: Row, whom: str, light: str) -> str:
    """'no: 2.9%, from 0.8% to 6.4% (99%), 8 of 283'; under a red light 'in 8 of the 183 PECs that have reported'."""
    name = f"<dt>{escape(names.choice(row['answer']))}</dt>"
    if words.missing(row["value"]):
        reported = _("in {count} of the {n} PECs that have reported")
        said = reported.format(count=words.number(row["count"]), n=words.number(row["n"]))
        return f"{name}<dd>{escape(said)} {light}</dd>"
    title = escape(words.sentence(whom), quote=True)
    interval = escape(words.interval(row["low"], row["high"], row["confidence"]))
    fraction = escape(words.fraction(row["count"], row["n"]))
    percent = f"<b title='{title}'>{escape(words.percent(row['value']))}</b>"
    return f"{name}<dd>{percent} {interval} {light}<small>{fraction}</small></dd>"


def _about(row: Row) -> str:
    return _("about {windows}").format(windows=row["about"]) if row["about"] else ""


def _answered(row: Row, counted: bool) -> str:
    """'283 of 300 sampled PECs, at 1 more the observers differ'."""
    of = _("{n} of {of} sampled PECs with applications") if counted else _("{n} of {of} sampled PECs")
    said = of.format(n=words.number(row["n"]), of=words.number(row["of"]))
    if not row["conflicts"]:
        return said
    differ = n_("at {n} more the observers differ", "at {n} more the observers differ", row["conflicts"])
    return f"{said}, {differ.format(n=words.number(row['conflicts']))}"


def _why(light: str, reasons: Sequence[Reason]) -> str:
    """Why a light is not better; many reasons unfold."""
    if not reasons:
        return ""
    head = _("Why preliminary:") if light == "amber" else _("Why no number:")
    said = [escape(turnout_words.reason(why)) for why in reasons]
    if len(said) <= _FEW:
        return f"<small>{escape(head)} {' '.join(said)}</small>"
    rest = "".join(f"<small>{line}</small>" for line in said[1:])
    return f"<details><summary>{escape(head)} {said[0]}</summary>{rest}</details>"


def _worst(rows: Sequence[Row], light: str) -> list[Reason]:
    """The reasons of the answers under this light, of each kind and stratum the one that is furthest off."""
    found: dict[tuple[str, str | None], Reason] = {}
    for why in (why for row in rows if row["light"] == light for why in row["reasons"]):
        known = found.setdefault((why.code, why.stratum), why)
        if abs(why.have - why.needs) > abs(known.have - known.needs):
            found[why.code, why.stratum] = why
    return list(found.values())


def _counted_only(seen: View, row: Row) -> bool:
    asked = {(q.stage, q.id): q for q in procedures.about_the_day(seen.moment.election)}
    return procedures.only_with_applications(seen.moment.election, asked[row["stage"], row["question"]])


def _light(light: str) -> str:
    return lists.mark(light, turnout_words.light_word(light))
