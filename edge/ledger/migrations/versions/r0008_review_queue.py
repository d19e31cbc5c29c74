"""The review queue: verdicts can be withdrawn, kinds of defect are a list, and a sample of ok frames is kept."""

import sqlalchemy as sa
from alembic import op

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")
REFUSE = "BEGIN SELECT RAISE(ABORT, 'reviews are append-only: a changed mind is a new row'); END"
OLD = ("confirmed_defect", "false_alarm", "unsure")
COLUMNS = "id, inspection_id, verdict, reviewer, reviewed_ns, bundle, kind, note"


def upgrade() -> None:
    _make_reviews_anew((*OLD, "withdrawn"), sa.Column("blind", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "defect_kind",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("added_by", sa.String, nullable=False),
        sa.Column("added_ns", sa.BigInteger, nullable=False),
        sa.Column("retired_ns", sa.BigInteger),
    )
    op.create_table(
        "audit_rate",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("rate", sa.Float, nullable=False),
        sa.Column("set_by", sa.String, nullable=False),
        sa.Column("set_ns", sa.BigInteger, nullable=False),
        sa.CheckConstraint("rate BETWEEN 0 AND 1"),
    )
    op.add_column("inspection", sa.Column("audit_rate", sa.Float))


def downgrade() -> None:
    op.execute("ALTER TABLE inspection DROP COLUMN audit_rate")
    op.drop_table("audit_rate")
    op.drop_table("defect_kind")
    _make_reviews_anew(OLD)


def _make_reviews_anew(verdicts: tuple[str, ...], *more: sa.Column[bool]) -> None:
    """A check constraint of a SQLite table changes only with the table; verdicts that it no longer allows are lost."""
    for trigger in ("update", "delete", "replace"):
        op.execute(f"DROP TRIGGER review_{trigger}")
    op.drop_index("ix_review_inspection_id", "review")
    op.rename_table("review", "review_before")
    allowed = ", ".join(f"'{verdict}'" for verdict in verdicts)
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
        *more,
        sa.CheckConstraint("trim(reviewer) <> ''"),
        sa.CheckConstraint(f"verdict IN ({allowed})"),
    )
    op.execute(f"INSERT INTO review ({COLUMNS}) SELECT {COLUMNS} FROM review_before WHERE verdict IN ({allowed})")  # noqa: S608
    op.drop_table("review_before")
    op.create_index("ix_review_inspection_id", "review", ["inspection_id"])
    op.execute(f"CREATE TRIGGER review_update BEFORE UPDATE ON review {REFUSE}")
    op.execute(f"CREATE TRIGGER review_delete BEFORE DELETE ON review {REFUSE}")
    there = "WHEN EXISTS (SELECT 1 FROM review WHERE id = NEW.id)"
    op.execute(f"CREATE TRIGGER review_replace BEFORE INSERT ON review {there} {REFUSE}")
