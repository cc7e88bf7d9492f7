"""Payloads that were refused, what the checks came to, pictures that people attach; what ended between two loads."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_FACTS = ("pec", "observer", "report", "answer", "incident", "message", "attachment", "published", "quarantine")


def upgrade() -> None:
    op.create_table(
        "refusal",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("first_payload", sa.BigInteger(), nullable=False),
        sa.Column("last_payload", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["first_payload"], ["payload.id"]),
        sa.ForeignKeyConstraint(["last_payload"], ["payload.id"]),
        sa.ForeignKeyConstraint(["load_from"], ["load.id"]),
        sa.ForeignKeyConstraint(["load_to"], ["load.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "refusal_current",
        "refusal",
        ["source", "feed"],
        unique=True,
        sqlite_where=sa.text("load_to is null"),
        postgresql_where=sa.text("load_to is null"),
    )
    op.create_index("refusal_from", "refusal", ["load_from"], unique=False)
    op.create_index("refusal_version", "refusal", ["source", "feed", "load_from"], unique=True)
    op.create_table(
        "check_result",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("poll", sa.BigInteger(), nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.BigInteger(), nullable=True),
        sa.Column("check_id", sa.Text(), nullable=False),
        sa.Column("contest", sa.Text(), nullable=False),
        sa.Column("count", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("judged", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("largest", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["poll"], ["poll.id"]),
        sa.ForeignKeyConstraint(["load"], ["load.id"]),
        sa.ForeignKeyConstraint(["payload"], ["payload.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    kind = ["check_id", "contest", "count", "scope"]
    op.create_index("check_result_once", "check_result", ["poll", *kind], unique=True)
    op.create_index("check_result_kind", "check_result", [*kind, "poll"], unique=False)
    op.create_table(
        "picture",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("load", sa.BigInteger(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["load"], ["load.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for fact in (*_FACTS, "refusal"):
        op.create_index(
            f"{fact}_to",
            fact,
            ["load_to"],
            unique=False,
            sqlite_where=sa.text("load_to is not null"),
            postgresql_where=sa.text("load_to is not null"),
        )
