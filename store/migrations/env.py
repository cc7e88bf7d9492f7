"""Alembic's environment: migrations run on the connection that `open_store` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
