"""Drift alarms, and checks before a shift; both are only added to."""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "alarm",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("measure", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("bundle", sa.String, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("centre", sa.Float, nullable=False),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("sentence", sa.String, nullable=False),
    )
    op.create_index("ix_alarm_camera_measure", "alarm", ["camera_id", "measure", "id"])
    op.create_table(
        "shift_check",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("bundle", sa.String, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_index("ix_shift_check_category", "shift_check", ["category", "id"])


def downgrade() -> None:
    """Loses drift alarms, and checks before shifts."""
    op.drop_table("shift_check")
    op.drop_table("alarm")
