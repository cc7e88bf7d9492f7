"""The loaders by themselves: `python -m loaders run`, `once`, `reread`, `replay`, `stop`, `go`."""

import argparse
import getpass
import logging
import signal
import sys
import threading
from collections.abc import Sequence

import sqlalchemy as sa

from elections import config
from elections.config import ConfigError, Election
from loaders import schedule, switch
from store import clock
from store import tables as t
from store.decisions import Refused, decide
from store.engine import open_store, store_url
from store.owner import Foreign, Owner

_ABOUT = """Poll the sources of an election and load what changed.

BAIKOO_ELECTION names the election's folder, BAIKOO_STORE the store (a URL; by default a file in var/)."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m loaders", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="poll every source at its interval, until Ctrl-C")
    once = commands.add_parser(
        "once", help="poll once, say what came of it; exit 1 where a source could not be read, or is in alarm"
    )
    once.add_argument(
        "--accept", action="store_true", help="what vanished at the source has truly gone, however much it is"
    )
    replay = commands.add_parser("replay", help="look again at what was set aside, after the configuration was mended")
    reread = commands.add_parser("reread", help="compare everything with the source now, whatever its times say")
    stop = commands.add_parser("stop", help="ask a source nothing more, in every process that shares the store")
    go = commands.add_parser("go", help="poll a stopped source again")
    for command in (once, replay, reread):
        command.add_argument("--source", help="only this source")
    for command in (stop, go):
        command.add_argument("source")
    for command in (once, stop, go):
        command.add_argument("--who", help="who says so; whose account it is where nobody is named")
        command.add_argument("--why", default="", help="the reason, for the record")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """What was asked for; the exit code."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        election = config.chosen()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    known = [s.id for s in election.sources]
    source = getattr(asked, "source", None)
    if source is not None and source not in known:
        print(f"no source {source}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        store = open_store(store_url(election.id), Owner(election.id, election.rehearsal))
        clock.follow(store if election.rehearsal else None)
        return _do(store, election, asked, [source] if source else known)
    except (Foreign, sa.exc.SQLAlchemyError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
    except Refused:
        print("say who you are: --who", file=sys.stderr)
    return 2


def _do(store: sa.Engine, election: Election, asked: argparse.Namespace, sources: list[str]) -> int:
    if asked.command == "run":
        return _run(store, election)
    if asked.command in ("stop", "go"):
        getattr(switch, asked.command)(store, asked.source, _who(asked), asked.why)
        print(f"{asked.source}: {'stopped' if asked.command == 'stop' else 'polled again'}")
        return 0
    again, accept = asked.command in ("replay", "reread"), getattr(asked, "accept", False)
    if accept:
        for one in sources:
            decide(store, "accept", one, _who(asked), asked.why)
    return max((_once(store, election, s, again, accept) for s in sources), default=0)


def _who(asked: argparse.Namespace) -> str:
    if asked.who is not None:
        return str(asked.who)
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # an account without a name
        raise Refused("who") from error


def _run(store: sa.Engine, election: Election) -> int:
    stopping = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: stopping.set())
    running = schedule.start(store, election)
    print(f"polling {', '.join(s.id for s in election.sources)}; Ctrl-C ends it", flush=True)
    stopping.wait()
    running.shutdown()
    return 0


def _once(store: sa.Engine, election: Election, source: str, again: bool, accept: bool) -> int:
    """Poll a source and print what was written down about it."""
    schedule.poll(store, election, source, again, accept)
    query = sa.select(t.poll, t.load.c.changed, t.load.c.withdrawn, t.load.c.set_aside)
    query = query.join_from(t.poll, t.load, t.poll.c.load == t.load.c.id, isouter=True)
    with store.connect() as conn:
        row = conn.execute(query.where(t.poll.c.source == source).order_by(t.poll.c.id.desc()).limit(1)).one()
    came = "nothing new" if row.load is None else f"load {row.load}"
    outcome = "alarm" if row.outcome == "ok" and row.error else row.outcome
    print(f"{source}: {outcome}, {row.seen:,} rows read, {came}, {row.milliseconds:,} ms")
    return 1 if row.error else 0


if __name__ == "__main__":
    sys.exit(main())
