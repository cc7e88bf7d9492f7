"""The outside world of a bench: a whole rehearsed day, of 2021's size or of 100,000 PECs, and new reports by hand."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from elections.config import Election, read
from rehearsal.outside import Outside
from rehearsal.server import Site
from store import clock
from store.engine import open_store

ROOT = Path(__file__).parent.parent
MORNING = "2021-11-29T10:00"
LOADED = "2021-11-29T09:30"
INTERVAL = 5  # seconds between polls of the observation database
_COPIED = ("pec", "observer", "report", "answer", "incident", "message", "attachment")
_CODES = ("pec", "observer", "coordinator", "report", "incident", "message", "attachment")


@dataclass(frozen=True)
class Day:
    """A day that was played to the next morning, and where everything is."""

    folder: Path
    election: Election
    site: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "BAIKOO_ELECTION": str(self.election.folder),
            "BAIKOO_STORE": f"sqlite:///{self.folder / 'store.sqlite'}",
            "BAIKOO_OBSERVATION": f"sqlite:///{self.folder / 'observation.sqlite'}",
            "BAIKOO_COMMISSION": self.site,
        }

    def goes_on(self) -> None:
        """From now on the rehearsed clock runs as fast as time, from ten in the morning."""
        store = open_store(self.environment["BAIKOO_STORE"])
        clock.set_rehearsed(store, self.election.moment_of(MORNING), 1)
        store.dispose()

    def sampled(self) -> list[tuple[str, str]]:
        """Each sampled PEC and one of its observers."""
        with closing(sqlite3.connect(self.folder / "observation.sqlite")) as db:
            query = "select p.pec, min(o.observer) from pec p join observer o on o.pec = p.pec"
            return list(db.execute(f"{query} where p.in_sample = 1 group by p.pec order by p.pec"))

    def report(self, pec: str, observer: str) -> None:
        """A new report, committed in the observers' database."""
        store = open_store(self.environment["BAIKOO_STORE"])
        rehearsed = clock.read(store)
        store.dispose()
        at = f"{(rehearsed.now() if rehearsed else datetime.now(UTC)):%Y-%m-%dT%H:%M:%SZ}"
        name = f"{observer}.bench.{pec}.{at}"
        with closing(sqlite3.connect(self.folder / "observation.sqlite", timeout=30)) as db, db:
            columns = "report, observer, pec, form, submitted_at, deleted, updated_at"
            values = (name, observer, pec, "mobile_visit", at, 0, at)
            db.execute(f"insert into report ({columns}) values (?, ?, ?, ?, ?, ?, ?)", values)
            answer = (name, "situation_calm", "yes", at)
            db.execute("insert into answer (report, question, value, updated_at) values (?, ?, ?, ?)", answer)


def play(folder: Path) -> float:
    """Play 28 November 2021 to the next morning into this folder; the seconds that it took."""
    folder.mkdir()
    played = ["-m", "rehearsal", "--election", "kg-2021-11-28", "--until", MORNING]
    played += ["--store", f"sqlite:///{folder / 'store.sqlite'}"]
    played += ["--observation", f"sqlite:///{folder / 'observation.sqlite'}"]
    began = time.perf_counter()
    _run(played, {})
    return time.perf_counter() - began


@contextmanager
def small(folder: Path) -> Iterator[Day]:
    """The day that was played into this folder: 2,494 PECs, 300 of them sampled."""
    election = _election(folder, {s.id: (s.pecs, s.sampled) for s in read("kg-2021-11-28").strata})
    with _site(election, folder) as site:
        day = Day(folder, election, site)
        _run(["-m", "queries.judging"], day.environment)  # a server would have done it as the day went
        day.goes_on()
        yield day


@contextmanager
def large(folder: Path, like: Day, pecs: int = 100_000, sampled: int = 2_000) -> Iterator[Day]:
    """The same day many times over: so many PECs in the frame, so many of them sampled and observed."""
    file = folder / "observation.sqlite"
    with closing(sqlite3.connect(like.folder / "observation.sqlite")) as old, closing(sqlite3.connect(file)) as new:
        old.backup(new)
        _multiply(new, pecs, sampled)
        strata = _strata(new)
    election = _election(folder, strata)
    with _site(election, folder) as site:
        day = Day(folder, election, site)
        store = open_store(day.environment["BAIKOO_STORE"])
        clock.set_rehearsed(store, election.moment_of(LOADED), 0)  # so that not all of it is news of the last minutes
        store.dispose()
        _run(["-m", "loaders", "once"], day.environment)
        _run(["-m", "queries.judging"], day.environment)
        day.goes_on()
        yield day


def _multiply(db: sqlite3.Connection, pecs: int, sampled: int) -> None:
    """Copies of the frame under codes of their own; observers and what they sent go along with a sampled PEC."""
    frame = int(db.execute("select count(*) from pec").fetchone()[0])
    drawn = int(db.execute("select count(*) from pec where in_sample = 1").fetchone()[0])
    for table in _COPIED:
        db.execute(f"create temp table first_{table} as select * from {table}")
    for copy in range(1, -(-pecs // frame)):
        wanted = max(0, min(drawn, sampled - copy * drawn))
        db.execute("drop table if exists chosen")
        db.execute(
            "create temp table chosen as select pec from first_pec where in_sample = 1 order by pec limit ?", (wanted,)
        )
        room = pecs - copy * frame
        _copy(db, "pec", copy, f"where 1 order by in_sample desc, pec limit {room}")
        db.execute(
            "update pec set in_sample = 0 where pec like ? and pec not in (select pec || ? from chosen)",
            (f"%-{copy}", f"-{copy}"),
        )  # fmt: skip -- one statement
        if wanted:
            _copy(db, "observer", copy, "where pec in (select pec from chosen)")
            _copy(db, "report", copy, "where pec in (select pec from chosen)")
            reports = "select report from first_report where pec in (select pec from chosen)"
            _copy(db, "answer", copy, f"where report in ({reports})")
    db.commit()


def _copy(db: sqlite3.Connection, table: str, copy: int, which: str) -> None:
    columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    chosen = ", ".join(f"{c} || '-{copy}'" if c in _CODES else c for c in columns)
    db.execute(f"insert into {table} ({', '.join(columns)}) select {chosen} from first_{table} {which}")


def _strata(db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    query = "select stratum, count(*), sum(in_sample) from pec where stratum is not null group by stratum"
    return {stratum: (n, drawn) for stratum, n, drawn in db.execute(query)}


def _election(folder: Path, strata: dict[str, tuple[int, int]]) -> Election:
    """The election of 2021 with this sample, its observation database polled every few seconds."""
    base = read("kg-2021-11-28")
    lines = [f'extends = "{base.folder}"', "strata = ["]
    for s in base.strata:
        merge = f', merge_with = "{s.merge_with}"' if s.merge_with else ""
        n, drawn = strata[s.id]
        lines.append(f'  {{ id = "{s.id}", pecs = {n}, sampled = {drawn}{merge} }},')
    text = (base.folder / "election.toml").read_text("utf-8")
    sources = text[text.index("[[sources]]") :].replace("interval = 60", f"interval = {INTERVAL}", 1)
    own = folder / base.id  # by this name the day was played, and a store is its election's alone
    own.mkdir()
    (own / "election.toml").write_text("\n".join([*lines, "]", "", sources]), "utf-8")
    return read(own)


@contextmanager
def _site(election: Election, folder: Path) -> Iterator[str]:
    """The commission's site as of the morning."""
    outside = Outside(read("kg-2021-11-28"), f"sqlite:///{folder / 'outside.sqlite'}")
    morning = election.moment_of(MORNING)
    with Site(outside.commission, lambda: morning) as site:
        yield site.url
    outside.close()


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL
    )
