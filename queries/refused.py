"""Payloads that lost too much to be made current: what is refused now, and whether somebody has accepted it."""

import pandas as pd

from queries.moment import Moment


def refused(m: Moment) -> pd.DataFrame:
    """One row a feed of which the last good payload stays: source, feed, payload (the last refused), since_at (when the
    first one came), fetched_at (the last), what (rows, figures), lost, held (so many stay), accepted_by, accepted_at,
    why (of the last acceptance: the loader takes it at its next poll; none yet: nothing)."""
    return m.frame(
        """
        select r.source, r.feed, r.last_payload as payload, first.fetched_at as since_at, latest.fetched_at,
            r.what, r.lost, r.held, d.who as accepted_by, d.decided_at as accepted_at, d.why
        from refusal_now r
        join payload first on first.id = r.first_payload
        join payload latest on latest.id = r.last_payload
        left join decision d on d.id = (
            select max(s.id) from decision s
            where s.kind = 'payload' and s.subject = r.source || '|' || r.feed and s.load <= :load
                and case when s.kind = 'payload' then cast(s.value as bigint) end
                    between r.first_payload and r.last_payload)
        order by r.source, r.feed
        """
    )
