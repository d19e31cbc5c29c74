"""Reviews: what people said of frames, in rows that can only be added."""

import sqlalchemy as sa
from alembic import op

revision = "r0004"
down_revision = "r0003"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")
REFUSE = "BEGIN SELECT RAISE(ABORT, 'reviews are append-only: a changed mind is a new row'); END"


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
    op.execute(f"CREATE TRIGGER review_update BEFORE UPDATE ON review {REFUSE}")
    op.execute(f"CREATE TRIGGER review_delete BEFORE DELETE ON review {REFUSE}")
    # INSERT OR REPLACE removes the old row without asking a delete trigger
    there = "WHEN EXISTS (SELECT 1 FROM review WHERE id = NEW.id)"
    op.execute(f"CREATE TRIGGER review_replace BEFORE INSERT ON review {there} {REFUSE}")


def downgrade() -> None:
    op.drop_table("review")
