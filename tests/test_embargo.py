"""The embargo: observers' votes are shown nowhere before its hour, and everywhere after it."""

import hashlib
import json
import zlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from elections.config import Election
from pages import pec_answers
from queries import __main__ as figures
from queries import archive, embargo, health, moment, pec
from store import clock
from store import tables as t
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
TOLD = ("7177", "913", "13488", "13411", "589")  # votes, how far they differ, the sum of both lists, valid, invalid
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
    said = {NUMBERS.get(line, line): value for line, value in protocol(SEEN, 13411).items()}
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


def test_it_is_said_that_rows_are_left_out_and_not_how_many(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = asked(capfd, "comparison", "--as-of", "23:30", "--format", "json")
    answer = json.loads(out)
    assert code == 0
    assert answer["embargo"] == {"until": "2021-11-29T08:00:00+06:00", "shown": False}
    assert {row["field"] for row in answer["rows"]} == set(protocol(0, 0)) - {*LISTS, "valid", "invalid"}
    assert err.startswith(
        "queries: Observers' votes, valid and invalid ballots are under embargo until 2021-11-29 08:00 +06: left out"
    )
    assert asked(capfd, "comparison", "--as-of", "23:30", "--format", "csv")[1].count("\r\n") == 6 + 1


def test_findings_that_print_no_votes_stay_and_no_count_tells_of_votes(
    facts: Facts, capfd: pytest.CaptureFixture[str]
) -> None:
    listed = json.loads(asked(capfd, "checks", "--list", "--as-of", "23:30", "--format", "json")[1])["rows"]
    differs = [(row["line"], row["left"], row["right"]) for row in listed if row["check"] == "protocol_differs"]
    assert ("registered", 20100, 20000) in differs
    assert not {line for line, *_ in differs} & {*LISTS, "valid", "invalid"}
    counted = json.loads(asked(capfd, "checks", "--as-of", "23:30", "--format", "json")[1])["rows"]
    kinds = {(row["check"], row["count"]) for row in counted}
    assert not {("protocol_differs", "manual"), ("valid_votes", "observed")} & kinds
    assert {("found_issued", "observed"), ("valid_votes", "manual")} <= kinds
    later = json.loads(asked(capfd, "checks", "--as-of", "2021-11-29T08:00", "--format", "json")[1])["rows"]
    row = next(row for row in later if row["check"] == "protocol_differs")
    assert (row["state"], row["wrong"]) == ("wrong", len(differs) + 3)  # the votes, valid and invalid


def test_a_moment_that_has_not_come_lifts_nothing(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    with clock.frozen(ELECTION.moment_of("2021-11-29T05:00")):
        assert not embargo.lifted(facts.as_of("2021-11-29T08:00"))
        code, out, err = asked(capfd, "quickcount", "--as-of", "2021-11-29T08:00")
    assert (code, out) == (2, "")
    assert "has not come yet" in err


@pytest.mark.parametrize(("question", "hidden"), [("votes_1", True), ("votes_01", True), ("found", False)])
def test_what_was_set_aside_shows_no_votes_before_the_embargo_ends(facts: Facts, question: str, hidden: bool) -> None:
    row = {"source": "observation", "place": "obs_answer", "key": f"r1/{question}", "hash": "x", "field": "value",
           "reason": "not_a_number", "detail": "3l37", "raw": '{"value": "3l37"}'}  # fmt: skip
    facts.put(t.quarantine, row, at="23:20")
    before, after = (
        embargo.open_quarantine(m, health.quarantined(m))
        for m in (facts.as_of("23:30"), facts.as_of("2021-11-29T08:00"))
    )
    assert before[["detail", "raw"]].isna().all(axis=None) == hidden
    assert after["detail"].tolist() == ["3l37"]


def test_a_message_that_was_set_aside_keeps_its_words_to_itself(facts: Facts) -> None:
    row = {"source": "observation", "place": "obs_message", "key": "m1", "hash": "x", "field": "received_at",
           "reason": "in_future", "detail": "22:05", "raw": '{"text": "PROTOCOL 5043 V1=3137"}'}  # fmt: skip
    facts.put(t.quarantine, row, at="23:20")
    m = facts.as_of("23:30")
    assert "3137" not in embargo.open_quarantine(m, health.quarantined(m)).to_string()


def payload_of(source: str) -> dict[str, object]:
    body = b"7177"
    return {"source": source, "feed": "rows", "fetched_at": ELECTION.moment_of("22:00"), "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(), "body": zlib.compress(body)}  # fmt: skip


def test_the_archive_gives_out_nothing_of_the_observers_database(facts: Facts) -> None:
    with facts.store.begin() as conn:
        conn.execute(t.payload.insert(), [payload_of(source) for source in ("observation", "commission")])
    m = facts.as_of("2021-11-29T09:00")
    rows = archive.payloads(m)
    assert rows["source"].tolist() == ["commission"]
    with facts.store.connect() as conn:
        (observed,) = conn.execute(sa.select(t.payload.c.id).where(t.payload.c.source == "observation")).scalars()
    assert archive.body(m, observed) == b""
    assert archive.body(m, int(rows["payload"].item())) == b"7177"


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
    assert (
        "Observers' votes, valid and invalid ballots are under embargo until 2021-11-29 08:00 +06: shown all the same"
        in out
    )
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
