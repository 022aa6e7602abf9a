"""Alembic's entry: runs the revisions on the connection that Database.migrate holds."""

from alembic import context

from kerasearch.service.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
