"""Who is to be told of every outcome, and what was not delivered to them yet."""

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "output",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("output", sa.String, nullable=False),
        sa.Column("inspection_id", BigKey, sa.ForeignKey("inspection.id"), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_output", "outbox", ["output", "id"])
    op.create_index("ix_outbox_inspection_id", "outbox", ["inspection_id"])


def downgrade() -> None:
    """Loses which results outputs were not told yet; the results themselves stay."""
    op.drop_table("outbox")
    op.drop_table("output")
