"""The checks on the rehearsed night of 28 November, and on quiet nights of other seeds."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from bench import quiet
from elections.config import Election, read
from loaders import mapping
from pages import check_words, words
from queries import checks, checks_a, feed, judging
from queries.check_kinds import Outcome
from queries.checks_totals import totals
from queries.moment import Moment, moment
from queries.sheets import KEYS, Sheets
from rehearsal.ballots import ballots
from rehearsal.commission import Commission
from rehearsal.outside import Outside
from rehearsal.play import look, publish
from rehearsal.script import read_script
from rehearsal.turnout import turnout
from rehearsal.world import world
from store import tables as t
from store.engine import connect
from tests.conftest import Rehearsed

AT_20_59 = 78_651  # what the table showed for Ata-Meken, for 45,306 by PECs


@pytest.fixture(scope="module")
def night(rehearsed: Rehearsed) -> Iterator[tuple[sa.Engine, Election]]:
    engine = connect(rehearsed.store_url)
    yield engine, read(rehearsed.election)
    engine.dispose()


def as_of(night: tuple[sa.Engine, Election], hour: str) -> Moment:
    engine, election = night
    return moment(engine, election, election.moment_of(hour))


@pytest.mark.parametrize("hour", ["20:05", "20:30", "21:00", "21:55"])
def test_while_the_table_is_wrong_it_contradicts_itself_and_the_pecs_do_not(
    night: tuple[sa.Engine, Election], hour: str
) -> None:
    m = as_of(night, hour)
    found = checks.findings(m, tier="A")
    assert set(found["check"]) == {"total_is_sum", "votes_within_valid", "percents_add"}
    assert set(found["scope"]) == {"country"}
    lists = found[found["check"] == "total_is_sum"]
    against_all = next(item.id for item in m.election.contests[0].lists if item.against_all)
    assert set(lists["line"]) == {item.id for item in m.election.contests[0].lists} - {against_all}
    assert found[found["check"] == "percents_add"]["left"].item() > 150
    table = checks.checks(m)
    of_pecs = table[(table["scope"] == "pec") & (table["count"] == "machine") & (table["tier"] == "A")]
    assert set(of_pecs["state"]) == {"right"}


def test_with_all_machine_counts_in_it_says_which_list_by_how_much(night: tuple[sa.Engine, Election]) -> None:
    found = checks.findings(as_of(night, "21:00"), check="total_is_sum").set_index("line")
    row = found.loc["Ata-Meken"]
    assert (row["left"], row["right"], row["difference"]) == (AT_20_59, 45_306, 33_345)


def test_at_22_00_it_was_repaired_and_both_payloads_are_in_the_archive(night: tuple[sa.Engine, Election]) -> None:
    before, after = as_of(night, "21:55"), as_of(night, "22:05")
    assert checks.findings(after, tier="A").empty
    said = {(r.check, r.was, r.state) for r in checks.turned(after, before).itertuples() if r.tier == "A"}
    assert said >= {(c, "wrong", "right") for c in ("total_is_sum", "votes_within_valid", "percents_add")}
    log = feed.changes(after, count="machine", kind="changed").query("unit == 'number'").set_index("line")
    row = log.loc["Ata-Meken"]
    assert (row["from_value"], row["to_value"], row["votes"]) == (AT_20_59, 45_306, True)
    with night[0].connect() as conn:
        kept = conn.execute(sa.select(t.payload.c.feed).where(t.payload.c.id.in_([int(row["from_payload"]),
                                                                                 int(row["to_payload"])])))  # fmt: skip
        assert kept.scalars().all() == ["machine_summary"] * 2


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(3, 11))])
def test_in_quiet_nights_of_other_seeds_no_check_of_tier_a_fires(sqlite_store: sa.Engine, seed: int) -> None:
    election = read("kg-rehearsal-quiet")
    everything = world(election, read_script(election).with_seed(seed))
    commission = Commission(everything, ballots(everything, turnout(everything)))
    evening = election.moment_of("20:00") + timedelta(minutes=5 * seed)
    morning = election.moment_of("2021-11-29T06:00")
    published = seen(election, commission, {"turnout": morning, "manual": morning, "manual_summary": morning,
        "machine": evening, "machine_summary": evening + timedelta(minutes=seed % 2)})  # fmt: skip
    m = moment(sqlite_store, election, morning)
    outcomes: list[Outcome] = [
        checks_a.identities(election, published),
        checks_a.numbers(published),
        checks_a.percentages(election, published),
        totals(m, published),
    ]
    found = [columns for o in outcomes for columns in o.findings if len(np.atleast_1d(columns["left"]))]
    assert found == []
    judged = {(check, kind[1]) for o in outcomes for check, kind, n in o.judged if n}
    assert ("total_is_sum", "manual") in judged
    assert (("total_is_sum", "machine") in judged) == (seed % 2 == 0 or evening >= election.moment_of("20:49"))


@pytest.mark.proof
def test_a_quiet_night_that_the_loaders_play_has_nothing_of_tier_a_at_any_poll(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the ten that `python -m bench.quiet` plays every five minutes to the morning; here every ten, to 23:30."""
    for name in ("BAIKOO_COMMISSION", "BAIKOO_OBSERVATION"):  # `publish` sets them for the loaders
        monkeypatch.setenv(name, "")
    election = read("kg-rehearsal-quiet")
    outside = Outside(election, f"sqlite:///{tmp_path / 'observation.sqlite'}", seed=3)
    with publish(outside):
        for step in range(23):
            look(outside, sqlite_store, election.moment_of("19:50") + timedelta(minutes=10 * step))
    outside.close()
    with sqlite_store.connect() as conn:
        assert conn.execute(sa.select(t.poll.c.outcome).distinct()).scalars().all() == ["ok"]
    polls = list(judging.judge(sqlite_store, election))
    night = quiet.night(sqlite_store, 3)
    assert (night.fired, night.polls) == (0, len(polls))
    assert night.polls > 15
    assert night.compared > 300_000


def seen(election: Election, commission: Commission, at: dict[str, datetime]) -> Sheets:
    """What the pages say, each read at its moment."""
    contest = election.contests[0]
    facts = []
    for of in election.source("commission").feeds:
        page = commission.page(of.path, at[of.id])
        assert page is not None
        rows = mapping.rows(of, page.body)
        places = {mapping.code(row.get(of.place)) if of.place else "" for row in rows.by_key.values()}
        for key, row in rows.by_key.items():
            facts += mapping.figures(of, contest, key, row, places, mapping.Unusable(of, "figures"))
    keys: dict[tuple[str, ...], int] = {}
    lines: dict[str, int] = {}
    cells = []
    for fact in facts:
        name = fact["line"] + ("|%" if fact["unit"] == "percent" else "")
        key = tuple(str(fact.get(k, "commission")) for k in KEYS)
        cells.append((keys.setdefault(key, len(keys)), lines.setdefault(name, len(lines)), fact["value"]))
    values = np.full((len(keys), len(lines)), np.nan)
    row, column, value = zip(*cells, strict=True)
    values[list(row), list(column)] = value
    columns = {name: np.array([key[i] for key in keys], dtype=object) for i, name in enumerate(KEYS)}
    return Sheets(
        columns | dict.fromkeys(("payload", "load"), np.zeros(len(keys), dtype=np.int64)), tuple(lines), values
    )


def test_a_percentage_that_changed_is_said_as_one(night: tuple[sa.Engine, Election]) -> None:
    found = checks.findings(as_of(night, "22:05"), check="votes_changed")
    row = found[(found["line"] == "Ata-Meken") & (found["unit"] == "percent")].iloc[0].to_dict()
    said = check_words.sentence(row)
    assert f"was {words.percent(row['right'] / 100, 2)}, is {words.percent(row['left'] / 100, 2)} now" in said
    assert "%" in said
    assert "line_changed" not in set(checks.findings(as_of(night, "22:05"), tier="B")["check"])
