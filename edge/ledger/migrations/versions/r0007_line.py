"""What the page asks of the line, what its cameras do, which categories there are, which bundles have judged."""

import sqlalchemy as sa
from alembic import op

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "line_order",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("asked_ns", sa.BigInteger, nullable=False),
        sa.Column("asked_by", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("camera", sa.String),
        sa.Column("category", sa.String),
        sa.Column("reason", sa.String),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("answered_ns", sa.BigInteger),
        sa.Column("answer", sa.String),
        sa.CheckConstraint("state IN ('waiting', 'doing', 'done', 'refused')"),
    )
    op.create_index("ix_line_order_state", "line_order", ["state", "id"])
    op.create_table(
        "camera_state",
        sa.Column("camera", sa.String, primary_key=True),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("category", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("asked_by", sa.String),
        sa.Column("since_ns", sa.BigInteger, nullable=False),
        sa.Column("beat_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "category_at_hand",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("bundle", sa.String, nullable=False),
    )
    op.create_table(
        "bundle",
        sa.Column("sha256", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("encoder", sa.String, nullable=False),
        sa.Column("folder", sa.String, nullable=False),
        sa.Column("first_used_ns", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Loses orders to the line with who gave them, what cameras did, and what bundles are called."""
    for table in ("bundle", "category_at_hand", "camera_state", "line_order"):
        op.drop_table(table)
