"""Retention: what pictures take, when and why one went, and a name of the record that its media folder repeats."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "r0010"
down_revision = "r0009"
branch_labels = None
depends_on = None

KEPT = sa.text("media_bytes IS NOT NULL")


def upgrade() -> None:
    op.add_column("inspection", sa.Column("media_bytes", sa.BigInteger))
    op.add_column("inspection", sa.Column("picture_gone_ns", sa.BigInteger))
    op.add_column("inspection", sa.Column("picture_gone_why", sa.String))
    op.execute("UPDATE inspection SET media_bytes = 0 WHERE picture_path IS NOT NULL")  # the line weighs them later
    op.create_index(
        "ix_inspection_kept",
        "inspection",
        ["captured_ns", "media_bytes", "outcome", "reason", "reviewed_as"],
        sqlite_where=KEPT,
        postgresql_where=KEPT,
    )
    table = op.create_table("record_name", sa.Column("name", sa.String, primary_key=True))
    op.bulk_insert(table, [{"name": uuid4().hex}])


def downgrade() -> None:
    """Loses when and why pictures went, and the record's name: retention then asks for media/.record to be removed."""
    op.drop_table("record_name")
    op.drop_index("ix_inspection_kept", "inspection")
    for column in ("picture_gone_why", "picture_gone_ns", "media_bytes"):
        op.drop_column("inspection", column)
