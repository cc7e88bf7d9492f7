"""Tier A of the checks: arithmetic on what is published, and on the observers' protocols."""

from typing import Any

import numpy as np
import pandas as pd

from elections.config import Contest, Election, Tolerance
from queries.check_kinds import LISTS, Check, Columns, Identity, Outcome
from queries.check_list import ARITHMETIC
from queries.moment import Moment
from queries.sheets import Floats, Kind, Rows, Sheets

Judged = list[tuple[str, Kind, int]]
OBSERVED = "observed"  # as a count: what the observers' protocols say
_NEAR = 1e-6
_KEYS = ("contest", "count", "scope", "place", "hour", "payload")


def at(own: Sheets, chosen: Any, check: str, **columns: Any) -> Columns:
    """Findings at some rows, with their keys."""
    return {"check": check, **{name: own.keys[name][chosen] for name in _KEYS}, **columns}


def judged(check: str, own: Sheets, chosen: Rows | None = None) -> Judged:
    """That these rows were judged."""
    return [(check, kind, n) for kind, n in own.kinds(chosen).items()]


def identities(election: Election, published: Sheets) -> Outcome:
    """The sums within each protocol and table; judged where every line of a sum is there."""
    findings: list[Columns] = []
    made: Judged = []
    for contest in election.contests:
        own = published.of(contest=contest.id)
        lists = own.block([item.id for item in contest.lists])
        known = np.isfinite(lists).sum(axis=1)
        votes = np.where(known > 0, np.nansum(lists, axis=1), np.nan)
        whole: Rows = known == len(contest.lists)
        for check in ARITHMETIC:
            if check.identity is None:
                continue
            left, right = (_sum(own, lines, votes) for lines in (check.identity.left, check.identity.right))
            there: Rows = np.isfinite(left) & np.isfinite(right) & _asked(check, own, whole)
            over = getattr(election.tolerances, check.id) if check.identity.within else Tolerance()
            findings.append(_wrong(check.id, check.identity, over, own, left, right, there))
            made += judged(check.id, own, there)
    return Outcome(findings, made)


def _sum(own: Sheets, lines: tuple[str, ...], votes: Floats) -> Floats:
    columns = [votes if line == LISTS else own.line(line) for line in lines]
    return np.asarray(np.sum(columns, axis=0), dtype=np.float64)


def _asked(check: Check, own: Sheets, whole: Rows) -> Rows:
    """A table may leave out small lists: its votes are only held under its valid ballots. A protocol has them all."""
    of_protocol: Rows = whole & (own.keys["scope"] == "pec")
    if check.id == "valid_votes":
        return of_protocol
    return np.invert(of_protocol) if check.id == "votes_within_valid" else np.ones(len(whole), dtype=np.bool_)


def _wrong(
    check: str, identity: Identity, within: Tolerance, own: Sheets, left: Floats, right: Floats, there: Rows
) -> Columns:
    over = np.maximum(within.share * np.abs(right), within.least)
    gap = {"=": np.abs(left - right), "<=": left - right, ">=": right - left}[identity.relation]
    with np.errstate(invalid="ignore"):
        wrong: Rows = there & (gap > over + _NEAR)
    return at(own, wrong, check, line=identity.left[0], left=left[wrong], right=right[wrong],
              difference=(left - right)[wrong], tolerance=over[wrong])  # fmt: skip


def numbers(published: Sheets) -> Outcome:
    """Whole and not negative: every number."""
    lines = published.numbers()
    values = published.block(lines)
    findings = []
    for check, wrong in (("whole", values != np.floor(values)), ("not_negative", values < 0)):
        row, column = np.nonzero(wrong & np.isfinite(values))
        named = [lines[c] for c in column]
        findings.append(at(published, row, check, line=named, left=values[row, column], tolerance=0.0))
    return Outcome(findings, judged("whole", published) + judged("not_negative", published))


_SET_ASIDE = {"not_whole": "whole", "negative": "not_negative", "unknown_pec": "pec_known", "twice": "pec_once"}


def set_aside(m: Moment, published: Sheets, frame: pd.DataFrame) -> Outcome:
    """What the loader could not take and these checks name: it stands in quarantine until the figure is mended."""
    named = [
        {"source": s.id, "feed": f.id, "contest": f.contest, "counted": f.count, "scope": f.scope}
        for s in m.election.sources
        for f in s.feeds
    ]
    rows = m.frame(
        """
        select q.reason, f.contest, f.counted as count, f.scope, q.key, q.field, min(q.detail) as detail,
            max(q.payload) as payload
        from quarantine_now q join feed f on f.source = q.source and f.feed = q.place
        where q.reason in ('not_whole', 'negative', 'unknown_pec', 'twice')
        group by q.reason, f.contest, f.counted, f.scope, q.key, q.field
        order by q.key
        """,
        {"feed": named or [dict.fromkeys(("source", "feed", "contest", "counted", "scope"), "")]},
    )
    columns = ("reason", "contest", "count", "scope", "key", "field", "detail", "payload")
    found: list[Columns] = []
    for reason, contest, count, scope, key, field, detail, payload in rows[list(columns)].to_numpy(dtype=object):
        place = "" if scope == "country" else key.split("/")[0].split(" ")[0]
        stated = [_number(detail) if reason in ("not_whole", "negative") else np.nan]
        where = {"contest": contest, "count": count, "scope": scope, "place": place, "hour": "", "payload": payload}
        found.append({"check": _SET_ASIDE[reason], **where, "line": _text(field), "left": stated})
    pecs = published.of(scope="pec")
    known = set(frame["pec"])
    strange = np.array([place not in known for place in pecs.keys["place"]], dtype=np.bool_)
    made = judged("pec_known", pecs) + judged("pec_once", pecs)
    return Outcome([*found, at(pecs, strange, "pec_known", line="")], made)


def _text(field: Any) -> str:
    return field if isinstance(field, str) else ""


def _number(detail: Any) -> float:
    try:
        return float(detail)
    except (TypeError, ValueError):
        return np.nan


def percentages(election: Election, published: Sheets) -> Outcome:
    """Percentages against 100 in sum, and each against its votes and the base that the configuration names."""
    findings: list[Columns] = []
    made: Judged = []
    for contest in election.contests:
        own = published.of(contest=contest.id)
        names = [item.id for item in contest.lists]
        percents = own.block([f"{name}|%" for name in names])
        has: Rows = np.isfinite(percents).sum(axis=1) > 0
        if not has.any():
            continue
        own, percents = own.where(has), percents[has]
        half = np.array([_half_digit(row) for row in percents])
        total, over = np.nansum(percents, axis=1), half * np.isfinite(percents).sum(axis=1) + _NEAR
        much: Rows = total > 100 + over
        findings.append(at(own, much, "percents_add", line="", left=total[much], right=100.0,
                           difference=total[much] - 100, tolerance=over[much]))  # fmt: skip
        findings.append(_of_base(contest, own, names, percents, half))
        base = own.line(contest.share_of)
        with np.errstate(invalid="ignore"):
            made += judged("percents_add", own) + judged("percent_of_base", own, base > 0)
    return Outcome(findings, made)


def _half_digit(percents: Floats) -> float:
    """Half of the last digit that these percentages were published with."""
    known = percents[np.isfinite(percents)]
    digits = next((d for d in range(6) if np.abs(known - np.round(known, d)).max() < 1e-9), 6)
    return 0.5 * 10.0**-digits


def _of_base(contest: Contest, own: Sheets, names: list[str], percents: Floats, half: Floats) -> Columns:
    votes, tolerance = own.block(names), (half + _NEAR)[:, None]

    def off(line: str) -> Floats:
        base = own.line(line)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(percents - np.where(base > 0, 100 * votes / base, np.nan))

    gap = off(contest.share_of)
    row, column = np.nonzero(np.abs(gap) > tolerance)
    known = np.isfinite(percents).sum(axis=1)
    fits = {line: (np.abs(off(line)) <= tolerance).sum(axis=1) == known
            for line in ("valid", "found", "issued", "registered")}  # fmt: skip
    other = [next((line for line, fit in fits.items() if fit[r]), "") for r in row]
    stated, off_by = percents[row, column], gap[row, column]
    return at(own, row, "percent_of_base", line=[names[c] for c in column], left=stated, right=stated - off_by,
              difference=off_by, tolerance=half[row], other=other)  # fmt: skip
