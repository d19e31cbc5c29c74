"""Tables for a terminal of any width."""

from rich.table import Column, Table


def folding_table(*names: str) -> Table:
    """A table with these columns, in which what is too long goes on in the next line; rich would cut it."""
    return Table(*(Column(name, overflow="fold") for name in names), show_edge=False)
