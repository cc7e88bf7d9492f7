"""What every source's loader shares: what a poll found, what a source did wrong, how both are told."""

import hashlib
import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from elections.config import ConfigError
from store.address import BadAddress
from store.alarms import Alarm
from store.backup import NoCopy
from store.owner import Foreign
from store.writable import Unwritable

_log = logging.getLogger(__name__)
_PERSONAL = frozenset({"full_name", "phone", "backup_phone", "sender"})  # a sender is a telephone


ANEW = 5  # times that a poll is made anew since another process loaded the source meanwhile


class SourceError(Exception):
    """The source cannot be used now. The message is for the screen: plain, without secrets or names."""


class Overtaking(SourceError):
    """Another process loads the source again and again."""

    def __init__(self) -> None:
        super().__init__("another process loads this source at the same time; tried again at the next poll")


@dataclass
class Found:
    """What came of a poll: rows read, the last load they went into, the feeds that answered (`whole`: with a page, not
    only with "the same"), how many rows of each view or feed are used, what is wrong.

    error: the source could not be read, or not in whole. alarms: it could, and somebody must look at it all the same.
    """

    seen: int = 0
    load: int | None = None
    answered: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=dict)
    error: str | None = None
    alarms: list[Alarm] = field(default_factory=list)


@dataclass(frozen=True)
class Bad:
    """A row that cannot be used: where it stands, what is wrong with it, and its text as it came."""

    place: str
    key: str
    reason: str
    field: str | None
    detail: str | None
    raw: str
    pec: str | None = None  # where it is about one
    observer: str | None = None

    def row(self, payload: int | None = None) -> dict[str, Any]:
        """As it is set aside."""
        digest = hashlib.sha256(self.raw.encode()).hexdigest()[:16]
        return {
            "place": self.place,
            "key": self.key,
            "hash": digest,
            "reason": self.reason,
            "field": self.field,
            "detail": self.detail,
            "raw": self.raw,
            "pec": self.pec,
            "observer": self.observer,
            "payload": payload,
        }


def raw_text(row: Any) -> str:
    """A row as JSON text, without names and telephones."""
    if isinstance(row, Mapping):
        row = {k: v for k, v in row.items() if k not in _PERSONAL}
    return json.dumps(row, default=str)  # escapes what a database would not take: NUL, lone surrogates


def plain(error: BaseException) -> str:
    """An error in one line for screen and log: never with a statement's parameters, which may be names."""
    if isinstance(error, SourceError | ConfigError | Foreign | BadAddress | NoCopy | Unwritable):
        return str(error)
    if isinstance(error, ImportError | sa.exc.ArgumentError):  # a driver that is not installed, a URL that is none
        return f"{type(error).__name__}: {error}"
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    if cause is None:
        return type(error).__name__
    first = next(iter(str(cause).strip().splitlines()), "")  # the lines after it quote the row
    return f"{type(cause).__name__}: {first}"


def fault(source: str, error: BaseException) -> None:
    """Log a fault of the loader itself: where it is, without the error's own words, which may quote a row."""
    _log.error("%s: a fault of the loader\n%s", source, "".join(traceback.format_tb(error.__traceback__)))
