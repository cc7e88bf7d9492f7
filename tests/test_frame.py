"""The frame held against the design: what of the sample is not as it was drawn, said in red."""

import pytest
import sqlalchemy as sa

from queries import frame
from store import clock, decisions
from store import tables as t
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn, words_of

DRAWN = {s.id: s.sampled for s in ELECTION.strata}


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    told = Facts(store)
    told.pecs(DRAWN)
    return told


def misfits(facts: Facts, hour: str = "12:00") -> list[tuple[str, int, int, int, int]]:
    rows = frame.frame(facts.as_of(hour))
    wrong = rows.loc[~rows["fits"], ["stratum", "sampled", "of", "left", "no_voters"]]
    return [tuple(row) for row in wrong.itertuples(index=False)]


def test_before_there_is_a_frame_nothing_is_held_against_it(store: sa.Engine) -> None:
    assert frame.frame(Facts(store).at("07:00")).empty


def test_a_frame_as_drawn_fits(facts: Facts) -> None:
    assert misfits(facts) == []
    assert list(frame.frame(facts.at("12:00"))["stratum"]) == list(DRAWN)


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"in_sample": 0}, [("bishkek", 27, 28, 1, 0)]),
        ({"stratum": "osh"}, [("bishkek", 27, 28, 1, 0), ("osh", 74, 73, 0, 0)]),
        ({"stratum": None}, [("bishkek", 27, 28, 1, 0), ("", 1, 0, 0, 0)]),
        ({"registered_voters": None}, [("bishkek", 28, 28, 0, 1)]),
        ({"registered_voters": 0}, [("bishkek", 28, 28, 0, 1)]),
        (None, [("bishkek", 27, 28, 1, 0)]),  # gone
    ],
)
def test_a_sampled_pec_that_is_not_what_was_drawn_is_told(
    facts: Facts, told: dict[str, object] | None, wrong: list[tuple[str, int, int, int, int]]
) -> None:
    row = {"pec": "1000", "region": "bishkek", "stratum": "bishkek", "in_sample": 1, "registered_voters": 1000}
    if told is None:
        facts.withdraw(t.pec, ("1000",), at="10:00")
    else:
        facts.put(t.pec, row | {"mobile_applications": 0} | told, at="10:00")
    assert misfits(facts, "09:00") == []
    assert misfits(facts) == wrong
    assert set(frame.misfits(facts.at("12:00"))["pec"]) == {"1000"}


def test_one_that_comes_back_is_where_it_was(facts: Facts) -> None:
    row = {"pec": "1000", "region": "bishkek", "stratum": "bishkek", "in_sample": 1, "registered_voters": 1000}
    facts.withdraw(t.pec, ("1000",), at="10:00")
    facts.put(t.pec, row | {"mobile_applications": 0}, at="11:00")
    assert misfits(facts) == []


def test_a_person_accepts_a_sample_that_was_changed_on_purpose(facts: Facts) -> None:
    row = {"region": "bishkek", "stratum": "bishkek", "registered_voters": 1000, "mobile_applications": 0}
    changed = ({"pec": "1000", "in_sample": 0}, {"pec": "1900", "in_sample": 1})
    facts.put(t.pec, *(row | one for one in changed), at="10:00")
    assert misfits(facts) == [("bishkek", 28, 28, 1, 0)]
    with clock.frozen(ELECTION.moment_of("11:00")):
        decisions.accept_frame(facts.store, "Asanova", "1000 burnt down")
    assert misfits(facts) == []
    assert misfits(facts, "10:30") == [("bishkek", 28, 28, 1, 0)]
    facts.withdraw(t.pec, ("1001",), at="11:30")
    assert misfits(facts) == [("bishkek", 27, 28, 1, 0)], "what leaves later is told again"


def test_an_election_that_drew_no_sample_has_nothing_to_hold_it_against(facts: Facts) -> None:
    facts.election = ELECTION.model_copy(update={"strata": ()})
    assert frame.frame(facts.at("12:00")).empty


def test_more_than_was_drawn_is_told_as_well(facts: Facts) -> None:
    facts.pec("9999", stratum="talas")
    assert misfits(facts) == [("talas", 15, 14, 0, 0)]


def test_a_pec_without_voters_that_nobody_drew_is_told(facts: Facts) -> None:
    facts.pec("9998", stratum="talas", in_sample=0, registered_voters=0)
    facts.pec("9999", stratum=None, region="talas", in_sample=0, registered_voters=None)  # type: ignore[arg-type] # -- a PEC of no stratum
    assert misfits(facts) == [("talas", 14, 14, 0, 1), ("", 0, 0, 0, 1)]


@pytest.mark.parametrize("page", ["overview", "health"])
def test_it_is_a_red_line(sqlite_store: sa.Engine, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    facts = Facts(sqlite_store)
    facts.pecs(DRAWN)
    row = {"pec": "9998", "region": "talas", "stratum": "talas", "in_sample": 0, "registered_voters": 0}
    facts.put(t.pec, row | {"mobile_applications": 0}, at="09:30")
    facts.withdraw(t.pec, ("1000",), ("1001",), at="10:00")
    said = words_of(drawn(page))
    assert (
        "The frame of PECs is not as the sample was drawn: Bishkek: 26 of 28 sampled PECs, 2 have left their stratum "
        "(1000, 1001); Talas: 14 of 14 sampled PECs, 1 without voters (9998)."
    ) in said
    assert "not as the sample was drawn" not in words_of(drawn(page, as_of="09:00"))
