"""The checks on what is published: for each kind of wrong figure the checks that fire, and no others."""

import string
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from elections.config import Election, Feed
from queries import checks, checks_c, feed, sheets
from queries.check_kinds import INNOCENT
from queries.check_list import CHECKS
from store import clock
from store import tables as t
from store.loading import loading
from tests.facts import ELECTION, Facts

LISTS = {item.id: f"votes_{item.number}" for item in ELECTION.contests[0].lists}
FIRST, SECOND = list(LISTS)[:2]
FORM = "protocol_single_constituency"
SAMPLED, OTHER = "5001", "5002"
REGIONS = [r.id for r in ELECTION.regions]
Figures = dict[str, float]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.proof)])
def store(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty store. On PostgreSQL in `make proof` alone: what is tested here is arithmetic."""
    engine: sa.Engine = request.getfixturevalue(f"{request.param}_store")
    return engine


def with_region_tables() -> Election:
    """The same election, whose commission publishes a table of each region too."""
    return with_feed(
        Feed(id="regions", path="/r", contest="single_constituency", count="manual", scope="region", rows="rows")
    )


def with_turnout_of_pecs() -> Election:
    """The same election, whose commission publishes every PEC's turnout by hour."""
    return with_feed(
        Feed(id="hourly", path="/h", contest="single_constituency", count="turnout", scope="pec", rows="rows")
    )


def with_feed(tables: Feed) -> Election:
    own = ELECTION.source("commission")
    sources = [s if s is not own else own.model_copy(update={"feeds": (*own.feeds, tables)}) for s in ELECTION.sources]
    return ELECTION.model_copy(update={"sources": tuple(sources)})


def protocol(seed: int) -> Figures:
    """A protocol that adds up."""
    rng = np.random.default_rng(seed)
    votes = {name: int(n) for name, n in zip(LISTS, rng.integers(0, 40, len(LISTS)), strict=True)}
    valid, invalid, registered = sum(votes.values()), int(rng.integers(3, 20)), int(rng.integers(1300, 1500))
    issued = valid + invalid + int(rng.integers(0, 3))
    lines = {"registered": registered, "received": registered + 1, "issued": issued, "spoiled": 1,
             "unused": registered - issued, "found": valid + invalid, "valid": valid, "invalid": invalid}  # fmt: skip
    return lines | votes


TABLE = ("valid", "invalid", "found", *LISTS)


def total(protocols: list[Figures]) -> Figures:
    """A table: the sums of these protocols."""
    return {"pecs": len(protocols)} | {line: sum(p[line] for p in protocols) for line in TABLE}


def shares(table: Figures) -> Figures:
    return {name: round(100 * table[name] / table["found"], 2) for name in LISTS}


@dataclass
class World:
    """A small commission: two PECs a region, machine and manual counts, tables, turnout; and one sampled PEC."""

    protocols: dict[str, Figures] = field(default_factory=dict)
    region_of: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Figures] = field(default_factory=dict)
    country: Figures = field(default_factory=dict)
    percents: Figures = field(default_factory=dict)
    regions: dict[str, Figures] = field(default_factory=dict)
    turnout: dict[str, int] = field(default_factory=dict)
    observed: Figures = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    identified: int = 0

    def load(self, store: sa.Engine, election: Election = ELECTION) -> Facts:
        facts = Facts(store, election)
        frame = {"district": None, "mobile_applications": 0, "registered_voters": 1500}
        own = self.region_of.items()
        pecs = [frame | {"pec": p, "region": r, "stratum": r, "in_sample": int(p == SAMPLED)} for p, r in own]
        facts.put(t.pec, *pecs, at="2021-11-27T06:00")
        for hour, voted in self.counts.items():
            form = {"12:00": "voting_12", "16:00": "voting_16"}[hour]
            facts.report(SAMPLED, form, at=hour, voters_voted=voted, count_origin="own_count")
        answers: dict[str, Any] = {LISTS.get(line, line): value for line, value in self.observed.items()}
        facts.report(SAMPLED, FORM, at="23:00", best=False, copy="certified", **answers)
        facts.report(SAMPLED, "arbb_final", at="21:10", identification_slip_count=self.identified)
        rows = [row for hour, n in self.turnout.items()
                for row in figures("turnout", "region", "osh", {"registered": 3000, "voted": n}, hour)]  # fmt: skip
        for count, protocols in (("machine", self.machine), ("manual", self.protocols)):
            rows += [row for pec, own in protocols.items() for row in figures(count, "pec", pec, own)]
        rows += figures("manual", "country", "", self.country)
        rows += figures("manual", "country", "", self.percents, unit="percent")
        rows += [row for region, own in self.regions.items() for row in figures("manual", "region", region, own)]
        facts.put(t.published, *rows, at="23:30", source="commission")
        return facts


def figures(
    count: str, scope: str, place: str, lines: Figures, hour: str = "", unit: str = "number"
) -> list[dict[str, Any]]:
    key = {"source": "commission", "contest": "single_constituency", "scope": scope, "place": place, "count": count}
    return [key | {"hour": hour, "line": n, "unit": unit, "value": float(v)} for n, v in lines.items()]


def world() -> World:
    w = World()
    for i, region in enumerate(REGIONS):
        for code in (f"{i}001", f"{i}002"):
            w.protocols[code], w.region_of[code] = protocol(int(code)), region
    w.machine = {code: dict(p) for code, p in w.protocols.items()}
    w.country = total(list(w.protocols.values()))
    w.percents = shares(w.country)
    w.turnout = {"10:00": 300, "12:00": 700, "14:00": 1100}
    w.observed = dict(w.protocols[SAMPLED])
    w.counts = {"12:00": 200, "16:00": 380}
    w.identified = w.protocols[SAMPLED]["found"]
    return w


def fired(facts: Facts, at: str = "23:59", **asked: Any) -> set[str]:
    return set(checks.findings(facts.at(at), **asked)["check"])


def test_nothing_fires_where_nothing_is_wrong(store: sa.Engine) -> None:
    w = world()
    w.regions = {r: total([p for c, p in w.protocols.items() if w.region_of[c] == r]) for r in REGIONS}
    facts = w.load(store, with_region_tables())
    assert checks.findings(facts.at("23:59")).empty
    table = checks.checks(facts.at("23:59"))
    judged = set(table.loc[table["state"] == "right", "check"])
    assert {c.id for c in CHECKS.values() if c.tier == "A"} <= judged


def line(w: World) -> None:
    w.protocols[OTHER]["unused"] += 50


def line_of_the_table(w: World) -> None:
    w.protocols[OTHER]["invalid"] += 5


def more_found_than_issued(w: World) -> None:
    """Ten ballots more, for one list, in the protocol and in the table."""
    for figures_of in (w.protocols[OTHER], w.machine[OTHER], w.country):
        for name in ("found", "valid", FIRST):
            figures_of[name] += 10
    w.percents = shares(w.country)


def votes(w: World) -> None:
    w.protocols[OTHER][FIRST] += 30


def votes_moved(w: World, pec: str = OTHER) -> None:
    own = w.protocols[pec]
    most, least = max(LISTS, key=own.__getitem__), min(LISTS, key=own.__getitem__)
    own[most], own[least] = own[most] - 25, own[least] + 25


def votes_moved_at_the_sampled_pec(w: World) -> None:
    votes_moved(w, SAMPLED)


def country_total(w: World) -> None:
    w.country[FIRST] += 1
    w.country["valid"] += 1
    w.country["found"] += 1
    w.percents = shares(w.country)


def preferences_added(w: World) -> None:
    """The night of 28 November: the table adds preference votes to the votes, and its percentages follow."""
    for name in list(LISTS)[:-1]:
        w.country[name] = round(w.country[name] * 1.74)
    w.percents = shares(w.country)


def percentage(w: World) -> None:
    w.percents[FIRST] += 0.5


def percentage_over_100(w: World) -> None:
    w.percents[FIRST] += 60


def other_base(w: World) -> None:
    w.percents = {name: round(100 * w.country[name] / w.country["valid"], 2) for name in LISTS}


def copied_pec(w: World) -> None:
    w.protocols[OTHER] = dict(w.protocols["3002"])


def copied_pec_in_the_total(w: World) -> None:
    copied_pec(w)
    w.machine[OTHER] = dict(w.protocols[OTHER])
    w.country = total(list(w.protocols.values()))
    w.percents = shares(w.country)


def observers_line(w: World) -> None:
    w.observed["registered"] += 100


def observers_votes(w: World) -> None:
    w.observed[FIRST] += 1


def turnout_fell(w: World) -> None:
    w.turnout["14:00"] = 650


def observed_turnout_fell(w: World) -> None:
    w.counts["16:00"] = 150


def fewer_identified_than_found(w: World) -> None:
    w.identified -= 1


def more_voted_than_registered(w: World) -> None:
    w.turnout["14:00"] = 3001


def too_many_ballots_delivered(w: World) -> None:
    w.protocols[OTHER]["received"] += 20
    w.protocols[OTHER]["unused"] += 20


def more_found_than_voters(w: World) -> None:
    """Everything adds up, with an additional list."""
    own = w.protocols[OTHER]
    more = 1600 - own["found"]
    for figures_of in (own, w.machine[OTHER], w.country):
        for name in ("found", "valid", FIRST):
            figures_of[name] += more
    for figures_of in (own, w.machine[OTHER]):
        figures_of |= {"registered": 1610, "received": 1611, "issued": 1605, "unused": 5}
    w.percents = shares(w.country)


def not_whole(w: World) -> None:
    w.protocols[OTHER]["unused"] += 0.5
    w.protocols[OTHER]["received"] += 0.5


def negative(w: World) -> None:
    own = w.protocols[OTHER]
    own["spoiled"], own["unused"] = -1, own["unused"] + 2


def unknown_pec(w: World) -> None:
    w.machine["9999"] = protocol(9999)


WRONG: list[tuple[Callable[[World], None], set[str]]] = [
    (line, {"received_split"}),
    (line_of_the_table, {"found_split", "total_is_sum"}),
    (more_found_than_issued, {"found_issued"}),
    (votes, {"valid_votes", "total_is_sum", "machine_manual"}),
    (votes_moved, {"total_is_sum", "machine_manual"}),
    (votes_moved_at_the_sampled_pec, {"total_is_sum", "machine_manual", "protocol_differs"}),
    (country_total, {"total_is_sum"}),
    (preferences_added, {"total_is_sum", "votes_within_valid", "percents_add"}),
    (percentage, {"percent_of_base"}),
    (percentage_over_100, {"percent_of_base", "percents_add"}),
    (other_base, {"percent_of_base"}),
    (copied_pec, {"same_figures", "total_is_sum", "machine_manual"}),
    (copied_pec_in_the_total, {"same_figures"}),
    (observers_line, {"protocol_differs"}),
    (observers_votes, {"protocol_differs", "valid_votes"}),
    (turnout_fell, {"turnout_fell"}),
    (observed_turnout_fell, {"observed_turnout_fell"}),
    (fewer_identified_than_found, {"identified_found", "slip_found"}),
    (more_voted_than_registered, {"voted_registered"}),
    (too_many_ballots_delivered, {"delivered"}),
    (more_found_than_voters, {"turnout_over_list"}),
    (not_whole, {"whole"}),
    (negative, {"not_negative"}),
    (unknown_pec, {"pec_known"}),
]


@pytest.mark.parametrize(("wrong", "expected"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_each_kind_of_wrong_figure_fires_its_checks_and_no_others(
    store: sa.Engine, wrong: Callable[[World], None], expected: set[str]
) -> None:
    w = world()
    wrong(w)
    assert fired(w.load(store)) == expected


@pytest.mark.parametrize(("registered", "spare"), [(1_500, 2), (5_000, 5)])
def test_a_pec_may_get_two_ballots_more_than_voters_or_a_thousandth_more(
    sqlite_store: sa.Engine, registered: int, spare: int
) -> None:
    facts = Facts(sqlite_store)
    for pec, received in (("5001", registered + spare), ("5002", registered + spare + 1)):
        facts.pec(pec).published("manual", pec, {"registered": registered, "received": received}, at="23:30")
    found = checks.findings(facts.at("23:59"), check="delivered")
    assert found[["place", "difference", "tolerance"]].to_numpy().tolist() == [["5002", spare + 1, spare]]


def region_total(w: World) -> None:
    w.regions["osh"][FIRST] -= 1


def country_beside_regions(w: World) -> None:
    w.country[FIRST] -= 1
    w.percents = shares(w.country)


@pytest.mark.parametrize("wrong", [region_total, country_beside_regions], ids=lambda f: str(f.__name__))
def test_a_regions_table_is_held_against_its_pecs_and_the_countrys_against_the_regions(
    sqlite_store: sa.Engine, wrong: Callable[[World], None]
) -> None:
    w = world()
    w.regions = {r: total([p for c, p in w.protocols.items() if w.region_of[c] == r]) for r in REGIONS}
    wrong(w)
    found = checks.findings(w.load(sqlite_store, with_region_tables()).at("23:59"))
    assert set(found["check"]) == {"total_is_sum", "country_is_regions"}
    assert found["line"].tolist() == [FIRST, FIRST]
    if wrong is region_total:
        assert set(found["region"].dropna()) == {"osh"}


def test_a_finding_returns_what_it_compared(sqlite_store: sa.Engine) -> None:
    w = world()
    preferences_added(w)
    facts = w.load(sqlite_store)
    found = checks.findings(facts.at("23:59"), check="total_is_sum").set_index("line")
    assert len(found) == len(LISTS) - 1  # 'against all' has no candidates
    ours = sum(p[FIRST] for p in w.protocols.values())
    row = found.loc[FIRST]
    assert (row["left"], row["right"], row["difference"]) == (w.country[FIRST], ours, w.country[FIRST] - ours)
    assert (row["tier"], row["severity"], row["about"], row["scope"]) == ("A", "critical", "published", "country")
    assert list(found["difference"]) == sorted(found["difference"], reverse=True)
    table = checks.checks(facts.at("23:59"))
    own = table[(table["check"] == "valid_votes") & (table["scope"] == "pec") & (table["count"] == "manual")]
    assert own[["state", "judged", "wrong"]].to_numpy().tolist() == [["right", 18, 0]]  # the PECs' data is consistent


def test_an_observers_own_protocol_that_does_not_add_up_is_said_to_be_the_observers(sqlite_store: sa.Engine) -> None:
    w = world()
    observers_votes(w)
    found = checks.findings(w.load(sqlite_store).at("23:59"))
    about = dict(zip(found["check"], found["about"], strict=True))
    assert about == {"protocol_differs": "both", "valid_votes": "observers"}


def test_a_percentage_of_another_base_names_the_base(sqlite_store: sa.Engine) -> None:
    w = world()
    other_base(w)
    found = checks.findings(w.load(sqlite_store).at("23:59"))
    assert set(found["other"]) == {"valid"}


def test_a_copied_pec_names_the_one_it_is_like(sqlite_store: sa.Engine) -> None:
    w = world()
    copied_pec_in_the_total(w)
    (row,) = checks.findings(w.load(sqlite_store).at("23:59")).to_dict("records")
    assert {row["place"], row["other"]} == {OTHER, "3002"}
    assert row["p"] < 0.001


# While counts stream in.


def streamed(facts: Facts, w: World, number: int, at: str, stated: int | None = None) -> None:
    """The first PECs are published and a table of the first `stated` of them, in one load."""
    protocols = list(w.protocols.items())
    rows = [row for pec, own in protocols[:number] for row in figures("manual", "pec", pec, own)]
    table = total([own for _, own in protocols[: stated or number]])
    rows += figures("manual", "country", "", table) + figures("manual", "country", "", shares(table), unit="percent")
    facts.put(t.published, *rows, at=at, source="commission")


@pytest.fixture
def streaming(store: sa.Engine) -> tuple[Facts, World]:
    w = world()
    facts = Facts(store)
    frame = {"district": None, "mobile_applications": 0, "registered_voters": 1500, "in_sample": 0}
    facts.put(t.pec, *(frame | {"pec": p, "region": r, "stratum": r} for p, r in w.region_of.items()))
    return facts, w


def test_while_counts_stream_in_a_table_of_other_pecs_is_no_contradiction(streaming: tuple[Facts, World]) -> None:
    facts, w = streaming
    for minute, number in enumerate((3, 7, 12)):
        streamed(facts, w, number, at=f"20:1{minute}", stated=number + 2)
        assert fired(facts, f"20:1{minute}") == set()
    table = checks.checks(facts.at("20:12"))
    assert table[table["check"] == "total_is_sum"]["state"].tolist() == ["not_judged"]


def test_a_table_that_was_the_same_before_and_after_its_pecs_is_judged_at_once(
    streaming: tuple[Facts, World],
) -> None:
    facts, w = streaming
    first = list(w.protocols.items())[:5]
    table = total([own for _, own in first]) | {FIRST: 9999}
    facts.put(t.published, *figures("manual", "country", "", table), at="20:09", source="commission")
    rows = [row for pec, own in first for row in figures("manual", "pec", pec, own)]
    facts.put(t.published, *rows, at="20:10", source="commission")
    assert "total_is_sum" in fired(facts, "20:10", tier="A")


def test_a_correction_between_pecs_and_table_is_no_contradiction(streaming: tuple[Facts, World]) -> None:
    facts, w = streaming
    streamed(facts, w, 5, at="20:10")
    w.protocols["0001"]["found"] += 1
    w.protocols["0001"]["invalid"] += 1
    w.protocols["0001"]["issued"] += 1
    w.protocols["0001"]["unused"] -= 1
    table = total([own for _, own in list(w.protocols.items())[:5]])
    rows = figures("manual", "country", "", table) + figures("manual", "country", "", shares(table), unit="percent")
    facts.put(t.published, *rows, at="20:12", source="commission")
    assert fired(facts, "20:12", tier="A") == set()  # the PECs may follow
    facts.polled("20:14")
    assert fired(facts, "20:14", tier="A") == {"total_is_sum"}


def test_when_both_stand_still_a_table_of_other_pecs_is_said(streaming: tuple[Facts, World]) -> None:
    facts, w = streaming
    streamed(facts, w, 5, at="20:10", stated=6)
    facts.polled("20:12")
    (row,) = checks.findings(facts.at("20:12")).to_dict("records")
    assert (row["check"], row["left"], row["right"]) == ("total_pecs", 6, 5)


def test_a_pec_that_was_edited_after_the_table_is_judged_when_a_poll_found_nothing_new(
    streaming: tuple[Facts, World],
) -> None:
    facts, w = streaming
    streamed(facts, w, 5, at="20:10")
    w.protocols["0001"]["found"] += 1
    w.protocols["0001"]["invalid"] += 1
    w.protocols["0001"]["issued"] += 1
    w.protocols["0001"]["unused"] -= 1
    edited = figures("manual", "pec", "0001", w.protocols["0001"])
    facts.put(t.published, *edited, at="20:12", source="commission")
    assert fired(facts, "20:12") == {"line_changed"}  # the table may follow
    facts.polled("20:14")
    assert fired(facts, "20:14") == {"line_changed", "total_is_sum"}


def test_a_table_that_says_nothing_of_its_pecs_is_judged_when_it_stands_still(streaming: tuple[Facts, World]) -> None:
    facts, w = streaming
    rows = figures("manual", "pec", "0001", w.protocols["0001"])
    rows += figures("manual", "country", "", {FIRST: w.protocols["0001"][FIRST] + 1})
    facts.put(t.published, *rows, at="20:10", source="commission")
    assert fired(facts, "20:10") == set()
    facts.polled("20:12")
    assert fired(facts, "20:12") == {"total_is_sum"}


@pytest.mark.parametrize("lacking", ["a list's votes", "all votes", "nothing"])
def test_a_pec_that_lacks_a_line_keeps_no_wrong_total_hidden(sqlite_store: sa.Engine, lacking: str) -> None:
    w, facts = world(), Facts(sqlite_store)
    table = total(list(w.protocols.values()))
    moved = {FIRST: table[FIRST] + w.protocols["0001"]["valid"] + 1, SECOND: 0}  # more than one PEC can account for
    without = {"a list's votes": {FIRST}, "all votes": set(LISTS), "nothing": set()}[lacking]
    rows = [
        row
        for pec, own in w.protocols.items()
        for row in figures("manual", "pec", pec, {n: v for n, v in own.items() if pec != "0001" or n not in without})
    ]
    facts.put(t.published, *rows, *figures("manual", "country", "", table), at="20:10", source="commission")
    facts.polled("20:12")
    assert "total_is_sum" not in fired(facts, "20:12")
    facts.put(t.published, *figures("manual", "country", "", moved), at="20:14", source="commission")
    facts.polled("20:16")
    found = checks.findings(facts.at("20:16"), check="total_is_sum")
    assert set(found["line"]) == {FIRST, SECOND}
    assert (found["difference"].abs() > found["tolerance"]).all()


def test_a_total_between_what_its_pecs_may_add_up_to_is_not_called_wrong(sqlite_store: sa.Engine) -> None:
    w, facts = world(), Facts(sqlite_store)
    table = total(list(w.protocols.values()))
    rows = [
        row
        for pec, own in w.protocols.items()
        for row in figures("manual", "pec", pec, {n: v for n, v in own.items() if pec != "0001" or n != FIRST})
    ]
    most = table[FIRST] - w.protocols["0001"][FIRST] + w.protocols["0001"]["valid"]
    for minute, stated, wrong in ((10, most, set()), (20, most + 1, {FIRST}), (30, most - 1, set())):
        facts.put(t.published, *rows, *figures("manual", "country", "", table | {FIRST: stated}), at=f"20:{minute}",
                  source="commission")  # fmt: skip
        facts.polled(f"20:{minute + 2}")
        assert set(checks.findings(facts.at(f"20:{minute + 2}"), check="total_is_sum")["line"]) == wrong


def test_regions_and_the_country_that_came_apart_are_held_against_each_other_when_they_stand_still(
    sqlite_store: sa.Engine,
) -> None:
    w, facts = world(), Facts(sqlite_store, with_region_tables())
    tables = {r: total([p for c, p in w.protocols.items() if w.region_of[c] == r]) for r in REGIONS}
    rows = [row for region, own in tables.items() for row in figures("manual", "region", region, own)]
    facts.put(t.published, *rows, at="20:10", source="commission")
    country = total(list(w.protocols.values())) | {"found": 1}
    facts.put(t.published, *figures("manual", "country", "", country), at="20:12", source="commission")
    made = checks.checks(facts.at("20:12"))
    assert made[made["check"] == "country_is_regions"]["state"].tolist() in ([], ["not_judged"])
    facts.polled("20:14")
    assert "country_is_regions" in fired(facts, "20:14")


def test_counts_that_stream_in_rightly_never_fire(sqlite_store: sa.Engine) -> None:
    w, facts = world(), Facts(sqlite_store)
    frame = {"district": None, "mobile_applications": 0, "registered_voters": 1500, "in_sample": 0}
    facts.put(t.pec, *(frame | {"pec": p, "region": r, "stratum": r} for p, r in w.region_of.items()))
    for minute in range(1, 19):
        # every second table was drawn a moment after the PECs were
        streamed(facts, w, minute, at=f"20:{minute:02}", stated=minute + minute % 2)
        assert fired(facts, f"20:{minute:02}") == set()
    assert fired(facts, "20:59") == set()


# The change of a check's state, the log, what was set aside.


def test_a_check_that_was_right_and_is_wrong_is_a_change_of_its_own(sqlite_store: sa.Engine) -> None:
    w = world()
    facts = w.load(sqlite_store)
    facts.put(t.published, *figures("manual", "country", "", {FIRST: w.country[FIRST] + 900}), at="23:40",
              source="commission")  # fmt: skip
    facts.polled("23:42")
    changed = checks.turned(facts.as_of("23:45"), facts.as_of("23:35"))
    said = {(row.check, row.was, row.state) for row in changed.itertuples()}
    assert said >= {("total_is_sum", "right", "wrong"), ("votes_within_valid", "right", "wrong")}
    facts.put(t.published, *figures("manual", "country", "", {FIRST: w.country[FIRST]}), at="23:50",
              source="commission")  # fmt: skip
    facts.polled("23:52")
    repaired = checks.turned(facts.as_of("23:55"), facts.as_of("23:45"))
    assert ("total_is_sum", "wrong", "right") in {(row.check, row.was, row.state) for row in repaired.itertuples()}


def test_what_was_changed_after_it_was_published_is_tier_b(store: sa.Engine) -> None:
    w = world()
    facts = w.load(store)
    moved = dict(w.protocols[OTHER])
    moved[FIRST], moved[SECOND], moved["registered"] = moved[FIRST] + 1, moved[SECOND] - 1, moved["registered"] + 1
    moved["unused"] += 1
    moved["received"] += 1
    facts.put(t.published, *figures("manual", "pec", OTHER, moved), at="23:50", source="commission")
    assert fired(facts, tier="B") == {"votes_changed", "line_changed"}
    gone = [("commission", "single_constituency", "pec", OTHER, "machine", "", n, "number") for n in w.machine[OTHER]]
    facts.withdraw(t.published, *gone, at="23:55", source="commission")
    found = checks.findings(facts.at("23:59"), tier="B")
    assert found["check"].iloc[0] == "vanished"
    assert len(feed.changes(facts.at("23:59"), kind="vanished")) == 1


@pytest.mark.parametrize(
    ("reason", "key", "detail", "expected"),
    [
        ("negative", "5002/votes.1", "-3", ("not_negative", "5002", -3)),
        ("not_whole", "5002/valid", "310.5", ("whole", "5002", 310.5)),
        ("unknown_pec", "9998", "9998", ("pec_known", "9998", None)),
        ("twice", "5002", None, ("pec_once", "5002", None)),
    ],
)
def test_what_the_loader_set_aside_for_what_a_check_names_is_a_finding(
    sqlite_store: sa.Engine, reason: str, key: str, detail: str | None, expected: tuple[str, str, float | None]
) -> None:
    facts = world().load(sqlite_store)
    row = {"place": "manual", "key": key, "hash": "h", "reason": reason, "field": None, "detail": detail, "raw": "{}"}
    with clock.frozen(facts.election.moment_of("23:40")), loading(sqlite_store, "commission") as load:
        load.set_aside([row])
    (found,) = checks.findings(facts.at("23:59")).to_dict("records")
    stated = None if np.isnan(found["left"]) else found["left"]
    assert (found["check"], found["place"], stated) == expected


# To look at.


def district_of(facts: Facts, turnouts: list[float], invalid: list[float] | None = None) -> None:
    """PECs of one district with such turnouts, and such shares of invalid ballots."""
    rows, published = [], []
    for i, turnout in enumerate(turnouts):
        code = f"6{i:03}"
        found = round(1000 * turnout)
        bad = round(found * (invalid[i] if invalid else 0.02))
        votes = np.random.default_rng(i).multinomial(found - bad, [1 / len(LISTS)] * len(LISTS))
        lines = {"registered": 1000, "found": found, "valid": found - bad, "invalid": bad}
        rows.append({"pec": code, "region": "chui", "stratum": "chui", "district": "Sokuluk", "in_sample": 0,
                     "registered_voters": 1000, "mobile_applications": 0})  # fmt: skip
        published += figures("manual", "pec", code, lines | dict(zip(LISTS, votes.tolist(), strict=True)))
    facts.put(t.pec, *rows)
    facts.put(t.published, *published, at="23:30", source="commission")


def test_a_turnout_unlike_its_districts_is_to_be_looked_at_and_the_likely_ones_are_not(
    sqlite_store: sa.Engine,
) -> None:
    facts = Facts(sqlite_store)
    district_of(facts, [*np.random.default_rng(5).normal(0.35, 0.03, 60), 0.95])
    (row,) = checks.findings(facts.at("23:59")).to_dict("records")
    assert (row["check"], row["tier"], row["place"], row["unit"]) == ("turnout_unlike", "C", "6060", "share")
    assert (row["left"], row["right"]) == (pytest.approx(0.95), pytest.approx(0.35, abs=0.02))


def test_a_share_of_invalid_ballots_unlike_its_districts_is_to_be_looked_at(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    district_of(facts, [0.4] * 41, [0.02, 0.025] * 20 + [0.4])
    assert fired(facts) == {"invalid_unlike"}


def test_a_jump_between_two_hours_unlike_the_districts_is_to_be_looked_at(sqlite_store: sa.Engine) -> None:
    facts, rng = Facts(sqlite_store, with_turnout_of_pecs()), np.random.default_rng(3)
    came = rng.normal(100, 8, (40, 3)).round()
    came[7, 1] = 400  # between 12:00 and 14:00; all of the day it is no more than the others' at 16:00
    came[8] = [100, 0, 200]  # nobody, and then twice as many
    for i, counts in enumerate(came.cumsum(axis=1)):
        facts.pec(f"7{i:03}", region="chui", stratum="chui", district="Sokuluk", registered_voters=1000)
        rows = [r for hour, n in zip(("12:00", "14:00", "16:00"), counts, strict=True)
                for r in figures("turnout", "pec", f"7{i:03}", {"voted": n}, hour)]  # fmt: skip
        facts.put(t.published, *rows, at="16:30", source="commission")
    found = checks.findings(facts.at("16:59"), check="turnout_jump")
    told = found[["place", "other", "hour", "left", "count", "about"]].to_numpy().tolist()
    assert told[0] == ["7007", "12:00", "14:00", 0.4, "turnout", "published"]
    assert {(place, hour) for place, _, hour, *_ in told} == {("7007", "14:00"), ("7008", "14:00"), ("7008", "16:00")}
    assert fired(facts, "16:59") == {"turnout_jump"}


def test_an_observers_count_that_jumps_unlike_its_stratums_is_to_be_looked_at(sqlite_store: sa.Engine) -> None:
    facts, rng = Facts(sqlite_store), np.random.default_rng(4)
    noon, four = rng.normal(200, 10, 20).round().astype(int), rng.normal(150, 10, 20).round().astype(int)
    four[5] = 600
    for i, (first, more) in enumerate(zip(noon.tolist(), four.tolist(), strict=True)):
        facts.pec(f"8{i:03}", region="chui", stratum="chui", district=f"D{i % 5}", registered_voters=1000)
        for form, hour, count in (("voting_12", "12:00", first), ("voting_16", "16:00", first + more)):
            facts.report(f"8{i:03}", form, at=hour, voters_voted=count, count_origin="own_count")
    (row,) = checks.findings(facts.at("16:30")).to_dict("records")
    assert (row["check"], row["about"], row["place"]) == ("observed_turnout_jump", "observers", "8005")
    assert (row["other"], row["hour"], row["left"]) == ("12:00", "16:00", 0.6)


def test_a_district_of_few_pecs_has_no_usual_turnout(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    district_of(facts, [0.3, 0.31, 0.32, 0.33, 0.95])
    assert fired(facts) == set()


def test_of_clean_elections_few_have_anything_to_look_at() -> None:
    rng = np.random.default_rng(1)
    listed = [len(checks_c.discoveries(rng.random(500))) for _ in range(200)]
    assert sum(n > 0 for n in listed) <= 20  # 5% of 200, and chance


def test_benjamini_and_hochberg_keep_what_stands_out_however_many_are_judged() -> None:
    p = np.concatenate([np.linspace(0.05, 1, 1000), [1e-9, 1e-8]])
    assert sorted(checks_c.discoveries(p).tolist()) == [1000, 1001]
    assert checks_c.discoveries([]).tolist() == []


# The figures in memory.


def test_sheets_read_from_load_to_load_are_those_read_at_once(store: sa.Engine) -> None:
    w, facts = world(), Facts(store)
    frame = {"district": None, "mobile_applications": 0, "registered_voters": 1500, "in_sample": 0}
    facts.put(t.pec, *(frame | {"pec": p, "region": r, "stratum": r} for p, r in w.region_of.items()))
    for minute, number in enumerate((2, 5, 9)):
        streamed(facts, w, number, at=f"20:1{minute}")
        sheets.sheets(facts.at(f"20:1{minute}"))
    key = ("commission", "single_constituency", "pec", "0001", "manual", "")
    gone = [(*key, name, "number") for name in w.protocols["0001"]]
    facts.withdraw(t.published, *gone, at="20:20", source="commission")
    facts.put(t.published, *figures("manual", "pec", "0002", {"valid": 1}), at="20:21", source="commission")
    for hour in ("20:21", "20:10", "20:20", "20:12", "20:05"):
        m = facts.as_of(hour)
        kept = seen(sheets.sheets(m))
        sheets._SHEETS.clear()
        assert kept == seen(sheets.sheets(m)), hour


def seen(found: sheets.Sheets) -> dict[tuple[Any, ...], float]:
    keys = zip(*(found.keys[name] for name in sheets.KEYS), strict=True)
    return {(*key, name): found.values[i, j] for i, key in enumerate(keys) for j, name in enumerate(found.lines)
            if np.isfinite(found.values[i, j])}  # fmt: skip


def test_a_store_that_is_made_anew_is_read_anew(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store).published("manual", "5002", {"valid": 1}, at="22:00")
    first = sheets.sheets(facts.at("22:30"))
    with sqlite_store.begin() as conn:
        moved = facts.election.moment_of("22:00") + timedelta(minutes=1)
        conn.execute(t.published.update().values(value=2))
        conn.execute(t.load.update().values(committed_at=moved))
    assert first.line("valid").tolist() == [1]
    assert sheets.sheets(facts.at("22:30")).line("valid").tolist() == [2]


# The checks as data.


def test_every_check_has_words_in_the_elections_languages_with_the_same_placeholders() -> None:
    for check in CHECKS.values():
        parsed = {lang: string.Formatter().parse(text) for lang, text in check.wording.items()}
        named = {lang: {name for _, name, _, _ in parts if name} for lang, parts in parsed.items()}
        assert set(named) == set(ELECTION.languages), check.id
        assert len({frozenset(n) for n in named.values()}) == 1, check.id
        assert named["en"] <= {"place", "hour", "line", "left", "right", "difference", "other"}, check.id
        assert len(set(check.wording.values())) == 3, check.id
        assert set(check.innocent) <= set(INNOCENT), check.id
        assert check.tier != "C" or check.innocent, check.id


def test_the_words_are_calm() -> None:
    for check in CHECKS.values():
        for text in check.wording.values():
            assert not any(word in text.lower() for word in ("fraud", "falsif", "фальсиф", "наруш", "бурмал", "error"))


def test_no_check_looks_at_digits() -> None:
    assert not any("digit" in check.formula for check in CHECKS.values())


def test_the_checks_are_described_with_their_formulas(election: Election) -> None:
    described = (election.folder.parent.parent / "docs" / "checks.md").read_text("utf-8")
    for check in CHECKS.values():
        assert f"| `{check.id}` |" in described, check.id
        assert check.formula in described, check.id
