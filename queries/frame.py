"""The frame held against the design: strata that have other sampled PECs than were drawn, PECs without voters."""

import pandas as pd

from queries.kept import KeptOfMoment
from queries.moment import Moment

_VIEWS = {
    "of_stratum": "select pec, coalesce(stratum, '') as stratum, in_sample, registered_voters from pec_now",
    "misfit": """
        select distinct coalesce(o.stratum, '') as stratum, o.pec, 'left' as what
        from pec o
        where o.in_sample = 1 and o.load_from <= :load and coalesce(o.load_to, :load) > coalesce((
                select max(load) from decision where kind = 'frame' and load <= :load), 0)
            and not exists (
            select 1 from of_stratum n
            where n.pec = o.pec and n.in_sample = 1 and n.stratum = coalesce(o.stratum, ''))
        union all
        select stratum, pec, 'no_voters' from of_stratum where coalesce(registered_voters, 0) = 0""",
}


def frame(m: Moment) -> pd.DataFrame:
    """One row a stratum, and one ('') for PECs of none, where one of them is sampled or lacks voters; no row before
    there is a frame.

    stratum, sampled (PECs of the frame, now) of `of` (as drawn), left (PECs that were sampled in this stratum once and
    are not now: they are gone, out of the sample, or of another stratum; but those that had left when a person accepted
    the sample as it is), no_voters (PECs without voters on the list,
    sampled or not), fits (bool: as drawn, nobody left, all have voters).
    """
    return _FRAME.of(m)


def misfits(m: Moment) -> pd.DataFrame:
    """The PECs that `frame` counts: stratum, pec, what (left, no_voters)."""
    return _MISFITS.of(m)


def _ask(m: Moment) -> pd.DataFrame:
    if not m.election.strata:  # nothing was drawn
        return pd.DataFrame({"stratum": [], "sampled": [], "of": [], "left": [], "no_voters": [], "fits": []})
    drawn = [{"stratum": s.id, "place": i, "pecs": s.sampled} for i, s in enumerate(m.election.strata)]
    rows = m.frame(
        """
        with stratum as (
            select stratum, place, pecs from drawn
            union all
            select distinct stratum, 1000000, 0 from of_stratum
            where stratum not in (select stratum from drawn) and (in_sample = 1 or coalesce(registered_voters, 0) = 0))
        select s.stratum,
            (select count(*) from of_stratum where stratum = s.stratum and in_sample = 1) as sampled, s.pecs as "of",
            (select count(*) from misfit where stratum = s.stratum and what = 'left') as "left",
            (select count(*) from misfit where stratum = s.stratum and what = 'no_voters') as no_voters
        from stratum s
        where exists (select 1 from pec where load_from <= :load)
        order by s.place
        """,
        {"drawn": drawn},
        _VIEWS,
    )
    rows["fits"] = (rows["sampled"] == rows["of"]) & (rows["left"] == 0) & (rows["no_voters"] == 0)
    return rows


_FRAME = KeptOfMoment(_ask)
_MISFITS = KeptOfMoment(
    lambda m: m.frame("select stratum, pec, what from misfit order by stratum, what, pec", views=_VIEWS)
)
