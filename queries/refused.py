"""What lost too much to be made current, payloads and views: what is held now, and whether somebody has accepted it."""

import pandas as pd

from queries.moment import Moment
from store.taken import LOSSES, PAYLOADS


def refused(m: Moment) -> pd.DataFrame:
    """One row a feed of which the last good payload stays: source, feed, payload (the last refused), since_at (when the
    first was refused), fetched_at (the last), what (rows, figures), lost, held (so many stay), figures (beside
    rows, those of other rows), hash (of all that goes), accepted_by, accepted_at, why (of the last acceptance: the
    loader takes it at its next poll; none yet, or something else goes by now: nothing)."""
    return m.frame(
        """
        select r.source, r.feed, r.last_payload as payload, f.committed_at as since_at, latest.fetched_at,
            r.what, r.lost, r.held, r.figures, r.hash, d.who as accepted_by, d.decided_at as accepted_at, d.why
        from refusal_now r
        join load f on f.id = r.waits_from
        join payload latest on latest.id = r.last_payload
        left join decision d on d.id = (
            select max(s.id) from decision s
            join refusal v on v.hash = s.value and v.load_from < s.load
            where s.kind = 'payload' and s.subject = r.source || '|' || r.feed and s.load <= :load
                and v.source = r.source and v.feed = r.feed and v.waits_from = r.waits_from
                and not exists (
                    select 1 from refusal n
                    where n.source = v.source and n.feed = v.feed and n.last_payload = v.last_payload
                        and n.load_from > v.load_from and n.load_from <= :load and n.hash <> v.hash))
        order by r.source, r.feed
        """
    )


def losses(m: Moment) -> pd.DataFrame:
    """One row a view of the observers' database of which too much is gone at once, and stays: source, view, since_at,
    lost, held (of so many), hash (of the keys), accepted_by, accepted_at, why (nothing where nobody has accepted it as
    it is; the loader takes it at its next poll)."""
    return m.frame(
        """
        select l.source, l.view, f.committed_at as since_at, l.lost, l.held, l.hash, d.who as accepted_by,
            d.decided_at as accepted_at, d.why
        from loss_now l
        join load f on f.id = l.waits_from
        left join decision d on d.value = l.hash and d.load > l.load_from and d.id = (
            select max(id) from decision
            where kind = 'loss' and subject = l.source || '|' || l.view and load <= :load)
        order by l.source, l.view
        """
    )


def taken(m: Moment) -> pd.DataFrame:
    """The losses that somebody accepted, that were taken and not undone: source, view, lost, load (that withdrew or
    changed the rows: a loss that went by itself took none), taken_at, who, why."""
    return m.frame(f"{LOSSES} order by l.load_to desc")


def taken_payloads(m: Moment) -> pd.DataFrame:
    """What went of the commission since somebody accepted it, of which something is still gone, and which nobody has
    undone: source, feed, decision, what, lost, held, figures (as a refusal of it says), taken_at, who, why."""
    return m.frame(f"{PAYLOADS} order by l.id desc")
