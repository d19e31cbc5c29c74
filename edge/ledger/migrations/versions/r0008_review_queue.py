"""The review queue: verdicts can be withdrawn, kinds of defect are a list, and a sample of ok frames is kept."""

import sqlalchemy as sa
from alembic import op

from edge.ledger.migrations.triggers import (
    after_insert,
    append_only,
    drop_after_insert,
    let_change,
    on_postgresql,
)

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")
APPEND_ONLY = "reviews are append-only: a changed mind is a new row"
OLD = ("confirmed_defect", "false_alarm", "unsure")
NEW = (*OLD, "confirmed_ok", "withdrawn")
COLUMNS = "id, inspection_id, verdict, reviewer, reviewed_ns, bundle, kind, note"
FLAGGED = "outcome IN ('defect', 'unsure')"
"""With a + before it, SQLite takes an index whose own condition is this, and never the one on outcome."""
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
        f"+{FLAGGED} AND reviewed_as IS NULL",
        f"{FLAGGED} AND reviewed_as IS NULL",
    ),
    (
        "ix_inspection_flagged",
        ["category", "bundle", "captured_ns", "reviewed_as", "outcome"],
        f"+{FLAGGED}",
        FLAGGED,
    ),
    (
        "ix_inspection_audit",
        ["category", "bundle", "audit_rate", "captured_ns", "audited_as"],
        "audit_rate IS NOT NULL",
        "audit_rate IS NOT NULL",
    ),
)


def upgrade() -> None:
    added = (
        sa.Column("blind", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("undoes", BigKey, sa.ForeignKey("review.id")),
        sa.Column("undone_by", sa.String),
    )
    if on_postgresql():
        _allow(NEW)
        for column in added:
            op.add_column("review", column)
    else:
        _make_reviews_anew(NEW, *added)
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
    after_insert("review", "review_said", f"{SAID} WHERE id = NEW.inspection_id")
    for name, columns, sqlite, postgresql in INDEXES:
        op.create_index(name, "inspection", columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))


def downgrade() -> None:
    """Loses kinds of defect, audit rates and draws, who took what back, which reviews were blind, and those that say
    `confirmed_ok` or `withdrawn`: their frame then counts as it was reviewed before."""
    for name, *_ in INDEXES:
        op.drop_index(name, "inspection")
    drop_after_insert("review_said")
    for column in ("audited_as", "reviewed_as", "audit_rate"):
        op.execute(f"ALTER TABLE inspection DROP COLUMN {column}")
    op.drop_table("audit_rate")
    op.drop_table("defect_kind")
    if on_postgresql():
        _lose(OLD)
        for name in ("blind", "undoes", "undone_by"):
            op.drop_column("review", name)
    else:
        _make_reviews_anew(OLD)


def _allow(verdicts: tuple[str, ...]) -> None:
    op.drop_constraint("review_verdict_check", "review")
    op.create_check_constraint("review_verdict_check", "review", f"verdict IN ({_listed(verdicts)})")


def _lose(verdicts: tuple[str, ...]) -> None:
    """As `_make_reviews_anew`: verdicts that are no longer allowed are lost."""
    let_change("review")
    op.execute("UPDATE review SET undoes = NULL")
    op.execute(f"DELETE FROM review WHERE verdict NOT IN ({_listed(verdicts)})")  # noqa: S608
    append_only("review", APPEND_ONLY)
    _allow(verdicts)


def _listed(verdicts: tuple[str, ...]) -> str:
    return ", ".join(f"'{verdict}'" for verdict in verdicts)


def _make_reviews_anew(verdicts: tuple[str, ...], *more: "sa.Column[bool] | sa.Column[int] | sa.Column[str]") -> None:
    """A check constraint of a SQLite table changes only with the table; verdicts that it no longer allows are lost."""
    let_change("review")
    op.drop_index("ix_review_inspection_id", "review")
    op.rename_table("review", "review_before")
    allowed = _listed(verdicts)
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
    append_only("review", APPEND_ONLY)
