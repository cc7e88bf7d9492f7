"""The observers' protocols against the commission's: per PEC, as an estimate, and over the sampled PECs."""

from typing import Any

import pytest
import sqlalchemy as sa

from queries import comparison
from tests.facts import ELECTION, Facts

FORM = "protocol_single_constituency"
LISTS = [item.id for item in ELECTION.contests[0].lists]
NUMBER = {item.id: f"votes_{item.number}" for item in ELECTION.contests[0].lists}


def protocol(*votes: int, **lines: float) -> dict[str, float]:
    """A protocol that adds up, of so many votes for the first lists."""
    given = dict(zip(LISTS, [*votes, *([0] * len(LISTS))], strict=False))
    valid = sum(given.values())
    own = {"registered": 1000, "received": 1000, "issued": valid + 10, "unused": 1000 - valid - 11, "spoiled": 1,
           "found": valid + 10, "valid": valid, "invalid": 10}  # fmt: skip
    return own | lines | given


def answers(figures: dict[str, float]) -> dict[str, Any]:
    return {NUMBER.get(line, line): value for line, value in figures.items()}


RIGHT = protocol(200, 100, 40)


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    return Facts(store)


def observed(facts: Facts, pec: str, figures: dict[str, float], copy: str | None = "certified", **more: Any) -> None:
    facts.report(pec, FORM, at=more.pop("at", "23:00"), best=False, copy=copy, **answers(figures), **more)


def state(facts: Facts, pec: str = "5043", field: str = "Ata-Meken", **asked: Any) -> str:
    rows = comparison.fields(facts.at("23:59"), **asked)
    return str(rows[(rows["pec"] == pec) & (rows["field"] == field)]["state"].item())


def test_a_protocol_that_is_the_same_is_equal_in_every_field(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT, at="22:30")
    observed(facts, "5043", RIGHT)
    rows = comparison.fields(facts.at("23:59"))
    assert len(rows) == 30
    assert set(rows["state"]) == {"equal"}
    (row,) = comparison.protocols(facts.at("23:59")).to_dict("records")
    assert (row["state"], row["copy"], row["compared"], row["differing"]) == ("equal", "certified", 30, 0)


def test_what_differs_stands_with_both_values_votes_first(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT | {"registered": 1200, "Alliance": 35}, at="22:30")
    facts.published("machine", "5043", RIGHT | {"Alliance": 38}, at="20:30")
    observed(facts, "5043", RIGHT)
    rows = comparison.fields(facts.at("23:59"), state="differs")
    columns = ["field", "votes", "observed", "machine", "manual", "difference"]
    assert rows[columns].to_numpy().tolist() == [
        ["Alliance", True, 40, 38, 35, -5],
        ["registered", False, 1000, 1000, 1200, 200],
    ]
    (row,) = comparison.protocols(facts.at("23:59")).to_dict("records")
    assert (row["state"], row["votes_differ"], row["votes_moved"], row["largest"]) == ("differs", 1, 5, 200)
    assert state(facts, field="Alliance", against="machine") == "differs"


def test_a_protocol_shows_the_line_that_differs_most_votes_first_or_the_one_asked_for(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT | {"registered": 1200, "Alliance": 35}, at="22:30")
    facts.pec("5044").published("manual", "5044", RIGHT, at="22:30")
    for pec in ("5043", "5044"):
        observed(facts, pec, RIGHT)
    m, shown = facts.at("23:59"), ["pec", "field", "observed", "manual", "difference"]
    found = RIGHT["found"]
    assert comparison.protocols(m)[shown].to_numpy().tolist() == [
        ["5043", "Alliance", 40, 35, -5],
        ["5044", "found", found, found, 0],
    ]
    lines = comparison.protocols(m, line="registered")[shown].to_numpy().tolist()
    assert lines == [["5043", "registered", 1000, 1200, 200], ["5044", "registered", 1000, 1000, 0]]
    hidden = comparison.protocols(m, whole=False)[[*shown, "differing"]].to_numpy().tolist()
    assert hidden[0] == ["5043", "registered", 1000, 1200, 200, 1]


def test_the_protocols_are_counted_by_state_and_by_copy(facts: Facts) -> None:
    for pec, copy in (("5041", "certified"), ("5042", "refused"), ("5043", None)):
        facts.pec(pec).published("manual", pec, RIGHT, at="22:30")
        observed(facts, pec, RIGHT, copy=copy)
    m = facts.at("23:59")
    assert comparison.counted(m, "state").to_dict() == {"equal": 1, "copy_not_obtained": 1, "not_observed": 1}
    assert comparison.counted(m, "copy").to_dict() == {"certified": 1, "refused": 1, "": 1}


def test_a_protocol_is_awaited_until_it_is_late(facts: Facts) -> None:
    late = ELECTION.late_from(ELECTION.forms[FORM])
    assert late is not None
    facts.pec("5043")
    assert comparison.awaited(facts.as_of("23:00"))
    assert not comparison.awaited(facts.as_of(f"{late:%Y-%m-%dT%H:%M}"))


@pytest.mark.parametrize("copy", ["promised", "refused"])
def test_a_copy_that_was_not_obtained_is_never_equal(facts: Facts, copy: str) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT, at="22:30")
    observed(facts, "5043", RIGHT, copy=copy)
    assert set(comparison.fields(facts.at("23:59"))["state"]) == {"copy_not_obtained"}
    assert comparison.protocols(facts.at("23:59"))["state"].tolist() == ["copy_not_obtained"]
    assert comparison.sums(facts.at("23:59"))["pecs"].sum() == 0


def test_a_pec_that_the_commission_has_not_published_is_not_published(facts: Facts) -> None:
    facts.pec("5043").pec("5044").published("machine", "5043", RIGHT, at="20:30")
    observed(facts, "5043", RIGHT)
    assert state(facts) == "not_published"
    assert state(facts, against="machine") == "equal"


def test_a_pec_without_a_protocol_of_the_observers_is_not_observed(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT, at="22:30")
    assert set(comparison.fields(facts.at("23:59"))["state"]) == {"not_observed"}
    observed(facts, "5043", RIGHT, copy=None)  # and nobody said whether there is a copy
    assert set(comparison.fields(facts.at("23:59"))["state"]) == {"not_observed"}


def test_two_observers_who_differ_are_a_conflict_until_one_is_corrected(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT, at="22:30")
    observed(facts, "5043", RIGHT, observer="a")
    observed(facts, "5043", RIGHT | {"Ata-Meken": 202}, observer="b", report="second")
    assert state(facts) == "conflict"
    assert state(facts, field="Alliance") == "equal"
    assert comparison.protocols(facts.at("23:59"))["state"].tolist() == ["conflict"]
    observed(facts, "5043", RIGHT, observer="b", report="second", at="23:30")
    assert state(facts) == "equal"


def test_a_certified_and_a_photographed_copy_are_both_a_copy_but_refused_and_certified_are_a_conflict(
    facts: Facts,
) -> None:
    facts.pec("5043").pec("5044").published("manual", "5043", RIGHT, at="22:30")
    facts.published("manual", "5044", RIGHT, at="22:30")
    for pec, second in (("5043", "photographed"), ("5044", "refused")):
        observed(facts, pec, RIGHT, observer=f"{pec}a")
        observed(facts, pec, RIGHT, observer=f"{pec}b", copy=second)
    assert state(facts, "5043") == "equal"
    assert state(facts, "5044") == "conflict"


def test_the_list_is_sorted_by_what_touches_votes_then_by_size(facts: Facts) -> None:
    for pec, wrong in (("5041", {"issued": 990}), ("5042", {"Alliance": 41}), ("5043", {"Alliance": 70}), ("5044", {})):
        facts.pec(pec).published("manual", pec, RIGHT | wrong, at="22:30")
        observed(facts, pec, RIGHT)
    assert comparison.protocols(facts.at("23:59"))["pec"].tolist() == ["5043", "5042", "5041", "5044"]
    differing = comparison.fields(facts.at("23:59"), state="differs")
    assert differing["pec"].tolist() == ["5043", "5042", "5041"]


def test_the_comparison_can_be_asked_of_a_region_a_district_or_a_pec(facts: Facts) -> None:
    facts.pec("5043").pec("1001", stratum="chui", district="Sokuluk").pec("9001", in_sample=0)
    m = facts.at("23:59")
    assert set(comparison.fields(m)["pec"]) == {"5043", "1001"}
    assert set(comparison.fields(m, region="chui")["pec"]) == {"1001"}
    assert set(comparison.fields(m, district="Alay")["pec"]) == {"5043"}
    assert set(comparison.fields(m, pec="5043")["pec"]) == {"5043"}


def test_level_3_adds_up_both_sides_over_the_pecs_that_can_be_compared(facts: Facts) -> None:
    for pec, published, copy in (
        ("5041", RIGHT, "certified"),
        ("5042", RIGHT | {"Ata-Meken": 190}, "photographed"),
        ("5043", RIGHT, "refused"),
    ):
        facts.pec(pec).published("manual", pec, published, at="22:30")
        observed(facts, pec, RIGHT, copy=copy)
    facts.pec("5044").published("machine", "5041", RIGHT | {"Ata-Meken": 199}, at="20:30")
    rows = comparison.sums(facts.at("23:59")).set_index("field")
    row = rows.loc["Ata-Meken"]
    assert (row["observed"], row["manual"], row["difference"]) == (400, 390, -10)
    assert (row["machine"], row["machine_pecs"], row["differing"], row["pecs"], row["of"]) == (199, 1, 1, 2, 4)
    assert list(rows.index[:2]) == ["Ata-Meken", "Butun Kyrgyzstan"]  # lists before the other lines


def many(facts: Facts, shift: int = 0, last: int = 0, count: str = "manual") -> None:
    """Every stratum's PECs with protocols; the commission's differ by `shift` votes, and `last` are not published."""
    pecs = facts.pecs({s.id: s.sampled for s in ELECTION.strata})
    reports, published = [], []
    for i, pec in enumerate(pecs):
        votes = (200 + i % 7, 100 + i % 5, 40)
        reports.append((pec, protocol(*votes)))
        published.append((pec, protocol(votes[0] - shift, votes[1] + shift, votes[2])))
    with facts.in_one_load("23:00"):
        for pec, figures in reports:
            observed(facts, pec, figures)
    with facts.in_one_load("23:10", "commission"):
        for pec, figures in published[: len(published) - last]:
            facts.published(count, pec, figures, at="23:10")


def test_level_2_says_whether_the_published_total_lies_in_the_samples_interval(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    many(facts)
    rows = comparison.shares(facts.at("23:59")).set_index("list")
    row = rows.loc["Ata-Meken"]
    assert (row["light"], row["n"], row["of"], row["state"]) == ("green", 300, 300, "inside")
    assert row["low"] <= row["value"] <= row["high"]
    assert (row["published_pecs"], row["published_of"]) == (300, 300)
    assert row["published"] == pytest.approx(row["published_votes"] / row["published_base"])
    assert rows.loc["invalid", "value"] == pytest.approx(10 / 353, abs=0.001)


def test_level_2_finds_votes_that_went_from_one_list_to_another(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    many(facts, shift=20)
    rows = comparison.shares(facts.at("23:59")).set_index("list")
    assert rows["state"][["Ata-Meken", "Butun Kyrgyzstan", "Alliance"]].tolist() == ["outside", "outside", "inside"]


def test_level_2_is_held_against_the_machine_count_where_that_is_asked_for(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    many(facts, shift=20, count="machine")  # and nothing by hand yet
    rows = comparison.shares(facts.at("23:59"), against="machine").set_index("list")
    assert rows["state"][["Ata-Meken", "Butun Kyrgyzstan", "Alliance"]].tolist() == ["outside", "outside", "inside"]
    assert (rows.loc["Ata-Meken", "published_pecs"], rows.loc["Ata-Meken", "published_of"]) == (300, 300)
    assert set(comparison.shares(facts.at("23:59"))["state"]) == {"not_comparable"}


def test_level_2_compares_with_no_part_of_the_total(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    many(facts, last=100)
    rows = comparison.shares(facts.at("23:59"))
    assert set(rows["state"]) == {"not_comparable"}
    assert set(rows["why"]) == {"published"}


def test_level_2_shows_no_number_under_a_red_light(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT, at="22:30")
    observed(facts, "5043", RIGHT)
    rows = comparison.shares(facts.at("23:59"))
    assert set(rows["light"]) == {"red"}
    assert rows[["value", "low", "high"]].isna().all(axis=None)
    assert set(rows["why"]) == {"light"}


def test_as_of_an_earlier_time_the_comparison_is_the_one_of_then(facts: Facts) -> None:
    facts.pec("5043").published("manual", "5043", RIGHT | {"Alliance": 39}, at="22:30")
    observed(facts, "5043", RIGHT)
    facts.published("manual", "5043", RIGHT, at="23:30")
    assert comparison.protocols(facts.as_of("23:10"))["state"].tolist() == ["differs"]
    assert comparison.protocols(facts.as_of("23:30"))["state"].tolist() == ["equal"]
    assert comparison.protocols(facts.as_of("22:45"))["state"].tolist() == ["not_observed"]


def test_a_level_is_asked_for_by_its_number(facts: Facts) -> None:
    facts.pec("5043")
    m = facts.at("23:59")
    assert [comparison.comparison(m, level).columns[1] for level in comparison.LEVELS] == ["pec", "list", "field"]
