"""`python -m rehearsal`: play an election day into the outside world, fast to an hour, then live if asked to."""

import argparse
import logging
import os
import signal
import sys
from datetime import datetime

import sqlalchemy as sa

from elections.config import ConfigError, Election, read
from rehearsal.files import Addresses, addresses
from rehearsal.live import Live, Plan
from rehearsal.outside import Outside, RehearsalError
from rehearsal.play import play, publish
from store import clock
from store.engine import open_store
from store.owner import Foreign, Owner

_EXAMPLES = """examples:
  python -m rehearsal --election kg-2021-11-28 --until 14:00
  python -m rehearsal --election kg-2021-11-28 --until 2021-12-07T18:00
  python -m rehearsal --election kg-2021-11-28 --until 13:30 --speed 60 --serve
"""


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, _ended)
    try:
        election = read(asked.election)
        if not election.rehearsal:  # its screens would not say that the rows are made up
            raise RehearsalError(f"{asked.election} is no rehearsal: set `rehearsal = true` in a folder of its own")
        until = _moment(election, asked.until)
        at = addresses(election.id, asked.store, asked.observation, asked.port)
        if asked.speed is None:
            return _fast(election, at, until, asked.seed)
        served = asked.dashboard_port if asked.serve else None
        plan = Plan(asked.election, asked.until, asked.speed, asked.seed, asked.port, served)
        return Live(election, plan, at, _say).run()
    except (RehearsalError, ConfigError, Foreign, sa.exc.SQLAlchemyError) as error:
        print(f"rehearsal: {str(error).splitlines()[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if asked.speed is None:
            return 130
        _say("Stopped. The next start goes on from here.")  # live, this is how it ends
        return 0


def _fast(election: Election, at: Addresses, until: datetime, seed: int | None) -> int:
    """Play to the moment, stop the store's clock there, and end."""
    store = open_store(at.store, Owner(election.id, rehearsal=True))
    outside = Outside(election, at.observation, seed)
    try:
        with publish(outside):
            _say(f"Playing {election.name['en']} up to {until.astimezone(election.tz):%d.%m.%Y %H:%M}.")
            play(outside, store, until, _say)
        clock.set_rehearsed(store, until, 0)
        return 0
    finally:
        outside.close()
        store.dispose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    election = os.environ.get("BAIKOO_ELECTION")
    parser.add_argument("--election", required=not election, default=election, help="folder, or its name in elections/")
    parser.add_argument("--until", required=True, help="14:00 of election day, or a date and time; local")
    parser.add_argument("--speed", type=_speed, help="go on live from there, this many times as fast as time")
    parser.add_argument("--serve", action="store_true", help="with --speed: also start the dashboard, and end it")
    parser.add_argument("--seed", type=int, help="another day with the same totals (default: the election's)")
    parser.add_argument("--observation", help="the made-up observers' database (default: a file by the store)")
    parser.add_argument("--store", help="the monitor's store (default: var/<election>/store.sqlite)")
    parser.add_argument("--port", type=int, default=8600, help="of the commission's site, live (default: 8600)")
    parser.add_argument("--dashboard-port", type=int, default=8501, help="with --serve (default: 8501)")
    return parser


def _moment(election: Election, text: str) -> datetime:
    try:
        return election.moment_of(text)
    except ValueError as error:
        raise RehearsalError(f"--until {text}: neither a time (14:00) nor a date and time") from error


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 3600:
        raise argparse.ArgumentTypeError("more than 0, at most 3600")
    return speed


def _say(words: str) -> None:
    print(words, flush=True)


def _ended(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
