"""Tier A of the checks: arithmetic on what is published, and on the observers' protocols."""

import numpy as np
import pandas as pd

from elections.config import Contest, Election
from queries.check_kinds import LISTS, Check, Identity, Outcome, outcome
from queries.check_list import ARITHMETIC
from queries.moment import Moment
from queries.sheets import Floats, Rows, Sheets

Judged = tuple[str, str, str, str, int]
OBSERVED = "observed"  # as a count: what the observers' protocols say
_NEAR = 1e-6
_KEYS = ["contest", "count", "scope", "place", "hour", "payload"]


def identities(election: Election, published: Sheets) -> Outcome:
    """The sums within each protocol and table; judged where every line of a sum is there."""
    findings, judged = [], []
    for contest in election.contests:
        own = published.of(contest=contest.id)
        if not len(own.rows):
            continue
        lists = own.block([item.id for item in contest.lists])
        known = np.isfinite(lists).sum(axis=1)
        votes = np.where(known > 0, np.nansum(lists, axis=1), np.nan)
        whole: Rows = known == len(contest.lists)
        for check in ARITHMETIC:
            if check.identity is None:
                continue
            left, right = (_sum(own, lines, votes) for lines in (check.identity.left, check.identity.right))
            there: Rows = np.isfinite(left) & np.isfinite(right) & _asked(check, own, whole)
            findings.append(_wrong(check.id, check.identity, own, left, right, there))
            judged += _judged(check.id, own.rows[there])
    return outcome(findings, judged)


def _sum(own: Sheets, lines: tuple[str, ...], votes: Floats) -> Floats:
    columns = [votes if line == LISTS else own.line(line) for line in lines]
    return np.asarray(np.sum(columns, axis=0), dtype=np.float64)


def _asked(check: Check, own: Sheets, whole: Rows) -> Rows:
    """A table may leave out small lists: its votes are only held under its valid ballots. A protocol has them all."""
    of_protocol: Rows = whole & (own.rows["scope"] == "pec").to_numpy(dtype=np.bool_)
    if check.id == "valid_votes":
        return of_protocol
    return np.invert(of_protocol) if check.id == "votes_within_valid" else np.ones(len(whole), dtype=np.bool_)


def _wrong(check: str, identity: Identity, own: Sheets, left: Floats, right: Floats, there: Rows) -> pd.DataFrame:
    over = np.maximum(identity.share * np.abs(right), identity.least)
    gap = {"=": np.abs(left - right), "<=": left - right, ">=": right - left}[identity.relation]
    with np.errstate(invalid="ignore"):
        wrong: Rows = there & (gap > over + _NEAR)
    rows = own.rows.loc[wrong, _KEYS]
    return rows.assign(check=check, line=identity.left[0], left=left[wrong], right=right[wrong],
                       difference=(left - right)[wrong], tolerance=over[wrong])  # fmt: skip


def _judged(check: str, rows: pd.DataFrame) -> list[Judged]:
    counted = rows.groupby(["contest", "count", "scope"]).size()
    return [(check, str(k[0]), str(k[1]), str(k[2]), int(n)) for k, n in counted.items() if isinstance(k, tuple)]


def numbers(published: Sheets) -> Outcome:
    """Whole and not negative: every number."""
    lines = published.numbers()
    values = published.block(lines)
    findings = []
    for check, wrong in (("whole", values != np.floor(values)), ("not_negative", values < 0)):
        row, column = np.nonzero(wrong & np.isfinite(values))
        found = published.rows.iloc[row][_KEYS].assign(check=check, line=[lines[c] for c in column])
        findings.append(found.assign(left=values[row, column], tolerance=0.0))
    return outcome(findings, [j for check in ("whole", "not_negative") for j in _judged(check, published.rows)])


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
    key = rows["key"].astype("str").str.split("/", n=1).str[0].str.split(" ")
    stated = pd.to_numeric(rows["detail"].where(rows["reason"].isin(("not_whole", "negative"))), errors="coerce")
    found = rows[["contest", "count", "scope", "payload"]].assign(
        check=rows["reason"].map(_SET_ASIDE), place=key.str[0].where(rows["scope"] != "country", ""),
        hour="", line=rows["field"].fillna(""), left=stated)  # fmt: skip
    pecs = published.of(scope="pec").rows
    strangers = pecs[~pecs["place"].isin(frame["pec"])]
    strange = strangers[_KEYS].assign(check="pec_known", line="")
    judged = _judged("pec_known", pecs) + _judged("pec_once", pecs)
    return outcome([found, strange], judged)


def percentages(election: Election, published: Sheets) -> Outcome:
    """Percentages against 100 in sum, and each against its votes and the base that the configuration names."""
    findings, judged = [], []
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
        too_much: Rows = total > 100 + over
        findings.append(own.rows.loc[too_much, _KEYS].assign(
            check="percents_add", line="", left=total[too_much], right=100.0, difference=total[too_much] - 100,
            tolerance=over[too_much]))  # fmt: skip
        judged += _judged("percents_add", own.rows)
        findings.append(_of_base(contest, own, names, percents, half))
        base = own.line(contest.share_of)
        judged += _judged("percent_of_base", own.rows[np.isfinite(base) & (base > 0)])
    return outcome(findings, judged)


def _half_digit(percents: Floats) -> float:
    """Half of the last digit that these percentages were published with."""
    known = percents[np.isfinite(percents)]
    digits = next((d for d in range(6) if np.allclose(known, np.round(known, d), atol=1e-9, rtol=0)), 6)
    return 0.5 * 10.0**-digits


def _of_base(contest: Contest, own: Sheets, names: list[str], percents: Floats, half: Floats) -> pd.DataFrame:
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
    return own.rows.iloc[row][_KEYS].assign(
        check="percent_of_base", line=[names[c] for c in column], left=percents[row, column],
        right=(percents - gap)[row, column], difference=gap[row, column], tolerance=half[row], other=other)  # fmt: skip
