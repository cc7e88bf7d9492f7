"""What a person decides on a page: an append-only row with who, when and why, in a load of its own."""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa

from store import clock
from store import tables as t
from store.loading import Load, loading

LARGEST = 8_000_000  # bytes of a picture: a photograph of a page as a telephone takes it
_BEGINS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


class Refused(ValueError):
    """The decision cannot be kept as it is. `reason`: who, why, large, kind."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Picture:
    """A photograph that somebody attached; what it is was read from its bytes."""

    body: bytes
    content_type: str


def picture(body: bytes) -> Picture:
    """A picture as it came from a browser, which is believed in nothing. Raises Refused."""
    if len(body) > LARGEST:
        raise Refused("large")
    for content_type, begins in _BEGINS.items():
        if body.startswith(begins):
            return Picture(body, content_type)
    raise Refused("kind")


def decide(
    store: sa.Engine,
    kind: str,
    subject: str,
    who: str,
    why: str,
    value: str | None = None,
    attached: Picture | None = None,
) -> None:
    """Keep a decision; with a picture, its `value` says which: '<value>|<picture>'. Raises Refused without a name."""
    if not who.strip():
        raise Refused("who")
    with loading(store, "person") as load:
        if attached is not None:
            value = f"{value}|{_keep(load, attached)}"
        row = {
            "load": load.id,
            "kind": kind,
            "subject": subject,
            "value": value,
            "who": who.strip(),
            "why": why.strip(),
        }
        load.conn.execute(t.decision.insert(), row | {"decided_at": clock.now()})
        load.counts["derived"] += 1


def accept_payload(store: sa.Engine, source: str, feed: str, payload: int, who: str, why: str) -> None:
    """What this payload lost has truly gone: the loader makes it current at its next poll. Raises Refused."""
    if not why.strip():
        raise Refused("why")
    decide(store, "payload", f"{source}|{feed}", who, why, str(payload))


def _keep(load: Load, attached: Picture) -> int:
    row = {
        "load": load.id,
        "content_type": attached.content_type,
        "size": len(attached.body),
        "sha256": hashlib.sha256(attached.body).hexdigest(),
        "body": attached.body,
    }
    return int(load.conn.execute(t.picture.insert().returning(t.picture.c.id), row).scalar_one())
