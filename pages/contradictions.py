"""Contradictions: what the machine saw, who confirmed it with a picture, when it was put and answered."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import check_words, chosen, deciding, feed_names, lists, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import checks, contradictions, embargo
from queries.moment import here
from store import decisions, pictures

_SAID = 5  # contradictions that are said in sentences above the table


def step(id: str) -> str:
    return {
        "seen": _("seen by the machine: for head office"),
        "confirmed": _("confirmed by a person"),
        "put": _("put to the commission"),
        "answered": _("answered"),
    }.get(id, id)


def steps_said(steps: Mapping[str, int]) -> str:
    """'1 confirmed by a person, 2 seen by the machine: for head office'."""
    return ", ".join(f"{words.number(n)} {step(id)}" for id, n in steps.items())


def shown(seen: View) -> pd.DataFrame:
    """The contradictions that may be shown at this hour: what is under embargo not before it ends."""
    return seen.figure(contradictions.contradictions, **seen.place)


def listed(seen: View) -> None:
    """The list; a chosen row is opened below it."""
    shell.heading(
        _("What contradicts itself or differs in the published figures"),
        _("Seen by the machine; until a person has confirmed it, it is for head office."),
    )
    rows = shown(seen)
    if rows.empty:
        return shell.empty(
            _("Nothing that is published contradicts itself or the observers' copies right now.")
            if embargo.lifted(seen.moment)
            else _("Nothing that may be shown contradicts itself right now. What is under embargo is not told yet.")
        )
    _in_words(seen, rows)
    rows = rows.assign(
        title=rows["check"].map(check_words.title),
        figures=[feed_names.figures(c, s) for c, s in zip(rows["count"], rows["scope"], strict=True)],
        where=[check_words.place(s, p) for s, p in zip(rows["scope"], rows["place"], strict=True)],
        largest=[check_words.value(u, v) for u, v in zip(rows["unit"], rows["difference"], strict=True)],
        now=rows["standing"].map({"stands": _("stands"), "holds": _("holds by now"), "open": _("cannot be told yet")}),
    )
    columns = {
        "severity": shell.Column(_("Severity"), names.severity),
        "title": shell.Column(_("Check"), width="medium"),
        "figures": shell.Column(_("Figures"), width="medium"),
        "where": shell.Column(_("Where")),
        "lines": shell.Column(_("Lines"), words.number),
        "largest": shell.Column(_("Largest difference")),
        "now": shell.Column(_("Now")),
        "step": shell.Column(_("How far"), step, "medium"),
        "payload": shell.Column(_("Payload"), words.number),
    }
    count = n_("{n} contradiction", "{n} contradictions", len(rows)).format(n=words.number(len(rows)))
    number = shell.table(rows, columns, "contradictions", count=count, choose=True)
    opened = chosen.kept("contradictions", number, list(rows["subject"]))
    if opened is None:
        return shell.empty(_("Choose a row to see what was compared, and to confirm it."))
    _opened(seen, rows.iloc[opened].to_dict())


def _in_words(seen: View, rows: pd.DataFrame) -> None:
    """The severest as sentences: where, what was compared, since which payload."""
    stands = rows[rows["standing"] == "stands"]
    lists.draw([_item(seen, row) for row in stands.head(_SAID).to_dict("records")])


def _item(seen: View, row: dict[Any, Any]) -> str:
    more = int(row["lines"]) - 1
    also = n_("and {n} more line", "and {n} more lines", more).format(n=words.number(more)) if more else ""
    where = lists.pec_link(seen, row["place"]) if row["scope"] == "pec" else ""
    small = " · ".join(p for p in (feed_names.figures(row["count"], row["scope"]), also, step(row["step"])) if p)
    return (
        f"<div>{lists.mark(row['severity'], names.severity(row['severity']))} {where}</div>"
        f"<div><b>{escape(check_words.title(row['check']))}</b><br><small>{escape(small)}</small></div>"
        f"<div>{escape(check_words.sentence(row))}</div>"
    )


def _opened(seen: View, row: dict[Any, Any]) -> None:
    """One contradiction: its arithmetic, its steps, the next step."""
    shell.heading(f"{row['title']} · {row['where']} · {row['figures']}")
    found = embargo.open_findings(seen.moment, seen.figure(checks.findings, check=row["check"]))
    same = [found[name] == row[name] for name in contradictions.KEYS]
    found = found[pd.concat(same, axis=1).all(axis=1)]
    if len(found):
        arithmetic(found, "contradiction_lines")
    taken = seen.figure(contradictions.steps, subject=row["subject"])
    columns = {
        "step": shell.Column(_("Step"), step),
        "step_at": shell.Column(_("When"), words.clock_time),
        "who": shell.Column(_("Who")),
        "why": shell.Column(_("Note"), width="large"),
    }
    if len(taken):
        shell.table(taken, columns, "contradiction_steps")
    for number in taken["picture"].dropna():
        if body := seen.figure(contradictions.picture, picture=int(number)):
            st.image(body, caption=_("Picture of the page, attached when it was confirmed"), width=480)
    if not seen.as_of:
        _take(row, list(taken["step"]))


def arithmetic(found: pd.DataFrame, key: str, count: str = "") -> None:
    """What was compared: left, right, difference, tolerance."""
    rows = found.assign(
        said=[check_words.sentence(row) for row in found.to_dict("records")],
        where=[check_words.place(s, p) for s, p in zip(found["scope"], found["place"], strict=True)],
        pec=found["place"].where(found["scope"] == "pec", ""),
        title=found["check"].map(check_words.title),
        **{
            side: [check_words.value(u, v) for u, v in zip(found["unit"], found[side], strict=True)]
            for side in ("left", "right", "difference")
        },
    )
    columns = {
        "severity": shell.Column(_("Severity"), names.severity),
        "where": shell.Column(_("Where")),
        "said": shell.Column(_("What was compared"), width="large"),
        "left": shell.Column(_("Left side")),
        "right": shell.Column(_("Right side")),
        "difference": shell.Column(_("Difference")),
        "tolerance": shell.Column(_("Tolerance"), lambda v: words.number(v, 3).rstrip("0").rstrip(".,")),
        "title": shell.Column(_("Check"), width="medium"),
        "payload": shell.Column(_("Payload"), words.number),
    }
    shell.table(rows, columns, key, count=count)


def _take(row: dict[Any, Any], taken: list[str]) -> None:
    """The form for the next step."""
    wanted = decisions.next_step(taken)
    if wanted is None:
        return
    asked = {
        "confirmed": _("Confirm: I have looked at the commission's page"),
        "put": _("It was put to the commission"),
        "answered": _("The commission has answered"),
    }[wanted]
    key = f"step_{row['subject']}_{wanted}"
    with st.form(key, border=True):
        st.markdown(f"**{asked}**")
        who = st.text_input(_("Who"), key=f"{key}_who")
        why = st.text_input(_("Note: what was seen, to whom it was put, what was answered"), key=f"{key}_why")
        sent = None
        if wanted == "confirmed":
            sent = st.file_uploader(
                _("Picture of the page, JPEG or PNG, 10 MB at most"), type=["jpg", "jpeg", "png"], key=f"{key}_picture"
            )

        def step_taken() -> None:
            attached = pictures.picture(sent.getvalue()) if sent else None
            decisions.take_step(here()[0], row["subject"], wanted, who, why, attached)

        deciding.decide(key, deciding.pressed(key, _("Keep it")), step_taken, refused=_refused)


def _refused(reason: str) -> str:
    return {
        "who": _("Say who you are."),
        "picture": _("Attach a picture of the page."),
        "large": _("The picture is too large."),
        "kind": _("This is no picture that can be read: JPEG or PNG."),
    }.get(reason, _("Somebody else has taken this step already."))
