"""The observers' protocols, PEC by PEC and field by field, beside the commission's machine and manual figures.

Only what stands in a copy that an observer obtained is compared: 'not obtained' is never 'equal'. Some of its
lines are under embargo until the hour that the configuration sets: show `embargo.open_fields` of it.
"""

import numpy as np
import pandas as pd

from elections.config import Contest, Question
from queries import answers, sample
from queries.kept import KeptOfMoment
from queries.moment import Moment
from queries.sheets import Floats, Sheets, sheets

STATES = ("differs", "conflict", "not_published", "copy_not_obtained", "not_observed", "equal")
OBTAINED = ("certified", "photographed")
COPIES = (*OBTAINED, "promised", "refused", "conflict")
FIELDS = ["contest", "pec", "region", "district", "field", "votes", "copy", "observed", "machine", "manual",
          "difference", "state"]  # fmt: skip
COMPARED = ("differs", "equal")


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
    place = pd.Index(STATES).get_indexer(pd.Index(rows["state"]))
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
    questions = {answers.subject(q): str(q.of) for q in asked if q.meaning == "protocol" and q.of}
    fields, subjects = list(questions.values()), list(questions)
    codes = pecs["pec"].tolist()
    number, conflict = np.full((len(codes), len(fields)), np.nan), np.zeros((len(codes), len(fields)), dtype=bool)
    row = pd.Index(codes).get_indexer(pd.Index(said["pec"]))
    column = pd.Index(subjects).get_indexer(said["subject"].cat.categories)[said["subject"].cat.codes]
    there = (row >= 0) & (column >= 0)
    number[row[there], column[there]] = said["number"].to_numpy()[there]
    conflict[row[there], column[there]] = said["conflict"].to_numpy()[there]
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
