"""The change log: what the commission changed after it had published it, on both databases."""

from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from queries import feed
from store import tables as t
from tests.facts import Facts

MANUAL = {"registered": 1000, "found": 350, "valid": 340, "invalid": 10, "Ata-Meken": 200, "Alliance": 140}


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    return Facts(store).pec("5043").pec("5044")


def log(facts: Facts, at: str = "23:59", **filters: Any) -> list[tuple[Any, ...]]:
    rows = feed.changes(facts.at(at), **filters)
    columns = ["kind", "count", "place", "line", "from_value", "to_value", "votes", "after_manual"]
    return [tuple(None if pd.isna(v) else v for v in row) for row in rows[columns].itertuples(index=False)]


def test_what_is_published_once_is_no_change(facts: Facts) -> None:
    facts.published("machine", "5043", MANUAL, at="20:30").published("manual", "5043", MANUAL, at="22:30")
    assert log(facts) == []


def test_a_changed_figure_says_from_what_to_what_and_whether_votes_are_touched(facts: Facts) -> None:
    facts.published("manual", "5043", MANUAL, at="22:30")
    facts.published("manual", "5043", MANUAL | {"registered": 1010, "Alliance": 120, "valid": 320}, at="23:10")
    assert log(facts) == [
        ("changed", "manual", "5043", "Alliance", 140, 120, True, True),
        ("changed", "manual", "5043", "valid", 340, 320, False, True),
        ("changed", "manual", "5043", "registered", 1000, 1010, False, True),
    ]
    rows = feed.changes(facts.at("23:59"))
    assert set(rows["seen_at"]) == {pd.Timestamp("2021-11-28T23:10", tz="Asia/Bishkek")}
    assert rows["size"].tolist() == [20, 20, 10]
    assert set(rows["region"]) == {"osh"}


def test_a_machine_count_is_changed_before_or_after_the_manual_protocol(facts: Facts) -> None:
    facts.published("machine", "5043", {"Alliance": 138}, at="20:30")
    facts.published("machine", "5043", {"Alliance": 139}, at="20:40")
    facts.published("manual", "5043", {"Alliance": 140}, at="22:30")
    facts.published("machine", "5043", {"Alliance": 140}, at="22:50")
    assert [(row[4], row[5], row[7]) for row in log(facts)] == [(139, 140, True), (138, 139, False)]


def test_as_of_an_earlier_time_a_later_change_is_not_known(facts: Facts) -> None:
    facts.published("manual", "5043", MANUAL, at="22:30")
    facts.published("manual", "5043", MANUAL | {"Alliance": 120}, at="23:10")
    assert feed.changes(facts.as_of("23:00")).empty
    assert len(feed.changes(facts.as_of("23:10"))) == 1


def test_a_pec_that_vanished_is_one_row_and_says_when_it_came_back(facts: Facts) -> None:
    facts.published("manual", "5043", MANUAL, at="22:30").published("manual", "5044", MANUAL, at="22:30")
    keys = [("commission", "single_constituency", "pec", "5043", "manual", "", line, "number") for line in MANUAL]
    facts.withdraw(t.published, *keys, at="23:00", source="commission")
    assert log(facts, at="23:05") == [("vanished", "manual", "5043", "", None, None, True, True)]
    assert feed.changes(facts.at("23:05"))["lines"].tolist() == [6]
    facts.published("manual", "5043", MANUAL, at="23:30")
    assert feed.changes(facts.at("23:59"))["returned_at"].tolist() == [
        pd.Timestamp("2021-11-28T23:30", tz="Asia/Bishkek")
    ]


def test_a_line_that_vanished_from_a_protocol_is_named(facts: Facts) -> None:
    facts.published("manual", "5043", MANUAL, at="22:30")
    key = ("commission", "single_constituency", "pec", "5043", "manual", "", "invalid", "number")
    facts.withdraw(t.published, key, at="23:00", source="commission")
    assert log(facts) == [("line_vanished", "manual", "5043", "invalid", 10, None, False, True)]


def test_a_table_that_grows_with_the_pecs_is_no_change_but_one_that_falls_is(facts: Facts) -> None:
    for minute, (pecs, votes) in enumerate([(1, 100), (2, 180), (3, 170), (3, 175)]):
        facts.published("machine", "", {"pecs": pecs, "Alliance": votes}, at=f"20:1{minute}", scope="country")
    assert [row[3:6] for row in log(facts)] == [("Alliance", 180, 170), ("Alliance", 170, 175)]


def test_the_tables_repair_at_22_00_is_in_the_log(facts: Facts) -> None:
    facts.published("machine", "", {"pecs": 2494, "Ata-Meken": 78_651}, at="20:58", scope="country")
    facts.published("machine", "", {"pecs": 2494, "Ata-Meken": 45_306}, at="22:00", scope="country")
    assert log(facts) == [("changed", "machine", "", "Ata-Meken", 78_651, 45_306, True, None)]


def test_a_protocol_under_another_district_is_relabelled(facts: Facts) -> None:
    key = {"source": "commission", "contest": "single_constituency", "scope": "pec", "place": "5043", "count": "manual"}
    rows = [key | {"hour": "", "line": n, "unit": "number", "value": float(v)} for n, v in MANUAL.items()]
    facts.put(t.published, *(r | {"district": "Alay"} for r in rows), at="22:30", source="commission")
    facts.put(t.published, *(r | {"district": "Uzgen"} for r in rows), at="23:00", source="commission")
    assert [row[:4] for row in log(facts)] == [("relabelled", "manual", "5043", "")]


def test_the_log_can_be_asked_of_a_region_a_pec_a_count_or_a_kind(facts: Facts) -> None:
    facts.pec("1001", stratum="chui", district="Sokuluk")
    for pec in ("5043", "1001"):
        facts.published("manual", pec, {"Alliance": 140}, at="22:30")
        facts.published("manual", pec, {"Alliance": 141}, at="23:00")
    assert len(log(facts)) == 2
    assert [r[2] for r in log(facts, region="chui")] == ["1001"]
    assert [r[2] for r in log(facts, district="Alay")] == ["5043"]
    assert [r[2] for r in log(facts, pec="5043")] == ["5043"]
    assert log(facts, count="machine") == []
    assert log(facts, kind="vanished") == []


def test_changes_are_counted_by_the_hour(facts: Facts) -> None:
    facts.published("manual", "5043", MANUAL, at="22:30")
    facts.published("manual", "5043", MANUAL | {"Alliance": 120, "valid": 320}, at="23:10")
    (row,) = feed.changes_by_hour(facts.at("23:59")).itertuples(index=False)
    assert (row.kind, row.figures, row.pecs, row.votes) == ("changed", 2, 1, 1)
    assert feed.changes_by_hour(facts.as_of("22:00")).empty


def test_a_turnout_that_is_lower_than_an_hour_before_fell(facts: Facts) -> None:
    for hour, voted in (("12:00", 300), ("14:00", 290), ("16:00", 400)):
        facts.published("turnout", "osh", {"voted": voted, "registered": 2000}, at=hour, hour=hour, scope="region")
    (row,) = feed.falls(facts.at("17:00")).itertuples(index=False)
    assert (row.place, row.hour, row.count, row.earlier_hour, row.earlier_count) == ("osh", "14:00", 290, "12:00", 300)
