"""An election's configuration: what is read, and what it says, by file and field, where it cannot be used."""

import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from elections import config
from elections.config import ConfigError, Election
from loaders.schedule import poll
from queries.coverage import coverage, unreported
from queries.equipment import failures
from queries.moment import moment
from store import clock

ISLANDS = Path(__file__).parent / "elections" / "made-up-islands"
QUESTIONS = "stage,id,type,choices,tolerance,meaning,of,name_en,name_ru\n"
Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """The made-up country's folder with one piece of text in one of its files replaced; again for another."""

    def edit(file: str, old: str, new: str) -> Path:
        folder = tmp_path / "islands"
        if not folder.exists():
            shutil.copytree(ISLANDS, folder)
        text = (folder / file).read_text("utf-8")
        assert text.count(old) >= 1, f"{old!r} is not in {file}"
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")
        return folder

    return edit


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("election.toml", 'zone = "Australia/Adelaide"', 'zone = "Mars"', "election.toml: zone: there is no time zone"),
        ("election.toml", 'zone = "Australia/Adelaide"', "", "election.toml: zone: Field required"),
        ("election.toml", "grace = 15", "graze = 15", "checklists.opening.graze: Extra inputs are not permitted"),
        ("election.toml", "date = 2027-03-14", "date = [", "election.toml: "),
        ("election.toml", '{ id = "south", name', '{ id = "north", name', "election.toml: regions.north: north stands"),
        (
            "election.toml",
            'merge_with = "north"',
            'merge_with = "west"',
            "strata.south.merge_with: there is no stratum",
        ),
        (
            "election.toml",
            'merge_with = "north"',
            'merge_with = "south"',
            "strata.south.merge_with: the merge partners",
        ),
        ("election.toml", "sampled = 4", "sampled = 41", "strata.north.sampled: 41 PECs drawn of 40"),
        ("election.toml", "sampled = 4", "sampled = 0", "strata.north.sampled: Input should be greater than 0"),
        ("election.toml", 'ru = "Юг"', 'fr = "Sud"', "regions.south.name: no words in ru"),
        ("election.toml", 'ru = "Полдень"', 'ru = " "', "checklists.noon.name: no words in ru"),
        ("election.toml", 'ru = "Цапли"', 'ky = "x"', "contests.council.lists.Herons.name: no words in ru"),
        (
            "election.toml",
            '"turnout.voters", ',
            '"turnout.votres", ',
            "checklists.noon.questions: there is no question",
        ),
        (
            "election.toml",
            'required = ["opening.on_time"]',
            'required = ["turnout.voters"]',
            "checklists.opening.requir",
        ),
        (
            "election.toml",
            "due = 2027-03-14T07:45",
            "due = 2027-03-14T06:45",
            "checklists.opening.due: 2027-03-14 06:45",
        ),
        ("election.toml", "asked_until = 2027-03-14T16", "asked_until = 2027-03-14T11", "checklists.noon.asked_until"),
        (
            "election.toml",
            "due = 2027-03-14T12:00:00",
            "due = 2027-03-14T12:00:00Z",
            "checklists.noon.due: Input should",
        ),
        ("election.toml", "window = [2027-03-14T07", "window = [2027-03-14T13", "checklists.noon.window: ends before"),
        ("election.toml", 'contest = "council"', 'contest = "mayor"', "checklists.noon.contest: there is no contest"),
        (
            "election.toml",
            'protocol_form = "protocol"',
            'protocol_form = "p"',
            "contests.council.protocol_form: there is",
        ),
        ("election.toml", 'number = "2"', 'number = "1"', "contests.council.lists.Against.number: 1 stands twice"),
        (
            "election.toml",
            "starts = 2027-03-14T18:30",
            "starts = 2027-03-14T07:30",
            "phases.after.starts: after does not",
        ),
        (
            "election.toml",
            "confidence = 0.95",
            'publish_margin = "design"',
            "estimates.publish_margin: there is no `design_margin` to publish",
        ),
        ("election.toml", "confidence = 0.95", "confidence = 95", "estimates.confidence: Input should be less than 1"),
        (
            "election.toml",
            'severity = "serious"',
            'severity = "bad"',
            "categories.late_opening.severity: Input should be",
        ),
        ("election.toml", "interval = 30", "interval = 0", "sources.observation.interval: Input should be greater"),
        ("election.toml", "interval = 30", "interval = -", "election.toml: "),
        ("election.toml", "interval = 30", 'interval = 30\nfeeds = "no.csv"', "sources.observation.feeds"),
        (
            "election.toml",
            'zone = "A',
            'stages = [{ id = "opening", name = { en = "Opening", ru = "Открытие" } }]\nzone = "A',
            "questions.csv, row 4: stage: there is no stage",
        ),
        ("election.toml", '"questions.csv"', '"nothing.csv"', "nothing.csv: there is no such file"),
        ("election.toml", 'zone = "A', 'map = "no.geojson"\nzone = "A', "election.toml: map: there is no file"),
        (
            "questions.csv",
            "choice,no yes,",
            "choice,no maybe,",
            "questions.csv, row 5: choices: there is no choice maybe",
        ),
        (
            "questions.csv",
            "choice,no yes,",
            "choice,,",
            "questions.csv, row 5: choices: voting.scanner_failed has noth",
        ),
        (
            "questions.csv",
            "number,,0.01,",
            "number,,often,",
            "questions.csv, row 4: tolerance: Input should be a valid",
        ),
        (
            "questions.csv",
            "opening,scanner_works",
            "opening,on_time",
            "questions.csv, row 3: opening.on_time stands twice",
        ),
        (
            "election.toml",
            "interval = 30",
            """interval = 30
[[sources.feeds]]
id = "machine"
path = "/m"
contest = "council"
count = "machine"
scope = "country"
rows = "rows\"""",
            "sources.observation.contact: who asks is not said",
        ),
        (
            "election.toml",
            "interval = 30",
            """interval = 30
[[sources]]
id = "south"
kind = "observation"
name = { en = "South", ru = "Юг" }
url = "${BAIKOO_SOUTH}\"""",
            "election.toml: sources.south.kind: a second observers' database: the PECs are of one",
        ),
        ("questions.csv", "Сканер работает", "", "questions.csv, row 3: name: no words in ru"),
        ("questions.csv", "Opened on time,", "Opened, on time,", "questions.csv, row 2: 10 cells under 9 columns"),
        ("questions.csv", "tolerance,", "type,", "questions.csv, row 1: the column 'type'"),
        (
            "questions.csv",
            "turnout,voters,number",
            "turnout,voters,figure",
            "questions.csv, row 4: type: Input should be",
        ),
    ],
)
def test_a_mistake_is_told_by_file_and_field(edited: Edit, file: str, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        config.read(edited(file, old, new))
    assert said in str(error.value)
    assert "Value error" not in str(error.value), "the words are ours, not the library's"


def test_every_mistake_is_told_at_once(edited: Edit) -> None:
    edited("questions.csv", "choice,no yes,", "choice,no maybe,")
    folder = edited("election.toml", 'merge_with = "north"', 'merge_with = "west"')
    with pytest.raises(ConfigError) as error:
        config.read(folder)
    assert len(str(error.value).splitlines()) == 2


def test_a_folder_without_a_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere/election\.toml: there is no such file"):
        config.read(tmp_path / "nowhere")


def test_a_table_that_is_no_text_is_named(edited: Edit) -> None:
    folder = edited("questions.csv", "", "")
    (folder / "questions.csv").write_bytes(QUESTIONS.encode() + b"\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"questions\.csv: .*utf-8"):
        config.read(folder)


def extending(tmp_path: Path, name: str, text: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "election.toml").write_text(text, "utf-8")
    return folder


def test_an_election_that_extends_another_differs_in_what_it_says(tmp_path: Path) -> None:
    folder = extending(
        tmp_path, "later", f'extends = "{ISLANDS}"\ndate = 2027-05-02\nearlier_turnout = {{ first = 0.4 }}'
    )
    election, base = config.read(folder), config.read(ISLANDS)
    assert (election.id, election.date.isoformat()) == ("later", "2027-05-02")
    assert election.questions == base.questions
    assert election.folder == folder


def test_a_mistake_in_the_extended_election_is_told_in_its_own_file(tmp_path: Path, edited: Edit) -> None:
    base = edited("questions.csv", "number,,0.01,", "number,,often,")
    with pytest.raises(ConfigError, match=r"islands/questions\.csv, row 4: tolerance"):
        config.read(extending(tmp_path, "later", f'extends = "{base}"'))


def test_elections_that_extend_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    folder = extending(tmp_path, "one", 'extends = "../two"')
    extending(tmp_path, "two", 'extends = "../one"')
    with pytest.raises(ConfigError, match=r"two/election\.toml: extends: goes in a circle"):
        config.read(folder)


def test_the_address_of_a_source_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    source = config.read(ISLANDS).source("observation")
    monkeypatch.delenv("BAIKOO_OBSERVATION", raising=False)
    with pytest.raises(ConfigError, match="source observation: the environment sets nothing in BAIKOO_OBSERVATION"):
        source.address()
    monkeypatch.setenv("BAIKOO_OBSERVATION", "")
    with pytest.raises(ConfigError, match="source observation: the environment sets nothing in BAIKOO_OBSERVATION"):
        source.address()
    monkeypatch.setenv("BAIKOO_OBSERVATION", "sqlite:///x.sqlite")
    assert source.address() == "sqlite:///x.sqlite"


def test_the_sample_of_2021_is_300_of_2435_pecs_as_drawn(election: Election) -> None:
    published = {
        "bishkek": (228, 28),
        "osh": (593, 73),
        "batken": (218, 27),
        "jalal-abad": (452, 56),
        "issyk-kul": (250, 31),
        "naryn": (169, 21),
        "talas": (117, 14),
        "chui": (408, 50),
    }  # fmt: skip -- the table as it was published
    assert {s.id: (s.pecs, s.sampled) for s in election.strata} == published
    assert (sum(s.pecs for s in election.strata), sum(s.sampled for s in election.strata)) == (2435, 300)


def test_small_strata_of_2021_find_partners_until_one_is_left(election: Election) -> None:
    partner = {s.id: s.merge_with for s in election.strata}
    ends = set()
    for stratum in partner:
        at = stratum
        while (then := partner[at]) is not None:
            at = then
        ends.add(at)
    assert ends == {"bishkek"}


def test_the_quiet_rehearsal_is_the_same_day(election: Election) -> None:
    quiet = config.read("kg-rehearsal-quiet")
    assert (quiet.checklists, quiet.strata, quiet.date) == (election.checklists, election.strata, election.date)
    assert quiet.rehearsal


@pytest.mark.parametrize(
    ("typed", "utc"),
    [
        ("14:00", "2021-11-28T08:00"),
        ("9:30", "2021-11-28T03:30"),
        ("2021-11-29T10:00", "2021-11-29T04:00"),
        ("2021-11-29T10:00:00+00:00", "2021-11-29T10:00"),
    ],
)
def test_a_time_is_read_as_people_type_it(election: Election, typed: str, utc: str) -> None:
    assert election.moment_of(typed) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "typed",
    ["noon", "25:00", "", "14", "0001-01-01T00:00+23:59", "9999-12-31T23:59", "0001-01-01", "1970-01-01", "٠٣:٤٥"],
)
def test_what_is_no_time_is_refused(election: Election, typed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        election.moment_of(typed)


@given(st.text() | st.datetimes(timezones=st.none() | st.timezones()).map(lambda at: at.isoformat()))
def test_whatever_is_typed_is_a_time_near_the_election_or_refused(typed: str) -> None:
    election = config.read("kg-2021-11-28")
    try:
        at = election.moment_of(typed)
    except ValueError:
        return
    assert abs(at.astimezone(election.tz).astimezone(UTC) - election.moment_of("12:00")) < timedelta(days=366 * 7)


def test_another_country_works_by_configuration_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: sa.Engine
) -> None:
    election = config.read(ISLANDS)
    monkeypatch.setenv("BAIKOO_OBSERVATION", islands_observed(tmp_path))
    with clock.frozen(election.moment_of("08:01")):
        poll(store, election, "observation")
        now = moment(store, election)
        rows = coverage(now).set_index("form")
        assert rows.loc["opening", ["expected", "late", "received", "conflict"]].tolist() == [6, 4, 1, 1]
        assert rows.loc["noon", "not_due"] == 6
        assert unreported(now, form="opening")["minutes_late"].max() == 16, "due 07:45; late from 08:00 on"
    with clock.frozen(election.moment_of("12:10")):
        failed = failures(moment(store, election)).set_index("device")
        assert list(failed.index) == ["scanner"]
        assert failed.loc["scanner", "confidence"] == 0.95


def islands_observed(folder: Path) -> str:
    """The observers' database of the made-up country: two PECs have sent the opening checklist, one in two minds."""
    url = f"sqlite:///{folder / 'islands.sqlite'}"
    at = "2027-03-13T21:20:00Z"
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        for view, columns in VIEWS.items():
            conn.exec_driver_sql(f"create table {view} ({columns}, updated_at)")
        for i in range(60):
            region = "north" if i < 40 else "south"
            drawn = int(i % 10 == 0)
            conn.exec_driver_sql(
                "insert into obs_pec values (?, ?, null, null, null, ?, 500, ?, 0, null, null, ?)",
                (f"{i:03}", region, region, drawn, at),
            )
            for who in ("a", "b") if drawn else ():
                conn.exec_driver_sql(
                    "insert into obs_observer values (?, ?, 'sto', null, null, null, null, ?)",
                    (f"{i:03}{who}", f"{i:03}", at),
                )
        for report, pec, on_time in (
            ("1a", "000", "yes"),
            ("1b", "000", "yes"),
            ("2a", "010", "yes"),
            ("2b", "010", "no"),
        ):
            conn.exec_driver_sql(
                "insert into obs_report values (?, ?, ?, 'opening', ?, 0, ?)", (report, pec + report[1], pec, at, at)
            )
            conn.exec_driver_sql("insert into obs_answer values (?, 'on_time', ?, ?)", (report, on_time, at))
    engine.dispose()
    return url


VIEWS = {
    "obs_pec": "pec, region, area, settlement, district, stratum, registered_voters, in_sample, mobile_applications,"
    " latitude, longitude",
    "obs_observer": "observer, pec, role, full_name, phone, backup_phone, coordinator",
    "obs_report": "report, observer, pec, form, submitted_at, deleted",
    "obs_answer": "report, question, value",
    "obs_incident": "incident, pec, region, district, observer, category, severity, occurred_at, description, status,"
    " reported_at, channel, deleted",
}


def test_the_rehearsals_election_names_every_threshold_so_that_an_organisation_sees_them() -> None:
    with (config.FOLDER / "kg-2021-11-28" / "election.toml").open("rb") as file:
        written = tomllib.load(file)["estimates"]
    assert set(written) == set(config.Estimates.model_fields)
