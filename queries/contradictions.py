"""Contradictions, one a table or protocol and check, and how far people have taken each of them.

The machine sees; a person confirms, with a picture of the page; it is put to the commission; it is answered. Until a
person has confirmed it, it is for head office alone.
"""

from typing import Any

import pandas as pd

from queries import checks, embargo, judged
from queries.check_list import CHECKS
from queries.moment import Moment

KEYS = ["check", "contest", "count", "scope", "place", "hour"]
STEPS = ("seen", "confirmed", "put", "answered")
_SHOWN = ["severity", "about", "region", "district", "line", "left", "right", "difference", "tolerance", "unit",
          "other", "payload"]  # fmt: skip
COLUMNS = ["subject", *KEYS, *_SHOWN, "lines", "standing", "step", "step_at", "who"]


def contradictions(m: Moment, region: str | None = None, district: str | None = None) -> pd.DataFrame:
    """One row a check of tier A that does not hold at a table or a protocol, and one that people took further and that
    holds by now; those that stand first, the severest first.

    subject (what decisions call it), the keys, of the comparison with the largest difference line, left, right,
    difference, tolerance, unit, other and payload; lines (comparisons that do not hold), standing (stands: it does
    not hold; holds by now; open: what stands now is not judged yet, or may not be told), step (one of `STEPS`), step_at
    and who (of the last step that a person took).
    What is under embargo is not there before it ends.
    """
    found = embargo.open_findings(m, checks.findings(m, tier="A"))
    for name, only in (("region", region), ("district", district)):
        found = found if only is None else found[found[name] == only]
    lines = found.groupby(KEYS, sort=False).size().rename("lines").reset_index()
    rows = found.drop_duplicates(KEYS)[[*KEYS, *_SHOWN]].merge(lines, on=KEYS, how="left")
    subjects = ["|".join(map(str, key)) for key in rows[KEYS].itertuples(index=False)]
    rows = rows.assign(
        subject=pd.Series(subjects, dtype="object"), standing=pd.Series("stands", rows.index, dtype="object")
    )
    taken = _taken(m)
    gone = taken[~taken["subject"].isin(rows["subject"])]
    if len(gone) and region is None and district is None:
        rows = pd.concat([rows, _gone(m, gone)], ignore_index=True)
    rows = rows.merge(taken, on="subject", how="left")
    rows["step"] = [step if isinstance(step, str) else STEPS[0] for step in rows["step"]]
    return rows[COLUMNS]


def by_step(rows: pd.DataFrame) -> dict[str, int]:
    """How many of these contradictions people took how far, the furthest first."""
    steps = rows["step"].value_counts()
    return {step: int(steps[step]) for step in reversed(STEPS) if step in steps}


def of_country(m: Moment) -> pd.DataFrame:
    """The checks of tier A that do not hold at a table of the whole country, and how far people took each: check,
    contest, count, step. What is made of a table alone is seen at once, what is held against other figures when its
    poll has been judged."""
    kept = judged.last(m)
    kept = kept[(kept["state"] == "wrong") & (kept["scope"] == "country") & kept["check"].isin(_TIER_A)]
    alone = checks.of_tables(m)
    kind = KEYS[:3]
    found = pd.concat([alone.loc[alone["scope"] == "country", kind], kept[kind]]).drop_duplicates(ignore_index=True)
    taken = _taken(m)
    keys = pd.DataFrame([s.split("|", len(KEYS) - 1) for s in taken["subject"]], columns=KEYS).assign(
        step=taken["step"]
    )
    keys = keys[keys["scope"] == "country"].drop_duplicates(kind, keep="last")
    rows = found.merge(keys[[*kind, "step"]], on=kind, how="left")
    return rows.assign(step=rows["step"].astype(object).fillna(STEPS[0]))


_TIER_A = [check.id for check in CHECKS.values() if check.tier == "A"]


def _gone(m: Moment, taken: pd.DataFrame) -> pd.DataFrame:
    """What people took further and what is not seen now: without the numbers that were compared."""
    keys = pd.DataFrame([s.split("|", len(KEYS) - 1) for s in taken["subject"]], columns=KEYS)
    named: dict[str, list[Any]] = {
        name: [getattr(CHECKS[c], name) if c in CHECKS else None for c in keys["check"]]
        for name in ("severity", "about", "unit")
    }
    return keys.assign(**named, subject=taken["subject"].to_numpy(), lines=0, standing=_standing(m, keys))


def _standing(m: Moment, keys: pd.DataFrame) -> list[str]:
    """Of what is not seen now: whether it holds by now, or nobody can or may say."""
    made, kind = embargo.open_checks(m, checks.checks(m)), KEYS[:3]
    judged = set(made.loc[made["state"] != "not_judged", kind].itertuples(index=False, name=None))
    hidden = set(checks.findings(m, tier="A")[KEYS].itertuples(index=False, name=None))
    return [
        "holds" if key[:3] in judged and key not in hidden else "open"
        for key in keys[KEYS].itertuples(index=False, name=None)
    ]


def _taken(m: Moment) -> pd.DataFrame:
    """The last step of each contradiction that people took further: subject, step, step_at, who."""
    rows = m.frame(
        """
        select d.subject, d.value as step, d.decided_at as step_at, d.who
        from decision d
        where d.id in (select max(id) from decision where kind = 'contradiction' and load <= :load group by subject)
        """
    )
    return rows.assign(step=[str(v).partition("|")[0] for v in rows["step"]])


def steps(m: Moment, subject: str) -> pd.DataFrame:
    """The steps of one contradiction, in order: step, step_at, who, why, picture (its id; none: none attached)."""
    rows = m.frame(
        """
        select d.value, d.decided_at as step_at, d.who, d.why from decision d
        where d.kind = 'contradiction' and d.subject = :subject and d.load <= :load
        order by d.id
        """,
        subject=subject,
    )
    parts = [str(v).partition("|") for v in rows["value"]]
    rows["step"] = [p[0] for p in parts]
    rows["picture"] = pd.array([int(p[2]) if p[2] else None for p in parts], dtype="Int64")
    return rows[["step", "step_at", "who", "why", "picture"]]


def picture(m: Moment, picture: int) -> bytes | None:
    """An attached picture, as it was kept."""
    rows = m.frame("select body from picture where id = :picture and load <= :load", picture=picture)
    return bytes(rows["body"].iloc[0]) if len(rows) else None
