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


class Embargoed(Exception):
    """Nothing of a figure may be seen yet; the message says until when."""


def until(election: Election) -> datetime | None:
    """When it ends; none: there is no embargo."""
    return election.instant(election.embargo_until) if election.embargo_until else None


def lifted(m: Moment) -> bool:
    """Whether observers' votes may be shown, judged at the moment that is looked at and not by today's clock."""
    end = until(m.election)
    return end is None or m.at >= end


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
    """Of `checks.checks`: every row, without how large a difference is where observers' votes made it."""
    if lifted(m):
        return checks
    hidden = _of_observers(checks) & (_of_votes(checks) | checks["check"].isin(["protocol_differs"]))
    return checks.assign(largest=checks["largest"].mask(hidden))


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
