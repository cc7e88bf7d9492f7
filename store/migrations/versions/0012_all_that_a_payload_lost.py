"""All that goes with a refused payload: figures beside rows, and a hash, which a person accepts."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("refusal", sa.Column("figures", sa.Integer()))
    op.add_column("refusal", sa.Column("hash", sa.Text()))
    op.execute("update refusal set figures = 0, hash = ''")  # of nothing that goes: the next poll says what does
