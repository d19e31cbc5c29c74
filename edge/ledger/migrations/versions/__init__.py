"""Alembic's environment and the revisions of the record's tables."""
