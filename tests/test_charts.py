"""Charts as functions: a valid spec with its words for what there is, and nothing to draw where there is nothing."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pandas as pd
import pytest
from altair.vegalite.v6.schema.core import load_schema

from elections.config import Election
from pages import (
    charts,
    charts_coverage,
    charts_day,
    charts_estimates,
    charts_incidents,
    charts_map,
    charts_procedures,
    charts_quick_count,
    charts_results,
    charts_stability,
    charts_turnout,
    colours,
    words,
)
from queries.coverage import STATES


def _as_an_address(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema with its reference, which holds < and |, written as an address must be."""
    return part | {"$ref": quote(part["$ref"], safe="#/")} if isinstance(part.get("$ref"), str) else part


# Vega-Lite's own schema, as Altair brings it
VEGA_LITE = jsonschema_rs.validator_for(json.loads(json.dumps(load_schema()), object_hook=_as_an_address))
NOW = datetime(2021, 11, 28, 8, 0, tzinfo=UTC)  # 14:00 in Bishkek


def at(*times: str | None) -> Any:
    return pd.to_datetime(pd.Series([t and f"2021-11-28T{t}:00Z" for t in times], dtype="object"), utc=True)


def coverage_rows(**keys: list[str]) -> pd.DataFrame:
    rows = pd.DataFrame({**keys, **{state: 0 for state in STATES}})
    return rows.assign(received=20, late=5, expected=25)


HOURS = pd.DataFrame(
    {
        "hour": ["2021-11-28T09:00:00+06:00", "2021-11-28T09:00:00+06:00", "2021-11-28T10:00:00+06:00"],
        "severity": ["critical", "minor", "serious"],
        "count": [1, 2, 0],
    }
)
ESTIMATES = pd.DataFrame(
    {
        "region": ["osh", "chui", "talas"],
        "value": [0.3, 0.2, None],
        "low": [0.2, 0.1, None],
        "high": [0.4, 0.3, None],
        "confidence": 0.99,
        "n": [70, 50, 1],
        "of": [73, 50, 14],
    }
)
NATIONAL = {"value": 0.25, "low": 0.2, "high": 0.3, "reasons": ()}
EPISODES = pd.DataFrame(
    {
        "pec": ["5043", "5044"],
        "region": ["osh", "osh"],
        "device": ["arbb", "identification"],
        "from_at": at("03:00", "04:00"),
        "to_at": at(None, "05:00"),
        "news_at": at("07:30", "05:05"),
        "state": ["open", "ended"],
    }
)
TURNOUT = pd.DataFrame(
    {
        "hour": ["10:00", "12:00"],
        "value": [0.051, None],
        "low": [0.045, None],
        "high": [0.057, None],
        "confidence": 0.99,
        "n": [258, 90],
        "of": 300,
        "published": [0.0452, 0.1021],
    }
)
BOTH = pd.DataFrame({"list": ["Ishenim", "Alliance"], "machine": [90, 50], "manual": [95, 50], "pecs": 10})
PROGRESS = pd.DataFrame(
    {"count": ["machine", "manual"], "at_at": at("05:00", "06:00"), "pecs": [5, 1], "of": 10, "value": [0.5, 0.1]}
)
EVENTS = pd.DataFrame(
    {
        "lane": ["Opening", "incident reports"],
        "at_at": at("02:30", "03:00"),
        "to_at": at(None, "04:00"),
        "words": ["S-5043-1", "Campaigning, serious"],
        "mark": ["reported", "alarm"],
    }
)
COUNTS = pd.DataFrame({"hour": ["10:00", "12:00"], "count": [100.0, None], "voters": 1000, "share": [0.1, None]})


def the_map(rows: pd.DataFrame, election: Election) -> charts.Spec:
    assert election.map
    return charts_map.regions(
        rows, Path(election.map), "Reports, by region", "Map.", "count", "#D55E00", "written", {"written": "Reports"}
    )


STEPS = pd.DataFrame(
    {"n": [100, 250, 290], "of": 300, "value": [None, 0.25, 0.26], "low": [None, 0.2, 0.24], "high": [None, 0.3, 0.28],
     "confidence": 0.99, "light": ["red", "amber", "green"]}
)  # fmt: skip
PARTS = pd.DataFrame(
    {"n": [5, 5], "since": 0, "stratum": ["osh", "chui"], "pecs": [4, 1], "of": 9, "share": [0.4, 0.1]}
)
RESIDUALS = pd.DataFrame({"place": [1, 2], "pec": ["1001", "1002"], "residual": [0.1, -0.1], "fitted": [0.1, -0.1]})
SHARES = pd.DataFrame(
    {"list": ["Ishenim", "invalid"], "value": [0.15, None], "low": [0.14, None], "high": [0.16, None],
     "confidence": 0.99, "n": 295, "of": 300, "published": [0.151, None], "published_pecs": 5, "published_of": 9}
)  # fmt: skip
REPORTS = pd.DataFrame({"region": ["osh", "bishkek"], "count": [3, 0], "written": ["3", "0"]})
ASKED = pd.DataFrame(
    {
        "asked": ["Lots were drawn", "Voters turned away", "Voters turned away"],
        "answer": ["no", "1_to_5", "6_to_10"],
        "value": [0.03, 0.02, None],
        "low": [0.01, 0.0, None],
        "high": [0.06, 0.05, None],
        "confidence": 0.99,
        "count": [9, 6, 90],
        "n": [300, 281, 281],
        "light": ["green", "amber", "red"],
    }
)
Drawing = Callable[[Election], charts.Spec]
CHARTS: dict[str, Drawing] = {
    "state bars": lambda e: charts_coverage.state_bars(
        coverage_rows(form=["opening", "closing"]), {"opening": "20 of 25"}
    ),
    "grid": lambda e: charts_coverage.grid(coverage_rows(form=["opening", "opening"], region=["osh", "chui"])),
    "map": lambda e: the_map(REPORTS, e),
    "incidents by hour": lambda e: charts_incidents.by_hour(HOURS),
    "incidents by region": lambda e: charts_incidents.by_region(HOURS.assign(region=["osh", "osh", "chui"])),
    "heat": lambda e: charts_incidents.heat(HOURS.assign(region=["osh", "chui", "osh"], category="campaigning")),
    "dots": lambda e: charts_estimates.dots(ESTIMATES, NATIONAL, "Share of PECs", "share"),
    "answers": lambda e: charts_procedures.answers(ASKED, "opening", "share of all PECs"),
    "bands": lambda e: charts_estimates.bands(
        pd.DataFrame({"band": ["none", "1_to_5"], "pecs": [9, 1], "n": 10, "of": 12}),
        "PECs by band",
        ["none", "1_to_5"],
    ),
    "episodes": lambda e: charts_day.episodes(EPISODES, NOW, "Failures through the day"),
    "timeline": lambda e: charts_day.timeline(EVENTS, NOW, "What came from PEC 5043"),
    "turnout": lambda e: charts_turnout.by_hour(TURNOUT, {"2020-10-04": 0.562}),
    "turnout of a PEC": lambda e: charts_turnout.of_a_pec(COUNTS, TURNOUT, "Osh"),
    "machine and manual": lambda e: charts_results.lists(BOTH),
    "one count": lambda e: charts_results.one_count(
        pd.DataFrame({"list": ["Ishenim"], "votes": 9, "share": 0.9, "base": 10, "pecs": 1, "of": 2}), "machine"
    ),
    "settling": lambda e: charts_stability.settling(STEPS),
    "composition": lambda e: charts_stability.composition(PARTS),
    "drift": lambda e: charts_stability.drift(RESIDUALS),
    "counted": lambda e: charts_results.counted(PROGRESS, NOW, NOW),
    "quick count": lambda e: charts_quick_count.shares(SHARES),
}
EMPTY: dict[str, Callable[[], charts.Spec]] = {
    "state bars": lambda: charts_coverage.state_bars(coverage_rows(form=[]), {}),
    "grid": lambda: charts_coverage.grid(coverage_rows(form=[], region=[])),
    "incidents by hour": lambda: charts_incidents.by_hour(HOURS.assign(count=0)),
    "incidents by region": lambda: charts_incidents.by_region(HOURS.assign(count=0, region="osh")),
    "heat": lambda: charts_incidents.heat(HOURS.assign(count=0, region="osh", category="campaigning")),
    "dots": lambda: charts_estimates.dots(ESTIMATES.assign(value=None), None, "", ""),
    "answers": lambda: charts_procedures.answers(ASKED[ASKED["light"] == "red"], "opening", ""),
    "bands": lambda: charts_estimates.bands(pd.DataFrame(columns=["band", "pecs", "n", "of"]), "", []),
    "episodes": lambda: charts_day.episodes(EPISODES[:0], NOW, ""),
    "timeline": lambda: charts_day.timeline(EVENTS[:0], NOW, ""),
    "turnout": lambda: charts_turnout.by_hour(TURNOUT[:0], {}),
    "turnout of a PEC": lambda: charts_turnout.of_a_pec(COUNTS[:0], TURNOUT, ""),
    "machine and manual": lambda: charts_results.lists(BOTH.assign(pecs=0)),
    "one count": lambda: charts_results.one_count(BOTH.assign(pecs=0), "machine"),
    "settling": lambda: charts_stability.settling(STEPS[STEPS["light"] == "red"]),
    "composition": lambda: charts_stability.composition(PARTS[:0]),
    "drift": lambda: charts_stability.drift(RESIDUALS[:0]),
    "counted": lambda: charts_results.counted(PROGRESS[:0], NOW, NOW),
    "quick count": lambda: charts_quick_count.shares(SHARES.assign(value=None)),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_vega_lite_with_a_title_and_words_that_stand_for_it(name: str, election: Election) -> None:
    for language in ("ru", "ky", "en"):
        with words.speaking(language):
            spec = CHARTS[name](election)
        assert len(spec["title"]) > 8
        assert spec["description"].endswith(".")
    VEGA_LITE.validate(spec)


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_carries_a_few_rows_that_json_can_say(name: str, election: Election) -> None:
    spec = CHARTS[name](election)
    assert 0 < len(spec["datasets"]["rows"]) < 50
    assert json.loads(json.dumps(spec, allow_nan=False))


@pytest.mark.parametrize("name", CHARTS)
def test_every_mark_has_its_tooltip_and_every_axis_its_title(name: str, election: Election) -> None:
    spec = CHARTS[name](election)
    layers = spec.get("layer", [spec])
    assert any("tooltip" in layer["encoding"] for layer in layers)
    axes = [c.get("axis") for layer in layers for k, c in layer["encoding"].items() if k in ("x", "y") and "field" in c]
    quantities = [a for a in axes if isinstance(a, dict) and isinstance(a.get("format"), str)]
    assert all(a.get("title") for a in quantities)


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_drawn_where_there_is_nothing(name: str) -> None:
    assert EMPTY[name]() == {}


def test_the_map_of_nothing_is_not_drawn(election: Election) -> None:
    assert the_map(REPORTS[:0], election) == {}


def test_no_word_of_the_data_becomes_an_expression(election: Election) -> None:
    evil = "'+alert(1)+'"
    rows = [
        charts_estimates.dots(ESTIMATES.assign(region=evil), NATIONAL, evil, evil),
        charts_day.timeline(EVENTS.assign(words=evil, lane=evil), NOW, evil),
        charts_day.episodes(EPISODES.assign(pec=evil, device=evil), NOW, evil),
        charts_results.lists(BOTH.assign(list=evil)),
        charts_coverage.grid(coverage_rows(form=[evil], region=[evil])),
    ]
    for spec in rows:
        bare = json.dumps({k: v for k, v in spec.items() if k not in ("datasets", "title")})
        expressions = re.findall(r'"(?:expr|calculate|filter|signal|test|labelExpr)": "([^"]*)"', bare)
        assert not any("alert" in e for e in expressions)


def test_each_state_light_and_severity_has_a_colour_of_its_own() -> None:
    for of in (colours.STATES, colours.LIGHTS, colours.SEVERITIES):
        assert len(set(of.values())) == len(of)


def test_states_have_the_same_colours_everywhere() -> None:
    rows = coverage_rows(form=["opening"], region=["osh"])
    for spec in (charts_coverage.state_bars(rows, {}), charts_coverage.grid(rows)):
        text = json.dumps(spec)
        assert all(colour in text for colour in colours.STATES.values())


def test_observers_are_solid_blue_and_the_commission_dashed_grey_diamonds() -> None:
    spec = charts_turnout.by_hour(TURNOUT, {})
    text = json.dumps(spec)
    assert colours.OBSERVERS in text
    assert colours.COMMISSION in text
    dashed = [layer for layer in spec["layer"] if layer["mark"].get("strokeDash")]
    diamonds = [layer for layer in spec["layer"] if layer["mark"].get("shape") == "diamond"]
    assert [layer["encoding"]["y"]["field"] for layer in (*dashed, *diamonds)] == ["published", "published"]


def test_an_hour_under_a_red_light_has_no_number_in_the_chart() -> None:
    rows = charts_turnout.by_hour(TURNOUT, {})["datasets"]["rows"]
    assert [(r["hour"], r["value"], r["written"]) for r in rows] == [("10:00", 0.051, "5.1%"), ("12:00", None, "–")]


def test_an_answer_under_a_red_light_is_not_in_the_chart_and_a_preliminary_one_is_hollow() -> None:
    spec = CHARTS["answers"](None)  # type: ignore[arg-type] # -- it asks nothing of its view
    rows = spec["datasets"]["rows"]
    assert [(r["said"], r["written"], r["sure"]) for r in rows] == [
        ("no", "3.0% (9 of 300)", 1),
        ("1 to 5", "2.0% (6 of 281)", 0),
    ]
    assert "hollow dots are preliminary" in spec["title"]


def test_no_share_on_the_axis_of_answers_is_above_100_percent() -> None:
    spec = charts_procedures.answers(ASKED.assign(high=0.98), "opening", "share of all PECs")
    axes = [layer["encoding"]["x"].get("axis") for layer in spec["layer"]]
    assert [a["values"] for a in axes if a] == [[0, 0.25, 0.5, 0.75, 1]]


def test_times_stand_on_the_axis_as_the_clock_of_the_election_shows_them() -> None:
    spec = charts_day.episodes(EPISODES, NOW, "Failures through the day")
    first = spec["datasets"]["rows"][0]
    assert pd.Timestamp(first["start"], unit="ms").isoformat() == "2021-11-28T09:00:00"
    assert pd.Timestamp(first["end"], unit="ms").isoformat() == "2021-11-28T14:00:00", "an open failure runs to now"


def test_a_failure_whose_end_is_unknown_is_a_bar_only_until_the_last_news_of_it() -> None:
    rows = charts_day.episodes(EPISODES.assign(state=["end_unknown", "ended"]), NOW, "Failures")["datasets"]["rows"]
    assert pd.Timestamp(rows[0]["end"], unit="ms").isoformat() == "2021-11-28T13:30:00"
    assert [r["since"] is None for r in rows] == [False, True]


def test_numbers_on_an_axis_are_written_as_the_reader_writes_them() -> None:
    with words.speaking("ru"):
        locale = charts_results.lists(BOTH)["config"]["locale"]["number"]
    assert (locale["decimal"], locale["thousands"], locale["percent"]) == (",", "\u202f", "\u202f%")


def test_a_city_inside_a_region_is_a_disc_of_its_own_on_the_map(election: Election) -> None:
    discs = the_map(REPORTS, election)["datasets"]["discs"]
    assert [d["region"] for d in discs] == ["bishkek"]


def test_the_grid_says_how_many_sent_a_checklist_in_each_region() -> None:
    cells = charts_coverage.grid(coverage_rows(form=["opening"], region=["osh"]))["datasets"]["cells"]
    assert cells == [{"form": "opening", "region_name": "Osh", "text": "20/25"}]


def test_the_axis_of_estimates_begins_where_the_whiskers_do() -> None:
    spec = charts_estimates.dots(ESTIMATES, NATIONAL, "Share of PECs", "share")
    scale = next(
        layer["encoding"]["x"]["scale"] for layer in spec["layer"] if "scale" in layer["encoding"].get("x", {})
    )
    assert scale["domain"] == pytest.approx([0.088, 0.412])
    assert scale["zero"] is False
