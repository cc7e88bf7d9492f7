"""What a poll of the observation database costs that finds nothing new, however many reports are there.

`python -m bench.polls <folder> <reports>` is the process that is measured: it fills a database, polls it time and
again, and prints seconds as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bench.server import ROOT
from elections.config import Election, read
from loaders import schedule
from rehearsal.observation import TABLES, open_observation
from store import clock
from store import tables as t
from store.engine import open_store

POLLS = 40  # a minute apart; the first loads everything, every tenth compares keys
_PECS, _SOURCE = 1_000, "observation"
_BEFORE = timedelta(hours=8)


@dataclass(frozen=True)
class Took:
    """The seconds of polls: of the first, of those that found nothing, of those that also compared all keys."""

    first: float
    empty: list[float]
    compared: list[float]


def measured(folder: Path, reports: int) -> Took:
    """Polls of a database with so many reports, by a process of its own."""
    folder.mkdir()
    command = [sys.executable, "-m", "bench.polls", str(folder), str(reports)]
    out = subprocess.run(command, cwd=ROOT, env=os.environ, check=True, stdout=subprocess.PIPE).stdout
    first, *later = json.loads(out)
    every = read("kg-2021-11-28").source(_SOURCE).compare_keys_every
    numbered = list(enumerate(later, start=1))
    compared = [seconds for number, seconds in numbered if number % every == every - 1]
    return Took(first, [seconds for number, seconds in numbered if number % every != every - 1], compared)


def fill(url: str, election: Election, now: datetime, reports: int, before: timedelta = _BEFORE) -> None:
    """A thousand PECs with an observer each; so many opening reports, all answered, came evenly over so long."""
    answers = dict.fromkeys(election.required("opening"), "yes") | {"pec_meeting_start": "before_07_00"}
    day_before = _text(now - timedelta(days=1))
    pecs = [str(1001 + n) for n in range(_PECS)]
    sent = [(f"r{n}", pecs[n % _PECS], _text(now - before * (1 - n / reports))) for n in range(reports)]
    rows: dict[str, list[dict[str, object]]] = {
        "pec": [{"pec": pec, "region": "osh", "registered_voters": 900, "in_sample": 1, "updated_at": day_before}
                for pec in pecs],
        "observer": [{"observer": pec, "pec": pec, "role": "sto", "updated_at": day_before} for pec in pecs],
        "report": [{"report": report, "observer": pec, "pec": pec, "form": "opening", "submitted_at": at, "deleted": 0,
                    "updated_at": at} for report, pec, at in sent],
        "answer": [{"report": report, "question": question, "value": value, "updated_at": at}
                   for report, _, at in sent for question, value in answers.items()],
    }  # fmt: skip
    engine = open_observation(url)
    with engine.begin() as conn:
        for name, some in rows.items():
            conn.execute(TABLES[name].insert(), some)
    engine.dispose()


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _seconds(folder: Path, reports: int) -> Iterator[float]:
    """Of each poll, a rehearsed minute apart."""
    election, url = read("kg-2021-11-28"), f"sqlite:///{folder / 'observation.sqlite'}"
    evening = election.moment_of("20:00")
    fill(url, election, evening, reports)
    os.environ["BAIKOO_OBSERVATION"] = url
    store = open_store(f"sqlite:///{folder / 'store.sqlite'}")
    for minute in range(POLLS):
        with clock.frozen(evening + timedelta(minutes=minute)):
            started = time.perf_counter()
            schedule.poll(store, election, _SOURCE)
            yield time.perf_counter() - started
    _check(store, reports)
    store.dispose()


def _check(store: sa.Engine, reports: int) -> None:
    """That the polls did what they are measured for."""
    with store.connect() as conn:
        errors = conn.execute(sa.select(t.poll.c.error).where(t.poll.c.error.is_not(None))).scalars().all()
        loaded = conn.execute(sa.select(sa.func.count()).select_from(t.report)).scalar_one()
    if errors or loaded != reports:
        raise RuntimeError(f"{loaded} of {reports} reports loaded: {errors[:3]}")


if __name__ == "__main__":
    print(json.dumps(list(_seconds(Path(sys.argv[1]), int(sys.argv[2])))))
