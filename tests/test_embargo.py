"""The embargo: observers' votes are shown nowhere before its hour, and everywhere after it."""

import pytest
import sqlalchemy as sa

from elections.config import Election
from queries import embargo
from tests.facts import ELECTION, Facts


def without_embargo(election: Election) -> Election:
    return election.model_copy(update={"embargo_until": None})


@pytest.mark.parametrize(
    ("seen_at", "lifted"), [("20:05", False), ("2021-11-29T07:59", False), ("2021-11-29T08:00", True)]
)
def test_the_embargo_ends_at_its_hour_at_the_moment_that_is_looked_at(
    sqlite_store: sa.Engine, seen_at: str, lifted: bool
) -> None:
    facts = Facts(sqlite_store).pec("5001")
    assert embargo.lifted(facts.as_of(seen_at)) is lifted


def test_an_election_without_an_hour_has_no_embargo(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store, without_embargo(ELECTION)).pec("5001")
    assert embargo.lifted(facts.as_of("08:00"))
    assert embargo.until(facts.election) is None
