"""The figures on the command line: `python -m queries FIGURE`, as a table, JSON or CSV."""

import argparse
import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from elections import config
from elections.config import ConfigError, Election
from queries import embargo, export, health
from queries.comparison import LEVELS
from queries.export import Embargo
from queries.figures import ALWAYS_BY, FIGURES, Figure
from queries.grid import UnknownColumn
from queries.incidents import UNSORTED
from queries.moment import Moment, here, now
from store import clock
from store.address import shown
from store.engine import is_there, store_url
from store.owner import Foreign


class Refused(Exception):
    """What was asked for does not exist; the message says what does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 2 where the question cannot be understood; of the figure health 1 where something is red."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    asked = _parser().parse_args(arguments)
    try:
        if not is_there(url := store_url(config.chosen().id)):
            raise Refused(f"{shown(url)}: there is no store here yet")
        m = _moment(here()[1], asked.as_of)
        rows, under = answer(m, asked)
        if under and not under.shown:
            print(f"queries: {export.said(m, under)}; --embargoed shows them", file=sys.stderr)
        sys.stdout.flush()
        sys.stdout.buffer.write(_printed(m, asked, rows, under))
        sys.stdout.flush()
        return int(asked.figure == "health" and health.is_red(m))
    except embargo.Embargoed as error:
        print(f"queries: {error}; --embargoed shows it", file=sys.stderr)
        return 2
    except (Refused, UnknownColumn, ConfigError, Foreign, sa.exc.SQLAlchemyError, OSError) as error:
        print(f"queries: {_first_line(error)}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m queries", description=__doc__)
    figures = "; ".join(f"{name}: {figure.what}" for name, figure in FIGURES.items())
    parser.add_argument("figure", metavar="FIGURE", help=figures)
    parser.add_argument("--by", action="append", default=[], help="columns to divide it by: --by region,category")
    parser.add_argument("--region", help="only this region, by the frame")
    parser.add_argument("--district", help="only this district, by the frame")
    parser.add_argument("--form", help="only this checklist")
    parser.add_argument("--hour", help="only the turnout of this hour: 16:00")
    parser.add_argument("--contest", help="only this contest")
    parser.add_argument("--category", help="only incidents of this category")
    parser.add_argument("--day", help="only incidents of this local day: 2021-11-28")
    parser.add_argument("--level", help="only this level of the comparison: 1, 2 or 3")
    parser.add_argument("--against", help="the commission's count that it is held against: manual or machine")
    parser.add_argument("--as-of", metavar="TIME", help="as it was known then: 14:00, or a date and time")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table")
    parser.add_argument("--list", action="store_true", help="one by one instead of counted")
    for way, what in (
        ("stability", "turnout of an hour by order of receipt: the estimate after so many reports"),
        ("drift", "turnout: whether early reports differ from late ones, hour by hour"),
        ("residuals", "turnout of an hour PEC by PEC in the order of receipt, less the mean of its stratum"),
    ):
        parser.add_argument(f"--{way}", dest="way", action="store_const", const=way, help=what)
    parser.add_argument("--contacts", action="store_true", help="with names and telephones (unreported)")
    parser.add_argument("--embargoed", action="store_true", help="what is under embargo too, before it ends")
    return parser


def _moment(election: Election, as_of: str | None) -> Moment:
    if as_of is None:
        return now()
    try:
        at = election.moment_of(as_of)
    except ValueError as error:
        wanted = "a time of election day (14:00) or a date and time (2021-11-29T10:00)"
        raise Refused(f"--as-of {as_of}: {wanted}") from error
    if at > clock.now():
        raise Refused(f"--as-of {as_of}: that has not come yet")
    return now(at)


def answer(m: Moment, asked: argparse.Namespace) -> tuple[pd.DataFrame, Embargo | None]:
    """The rows that were asked for, and the embargo that they are under.

    Raises Refused or UnknownColumn saying what there is instead, Embargoed where nothing may be seen yet.
    """
    if asked.figure not in FIGURES:
        raise Refused(f"there is no figure {asked.figure}; there are {', '.join(FIGURES)}")
    figure = FIGURES[asked.figure]
    ask = _asked(asked, figure)
    own = inspect.signature(ask).parameters
    takes = set(figure.filters) if "given" in own else set(figure.filters) & set(own)
    given = _filters(m.election, asked, takes)
    rows = ask(m, **given, **_by(asked, figure)) if ask is figure.ask else ask(m, **given)
    rows, under = _under_embargo(m, asked, figure, rows)
    return rows.rename(columns=dict(figure.called)), under


def _asked(asked: argparse.Namespace, figure: Figure) -> Callable[..., pd.DataFrame]:
    """The figure itself, its list, or another way to look at it."""
    if asked.way is None:
        if asked.list and figure.listed is None:
            raise Refused(f"{asked.figure} has no --list")
        return figure.listed if asked.list and figure.listed else figure.ask
    ways = dict(figure.ways)
    if asked.way not in ways:
        raise Refused(f"{asked.figure} has no --{asked.way}")
    if asked.list or asked.by:
        raise Refused(f"{_name(asked)} has neither --list nor --by")
    return ways[asked.way]


def _under_embargo(
    m: Moment, asked: argparse.Namespace, figure: Figure, rows: pd.DataFrame
) -> tuple[pd.DataFrame, Embargo | None]:
    """What may be seen of the rows, and the embargo, where there is one and it concerns this figure."""
    seen, end = figure.seen_listed if asked.list else figure.seen, embargo.until(m.election)
    if seen is None or end is None or embargo.lifted(m):
        return rows, None
    return rows if asked.embargoed else seen(m, rows), Embargo(end, shown=asked.embargoed)


def _filters(election: Election, asked: argparse.Namespace, takes: set[str]) -> dict[str, Any]:
    """What narrows the figure, as its function takes it."""
    known = _known(election)
    given = {name: value for name, value in vars(asked).items() if name in known and value is not None}
    if asked.contacts:
        given["contacts"] = True
    for name, value in given.items():
        if name not in takes:
            raise Refused(f"{_name(asked)} has no --{name}")
        if known.get(name) and value not in known[name]:
            raise Refused(f"there is no {name} {value}; there are {', '.join(known[name])}")
    return given


def _known(election: Election) -> dict[str, tuple[str, ...]]:
    """What a filter may say; nothing where that is not a list."""
    return {
        "region": tuple(r.id for r in election.regions),
        "district": tuple(d.id for d in election.districts),
        "form": tuple(election.forms),
        "hour": tuple(sorted({c.hour for c in election.checklists if c.hour})),
        "contest": tuple(c.id for c in election.contests),
        "category": (*(c.id for c in election.categories), UNSORTED),
        "day": (),
        "level": tuple(str(level) for level in LEVELS),
        "against": ("manual", "machine"),
    }


def _by(asked: argparse.Namespace, figure: Figure) -> dict[str, Any]:
    """The columns to divide by. Those that a figure's rows always have need not be said."""
    names = [name.strip() for text in asked.by for name in text.split(",") if name.strip()]
    if not names:
        return {}
    if wrong := [name for name in names if name not in figure.by]:
        can = f"it can by {', '.join(figure.by)}" if figure.by else "it cannot be divided"
        raise UnknownColumn(f"{asked.figure} cannot be divided by {', '.join(wrong)}; {can}")
    if asked.figure == "procedures":
        return {}  # its rows are questions and answers already
    return {"by": tuple(dict.fromkeys([*ALWAYS_BY.get(asked.figure, ()), *names]))}


def _printed(m: Moment, asked: argparse.Namespace, rows: pd.DataFrame, under: Embargo | None) -> bytes:
    if asked.format == "json":
        return (export.json(asked.figure, m, rows, under) + "\n").encode()
    if asked.format == "csv":
        return export.csv(rows, m.election)
    return (export.table(asked.figure, m, rows, under) + "\n").encode()


def _name(asked: argparse.Namespace) -> str:
    way = asked.way or ("list" if asked.list else "")
    return f"{asked.figure} --{way}" if way else str(asked.figure)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
