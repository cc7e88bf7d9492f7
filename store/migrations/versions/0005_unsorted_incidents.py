"""Incidents that cannot be used as they came: loaded, for a person to sort; they were set aside until now."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("incident") as table:
        for name in ("category", "severity", "reported_at"):
            table.alter_column(
                name, nullable=True, existing_type=sa.BigInteger() if name == "reported_at" else sa.Text()
            )
        for name in ("unsorted", "written", "hash"):
            table.add_column(sa.Column(name, sa.Text(), nullable=True))
