"""The checks on what is published, evaluated at a moment: what was compared, what does not hold, since which payload.

`check_list` names them; `checks_a` and `checks_totals` are the arithmetic, `feed` the changes, `checks_c` what is to
be looked at.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from queries import answers, checks_a, checks_c, comparison, feed
from queries.check_kinds import Outcome, rows
from queries.check_list import CHECKS
from queries.checks_totals import totals
from queries.counts import turnout_counts
from queries.kept import KeptOfFacts, KeptOfMoment
from queries.moment import Moment
from queries.sheets import Kind, Sheets, sheets, together

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
    tier C), region and district (the frame's), payload (where it first stood). What is under
    embargo is in it: show `embargo.open_findings` of it.
    """
    found = evaluate(m).findings
    for name, only in (("tier", tier), ("check", check), ("region", region)):
        found = found if only is None else found[found[name] == only]
    found = found if pec is None else found[(found["scope"] == "pec") & (found["place"] == pec)]
    return found.reset_index(drop=True)


def checks(m: Moment) -> pd.DataFrame:
    """One row a check and kind of figures (contest, count, scope), those that do not hold first: check, tier,
    severity, about, contest, count, scope, state (wrong, right, not_judged), judged (comparisons made), wrong, largest
    (difference), payload (the last of those where it does not hold)."""
    return evaluate(m).checks.copy(deep=False)


def counted(made: pd.DataFrame, by: str) -> pd.DataFrame:
    """Of `checks`, or those of them that may be shown, by tier or by count: that column, checks (that could be judged),
    right (of these), waiting (of figures that are there, and cannot be judged yet), judged and wrong (comparisons)."""
    judged = made["state"] != "not_judged"
    return (
        made.assign(checks=judged, right=made["state"] == "right", waiting=~judged & (made["contest"] != ""))
        .groupby(by, sort=False)[["checks", "right", "waiting", "judged", "wrong"]]
        .sum()
        .astype("int64")
        .reset_index()
    )


def turned(m: Moment, before: Moment) -> pd.DataFrame:
    """The checks whose state is another than before: check, tier, severity, contest, count, scope, was, state."""
    keys = ["check", "contest", "count", "scope"]
    was = checks(before)[[*keys, "state"]].rename(columns={"state": "was"})
    both = checks(m).merge(was, on=keys, how="outer")
    both[["was", "state"]] = both[["was", "state"]].fillna("not_judged")
    named = {name: [getattr(CHECKS[c], name) for c in both["check"]] for name in ("tier", "severity")}
    both = both.assign(**named)[both["was"] != both["state"]]
    return both[["check", "tier", "severity", "contest", "count", "scope", "was", "state"]].reset_index(drop=True)


def of_tables(m: Moment) -> pd.DataFrame:
    """What does not hold within a published table by itself, whatever its PECs say: the columns of `FINDING`."""
    return _OF_TABLES.of(m)


def _ask_of_tables(m: Moment) -> pd.DataFrame:
    published = sheets(m)
    tables = published.where(published.keys["scope"] != "pec")
    outcomes = [checks_a.identities(m.election, tables), checks_a.percentages(m.election, tables)]
    return rows(f for o in outcomes for f in o.findings)


_OF_TABLES = KeptOfFacts(_ask_of_tables, "published")


def evaluate(m: Moment) -> Evaluation:
    """Every check, at once: the figures are read once, and the several figures of a moment are of one evaluation."""
    return _EVALUATED.of(m)


def _evaluate(m: Moment) -> Evaluation:
    published, frame = sheets(m), _FRAME.of(m)
    told = comparison.fields(m)
    slips = _slips(m)
    with_observed = together([published, _observed(told, slips)])
    outcomes = [
        checks_a.identities(m.election, with_observed),
        checks_a.numbers(published),
        checks_a.set_aside(m, published, frame),
        checks_a.percentages(m.election, published),
        totals(m, published),
        _differing(told, published.of(scope="pec", count="manual")),
        _within_slips(published, slips),
        _changed(m, published),
        checks_c.to_look_at(m.election, published, frame, feed.steps(m), turnout_counts(m)),
    ]
    found = _named(rows(f for o in outcomes for f in o.findings), frame)
    return Evaluation(found, _table(found, [j for o in outcomes for j in o.judged]))


_EVALUATED = KeptOfMoment(_evaluate)


def _ask_frame(m: Moment) -> pd.DataFrame:
    found = m.frame("select pec, region, district, stratum, registered_voters from pec_now")
    return found.astype(dict.fromkeys(["pec", "region", "district", "stratum"], "object"))  # looked through one by one


_FRAME = KeptOfFacts(_ask_frame, "pec")


def _slips(m: Moment) -> dict[str, float]:
    """PEC -> the voters that its kit identified, as observers read it off the slip."""
    asked = [answers.subject(q) for q in m.election.questions if q.meaning == "identified"]
    said = answers.answers(m)
    said = said[said["subject"].isin(asked) & said["number"].notna()]
    return dict(zip(said["pec"], said["number"].astype("float64"), strict=True))


def _observed(told: pd.DataFrame, slips: Mapping[str, float]) -> Sheets:
    """The observers' protocols as sheets of their own, with the voters identified: the same arithmetic must hold."""
    said = told[told["observed"].notna()]
    (of, contests), (at, pecs) = pd.factorize(said["contest"]), pd.factorize(said["pec"])
    row, keys = pd.factorize(of * len(pecs) + at)
    column, fields = pd.factorize(said["field"])
    values = np.full((len(keys), len(fields)), np.nan)
    values[row, column] = said["observed"]
    same = {"source": "", "scope": "pec", "count": checks_a.OBSERVED, "hour": "", "payload": 0, "load": 0}
    columns = {name: np.full(len(keys), value, dtype=object) for name, value in same.items()}
    columns |= {"contest": np.asarray(contests)[keys // len(pecs)], "place": np.asarray(pecs)[keys % len(pecs)]}
    identified = np.array([slips.get(pec, np.nan) for pec in columns["place"]], dtype=np.float64)
    lines = (*(str(f) for f in fields), "identified")
    return Sheets(columns, lines, np.column_stack([values, identified]))


def _differing(told: pd.DataFrame, manual: Sheets) -> Outcome:
    """What differs between the observers' copies and the commission's manual protocols."""
    differs, equal = told[told["state"] == "differs"], told[told["state"] == "equal"]
    payloads = pd.Series(manual.keys["payload"], [manual.keys["contest"], manual.keys["place"]])
    differs = differs.assign(
        payload=[payloads.get(at, 0) for at in zip(differs["contest"], differs["pec"], strict=True)]
    )
    named = {"contest": "contest", "place": "pec", "line": "field", "left": "manual", "right": "observed",
             "difference": "difference", "payload": "payload"}  # fmt: skip
    same = {"check": "protocol_differs", "count": "manual", "scope": "pec", "hour": "", "tolerance": 0.0}
    compared = pd.concat([differs["contest"], equal["contest"]]).value_counts()
    return Outcome(
        [same | _cells(differs, named)],
        [("protocol_differs", (str(c), "manual", "pec"), int(n)) for c, n in compared.items()],
    )


def _within_slips(published: Sheets, slips: Mapping[str, float]) -> Outcome:
    """The ballots that the commission found against the voters that observers saw identified."""
    own = published.of(scope="pec", count="manual")
    identified = np.array([slips.get(pec, np.nan) for pec in own.keys["place"]], dtype=np.float64)
    found = own.line("found")
    there, over = np.isfinite(identified) & np.isfinite(found), identified < found
    return Outcome(
        [checks_a.at(own, over, "slip_found", line="found", left=identified[over], right=found[over],
                     difference=(identified - found)[over], tolerance=0.0)],
        checks_a.judged("slip_found", own, there),
    )  # fmt: skip


def _cells(rows: pd.DataFrame, named: Mapping[str, str]) -> dict[str, list[Any]]:
    """Columns of a frame as a finding's; what is missing as None."""
    return {name: [None if pd.isna(v) else v for v in rows[column]] for name, column in named.items()}


def _changed(m: Moment, published: Sheets) -> Outcome:
    """Tier B: the change log and the falling counts as findings."""
    log = feed.changes(m)
    keys = {name: name for name in ("contest", "count", "scope", "place", "hour", "line")}
    stepped = keys | {"left": "to_value", "right": "from_value", "unit": "unit"}
    changed = log[log["kind"] == "changed"]
    votes = changed["votes"]
    gone = log[log["kind"].isin(("vanished", "line_vanished")) & log["returned_at"].isna()]
    fell, counted = feed.falls(m), turnout_counts(m)
    hours = {"contest": "contest", "hour": "hour"}
    findings = [
        {"check": "votes_changed", **_cells(changed[votes], stepped | {"payload": "to_payload"})},
        {"check": "line_changed", **_cells(changed[~votes], stepped | {"payload": "to_payload"})},
        {"check": "vanished", **_cells(gone, keys | {"right": "from_value", "payload": "from_payload"})},
        {"check": "turnout_fell", "count": "turnout", "line": feed.VOTED,
         **_cells(fell, hours | {"scope": "scope", "place": "place", "left": "count", "right": "earlier_count",
                                 "payload": "payload"})},
        {"check": "observed_turnout_fell", "count": checks_a.OBSERVED, "scope": "pec", "line": feed.VOTED,
         **_cells(counted[counted["fell"]], hours | {"place": "pec", "left": "number", "right": "earlier"})},
    ]  # fmt: skip
    kinds = published.kinds()
    made = [("vanished", kind, n) for kind, n in kinds.items()] + _figures(m, published)
    made += [("turnout_fell", kind, n) for kind, n in kinds.items() if kind[1] == "turnout"]
    own = counted["contest"].value_counts()
    made += [("observed_turnout_fell", (str(c), checks_a.OBSERVED, "pec"), int(n)) for c, n in own.items()]
    return Outcome(findings, made)


def _figures(m: Moment, published: Sheets) -> list[tuple[str, Kind, int]]:
    """How many figures may have been changed since they were first published: votes of lists, and others."""
    lists = {item.id for c in m.election.contests for item in c.lists}
    votes = np.array([line.removesuffix("|%") in lists for line in published.lines], dtype=np.bool_)
    there = np.isfinite(published.values)
    made: list[tuple[str, Kind, int]] = []
    for check, lines in (("votes_changed", votes), ("line_changed", ~votes)):
        figures = published.kinds(weights=there[:, lines].sum(axis=1))
        made += [(check, kind, n) for kind, n in figures.items()]
    return made


def _named(found: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The findings with their check's own columns and the frame's places, in order."""
    named = [CHECKS[c] for c in found["check"]]
    at = {pec: (region, district) for pec, region, district in zip(frame["pec"], frame["region"], frame["district"],
                                                                   strict=True)}  # fmt: skip
    places = [at.get(p, (None, None)) if s == "pec" else (p if s == "region" else None, None)
              for p, s in zip(found["place"], found["scope"], strict=True)]  # fmt: skip
    observed = found["count"] == checks_a.OBSERVED
    found = found.assign(
        tier=[c.tier for c in named],
        severity=[c.severity for c in named],
        about=np.where(observed, "observers", [c.about for c in named] or ""),
        unit=[own if isinstance(own, str) else c.unit for own, c in zip(found["unit"], named, strict=True)],
        difference=found["difference"].fillna((found["left"] - found["right"]).round(9)),
        region=np.array([p[0] for p in places], dtype=object),
        district=np.array([p[1] for p in places], dtype=object),
        payload=pd.array([int(p) if p else None for p in found["payload"]], dtype="Int64"),
        _severity=[_SEVERITY.index(c.severity) for c in named],
    )
    order = found.assign(_p=found["p"].fillna(0), _size=-found["difference"].abs().fillna(np.inf))
    order = order.sort_values(["tier", "_severity", "_p", "_size", "check", "place", "line"], kind="stable")
    return order[COLUMNS].reset_index(drop=True)


def _table(found: pd.DataFrame, judged: Sequence[tuple[str, Kind, int]]) -> pd.DataFrame:
    """The checks with how often they were made and do not hold; one that nothing could be compared by is there too."""
    made: Counter[tuple[str, Kind]] = Counter()
    for check, kind, number in judged:
        made[check, kind] += number
    groups = found.assign(size=found["difference"].abs()).groupby(["check", "contest", "count", "scope"])
    wrong = {(str(k[0]), (str(k[1]), str(k[2]), str(k[3]))): g for k, g in groups if isinstance(k, tuple)}
    known = {*made, *wrong}
    known |= {(check, ("", "", "")) for check in CHECKS.keys() - {check for check, _ in known}}
    lines = []
    for check, (contest, count, scope) in known:
        own = wrong.get((check, (contest, count, scope)))
        c, number = CHECKS[check], made[check, (contest, count, scope)]
        bad = 0 if own is None else len(own)
        state = "wrong" if bad else "right" if number else "not_judged"
        most = (None, None) if own is None else (own["size"].max(), own["payload"].max())
        lines.append((check, c.tier, c.severity, c.about, contest, count, scope, state, number, bad, *most))
    order = {check: i for i, check in enumerate(CHECKS)}
    lines.sort(key=lambda r: (("wrong", "right", "not_judged").index(r[7]), order[r[0]], r[4:7]))
    names = ("check", "tier", "severity", "about", "contest", "count", "scope", "state", "judged", "wrong")
    *columns, largest, payload = zip(*lines, strict=True)
    numbers = {"largest": np.array(largest, dtype=np.float64), "payload": pd.array(payload, "Int64")}
    return pd.DataFrame({**dict(zip(names, columns, strict=True)), **numbers})
