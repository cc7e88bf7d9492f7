"""A person settles on a PEC's panel what its observers differ on, with a name and a reason."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from queries import moment, pec, procedures
from store import clock
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn

KEY = "settle_5001_opening|drawing_of_lots"


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """Two observers of PEC 5001 who differ, in the store of this process."""
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    monkeypatch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
    moment.here.cache_clear()
    facts = Facts(sqlite_store)
    facts.pec("5001")
    facts.report("5001", "opening", "a", at="08:00", drawing_of_lots="yes")
    facts.report("5001", "opening", "b", at="08:05", drawing_of_lots="no")
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("08:20"), 0)
    yield facts
    moment.here.cache_clear()
    clock.follow(None)


def settle(app: AppTest) -> AppTest:
    return next(b for b in app.button if b.label == "Settle it").click().run()


def counted(facts: Facts) -> tuple[int, int]:
    """PECs that say no, and those in conflict."""
    rows = procedures.procedures(facts.at("08:30"), question="drawing_of_lots").set_index("answer")
    return int(rows.loc["no", "count"]), int(rows.loc["no", "conflicts"])


def test_a_person_says_which_answer_holds_and_why(facts: Facts) -> None:
    assert counted(facts) == (0, 1)
    app = settle(drawn("pec", pec="5001"))
    assert [e.value for e in app.error] == ["Choose the answer that holds."]
    assert sorted(app.radio(f"{KEY}_value").options) == ["no", "yes"]
    app.radio(f"{KEY}_value").set_value("no")
    app = settle(app)
    assert [e.value for e in app.error] == ["Say who decides, and why."]
    assert counted(facts) == (0, 1)
    app.text_input(f"{KEY}_who").set_value("A. Operator")
    app.text_input(f"{KEY}_why").set_value("rang both of them")
    app = settle(app)
    assert not app.error
    assert counted(facts) == (1, 0)
    (said,) = [e.value for e in drawn("pec", pec="5001").text if "settled" in e.value]
    assert said == "Lots were drawn: no, settled by A. Operator at 08:20: rang both of them"


def test_the_past_is_not_decided_on(facts: Facts) -> None:
    app = drawn("pec", pec="5001", as_of="08:10")
    assert "Settle it" not in [b.label for b in app.button]


def test_votes_are_not_offered_before_the_embargo_ends(facts: Facts) -> None:
    form = "protocol_single_constituency"
    for who, votes in (("a", 5), ("b", 50)):
        facts.report("5001", form, who, at="22:00", best=False, votes_1=votes)
    one = pec.pec(facts.at("23:00"), "5001")
    assert one.agreed.loc[one.agreed["form"] == form, "conflict"].tolist() == [True]
    assert list(one.differing["form"]) == ["opening"]
    assert "votes_1" in set(pec.pec(facts.at("2021-11-29T09:00"), "5001").differing["question"])
