"""The embargo: observers' votes are shown nowhere before its hour, and everywhere after it."""

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from elections.config import Election
from pages import pec_answers
from queries import __main__ as figures
from queries import embargo, moment, pec
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


FORM = "protocol_single_constituency"
LISTS = [item.id for item in ELECTION.contests[0].lists]
NUMBERS = {item.id: f"votes_{item.number}" for item in ELECTION.contests[0].lists}
SEEN, PUBLISHED = 7177, 8090  # of Ata-Meken, at the PEC whose observers and commission differ
TOLD = ("7177", "913", "13488")  # the votes, how far they differ, the sum of both lists
WAYS: tuple[list[str], ...] = ([], ["--list"], ["--by", "district"], *(["--level", n] for n in "123"))


def protocol(votes: int, valid: int) -> dict[str, float]:
    lines = {"registered": 20000, "received": 20000, "issued": 14000, "unused": 5990, "spoiled": 10, "found": 14000,
             "valid": valid, "invalid": 14000 - valid}  # fmt: skip
    return lines | dict.fromkeys(LISTS, 0) | {"Ata-Meken": votes, "Alliance": 6311}


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """Observers and commission differ in a list's votes and in the voters on the list; the observers' sum is wrong."""
    monkeypatch.setenv("BAIKOO_STORE", str(sqlite_store.url))
    moment.here.cache_clear()
    facts = Facts(sqlite_store).pec("5001", registered_voters=20000)
    said = {NUMBERS.get(line, line): value for line, value in protocol(SEEN, 13400).items()}
    facts.report("5001", FORM, at="22:30", best=False, copy="certified", **said)
    facts.published("manual", "5001", protocol(PUBLISHED, 14000) | {"registered": 20100}, at="23:00")
    yield facts
    moment.here.cache_clear()


def asked(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = figures.main([*arguments])
    return code, *capfd.readouterr()


@pytest.mark.parametrize("kind", ["table", "json", "csv"])
def test_before_the_embargo_ends_no_figure_has_observers_votes(
    facts: Facts, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    for arguments in ([name, *way] for name in figures.FIGURES for way in WAYS):
        code, out, err = asked(capfd, *arguments, "--as-of", "2021-11-29T07:59", "--format", kind)
        assert (arguments, [number for number in TOLD if number in out + err]) == (arguments, [])
        assert (code == 2) is (not out)


def test_what_is_made_of_votes_alone_is_refused_and_says_until_when(
    facts: Facts, capfd: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["quickcount"],
        ["quickcount", "--by", "district"],
        *(["comparison", "--level", n] for n in "23"),
    ):
        code, out, err = asked(capfd, *arguments, "--as-of", "23:30")
        assert (code, out) == (2, "")
        assert "under embargo until 2021-11-29 08:00 +06; --embargoed shows it" in err


def test_the_rows_that_are_left_out_are_counted(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = asked(capfd, "comparison", "--as-of", "23:30", "--format", "json")
    answer = json.loads(out)
    assert code == 0
    assert answer["embargo"] == {"until": "2021-11-29T08:00:00+06:00", "shown": False, "withheld": len(LISTS)}
    assert {row["field"] for row in answer["rows"]} == set(protocol(0, 0)) - set(LISTS)
    assert f"{len(LISTS)} rows hold observers' votes" in err
    assert asked(capfd, "comparison", "--as-of", "23:30", "--format", "csv")[1].count("\r\n") == 8 + 1


def test_findings_that_print_no_votes_stay_and_the_checks_keep_their_counts(
    facts: Facts, capfd: pytest.CaptureFixture[str]
) -> None:
    listed = json.loads(asked(capfd, "checks", "--list", "--as-of", "23:30", "--format", "json")[1])["rows"]
    differs = [(row["line"], row["left"], row["right"]) for row in listed if row["check"] == "protocol_differs"]
    assert ("registered", 20100, 20000) in differs
    assert "Ata-Meken" not in [line for line, *_ in differs]
    counted = json.loads(asked(capfd, "checks", "--as-of", "23:30", "--format", "json")[1])["rows"]
    row = next(row for row in counted if row["check"] == "protocol_differs")
    assert (row["state"], row["wrong"], row["largest"]) == ("wrong", len(differs) + 1, None)


@pytest.mark.parametrize("how", [["--as-of", "2021-11-29T08:00"], ["--as-of", "23:30", "--embargoed"]])
def test_after_it_or_where_it_is_asked_for_everything_is_there(
    facts: Facts, capfd: pytest.CaptureFixture[str], how: list[str]
) -> None:
    for arguments in (["comparison"], ["comparison", "--level", "3"], ["quickcount", "--by", "district"]):
        assert "7177" in asked(capfd, *arguments, *how)[1]
    assert "13488" in asked(capfd, "checks", "--list", *how)[1]
    assert asked(capfd, "quickcount", *how)[0] == 0


def test_who_sees_it_before_its_end_is_told_so(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = asked(capfd, "quickcount", "--as-of", "23:30", "--embargoed")
    assert (code, err) == (0, "")
    assert "Observers' votes are under embargo until 2021-11-29 08:00 +06: shown all the same" in out
    assert "embargo" not in asked(capfd, "quickcount", "--as-of", "2021-11-29T08:00")[1]


def test_a_pecs_panel_says_that_votes_were_sent_and_not_how_many(facts: Facts) -> None:
    before, after = (pec.pec(facts.as_of(at), "5001") for at in ("2021-11-29T07:59", "2021-11-29T08:00"))
    votes = NUMBERS["Ata-Meken"]
    for rows in (before.answers, before.agreed):
        assert set(rows["question"]) >= {"found", *NUMBERS.values()}
        assert rows[rows["question"].isin(NUMBERS.values())]["value"].isna().all()
        assert rows[rows["question"] == "found"]["value"].item() == "14000"
    assert after.answers.set_index("question")["value"][votes] == str(SEEN)
    assert pec_answers.value_words(FORM, votes, None) == "under embargo"
