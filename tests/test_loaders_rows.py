"""Rows of any kind: each is loaded, found unchanged or set aside, whatever stands in it; nothing stops a load."""

import contextlib
import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loaders import mapping
from loaders import rows as check
from loaders.contract import ATTACHMENT, INCIDENT, MESSAGE, OBSERVER, PEC, VIEWS, Raw, View, code
from loaders.intake import Batch, Intake
from loaders.rows import Known, days, held
from loaders.source import Bad, SourceError, plain
from store import clock
from store.loading import loading
from tests.commission_site import protocol
from tests.observation_world import ELECTION, at

NOW = at("16:00")
EPISODE = {"form": "equipment_episode", "pec": "1001"}
KNOWN = Known(
    ELECTION, "observation", NOW, {"1001": 1000, "1002": None}, {"o1": ("1001", "sto"), "m1": (None, "mobile")}
)
FEED = next(f for f in ELECTION.source("commission").feeds if f.id == "machine")
TURNOUT = next(f for f in ELECTION.source("commission").feeds if f.id == "turnout")
CONTEST = ELECTION.contests[0]

GOOD = [
    "1001", "1002", "o1", "m1", "r1", "r2", "i1", "sto", "bishkek", "opening", "turnout_10", "equipment_episode",
    "boxes_sealed", "voters_voted", "from", "device", "yes", "arbb", "120", "14:05", "secrecy", "serious", "protocol",
    "2021-11-28T03:00:00Z", "2021-11-28 03:00:00", "2021-11-28T09:00:00+06:00",
]  # fmt: skip
junk = st.one_of(
    st.sampled_from(GOOD),
    st.none(),
    st.integers(),
    st.booleans(),
    st.floats(),
    st.decimals(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.text(st.characters()),  # lone surrogates and NUL among them
    st.sampled_from(
        ["", " ", "-1", "1e9", "99999999999999999999", "0001-01-01T00:00:00Z", "9999-12-31T23:59", "24:61"]
    ),
)
changed = st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)), st.sampled_from(GOOD))


def row_of(view: View) -> st.SearchStrategy[Raw]:
    return st.fixed_dictionaries({name: junk for name in view.names} | {"updated_at": changed})


@given(st.data())
@settings(max_examples=300)
def test_any_row_becomes_a_fact_or_a_reason(data: st.DataObject) -> None:
    view = data.draw(st.sampled_from(VIEWS))
    row = data.draw(row_of(view))
    make: Any = getattr(check, view.name.removeprefix("obs_"))
    form = data.draw(st.sampled_from(sorted(ELECTION.forms)))
    report = {"form": form, "pec": "1001", "observer": "o1"}
    found = make(row, KNOWN, report) if view.name == "obs_answer" else make(row, KNOWN)
    if isinstance(found, Bad):
        aside = found.row()
        assert found.reason
        assert json.loads(aside["raw"]).keys() == row.keys() - {"full_name", "phone", "backup_phone", "sender"}
        json.dumps(aside).encode()
    elif found is not None:
        for value in found.values():
            if isinstance(value, str):
                assert "\x00" not in value
                value.encode()
            assert not isinstance(value, datetime) or value.tzinfo is not None


def batch_of(rows: dict[str, list[Raw]], reports: list[Raw], answers: list[Raw]) -> Batch:
    of_report, of_answer = defaultdict(list), defaultdict(list)
    for row in reports:
        of_report[code(row["report"])].append(row)
    for row in answers:
        of_answer[code(row["report"])].append(row)
    whole = {report: of_report.get(report, []) for report in of_report.keys() | of_answer.keys()}
    return Batch(dict(rows), whole, dict(of_answer))


SIMPLE = (PEC, OBSERVER, INCIDENT, MESSAGE, ATTACHMENT)
REPORTS = st.lists(row_of(next(v for v in VIEWS if v.name == "obs_report")), max_size=4)
ANSWERS = st.lists(row_of(next(v for v in VIEWS if v.name == "obs_answer")), max_size=6)
NOTHING: dict[str, list[Raw]] = {}
NUL = {"report": "r\x001", "observer": "o1", "pec": "1001", "form": "opening", "submitted_at": "2021-11-28T03:00:00Z"}


@given(
    rows=st.fixed_dictionaries({v.name: st.lists(row_of(v), max_size=3) for v in SIMPLE}),
    reports=REPORTS,
    answers=ANSWERS,
)
@example(rows=NOTHING, reports=[NUL | {"deleted": 0, "updated_at": None}] * 2, answers=[])
@example(rows=NOTHING, reports=[], answers=[{"report": None, "question": "q", "value": "v", "updated_at": None}] * 2)
@settings(max_examples=30)
def test_every_row_is_loaded_unchanged_or_set_aside_and_the_counts_add_up(
    store: sa.Engine, rows: dict[str, list[Raw]], reports: list[Raw], answers: list[Raw]
) -> None:
    batch = batch_of(rows, reports, answers)
    with clock.frozen(NOW), loading(store, "observation") as load:
        Intake(load, ELECTION, batch, NOW).take()
        counts = load.counts
        given_rows = sum(map(len, rows.values())) + len(reports) + len(answers)
        assert counts["changed"] + counts["unchanged"] + counts["set_aside"] == given_rows
    with clock.frozen(NOW), loading(store, "observation") as again:
        Intake(again, ELECTION, batch, NOW).take()
        assert not again.moved  # the same once more changes nothing


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters())),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
        max_leaves=8,
    )
)
@settings(max_examples=200)
def test_any_value_in_a_payload_is_a_figure_or_set_aside(value: Any) -> None:
    for feed, row in (
        (FEED, protocol("1001", valid=value)),
        (FEED, protocol("1001", votes=value)),
        (FEED, protocol(value)),
        (FEED, value),
        (TURNOUT, {"region": "osh", "hour": value, "voted": 1}),
    ):
        rows = mapping.rows(feed, json.dumps({"protocols": [row], "rows": [row]}).encode())
        assert len(rows.by_key) + len(rows.bad) == 1
        for key, kept in rows.by_key.items():
            bad = mapping.Unusable(feed, "figures")
            facts = mapping.figures(feed, CONTEST, key, kept, {"1001", "osh"}, bad)
            assert all(fact["value"] >= 0 for fact in facts)
            for item in (*facts, *(b.row() for b in bad.told())):
                json.dumps(item).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_plain_error(body: bytes) -> None:
    with contextlib.suppress(SourceError):
        assert mapping.rows(FEED, body).by_key is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [(5043, "5043"), (5043.0, "5043"), (Decimal("5043.0"), "5043"), (" 5043 ", "5043"), ("0043", "0043"), (None, "")],
)
def test_a_code_is_text_however_it_is_typed(value: Any, text: str) -> None:
    assert code(value) == text


@pytest.mark.parametrize(
    ("pec", "own", "role", "why"),
    [
        ("1001", "1001", "sto", None),
        ("1001", "1002", "sto", "wrong_pec"),
        ("1001", "1002", "mobile", None),
        ("1001", None, "sto", None),
    ],
)
def test_an_stos_report_about_another_pec_is_held(pec: str, own: str | None, role: str, why: str | None) -> None:
    assert held(pec, own, role) == why


def test_a_checklist_may_be_reported_from_its_first_day_to_the_day_after_it_is_asked_for() -> None:
    spans = {form: tuple(map(str, days(ELECTION, ELECTION.forms[form]))) for form in ELECTION.forms}
    assert spans["mobile_voting"] == ("2021-11-27", "2021-11-29")
    assert spans["voting_12"] == ("2021-11-28", "2021-11-29")
    assert spans["counting"] == ("2021-11-28", "2021-11-30")
    assert spans["mobile_visit"] == ("2021-11-27", "2021-11-29")


def test_times_are_utc_unless_they_say_otherwise_and_answers_are_local() -> None:
    row = {"report": "r1", "observer": "o1", "pec": "1001", "form": "opening"}
    for text in ("2021-11-28T03:00:00Z", "2021-11-28 03:00", "2021-11-28T09:00:00+06:00"):
        found = check.report(row | {"submitted_at": text}, KNOWN)
        assert isinstance(found, dict)
        assert found["submitted_at"] == at("09:00")
    for text in ("14:05", "2021-11-28T14:05", "2021-11-28T08:05:00Z"):
        found = check.answer({"report": "r1", "question": "from", "value": text}, KNOWN, EPISODE)
        assert isinstance(found, dict)
        assert found["moment_at"] == at("14:05")


def test_an_error_is_told_without_the_row_it_is_about() -> None:
    class Violation(Exception):
        pass

    cause = Violation("null value in column\nDETAIL: Failing row contains (Aibek Asanov, +996000000001)")
    error = sa.exc.IntegrityError("insert", {"full_name": "Aibek Asanov"}, cause)
    assert plain(error) == "Violation: null value in column"
