"""Recipes: how heads were combined, what each reached on good parts, and a mark on the map's own scale."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inspection", sa.Column("recipe", sa.String))
    op.add_column("inspection", sa.Column("head_limits", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("inspection", sa.Column("scale_mark", sa.Float))
    op.execute("UPDATE inspection SET scale_mark = threshold WHERE scale_low IS NOT NULL")


def downgrade() -> None:
    """Loses how heads were combined, what each reached on good parts, and the map's mark."""
    op.drop_column("inspection", "scale_mark")
    op.drop_column("inspection", "head_limits")
    op.drop_column("inspection", "recipe")
