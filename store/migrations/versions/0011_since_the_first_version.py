"""What waits for a person has waited since the first of its versions: 0010 took the last."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    _since_the_first("refusal", "feed")
    _since_the_first("loss", "view")


def _since_the_first(table: str, key: str) -> None:
    """Versions follow one another where one begins with the load in which the one before it ended."""
    op.execute(
        f"""
        update {table} set waits_from = (
            select max(first.load_from) from {table} first
            where first.source = {table}.source and first.{key} = {table}.{key}
                and first.load_from <= {table}.load_from and not exists (
                    select 1 from {table} before
                    where before.source = first.source and before.{key} = first.{key}
                        and before.load_to = first.load_from))
        where load_to is null
        """  # noqa: S608 -- our own tables
    )
