"""Rows of zero: a figure by region, checklist or category has a row for each, also where there is nothing."""

from collections.abc import Mapping, Sequence

import pandas as pd

from elections.config import Election


class UnknownColumn(ValueError):
    """A figure was asked by something that it cannot be divided by."""


def check_by(figure: str, by: Sequence[str], known: Sequence[str]) -> None:
    """Raises UnknownColumn naming what the figure can be divided by."""
    if wrong := [name for name in by if name not in known]:
        raise UnknownColumn(f"{figure} cannot be divided by {', '.join(wrong)}; it can by {', '.join(known)}")


def places(
    election: Election, by: Sequence[str], region: str | None = None, district: str | None = None, abroad: bool = False
) -> pd.DataFrame:
    """Every region, district or pair of them of the configuration that the filters leave, as `by` names them."""
    names = [name for name in ("region", "district") if name in by]
    regions = [r.id for r in election.regions if abroad or not r.abroad or r.id == region]
    own = {d.id: d.region for d in election.districts}
    if region:
        regions = [r for r in regions if r == region]
    if district:
        regions = [r for r in regions if r == own.get(district, r)]
    districts = [d.id for d in election.districts if d.region in regions and (not district or d.id == district)]
    if names == ["region"]:
        return pd.DataFrame({"region": regions}, dtype="str")
    if names == ["district"]:
        return pd.DataFrame({"district": districts}, dtype="str")
    return pd.DataFrame({"region": [own[d] for d in districts], "district": districts}, dtype="str")


def axes(
    election: Election,
    by: Sequence[str],
    values: Mapping[str, Sequence[str]],
    region: str | None = None,
    district: str | None = None,
    abroad: bool = False,
) -> list[pd.DataFrame]:
    """The axes of a figure divided by these columns: places of the configuration, and the given values of others."""
    found: list[pd.DataFrame] = []
    for name in by:
        if name in values:
            found.append(pd.DataFrame({name: list(values[name])}, dtype="str"))
        elif name == "region" or (name == "district" and "region" not in by):
            found.append(places(election, by, region, district, abroad))
    return found


def whole(found: pd.DataFrame, axes: Sequence[pd.DataFrame], counts: Sequence[str]) -> pd.DataFrame:
    """`found` with every combination of the axes' rows, in their order, before what stands in none of them.

    The axes are frames of key columns; `counts` are 0 where nothing was found. The columns stand as in `found`.
    """
    if not axes:
        return found
    every = axes[0]
    for axis in axes[1:]:
        every = every.merge(axis, how="cross")
    keys = list(every.columns)
    every = every.assign(_order=range(len(every)))
    rows = every.merge(found.astype(dict.fromkeys(keys, "str")), on=keys, how="outer").sort_values(["_order", *keys])
    rows[list(counts)] = rows[list(counts)].fillna(0).astype("int64")
    return rows[list(found.columns)].reset_index(drop=True)
