"""The embargo on what observers saw counted: when it ends, and which rows it covers.

Under it are the votes of lists in observers' protocols, and all that is made of them: sums, shares, differences.
Other lines of a protocol (ballots issued, found, invalid) PEC by PEC are not; added up over PECs they are.
"""

from datetime import datetime

from elections.config import Election
from queries.moment import Moment


def until(election: Election) -> datetime | None:
    """When it ends; none: there is no embargo."""
    return election.instant(election.embargo_until) if election.embargo_until else None


def lifted(m: Moment) -> bool:
    """Whether observers' votes may be shown, judged at the moment that is looked at and not by today's clock."""
    end = until(m.election)
    return end is None or m.at >= end
