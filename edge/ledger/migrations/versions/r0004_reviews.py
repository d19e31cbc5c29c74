"""Reviews: what people said of frames, in rows that can only be added."""

import sqlalchemy as sa
from alembic import op

from edge.ledger.migrations.triggers import append_only, let_change

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")
APPEND_ONLY = "reviews are append-only: a changed mind is a new row"


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("inspection_id", BigKey, sa.ForeignKey("inspection.id"), nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("reviewer", sa.String, nullable=False),
        sa.Column("reviewed_ns", sa.BigInteger, nullable=False),
        sa.Column("bundle", sa.String),
        sa.Column("kind", sa.String),
        sa.Column("note", sa.String),
        sa.CheckConstraint("trim(reviewer) <> ''"),
        sa.CheckConstraint("verdict IN ('confirmed_defect', 'false_alarm', 'unsure')"),
    )
    op.create_index("ix_review_inspection_id", "review", ["inspection_id"])
    append_only("review", APPEND_ONLY)


def downgrade() -> None:
    """Loses all that people said of frames."""
    let_change("review")
    op.drop_table("review")
