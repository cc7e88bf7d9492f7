"""The frame held against the design: what of the sample is not as it was drawn, said in red."""

import pytest
import sqlalchemy as sa

from queries import frame
from store import clock, decisions
from store import tables as t
from tests.facts import ELECTION, Facts
from tests.observation_world import Observation, Poll
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
        decisions.accept_frame(facts.store, facts.at("11:00").load, "Asanova", "1000 burnt down")
    assert misfits(facts) == []
    assert misfits(facts, "10:30") == [("bishkek", 28, 28, 1, 0)]
    facts.withdraw(t.pec, ("1001",), at="11:30")
    assert misfits(facts) == [("bishkek", 27, 28, 1, 0)], "what leaves later is told again"


def test_who_accepts_the_sample_accepts_nothing_that_the_page_did_not_show(facts: Facts) -> None:
    facts.withdraw(t.pec, ("1000",), at="10:00")
    shown = facts.at("10:30").load
    facts.withdraw(t.pec, ("1001",), at="10:31")
    with clock.frozen(ELECTION.moment_of("10:32")):
        decisions.accept_frame(facts.store, shown, "Asanova", "1000 burnt down")
    assert [pec for _, pec, _ in named(facts)] == ["1001"]


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


def named(facts: Facts, hour: str = "12:00") -> list[tuple[str, str, str]]:
    rows = frame.misfits(facts.as_of(hour))
    fits = frame.frame(facts.as_of(hour)).set_index("stratum")["fits"]
    assert set(rows["stratum"]) == set(fits[~fits].index)
    return [tuple(row) for row in rows[["stratum", "pec", "what"]].itertuples(index=False)]


def test_a_sampled_pec_of_another_region_is_told_until_it_is_back_or_accepted(facts: Facts) -> None:
    row = {"pec": "1000", "stratum": "bishkek", "registered_voters": 1000, "in_sample": 1, "mobile_applications": 0}
    for hour, region in (("10:00", "osh"), ("11:00", "bishkek"), ("11:30", "osh")):
        facts.put(t.pec, row | {"region": region}, at=hour)
    moved = [("bishkek", "1000", "moved")]
    assert [named(facts, hour) for hour in ("09:59", "10:01", "11:01", "11:31")] == [[], moved, [], moved]
    assert frame.frame(facts.at("12:00")).set_index("stratum")["moved"].sum() == 1
    with clock.frozen(ELECTION.moment_of("11:40")):
        decisions.accept_frame(facts.store, facts.at("11:40").load, "Asanova", "it lies in Osh")
    assert named(facts) == []


def test_a_sampled_pec_that_went_to_another_stratum_and_came_back_is_where_it_was(facts: Facts) -> None:
    row = {"pec": "1000", "region": "bishkek", "registered_voters": 1000, "in_sample": 1, "mobile_applications": 0}
    for hour, stratum in (("10:00", "osh"), ("11:00", "bishkek")):
        facts.put(t.pec, row | {"stratum": stratum}, at=hour)
    assert frame.misfits(facts.as_of("10:30")).values.tolist() == [["bishkek", "1000", "left"]]
    assert misfits(facts) == []


def test_a_sampled_pec_whose_row_was_rejected_is_told_until_it_is_good_again(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    poll("07:30")
    observation.pec("1001", "08:00", region="Atlantis")
    observation.pec("1004", "08:00", region="Atlantis", in_sample=0)
    poll("08:01")
    observation.pec("1001", "08:10")
    poll("08:11")
    rows = {hour: frame.misfits(Facts(store).as_of(hour)) for hour in ("07:31", "08:02", "08:12")}
    assert [len(told) for told in rows.values()] == [0, 1, 0]
    assert rows["08:02"].values.tolist() == [["bishkek", "1001", "set_aside"]]
    assert frame.frame(Facts(store).as_of("08:02"))["set_aside"].sum() == 1


@pytest.mark.parametrize("page", ["overview", "health"])
def test_it_is_a_red_line(sqlite_store: sa.Engine, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    facts = Facts(sqlite_store)
    facts.pecs(DRAWN)
    row = {"pec": "9998", "region": "talas", "stratum": "talas", "in_sample": 0, "registered_voters": 0}
    row |= {"mobile_applications": 0}
    facts.put(t.pec, row, at="09:30")
    facts.withdraw(t.pec, ("1000",), ("1001",), at="10:00")
    moved = {"pec": "1002", "region": "osh", "stratum": "bishkek", "in_sample": 1, "registered_voters": 1000}
    facts.put(t.pec, row | moved, at="10:00")
    aside = {"source": "observation", "place": "obs_pec", "key": "1003", "hash": "h", "reason": "unknown_region"}
    facts.put(t.quarantine, aside | {"raw": "{}"}, at="10:00")
    said = words_of(drawn(page))
    assert (
        "The frame of PECs is not as the sample was drawn: Bishkek: 26 of 28 sampled PECs, 2 have left their stratum "
        "(1000, 1001), 1 is in another region now (1002), 1 has a row that "
        "could not be used (1003); Talas: 14 of 14 sampled PECs, 1 without voters (9998)."
    ) in said
    assert "not as the sample was drawn" not in words_of(drawn(page, as_of="09:00"))
