"""First tables: run, camera, inspection, region."""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("version", sa.String, nullable=False),
    )
    op.create_table(
        "camera",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("category", sa.String),
        sa.UniqueConstraint("run_id", "name"),
    )
    op.create_table(
        "inspection",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("camera_id", sa.Integer, sa.ForeignKey("camera.id"), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("captured_ns", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.Float, nullable=False),
        sa.Column("part", sa.String),
        sa.Column("lot", sa.String),
        sa.Column("serial", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String),
        sa.Column("score", sa.Float),
        sa.Column("threshold", sa.Float),
        sa.Column("head_scores", sa.JSON, nullable=False),
        sa.Column("category", sa.String),
        sa.Column("bundle", sa.String),
        sa.Column("nearest_reference", sa.String),
        sa.Column("nearest_distance", sa.Float),
        sa.Column("scale_low", sa.Float),
        sa.Column("scale_high", sa.Float),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("picture_path", sa.String),
        sa.Column("map_path", sa.String),
        sa.Column("map_top", sa.Float),
        sa.UniqueConstraint("run_id", "camera_id", "seq"),
    )
    op.create_index("ix_inspection_outcome_id", "inspection", ["outcome", "id"])
    op.create_table(
        "region",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("inspection_id", BigKey, sa.ForeignKey("inspection.id"), nullable=False),
        sa.Column("x0", sa.Integer, nullable=False),
        sa.Column("y0", sa.Integer, nullable=False),
        sa.Column("x1", sa.Integer, nullable=False),
        sa.Column("y1", sa.Integer, nullable=False),
        sa.Column("area", sa.Float, nullable=False),
        sa.Column("peak", sa.Float, nullable=False),
    )
    op.create_index("ix_region_inspection_id", "region", ["inspection_id"])


def downgrade() -> None:
    """Loses everything: runs, cameras, inspections and their areas."""
    op.drop_table("region")
    op.drop_table("inspection")
    op.drop_table("camera")
    op.drop_table("run")
