"""The commission's figures held against the observers', on three levels.

Level 1: per PEC, field by field; level 2: the sample's estimate against the published total; level 3: the
commission's own figures for the sampled PECs against the observers', which has no sampling error.
Only what stands in a copy that an observer obtained is compared: 'not obtained' is never 'equal'. Observers' votes
are under embargo until the hour that the configuration sets; who calls these figures sees to it.
"""

from typing import Any

import numpy as np
import pandas as pd

from elections.config import Contest, Election, Question
from queries import answers, sample
from queries.kept import KeptOfMoment
from queries.moment import Moment
from queries.sheets import Floats, Sheets, sheets
from queries.turnout import shown_with_light

STATES = ("differs", "conflict", "not_published", "copy_not_obtained", "not_observed", "equal")
OBTAINED = ("certified", "photographed")
FIELDS = ["contest", "pec", "region", "district", "field", "votes", "copy", "observed", "machine", "manual",
          "difference", "state"]  # fmt: skip
_COMPARED = ("differs", "equal")


def fields(
    m: Moment,
    contest: str | None = None,
    against: str = "manual",
    region: str | None = None,
    district: str | None = None,
    pec: str | None = None,
    state: str | None = None,
) -> pd.DataFrame:
    """Level 1: one row a sampled PEC and field of its protocol; those that differ first, votes before other lines,
    the largest first.

    contest, pec, region, district, field (a line, or a list's id), votes (bool: it is a list's), copy (certified,
    photographed, promised, refused; 'conflict' where the observers differ, none where they said nothing), observed
    (none in conflict), machine, manual, difference (the commission's count named by `against`, less observed), state
    (one of `STATES`; conflict: the two observers differ, about the field or whether there is a copy).
    """
    rows = _FIELDS[against].of(m)
    asked = {"contest": contest, "region": region, "district": district, "pec": pec, "state": state}
    for name, only in asked.items():
        rows = rows if only is None else rows[rows[name] == only]
    return rows.reset_index(drop=True)


def _all_fields(m: Moment, against: str) -> pd.DataFrame:
    """Every field of every contest's protocols, in order."""
    pecs, published, every = sample.pecs(m), sheets(m), answers.answers(m)
    parts = [
        _fields_of(c, m, pecs[["pec", "region", "district"]], every, published, against)
        for c in m.election.contests
        if c.protocol_form
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=FIELDS)
    place = rows["state"].map({state: i for i, state in enumerate(STATES)}).to_numpy(dtype=np.float64)
    size = rows["difference"].abs().fillna(0).to_numpy(dtype=np.float64)
    order = np.lexsort((-size, ~rows["votes"].to_numpy(dtype=bool), place))  # stable: PEC by PEC otherwise
    return rows.iloc[order][FIELDS].reset_index(drop=True)


_FIELDS = {
    "manual": KeptOfMoment(lambda m: _all_fields(m, "manual")),
    "machine": KeptOfMoment(lambda m: _all_fields(m, "machine")),
}


def _fields_of(
    contest: Contest, m: Moment, pecs: pd.DataFrame, every: pd.DataFrame, published: Sheets, against: str
) -> pd.DataFrame:
    """The fields of one contest's protocols."""
    asked = m.election.asked(str(contest.protocol_form)).values()
    said = every[every["form"] == contest.protocol_form]
    said = said.assign(subject=said["subject"].to_numpy(dtype=object))
    questions = {answers.subject(q): str(q.of) for q in asked if q.meaning == "protocol" and q.of}
    fields = list(questions.values())
    codes, of = pecs["pec"].tolist(), {field: i for i, field in enumerate(fields)}
    number, conflict = np.full((len(codes), len(fields)), np.nan), np.zeros((len(codes), len(fields)), dtype=bool)
    place = {pec: i for i, pec in enumerate(codes)}
    told = zip(said["pec"], said["subject"], said["number"], said["conflict"], strict=True)
    for pec, subject, value, differ in told:
        if pec in place and subject in questions:
            cell = place[pec], of[questions[subject]]
            number[cell], conflict[cell] = value, differ
    counts = {
        count: _published(published.of(contest=contest.id, scope="pec", count=count), codes, fields)
        for count in ("machine", "manual")
    }
    copies = _copies(said, next((q for q in asked if q.meaning == "protocol_copy"), None))
    copy_states = np.array([copies.get(pec, (None, None))[1] for pec in codes], dtype=object)[:, None]
    difference = counts[against] - number
    states = [
        (copy_states == "conflict") | conflict,
        np.broadcast_to(copy_states == "not_obtained", number.shape),
        (copy_states != "obtained") | np.isnan(number),
        np.isnan(counts[against]),
        difference != 0,
    ]
    names = ["conflict", "copy_not_obtained", "not_observed", "not_published", "differs"]
    each, lists = len(fields), {item.id for item in contest.lists}
    return pd.DataFrame(
        {
            "contest": contest.id,
            **{name: np.repeat(pecs[name].to_numpy(dtype=object), each) for name in ("pec", "region", "district")},
            "field": np.tile(np.array(fields, dtype=object), len(codes)),
            "votes": np.tile(np.array([field in lists for field in fields], dtype=bool), len(codes)),
            "copy": np.repeat(np.array([copies.get(pec, (None, None))[0] for pec in codes], dtype=object), each),
            "observed": number.ravel(),
            **{count: figures.ravel() for count, figures in counts.items()},
            "difference": difference.ravel(),
            "state": np.select(states, names, "equal").ravel().astype(object),
        }
    )


def _copies(said: pd.DataFrame, question: Question | None) -> dict[str, tuple[str | None, str]]:
    """What became of each PEC's copy, in a word and as a state: obtained, not_obtained, conflict.

    Two observers who differ between a certified and a photographed copy both have one.
    """
    if question is None:
        return {str(pec): (None, "obtained") for pec in said["pec"].unique()}
    rows = said[said["subject"] == answers.subject(question)]
    obtained = [choice in OBTAINED for choice in question.choices]
    copies: dict[str, tuple[str | None, str]] = {}
    for pec, conflict, rank, worst in zip(rows["pec"], rows["conflict"], rows["rank"], rows["worst"], strict=True):
        known = worst if conflict else rank
        if known != known:  # NaN: a choice that is none of the question's
            continue
        one = obtained[int(known) - 1]
        state = "obtained" if one else "conflict" if conflict else "not_obtained"
        copies[str(pec)] = ("conflict" if conflict else question.choices[int(known) - 1], state)
    return copies


def _published(protocols: Sheets, pecs: list[str], fields: list[str]) -> Floats:
    """The figures of these PECs, NaN where nothing is published."""
    number = {place: i for i, place in enumerate(protocols.keys["place"])}
    at = np.array([number.get(pec, -1) for pec in pecs], dtype=np.int64)
    figures = np.vstack([protocols.block(fields), np.full((1, len(fields)), np.nan)])
    return np.asarray(figures[at], dtype=np.float64)


def protocols(
    m: Moment,
    contest: str | None = None,
    against: str = "manual",
    region: str | None = None,
    district: str | None = None,
    votes: bool = True,
) -> pd.DataFrame:
    """Level 1, one row a PEC's protocol; those that differ in votes first, the largest difference first. `votes`:
    False leaves the lists' votes out, of which nothing may be said before the embargo ends.

    contest, pec, region, district, copy, state (the first of differs, conflict, equal, not_published,
    copy_not_obtained, not_observed that holds for a field: equal is a protocol of which all that could be compared
    is the same), fields, compared, differing, votes_differ (lists whose votes differ), votes_moved (sum over the
    lists of |difference|), largest.
    """
    rows = fields(m, contest, against, region, district)
    rows = rows if votes else rows[~rows["votes"].astype("bool")]
    differs = rows["state"] == "differs"
    size = rows["difference"].abs().where(differs, 0.0)
    rows = rows.assign(
        compared=rows["state"].isin(_COMPARED),
        differing=differs,
        votes_differ=differs & rows["votes"].astype("bool"),
        votes_moved=size.where(rows["votes"].astype("bool"), 0.0),
        largest=size,
        place=rows["state"].map(_said),
    )
    keys = ["contest", "pec"]
    found = rows.groupby(keys, sort=False).agg(
        region=("region", "first"),
        district=("district", "first"),
        copy=("copy", "first"),
        place=("place", "min"),
        fields=("field", "size"),
        compared=("compared", "sum"),
        differing=("differing", "sum"),
        votes_differ=("votes_differ", "sum"),
        votes_moved=("votes_moved", "sum"),
        largest=("largest", "max"),
    )
    found = found.reset_index()
    found["state"] = found["place"].map(dict(enumerate(_PROTOCOL)))
    order = ["place", "votes_moved", "largest", "pec"]
    found = found.sort_values(order, ascending=[True, False, False, True]).reset_index(drop=True)
    return found[[*keys, "region", "district", "copy", "state", "fields", "compared", "differing", "votes_differ",
                  "votes_moved", "largest"]]  # fmt: skip


_PROTOCOL = ("differs", "conflict", "equal", "not_published", "copy_not_obtained", "not_observed")


def _said(state: str) -> int:
    return _PROTOCOL.index(state)


def sums(m: Moment, contest: str | None = None, region: str | None = None, district: str | None = None) -> pd.DataFrame:
    """Level 3: the fields added up over the sampled PECs where they can be compared; lists first.

    contest, field, votes (bool), observed, manual (the commission's, by hand), difference, machine and machine_pecs
    (the scanners', at those of these PECs that have them), differing (PECs), pecs (compared), of (sampled).
    """
    rows = fields(m, contest, region=region, district=district)
    compared = rows[rows["state"].isin(_COMPARED)]
    found = compared.groupby(["contest", "field"], sort=False).agg(
        votes=("votes", "first"),
        observed=("observed", "sum"),
        manual=("manual", "sum"),
        difference=("difference", "sum"),
        machine=("machine", "sum"),
        machine_pecs=("machine", "count"),
        differing=("state", lambda s: int((s == "differs").sum())),
        pecs=("pec", "nunique"),
    )
    keys = pd.DataFrame(
        [
            {"contest": c.id, "field": q.of, "votes": q.of in {item.id for item in c.lists}}
            for c in m.election.contests
            if c.protocol_form and contest in (None, c.id)
            for q in m.election.asked(c.protocol_form).values()
            if q.meaning == "protocol" and q.of
        ],
        columns=["contest", "field", "votes"],
    ).sort_values("votes", ascending=False, kind="stable")
    whole = keys.merge(found.drop(columns="votes"), on=["contest", "field"], how="left")
    counts = ["machine_pecs", "differing", "pecs"]
    whole[counts] = whole[counts].astype("float64").fillna(0).astype("int64")
    return whole.assign(of=rows["pec"].nunique()).reset_index(drop=True)


def shares(m: Moment, contest: str | None = None) -> pd.DataFrame:
    """Level 2: each list's share of valid ballots (and the invalid ones' of those found), as the sample estimates it
    and as the commission's manual protocols inside the country add up.

    contest, list, value, low, high (the interval shown; none under a red light), margin, confidence, n (PECs with an
    obtained copy and every list's votes), of (sampled), light, drift, worst_case, reasons, merged_strata, published
    (share), published_votes, published_base, published_pecs, published_of (PECs inside the country), state (inside,
    outside, not_comparable), why (of the last: light, published: too few PECs are in).
    """
    rows: list[dict[str, Any]] = []
    for c in m.election.contests:
        if c.protocol_form and contest in (None, c.id):
            rows += _shares_of(c, m)
    columns = ["contest", "list", "value", "low", "high", "margin", "confidence", "n", "of", "light", "drift",
               "worst_case", "reasons", "merged_strata", "published", "published_votes", "published_base",
               "published_pecs", "published_of", "state", "why"]  # fmt: skip
    return sample.numbers(pd.DataFrame(rows, columns=columns))


def _shares_of(contest: Contest, m: Moment) -> list[dict[str, Any]]:
    lists = [item.id for item in contest.lists]
    pecs, drawn = sample.pecs(m), sample.drawn(m.election)
    told = fields(m, contest.id)
    told = told[~told["state"].isin(("conflict", "copy_not_obtained", "not_observed"))]
    usable = told.pivot_table(index="pec", columns="field", values="observed", dropna=False)
    usable = usable.reindex(columns=[*lists, "valid", "invalid", "found"])
    usable = usable.dropna(subset=[*lists, "valid"]).reset_index()
    usable = usable.merge(pecs[["pec", "stratum"]], on="pec").merge(_order(contest, m), on="pec", how="left")
    usable = usable[usable["stratum"].isin(drawn.sizes)].astype({"pec": "object", "stratum": "object"})
    missing = pecs.astype({"pec": "object", "stratum": "object"}).assign(
        registered_voters=np.nan
    )  # what they counted is not known: as many as a PEC on the average
    commission = _inside(contest, m)
    rows = []
    for name, base in [*((name, "valid") for name in lists), ("invalid", "found")]:
        said = usable.assign(number=usable[name], registered_voters=usable[base])
        said = said[said["number"].notna() & (said["registered_voters"] > 0)]
        shown, value, merged = shown_with_light(m.election, said, missing, drawn)
        row = {
            "contest": contest.id,
            "list": name,
            "value": None if shown.light == "red" else value,
            "low": None if shown.low is None else sample.clip(shown.low),
            "high": None if shown.high is None else sample.clip(shown.high),
            "margin": shown.margin,
            "confidence": m.election.estimates.confidence,
            "n": len(said),
            "of": drawn.of,
            "light": shown.light,
            "drift": shown.drift,
            "worst_case": shown.worst_case,
            "reasons": shown.reasons,
            "merged_strata": merged,
        } | commission.share(name, base)
        rows.append(row | _compared(row, m.election.estimates.green_share))
    return rows


def _compared(row: dict[str, Any], least: float) -> dict[str, Any]:
    """Whether the published share lies in the interval; a part of the PECs is no total to compare with."""
    if row["low"] is None:
        return {"state": "not_comparable", "why": "light"}
    if row["published"] is None or row["published_pecs"] < least * row["published_of"]:
        return {"state": "not_comparable", "why": "published"}
    return {"state": "inside" if row["low"] <= row["published"] <= row["high"] else "outside", "why": None}


class _Inside:
    """The commission's manual protocols inside the country."""

    def __init__(self, protocols: Sheets, of: int) -> None:
        self._protocols, self._of = protocols, of

    def share(self, name: str, base: str) -> dict[str, Any]:
        votes, ballots = self._protocols.line(name), self._protocols.line(base)
        both = ~np.isnan(votes) & ~np.isnan(ballots)
        whole = float(ballots[both].sum())
        return {
            "published": float(votes[both].sum()) / whole if whole > 0 else None,
            "published_votes": round(float(votes[both].sum())),
            "published_base": round(whole),
            "published_pecs": int(both.sum()),
            "published_of": self._of,
        }


def _inside(contest: Contest, m: Moment) -> _Inside:
    abroad = [r.id for r in m.election.regions if r.abroad]
    frame = m.frame("select pec, region from pec_now")
    inside = set(frame.loc[~frame["region"].isin(abroad), "pec"])
    manual = sheets(m).of(contest=contest.id, scope="pec", count="manual")
    own = np.array([place in inside for place in manual.keys["place"]], dtype=np.bool_)
    return _Inside(manual.where(own), len(inside))


def _order(contest: Contest, m: Moment) -> pd.DataFrame:
    """The place of each PEC's first usable protocol in the order of receipt: pec, order."""
    asked = m.election.asked(str(contest.protocol_form)).values()
    valid = next((q.id for q in asked if q.meaning == "protocol" and q.of == "valid"), "")
    return m.frame(
        """
        select r.pec, min(case when a.load_from > r.load_from then a.load_from else r.load_from end) as "order"
        from report r
        join answer a on a.source = r.source and a.report = r.report
        where r.form = :form and r.held is null and a.question = :valid
            and r.load_from <= :load and a.load_from <= :load
        group by r.pec
        """,
        form=contest.protocol_form,
        valid=valid,
    )


def asked_fields(election: Election) -> list[str]:
    """The lines and lists that observers' protocols have, each once: lines before lists."""
    lists = {item.id for c in election.contests for item in c.lists}
    asked = [q.of for c in election.contests if c.protocol_form for q in election.asked(c.protocol_form).values()
             if q.meaning == "protocol" and q.of]  # fmt: skip
    return sorted(dict.fromkeys(asked), key=lambda field: field in lists)


def copies(election: Election) -> list[str]:
    """What may have become of a copy, best first."""
    asked = [q for c in election.contests if c.protocol_form for q in election.asked(c.protocol_form).values()]
    return list(dict.fromkeys(c for q in asked if q.meaning == "protocol_copy" for c in q.choices))


LEVELS = (1, 2, 3)


def comparison(m: Moment, level: int = 1, contest: str | None = None) -> pd.DataFrame:
    """One level of the comparison: `fields`, `shares` or `sums`."""
    return {1: fields, 2: shares, 3: sums}[level](m, contest)
