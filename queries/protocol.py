"""One PEC's protocol through the night: every version of each figure, the observers' and the commission's."""

import pandas as pd

from queries import embargo
from queries.moment import Moment

SIDES = ("observed", "machine", "manual")


def history(m: Moment, pec: str) -> pd.DataFrame:
    """Every figure that was known of a PEC's protocols, in the order it came: contest, field, votes (bool: of a list),
    side (observed, machine, manual), who (the observer's code, or none), value, known_at, replaced_at (none: it
    stands), payload (of the commission's). The observers' of lines under embargo only after it has ended."""
    rows = m.frame(
        """
        select q.contest, q.field, q.votes, 'observed' as side, r.observer as who, a.number as value,
            f.committed_at as known_at, case when a.load_to <= :load then e.committed_at end as replaced_at,
            null as payload
        from (select distinct source, report, form, observer from report where pec = :pec and load_from <= :load) as r
        join question q on q.form = r.form
        join answer a on a.source = r.source and a.report = r.report and a.question = q.question
        join load f on f.id = a.load_from
        left join load e on e.id = a.load_to
        where a.load_from <= :load
        union all
        select p.contest, p.line, case when q.votes = 1 then 1 else 0 end, p.count, null, p.value, f.committed_at,
            case when p.load_to <= :load then e.committed_at end, p.payload
        from published p
        join load f on f.id = p.load_from
        left join load e on e.id = p.load_to
        left join question q on q.contest = p.contest and q.field = p.line
        where p.scope = 'pec' and p.place = :pec and p.unit = 'number' and p.count in ('machine', 'manual')
            and p.load_from <= :load
        order by 7, 4, 2
        """,
        {"question": _questions(m)},
        pec=pec,
    )
    return embargo.open_history(m, rows.astype({"votes": "bool", "value": "float64"}))


def _questions(m: Moment) -> list[dict[str, object]]:
    """The questions about lines of protocols."""
    found = [
        {"contest": c.id, "form": c.protocol_form, "question": q.id, "field": q.of,
         "votes": int(q.of in {item.id for item in c.lists})}
        for c in m.election.contests
        if c.protocol_form
        for q in m.election.asked(c.protocol_form).values()
        if q.meaning == "protocol" and q.of
    ]  # fmt: skip
    return found or [{"contest": "", "form": "", "question": "", "field": "", "votes": 0}]
