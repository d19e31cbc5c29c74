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
FLAGGED = "+outcome IN ('defect', 'unsure')"
"""With the +, SQLite takes an index whose own condition is this, and never the one on outcome."""
SAID = """
    UPDATE inspection SET
        reviewed_as = (
            SELECT nullif(verdict, 'withdrawn') FROM review WHERE inspection_id = inspection.id ORDER BY id DESC LIMIT 1
        ),
        audited_as = (
            SELECT verdict FROM review AS said WHERE inspection_id = inspection.id AND blind
            AND NOT EXISTS (SELECT 1 FROM review WHERE inspection_id = inspection.id AND undoes = said.id)
            ORDER BY id DESC LIMIT 1
        )
"""
"""What people said of a frame, as its row repeats it."""
INDEXES = (
    (
        "ix_inspection_queue",
        ["id", "camera_id", "category", "outcome", "score", "threshold", "reviewed_as"],
        f"{FLAGGED} AND reviewed_as IS NULL",
    ),
    ("ix_inspection_flagged", ["category", "bundle", "captured_ns", "reviewed_as", "outcome"], FLAGGED),
    (
        "ix_inspection_audit",
        ["category", "bundle", "audit_rate", "captured_ns", "audited_as"],
        "audit_rate IS NOT NULL",
    ),
)


def upgrade() -> None:
    _make_reviews_anew(
        (*OLD, "confirmed_ok", "withdrawn"),
        sa.Column("blind", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("undoes", BigKey, sa.ForeignKey("review.id")),
        sa.Column("undone_by", sa.String),
    )
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
    op.add_column("inspection", sa.Column("reviewed_as", sa.String))
    op.add_column("inspection", sa.Column("audited_as", sa.String))
    op.execute(f"{SAID} WHERE id IN (SELECT inspection_id FROM review)")  # noqa: S608
    op.execute(f"CREATE TRIGGER review_said AFTER INSERT ON review BEGIN {SAID} WHERE id = NEW.inspection_id; END")
    for name, columns, where in INDEXES:
        op.create_index(name, "inspection", columns, sqlite_where=sa.text(where))


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(name, "inspection")
    op.execute("DROP TRIGGER review_said")
    for column in ("audited_as", "reviewed_as", "audit_rate"):
        op.execute(f"ALTER TABLE inspection DROP COLUMN {column}")
    op.drop_table("audit_rate")
    op.drop_table("defect_kind")
    _make_reviews_anew(OLD)


def _make_reviews_anew(verdicts: tuple[str, ...], *more: "sa.Column[bool] | sa.Column[int] | sa.Column[str]") -> None:
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
