"""A PEC's checklists: what each observer answered, what was corrected, where the two differ."""

from datetime import datetime
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import lists, names, shell, words
from pages.view import View
from pages.words import _
from queries.moment import here
from queries.pec import Pec


def checklists(seen: View, one: Pec) -> None:
    """Each checklist with its state; opened, its answers by observer."""
    if one.states.empty and one.reports.empty:
        return
    shell.heading(_("Checklists: what each observer answered"))
    forms = list(dict.fromkeys([*one.states["form"], *one.reports["form"]]))
    order = {form: place for place, form in enumerate(seen.moment.election.forms)}
    lists.style()
    for form in sorted(forms, key=lambda f: order.get(f, len(order))):
        st.html(_checklist(one, form))


def _checklist(one: Pec, form: str) -> str:
    """Folded: its name, its state, when it came. Open from the start where something contradicts."""
    state = one.states[one.states["form"] == form]
    came = one.reports[one.reports["form"] == form]
    head = [f"<b>{escape(names.form(form))}</b>"]
    if len(state):
        head.append(lists.mark(str(state["state"].iloc[0]), names.state(str(state["state"].iloc[0]))))
        due = _("due {time}").format(time=words.clock_time(state["due_at"].iloc[0]))
        head.append(f"<small>{escape(due)}</small>")
    if len(came):
        sent = _("first sent {time}").format(time=words.clock_time(came["submitted_at"].min()))
        head.append(f"<small>{escape(sent)}</small>")
    answers = one.answers[one.answers["form"] == form]
    conflicts = set(one.agreed.loc[(one.agreed["form"] == form) & one.agreed["conflict"], "question"])
    if answers.empty:
        return f"<div class='bk-form'>{' '.join(head)}</div>"
    opened = " open" if conflicts or answers["replaced_at"].notna().any() else ""
    body = _answers(came, answers, conflicts, form)
    summary = f"<summary>{' '.join(head)}</summary>"
    return f"<details class='bk-form'{opened}>{summary}<div class='scrolls'>{body}</div></details>"


def _answers(came: pd.DataFrame, answers: pd.DataFrame, conflicts: set[str], form: str) -> str:
    heads = "".join(f"<th>{_report_head(row)}</th>" for row in came.to_dict("records"))
    rows = ""
    for question in dict.fromkeys(answers["question"]):
        mark = " " + lists.mark("conflict", _("the observers differ")) if question in conflicts else ""
        own = answers[answers["question"] == question]
        cells = "".join(f"<td>{_versions(own[own['report'] == report], form)}</td>" for report in came["report"])
        rows += f"<tr><td>{escape(question_name(form, str(question)))}{mark}</td>{cells}</tr>"
    first = escape(_("Question"))
    head = f"<thead><tr><th>{first}</th>{heads}</tr></thead>"
    return f"<table class='bk-table'>{head}<tbody>{rows}</tbody></table>"


def _report_head(row: dict[Any, Any]) -> str:
    """Who sent it and when; what keeps it out of the figures."""
    held = not words.missing(row["held"])
    marks = [
        lists.mark("conflict", _("held back: from an observer of another PEC")) if held else "",
        lists.mark("lost", _("withdrawn")) if row["withdrawn"] else "",
        lists.mark("incomplete", _("incomplete")) if not row["complete"] else "",
        "" if row["active"] or held or row["withdrawn"] else lists.mark("not-due", _("an older report")),
    ]
    when = words.clock_time(row["submitted_at"])
    return (
        f"{escape(words.beginning(row['observer']))}<br><small>{escape(when)}</small> {' '.join(m for m in marks if m)}"
    )


def _versions(rows: pd.DataFrame, form: str) -> str:
    """The answer; where it was corrected, the old ones struck out before it, with when."""
    said = []
    for row in rows.to_dict("records"):
        value = escape(value_words(form, str(row["question"]), row["value"]))
        if words.missing(row["replaced_at"]):
            said.append(value)
        else:
            until = _("until {time}").format(time=words.clock_time(row["replaced_at"]))
            said.append(f"<span class='bk-old'>{value}</span> <small>{escape(until)}</small>")
    return " → ".join(said)


def question_name(form: str, question: str) -> str:
    asked = here()[1].asked(form).get(question)
    return words.label(asked.name) if asked else question


def value_words(form: str, question: str, value: str | None) -> str:
    """An answer in the reader's words; what observers typed stays as it is. Without a value it may not be seen yet."""
    if value is None or words.missing(value):
        return _("under embargo")
    asked = here()[1].asked(form).get(question)
    if asked is not None and asked.type == "choice":
        return names.choice(value)
    if asked is not None and asked.type == "time":
        return _time(value)
    return words.beginning(value)


def _time(value: str) -> str:
    try:
        return words.clock_time(datetime.fromisoformat(value))
    except ValueError:
        return words.beginning(value)
