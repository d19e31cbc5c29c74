"""Tables for a terminal of any width, and whole lines for a pipe."""

from collections.abc import Collection

from rich.console import Console
from rich.table import Column, Table

UNLIMITED = 100_000
"""Columns of a pipe or file, in which no row is broken."""


def folding_table(*names: str, long: Collection[str] = ()) -> Table:
    """A table with these columns; where they do not fit, only the `long` ones go on in the next line."""
    columns = (Column(name, overflow="fold", no_wrap=name not in long) for name in names)
    return Table(*columns, box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold underline")


def print_table(console: Console, table: Table) -> None:
    """Print it as wide as the terminal, or where there is none, as wide as it is."""
    if not console.is_terminal:
        console.width = UNLIMITED
    console.print(table, soft_wrap=False)
