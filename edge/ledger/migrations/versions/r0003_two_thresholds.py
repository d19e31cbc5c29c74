"""Two thresholds: between them a part is unsure."""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inspection", sa.Column("defect_threshold", sa.Float))


def downgrade() -> None:
    """Loses the threshold above which a part was a defect."""
    op.drop_column("inspection", "defect_threshold")
