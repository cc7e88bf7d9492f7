"""How an hour's turnout estimate came about: recomputed in the order of receipt, and whether early differs from late.

The counts are today's, taken in the order in which each PEC's first usable one came. What was red then shows no number
now: a line that settles down after its first half must not be read back to where nobody could have known.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from elections.config import Checklist, Election
from queries import sample
from queries.counts import counting
from queries.moment import Moment
from queries.turnout import Pec, estimate_columns, estimate_shown, told, trend

MOST = 60  # moments that are estimated, evenly over the reports
_CLEAR = 2  # standard errors from which a slope is said to be one


def stability(
    m: Moment, contest: str | None = None, hour: str | None = None, region: str | None = None
) -> pd.DataFrame:
    """The estimate as it would have been after so many reports, one row a step in the order of receipt.

    contest, hour, n (reports so far), of (sampled), value, low, high, margin, drift, worst_case (none of them where
    the light was red), confidence, light, reasons, merged_strata; reported (stratum -> PECs of it so far). Without an
    hour it is the last that anybody has counted.
    """
    rows: list[dict[str, Any]] = []
    for form in _forms(m, contest, hour):
        said, drawn = told(m, form.form, region)
        usable = _in_order(said)
        for n in _steps([pec.order for pec in usable]):
            row = _step(m.election, said, usable[:n], drawn)
            hidden = dict.fromkeys(("margin", "drift", "worst_case")) if row["light"] == "red" else {}
            rows.append({"contest": form.contest, "hour": form.hour} | row | hidden)
    columns = ["contest", "hour", "n", "of", "value", "low", "high", "margin", "confidence", "light", "drift",
               "worst_case", "reasons", "merged_strata", "reported"]  # fmt: skip
    return sample.numbers(pd.DataFrame(rows, columns=columns))


def composition(steps: pd.DataFrame, election: Election) -> pd.DataFrame:
    """Of which strata the reports of these steps (`stability`) were, one row a step and stratum.

    contest, hour, n, since (n of the step before), stratum, pecs (of the n), of (sampled in the stratum), share (of
    these, in).
    """
    sampled = {s.id: s.sampled for s in election.strata}
    before = steps.groupby(["contest", "hour"])["n"].shift(fill_value=0)
    rows = [
        {"contest": contest, "hour": hour, "n": n, "since": since, "stratum": stratum, "pecs": pecs,
         "of": sampled[stratum], "share": pecs / sampled[stratum]}
        for contest, hour, n, since, reported in zip(
            steps["contest"], steps["hour"], steps["n"], before, steps["reported"], strict=True
        )
        for stratum, pecs in reported.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["contest", "hour", "n", "since", "stratum", "pecs", "of", "share"])


def trends(m: Moment, contest: str | None = None, hour: str | None = None, region: str | None = None) -> pd.DataFrame:
    """Whether early reports differ from late ones, one row an hour that somebody has counted.

    contest, hour, n, of, light; and unless it is red: slope (change of turnout within strata from the first of the
    sample to the last, as a fraction), standard_error (of it), direction (rises, falls, level: the slope is within two
    standard errors), missing (share of the sample), shift (what the missing would move the estimate by if they went
    on like that), term (what widens the interval).
    """
    rows = []
    for form in _counted(m, contest, hour):
        said, drawn = told(m, form.form, region)
        usable = _in_order(said)
        row = _step(m.election, said, usable, drawn)
        found = None if drawn is None or row["light"] == "red" else trend(drawn, *_columns(usable))
        drift = found.drift if found else None
        rows.append(
            {"contest": form.contest, "hour": form.hour, "n": row["n"], "of": row["of"], "light": row["light"]}
            | {name: getattr(drift, name, None) for name in ("slope", "standard_error", "missing", "shift", "term")}
            | {"direction": _direction(drift.slope, drift.standard_error) if drift else None}
        )
    numbers = ["slope", "standard_error", "missing", "shift", "term"]
    columns = ["contest", "hour", "n", "of", "light", "direction", *numbers]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, "float64"))


def residuals(
    m: Moment, contest: str | None = None, hour: str | None = None, region: str | None = None
) -> pd.DataFrame:
    """Each PEC's turnout less the mean of its stratum's, in the order of receipt; nothing under a red light.

    contest, hour, place (1: the first), pec, region, residual, fitted (what the slope alone would make of it).
    """
    rows: list[dict[str, Any]] = []
    for form in _forms(m, contest, hour):
        said, drawn = told(m, form.form, region)
        usable = _in_order(said)
        if drawn is None or not usable or _step(m.election, said, usable, drawn)["light"] == "red":
            continue
        if (found := trend(drawn, *_columns(usable))) is None:
            continue
        middle = (len(usable) + 1) / 2
        rows += [
            {"contest": form.contest, "hour": form.hour, "place": place, "pec": pec.pec, "region": pec.region,
             "residual": residual, "fitted": found.drift.slope * (place - middle) / drawn.of}
            for place, (pec, residual) in enumerate(zip(usable, found.residuals.tolist(), strict=True), 1)
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["contest", "hour", "place", "pec", "region", "residual", "fitted"])


def _counted(m: Moment, contest: str | None, hour: str | None) -> list[Checklist]:
    """The checklists whose hour has come and that somebody has counted at."""
    return [
        c
        for c in counting(m.election)
        if contest in (None, c.contest) and hour in (None, c.hour) and m.election.moment_of(str(c.hour)) <= m.at
        and any(pec.usable for pec in told(m, c.form)[0])
    ]  # fmt: skip


def _forms(m: Moment, contest: str | None, hour: str | None) -> list[Checklist]:
    """The hour that was asked for; else each contest's last one that somebody has counted at."""
    return list({c.contest: c for c in _counted(m, contest, hour)}.values())


def _in_order(said: Sequence[Pec]) -> list[Pec]:
    return sorted((pec for pec in said if pec.usable), key=lambda pec: (pec.order, pec.pec))


def _steps(order: Sequence[float]) -> list[int]:
    """After how many reports the estimate is recomputed: never between two that came together, at most `MOST` times."""
    ends = [n for n in range(1, len(order) + 1) if n == len(order) or order[n] != order[n - 1]]
    step = max(1, -(-len(order) // MOST))
    kept: dict[int, int] = {}
    for n in ends:
        kept[-(-n // step)] = n  # of the ends in a step, the last
    return list(kept.values())


def _step(election: Election, said: Sequence[Pec], usable: Sequence[Pec], drawn: sample.Drawn | None) -> dict[str, Any]:
    """The estimate from these PECs alone, the others of the sample missing."""
    there = {pec.pec for pec in usable}
    missing = [pec for pec in said if pec.pec not in there]
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
    counts = Counter(pec.stratum for pec in usable)
    return {
        "n": len(usable),
        "of": drawn.of if drawn else len(said),
        **estimate_columns(election, shown, value, merged),
        "reported": {s: counts[s] for s in (drawn.sizes if drawn else counts)},
    }


def _columns(usable: Sequence[Pec]) -> tuple[list[float], list[str], list[float]]:
    rate = [pec.number / pec.registered_voters for pec in usable]
    return rate, [pec.stratum for pec in usable], [pec.order for pec in usable]


def _direction(slope: float, error: float) -> str:
    if not abs(slope) > _CLEAR * error:
        return "level"
    return "rises" if slope > 0 else "falls"
