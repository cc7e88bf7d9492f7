"""Turnout by hour: the observers' estimate with its light, beside what the commission published for that hour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from elections.config import Checklist, Election
from queries import grid, sample
from queries.counts import counting, turnout_counts
from queries.estimates import TooFewPecs, merge_small_strata, ratio
from queries.light import Shown, Thresholds, drift, light, worst_case_shift
from queries.moment import Moment
from queries.published import TURNOUT, published_turnout

COLUMNS = ["contest", "hour", "region", "value", "low", "high", "margin", "design_margin", "confidence", "n", "of",
           "light", "drift", "worst_case", "reasons", "merged_strata", "falling", "conflicts", "origin_screen",
           "origin_own", *TURNOUT]  # fmt: skip


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
    fixed before the day; confidence; n (PECs that the estimate rests on), of (sampled); light (green, amber, red),
    drift and worst_case (what they add, as fractions), reasons (why the light is not better: `light.Reason`),
    merged_strata, falling (PECs left out because the count is lower than an earlier hour's), conflicts (PECs whose
    observers differ), origin_screen, origin_own (of the n, where the count was read).
    The commission's for the same hour, inside the country: published (share), published_voted,
    published_registered, published_pecs, published_at (when it was first known here).
    """
    grid.check_by("turnout", by, ("contest", "hour", "region"))
    divided = "region" in by or region is not None
    pecs = sample.pecs(m)
    everywhere = sample.drawn(m.election)
    parts = sample.by_region(everywhere, pecs)
    counts = turnout_counts(m)
    commission = published_turnout(m, by_region=divided)
    rows = []
    for form in _forms(m, contest, hour):
        said = pecs.merge(counts[counts["form"] == form.form], on="pec")
        of_hour = commission[(commission["contest"] == form.contest) & (commission["hour"] == form.hour)]
        key = {"contest": form.contest, "hour": form.hour}
        if not divided:
            rows.append(key | _row(m, said, pecs, everywhere) | _published(of_hour))
            continue
        for place in [r.id for r in m.election.regions if not r.abroad and region in (None, r.id)]:
            own, whole = said[said["region"] == place], pecs[pecs["region"] == place]
            figure = _row(m, own, whole, parts.get(place)) | _published(of_hour[of_hour["region"] == place])
            rows.append(key | {"region": place} | figure)
    columns = COLUMNS if divided else [c for c in COLUMNS if c != "region"]
    found = sample.numbers(pd.DataFrame(rows, columns=columns))
    found["published_at"] = pd.to_datetime(found["published_at"], utc=True)
    counted = ["published_voted", "published_registered", "published_pecs"]
    found[counted] = found[counted].astype("Int64")
    return found


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


def _forms(m: Moment, contest: str | None, hour: str | None) -> list[Checklist]:
    """The checklists with a turnout count of an hour that has come, the earliest first."""
    found = [
        c
        for c in counting(m.election)
        if contest in (None, c.contest) and hour in (None, c.hour) and m.election.moment_of(str(c.hour)) <= m.at
    ]
    return sorted(found, key=lambda c: (str(c.contest), str(c.hour)))


def _published(rows: pd.DataFrame) -> dict[str, Any]:
    return dict(rows.iloc[0][list(TURNOUT)]) if len(rows) else dict.fromkeys(TURNOUT)


def _row(m: Moment, said: pd.DataFrame, pecs: pd.DataFrame, drawn: sample.Drawn | None) -> dict[str, Any]:
    """The estimate from what these PECs said for an hour: `pecs` are all the sampled ones."""
    known = said["number"].notna() & (said["registered_voters"].fillna(0) > 0)
    if drawn:
        known &= said["stratum"].isin(drawn.sizes)
    usable = said[known & ~said["fell"]]
    shown, value, merged = _shown(m.election, usable, pecs, drawn)
    return {
        "value": None if shown.light == "red" else value,
        "low": None if shown.low is None else sample.clip(shown.low),
        "high": None if shown.high is None else sample.clip(shown.high),
        "margin": shown.margin,
        "design_margin": m.election.estimates.design_margin,
        "confidence": m.election.estimates.confidence,
        "n": len(usable),
        "of": drawn.of if drawn else len(pecs),
        "light": shown.light,
        "drift": shown.drift,
        "worst_case": shown.worst_case,
        "reasons": shown.reasons,
        "merged_strata": merged,
        "falling": int(said["fell"].sum()),
        "conflicts": int(said["conflict"].sum()),
        "origin_screen": int((usable["origin"] == "screen").sum()),
        "origin_own": int((usable["origin"] == "own_count").sum()),
    }


def _shown(
    election: Election, usable: pd.DataFrame, pecs: pd.DataFrame, drawn: sample.Drawn | None
) -> tuple[Shown, float | None, tuple[str, ...]]:
    """The light with its interval, the estimate's value, the strata that were merged."""
    limits = thresholds(election)
    if drawn is None:
        return light(None, {}, {}, 0.0, None, limits), None, ()
    reported = {str(s): int(n) for s, n in usable["stratum"].value_counts().items()}
    sampled = {s: max(n, reported.get(s, 0)) for s, n in drawn.sampled.items()}  # a frame may name more than were drawn
    y, x = np.asarray(usable["number"], dtype=float), np.asarray(usable["registered_voters"], dtype=float)
    try:
        strata, sizes, parts = merge_small_strata(list(usable["stratum"]), drawn.sizes, drawn.partners)
        estimate = ratio(y, x, strata, sizes, election.estimates.confidence)
    except TooFewPecs:
        return light(None, reported, sampled, 0.0, None, limits), None, ()
    missing = pecs[~pecs["pec"].isin(usable["pec"]) & pecs["stratum"].isin(drawn.sizes)]
    voters = missing["registered_voters"].astype("float64")
    label = {part: merged for merged, several in parts.items() for part in several}
    trend = drift(y / x, usable["order"], strata, sum(sampled.values()))
    worst = worst_case_shift(
        y, x, strata, sizes, [label.get(s, s) for s in missing["stratum"]], voters.where(voters > 0).fillna(x.mean())
    )
    merged_sample, merged_reports = sample.summed(sampled, parts), sample.summed(reported, parts)
    shown = light(estimate, merged_reports, merged_sample, trend.term, worst, limits)
    return shown, estimate.value, tuple(sorted(parts))


def thresholds(election: Election) -> Thresholds:
    """When a light is green or amber, as the election's configuration says."""
    e = election.estimates
    return Thresholds(
        green_share=e.green_share,
        green_stratum_share=e.green_stratum_share,
        amber_share=e.amber_share,
        amber_stratum_share=e.amber_stratum_share,
        least=e.least,
        drift_of_margin=e.drift_of_margin,
        amber_width=e.widest_amber,
    )
