"""The PEC and the observer that a row set aside is about."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("quarantine", sa.Column("pec", sa.Text()))
    op.add_column("quarantine", sa.Column("observer", sa.Text()))
