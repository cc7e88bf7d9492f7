"""The address of a database: understood, or refused without the secrets in it; and as it may be shown."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url


class BadAddress(sa.exc.ArgumentError):
    """The address is none that can be used. Its own words are not repeated: a password may be among them."""


def url(address: str | URL) -> URL:
    """The address, PostgreSQL's with the driver that is installed. Raises BadAddress."""
    try:
        parts = make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise BadAddress("no address of a database: postgresql://user:password@host/name, sqlite:///file") from None
    return parts.set(drivername="postgresql+psycopg") if parts.get_backend_name() == "postgresql" else parts


def file(address: str | URL) -> Path | None:
    """The file of a SQLite database; None: in memory, or no SQLite. Raises BadAddress."""
    whole = url(address)
    name = whole.database or ""
    named = whole.get_backend_name() == "sqlite" and name and not name.startswith((":memory:", "file:"))
    return Path(name) if named else None


def shown(address: str | URL) -> str:
    """As it may be kept, logged and shown: without user, password and options. Raises BadAddress."""
    whole = url(address)
    return URL.create(whole.drivername, host=whole.host, port=whole.port, database=whole.database).render_as_string()
