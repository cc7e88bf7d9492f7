"""The store comes to what the source says: late commits, edits without a new time, times that are none."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as some

from loaders import observation as loader
from loaders.__main__ import main as loaders
from store import check, clock
from store import tables as t
from store.engine import connect
from tests.observation_world import OPENING, Observation, Poll, answers, at, current, poller
from tests.test_losses import in_a_poll

EDITS: dict[str, tuple[sa.Table, dict[str, Any], str]] = {
    "pec": (t.pec, {"registered_voters": 777}, "registered_voters"),
    "observer": (t.observer, {"phone": "+996 555"}, "phone"),
    "report": (t.report, {"form": "arrival"}, "form"),
    "answer": (t.answer, {"value": "no"}, "value"),
    "incident": (t.incident, {"description": "another text"}, "description"),
    "message": (t.message, {"text": "another text"}, "text"),
    "attachment": (t.attachment, {"url": "https://example.org/2"}, "url"),
}


FIRST = {
    "pec": "1001",
    "observer": "o1",
    "report": "r1",
    "answer": "r1",
    "incident": "i1",
    "message": "m1",
    "attachment": "a1",
}


def edited(observation: Observation, view: str, key: str, edit: dict[str, Any]) -> None:
    """A row that changes, and keeps its time."""
    column = "report" if view == "answer" else view
    given = ", ".join(f"{name} = :{name}" for name in edit)
    with observation.engine.begin() as conn:
        conn.execute(sa.text(f"update own_{view} set {given} where {column} = :key"), edit | {"key": key})  # noqa: S608 -- ours


def fill(observation: Observation) -> None:
    observation.report("r1", "08:10", {"boxes_sealed": "yes"})
    observation.incident("i1", "08:10", description="a text")
    observation.put("message", "08:10", message="m1", received_at="08:10", text="a text")
    observation.put("attachment", "08:10", attachment="a1", report="r1", kind="protocol", url="https://example.org/1")
    # later ones, so that the first are not read again with the overlap
    observation.pec("1009", "08:25")
    observation.observer("o9", "1009", "08:25")
    observation.report("r9", "08:25", {"boxes_sealed": "yes"}, pec="1009", observer="o9")
    observation.incident("i9", "08:25", description="a text")
    observation.put("message", "08:25", message="m9", received_at="08:25", text="a text")
    observation.put("attachment", "08:25", attachment="a9", report="r9", kind="protocol", url="https://example.org/1")


def polled(poll: Poll, first: int, last: int) -> None:
    for minute in range(first, last):
        poll(f"08:{minute}")


@pytest.mark.parametrize("view", EDITS)
def test_an_edit_without_a_new_time_comes_within_ten_polls_and_is_an_alarm(
    store: sa.Engine, observation: Observation, poll: Poll, view: str
) -> None:
    table, edit, column = EDITS[view]
    fill(observation)
    poll("08:30")
    for minute in range(31, 40):
        assert poll(f"08:{minute}").error is None
    edited(observation, view, FIRST[view], edit)
    errors = [poll(f"08:{minute}").error for minute in range(40, 50)]
    assert str(next(iter(edit.values()))) in {str(row[column]) for row in current(store, table)}
    assert errors[-1] == f"obs_{view}: 1 rows changed without a new updated_at"
    assert [poll(f"08:{minute}").error for minute in range(50, 60)][-1] is None, "until the next comparison"


def test_an_edit_with_a_new_time_is_no_alarm(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    observation.change("incident", "08:31", description="another text")
    assert {poll(f"08:{minute}").error for minute in range(31, 51)} == {None}


def test_after_a_start_what_changed_meanwhile_comes_too(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    observation.change("answer", value="no")
    loader._memories.pop(store)  # as in a new process
    polled(poll, 31, 41)
    assert {row["value"] for row in current(store, t.answer)} == {"no"}


def test_a_copy_of_before_a_change_that_is_put_back_comes_too(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    polled(poll, 31, 40)
    observation.change("incident", "08:40", description="another text")
    poll("08:40")
    assert {row["description"] for row in current(store, t.incident)} == {"another text"}
    for incident, at_first in (("i1", "08:10"), ("i9", "08:25")):
        observation.incident(incident, at_first, description="a text")
    polled(poll, 41, 51)
    assert {row["description"] for row in current(store, t.incident)} == {"a text"}


def test_what_another_process_loads_in_the_midst_of_a_poll_and_is_put_back_comes_too(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`loaders once` beside a server that has read what is new and is about to write it: a message as it was first."""
    fill(observation)
    poll("08:30")
    polled(poll, 31, 40)
    other = connect(store.url)

    def once() -> None:
        observation.change("incident", "08:40", description="another text")
        observation.change("message", "08:40", text="its last words")
        assert poller(other)("08:40").outcome == "ok"
        assert {row["description"] for row in current(store, t.incident)} == {"another text"}

    with monkeypatch.context() as patch:
        in_a_poll(patch, "_flush", once)
        observation.put("message", "08:40", message="new", received_at="08:40", text="its first words")
        assert poll("08:40").outcome == "ok"
    assert {row["text"] for row in current(store, t.message)} == {"its last words"}
    for incident, at_first in (("i1", "08:10"), ("i9", "08:25")):
        observation.incident(incident, at_first, description="a text")
    polled(poll, 41, 55)
    assert {row["description"] for row in current(store, t.incident)} == {"a text"}
    other.dispose()


def test_a_row_that_went_and_comes_back_another_with_its_old_time_comes_too(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    for n in range(20):  # so that their loss waits for a person
        observation.put("message", "08:10", message=f"n{n}", received_at="08:10", text="a text")
    poll("08:30")
    observation.vanish("message")
    polled(poll, 31, 40)
    assert len(current(store, t.message)) == 22
    for n in range(20):
        observation.put("message", "08:10", message=f"n{n}", received_at="08:10", text="another text")
    polled(poll, 40, 51)
    assert [row["text"] for row in current(store, t.message) if row["message"] == "n7"] == ["another text"]


def test_an_edit_while_the_first_load_runs_comes_too(
    store: sa.Engine, observation: Observation, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(observation)
    flush, edits = loader._Reading._flush, iter([lambda: edited(observation, "incident", "i1", {"description": "new"})])

    def edit_and_flush(reading: Any) -> None:
        flush(reading)
        next(edits, lambda: None)()

    monkeypatch.setattr(loader._Reading, "_flush", edit_and_flush)
    poll("08:30")
    polled(poll, 31, 41)
    assert {row["incident"]: row["description"] for row in current(store, t.incident)}["i1"] == "new"


def test_a_report_that_vanished_goes_though_a_blank_answer_of_it_is_left(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    observation.report("r2", "08:12", {"boxes_sealed": "yes", "observer_rights_infringed": ""})
    poll("08:30")
    observation.vanish("report", report="r2")
    observation.answer("r2", "boxes_sealed", "no", "08:31")
    polled(poll, 31, 52)
    assert "r2" not in {row["report"] for row in current(store, t.report)}


def test_a_key_that_ends_with_a_blank_has_its_answers(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    observation.report("SP904 ", "08:31", OPENING)
    observation.report("SP905 ", "07:05", OPENING)  # seen by a comparison only
    observation.incident("SP906 ", "07:05")
    polled(poll, 31, 42)
    assert answers(store, "SP904") == answers(store, "SP905") == OPENING
    assert "SP906" in {row["incident"] for row in current(store, t.incident)}


def test_of_rows_with_one_key_the_newest_says_whether_it_is_deleted_or_left_empty(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.report("r1", "08:05", {"boxes_sealed": "yes"})
    observation.report("r2", "08:05", {"boxes_sealed": "yes"})
    observation.report("r9", "08:05", {"boxes_sealed": "yes"}, pec="1002", observer="o2")
    poll("08:30")
    for report, value in (("r1", 1), ("r2", 0)):
        older = {"report": report, "observer": "o1", "pec": "1001", "form": "opening", "submitted_at": "08:05"}
        observation.put("report", "08:20", **older | {"deleted": value})
        observation.twice("report", "08:15", **older | {"deleted": 0})
    observation.put("answer", "08:20", report="r2", question="boxes_sealed", value="")
    observation.twice("answer", "08:15", report="r2", question="boxes_sealed", value="yes")
    polled(poll, 31, 52)
    assert {row["report"] for row in current(store, t.report)} == {"r2", "r9"}
    assert answers(store, "r2") == {}


def test_a_view_that_was_away_is_read_again_and_one_that_stays_away_is_a_loss(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    poll("08:30")
    with observation.engine.begin() as conn:
        conn.exec_driver_sql("drop view obs_message")
    for minute in range(31, 42):
        row = poll(f"08:{minute}")
    assert "obs_message: 2 of the 2 rows we hold are gone" in row.error
    assert len(current(store, t.message)) == 2
    with observation.engine.begin() as conn:
        conn.exec_driver_sql("create view obs_message as select * from own_message")
    observation.put("message", "08:42", message="m3", received_at="08:42", text="HELP")
    polled(poll, 42, 53)
    assert "HELP" in {row["text"] for row in current(store, t.message)}


def test_where_no_time_is_usable_an_observer_who_moves_still_takes_the_report_along(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    fill(observation)
    for view in FIRST:
        with observation.engine.begin() as conn:
            conn.exec_driver_sql(f"update own_{view} set updated_at = null")  # noqa: S608 -- ours
    poll("08:30")
    edited(observation, "observer", "o1", {"pec": "1002"})
    polled(poll, 31, 42)
    assert {row["report"]: row["held"] for row in current(store, t.report)} == {"r1": "wrong_pec", "r9": None}


def test_a_newest_row_that_is_deleted_is_no_alarm(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    polled(poll, 31, 41)
    observation.vanish("message", message="m9")
    assert {poll(f"08:{minute}").error for minute in range(41, 56)} == {None}


def test_a_number_that_goes_from_minus_one_to_minus_two_comes_too(
    store: sa.Engine, observation: Observation, poll: Poll
) -> None:
    observation.pec("1001", longitude=-1)
    fill(observation)
    poll("08:30")
    observation.change("pec", longitude=-2)
    polled(poll, 31, 42)
    assert {row["longitude"] for row in current(store, t.pec)} == {-2}


@pytest.mark.parametrize("time", [None, "soon"])
def test_a_time_that_is_none_is_an_alarm_and_the_rows_load(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: str | None
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    monkeypatch.setenv("BAIKOO_OBSERVATION", url)
    observation, poll = Observation(url), poller(sqlite_store)
    observation.frame()
    fill(observation)
    with observation.engine.begin() as conn:
        conn.execute(sa.text("update own_incident set updated_at = :time"), {"time": time})
    row = poll("08:30")
    assert row.outcome == "ok"
    assert row.error == "obs_incident: 2 rows have an updated_at that is no time"
    assert len(current(sqlite_store, t.incident)) == 2


def test_a_newest_time_that_goes_back_is_an_alarm(store: sa.Engine, observation: Observation, poll: Poll) -> None:
    fill(observation)
    poll("08:30")
    observation.change("incident", "07:00")
    assert "obs_incident: the newest updated_at lies before what was read already" in poll("08:31", again=True).error


STEPS = some.lists(
    some.tuples(
        some.sampled_from(["comes late", "is edited", "vanishes", "is marked", "moves", "is emptied", "has its twin"]),
        some.sampled_from(sorted(FIRST)),
        some.integers(0, 2),
        some.booleans(),  # whether its time says so
    ),
    max_size=6,
)


def take(observation: Observation, what: str, view: str, more: int, told: bool) -> None:
    new = {"updated_at": observation._time("08:31")} if told else {}
    edit = next(iter(EDITS[view][1].items()))
    if what == "comes late":
        observation.report(f"late{more}", "07:00", {"boxes_sealed": "yes"})
        observation.incident(f"late{more}", "07:00")
    elif what == "is edited":
        value = edit[1] if view in ("report", "answer") else more if view == "pec" else f"{edit[1]} {more}"
        edited(observation, view, FIRST[view], {edit[0]: value, **new})
    elif what == "vanishes":
        observation.vanish(view, **{"report" if view == "answer" else view: FIRST[view]})
    elif what == "moves":
        edited(observation, "observer", "o1", {"pec": f"100{more + 1}", **new})
    elif what == "is emptied":
        edited(observation, "answer", FIRST["answer"], {"value": "", **new})
    elif what == "has its twin":
        observation.report("r1 ", "08:31", {"ballots_counted_at_opening": more})
    elif view in ("report", "incident"):
        edited(observation, view, FIRST[view], {"deleted": 1, **new})


@given(steps=STEPS, watched=some.booleans(), restarted=some.booleans())
@settings(max_examples=8)
def test_after_ten_polls_the_store_is_that_of_a_fresh_load(
    migrated_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[Any, ...]],
    watched: bool,
    restarted: bool,
) -> None:
    """Promise 5: commits that come late, edits without a new time, rows that vanish or are marked; in one process, or
    while none ran."""
    folder = tmp_path_factory.mktemp("comes")
    url = f"sqlite:///{folder / 'observation.sqlite'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_OBSERVATION", url)
        observation = Observation(url)
        observation.frame()
        fill(observation)
        observation.report("r2", "08:11", OPENING)
        kept, fresh = (
            connect(f"sqlite:///{shutil.copy(migrated_file, folder / f'{name}.sqlite')}") for name in ("kept", "fresh")
        )
        poll = poller(kept)
        poll("08:30")
        for step in steps:
            take(observation, *step)
            if watched:
                poll("08:31")
        if restarted:
            loader._memories.pop(kept)
        polled(poll, 31, 42)
        poller(fresh)("08:42")
    assert check.contents(kept) == check.contents(fresh)
    for store in (kept, fresh, observation.engine):
        store.dispose()


def test_reread_compares_at_once(
    sqlite_store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'observation.sqlite'}"
    for name, value in (("OBSERVATION", url), ("STORE", sqlite_store.url.render_as_string(False))):
        monkeypatch.setenv(f"BAIKOO_{name}", value)
    observation = Observation(url)
    observation.frame()
    fill(observation)
    poller(sqlite_store)("08:30")
    observation.change("answer", value="no")
    clock.set_rehearsed(sqlite_store, at("08:31"), 0)
    loader._memories.pop(sqlite_store)
    assert loaders(["reread", "--source", "observation"]) == 0
    assert "observation: ok" in capsys.readouterr().out
    assert {row["value"] for row in current(sqlite_store, t.answer)} == {"no"}
