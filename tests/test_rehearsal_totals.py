"""The rehearsed day against the published totals: brute force over the observation database's own rows."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from elections.config import FOLDER, Election, read
from rehearsal.outside import Outside, next_morning

PUBLISHED = FOLDER / "kg-2021-11-28" / "published"
Views = dict[str, pd.DataFrame]
At = Callable[[str], Views]
WINDOWS = ["voting_12", "voting_16", "closing"]


def published(name: str) -> pd.DataFrame:
    return pd.read_csv(PUBLISHED / f"{name}.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module", params=["kg-2021-11-28", "kg-rehearsal-quiet"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """The outside world at the end of the rehearsal."""
    folder = tmp_path_factory.mktemp("rehearsal")
    outside = Outside(read(request.param), f"sqlite:///{folder / 'observation.sqlite'}")
    outside.advance(next_morning(outside.election))
    yield outside
    outside.close()


@pytest.fixture(scope="module")
def morning(played: Outside) -> Views:
    """The contract's views at 10:00 of the next morning."""
    return views(played.database)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[At]:
    """The views at an hour of the full rehearsal's election day; hours are asked for in their order."""
    folder = tmp_path_factory.mktemp("hours")
    outside = Outside(read("kg-2021-11-28"), f"sqlite:///{folder / 'observation.sqlite'}")

    def views_at(hour: str) -> Views:
        outside.advance(outside.election.moment_of(hour))
        return views(outside.database)

    yield views_at
    outside.close()


def views(database: sa.Engine) -> Views:
    names = ("pec", "observer", "report", "answer", "incident", "message", "attachment")
    with database.connect() as conn:
        return {name: pd.read_sql_table(f"obs_{name}", conn) for name in names}


def active(day: Views) -> pd.DataFrame:
    """Each observer's latest report of a form on their own PEC, with its answers."""
    own = day["report"][day["report"].deleted == 0].merge(day["observer"][["observer", "pec", "role"]], on="observer")
    own = own[(own.role == "sto") & (own.pec_x == own.pec_y)].rename(columns={"pec_x": "pec"})
    last = own.sort_values("submitted_at").groupby(["observer", "form"]).tail(1)
    return last.merge(day["answer"], on="report")


def agreed(day: Views) -> pd.Series:
    """(PEC, form, question) -> the answer to a checklist; the test fails where the two observers differ."""
    grouped = active(day).query("form != 'equipment_episode'").groupby(["pec", "form", "question"])["value"]
    assert (grouped.nunique() == 1).all()
    return grouped.first()


def day_answers(election: Election, answers: pd.Series) -> pd.DataFrame:
    """PEC, stage, question, answer of the day: the worst of the forms that ask it, by the order of its choices."""
    frames = []
    for checklist in election.checklists:
        of_form = answers[answers.index.get_level_values("form") == checklist.form].reset_index()
        for key in checklist.questions:
            stage, question = key.split(".", 1)
            choices = next(q.choices for q in election.questions if (q.stage, q.id) == (stage, question))
            chosen = of_form[of_form.question == question]
            if choices and len(chosen):
                rank = chosen.value.map({c: k for k, c in enumerate(choices)})
                frames.append(chosen.assign(stage=stage, rank=rank)[["pec", "stage", "question", "value", "rank"]])
    everything = pd.concat(frames).sort_values("rank")
    return everything.groupby(["pec", "stage", "question"]).tail(1)


def test_every_answer_counted_at_polling_stations_is_as_published(played: Outside, morning: Views) -> None:
    answers = day_answers(played.election, agreed(morning))
    for row in published("procedures_election_day").itertuples():
        own = answers[(answers.stage == row.stage) & (answers.question == row.question)]
        assert len(own) == int(row.observed), row
        assert (own.value == row.answer).sum() == int(row.pecs), row


def test_every_answer_about_portable_boxes_is_as_published(played: Outside, morning: Views) -> None:
    answers = agreed(morning).xs("mobile_voting", level="form").reset_index()
    for row in published("mobile_voting_day").itertuples():
        own = answers[answers.question == row.question]
        assert len(own) == int(row.observed), row
        assert (own.value == "yes").sum() == int(row.pecs), row


def test_strata_and_sample_are_as_published(morning: Views) -> None:
    frame = morning["pec"]
    inside = frame[frame.stratum.notna()]
    for row in published("regions").itertuples():
        own = inside[inside.stratum == row.region]
        assert (len(own), own.in_sample.sum()) == (int(row.pecs_total), int(row.pecs_sampled))
        assert own.pec.str.fullmatch(f"{row.pec_prefix}\\d{{3}}").all()
    abroad = frame[frame.region == "abroad"]
    assert (len(frame), len(abroad), abroad.in_sample.sum()) == (2494, 59, 0)
    assert abroad[["district", "stratum"]].isna().all(axis=None)
    assert (inside.registered_voters.sum(), abroad.registered_voters.sum()) == (3619292, 84128)
    assert frame.registered_voters.between(30, 2700).all()


def test_districts_are_those_of_their_region_and_batken_is_made_up_as_published(morning: Views) -> None:
    frame = morning["pec"].set_index("pec")
    region = published("districts").set_index("name_en").region
    inside = frame[frame.stratum.notna()]
    assert (inside.district.map(region) == inside.region).all()
    batken = published("batken").drop_duplicates("district_name")
    for row in batken.itertuples():
        own = frame[frame.district == row.district_name]
        assert (len(own), own.registered_voters.sum()) == (int(row.pecs), int(row.voters))
    alga = frame.loc[["8145", "8146", "8172", "8202", "8147"]]
    assert alga.area.eq("Kadamjai raion").all()
    assert alga.district.tolist() == ["Batken"] * 4 + ["Kadamjai"]


def test_every_polling_station_that_a_published_table_names_is_in_the_frame(morning: Views) -> None:
    named = {pec for cell in published("recounted_pecs").pecs for pec in cell.split()}
    for table in ("incidents_election_day", "incidents_mobile_voting_day"):
        named |= {pec for pec in published(table).pec if pec}
    assert named <= set(morning["pec"].pec)


def test_applications_to_vote_at_home_are_as_published(morning: Views) -> None:
    frame = morning["pec"]
    for row in published("regions").itertuples():
        assert frame[frame.region == row.region].mobile_applications.sum() == int(row.out_of_premises_single)
    assert (frame[frame.in_sample == 1].mobile_applications > 0).sum() == 179


def test_mobile_teams_visited_as_many_polling_stations_as_published(morning: Views) -> None:
    visits = morning["report"][morning["report"].form == "mobile_visit"].merge(morning["pec"], on="pec")
    assert visits.pec.is_unique
    for row in published("regions").itertuples():
        assert (visits.region == row.region).sum() == int(row.mobile_team_pecs)
    assert visits.observer.nunique() == 46


def test_incidents_are_as_published_with_the_contradictions_of_the_full_rehearsal(
    played: Outside, morning: Views
) -> None:
    mine = morning["incident"][morning["incident"].deleted == 0]
    evening = played.election.moment_of("00:00").timestamp()
    happened = pd.to_datetime(mine.occurred_at, utc=True).map(lambda m: m.timestamp())
    columns = ["category", "pec", "region", "district"]
    frame = morning["pec"].set_index("pec")
    for table, own in (
        ("incidents_election_day", mine[happened >= evening]),
        ("incidents_mobile_voting_day", mine[happened < evening]),
    ):
        expected = published(table).set_axis(columns, axis=1)
        if played.election.id == "kg-rehearsal-quiet":
            known = expected.pec != ""
            for column in ("region", "district"):
                expected.loc[known, column] = expected.pec[known].map(frame[column])
        found = own[columns].fillna("")
        assert sorted(map(tuple, found.to_numpy())) == sorted(map(tuple, expected.to_numpy()))
    severity = {c.id: c.severity for c in played.election.categories}
    assert (mine.severity == mine.category.map(severity)).all()


def test_an_observer_inside_reports_incidents_only_of_their_own_polling_station(morning: Views) -> None:
    reported = morning["incident"].merge(morning["observer"], on="observer", suffixes=("", "_own"))
    inside = reported[reported.role == "sto"]
    assert len(inside)
    assert (inside.pec == inside.pec_own).all()


def test_people_have_made_up_telephones_that_cannot_ring(morning: Views) -> None:
    people = morning["observer"]
    assert people.role.value_counts().to_dict() == {"sto": 600, "lto": 72, "mobile": 46, "coordinator": 8}
    numbers = pd.concat([people.phone, people.backup_phone]).dropna()
    assert numbers.str.fullmatch(r"\+996 000 \d{3} \d{3}").all()
    assert numbers.is_unique
    coordinators = people[people.role == "coordinator"].observer
    assert set(people.coordinator.dropna()) == set(coordinators)
    inside = people[people.role == "sto"]
    assert set(inside.groupby("pec").size()) == {2}


def test_copies_of_protocols_are_as_published_and_say_what_the_commission_counted(
    played: Outside, morning: Views
) -> None:
    answers = agreed(morning).xs("protocol_single_constituency", level="form").unstack()
    copies = answers["copy"].value_counts()
    assert copies["certified"] == 284
    assert copies["photographed"] > 8
    assert set(copies.index) == {"certified", "photographed", "promised", "refused"}
    without = answers["copy"].isin(["promised", "refused"])
    assert answers[without].drop(columns="copy").isna().all(axis=None)
    with_figures = answers[~without]
    assert with_figures.notna().all(axis=None)
    own = with_figures.drop(columns="copy").astype(int)
    votes = own[[c for c in own.columns if c.startswith("votes_")]]
    assert (own.valid == votes.sum(axis=1)).all()
    assert (own.found == own.valid + own.invalid).all()
    assert (own.received == own.issued + own.unused + own.spoiled).all()
    differing = 0 if played.election.id == "kg-rehearsal-quiet" else 12
    assert _differ_from_manual(played, votes) == differing


def _differ_from_manual(played: Outside, votes: pd.DataFrame) -> int:
    end = played.election.moment_of("2021-12-07T18:00")
    page = played.commission.page("/results/manual.json", end)
    assert page is not None
    manual = {row["pec"]: row["votes"] for row in json.loads(page.body)["protocols"]}
    own = votes.rename(columns=lambda c: c.removeprefix("votes_"))
    return sum(own.loc[pec].to_dict() != manual[pec] for pec in own.index)


def test_equipment_episodes_fit_the_answers(played: Outside, morning: Views) -> None:
    answers = day_answers(played.election, agreed(morning)).set_index(["question", "pec"]).value
    reports = morning["report"][morning["report"].form == "equipment_episode"]
    wide = (
        morning["answer"]
        .merge(reports[["report", "pec"]], on="report")
        .pivot(index=["report", "pec"], columns="question", values="value")
    )
    wide = wide.reset_index("pec")
    for question, device in (("arbb_temporary_failure", "arbb"), ("identification_failure", "identification")):
        said = answers[question]
        assert set(said[said == "yes"].index) == set(wide[wide.device == device].pec)
    replaced = answers["arbb_replaced_by_stationary_box"]
    box = wide[wide.replaced_by == "stationary_box"]
    assert set(replaced[replaced == "yes"].index) == set(box.pec)
    assert box.to.isna().all()
    ended = wide[wide.to.notna()]
    starts, ends = ended["from"].map(datetime.fromisoformat), ended["to"].map(datetime.fromisoformat)
    minutes = (ends - starts).dt.total_seconds() / 60
    assert minutes.min() > 0
    assert minutes.between(10, 60).mean() > 0.75
    assert starts.map(lambda m: m.utcoffset() == timedelta(hours=6)).all()


def estimate(election: Election, day: Views, form: str) -> tuple[float, int]:
    """The stratified ratio of the counts at a form's hour to the voters on the list, and the PECs it rests on."""
    counts = active(day)
    counts = counts[(counts.form == form) & (counts.question == "voters_voted")]
    y = pd.to_numeric(counts.value, errors="coerce").groupby(counts.pec).mean()
    own = day["pec"].set_index("pec").loc[y.index]
    size = {s.id: s.pecs for s in election.strata}
    weight = own.stratum.map(size) / own.groupby("stratum").stratum.transform("size")
    return float((weight * y).sum() / (weight * own.registered_voters).sum()), len(y)


def test_the_day_comes_in_as_on_the_day(at: At) -> None:
    """One day, looked at in the order of its hours."""
    election = read("kg-2021-11-28")

    def reported(day: Views, form: str) -> int:
        return active(day).query("form == @form").pec.nunique()

    outage = at("13:00")
    away = active(outage).query("form == 'voting_12'").merge(outage["pec"], on="pec").region.value_counts()
    assert away.get("naryn", 0) == 0
    assert away["talas"] > 8
    afternoon = at("14:00")
    assert 270 <= reported(afternoon, "voting_12") < 300
    assert 298 <= reported(afternoon, "opening") <= 300
    assert 250 <= reported(at("16:15"), "voting_16") <= 262
    at_16, n = estimate(election, at("16:16"), "voting_16")
    assert 0.246 <= at_16 <= 0.256, n
    final, n = estimate(election, at("2021-11-29T10:00"), "closing")
    assert abs(final - 0.355) <= 0.006
    assert n == 300
    all_in, _ = estimate(election, at("2021-11-29T10:00"), "voting_16")
    assert 0.246 <= all_in <= 0.256


def test_by_16_00_there_are_33_incident_reports_of_the_day_two_of_them_critical(
    tmp_path: Path, election: Election
) -> None:
    outside = Outside(election, f"sqlite:///{tmp_path / 'observation.sqlite'}")
    outside.advance(election.moment_of("16:00"))
    day = views(outside.database)["incident"]
    outside.close()
    reported = pd.to_datetime(day.reported_at, utc=True)
    of_the_day = day[reported >= pd.Timestamp(election.moment_of("00:00"))]
    assert len(of_the_day) == 33
    assert (of_the_day.severity == "critical").sum() == 2
    assert (reported <= pd.Timestamp(election.moment_of("16:00"))).all()


def test_the_day_behaves_like_one(played: Outside, morning: Views) -> None:
    """Everything that goes wrong with reports happens in the full rehearsal, and nothing of it in the quiet one."""
    quiet = played.election.id == "kg-rehearsal-quiet"
    reports = morning["report"].merge(morning["observer"], on="observer", suffixes=("", "_own"))
    inside = reports[(reports.role == "sto") & (reports.form != "equipment_episode")]
    frame = set(morning["pec"].pec)
    elsewhere = inside[inside.pec != inside.pec_own]
    counts = {
        "withdrawn": int((reports.deleted == 1).sum()),
        "sent again": int(inside.report.str.endswith(".2").sum()),
        "at a neighbour's PEC": int(elsewhere.pec.isin(frame).sum()),
        "at no PEC": int((~elsewhere.pec.isin(frame)).sum()),
        "unreadable": int(morning["message"].report.isna().sum()),
        "no number 12:00": 300 - active(morning).query("form == 'voting_12'").pec.nunique(),
    }
    expected = {
        "withdrawn": 1,
        "at a neighbour's PEC": 2,
        "at no PEC": 1,
        "unreadable": 3,
        "no number 12:00": 1,
    }
    assert all(counts[k] == (0 if quiet else v) for k, v in expected.items()), counts
    assert counts["sent again"] == 0 if quiet else counts["sent again"] > 10
    corrected = morning["answer"].merge(reports, on="report", suffixes=("", "_report"))
    changed = corrected[(corrected.updated_at > corrected.updated_at_report) & (corrected.role == "sto")]
    assert (changed.form == "equipment_episode").all() if quiet else (changed.form != "equipment_episode").sum() > 40
    order = inside.sort_values("updated_at").submitted_at
    assert not order.is_monotonic_increasing


def test_one_polling_stations_count_falls_in_the_full_rehearsal_only(played: Outside, morning: Views) -> None:
    counts = active(morning).query("question == 'voters_voted'")
    by_hour = counts.assign(value=counts.value.astype(int)).pivot_table(index="pec", columns="form", values="value")
    hours = ["turnout_10", "voting_12", "turnout_14", "voting_16", "turnout_18", "closing"]
    falls = by_hour[hours].apply(lambda row: bool(np.any(np.diff(row.dropna()) < 0)), axis=1)
    assert falls.sum() == (0 if played.election.id == "kg-rehearsal-quiet" else 1)
