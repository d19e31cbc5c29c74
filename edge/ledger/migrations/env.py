"""Run by Alembic; the connection and its transaction come from `edge.ledger.schema.prepare`."""

from alembic import context

from edge.ledger.record import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
