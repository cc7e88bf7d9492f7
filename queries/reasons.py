"""Why a light is not better, in a sentence: one place for the words, on the pages in the reader's language as well.

The messages are written out under `_`, so that they come into the catalogues; the caller gives the translation.
"""

from collections.abc import Callable
from math import inf
from typing import Protocol

from elections.config import Election
from queries.light import Reason


class Number(Protocol):
    """How a number is written, with so many digits after its point."""

    def __call__(self, value: float | None, digits: int = 0) -> str: ...


def sentence(why: Reason, _: Callable[[str], str], number: Number, stratum: Callable[[str | None], str]) -> str:
    """'Naryn: 9 of 21 PECs have reported; it takes 11.'"""
    if why.code == "sample":
        return _("{have} of {of} sampled PECs have reported; it takes {needs}.").format(
            have=number(why.have), of=number(why.of), needs=number(why.needs)
        )
    if why.code == "stratum":
        return _("{region}: {have} of {of} PECs have reported; it takes {needs}.").format(
            region=stratum(why.stratum), have=number(why.have), of=number(why.of), needs=number(why.needs)
        )
    if why.have == inf:
        return _("All reports came at one moment: whether early and late ones differ cannot be seen yet.")
    have, needs = (number(100 * share, 2) for share in (why.have, why.needs))
    if why.code == "drift":
        return _("Early and late reports differ: {have} points of drift; at most {needs} are allowed.").format(
            have=have, needs=needs
        )
    if why.code == "width":
        return _("The interval would be {have} points wide; at most {needs} are allowed.").format(
            have=have, needs=needs
        )
    return _("From these reports nothing can be estimated.")


def english(why: Reason, election: Election) -> str:
    """The sentence as files and the command line have it."""
    return sentence(why, str, _number, lambda label: _stratum(election, label))


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _stratum(election: Election, label: str | None) -> str:
    """A stratum by the name of the region that it is called after; merged ones by all of theirs."""
    names = {r.id: r.name["en"] for r in election.regions if "en" in r.name}
    return " + ".join(names.get(part, part) for part in (label or "").split("+"))
