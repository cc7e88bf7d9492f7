"""What a view of a source holds at one time, as a digest a key: a change without a new `updated_at` shows too."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from loaders.contract import (
    ANSWER,
    INCIDENT,
    Raw,
    View,
    as_written,
    can_be_asked,
    code,
    is_set,
    question,
    when,
)

_MOST = 1 << 64
_PAGE = 5_000  # rows


@dataclass
class Contents:
    """The key of an answer is its report. Of several rows with the same key the one changed last says how it is."""

    digests: dict[str, int] = field(default_factory=dict)
    changed_at: dict[str, Any] = field(default_factory=dict)  # the latest `updated_at` of the key's rows
    deleted: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)  # answers that were not left empty: '<report>/<question>'
    written: dict[str, set[str]] = field(default_factory=dict)  # keys that stand there with blanks, as they stand
    unasked: list[Raw] = field(default_factory=list)  # rows that no key asks for; incidents also by another
    untimed: int = 0  # rows whose `updated_at` is no time
    newest: Any = None  # of `changed_at`

    @property
    def keys(self) -> set[str]:
        """Those that are not deleted."""
        return self.digests.keys() - self.deleted

    @property
    def remembered(self) -> "Contents":
        """What the next comparison needs of it."""
        return Contents(self.digests, self.changed_at)

    def goes_back(self, before: "Contents", edited: Iterable[str]) -> bool:
        """Whether one of the rows that were edited since has an earlier time than it had: a copy was put back."""
        times = _Times()
        pairs = ((times.of(self.changed_at[key]), times.of(before.changed_at[key])) for key in edited)
        return any(now is not None and then is not None and now < then for now, then in pairs)


def contents(conn: sa.Connection, view: View) -> Contents:
    """Everything that the view holds now, read once."""
    found, times = Contents(), _Times()
    names = view.names
    deleted = names.index("deleted") if "deleted" in names else None
    value = names.index("value") if view == ANSWER else None
    last = found.changed_at if value is None else dict[str, Any]()  # of answers each has its own
    for row in itertools.chain.from_iterable(conn.execute(sa.select(view.table)).partitions(_PAGE)):
        key, changed = code(row[0]), row[-1]
        if key != row[0] or not can_be_asked(key):
            as_written(found.written, row[0])
            if view == INCIDENT or not can_be_asked(key):
                found.unasked.append(view.raw(tuple(row)))
        found.digests[key] = (found.digests.get(key, 0) + hash(repr(tuple(row)))) % _MOST
        found.untimed += times.of(changed) is None
        one = key if value is None else f"{key}/{question(row[1])}"
        if one in last and not times.is_last(changed, last[one]):
            continue
        last[one] = changed
        if value is not None:
            (found.filled.add if code(row[value]) else found.filled.discard)(one)
            if key not in found.changed_at or times.is_last(changed, found.changed_at[key]):
                found.changed_at[key] = changed
        if deleted is not None:
            (found.deleted.add if is_set(row[deleted]) else found.deleted.discard)(key)
    for changed in found.changed_at.values():
        if times.is_last(changed, found.newest):
            found.newest = changed
    return found


class _Times:
    """The times that `updated_at`s are, each read once: many rows share one."""

    def __init__(self) -> None:
        self._known: dict[Any, datetime | None] = {}

    def of(self, changed: Any) -> datetime | None:
        """None where it is no time."""
        try:
            if changed not in self._known:
                self._known[changed] = when(changed)
            return self._known[changed]
        except TypeError:  # a list or JSON
            return None

    def is_last(self, changed: Any, before: Any) -> bool:
        """Whether a row that changed then counts before one that changed `before`; no time is earlier than any."""
        if changed == before:
            return True
        now, then = self.of(changed), self.of(before)
        return then is None or (now is not None and now >= then)
