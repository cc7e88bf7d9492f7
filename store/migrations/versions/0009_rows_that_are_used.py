"""How many rows of a source were used, at each look: beside those that are set aside."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("poll", sa.Column("used", sa.Integer()))
