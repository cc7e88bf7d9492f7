"""What is kept from load to load is what the store would say if it were asked anew, whatever moved in between."""

import itertools
import shutil
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as some

from queries import answers, counts, coverage
from queries.moment import moment
from store import tables as t
from store.engine import connect
from tests.facts import Facts

PECS, FORMS, OBSERVERS = ("5001", "5002"), ("turnout_10", "voting_12"), ("a", "b")
# one report each of a PEC, a checklist and an observer, which later steps correct, move, cut or withdraw
REPORTS = some.tuples(some.sampled_from(PECS), some.sampled_from(FORMS), some.sampled_from(OBSERVERS))
STEPS = some.lists(
    some.one_of(
        some.tuples(some.just("says"), REPORTS, some.integers(0, 3)),
        some.tuples(some.just("takes an answer back"), REPORTS),
        some.tuples(some.just("withdraws"), REPORTS),
        some.tuples(some.just("is of another PEC"), REPORTS, some.sampled_from(PECS)),
        some.tuples(some.just("is held"), REPORTS),
        some.tuples(some.just("is decided"), some.sampled_from(PECS), some.sampled_from(FORMS), some.integers(0, 3)),
    ),
    min_size=2,
    max_size=6,
)
COUNT = "voters_voted"


def take(facts: Facts, minute: int, step: tuple[Any, ...]) -> None:
    at = f"12:{minute:02}"
    what, about = step[0], step[1]
    if what == "is decided":
        return facts.decide("answer", f"{about}|{step[2]}|{COUNT}", f"{step[3]}", at)
    pec, form, observer = about
    report = "-".join(about)
    if what == "takes an answer back":
        facts.withdraw(t.answer, ("observation", report, COUNT), at=at)
    elif what == "withdraws":
        facts.withdraw(t.report, ("observation", report), at=at)
    else:
        more: dict[str, Any] = {COUNT: step[2] if what == "says" else 1, "sent": "11:50", "best": False}
        held = "other_pec" if what == "is held" else None
        where = step[2] if what == "is of another PEC" else pec
        facts.report(where, form, observer, at=at, report=report, held=held, **more)
    return None


def begun(migrated_file: Path, tmp_path: Path) -> tuple[str, Facts]:
    """A store of its own in which every observer has sent every checklist; its URL."""
    url = f"sqlite:///{shutil.copy(migrated_file, tmp_path / f'{uuid.uuid4().hex}.sqlite')}"
    facts = Facts(connect(url))
    for pec in PECS:
        facts.pec(pec)
    with facts.in_one_load("11:55"):
        for about in itertools.product(PECS, FORMS, OBSERVERS):
            take(facts, 0, ("says", about, 2))
    return url, facts


def told(facts: Facts, at: str) -> list[pd.DataFrame]:
    m = moment(facts.store, facts.election, facts.election.moment_of(at))
    frames = [answers.answers(m), counts.turnout_counts(m), counts.order_of_receipt(m), coverage.states(m)]
    return [f.sort_values(list(f.columns)).reset_index(drop=True) for f in (f.astype("object") for f in frames)]


@settings(max_examples=5)
@given(steps=STEPS, back=some.integers(0, 5))
def test_what_is_kept_is_what_would_be_asked_anew(
    migrated_file: Path, tmp_path: Path, steps: list[tuple[Any, ...]], back: int
) -> None:
    url, facts = begun(migrated_file, tmp_path)
    told(facts, "11:55")
    for minute, step in enumerate(steps):
        take(facts, minute, step)
        told(facts, f"12:{minute:02}")  # kept: the next one is made from it
    fresh = Facts(connect(url))
    for minute in (len(steps) - 1, min(back, len(steps) - 1)):  # the last moment, and some earlier one
        for kept, anew in zip(told(facts, f"12:{minute:02}"), told(fresh, f"12:{minute:02}"), strict=True):
            pd.testing.assert_frame_equal(kept, anew, check_dtype=False)
    for each in (facts, fresh):
        each.store.dispose()
