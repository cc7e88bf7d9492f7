"""What vanished from the observers' database in such numbers that it stays until a person accepts it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "loss",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("load_from", sa.BigInteger(), nullable=False),
        sa.Column("load_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["load_from"], ["load.id"]),
        sa.ForeignKeyConstraint(["load_to"], ["load.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    current, ended = sa.text("load_to is null"), sa.text("load_to is not null")
    op.create_index("loss_version", "loss", ["source", "view", "load_from"], unique=True)
    op.create_index(
        "loss_current", "loss", ["source", "view"], unique=True, sqlite_where=current, postgresql_where=current
    )
    op.create_index("loss_from", "loss", ["load_from"])
    op.create_index("loss_to", "loss", ["load_to"], sqlite_where=ended, postgresql_where=ended)
