"""Since which load a refusal or a loss waits for a person, whatever it has become since."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for table in ("refusal", "loss"):
        op.add_column(table, sa.Column("waits_from", sa.BigInteger()))
    op.execute("update refusal set waits_from = load_from")
    op.execute("update loss set waits_from = load_from")
