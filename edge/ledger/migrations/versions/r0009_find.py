"""Ways to find frames: by time of capture, and by the numbers of their part."""

import sqlalchemy as sa
from alembic import op

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None

NUMBERS = ("part", "lot", "serial")


def upgrade() -> None:
    op.create_index("ix_inspection_captured_ns", "inspection", ["captured_ns"])
    for number in NUMBERS:
        given = sa.text(f"{number} IS NOT NULL")
        op.create_index(
            f"ix_inspection_{number}", "inspection", [number, "id"], sqlite_where=given, postgresql_where=given
        )


def downgrade() -> None:
    """Loses nothing: indexes alone."""
    for column in ("captured_ns", *NUMBERS):
        op.drop_index(f"ix_inspection_{column}", "inspection")
