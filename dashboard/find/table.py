"""A table as CSV that a spreadsheet may open: what people or the line wrote is never taken for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dashboard.find.exported import Cell

FORMULA = re.compile(r'(^|[;,\t\r\n])([\s"]*)([=+\-@])')
"""Where a formula could begin: at a text's start, or after what some spreadsheet takes for the end of a cell.

Which of them do so hangs on the spreadsheet's language and settings, and one that does may not honour the quotes.
"""
BLOCK_CHARACTERS = 1 << 16


def harmless(cell: Cell) -> Cell:
    """A text with an apostrophe before whatever a spreadsheet could run as a formula; all else as it is."""
    return FORMULA.sub(r"\1\2'\3", cell) if isinstance(cell, str) else cell


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
