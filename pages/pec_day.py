"""The events of one PEC's day, as its timeline shows them: a lane, a time, some words, whether something is wrong."""

from datetime import datetime
from typing import Any

import pandas as pd

from pages import charts_day, names, words
from pages.charts_results import count_kind
from pages.words import _
from queries.moment import here
from queries.pec import Pec

_COLUMNS = ["lane", "at_at", "to_at", "words", "mark"]


def events(one: Pec, now: datetime) -> pd.DataFrame:
    """By lane: lane, at_at, to_at (of what lasts; an open failure lasts until now), words, mark (reported, alarm,
    published)."""
    rows = [*_reports(one), *_corrections(one), *_incidents(one), *_episodes(one, now), *_published(one)]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    for column in ("at_at", "to_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _reports(one: Pec) -> list[dict[str, Any]]:
    conflicting = set(one.agreed.loc[one.agreed["conflict"], "form"])
    return [
        {
            "lane": names.form(row["form"]),
            "at_at": row["submitted_at"],
            "words": ", ".join([words.beginning(row["observer"]), *_marks(row, row["form"] in conflicting)]),
            "mark": _mark(row["withdrawn"] or not words.missing(row["held"]) or row["form"] in conflicting),
        }
        for row in one.reports.to_dict("records")
        if not _tells_of_a_failure(str(row["form"]))  # drawn as the failure itself
    ]


def _tells_of_a_failure(form: str) -> bool:
    return any(question.meaning == "device" for question in here()[1].asked(form).values())


def _marks(row: dict[Any, Any], conflict: bool) -> list[str]:
    """What is to be known of a report besides that it came."""
    said = {
        _("incomplete"): not row["complete"],
        _("withdrawn"): row["withdrawn"],
        _("held back: from an observer of another PEC"): not words.missing(row["held"]),
        _("the observers differ"): conflict,
    }
    return [word for word, holds in said.items() if holds]


def _corrections(one: Pec) -> list[dict[str, Any]]:
    replaced = one.answers[one.answers["replaced_at"].notna()]
    return [
        {
            "lane": _("corrections"),
            "at_at": at,
            "words": _("{form}: answers replaced").format(form=names.form(str(form))),
            "mark": _mark(False),
        }
        for (form, at), _own in replaced.groupby(["form", "replaced_at"])
    ]


def _incidents(one: Pec) -> list[dict[str, Any]]:
    return [
        {
            "lane": _("incident reports"),
            "at_at": row["reported_at"] if words.missing(row["occurred_at"]) else row["occurred_at"],
            "words": f"{names.category(row['category'])}, {names.severity(row['severity'])}",
            "mark": _mark(row["severity"] == "critical"),
        }
        for row in one.incidents.to_dict("records")
    ]


def _episodes(one: Pec, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "lane": _("equipment failures"),
            "at_at": row["from_at"],
            "to_at": {"open": now, "end_unknown": row["news_at"]}.get(row["state"], row["to_at"]),
            "words": f"{charts_day.device(row['device'])}, {charts_day.episode_state(row['state'])}",
            "mark": _mark(row["state"] != "ended"),
        }
        for row in one.episodes.to_dict("records")
    ]


def _published(one: Pec) -> list[dict[str, Any]]:
    first = one.published.groupby("count", sort=False)["known_at"].min()
    return [
        {"lane": _("commission"), "at_at": at, "words": count_kind(str(kind)), "mark": "published"}
        for kind, at in first.items()
    ]


def _mark(alarming: bool) -> str:
    return "alarm" if alarming else "reported"
