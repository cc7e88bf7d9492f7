"""The commission's figures held against the observers', on three levels.

Level 1: per PEC, field by field; level 2: the sample's estimate against the published total; level 3: the
commission's own figures for the sampled PECs against the observers', which has no sampling error. All of it rests on
copies that an observer obtained. Some of it is under embargo until the hour that the configuration sets; who shows
these figures sees to it: `embargo.open_fields` for level 1, nothing of levels 2 and 3.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from elections.config import Election
from queries import embargo, grid, held
from queries.moment import Moment
from queries.protocol_fields import COMPARED, FIELDS, OBTAINED, STATES, fields
from queries.quick_count import MACHINE, PUBLISHED, quick_count

__all__ = ["FIELDS", "LEVELS", "OBTAINED", "PROTOCOL", "STATES", "asked_fields", "awaited",
           "comparison", "copies", "counted", "fields", "protocols",
           "shares", "sums"]  # fmt: skip


def protocols(
    m: Moment,
    contest: str | None = None,
    against: str = "manual",
    region: str | None = None,
    district: str | None = None,
    whole: bool = True,
    line: str | None = None,
) -> pd.DataFrame:
    """Level 1, one row a PEC's protocol; those that differ in votes first, the largest difference first. `whole`:
    False leaves out the lines under embargo, of which nothing may be said before it ends. `line`: the line that is
    shown of each; none: the one that differs most, votes before other lines, and `found` where none does.

    contest, pec, region, district, copy, state (the first of differs, conflict, equal, not_published,
    copy_not_obtained, not_observed that holds for a field: equal is a protocol of which all that could be compared
    is the same), fields, compared, differing, votes_differ (lists whose votes differ), votes_moved (sum over the
    lists of |difference|), largest, and of the line shown: field, observed, machine, manual, difference.
    """
    rows = fields(m, contest, against, region, district)
    rows = rows if whole else rows[~rows["field"].isin(embargo.lines(m.election))]
    of, first = _grouped(rows, "contest", "pec")
    differs, of_list = (rows["state"] == "differs").to_numpy(), rows["votes"].to_numpy(dtype=bool)
    size = np.where(differs, rows["difference"].abs(), 0.0)
    place = np.full(len(first), len(PROTOCOL) - 1)
    np.minimum.at(place, of, pd.Index(PROTOCOL).get_indexer(pd.Index(rows["state"])))
    largest = np.zeros(len(first))
    np.maximum.at(largest, of, size)
    numbers = {
        "fields": np.ones(len(of)),
        "compared": rows["state"].isin(COMPARED),
        "differing": differs,
        "votes_differ": differs & of_list,
    }
    found = rows[["contest", "pec", "region", "district", "copy"]].iloc[first].reset_index(drop=True)
    first_shown = np.select([differs, rows["field"] == "found"], [0, 1], 2)  # of those that differ the largest is first
    lines = np.flatnonzero(rows["field"] == line) if line else np.argsort(first_shown, kind="stable")
    shown = rows.iloc[lines[np.unique(of[lines], return_index=True)[1]]][["contest", "pec", *_LINE]]
    found = found.assign(
        state=pd.Series(place).map(dict(enumerate(PROTOCOL))),
        **{name: np.bincount(of, each, len(first)).astype("int64") for name, each in numbers.items()},
        votes_moved=np.bincount(of, np.where(of_list, size, 0.0), len(first)).astype("float64"),
        largest=largest,
        place=place,
    )
    order = ["place", "votes_moved", "largest", "pec"]
    found = found.sort_values(order, ascending=[True, False, False, True]).reset_index(drop=True)
    return found.drop(columns="place").merge(shown, on=["contest", "pec"], how="left", sort=False)


_LINE = ("field", "observed", "machine", "manual", "difference")
PROTOCOL = ("differs", "conflict", "equal", "not_published", "copy_not_obtained", "not_observed")


def counted(m: Moment, column: str, **asked: Any) -> pd.Series:
    """How many PECs' protocols are in each `state`, or have each `copy` ('': nobody said); asked as `protocols`."""
    return protocols(m, **asked)[column].fillna("").value_counts()


def awaited(m: Moment) -> bool:
    """Whether observers' protocols may still be on their way: one that has not come is not missing yet."""
    forms = [m.election.forms[c.protocol_form] for c in m.election.contests if c.protocol_form]
    late = [at for form in forms if (at := m.election.late_from(form))]
    return bool(late) and m.at < max(late)


def sums(m: Moment, contest: str | None = None, region: str | None = None, district: str | None = None) -> pd.DataFrame:
    """Level 3: the fields added up over the sampled PECs where they can be compared; lists first.

    contest, field, votes (bool), observed, manual (the commission's, by hand), difference, machine and machine_pecs
    (the scanners', at those of these PECs that have them), differing (PECs), pecs (compared), of (sampled).
    """
    rows = fields(m, contest, region=region, district=district)
    compared = rows[rows["state"].isin(COMPARED)]
    of, first = _grouped(compared, "contest", "field")
    found = compared[["contest", "field"]].iloc[first].reset_index(drop=True)
    machine = compared["machine"].notna()
    numbers: dict[str, Any] = {
        name: compared[name].fillna(0) for name in ("observed", "manual", "difference", "machine")
    }
    numbers |= {"machine_pecs": machine, "differing": compared["state"] == "differs", "pecs": np.ones(len(of))}
    found = found.assign(**{name: np.bincount(of, each, len(first)) for name, each in numbers.items()})
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
    whole = keys.merge(found, on=["contest", "field"], how="left")
    counts = ["machine_pecs", "differing", "pecs"]
    whole[counts] = whole[counts].astype("float64").fillna(0).astype("int64")
    return whole.assign(of=rows["pec"].nunique()).reset_index(drop=True)


def _grouped(rows: pd.DataFrame, *keys: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The number of each row's group, as they come, and where each group begins."""
    codes = np.zeros(len(rows), dtype=np.int64)
    for key in keys:
        own, words = pd.factorize(rows[key])
        codes = codes * len(words) + own
    of = pd.factorize(codes)[0]
    return of, np.unique(of, return_index=True)[1]


def shares(m: Moment, contest: str | None = None, against: str = "manual") -> pd.DataFrame:
    """Level 2: the quick count against the sum of the commission's protocols inside the country, by hand or by machine.

    The columns of `quick_count` (published...: of the count named by `against`), and state (inside, outside,
    not_comparable), why (of the last: light; published: too few PECs are in), outside_by (how far from the interval,
    as a fraction).
    """
    rows = quick_count(m, contest)
    if against == "machine":
        rows = rows.assign(**{name: rows[own] for name, own in zip(PUBLISHED, MACHINE, strict=True)})
    least = m.election.estimates.green_share
    found = [held.share(row, least) for row in rows.to_dict("records")]
    return rows.assign(**pd.DataFrame(found, columns=held.Held._fields).astype({"outside_by": "float64"}))


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


def comparison(
    m: Moment,
    level: int = 1,
    contest: str | None = None,
    region: str | None = None,
    district: str | None = None,
    against: str | None = None,
) -> pd.DataFrame:
    """One level of the comparison: `fields`, `shares` or `sums`. The estimate is of the whole country alone; the sums
    have both counts beside each other."""
    if level == 1:
        return fields(m, contest, against or "manual", region, district)
    if level == 3:
        if against:
            raise grid.UnknownColumn("comparison --level 3 has the machine count beside the manual one already")
        return sums(m, contest, region, district)
    if region or district:
        raise grid.UnknownColumn("comparison --level 2 is of the whole country: a part has too few sampled PECs")
    return shares(m, contest, against or "manual")
