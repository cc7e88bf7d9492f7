"""What a view of a source holds at one time, as a digest a key: a change without a new `updated_at` shows too."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from loaders.contract import ANSWER, View, code, is_set, later, timed

_MOST = 1 << 64


@dataclass
class Contents:
    """The key of an answer is its report."""

    digests: dict[str, int] = field(default_factory=dict)
    changed_at: dict[str, Any] = field(default_factory=dict)  # the latest `updated_at` of the key's rows
    deleted: set[str] = field(default_factory=set)
    filled: Counter[str] = field(default_factory=Counter)  # rows of a key, but answers that were left empty
    untimed: int = 0  # rows whose `updated_at` is no time

    @property
    def keys(self) -> set[str]:
        """Those that are not deleted."""
        return self.digests.keys() - self.deleted

    @property
    def newest(self) -> Any:
        newest = None
        for changed in self.changed_at.values():
            newest = later(newest, changed)
        return newest


def contents(conn: sa.Connection, view: View) -> Contents:
    """Everything that the view holds now, read once."""
    found = Contents()
    names = view.names
    deleted = names.index("deleted") if "deleted" in names else None
    value = names.index("value") if view == ANSWER else None
    for row in conn.execute(sa.select(view.table)):
        key, changed = code(row[0]), row[-1]
        found.digests[key] = (found.digests.get(key, 0) + _digest(tuple(row))) % _MOST
        found.changed_at[key] = later(found.changed_at.get(key), changed)
        found.untimed += not timed(changed)
        if value is None or row[value] not in (None, ""):
            found.filled[key] += 1
        if deleted is not None:
            (found.deleted.add if is_set(row[deleted]) else found.deleted.discard)(key)
    return found


def _digest(row: tuple[Any, ...]) -> int:
    try:
        return hash(row)
    except TypeError:  # a list or JSON where the contract has text
        return hash(repr(row))
