"""The embargo on what observers saw counted: when it ends, and what of each figure may be seen before.

Under it are the votes of lists in observers' protocols and all that is made of them: sums over PECs, shares,
differences. Other lines of one PEC's protocol (ballots issued, found, invalid) are not.
"""

from datetime import datetime

import pandas as pd

from elections.config import Election
from queries.check_kinds import LISTS
from queries.check_list import CHECKS
from queries.checks_a import OBSERVED
from queries.moment import Moment
from store import clock


class Embargoed(Exception):
    """Nothing of a figure may be seen yet; the message says until when."""


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
    """Of `comparison.fields`: the lines that are no list's votes."""
    return fields if lifted(m) else fields[~fields["votes"].astype("bool")].reset_index(drop=True)


def open_findings(m: Moment, findings: pd.DataFrame) -> pd.DataFrame:
    """Of `checks.findings`: those that print no votes of the observers."""
    if lifted(m):
        return findings
    lists = {item.id for contest in m.election.contests for item in contest.lists}
    return findings[~(_of_observers(findings) & (findings["line"].isin(lists) | _of_votes(findings)))].reset_index(
        drop=True
    )


def open_checks(m: Moment, checks: pd.DataFrame) -> pd.DataFrame:
    """Of `checks.checks` and what is made of it: those that need no votes of the observers. Even how many of their
    comparisons do not hold is derived from votes."""
    if lifted(m):
        return checks
    hidden = _of_observers(checks) & (_of_votes(checks) | checks["check"].isin(["protocol_differs"]))
    return checks[~hidden].reset_index(drop=True)


def open_quarantine(m: Moment, rows: pd.DataFrame) -> pd.DataFrame:
    """Of rows that were set aside (source, place, key, detail, raw): every row; what stood in it not where that may be
    votes: an answer to a question of them or to one that nobody knows (its name mistyped), or an observer's message."""
    if lifted(m):
        return rows
    votes = {question for contest in m.election.contests for question in contest.vote_questions}
    told = {q.id for q in m.election.questions} - votes
    hidden = [
        place == "obs_message" or (place == "obs_answer" and key.rpartition("/")[2] not in told)
        for place, key in zip(rows["place"], rows["key"], strict=True)
    ]
    mask = pd.Series(hidden, index=rows.index, dtype="bool")
    return rows.assign(**{name: rows[name].mask(mask) for name in ("detail", "raw")})


def open_answers(m: Moment, answers: pd.DataFrame) -> pd.DataFrame:
    """Of answers (form, question, value): every row, the votes without their value."""
    if lifted(m):
        return answers
    votes = {(c.protocol_form, question) for c in m.election.contests for question in c.vote_questions}
    hidden = [key in votes for key in zip(answers["form"], answers["question"], strict=True)]
    return answers.assign(value=answers["value"].mask(pd.Series(hidden, index=answers.index, dtype="bool"), None))


def _of_observers(rows: pd.DataFrame) -> pd.Series:
    return rows["about"].isin(["both", "observers"]) | (rows["count"] == OBSERVED)


def _of_votes(rows: pd.DataFrame) -> pd.Series:
    return rows["check"].isin([check.id for check in CHECKS.values() if LISTS in check.inputs])
