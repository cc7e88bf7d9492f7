"""Playing, stopping and going on; and the same seed, the same day."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from elections.config import FOLDER, Election, read
from loaders.__main__ import main as loaders
from queries.__main__ import main as figures
from queries.moment import here
from rehearsal.__main__ import main as rehearse
from rehearsal.outside import Outside, RehearsalError, beginning
from rehearsal.play import play, publish, steps
from store import clock, wishes
from store import tables as t
from store.engine import connect, open_store
from tests.waiting import LIMIT, eventually

ROOT = FOLDER.parent


def outside(election: Election, folder: Path, seed: int | None = None) -> Outside:
    return Outside(election, f"sqlite:///{folder / 'observation.sqlite'}", seed)


def silent(_words: str) -> None:
    """Says nothing."""


def rows(database: sa.Engine) -> dict[str, list[Any]]:
    with database.connect() as conn:
        names = ("obs_pec", "obs_report", "obs_answer", "obs_incident", "obs_message")
        return {n: sorted(map(str, conn.execute(sa.text(f"select * from {n}")))) for n in names}  # noqa: S608 -- ours


def test_the_same_seed_makes_the_same_day_also_in_pieces_and_another_seed_another(
    tmp_path: Path, election: Election
) -> None:
    folders = [tmp_path / name for name in ("whole", "pieces", "other")]
    for folder in folders:
        folder.mkdir()
    whole, other = outside(election, folders[0]), outside(election, folders[2], 7)
    for day in (whole, other):
        day.advance(election.moment_of("08:37"))
    piece = outside(election, folders[1])
    for until in ("2021-11-27T15:00", "08:20"):
        piece.advance(election.moment_of(until))
    piece.close()
    again = outside(election, folders[1])
    for until in ("08:20", "08:37"):
        again.advance(election.moment_of(until))
    one, two, three = (rows(day.database) for day in (whole, again, other))
    at = election.moment_of("2021-11-29T11:00")
    pages = [day.commission.page("/results/manual.json", at) for day in (whole, again, other)]
    for day in (whole, again, other):
        day.close()
    assert one == two
    assert all(one[name] != three[name] for name in one)
    assert pages[0] == pages[1] != pages[2]


def test_nothing_is_seen_before_it_was_written(tmp_path: Path, election: Election) -> None:
    day = outside(election, tmp_path)
    now = election.moment_of("12:20")
    day.advance(now)
    with day.database.connect() as conn:
        for name in ("obs_report", "obs_answer", "obs_incident", "obs_message"):
            latest = conn.execute(sa.text(f"select max(updated_at) from {name}")).scalar_one()  # noqa: S608 -- ours
            assert datetime.fromisoformat(latest) <= now
            assert datetime.fromisoformat(latest) > now - timedelta(hours=8)
    day.close()


def test_the_steps_are_five_minutes_then_hours_and_the_last_is_where_it_ends(election: Election) -> None:
    until = election.moment_of("2021-12-07T18:00")
    moments = list(steps(election, None, until))
    assert (moments[0], moments[-1]) == (beginning(election), until)
    assert moments[1] - moments[0] == timedelta(minutes=5)
    assert moments[-1] - moments[-2] == timedelta(hours=1)
    assert sorted(set(moments)) == moments
    stop = election.moment_of("13:07")
    after = list(steps(election, stop, election.moment_of("13:30")))
    assert [f"{m.astimezone(election.tz):%H:%M}" for m in after] == [
        "13:07",
        "13:10",
        "13:15",
        "13:20",
        "13:25",
        "13:30",
    ]


def test_the_loaders_look_every_five_minutes_and_going_back_is_refused(
    tmp_path: Path, election: Election, sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_environment(monkeypatch)
    day = outside(election, tmp_path)
    with publish(day):
        play(day, sqlite_store, election.moment_of("2021-11-27T08:30"), silent)
        with pytest.raises(RehearsalError, match=r"at 27\.11\.2021 08:30 already"):
            play(day, sqlite_store, election.moment_of("2021-11-27T08:15"), silent)
        play(day, sqlite_store, election.moment_of("2021-11-27T08:40"), silent)
    day.close()
    with sqlite_store.connect() as conn:
        looks = conn.execute(sa.select(t.poll.c.source, t.poll.c.polled_at, t.poll.c.outcome)).all()
    assert {outcome for _, _, outcome in looks} == {"ok"}
    for source in ("observation", "commission"):
        at = sorted({moment for s, moment, _ in looks if s == source})
        assert at == [beginning(election) + timedelta(minutes=5 * k) for k in range(9)]


def keep_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a play sets is undone with the test."""
    for name in ("BAIKOO_OBSERVATION", "BAIKOO_COMMISSION"):
        monkeypatch.setenv(name, "")


def test_a_database_of_another_day_is_refused(tmp_path: Path, election: Election) -> None:
    day = outside(election, tmp_path)
    day.advance(election.moment_of("2021-11-27T09:00"))
    day.close()
    with pytest.raises(RehearsalError, match="seed"):
        outside(election, tmp_path, 7)
    with pytest.raises(RehearsalError, match="rehearsal of kg-2021-11-28"):
        outside(read("kg-rehearsal-quiet"), tmp_path)


@pytest.mark.proof
def test_the_day_is_played_into_postgresql_too(postgres_url: str, election: Election, tmp_path: Path) -> None:
    day = Outside(election, postgres_url)
    until = election.moment_of("09:00")
    day.advance(until)
    on_file = outside(election, tmp_path)
    on_file.advance(until)
    query = sa.text("select report, question, value from obs_answer order by report, question")
    with day.database.connect() as one, on_file.database.connect() as two:
        mine = sorted(map(tuple, one.execute(query)))
        assert mine == sorted(map(tuple, two.execute(query)))
        stamp = one.execute(sa.text("select max(updated_at) from obs_report")).scalar_one()
    assert stamp <= until
    for each in (day, on_file):
        each.close()


def command(folder: Path, *options: str) -> subprocess.Popen[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("BAIKOO_")}
    store = f"sqlite:///{folder / 'store.sqlite'}"
    return subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "--election", "kg-2021-11-28", *options, "--store", store],
        cwd=ROOT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_the_command_plays_to_the_hour_stops_the_clock_there_and_refuses_an_earlier_one(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_environment(monkeypatch)
    first = command(tmp_path, "--until", "2021-11-27T08:30")
    assert first.wait(LIMIT) == 0, first.communicate()
    store = connect(f"sqlite:///{tmp_path / 'store.sqlite'}")
    state = clock.read(store)
    store.dispose()
    assert state is not None
    assert (state.rehearsed_at, state.speed) == (election.moment_of("2021-11-27T08:30"), 0)
    assert (tmp_path / "observation.sqlite").exists()
    store = f"sqlite:///{tmp_path / 'store.sqlite'}"
    assert rehearse(["--election", "kg-2021-11-28", "--until", "2021-11-27T08:10", "--store", store]) == 2
    assert "it only goes forward" in capsys.readouterr().err


def test_live_it_goes_on_jumps_begins_again_and_ends_where_it_is(tmp_path: Path, election: Election) -> None:
    options = ("--until", "2021-11-27T08:20", "--speed", "60", "--port", "0")
    live = command(tmp_path, *options)
    file = tmp_path / "store.sqlite"
    url = f"sqlite:///{file}"

    def set_to() -> datetime | None:
        """The rehearsed time from which the clock runs; none: it stands. What it shows by now is the machine's say."""
        if not file.exists():
            return None
        store = connect(url)
        try:
            state = clock.read(store)
        except sa.exc.SQLAlchemyError:  # also while it begins again: it is another file then
            return None
        finally:
            store.dispose()
        return state.rehearsed_at if state and state.speed else None

    try:
        eventually(set_to, "the clock running")
        jump = election.moment_of("2021-11-27T09:30")
        store = open_store(url)
        wishes.jump(store, jump)
        store.dispose()
        eventually(lambda: (at := set_to()) and at >= jump, "the jump")
        store = open_store(url)
        wishes.restart(store)
        store.dispose()
        eventually(lambda: (at := set_to()) and at < jump, "the day from its beginning")
    finally:
        live.send_signal(signal.SIGTERM)
        words, _ = live.communicate(timeout=LIMIT)
        print(words)  # what it said, where it did not come so far
    assert live.returncode == 0, words
    assert words.endswith("The next start goes on from here.\n")
    assert "Traceback" not in words
    store = connect(url)
    state = clock.read(store)
    store.dispose()
    assert state is not None
    assert state.speed == 0
    again = command(tmp_path, *options)
    try:
        eventually(set_to, "the clock running again")
    finally:
        again.send_signal(signal.SIGINT)
        words, _ = again.communicate(timeout=LIMIT)
    assert (found := re.search(r"Goes on at (.*)\.", words)), words
    assert found[1] == f"{state.rehearsed_at.astimezone(election.tz):%d.%m.%Y %H:%M}"
    current = json.loads((tmp_path / "current.json").read_text())
    assert current["store"] == url


def test_a_port_that_is_taken_is_said_before_anything_is_played(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        live = command(tmp_path, "--until", "14:00", "--speed", "60", "--port", port)
        words, _ = live.communicate(timeout=LIMIT)
    assert live.returncode == 2
    assert f"port {port} is taken" in words


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--until", "tomorrow"), "neither a time"),
        (("--until", "14:00", "--election", "nowhere"), "there is no such file"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse(["--election", "kg-2021-11-28", *options]) == 2
    assert said in capsys.readouterr().err


def test_a_rehearsal_that_is_killed_leaves_no_dashboard_behind(tmp_path: Path) -> None:
    script = (
        "from rehearsal.child import Dashboard\n"
        f"child = Dashboard(0, {{'BAIKOO_STORE': 'sqlite:///{tmp_path}/s.sqlite', 'BAIKOO_SCHEDULE': 'off'}})\n"
        "print(child._process.pid, flush=True); child._process.wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.wait()
    eventually(lambda: not is_running(child), "the end of the dashboard")


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended, waited for or not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_real_election_is_not_rehearsed_and_takes_no_rehearsals_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    (own / "election.toml").write_text(f'extends = "{FOLDER / "kg-2021-11-28"}"\nrehearsal = false\n', "utf-8")
    assert rehearse(["--election", str(own), "--until", "09:00"]) == 2
    assert "set `rehearsal = true` in a folder of its own" in capfd.readouterr().err
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    clock.set_rehearsed(open_store(url), datetime(2021, 11, 28, 6, tzinfo=UTC), 0)
    for name, value in (("ELECTION", own), ("STORE", url), ("OBSERVATION", url), ("COMMISSION", "http://127.0.0.1:9")):
        monkeypatch.setenv(f"BAIKOO_{name}", str(value))
    for command, asked in ((figures, ["coverage"]), (loaders, ["once"])):
        assert command(asked) == 2
        assert "holds a rehearsal: name a new store for a real election" in capfd.readouterr().err
        here.cache_clear()
