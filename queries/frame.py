"""The frame held against the design: strata that have other sampled PECs than were drawn, sampled PECs that moved or
whose row was rejected, PECs without voters."""

import pandas as pd

from queries.kept import KeptOfMoment
from queries.moment import Moment

_VIEWS = {
    "of_stratum": """
        select pec, coalesce(stratum, '') as stratum, coalesce(region, '') as region, in_sample, registered_voters
        from pec_now""",
    "accepted": """
        select coalesce(max(coalesce(case when kind = 'frame' then cast(value as bigint) end, load)), 0) as load
        from decision where kind = 'frame' and load <= :load""",
    "sampled_first": """
        select o.pec, coalesce(o.stratum, '') as stratum, coalesce(o.region, '') as region
        from pec o
        join (
            select pec, min(load_from) as load from pec
            where in_sample = 1 and load_from <= :load and coalesce(load_to, :load) > (select load from accepted)
            group by pec) as f on f.pec = o.pec and f.load = o.load_from""",
    "misfit": """
        select o.stratum, o.pec, 'left' as what
        from sampled_first o
        where not exists (
            select 1 from of_stratum n where n.pec = o.pec and n.in_sample = 1 and n.stratum = o.stratum)
        union all
        select o.stratum, o.pec, 'moved'
        from sampled_first o
        join of_stratum n on n.pec = o.pec and n.in_sample = 1 and n.stratum = o.stratum and n.region <> o.region
        union all
        select n.stratum, n.pec, 'set_aside'
        from of_stratum n
        where n.in_sample = 1 and exists (
            select 1 from quarantine_now q
            where q.place = 'obs_pec' and q.key = n.pec and q.load_from > (select load from accepted))
        union all
        select stratum, pec, 'no_voters' from of_stratum where coalesce(registered_voters, 0) = 0""",
}
_WHAT = ("left", "moved", "set_aside", "no_voters")


def frame(m: Moment) -> pd.DataFrame:
    """One row a stratum, and one ('') for PECs of none, where one of them is sampled or lacks voters; no row before
    there is a frame.

    stratum, sampled (PECs of the frame, now) of `of` (as drawn), left (PECs that were first sampled in this stratum
    and are not now: they are gone, out of the sample, or of another stratum), moved (sampled PECs that are of another
    region now), set_aside (sampled PECs whose row could not be used when it was read last: they stand as they were),
    no_voters (PECs without voters on the list, sampled or not), fits (bool: as drawn, and nothing of all that). What
    had left, moved or been set aside when a person accepted the sample as it is counts no more.
    """
    return _FRAME.of(m)


def misfits(m: Moment) -> pd.DataFrame:
    """The PECs that `frame` counts: stratum, pec, what (left, moved, set_aside, no_voters)."""
    return _MISFITS.of(m)


def _ask(m: Moment) -> pd.DataFrame:
    if not m.election.strata:  # nothing was drawn
        return pd.DataFrame(columns=["stratum", "sampled", "of", *_WHAT, "fits"])
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
            (select count(*) from misfit where stratum = s.stratum and what = 'moved') as moved,
            (select count(*) from misfit where stratum = s.stratum and what = 'set_aside') as set_aside,
            (select count(*) from misfit where stratum = s.stratum and what = 'no_voters') as no_voters
        from stratum s
        where exists (select 1 from pec where load_from <= :load)
        order by s.place
        """,
        {"drawn": drawn},
        _VIEWS,
    )
    rows["fits"] = (rows["sampled"] == rows["of"]) & (rows[list(_WHAT)] == 0).all(axis=1)
    return rows


_FRAME = KeptOfMoment(_ask)
_MISFITS = KeptOfMoment(
    lambda m: m.frame("select stratum, pec, what from misfit order by stratum, what, pec", views=_VIEWS)
)
