"""Turnout by hour: the observers' estimate with its light, beside what the commission published for that hour."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from elections.config import Checklist, Election
from queries import grid, held, sample
from queries.counts import accepted_counts, counting, turnout_counts
from queries.estimates import Floats, ratio
from queries.kept import KeptOfFacts, KeptOfMoment
from queries.light import Drift, Shown, Thresholds, drift, light, residuals, worst_case_shift
from queries.moment import Moment
from queries.published import inside, published_turnout

COLUMNS = ["contest", "hour", "region", "value", "low", "high", "margin", "design_margin", "shown_margin", "publish",
           "publish_margin", "confidence", "n", "of",
           "light", "drift", "worst_case", "reasons", "merged_strata", "falling", "conflicts", "origin_screen",
           "origin_own", "voters", "published_pecs_of"]  # fmt: skip


def turnout(
    m: Moment,
    contest: str | None = None,
    by: Sequence[str] = ("hour",),
    hour: str | None = None,
    region: str | None = None,
) -> pd.DataFrame:
    """One row a contest and hour that has come (and region, where `by` names it).

    value, low, high: the share of voters on the list who have voted, and the interval that is shown, drift and worst
    case included; none of them under a red light. margin: the computed one, alone; design_margin: the one that was
    fixed before the day (of the whole country alone); shown_margin: half the width of the interval that is shown;
    publish (design, data): which of the first two the configuration says to publish, and publish_margin: that one (the
    last two none under a red light; a part of the country has the one from the data); confidence; n (PECs that the
    estimate rests on), of (sampled); light (green, amber, red), drift and worst_case (what they add, as fractions),
    reasons (why the light is not better: `light.Reason`), merged_strata, falling (PECs left out because the count is
    lower than an earlier hour's), conflicts (PECs whose observers differ), origin_screen, origin_own (of the n, where
    the count was read).
    The commission's for the same hour, inside the country: published (share), published_voted,
    published_registered, published_pecs, published_pecs_of (PECs that the estimate is of), published_regions,
    published_regions_of, published_at (when it was known here). voters: on the list, by the frame, that the estimate is
    of. state, why, outside_by: what comes of holding the two against each other (`held.turnout`), and within_margin:
    whether the commission's figure lies within publish_margin of the estimate.
    """
    grid.check_by("turnout", by, ("contest", "hour", "region"))
    divided = "region" in by or region is not None
    pecs = sample.pecs(m)
    everywhere = sample.drawn(m.election)
    parts = sample.by_region(everywhere, pecs) if divided else {}
    places = [r.id for r in m.election.regions if not r.abroad and region in (None, r.id)] if divided else [None]
    said, voters = _SAID.of(m), _voters(m)
    rows = [
        {"contest": form.contest, "hour": form.hour, "region": place, "voters": voters.get(place, 0)}
        | _row(m.election, said.get((form.form, place), []), parts.get(place) if place else everywhere, bool(place))
        for form in _forms(m, contest, hour)
        for place in places
    ]
    columns = [c for c in COLUMNS if divided or c != "region"]
    found = sample.numbers(pd.DataFrame(rows, columns=columns))
    keys = ["contest", "hour", "region"] if divided else ["contest", "hour"]
    commission = published_turnout(m, by_region=divided).astype(dict.fromkeys(keys, "str"))
    both = found.astype(dict.fromkeys(keys, "str")).merge(commission, on=keys, how="left")
    regions = 1 if divided else len(inside(m.election))
    both = both.fillna({"published_regions": 0, "published_regions_of": regions})
    both = both.astype(dict.fromkeys(["published_regions", "published_regions_of", "published_pecs_of"], "Int64"))
    known = both.to_dict("records")
    verdicts = [held.turnout(row) for row in known]
    within = [held.within_margin(row | told._asdict()) for row, told in zip(known, verdicts, strict=True)]
    said_of_both = pd.DataFrame(verdicts, index=both.index, columns=held.Held._fields)
    said_of_both["outside_by"] = said_of_both["outside_by"].astype("float64")
    return both.assign(**said_of_both, within_margin=pd.Series(within, index=both.index, dtype="boolean"))


def falling(m: Moment) -> pd.DataFrame:
    """The PECs whose count is lower than an earlier hour's, and is left out until somebody looks.

    pec, region, contest, form, question, hour, count, earlier_hour, earlier_count.
    """
    counts = turnout_counts(m)
    fell = counts[counts["fell"]].merge(sample.pecs(m)[["pec", "region"]], on="pec")
    fell = fell.rename(columns={"number": "count", "earlier": "earlier_count"})
    fell = fell.astype({"count": "int64", "earlier_count": "int64"})
    columns = ["pec", "region", "contest", "form", "question", "hour", "count", "earlier_hour", "earlier_count"]
    return fell.sort_values(["hour", "pec"])[columns].reset_index(drop=True)


def accepted(m: Moment) -> pd.DataFrame:
    """The counts that a person accepted although they are lower than an earlier hour's, the last decision first.

    pec, region, contest, form, question, hour, count (none: whatever it is), who, why, decided_at.
    """
    rows = accepted_counts(m).merge(sample.pecs(m)[["pec", "region"]], on="pec")
    columns = ["pec", "region", "contest", "form", "question", "hour", "count", "who", "why", "decided_at"]
    return rows[columns].iloc[::-1].reset_index(drop=True)


def _forms(m: Moment, contest: str | None, hour: str | None) -> list[Checklist]:
    """The checklists with a turnout count of an hour that has come, the earliest first."""
    found = [
        c
        for c in counting(m.election)
        if contest in (None, c.contest) and hour in (None, c.hour) and m.election.moment_of(str(c.hour)) <= m.at
    ]
    return sorted(found, key=lambda c: (str(c.contest), str(c.hour)))


class Trend(NamedTuple):
    """How a rate goes with the order of receipt: the drift, and each PEC's rate less its stratum's mean."""

    drift: Drift
    residuals: Floats


class Pec(NamedTuple):
    """A sampled PEC at an hour: what it says, if anything."""

    pec: str
    region: str
    stratum: str
    registered_voters: float
    number: float  # nan: nothing, or a conflict
    conflict: bool
    fell: bool
    origin: str
    order: float

    @property
    def usable(self) -> bool:
        return self.number >= 0 and self.registered_voters > 0 and not self.fell


def _said(m: Moment) -> dict[tuple[str, str | None], list[Pec]]:
    """(checklist, region or None for all) -> every sampled PEC of a stratum that was drawn."""
    pecs, strata = sample.pecs(m), {s.id for s in m.election.strata}
    every = (
        pecs[["pec", "region", "stratum"]].astype("object").assign(voters=pecs["registered_voters"].astype("float64"))
    )
    counts = turnout_counts(m)[["form", "pec", "number", "conflict", "fell", "origin", "order"]].astype("object")
    told = {(form, pec): row for form, pec, *row in counts.itertuples(index=False, name=None)}
    nothing = [np.nan, False, False, np.nan, np.nan]
    found: dict[tuple[str, str | None], list[Pec]] = defaultdict(list)
    for form in counting(m.election):
        for place in every.itertuples(index=False, name=None):
            if place[2] in strata:
                pec = Pec(*place, *told.get((form.form, place[0]), nothing))
                found[form.form, None].append(pec)
                found[form.form, pec.region].append(pec)
    return found


_SAID = KeptOfMoment(_said)  # by hour, and by hour and region


def told(m: Moment, form: str, region: str | None = None) -> tuple[list[Pec], sample.Drawn | None]:
    """What every sampled PEC said in a checklist's count, and the strata that an estimate of it is made over."""
    pecs, everywhere = sample.pecs(m), sample.drawn(m.election)
    parts = sample.by_region(everywhere, pecs) if region else {}
    return _SAID.of(m).get((form, region), []), parts.get(region) if region else everywhere


def _voters(m: Moment) -> dict[str | None, int]:
    """Voters on the list by the frame: of each region inside the country, and of all of them (None)."""
    regions = _VOTERS.of(m).set_index("region")["voters"].reindex(inside(m.election)).fillna(0)
    return {None: int(regions.sum())} | {str(region): int(voters) for region, voters in regions.items()}


_VOTERS = KeptOfFacts(
    lambda m: m.frame("select region, sum(registered_voters) as voters from pec_now group by region"), "pec"
)


def _row(election: Election, said: list[Pec], drawn: sample.Drawn | None, part: bool) -> dict[str, Any]:
    """The estimate from what these sampled PECs said for an hour; they are all of them, or a part of the country."""
    usable = [pec for pec in said if pec.usable]
    missing = [pec for pec in said if not pec.usable]
    shown, value, merged = estimate_shown(
        election,
        drawn,
        y=[pec.number for pec in usable],
        x=[pec.registered_voters for pec in usable],
        stratum=[pec.stratum for pec in usable],
        order=[pec.order for pec in usable],
        missing=[pec.stratum for pec in missing],
        missing_x=[pec.registered_voters for pec in missing],
    )
    return {
        **estimate_columns(election, shown, value, merged),
        **margins(election, shown, part),
        "n": len(usable),
        "of": drawn.of if drawn else len(said),
        "published_pecs_of": sum(drawn.sizes.values()) if drawn else None,
        "falling": sum(pec.fell for pec in said),
        "conflicts": sum(pec.conflict for pec in said),
        "origin_screen": sum(pec.origin == "screen" for pec in usable),
        "origin_own": sum(pec.origin == "own_count" for pec in usable),
    }


def margins(election: Election, shown: Shown, part: bool = False) -> dict[str, Any]:
    """The margin fixed before the day, half the interval shown, and the one that the configuration says to publish.

    The one fixed before the day is of the whole sample: a part of the country has the one from the data alone.
    """
    fixed, which = election.estimates.design_margin, election.estimates.publish_margin
    if part:
        fixed, which = None, "data"
    if shown.low is None or shown.high is None:
        return {"design_margin": fixed, "shown_margin": None, "publish": which, "publish_margin": None}
    own = {"design": fixed, "data": shown.margin}[which]
    return {
        "design_margin": fixed,
        "shown_margin": (shown.high - shown.low) / 2,
        "publish": which,
        "publish_margin": own,
    }


def estimate_columns(election: Election, shown: Shown, value: float | None, merged: tuple[str, ...]) -> dict[str, Any]:
    """An estimate under its light as the columns of a figure: no value and no interval where it is red."""
    return {
        "value": None if shown.light == "red" else value,
        "low": None if shown.low is None else sample.clip(shown.low),
        "high": None if shown.high is None else sample.clip(shown.high),
        "margin": shown.margin,
        "confidence": election.estimates.confidence,
        "light": shown.light,
        "drift": shown.drift,
        "worst_case": shown.worst_case,
        "reasons": shown.reasons,
        "merged_strata": merged,
    }


def estimate_shown(
    election: Election,
    drawn: sample.Drawn | None,
    y: Iterable[float],
    x: Sequence[float],
    stratum: Iterable[str],
    order: Iterable[float],
    missing: Iterable[str],
    missing_x: Iterable[float],
) -> tuple[Shown, float | None, tuple[str, ...]]:
    """The light of a ratio with its interval, the estimate's value, the strata that were merged.

    y, x, stratum, order: of each PEC that can be used; missing, missing_x: stratum and x of each sampled PEC that
    cannot (the mean x of its stratum where it is not known).
    """
    limits = thresholds(election)
    if drawn is None:
        return light(None, {}, {}, 0.0, None, limits), None, ()
    known = tuple(own if own > 0 else np.nan for own in missing_x)
    numbers = tuple(y), tuple(x), tuple(stratum), tuple(order), tuple(missing), known
    return _estimated(*numbers, drawn, limits, election.estimates.confidence, election.estimates.worst_tail)


@lru_cache(maxsize=1_000)
def _estimated(
    y: tuple[float, ...],
    x: tuple[float, ...],
    stratum: tuple[str, ...],
    order: tuple[float, ...],
    missing: tuple[str, ...],
    missing_x: tuple[float, ...],
    drawn: sample.Drawn,
    limits: Thresholds,
    confidence: float,
    tail: float,
) -> tuple[Shown, float | None, tuple[str, ...]]:
    """The same numbers give the same estimate: of an hour that is past, few counts change any more."""
    reported = dict(Counter(stratum))
    sampled = drawn_of(drawn, reported)
    merge = sample.merge(stratum, drawn)
    if merge is None:
        return light(None, reported, sampled, 0.0, None, limits), None, ()
    strata, sizes, parts = merge.stratum, merge.sizes, merge.parts
    estimate = ratio(y, x, strata, sizes, confidence)
    label = {part: merged for merged, several in parts.items() for part in several}
    trend = drift(np.asarray(y) / np.asarray(x), order, strata, sum(sampled.values()))
    worst = worst_case_shift(y, x, strata, sizes, [label.get(s, s) for s in missing], missing_x, tail)
    shown = light(estimate, reported, sampled, trend.term, worst, limits)  # of the strata as drawn, merged or not
    return shown, estimate.value, tuple(sorted(parts))


def drawn_of(drawn: sample.Drawn, reported: Mapping[str, int]) -> dict[str, int]:
    """The PECs drawn in each stratum; a frame may name more than were drawn."""
    return {s: max(n, reported.get(s, 0)) for s, n in drawn.sampled.items()}


def trend(drawn: sample.Drawn, rate: Sequence[float], stratum: Sequence[str], order: Sequence[float]) -> Trend | None:
    """The drift of these rates, as the light goes by it; none where there is no estimate."""
    merge = sample.merge(stratum, drawn)
    if merge is None:
        return None
    strata = merge.stratum
    found = drift(rate, order, strata, sum(drawn_of(drawn, Counter(stratum)).values()))
    return Trend(found, residuals(rate, strata))


def thresholds(election: Election) -> Thresholds:
    """When a light is green or amber, as the election's configuration says."""
    e = election.estimates
    return Thresholds(
        green_share=e.green_share,
        green_stratum_share=e.green_stratum_share,
        amber_share=e.amber_share,
        amber_stratum_share=e.amber_stratum_share,
        spare=e.spare,
        least=e.least,
        drift_of_margin=e.drift_of_margin,
        amber_width=e.widest_amber,
    )
