"""Coverage: how many of the sampled PECs have sent which checklist, by region and district, through the day."""

from collections.abc import Sequence

import pandas as pd

from elections.config import Election
from queries import grid
from queries.moment import Moment
from queries.states import STATES, expected_checklists, states
from queries.unreported import unreported

__all__ = ["STATES", "arrivals", "coverage", "states", "unreported"]


def coverage(
    m: Moment,
    by: Sequence[str] = ("form",),
    form: str | None = None,
    region: str | None = None,
    district: str | None = None,
) -> pd.DataFrame:
    """PECs x checklists by state: the columns of `by` (form, region, district), expected, and one of each state.

    The states add up to `expected`.
    """
    grid.check_by("coverage", by, ("form", "region", "district"))
    names = list(by)
    found = states(m, form, region, district)
    counted = pd.DataFrame({s: (found["state"] == s).astype("int64") for s in STATES})
    keys = [found[name].fillna("") for name in names]
    rows = counted.groupby(keys).sum().reset_index() if names else counted.sum().to_frame().T
    rows = grid.whole(rows, grid.axes(m.election, names, _forms(m.election, form), region, district), STATES)
    rows.insert(len(names), "expected", rows[list(STATES)].sum(axis=1))
    return rows


def _forms(election: Election, form: str | None) -> dict[str, list[str]]:
    return {"form": [c.form for c in expected_checklists(election) if form in (None, c.form)]}


def arrivals(
    m: Moment, form: str | None = None, region: str | None = None, district: str | None = None
) -> pd.DataFrame:
    """The received checklists as they came: form, minute_at (sent, as known now), received (so far), expected."""
    found = states(m, form, region, district)
    expected = found.groupby("form").size()
    came = found[found["state"] == "received"]
    minutes = came.groupby(["form", came["first_at"].dt.floor("min").rename("minute_at")]).size()
    received = minutes.groupby(level="form").cumsum().rename("received").reset_index()
    received["expected"] = received["form"].map(expected).astype("int64")
    return received
