"""The store as it was first released."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "clock",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("rehearsed_at", sa.BigInteger(), nullable=False),
        sa.Column("real_at", sa.BigInteger(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "load",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("load_committed", "load", ["committed_at"], unique=False)
    op.create_index("load_source", "load", ["source", "id"], unique=False)
    op.create_table(
        "rehearsal_wish",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("wished_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("moment_at", sa.BigInteger(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "answer_current",
        "answer",
        ["source", "report", "question"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("answer_from", "answer", ["load_from"], unique=False)
    op.create_index("answer_question", "answer", ["question", "report"], unique=False)
    op.create_index("answer_version", "answer", ["source", "report", "question", "load_from"], unique=True)
    op.create_table(
        "attachment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("attachment", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "attachment_current",
        "attachment",
        ["source", "attachment"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("attachment_from", "attachment", ["load_from"], unique=False)
    op.create_index("attachment_version", "attachment", ["source", "attachment", "load_from"], unique=True)
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["load"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("pec", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("observer", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "incident_current",
        "incident",
        ["source", "incident"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("incident_from", "incident", ["load_from"], unique=False)
    op.create_index("incident_version", "incident", ["source", "incident", "load_from"], unique=True)
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("observer", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "message_current",
        "message",
        ["source", "message"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("message_from", "message", ["load_from"], unique=False)
    op.create_index("message_version", "message", ["source", "message", "load_from"], unique=True)
    op.create_table(
        "observer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("observer", sa.Text(), nullable=False),
        sa.Column("pec", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("backup_phone", sa.Text(), nullable=True),
        sa.Column("coordinator", sa.Text(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "observer_current",
        "observer",
        ["source", "observer"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("observer_from", "observer", ["load_from"], unique=False)
    op.create_index("observer_version", "observer", ["source", "observer", "load_from"], unique=True)
    op.create_table(
        "payload",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("fetched_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("payload_feed", "payload", ["source", "feed", "id"], unique=False)
    op.create_table(
        "pec",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("pec", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("settlement", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("stratum", sa.Text(), nullable=True),
        sa.Column("registered_voters", sa.Integer(), nullable=True),
        sa.Column("in_sample", sa.Integer(), nullable=False),
        sa.Column("mobile_applications", sa.Integer(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "pec_current",
        "pec",
        ["pec"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("pec_from", "pec", ["load_from"], unique=False)
    op.create_index("pec_version", "pec", ["pec", "load_from"], unique=True)
    op.create_table(
        "poll",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("poll_source", "poll", ["source", "id"], unique=False)
    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("observer", sa.Text(), nullable=False),
        sa.Column("pec", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("complete", sa.Integer(), nullable=False),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "report_current",
        "report",
        ["source", "report"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("report_from", "report", ["load_from"], unique=False)
    op.create_index("report_pec", "report", ["pec", "form"], unique=False)
    op.create_index("report_version", "report", ["source", "report", "load_from"], unique=True)
    op.create_table(
        "published",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("contest", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("count", sa.Text(), nullable=False),
        sa.Column("hour", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("payload", sa.BigInteger(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["payload"],
            ["payload.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "published_current",
        "published",
        ["source", "contest", "scope", "place", "count", "hour", "line", "unit"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("published_from", "published", ["load_from"], unique=False)
    op.create_index(
        "published_version",
        "published",
        ["source", "contest", "scope", "place", "count", "hour", "line", "unit", "load_from"],
        unique=True,
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("payload", sa.BigInteger(), nullable=True),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["load_from"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["load_to"],
            ["load.id"],
        ),
        sa.ForeignKeyConstraint(
            ["payload"],
            ["payload.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "quarantine_current",
        "quarantine",
        ["source", "place", "key", "hash"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("quarantine_from", "quarantine", ["load_from"], unique=False)
    op.create_index("quarantine_version", "quarantine", ["source", "place", "key", "hash", "load_from"], unique=True)
