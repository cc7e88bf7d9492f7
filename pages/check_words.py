"""What a check, its state and what it compared are called in the reader's language."""

from typing import Any

from pages import names, words
from pages.words import _, label, missing
from queries.check_kinds import INNOCENT
from queries.check_list import CHECKS


def title(check: str) -> str:
    """What a check holds against what, in a few words."""
    return {
        "registered_issued": _("Ballots issued within the voters on the list"),
        "received_split": _("Ballots received = issued + unused + spoiled"),
        "found_issued": _("Ballots in the boxes within those issued"),
        "identified_found": _("Ballots in the boxes within the voters identified"),
        "found_split": _("Ballots in the boxes = valid + invalid"),
        "valid_votes": _("Valid ballots = votes of all lists"),
        "votes_within_valid": _("Votes of the lists within the valid ballots"),
        "delivered": _("Ballots received within the voters on the list"),
        "voted_registered": _("Have voted within the voters on the list"),
        "whole": _("Whole numbers"),
        "not_negative": _("No number below zero"),
        "pec_known": _("Every published PEC is in the list of polling stations"),
        "pec_once": _("Every PEC is published once"),
        "total_is_sum": _("Published total = sum of its PECs"),
        "total_pecs": _("Number of PECs in the table = number published"),
        "country_is_regions": _("Country = sum of its regions"),
        "percents_add": _("Percentages add up to 100 at most"),
        "percent_of_base": _("Percentage = votes as a share of the ballots"),
        "protocol_differs": _("Observers' copy = protocol of the commission"),
        "slip_found": _("Ballots in the boxes within the voters identified by the slip"),
        "votes_changed": _("Votes as first published"),
        "line_changed": _("Other lines as first published"),
        "vanished": _("What was published is still published"),
        "turnout_fell": _("Published turnout never falls"),
        "observed_turnout_fell": _("Observers' turnout count never falls"),
        "turnout_over_list": _("Ballots within the voters on the list before the day"),
        "turnout_unlike": _("Turnout unlike the district's"),
        "turnout_jump": _("Turnout between two hours unlike the district's"),
        "observed_turnout_jump": _("Observers' count between two hours unlike the others'"),
        "invalid_unlike": _("Invalid ballots unlike the district's"),
        "machine_manual": _("Machine and manual count far apart"),
        "same_figures": _("The same figures at two PECs"),
    }.get(check, check)


def tier(id: str) -> str:
    return {
        "A": _("A: arithmetic"),
        "B": _("B: changed after publishing"),
        "C": _("C: to look at"),
    }.get(id, id)


def state(id: str, tier: str = "A") -> str:
    """What a check came to; of tier C nothing is right or wrong."""
    if tier == "C" and id != "not_judged":
        return {"right": _("nothing unusual"), "wrong": _("to look at")}.get(id, id)
    return {"right": _("holds"), "wrong": _("does not hold"), "not_judged": _("nothing to compare yet")}.get(id, id)


def turn(was: object, now: str, tier: str = "A") -> str:
    """'held, does not hold now'."""
    if tier == "C":
        return state(now, tier)
    if now == "right":
        return _("holds again")
    return _("did not hold when first judged") if missing(was) else _("held, does not hold now")


def place(scope: str, id: str) -> str:
    """Where it stands."""
    if scope == "country":
        return _("the country")
    return names.region(id) if scope == "region" else id


def line(id: object) -> str:
    """A line of a protocol or a table, or a list."""
    known = {"pecs": _("PECs"), "identified": _("voters identified"), "percents": _("percentages")}
    return "" if missing(id) else known.get(str(id)) or names.line(str(id))


def value(unit: str, number: Any) -> str:
    """What was compared, as its unit is written."""
    if unit == "share":
        return words.percent(number)
    if unit == "signed_percent":
        return words.NOTHING if missing(number) else words.percent(number / 100, 2)
    return words.number(number, 2) if unit == "percent" else words.number(number)


def sentence(row: dict[Any, Any]) -> str:
    """What the check says of one comparison."""
    other, unit, check = row.get("other"), row["unit"], CHECKS[row["check"]]
    if unit == "percent" and check.unit == "number":  # the wording of a number has no sign of its own
        unit = "signed_percent"
    return label(check.wording).format(
        place=place(row["scope"], row["place"]),
        hour=row["hour"],
        line=line(row["line"]),
        left=value(unit, row["left"]),
        right=value(unit, row["right"]),
        difference=value(unit, row["difference"]).lstrip("-−"),
        other="" if missing(other) else other,
    )


def innocent(check: str) -> list[str]:
    """What else may be behind it."""
    return [label(INNOCENT[id]) for id in CHECKS[check].innocent]
