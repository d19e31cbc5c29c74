"""Triggers of the record in both databases: rows that can only be added, and what follows from a row."""

from alembic import op


def on_postgresql() -> bool:
    """Whether the record is in PostgreSQL, rather than in a SQLite file."""
    return bool(op.get_bind().dialect.name == "postgresql")


def append_only(table: str, words: str) -> None:
    """Have the database refuse, in these words, to change or remove rows of a table."""
    if on_postgresql():
        op.execute(
            f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS "
            f"$$ BEGIN RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        refuse = f"EXECUTE FUNCTION {table}_refuse()"
        op.execute(f"CREATE TRIGGER {table}_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
        op.execute(f"CREATE TRIGGER {table}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
        return
    refuse = f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
    op.execute(f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {refuse}")
    op.execute(f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {refuse}")
    # INSERT OR REPLACE removes the old row without asking a delete trigger
    there = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)"  # noqa: S608
    op.execute(f"CREATE TRIGGER {table}_replace BEFORE INSERT ON {table} {there} {refuse}")


def let_change(table: str) -> None:
    """Take back `append_only`."""
    if on_postgresql():
        op.execute(f"DROP FUNCTION {table}_refuse CASCADE")  # with its triggers
        return
    for moment in ("update", "delete", "replace"):
        op.execute(f"DROP TRIGGER {table}_{moment}")


def after_insert(table: str, name: str, statement: str) -> None:
    """Have a statement follow each new row, which it calls NEW."""
    if on_postgresql():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS "
            f"$$ BEGIN {statement}; RETURN NULL; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
        return
    op.execute(f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {statement}; END")


def drop_after_insert(name: str) -> None:
    """Take back `after_insert`."""
    op.execute(f"DROP FUNCTION {name} CASCADE" if on_postgresql() else f"DROP TRIGGER {name}")
