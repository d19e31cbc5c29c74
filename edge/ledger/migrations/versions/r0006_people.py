"""People of the page: accounts, sign-ins, API tokens, and the log of what was done, which is only added to."""

import sqlalchemy as sa
from alembic import op

from edge.ledger.migrations.triggers import append_only, let_change

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("password_hash", sa.String, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
        sa.Column("disabled_ns", sa.BigInteger),
        sa.CheckConstraint("role IN ('operator', 'engineer', 'admin')"),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("token_sha256", sa.String, nullable=False, unique=True),
        sa.Column("began_ns", sa.BigInteger, nullable=False),
        sa.Column("ends_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("token_sha256", sa.String, nullable=False, unique=True),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_ns", sa.BigInteger, nullable=False),
        sa.Column("revoked_ns", sa.BigInteger),
        sa.CheckConstraint("role IN ('operator', 'engineer', 'admin')"),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", BigKey, primary_key=True),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("address", sa.String),
    )
    append_only("audit_event", "the audit log is append-only")


def downgrade() -> None:
    """Loses accounts, sign-ins, API tokens, and the log of what was done."""
    let_change("audit_event")
    for table in ("audit_event", "api_token", "sign_in", "account"):
        op.drop_table(table)
