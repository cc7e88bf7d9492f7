"""Which feeds answered in a poll: some checks wait until a table and its PECs stood still, whatever the others do."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "poll_feed",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("poll", sa.BigInteger(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["poll"], ["poll.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("poll_feed_once", "poll_feed", ["poll", "feed"], unique=True)
