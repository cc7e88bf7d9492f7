"""What became of a source's rows: how many are set aside and why, and of which views or feeds none could be used."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from loaders.losses import FEW
from store import tables as t
from store.alarms import Alarm

_SAID = 5  # reasons
_OF_ANOTHER = ("report_set_aside", "unknown_report")  # the row itself may be good


@dataclass(frozen=True)
class Rejected:
    """rows of `of` are set aside; by reason, the most first, those that follow from another row last; unusable: views
    and feeds of which nothing could be used."""

    rows: int
    of: int
    reasons: tuple[tuple[str, int], ...]
    unusable: tuple[Alarm, ...] = ()

    def __str__(self) -> str:
        """'30 of 1,551 rows rejected: unknown PEC 12, not a number 10'; nothing where none is."""
        if not self.rows:
            return ""
        told = [f"{reason.replace('_', ' ').replace('pec', 'PEC')} {n:,}" for reason, n in self.reasons[:_SAID]]
        if others := sum(n for _, n in self.reasons[_SAID:]):
            told.append(f"others {others:,}")
        return f"{self.rows:,} of {self.of:,} rows rejected: {', '.join(told)}"


def rejected(conn: sa.Connection, source: str, used: Mapping[str, int]) -> Rejected:
    """What is set aside of this source now, beside so many rows of each view or feed that are `used`."""
    q = t.quarantine.c
    query = sa.select(q.place, q.reason, sa.func.count()).where(q.source == source, q.load_to.is_(None))
    rows, reasons, own = Counter[str](), Counter[str](), Counter[str]()
    for place, reason, n in conn.execute(query.group_by(q.place, q.reason)):
        rows[place] += n
        reasons[reason] += n
        own[place] += 0 if reason in _OF_ANOTHER else n
    unusable = [Alarm("unusable", place, n, n) for place, n in sorted(own.items()) if n > FEW and not used.get(place)]
    order = sorted(reasons.items(), key=lambda item: (item[0] in _OF_ANOTHER, -item[1], item[0]))
    return Rejected(rows.total(), rows.total() + sum(used.values()), tuple(order), tuple(unusable))
