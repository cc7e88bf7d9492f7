"""How turnout's light, margins and gaps are said: a sentence for each, so that nobody has to guess."""

from collections.abc import Sequence
from typing import Any

from pages import names, words
from pages.view import View
from pages.words import _, n_
from queries import reasons
from queries.light import Reason


def light_word(light: str) -> str:
    """The word beside the light's colour."""
    return {"green": _("complete enough"), "amber": _("preliminary"), "red": _("no number")}.get(light, light)


def rests_on(row: dict[Any, Any]) -> str:
    """'295 of 300 sampled PECs'."""
    return _("{n} of {of} sampled PECs").format(n=words.number(row["n"]), of=words.number(row["of"]))


def origin(row: dict[Any, Any]) -> list[str]:
    """Where the counts were read: one from the commission's screen is not an independent count."""
    own = n_("{n} PEC counted by observers", "{n} PECs counted by observers", row["origin_own"])
    screen = n_(
        "{n} PEC read from the commission's screen, no independent count",
        "{n} PECs read from the commission's screen, no independent count",
        row["origin_screen"],
    )
    return [own.format(n=words.number(row["origin_own"])), screen.format(n=words.number(row["origin_screen"]))]


def margins(row: dict[Any, Any]) -> list[str]:
    """The three margins, each with its name, and which of the first two is the one to publish."""
    said = []
    if not words.missing(row["margin"]) and row["light"] != "red":
        said.append(_("computed from the data: ± {points} points").format(points=points(row["margin"])))
    if not words.missing(row["design_margin"]):
        said.append(_("fixed before the day: ± {points} points").format(points=points(row["design_margin"])))
    if not words.missing(row["shown_margin"]):
        said.append(
            _("of the interval shown: ± {points} points, {drift} of drift and {worst} of the worst case").format(
                points=points(row["shown_margin"]), drift=points(row["drift"]), worst=points(row["worst_case"])
            )
        )
    chosen = {
        "design": _("To publish, as declared before the day: the one fixed before the day."),
        "data": _("To publish: the one computed from the data."),
    }
    said.append(chosen[row["publish"]])
    if wider(row):
        said.append(_("The interval shown is wider than that: say the interval."))
    return said


def wider(row: dict[Any, Any]) -> bool:
    """Whether the interval shown is wider than the margin that was declared to be published."""
    return bool(row["light"] != "red" and row["shown_margin"] > row["publish_margin"])


def drift(row: dict[Any, Any]) -> list[str]:
    """What the slope of an hour's reports means."""
    slope, error = points(row["slope"]), points(row["standard_error"])
    said = {
        "level": _(
            "Early and late reports do not differ by more than chance: turnout within regions changes by {slope} "
            "points from the first report to the last, give or take {error}."
        ),
        "rises": _(
            "Later reports tell of a higher turnout: within regions it changes by {slope} points from the first "
            "report to the last, give or take {error}."
        ),
        "falls": _(
            "Later reports tell of a lower turnout: within regions it changes by {slope} points from the first "
            "report to the last, give or take {error}."
        ),
    }[row["direction"]].format(slope=slope, error=error)
    if not row["missing"] > 0:
        return [said, _("All sampled PECs have reported: nothing is left that could move the estimate.")]
    moves = _(
        "If the PECs still missing go on like that, the estimate moves by {shift} points; the interval leaves "
        "{term} for it."
    )
    return [said, moves.format(shift=points(row["shift"]), term=points(row["term"]))]


def points(share: float | None) -> str:
    """A difference of shares in percentage points."""
    return words.NOTHING if share is None or words.missing(share) else words.number(100 * share, 2)


def reason(why: Reason) -> str:
    """Why the light is not better, in a sentence."""
    return reasons.sentence(why, _, words.number, stratum)


def reasons_said(several: Sequence[Reason]) -> str:
    """All of them, a sentence each."""
    return " ".join(reason(why) for why in several)


def stratum(label: str | None) -> str:
    """A stratum by its region's name; merged ones by all of theirs."""
    return " + ".join(names.region(part) for part in (label or "").split("+"))


def merged(row: dict[Any, Any]) -> str:
    if not row["merged_strata"]:
        return ""
    return _("Strata with too few reports are counted together with their partner: {strata}.").format(
        strata=", ".join(stratum(label) for label in row["merged_strata"])
    )


def expected(seen: View, hour: str) -> str:
    """'Counts of 16:00 are due by 16:00': when what is missing may be there."""
    checklist = next((c for c in seen.moment.election.checklists if c.hour == hour), None)
    if checklist is None:
        return ""
    opens = words.clock_time(seen.moment.election.instant(checklist.opens))
    if checklist.due is None:
        return _("Counts of {hour} are welcome from {opens}; nobody is asked for them.").format(hour=hour, opens=opens)
    return _("Counts of {hour} are expected from {opens}, due by {due}.").format(
        hour=hour, opens=opens, due=words.clock_time(seen.moment.election.instant(checklist.due))
    )
