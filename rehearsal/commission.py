"""The commission: what it had published at a time, as pages of JSON. Pure functions of that time."""

import bisect
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import numpy as np

from elections.config import Feed
from rehearsal.ballots import Ballots, Series
from rehearsal.script import Floats, Mask
from rehearsal.turnout import HOURS, published_turnout
from rehearsal.world import World

_FIRST_MACHINE, _LAST_MACHINE = 2, 58  # minutes after 20:00
_NIGHT_TICK, _DAY_TICK = timedelta(minutes=10), timedelta(hours=1)


@dataclass(frozen=True)
class Page:
    """What stands at an address until it changes."""

    body: bytes
    etag: str
    modified: datetime


class Commission:
    """Everything that the commission will have published in the end, and when each part of it came."""

    def __init__(self, world: World, ballots: Ballots) -> None:
        self._world, self._ballots = world, ballots
        self._built = world.election.instant(world.election.phases[0].starts)  # its pages are there, and empty
        self._error = world.script.fault("summary_error")
        self.lists = [item.number for item in world.election.contests[0].lists]
        opening = world.election.instant(datetime.combine(world.election.date, time()))
        self.hours = dict(zip(HOURS, _hours_out(world, opening), strict=True))
        self.machine_at = _machine_in(world, opening + timedelta(hours=20))
        self.manual_at = _manual_in(world)
        self._turnout = published_turnout(world)
        self._rows = {"machine": self._protocols(ballots.machine), "manual": self._protocols(ballots.manual)}
        feeds = [feed for source in world.election.sources for feed in source.feeds]
        self._feeds = {feed.path: feed for feed in feeds}
        self._moments = {feed.path: sorted(set(self._changes(feed))) for feed in feeds}
        self._pages: dict[str, tuple[int, Page]] = {}

    def page(self, path: str, now: datetime) -> Page | None:
        """The page at this path as it stood then; None where there is no such page."""
        if path not in self._feeds:
            return None
        moments = self._moments[path]
        version = bisect.bisect_right(moments, now)
        kept = self._pages.get(path)
        if kept and kept[0] == version:
            return kept[1]
        changed = moments[version - 1] if version else self._built
        body = self._body(self._feeds[path], changed)
        page = Page(body, f'"{hashlib.sha256(body).hexdigest()[:20]}"', changed)
        self._pages[path] = (version, page)
        return page

    def _changes(self, feed: Feed) -> list[datetime]:
        """When this page changed."""
        if feed.count == "turnout":
            return list(self.hours.values())
        moments = self._in(feed.count)
        if feed.scope == "country" and feed.count == "machine" and self._error and self._error.ends:
            moments = [*moments, self._world.election.instant(self._error.ends)]
        return moments

    def _in(self, count: str) -> list[datetime]:
        return self.machine_at if count == "machine" else self.manual_at

    def _body(self, feed: Feed, at: datetime) -> bytes:
        if feed.count == "turnout":
            return _json({"rows": self._turnout_rows(at)})
        counted = np.array([moment <= at for moment in self._in(feed.count)])
        if feed.scope == "pec":
            rows = self._rows[feed.count]
            return b'{"protocols": [' + b",\n".join(rows[k] for k in np.flatnonzero(counted)) + b"]}"
        return _json({"rows": [self._summary(feed.count, counted, at)] if counted.any() else []})

    def _turnout_rows(self, at: datetime) -> list[dict[str, object]]:
        voters: dict[str, int] = {}
        pecs: dict[str, int] = {}
        for p in self._world.pecs:
            voters[p.region] = voters.get(p.region, 0) + p.voters
            pecs[p.region] = pecs.get(p.region, 0) + 1
        return [
            {"region": region, "hour": hour, "voters": voters[region], "voted": voted, "pecs": pecs[region]}
            for hour, out in self.hours.items()
            if out <= at
            for region, voted in self._turnout[hour].items()
        ]

    def _protocols(self, series: Series) -> list[bytes]:
        return [
            _json(
                {"pec": p.pec, "region": p.region, "district": p.district, "voters": p.voters}
                | self._ballots.lines(series, k)
                | {"votes": dict(zip(self.lists, series.votes[k].tolist(), strict=True))}
            )
            for k, p in enumerate(self._world.pecs)
        ]

    def _summary(self, count: str, counted: Mask, at: datetime) -> dict[str, object]:
        """The table of the whole country: the sums of the PECs that are in, but for the night's error."""
        series = self._ballots.machine if count == "machine" else self._ballots.manual
        votes = series.votes[counted].sum(axis=0)
        if count == "machine" and self._wrong(at):
            votes = votes + self._ballots.preferences[counted].sum(axis=0)
        found = int(series.found[counted].sum())
        return {
            "pecs": int(counted.sum()),
            "found": found,
            "valid": int(series.valid[counted].sum()),
            "invalid": int(series.invalid[counted].sum()),
            "votes": dict(zip(self.lists, votes.tolist(), strict=True)),
            "percents": {n: f"{100 * v / found:.2f}" for n, v in zip(self.lists, votes.tolist(), strict=True)},
        }

    def _wrong(self, at: datetime) -> bool:
        if not (self._error and self._error.starts and self._error.ends):
            return False
        instant = self._world.election.instant
        return instant(self._error.starts) <= at < instant(self._error.ends)


def _hours_out(world: World, midnight: datetime) -> list[datetime]:
    """Turnout of an hour comes some minutes after it."""
    minutes = world.script.chance("turnout published").integers(4, 12, size=len(HOURS))
    return [midnight + timedelta(hours=int(h[:2]), minutes=int(m)) for h, m in zip(HOURS, minutes, strict=True)]


def _machine_in(world: World, closing: datetime) -> list[datetime]:
    """Scanners send by themselves: most within half an hour, by the minute."""
    share = world.script.chance("machine in").beta(1.3, 2.2, size=len(world.pecs))
    minutes = np.round(_FIRST_MACHINE + share * (_LAST_MACHINE - _FIRST_MACHINE)).astype(int)
    return [closing + timedelta(minutes=int(m)) for m in minutes]


def _manual_in(world: World) -> list[datetime]:
    """By hand through the night and the week, small PECs sooner, in the numbers of the script at its moments."""
    rng = world.script.chance("manual in")
    slow = np.log([p.voters for p in world.pecs]) + rng.normal(scale=0.8, size=len(world.pecs))
    order = np.argsort(slow, kind="stable")
    moments = [world.election.instant(m) for m, _ in world.script.manual_in]
    numbers = [n for _, n in world.script.manual_in]
    at: list[datetime] = [moments[-1]] * len(order)
    for start, end, first, last in zip(moments, moments[1:], numbers, numbers[1:], strict=False):
        tick = _NIGHT_TICK if end - start < timedelta(days=1) else _DAY_TICK
        shares = np.sort(rng.beta(1.6, 1.9, size=last - first))
        for pec, moment in zip(order[first:last], _ticks(start, end, tick, shares), strict=True):
            at[int(pec)] = moment
    return at


def _ticks(start: datetime, end: datetime, tick: timedelta, shares: Floats) -> Sequence[datetime]:
    """Moments between start and end, as shares of that time, each at the next time the page is made."""
    count = (end - start) // tick
    return [start + tick * min(int(share * count) + 1, count) for share in shares]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
