"""A table as CSV that a spreadsheet may open: what people or the line wrote is never taken for a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dashboard.find.exported import Cell

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BLOCK_CHARACTERS = 1 << 16


def harmless(cell: Cell) -> Cell:
    """A text that a spreadsheet would run as a formula with an apostrophe before it; all else as it is."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> Iterator[str]:
    """A header, then a line a row, some at once as they come. Raises ValueError for a cell of an unknown column."""
    holder = io.StringIO()
    writer = csv.DictWriter(holder, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: harmless(cell) for name, cell in row.items()})
        if holder.tell() > BLOCK_CHARACTERS:
            yield _taken(holder)
    yield _taken(holder)


def _taken(holder: io.StringIO) -> str:
    text = holder.getvalue()
    holder.seek(0)
    holder.truncate()
    return text
