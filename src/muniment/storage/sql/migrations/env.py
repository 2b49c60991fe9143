"""What Alembic runs: the migrations, on the connection that it is given, in its transaction."""

from __future__ import annotations

from alembic import context

from muniment.storage.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the caller's transaction is the only one
)
with context.begin_transaction():
    context.run_migrations()
