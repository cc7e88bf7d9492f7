"""The quick count: against R's reference and a plain sum, under its light, with the copies it rests on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from elections.config import Election
from queries import comparison, light, quick_count
from queries.estimates import ratio
from store import clock
from store import tables as t
from store.loading import loading
from tests.facts import ELECTION, Facts

REFERENCE = Path(__file__).parent / "reference"
FORM = "protocol_single_constituency"
CONTEST = ELECTION.contests[0]
LISTS = [item.id for item in CONTEST.lists]
NUMBER = {item.id: f"votes_{item.number}" for item in CONTEST.lists}
DRAWN = {s.id: s.sampled for s in ELECTION.strata}
SIZES = {s.id: s.pecs for s in ELECTION.strata}
COLUMNS = ["certified", "photographed", "promised", "refused", "conflict"]
Told = dict[str, Mapping[str, float]]  # PEC -> line or list -> figure


def protocols(facts: Facts, told: Told, copies: Mapping[str, str] | None = None, at: str = "23:00") -> None:
    """The observers' protocols of these PECs, in one load, sent one a second."""
    reports, answers = [], []
    for i, (pec, figures) in enumerate(told.items()):
        key = {"source": "observation", "report": f"protocol-{pec}"}
        sent = (pd.Timestamp(facts.election.moment_of("22:00")) + pd.Timedelta(seconds=i)).to_pydatetime()
        reports.append(key | {"observer": f"{pec}-1", "pec": pec, "form": FORM, "submitted_at": sent})
        copy = (copies or {}).get(pec, "certified")
        answers.append(key | {"question": "copy", "value": copy, "number": None})
        answers += [
            key | {"question": NUMBER.get(line, line), "value": f"{value:g}", "number": float(value)}
            for line, value in figures.items()
        ]
    with clock.frozen(facts.election.moment_of(at)), loading(facts.store, "observation") as load:
        load.put(t.report, [row | {"complete": 1, "held": None} for row in reports])
        load.put(t.answer, answers)


def of_votes(votes: Mapping[str, int], invalid: int = 0) -> dict[str, float]:
    """A protocol with these lists' votes and no others'."""
    valid = sum(votes.values())
    return {**dict.fromkeys(LISTS, 0), **votes, "valid": valid, "invalid": invalid, "found": valid + invalid}


def drawn_protocols(pecs: list[str], seed: int = 1) -> Told:
    chance = np.random.default_rng(seed)
    votes = chance.integers(20, 400, (len(pecs), 3))
    invalid = chance.integers(0, 40, len(pecs))
    names = (LISTS[0], LISTS[1], "Against all")
    return {
        pec: of_votes(dict(zip(names, map(int, row), strict=True)), int(bad))
        for pec, row, bad in zip(pecs, votes, invalid, strict=True)
    }


def counted(facts: Facts, at: str = "23:30") -> pd.DataFrame:
    return quick_count.quick_count(facts.at(at)).set_index("list")


def test_the_share_and_margin_are_those_of_r_survey(store: sa.Engine) -> None:
    frame, sample = (pd.read_csv(REFERENCE / name) for name in ("frame.csv", "sample300.csv"))
    case = pd.read_csv(REFERENCE / "reference_cases.csv", index_col="case").loc["partyA_full"]
    sizes, own = frame["stratum"].value_counts(), sample["stratum"].value_counts()
    part = ELECTION.strata[0].model_copy(update={"merge_with": None})
    strata = tuple(part.model_copy(update={"id": s, "pecs": int(sizes[s]), "sampled": int(own[s])}) for s in own.index)
    facts = Facts(store, ELECTION.model_copy(update={"strata": strata}))
    pecs = [{"pec": f"{i:04}", "region": "osh", "stratum": s, "district": None, "registered_voters": 1000,
             "in_sample": 1, "mobile_applications": 0} for i, s in enumerate(sample["stratum"])]  # fmt: skip
    facts.put(t.pec, *pecs, at="2021-11-27T06:00")
    counts = zip(sample["party_a"].astype(int), sample["valid"].astype(int), strict=True)
    protocols(facts, {f"{i:04}": of_votes({LISTS[0]: a, LISTS[1]: v - a}) for i, (a, v) in enumerate(counts)})
    row = counted(facts).loc[LISTS[0]]
    assert row["confidence"] == ELECTION.estimates.confidence
    assert row["value"] == pytest.approx(case["est"], abs=1e-9)
    assert row["margin"] == pytest.approx(case["hi99"] - case["est"], abs=1e-9)
    expected = ratio(sample["party_a"], sample["valid"], sample["stratum"], sizes.to_dict(), row["confidence"])
    assert (row["n"], row["light"], row["low"]) == (300, "green", pytest.approx(expected.low))


@pytest.mark.parametrize(
    ("name", "base"), [(LISTS[0], "valid"), ("Against all", "valid"), ("invalid", "found"), (LISTS[5], "valid")]
)
def test_a_share_is_votes_over_ballots_each_pec_as_many_times_as_it_stands_for(
    sqlite_store: sa.Engine, name: str, base: str
) -> None:
    facts = Facts(sqlite_store)
    pecs = facts.pecs(DRAWN)
    told = drawn_protocols(pecs)
    silent = set(pecs[::37])
    protocols(facts, {pec: figures for pec, figures in told.items() if pec not in silent})
    stratum = dict(zip(pecs, [s.id for s in ELECTION.strata for _ in range(s.sampled)], strict=True))
    said = {s: [p for p in pecs if stratum[p] == s and p not in silent] for s in SIZES}
    votes, ballots = (sum(SIZES[s] / len(said[s]) * sum(told[p][line] for p in said[s]) for s in SIZES)
                      for line in (name, base))  # fmt: skip
    row = counted(facts).loc[name]
    assert row["value"] == pytest.approx(votes / ballots, abs=1e-12)
    assert (row["n"], row["of"]) == (len(pecs) - len(silent), 300)
    rate = [told[p][name] / told[p][base] for p in pecs if p not in silent]
    strata = [stratum[p] for p in pecs if p not in silent]
    assert row["drift"] == pytest.approx(light.drift(rate, range(len(rate)), strata, 300).term)


def test_under_a_red_light_no_list_has_a_share_but_copies_are_counted(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    pecs = facts.pecs(DRAWN)
    copies = dict.fromkeys(pecs[1::3], "photographed") | {pecs[2]: "promised", pecs[5]: "refused"}
    protocols(facts, drawn_protocols(pecs[:100]), copies)
    rows = counted(facts)
    assert set(rows["light"]) == {"red"}
    assert rows[["value", "low", "high"]].isna().all(axis=None)
    assert rows["reasons"].map(bool).all()
    assert set(map(tuple, rows[COLUMNS].to_numpy())) == {(65, 33, 1, 1, 0)}
    assert set(rows["n"]) == {98}  # nothing is taken from a copy that was not obtained


def test_a_protocol_without_every_lists_votes_is_in_no_share(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store).pec("5001").pec("5002")
    part = {line: value for line, value in of_votes({LISTS[0]: 5}, 1).items() if line != LISTS[3]}
    protocols(facts, {"5001": part, "5002": of_votes({LISTS[0]: 7}, 2)})
    assert set(counted(facts)["n"]) == {1}


def test_the_commissions_shares_stand_beside_machine_and_manual_inside_the_country(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store).pec("5001").pec("5002", in_sample=0).pec("9901", region="abroad", in_sample=0)
    for count, factor in (("manual", 1), ("machine", 2)):
        for pec, votes in (("5001", 100), ("5002", 60), ("9901", 900)):
            of_one = {LISTS[0]: votes * factor, LISTS[1]: 40}
            facts.published(count, pec, of_votes(of_one, 10), at="22:30")
    rows = counted(facts)
    first, invalid = rows.loc[LISTS[0]], rows.loc["invalid"]
    assert (first["published"], first["machine"]) == pytest.approx((160 / 240, 320 / 400))
    assert (first["published_votes"], first["published_base"], first["published_pecs"], first["published_of"]) == (
        160, 240, 2, 2)  # fmt: skip
    assert invalid["published"] == pytest.approx(20 / 260)
    assert first["light"] == "red"


def test_a_district_is_counted_and_never_estimated(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store).pec("5001").pec("5002").pec("5003", district="Uzgen")
    protocols(facts, {"5001": of_votes({LISTS[0]: 5}, 1), "5003": of_votes({LISTS[0]: 9}, 3)})
    rows = quick_count.by_district(facts.at("23:30")).set_index(["district", "list"])
    assert len(rows) == len(ELECTION.districts) * (len(LISTS) + 1)
    assert not {"value", "low", "high", "share"} & set(rows.columns)
    assert rows.loc[("Alay", LISTS[0]), ["votes", "ballots", "n", "of"]].tolist() == [5, 5, 1, 2]
    assert rows.loc[("Uzgen", "invalid"), ["votes", "ballots", "n", "of"]].tolist() == [3, 12, 1, 1]
    assert set(rows["why"]) == {"too_few_sampled"}
    alone = quick_count.by_district(facts.at("23:30"), district="Uzgen")
    assert set(alone["district"]) == {"Uzgen"}


def test_level_two_of_the_comparison_is_the_quick_count(sqlite_store: sa.Engine) -> None:
    facts = Facts(sqlite_store)
    protocols(facts, drawn_protocols(facts.pecs(DRAWN)))
    m = facts.at("23:30")
    pd.testing.assert_frame_equal(
        comparison.shares(m)[quick_count.COLUMNS], quick_count.quick_count(m), check_dtype=False
    )


def test_an_election_without_a_protocol_form_has_no_quick_count(sqlite_store: sa.Engine) -> None:
    bare = CONTEST.model_copy(update={"protocol_form": None})
    election: Election = ELECTION.model_copy(update={"contests": (bare,)})
    facts = Facts(sqlite_store, election).pec("5001")
    for rows in (quick_count.quick_count(facts.at("23:30")), quick_count.by_district(facts.at("23:30"))):
        assert rows.empty


def test_the_shares_are_counted_by_light_and_the_copies_that_were_obtained() -> None:
    copies = {"certified": 284, "photographed": 11, "promised": 3, "refused": 2, "conflict": 0}
    rows = pd.DataFrame([copies | {"light": light} for light in ("red", "green", "green")])
    assert list(quick_count.lights(rows).items()) == [("green", 2), ("red", 1)]
    assert (quick_count.shown(rows), quick_count.obtained(rows)) == (2, 295)
