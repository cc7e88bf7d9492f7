"""The checks on what is published, evaluated at a moment: what was compared, what does not hold, since which payload.

`check_list` names them; `checks_a` and `checks_totals` are the arithmetic, `feed` the changes, `checks_c` what is to
be looked at.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from queries import checks_a, checks_c, comparison, feed, turnout
from queries.check_kinds import JUDGED, Check, Outcome, outcome
from queries.check_list import CHECKS
from queries.checks_totals import totals
from queries.kept import KeptOfFacts
from queries.moment import Moment
from queries.sheets import Sheets, sheets, together

COLUMNS = ["check", "tier", "severity", "about", "contest", "count", "scope", "place", "hour", "line", "left", "right",
           "difference", "tolerance", "unit", "other", "p", "region", "district", "payload"]  # fmt: skip
_SEVERITY = ("critical", "serious", "minor")


@dataclass(frozen=True)
class Evaluation:
    """Every check at a moment."""

    findings: pd.DataFrame  # as `findings` returns it
    checks: pd.DataFrame  # as `checks` returns it


def findings(
    m: Moment, tier: str | None = None, check: str | None = None, region: str | None = None, pec: str | None = None
) -> pd.DataFrame:
    """What does not hold, one row a comparison: tier A first, in a tier the severest, then the largest (C: the least
    likely by chance).

    check (an id of `CHECKS`), tier, severity, about (published, observers, both), contest, count (machine, manual,
    turnout; observed: the observers' protocols), scope (pec, region, country), place, hour, line (a line or a list's
    id), left and right (what was compared, as the check's formula has it), difference, tolerance, unit (of left and
    right: number, percent, share), other (the PEC with the same figures; the base that a percentage fits), p (of
    tier C), region and district (the frame's), payload (where it first stood).
    """
    rows = evaluate(m).findings
    for name, only in (("tier", tier), ("check", check), ("region", region)):
        rows = rows if only is None else rows[rows[name] == only]
    rows = rows if pec is None else rows[(rows["scope"] == "pec") & (rows["place"] == pec)]
    return rows.reset_index(drop=True)


def checks(m: Moment) -> pd.DataFrame:
    """One row a check and kind of figures (contest, count, scope), those that do not hold first: check, tier,
    severity, about, contest, count, scope, state (wrong, right, not_judged), judged (comparisons made), wrong, largest
    (difference), payload (the last of those where it does not hold)."""
    return evaluate(m).checks


def turned(m: Moment, before: Moment) -> pd.DataFrame:
    """The checks whose state is another than before: check, tier, severity, contest, count, scope, was, state."""
    keys = ["check", "contest", "count", "scope"]
    was = checks(before)[[*keys, "state"]].rename(columns={"state": "was"})
    rows = checks(m).merge(was, on=keys, how="outer")
    rows[["was", "state"]] = rows[["was", "state"]].fillna("not_judged")
    named = {name: [getattr(CHECKS[c], name) for c in rows["check"]] for name in ("tier", "severity")}
    rows = rows.assign(**named)[rows["was"] != rows["state"]]
    return rows[["check", "tier", "severity", "contest", "count", "scope", "was", "state"]].reset_index(drop=True)


def evaluate(m: Moment) -> Evaluation:
    """Every check, at once: the figures are read once."""
    published, frame = sheets(m), _FRAME.of(m)
    told = comparison.fields(m)
    with_observed = together([published, _observed(m, told)])
    outcomes = [
        checks_a.identities(m.election, with_observed),
        checks_a.numbers(published),
        checks_a.set_aside(m, published, frame),
        checks_a.percentages(m.election, published),
        totals(m, published),
        _differing(told),
        _changed(m, published),
        checks_c.to_look_at(m.election, published, frame),
    ]
    whole = outcome([o.findings for o in outcomes], [j for o in outcomes for j in o.judged.itertuples(index=False)])
    found = _named(whole.findings, frame)
    return Evaluation(found, _counted(found, whole.judged))


def _ask_frame(m: Moment) -> pd.DataFrame:
    return m.frame("select pec, region, district, registered_voters from pec_now")


_FRAME = KeptOfFacts(_ask_frame, "pec")


def _observed(m: Moment, told: pd.DataFrame) -> Sheets:
    """The observers' protocols as sheets of their own: the same arithmetic must hold in them."""
    rows = told.pivot_table(index=["contest", "pec"], columns="field", values="observed", dropna=True)
    keys = rows.index.to_frame(index=False).rename(columns={"pec": "place"})
    keys = keys.assign(source="", scope="pec", count=checks_a.OBSERVED, hour="", payload=0)
    return Sheets(keys, tuple(str(c) for c in rows.columns), rows.to_numpy(dtype=np.float64))


def _differing(told: pd.DataFrame) -> Outcome:
    """What differs between the observers' copies and the commission's manual protocols."""
    compared = told[told["state"].isin(("differs", "equal"))]
    rows = told[told["state"] == "differs"].assign(check="protocol_differs", count="manual", scope="pec", hour="",
                                                   tolerance=0.0, payload=0)  # fmt: skip
    rows = rows.rename(columns={"pec": "place", "field": "line", "manual": "left", "observed": "right"})
    judged = compared.groupby("contest").size()
    return outcome([rows], [("protocol_differs", str(c), "manual", "pec", int(n)) for c, n in judged.items()])


def _changed(m: Moment, published: Sheets) -> Outcome:
    """Tier B: the change log and the falling counts as findings."""
    log = feed.changes(m)
    changed = log[log["kind"] == "changed"]
    votes = changed["votes"] & (changed["unit"] == "number")
    gone = log[log["kind"].isin(("vanished", "line_vanished")) & log["returned_at"].isna()]
    changed = changed.assign(check=np.where(votes, "votes_changed", "line_changed"), payload=changed["to_payload"],
                             left=changed["to_value"], right=changed["from_value"])  # fmt: skip
    changed = changed.assign(difference=changed["left"] - changed["right"])
    gone = gone.assign(check="vanished", payload=gone["from_payload"], right=gone["from_value"])
    fell = feed.falls(m)
    fell = fell.assign(check="turnout_fell", line=feed.VOTED, left=fell["count"], right=fell["earlier_count"],
                       difference=fell["count"] - fell["earlier_count"])  # fmt: skip
    own = turnout.falling(m)
    own = own.assign(check="observed_turnout_fell", scope="pec", place=own["pec"], line=feed.VOTED, left=own["count"],
                     right=own["earlier_count"], difference=own["count"] - own["earlier_count"])  # fmt: skip
    sizes = published.rows.groupby(["contest", "count", "scope"]).size()
    kinds = [(str(k[0]), str(k[1]), str(k[2]), int(n)) for k, n in sizes.items() if isinstance(k, tuple)]
    judged = [(check, *kind) for check in ("votes_changed", "line_changed", "vanished") for kind in kinds]
    judged += [("turnout_fell", *kind) for kind in kinds if kind[1] == "turnout"]
    parts = [changed, gone, fell.assign(count="turnout"), own.assign(count="turnout")]
    return outcome([p.drop(columns=["region", "district"], errors="ignore") for p in parts], judged)


def _named(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The findings with their check's own columns and the frame's places, in order."""
    named = [CHECKS[c] for c in rows["check"]]
    rows = rows.assign(tier=[c.tier for c in named], severity=[c.severity for c in named],
                       about=[c.about for c in named], unit=[c.unit for c in named])  # fmt: skip
    rows["about"] = rows["about"].where(rows["count"] != checks_a.OBSERVED, "observers")
    places = frame.set_index("pec")
    of_pec = rows["place"].where(rows["scope"] == "pec")
    rows["region"] = of_pec.map(places["region"]).astype("object").where(rows["scope"] != "region", rows["place"])
    rows["district"] = of_pec.map(places["district"]).astype("object")
    rows["payload"] = pd.array([None if not p or p != p else int(p) for p in rows["payload"]], dtype="Int64")
    order = rows.assign(_severity=rows["severity"].map(_SEVERITY.index), _p=rows["p"].fillna(0),
                        _size=-rows["difference"].abs().fillna(np.inf))  # fmt: skip
    order = order.sort_values(["tier", "_severity", "_p", "_size", "check", "place", "line"], kind="stable")
    return order[COLUMNS].reset_index(drop=True)


def _counted(found: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """The checks with how often they were made and do not hold; one that nothing could be compared by is there too."""
    keys = JUDGED[:-1]
    wrong = found.assign(size=found["difference"].abs()).groupby(keys).agg(
        wrong=("line", "size"), largest=("size", "max"), payload=("payload", "max")
    )
    rows = judged.merge(wrong.reset_index(), on=keys, how="outer")
    never = [check for check in CHECKS if check not in set(rows["check"])]
    rows = pd.concat([rows, pd.DataFrame({"check": never})], ignore_index=True)
    rows[["contest", "count", "scope"]] = rows[["contest", "count", "scope"]].fillna("")
    for name in ("judged", "wrong"):
        rows[name] = rows[name].astype("float64").fillna(0).astype("int64")
    rows["state"] = np.select([rows["wrong"] > 0, rows["judged"] > 0], ["wrong", "right"], "not_judged")
    named: list[Check] = [CHECKS[c] for c in rows["check"]]
    rows = rows.assign(tier=[c.tier for c in named], severity=[c.severity for c in named],
                       about=[c.about for c in named])  # fmt: skip
    order = rows.assign(_state=rows["state"].map(("wrong", "right", "not_judged").index),
                        _place=rows["check"].map({c: i for i, c in enumerate(CHECKS)}))  # fmt: skip
    order = order.sort_values(["_state", "_place", "contest", "count", "scope"], kind="stable")
    return order[["check", "tier", "severity", "about", "contest", "count", "scope", "state", "judged", "wrong",
                  "largest", "payload"]].reset_index(drop=True)  # fmt: skip
