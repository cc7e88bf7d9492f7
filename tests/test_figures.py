"""The figures on the command line: JSON, CSV and table; what is refused, and how it is said."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from pages import turnout_words, words
from queries import __main__ as figures
from queries import export, moment, reasons, states
from queries.light import Reason
from store import clock
from tests.facts import ELECTION, Facts
from tests.test_docs import text, words_in_code

NAMES = ["coverage", "unreported", "incidents", "equipment", "procedures", "turnout", "results", "checks", "changes",
         "comparison", "health"]  # fmt: skip


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """A store of this process, at 12:45."""
    monkeypatch.setenv("BAIKOO_STORE", str(sqlite_store.url))
    moment.here.cache_clear()
    facts = Facts(sqlite_store).pec("5001").pec("5002", district="Uzgen").observer("5001-1", "5001", full_name="Asan")
    facts.report("5001", "opening", at="08:00", drawing_of_lots="no")
    facts.incident("secrecy", at="10:00", pec="5001", description="=HYPERLINK(1)\nsaid -5 'so'")
    facts.episode("5001", "arbb", "10:00", at="10:10", sent="10:09")
    with clock.frozen(ELECTION.moment_of("12:45")):
        yield facts
    moment.here.cache_clear()


def asked(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    red = arguments[0] == "health"  # five PECs are not the sample that was drawn
    assert figures.main(arguments) == red, capfd.readouterr().err
    return capfd.readouterr().out


def rows(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    return json.loads(asked(capfd, *arguments, "--format", "json"))["rows"]


def looks() -> Iterator[list[str]]:
    """Every figure in every way that it can be asked for."""
    for name, figure in figures.FIGURES.items():
        yield [name]
        if figure.listed:
            yield [name, "--list"]
        yield from ([name, f"--{way}"] for way, _ in figure.ways)
        yield from ([name, "--by", column] for column in figure.by)
    yield from (["comparison", "--level", level] for level in ("2", "3"))
    yield ["unreported", "--contacts"]


def test_every_column_of_every_figure_is_documented(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    known = words_in_code(text("docs/figures.md"))
    for look in looks():
        table = asked(capfd, *look, "--embargoed", "--format", "csv").removeprefix("\ufeff")
        columns = next(csv.reader(io.StringIO(table)))
        assert (look, sorted(set(columns) - known)) == (look, [])


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_an_object_with_what_it_rests_on(
    facts: Facts, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    answer = json.loads(asked(capfd, name, "--format", "json"))
    assert {k: answer[k] for k in ("figure", "election", "as_of", "data_version")} == {
        "figure": name,
        "election": "kg-2021-11-28",
        "as_of": "2021-11-28T12:45:00+06:00",
        "data_version": facts.at("12:45").data_version,
    }
    assert isinstance(answer["rows"], list)


COLUMNS = {
    "coverage": "expected not_due due late lost received incomplete conflict",
    "unreported": "pec region district form due_at minutes_late observers unreadable held",
    "incidents": "category count pecs",
    "equipment": "device pecs_failed open_now end_unknown n of value low high confidence",
    "procedures": "stage question answer count n of value low high",
    "turnout": "contest hour value low high margin confidence n of light merged_strata published",
    "results": "contest list count votes share base pecs of",
    "checks": "check tier severity state judged wrong largest",
    "health": "source last_success last_change age state seen changed quarantined error",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_columns_that_were_promised_are_there(facts: Facts, capfd: pytest.CaptureFixture[str], name: str) -> None:
    assert set(COLUMNS[name].split()) <= set(rows(capfd, name)[0])


def test_episodes_are_listed_from_and_to(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    row = rows(capfd, "equipment", "--list")[0]
    assert (row["from"], row["to"], row["replaced"]) == ("2021-11-28T10:00:00+06:00", None, False)


def test_json_has_integers_as_integers_nothing_as_null_and_tuples_as_lists(
    facts: Facts, capfd: pytest.CaptureFixture[str]
) -> None:
    row = rows(capfd, "unreported", "--form", "voting_12")[0]
    assert row["observers"] == ["5001-1"]
    assert row["minutes_late"] == 45
    assert isinstance(row["minutes_late"], int)
    assert row["area"] is None
    turnout = rows(capfd, "turnout")[0]
    assert turnout["value"] is None
    assert turnout["reasons"][0]["code"] == "estimate"


def test_why_a_light_is_not_better_is_said_in_words_in_every_format(
    facts: Facts, capfd: pytest.CaptureFixture[str]
) -> None:
    facts.report("5001", "turnout_10", at="10:05", voters_voted=100)
    sentence = "Naryn: 0 of 21 PECs have reported; it takes 11."
    reason = next(r for r in rows(capfd, "turnout")[0]["reasons"] if r["stratum"] == "naryn")
    assert reason == {"code": "stratum", "stratum": "naryn", "have": 0, "needs": 11, "of": 21, "text": sentence}
    for figure in (("turnout",), ("turnout", "--stability"), ("procedures",)):
        table = asked(capfd, *figure)
        assert table.splitlines()[2].endswith("  reasons")  # as long as it is, it stands last
        text = asked(capfd, *figure, "--format", "csv").removeprefix("\ufeff")
        cells = [row["reasons"] for row in csv.DictReader(io.StringIO(text, newline=""))]
        for said in (table, cells[0]):
            assert sentence in said
            assert "code=" not in said


def test_every_reason_is_said_alike_on_the_page_and_on_the_command_line() -> None:
    several = [
        Reason("sample", None, 150, 240, 300),
        Reason("stratum", "naryn+talas", 9, 11, 21),
        Reason("drift", None, 0.0123, 0.005),
        Reason("width", None, 0.2, 0.15),
        Reason("width", None, float("inf"), 0.15),
        Reason("estimate", None, 0, 1),
    ]
    with words.speaking("en"):
        assert [turnout_words.reason(why) for why in several] == [reasons.english(why, ELECTION) for why in several]
    assert reasons.english(several[4], ELECTION).startswith("All reports came at one moment")
    with words.speaking("ru"):
        assert turnout_words.reason(several[1]).startswith("Нарын + Талас")


def test_as_of_takes_an_hour_of_election_day_or_a_date_and_time(
    facts: Facts, capfd: pytest.CaptureFixture[str]
) -> None:
    def late(as_of: str) -> int:
        found = rows(capfd, "coverage", "--form", "opening", "--as-of", as_of)
        return int(found[0]["late"])

    assert late("9:01") == 1
    assert late("2021-11-28T09:00") == 0
    assert late("2021-11-28T03:01:00+00:00") == 1


def test_by_can_be_said_with_commas_or_again_and_again(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    one = rows(capfd, "incidents", "--by", "region,category")
    assert one == rows(capfd, "incidents", "--by", "region", "--by", "category")
    assert set(one[0]) == {"region", "category", "count", "pecs", "critical"}
    assert len(one) == 8 * len(ELECTION.categories)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "there is no figure nonsense; there are coverage"),
        (["coverage", "--region", "atlantis"], "there is no region atlantis; there are bishkek"),
        (["coverage", "--district", "x"], "there is no district x"),
        (["coverage", "--form", "x"], "there is no form x; there are mobile_voting"),
        (["turnout", "--hour", "11:00"], "there is no hour 11:00; there are 10:00"),
        (["coverage", "--as-of", "25:00"], "--as-of 25:00: a time of election day (14:00)"),
        (["coverage", "--as-of", "yesterday"], "--as-of yesterday"),
        (["coverage", "--by", "category"], "coverage cannot be divided by category; it can by form, region, district"),
        (["health", "--by", "source"], "it cannot be divided"),
        (["health", "--region", "osh"], "health has no --region"),
        (["procedures", "--list"], "procedures has no --list"),
        (["incidents", "--contacts"], "incidents has no --contacts"),
        (["equipment", "--by", "device,band"], "not by device as well"),
        (["comparison", "--level", "4"], "there is no level 4; there are 1, 2, 3"),
        (["comparison", "--level", "2", "--region", "osh"], "of the whole country"),
        (["checks", "--region", "osh"], "checks has no --region"),
        (["checks", "--by", "tier"], "it cannot be divided"),
        (["turnout", "--level", "1"], "turnout has no --level"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(
    facts: Facts, capfd: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert figures.main(arguments) == 2
    out, err = capfd.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert not out


def test_an_election_that_is_none_is_refused(
    facts: Facts, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment.here.cache_clear()
    monkeypatch.setenv("BAIKOO_ELECTION", "atlantis-1900")
    assert figures.main(["coverage"]) == 2
    assert "there is no such file" in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["table", "json", "csv"])
@pytest.mark.parametrize("name", NAMES)
def test_nobodys_name_or_telephone_is_in_a_figure_unless_it_is_asked_for(
    facts: Facts, capfd: pytest.CaptureFixture[str], name: str, kind: str
) -> None:
    assert "Asan" not in asked(capfd, name, "--format", kind)
    if name in ("coverage", "incidents", "equipment", "turnout"):
        assert "Asan" not in asked(capfd, name, "--list", "--format", kind)
    if name == "unreported":
        assert "Asan" in asked(capfd, name, "--contacts", "--format", kind)


def test_csv_is_for_spreadsheets_and_runs_nothing_in_them(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    text = asked(capfd, "incidents", "--list", "--format", "csv")
    assert text.startswith("\ufeff")
    row = next(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert row["description"] == "'=HYPERLINK(1)\nsaid -5 'so'"
    assert row["reported_at"] == "2021-11-28T10:00:00+06:00"


def test_only_words_are_escaped_in_csv_and_numbers_stay_numbers() -> None:
    frame = pd.DataFrame(
        {"a": ["=1", "+996", "-x", "@x", "\tx", "\rx", "x=1"], "number": [-1, 0, 1, 2, 3, 4, 5], "share": [-0.5] * 7}
    )
    lines = list(csv.reader(io.StringIO(export.csv(frame, ELECTION).decode("utf-8-sig"), newline="")))
    assert [line[0] for line in lines[1:]] == ["'=1", "'+996", "'-x", "'@x", "'\tx", "'\rx", "x=1"]
    assert [line[1] for line in lines[1:]] == ["-1", "0", "1", "2", "3", "4", "5"]
    assert {line[2] for line in lines[1:]} == {"-0.5"}


@pytest.mark.parametrize(
    "words",
    ["\uff1d1", "\uff0b1", "\uff0d1", "\uff20x", "\n=1", "\r\n=1", " =1", "\xa0=1", "\u200b\ufeff=1", "\ufe621"],
)
def test_a_cell_that_a_spreadsheet_would_run_after_all_is_escaped_too(words: str) -> None:
    cells = csv.reader(io.StringIO(export.csv(pd.DataFrame({"a": [words]}), ELECTION).decode("utf-8-sig"), newline=""))
    assert [*cells][1] == [f"'{words}"]


STEERING = "\x1b[2J\x1b]0;x\x07 \x9b31m \u202ereversed\u202c \x7f"


@pytest.mark.parametrize("kind", ["table", "json", "csv"])
def test_no_words_of_people_steer_a_terminal(facts: Facts, capfd: pytest.CaptureFixture[str], kind: str) -> None:
    facts.incident("secrecy", at="12:44", description=STEERING + "ө ү ң")
    text = asked(capfd, "incidents", "--list", "--format", kind)
    assert "ө ү ң" in text
    assert {letter for letter in text.removeprefix("\ufeff") if not letter.isprintable()} <= {"\r", "\n"}
    if kind == "json":
        said = [str(row["description"]) for row in json.loads(text)["rows"]]
        assert STEERING + "ө ү ң" in said


def test_a_list_in_a_cell_is_escaped_as_a_whole() -> None:
    frame = pd.DataFrame({"phones": [("+996 1", "+996 2"), ()]})
    assert export.csv(frame, ELECTION).decode("utf-8-sig").splitlines()[1:] == ["'+996 1; +996 2", '""']


def test_a_table_says_as_of_when_and_that_it_is_a_rehearsal(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    head, rehearsal, *lines = asked(capfd, "coverage").splitlines()
    assert head == f"coverage · kg-2021-11-28 · as of 2021-11-28 12:45:00 +06 · data {facts.at('12:45').data_version}"
    assert rehearsal == "Rehearsal: totals as published, single rows synthetic"
    assert lines[-1] == "9 rows"


def test_the_page_and_the_command_line_say_the_same(facts: Facts, capfd: pytest.CaptureFixture[str]) -> None:
    page = export.rows(states.states(facts.at("12:45")), ELECTION.tz)
    assert rows(capfd, "coverage", "--list") == page


def test_every_option_is_documented() -> None:
    words = text("docs/figures.md")
    options = [o for action in figures._parser()._actions for o in action.option_strings if o.startswith("--")]
    assert [o for o in options if o != "--help" and f"`{o}" not in words] == []
    assert [name for name in figures.FIGURES if f"`{name}`" not in words] == []
