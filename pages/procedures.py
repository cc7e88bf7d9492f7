"""Procedures: what observers saw at the sampled PECs, stage by stage of the day, and what it says of all PECs."""

import pandas as pd
import streamlit as st

from pages import charts, charts_procedures, filters, names, procedures_words, shell, words
from pages.turnout_words import light_word
from pages.view import View
from pages.words import _, n_
from queries import procedures
from queries.moment import here


def page() -> None:
    shell.title(
        _("What observers saw"),
        _("Answers of the sampled PECs, question by question, and what they say of all PECs. Newest stage first."),
    )
    filters.choose("procedures", stage=(_("All stages"), _stages()))
    shell.live(_told)
    shell.live(_to_come)
    shell.live(_table)


def _stages() -> dict[str, str]:
    return {stage: names.stage(stage) for stage in procedures.stages(here()[1])}


def _answers(seen: View) -> pd.DataFrame:
    """The answers to what happened at PECs, of the stage that was chosen or of all, with their questions in words."""
    region = {"region": seen.around} if seen.around else {}
    rows = seen.figure(procedures.procedures, **region)
    asked = {(q.stage, q.id): q for q in procedures.about_the_day(seen.moment.election)}
    keys = list(zip(rows["stage"], rows["question"], strict=True))
    only = filters.chosen("stage", _stages())
    about = [procedures_words.windows(of) for of in rows["windows"]]
    rows = rows.assign(asked=[names.question(*key) for key in keys], about=about)
    return rows[[key in asked and only in (None, key[0]) for key in keys]]


def _begun(rows: pd.DataFrame) -> list[str]:
    """The stages that some PEC has told of."""
    return list(dict.fromkeys(rows.loc[rows["n"] + rows["conflicts"] > 0, "stage"]))


def _told(seen: View) -> None:
    """Each stage that PECs have told of: every answer in words, and a chart of those that are not the best."""
    shell.by_region_at_most(seen)
    rows = _answers(seen)
    begun = _begun(rows)
    for stage in reversed(_stages()):
        if stage in begun:
            own = rows[(rows["stage"] == stage) & (rows["n"] + rows["conflicts"] > 0)].reset_index(drop=True)
            _stage(seen, stage, own)


def _stage(seen: View, stage: str, rows: pd.DataFrame) -> None:
    whom = procedures_words.of_whom(seen)
    spec = seen.spec("procedures", lambda: charts_procedures.answers(_not_the_best(seen, rows), stage, whom), stage)
    said = seen.once("procedures_said", lambda: procedures_words.stage(seen, rows, whom), stage)
    shell.heading(names.stage(stage), procedures_words.rests_on(seen, rows, whom))
    if not spec:
        procedures_words.draw(said)
        return
    left, right = st.columns([1, 2], gap="large")
    with left:
        charts.draw(spec, f"procedures_{stage}", rows, _columns())
    with right:
        procedures_words.draw(said)


def _not_the_best(seen: View, rows: pd.DataFrame) -> pd.DataFrame:
    """The answers worth a look: choices stand from best to worst in the configuration."""
    best = {(q.stage, q.id): q.choices[0] for q in procedures.about_the_day(seen.moment.election)}
    keys = zip(rows["stage"], rows["question"], rows["answer"], strict=True)
    return rows[[answer != best[stage, question] for stage, question, answer in keys]]


def _to_come(seen: View) -> None:
    """The stages that no PEC has told of yet: when their first checklist is expected."""
    rows = _answers(seen)
    begun, asked = _begun(rows), set(rows["stage"])
    first = procedures.stages(seen.moment.election)
    forms = dict.fromkeys(c.form for stage, c in first.items() if stage in asked and stage not in begun)
    if not forms:
        return
    shell.heading(_("No answers yet"))
    for form in forms:
        shell.empty(procedures_words.expected(seen, form))


def _table(seen: View) -> None:
    rows = _answers(seen)
    rows = rows[rows["n"] + rows["conflicts"] > 0].reset_index(drop=True)
    if rows.empty:
        return
    shell.heading(_("Every answer, stage by stage"))
    count = n_("{n} answer", "{n} answers", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, {"stage": shell.Column(_("Stage"), names.stage), **_columns()}, "procedures", count, height=420)


def _columns() -> shell.Columns:
    return {
        "asked": shell.Column(_("Question"), width="large"),
        "answer": shell.Column(_("Answer"), names.choice, "medium"),
        "value": shell.Column(_("Estimate"), words.percent),
        "low": shell.Column(_("From"), words.percent),
        "high": shell.Column(_("To"), words.percent),
        "count": shell.Column(_("PECs that say so"), words.number),
        "n": shell.Column(_("Answered"), words.number),
        "of": shell.Column(_("Sampled"), words.number),
        "conflicts": shell.Column(_("Observers differ"), words.number),
        "light": shell.Column(_("Light"), light_word),
        "about": shell.Column(_("About")),
    }
