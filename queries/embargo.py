"""The embargo on what observers saw counted: when it ends, and what of each figure may be seen before.

Under it are the `lines` of observers' protocols that the quick count makes shares of, and all that is made of them:
sums over PECs, shares, differences. Other lines of one PEC's protocol (ballots issued, found) are not: ballots found
alone are no share. What the commission published never is.
"""

from datetime import datetime

import pandas as pd

from elections.config import Election
from queries.check_kinds import EVERY, LISTS
from queries.check_list import CHECKS
from queries.checks_a import OBSERVED
from queries.moment import Moment
from store import clock

_CAST = ("valid", "invalid")  # lines that tell, beside the lists', how ballots were cast


class Embargoed(Exception):
    """Nothing of a figure may be seen yet; the message says until when."""


def lines(election: Election) -> frozenset[str]:
    """The lines of observers' protocols that are under embargo: the lists' votes, valid and invalid ballots."""
    return frozenset((*_CAST, *(item.id for contest in election.contests for item in contest.lists)))


def until(election: Election) -> datetime | None:
    """When it ends; none: there is no embargo."""
    return election.instant(election.embargo_until) if election.embargo_until else None


def lifted(m: Moment) -> bool:
    """Whether observers' votes may be shown of the moment that is looked at; never before the hour itself has come."""
    end = until(m.election)
    return end is None or min(m.at, clock.now()) >= end


def open_after(m: Moment, figure: pd.DataFrame) -> pd.DataFrame:
    """Of a figure that is made of votes alone: all of it when the embargo has ended. Raises Embargoed before."""
    if lifted(m):
        return figure
    end = f"{until(m.election):%Y-%m-%d %H:%M %Z}"
    raise Embargoed(f"this figure is made of observers' votes, which are under embargo until {end}")


def open_fields(m: Moment, fields: pd.DataFrame) -> pd.DataFrame:
    """Of `comparison.fields`: the lines that are not under embargo."""
    return fields if lifted(m) else fields[~fields["field"].isin(lines(m.election))].reset_index(drop=True)


def open_history(m: Moment, history: pd.DataFrame) -> pd.DataFrame:
    """Of figures of protocols (side, field): the commission's, and the observers' of lines not under embargo."""
    if lifted(m):
        return history
    hidden = (history["side"] == OBSERVED) & history["field"].isin(lines(m.election))
    return history[~hidden].reset_index(drop=True)


def open_findings(m: Moment, findings: pd.DataFrame) -> pd.DataFrame:
    """Of `checks.findings`: those that are made of no line of the observers under embargo."""
    if lifted(m):
        return findings
    told = findings["line"].isin(lines(m.election)) | findings["check"].isin(_checks_of(LISTS, *_CAST))
    return findings[~(_of_observers(findings) & told)].reset_index(drop=True)


def open_checks(m: Moment, checks: pd.DataFrame) -> pd.DataFrame:
    """Of `checks.checks` and what is made of it: those that need no line of the observers under embargo. Even how many
    of their comparisons do not hold is made of such lines."""
    if lifted(m):
        return checks
    hidden = _of_observers(checks) & checks["check"].isin(_checks_of(LISTS, *_CAST, EVERY))
    return checks[~hidden].reset_index(drop=True)


def open_quarantine(m: Moment, rows: pd.DataFrame) -> pd.DataFrame:
    """Of rows that were set aside (source, place, key, detail, raw): every row; what stood in it, and which question it
    answers, not where that may be under embargo: an answer about such a line or to a question that nobody knows
    (mistyped), or a message."""
    if lifted(m):
        return rows
    told = {q.id for q in m.election.questions} - {question for _, question in _questions(m.election)}
    hidden = [
        place == "obs_message" or (place == "obs_answer" and key.rpartition("/")[2] not in told)
        for place, key in zip(rows["place"], rows["key"], strict=True)
    ]
    mask = pd.Series(hidden, index=rows.index, dtype="bool")
    report = rows["key"].str.rpartition("/")[0].astype("object") + "/…"
    rows = rows.assign(key=rows["key"].mask(mask & (rows["place"] == "obs_answer"), report))
    return rows.assign(**{name: rows[name].mask(mask) for name in ("detail", "raw")})


def open_answers(m: Moment, answers: pd.DataFrame) -> pd.DataFrame:
    """Of answers (form, question, value): every row, those about lines under embargo without their value."""
    if lifted(m):
        return answers
    questions = _questions(m.election)
    hidden = [key in questions for key in zip(answers["form"], answers["question"], strict=True)]
    return answers.assign(value=answers["value"].mask(pd.Series(hidden, index=answers.index, dtype="bool"), None))


def _of_observers(rows: pd.DataFrame) -> pd.Series:
    return rows["about"].isin(["both", "observers"]) | (rows["count"] == OBSERVED)


def _checks_of(*inputs: str) -> list[str]:
    """The checks that have one of these among their inputs."""
    return [check.id for check in CHECKS.values() if not set(inputs).isdisjoint(check.inputs)]


def _questions(election: Election) -> set[tuple[str, str]]:
    """The questions about lines under embargo: form and question."""
    return {
        (form, q.id)
        for form in election.forms
        for q in election.asked(form).values()
        if q.meaning == "protocol" and q.of in lines(election)
    }
