"""The figures that the command line knows: what each is, what narrows it, what may be seen of it under embargo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from queries import (
    bursts,
    checks,
    comparison,
    coverage,
    embargo,
    equipment,
    feed,
    frame,
    health,
    incidents,
    procedures,
    quick_count,
    results,
    stability,
    turnout,
)
from queries.grid import UnknownColumn
from queries.moment import Moment
from store import alarms

Seen = Callable[[Moment, pd.DataFrame], pd.DataFrame]  # what may be seen of the rows; raises Embargoed where nothing


@dataclass(frozen=True)
class Figure:
    """A figure, what narrows it, and what its columns are called outside."""

    ask: Callable[..., pd.DataFrame]
    what: str
    by: tuple[str, ...] = ()  # what it can be divided by
    filters: tuple[str, ...] = ()
    listed: Callable[..., pd.DataFrame] | None = None  # with --list
    ways: tuple[tuple[str, Callable[..., pd.DataFrame]], ...] = ()  # with --stability, --drift, --residuals
    called: tuple[tuple[str, str], ...] = ()  # column here -> column outside
    seen: Seen | None = None  # where some of its rows are under embargo
    seen_listed: Seen | None = None  # the same of --list


def _equipment(m: Moment, by: Sequence[str] = (), **given: Any) -> pd.DataFrame:
    """Failures by device; voters turned away by band."""
    if "band" not in by:
        return equipment.failures(m, tuple(dict.fromkeys(["device", *by])), **given)
    if "device" in by:
        raise UnknownColumn("equipment by band is about identification alone: not by device as well")
    return equipment.turned_away(m, [name for name in by if name != "band"], **given)


def _incident_list(m: Moment, **given: Any) -> pd.DataFrame:
    """Without who sorted them: a name leaves by no export."""
    return incidents.incident_list(m, **given).drop(columns="decided_by")


def _health(m: Moment) -> pd.DataFrame:
    """With the alarms as sentences."""
    rows = health.health(m)
    return rows.assign(alarms=rows["alarms"].map(alarms.said))


def _comparison(m: Moment, level: str = "1", **given: Any) -> pd.DataFrame:
    return comparison.comparison(m, int(level), **given)


def _quick_count(m: Moment, by: Sequence[str] = (), **given: Any) -> pd.DataFrame:
    """The estimates; by district counts alone."""
    ask = quick_count.by_district if "district" in by or "district" in given else quick_count.quick_count
    return ask(m, **given)


def _seen_comparison(m: Moment, rows: pd.DataFrame) -> pd.DataFrame:
    """Of level 1 the lines that are not under embargo; the other levels are made of those that are."""
    return embargo.open_fields(m, rows) if "pec" in rows else embargo.open_after(m, rows)


_PLACE = ("region", "district")
_INCIDENTS = (*_PLACE, "category", "day")
FIGURES: dict[str, Figure] = {
    "coverage": Figure(
        coverage.coverage,
        "checklists of the sampled PECs by state",
        by=("form", *_PLACE),
        filters=(*_PLACE, "form"),
        listed=coverage.states,
    ),
    "unreported": Figure(
        coverage.unreported, "the late checklists, longest late first", filters=(*_PLACE, "form", "contacts")
    ),
    "incidents": Figure(
        incidents.incidents,
        "reports of incidents, counted",
        by=("category", *_PLACE, "severity", "hour", "day", "reporter"),
        filters=_INCIDENTS,
        listed=_incident_list,
    ),
    "equipment": Figure(
        _equipment,
        "PECs where equipment failed; voters turned away (--by band)",
        by=("device", "band", "region"),
        filters=("region",),
        listed=equipment.episodes,
        called=(("from_at", "from"), ("to_at", "to")),
    ),
    "procedures": Figure(
        procedures.procedures, "what observers saw, answer by answer", by=("stage", "question"), filters=("region",)
    ),
    "turnout": Figure(
        turnout.turnout,
        "turnout by hour (--list: the counts that fall)",
        by=("hour", "contest", "region"),
        filters=("region", "hour", "contest"),
        listed=turnout.falling,
        ways=(("stability", stability.stability), ("drift", stability.trends), ("residuals", stability.residuals)),
    ),
    "results": Figure(
        results.results,
        "what the commission published",
        by=("list", "count", "contest", *_PLACE),
        filters=(*_PLACE, "contest"),
    ),
    "quickcount": Figure(
        _quick_count,
        "shares of the lists from the observers' protocols (by district: counts alone)",
        by=("contest", "list", "district"),
        filters=("contest", "district"),
        seen=embargo.open_after,
    ),
    "comparison": Figure(
        _comparison,
        "the commission's figures against the observers': --level 1 by PEC and field, 2 in all, 3 over the sample",
        filters=(*_PLACE, "contest", "level", "against"),
        seen=_seen_comparison,
    ),
    "checks": Figure(
        checks.checks,
        "the checks on what is published (--list: what does not hold)",
        filters=("region",),
        listed=checks.findings,
        seen=embargo.open_checks,
        seen_listed=embargo.open_findings,
    ),
    "changes": Figure(feed.changes, "what the commission changed after publishing it", filters=(*_PLACE, "contest")),
    "bursts": Figure(
        bursts.bursts,
        "many conflicts or late changes from few observers within the last hour",
        called=(("since_at", "since"), ("until_at", "until")),
    ),
    "frame": Figure(
        frame.frame, "the frame of PECs against the sample as it was drawn, by stratum", listed=frame.misfits
    ),
    "health": Figure(
        _health,
        "the sources (exit code 1 where something is red)",
        listed=health.causes,
        called=(("last_success_at", "last_success"), ("last_change_at", "last_change"), ("since_at", "since")),
    ),
}
ALWAYS_BY = {"turnout": ("contest", "hour"), "results": ("list", "count"), "procedures": ()}
