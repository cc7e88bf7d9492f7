"""The store's tables. Facts are versions between two loads; nothing is updated but where a version ends."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware time, kept as milliseconds since 1970 UTC: sorts, subtracts and groups alike in every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else milliseconds(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else from_milliseconds(value)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC; ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return round(moment.timestamp() * 1000)


def from_milliseconds(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)


def _id() -> sa.Column[int]:
    # SQLite numbers only INTEGER keys by itself
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True)


def _load(name: str = "load", **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.ForeignKey("load.id"), **options)


owner = sa.Table(  # whose the store is: one row, written by who opens it first
    "owner",
    metadata,
    _id(),
    sa.Column("store", sa.Text, nullable=False),  # its own id
    sa.Column("election", sa.Text, nullable=False),
    sa.Column("rehearsal", sa.Integer, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
)

load = sa.Table(
    "load",
    metadata,
    _id(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("committed_at", Instant, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False, default=0),
    sa.Column("changed", sa.Integer, nullable=False, default=0),
    sa.Column("unchanged", sa.Integer, nullable=False, default=0),
    sa.Column("set_aside", sa.Integer, nullable=False, default=0),
    sa.Column("withdrawn", sa.Integer, nullable=False, default=0),  # keys that vanished at the source: seen by nobody
    sa.Column("cursor", sa.Text),  # JSON: where the source is read from next time
    sa.Column("error", sa.Text),
    sa.Index("load_committed", "committed_at"),
    sa.Index("load_source", "source", "id"),
)

poll = sa.Table(  # every look at a source, also those that found nothing and so made no load
    "poll",
    metadata,
    _id(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("polled_at", Instant, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),  # ok, error, missed
    sa.Column("error", sa.Text),
    sa.Column("seen", sa.Integer, nullable=False, default=0),
    sa.Column("milliseconds", sa.Integer, nullable=False, default=0),
    _load(),
    sa.Column("used", sa.Integer),  # rows of the source that the store holds then; null: it could not be read
    sa.Index("poll_source", "source", "id"),
)

poll_feed = sa.Table(  # the feeds of a commission that answered in a poll, and whose answer could be taken
    "poll_feed",
    metadata,
    _id(),
    sa.Column("poll", sa.BigInteger, sa.ForeignKey("poll.id"), nullable=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("whole", sa.Integer, nullable=False, server_default="0"),  # 1: a page; 0: only that it is the same
    sa.Index("poll_feed_once", "poll", "feed", unique=True),
)

request = sa.Table(  # what a commission was asked in the last minute, and each feed's last request
    "request",
    metadata,
    _id(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),  # the poll of the source that it was made in
    sa.Column("asked_at", Instant, nullable=False),  # real time, also in a rehearsal
    sa.Index("request_feed", "source", "feed"),
)

payload = sa.Table(  # what a source sent, byte for byte, committed before anybody parsed it
    "payload",
    metadata,
    _id(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("url", sa.Text),  # never with a password in it
    sa.Column("fetched_at", Instant, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("content_type", sa.Text),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("size", sa.Integer, nullable=False),  # bytes, before compression
    sa.Column("sha256", sa.Text, nullable=False),  # of the bytes as they came
    sa.Column("body", sa.LargeBinary, nullable=False),  # zlib
    _load(),  # for rows of an SQL source: the load they changed something in
    sa.Index("payload_feed", "source", "feed", "id"),
)


def _fact(
    name: str,
    keys: tuple[str, ...],
    *columns: sa.schema.SchemaItem,
    place: tuple[str, ...] = (),
    told: tuple[str, ...] = (),
) -> sa.Table:
    """A versioned table: one current version a key, each version between `load_from` and `load_to`. `place`: the
    columns that say where a row counts; one that changes in them is gone from there. `told`: those that may be empty;
    one that is emptied says less than it did."""
    return sa.Table(
        name,
        metadata,
        _id(),
        *columns,
        _load("load_from", nullable=False),
        _load("load_to"),
        sa.Index(f"{name}_version", *keys, "load_from", unique=True),
        sa.Index(
            f"{name}_current",
            *keys,
            unique=True,
            sqlite_where=sa.text("load_to is null"),
            postgresql_where=sa.text("load_to is null"),
        ),
        sa.Index(f"{name}_from", "load_from"),
        sa.Index(
            f"{name}_to",
            "load_to",
            sqlite_where=sa.text("load_to is not null"),
            postgresql_where=sa.text("load_to is not null"),
        ),
        info={"keys": keys, "place": place, "told": told},
    )


def _text(name: str, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


pec = _fact(
    "pec",
    ("pec",),
    _text("pec", nullable=False),
    _text("region"),
    _text("area"),
    _text("settlement"),
    _text("district"),
    _text("stratum"),
    sa.Column("registered_voters", sa.Integer),
    sa.Column("in_sample", sa.Integer, nullable=False),
    sa.Column("mobile_applications", sa.Integer, nullable=False),
    sa.Column("latitude", sa.Float),
    sa.Column("longitude", sa.Float),
    place=("in_sample", "stratum", "region"),
    told=(
        *("area", "settlement", "district", "stratum"),
        *("registered_voters", "mobile_applications", "latitude", "longitude"),
    ),
)

observer = _fact(
    "observer",
    ("source", "observer"),
    _text("source", nullable=False),
    _text("observer", nullable=False),
    _text("pec"),
    _text("role", nullable=False),
    _text("full_name"),
    _text("phone"),
    _text("backup_phone"),
    _text("coordinator"),
    place=("pec", "role"),
    told=("pec", "full_name", "phone", "backup_phone", "coordinator"),
)

report = _fact(
    "report",
    ("source", "report"),
    _text("source", nullable=False),
    _text("report", nullable=False),
    _text("observer", nullable=False),
    _text("pec", nullable=False),
    _text("form", nullable=False),
    sa.Column("submitted_at", Instant, nullable=False),
    sa.Column("complete", sa.Integer, nullable=False),  # 1: every required question has an answer
    _text("held"),  # why it stays out of the figures: wrong_pec; null: it counts
    sa.Index("report_pec", "pec", "form"),
    place=("pec", "observer", "form", "held"),
)

answer = _fact(
    "answer",
    ("source", "report", "question"),
    _text("source", nullable=False),
    _text("report", nullable=False),
    _text("question", nullable=False),
    _text("value", nullable=False),
    sa.Column("number", sa.Float),  # the value of a number question
    sa.Column("moment_at", Instant),  # the value of a time question
    sa.Index("answer_question", "question", "report"),
    place=("value",),
)

incident = _fact(
    "incident",
    ("source", "incident"),
    _text("source", nullable=False),
    _text("incident", nullable=False),
    _text("pec"),
    _text("region"),  # as reported; the frame's stands in `pec`
    _text("district"),
    _text("observer"),
    _text("category"),
    _text("severity"),
    sa.Column("occurred_at", Instant),
    _text("description"),
    _text("status"),
    sa.Column("reported_at", Instant),
    _text("channel"),
    _text("unsorted"),  # why a person must look at it: codes, a space between; null: it could be used as it came
    _text("written"),  # JSON: field -> what stood there that could not be used
    _text("hash"),  # of an unsorted one as it came: a person sorts this, not what may be made of it later
    place=("pec", "region", "district", "category", "severity", "occurred_at", "reported_at", "description"),
    told=("observer", "occurred_at", "description", "status", "channel"),
)

message = _fact(
    "message",
    ("source", "message"),
    _text("source", nullable=False),
    _text("message", nullable=False),
    _text("sender"),
    sa.Column("received_at", Instant, nullable=False),
    _text("text"),
    _text("observer"),
    _text("report"),
    told=("sender", "text", "observer", "report"),
)

attachment = _fact(
    "attachment",
    ("source", "attachment"),
    _text("source", nullable=False),
    _text("attachment", nullable=False),
    _text("report", nullable=False),
    _text("kind", nullable=False),
    _text("sha256"),
    _text("url"),
    place=("report",),
    told=("sha256", "url"),
)

published = _fact(  # a figure of the commission's
    "published",
    ("source", "contest", "scope", "place", "count", "hour", "line", "unit"),
    _text("source", nullable=False),
    _text("contest", nullable=False),
    _text("scope", nullable=False),  # pec, region, country
    _text("place", nullable=False),  # the PEC's or region's code; '' for the country
    _text("count", nullable=False),  # machine, manual, turnout
    _text("hour", nullable=False),  # '14:00' of a turnout; '' elsewhere
    _text("line", nullable=False),  # valid, invalid, found ... or a list's id
    _text("unit", nullable=False),  # number, percent
    sa.Column("value", sa.Float, nullable=False),
    _text("region"),  # as published
    _text("district"),
    sa.Column("payload", sa.BigInteger, sa.ForeignKey("payload.id")),  # where it first stood
)

quarantine = _fact(  # what cannot be used, once; its version ends when a good one came
    "quarantine",
    ("source", "place", "key", "hash"),
    _text("source", nullable=False),
    _text("place", nullable=False),  # the view or the feed
    _text("key", nullable=False),
    _text("hash", nullable=False),
    _text("reason", nullable=False),  # a code: unknown_pec, not_a_number, ...
    _text("field"),
    _text("detail"),
    _text("raw", nullable=False),
    sa.Column("payload", sa.BigInteger, sa.ForeignKey("payload.id")),
    _text("pec"),  # that it is about, as it says or as its report does
    _text("observer"),
)

refusal = _fact(  # a payload that lost too much to be made current; its version ends when one could be taken
    "refusal",
    ("source", "feed"),
    _text("source", nullable=False),
    _text("feed", nullable=False),
    sa.Column("first_payload", sa.BigInteger, sa.ForeignKey("payload.id"), nullable=False),  # since the last good one
    sa.Column("last_payload", sa.BigInteger, sa.ForeignKey("payload.id"), nullable=False),
    _text("what", nullable=False),  # rows, figures
    sa.Column("lost", sa.Integer, nullable=False),
    sa.Column("held", sa.Integer, nullable=False),  # of so many that stay
    sa.Column("figures", sa.Integer),  # that go of other rows, beside rows
    _text("hash"),  # of all that goes: a person accepts this, not what else may vanish
    sa.Column("waits_from", sa.BigInteger),  # the load since which a person is awaited, in whichever version
)

loss = _fact(  # so much of a view vanished, was marked or became unusable that nothing of it was withdrawn
    "loss",
    ("source", "view"),
    _text("source", nullable=False),
    _text("view", nullable=False),
    sa.Column("lost", sa.Integer, nullable=False),
    sa.Column("held", sa.Integer, nullable=False),  # of so many
    _text("hash", nullable=False),  # of the keys and what becomes of each: a person accepts this, nothing else
    sa.Column("waits_from", sa.BigInteger),  # the load since which a person is awaited, in whichever version
)

check_result = sa.Table(  # what a check came to after a poll of the commission that changed something
    "check_result",
    metadata,
    _id(),
    sa.Column("poll", sa.BigInteger, sa.ForeignKey("poll.id"), nullable=False),
    _load(nullable=False),  # as of it
    sa.Column("judged_at", Instant, nullable=False),  # as of then: some checks wait for a poll that finds nothing
    sa.Column("payload", sa.BigInteger, sa.ForeignKey("payload.id")),  # the newest that its figures are of
    _text("check_id", nullable=False),
    _text("contest", nullable=False),
    _text("count", nullable=False),
    _text("scope", nullable=False),
    _text("state", nullable=False),  # right, wrong, not_judged
    sa.Column("judged", sa.Integer, nullable=False),  # comparisons made
    sa.Column("wrong", sa.Integer, nullable=False),  # that do not hold
    sa.Column("largest", sa.Float),  # difference
    sa.Index("check_result_once", "poll", "check_id", "contest", "count", "scope", unique=True),
    sa.Index("check_result_kind", "check_id", "contest", "count", "scope", "poll"),
)

picture = sa.Table(  # what a person attached to a decision
    "picture",
    metadata,
    _id(),
    _load(nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),  # image/jpeg
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

decision = sa.Table(  # what a person decided
    "decision",
    metadata,
    _id(),
    _load(nullable=False),
    # answer, count, stop, go, accept, payload, contradiction, incident, loss, frame
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("decided_at", Instant, nullable=False),
)

taken = sa.Table(  # the loads in which figures of the commission went since a person had accepted it
    "taken",
    metadata,
    _id(),
    _load(nullable=False),
    sa.Column("decision", sa.BigInteger, sa.ForeignKey("decision.id"), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("feed", sa.Text, nullable=False),
    sa.Column("contest", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("count", sa.Text, nullable=False),
    sa.Column("payload", sa.BigInteger, sa.ForeignKey("payload.id"), nullable=False),
    sa.Column("what", sa.Text, nullable=False),  # this and what follows: as a refusal of it says
    sa.Column("lost", sa.Integer, nullable=False),
    sa.Column("held", sa.Integer, nullable=False),
    sa.Column("figures", sa.Integer, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("taken_decision", "decision", "source", "feed"),
)

clock = sa.Table(  # a rehearsal's time, shared by everybody who follows the store
    "clock",
    metadata,
    _id(),
    sa.Column("rehearsed_at", Instant, nullable=False),
    sa.Column("real_at", Instant, nullable=False),
    sa.Column("speed", sa.Float, nullable=False),
)

rehearsal_wish = sa.Table(  # what a person asked of the rehearsal from the screen
    "rehearsal_wish",
    metadata,
    _id(),
    sa.Column("wish", sa.Text, nullable=False),  # jump, restart
    sa.Column("until_at", Instant),
    sa.Column("wished_at", Instant, nullable=False),
)

FACTS = (pec, observer, report, answer, incident, message, attachment, published, quarantine, refusal, loss)
OF_VIEW = {  # a view of the observers' database: its own table, and what goes with its rows
    "obs_pec": (pec,),
    "obs_observer": (observer,),
    "obs_report": (report, answer),
    "obs_answer": (answer, report),
    "obs_incident": (incident,),
    "obs_message": (message,),
    "obs_attachment": (attachment,),
}
