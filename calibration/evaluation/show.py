"""What an evaluation says on a terminal, and to a program."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from calibration.evaluation.report import FILE as REPORT
from calibration.evaluation.results import OURS
from calibration.evaluation.session import Session
from calibration.evaluation.tables import MEAN, METRICS, Cell, Key, columns_of, measured, points, shots_named, signed

FILE_WIDTH = 160
"""Characters in a line of a table that no terminal limits."""


def show(session: Session, console: Console, *, complete: bool, as_json: bool) -> None:
    """The tables on stdout, or one JSON object; on `console` what a reader must know."""
    if as_json:
        sys.stdout.write(json.dumps(as_data(session, complete=complete), indent=1) + "\n")
    else:
        out = Console(highlight=False)
        out = out if out.is_terminal else Console(highlight=False, width=FILE_WIDTH)
        for table in tables(session.cells()):
            out.print(table)
            out.print()
    for line in (*session.remarks(), *ending(session, complete=complete)):
        console.print(line, markup=False)


def ending(session: Session, *, complete: bool) -> Iterator[str]:
    """What is complete, and where it lies."""
    folder, names = session.prepared.options.report, list(session.results.categories)
    if complete:
        if folder:
            yield f"Report    {folder / REPORT}"
        return
    total = len(session.prepared.dataset.categories)
    kept = f"kept in {folder}: the same command goes on from there" if folder else "not kept: give --report DIR"
    yield f"Stopped. {len(names)} of {total} categories are complete ({', '.join(names) or 'none'}), {kept}."


def tables(cells: Mapping[Key, Cell]) -> Iterator[Table]:
    """One table a method and number of shots: categories, their mean, and under it the papers' and the difference."""
    for method, shots in columns_of(cells):
        metrics = measured(cells, method, shots)
        if not metrics:
            continue
        names = dict.fromkeys(key[2] for key in cells if key[:2] == (method, shots))
        title = shots_named(shots) if method == OURS else f"{shots_named(shots)}, {method}"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
        table.add_column("", no_wrap=True)
        for metric in metrics:
            table.add_column(METRICS[metric], justify="right")
        for name in names:
            row = [cells[method, shots, name, metric] for metric in metrics]
            style = "bold" if name == MEAN else None
            table.add_row(name, *(_narrow(points(cell.mean, cell.deviation)) for cell in row), style=style)
            if name == MEAN and any(cell.reported for cell in row):
                said = "; ".join(dict.fromkeys(cell.reported.table for cell in row if cell.reported))
                theirs = [cell.reported for cell in row]
                table.add_row(
                    said, *(_narrow(points(one.value, one.deviation)) if one else "-" for one in theirs), style="dim"
                )
                table.add_row("difference", *(signed(cell.difference) for cell in row), style="dim")
        yield table


def _narrow(text: str) -> str:
    return text.replace(" ", "")


def as_data(session: Session, *, complete: bool) -> dict[str, Any]:
    """Everything for a program; metrics 0..1, differences in points."""
    return {
        "complete": complete,
        "settings": session.results.settings,
        "about": session.results.about,
        "remarks": session.remarks(),
        "table": [_cell(key, cell) for key, cell in session.cells().items() if cell.mean is not None],
        "published": [
            {
                "dataset": row.dataset,
                "shots": row.shots,
                "method": row.method,
                "setup": row.setup,
                "table": row.table,
                "doubt": row.doubt,
                **{metric: one.value for metric, one in row.values.items()},
            }
            for row in session.published_rows()
        ],
    }


def _cell(key: Key, cell: Cell) -> dict[str, Any]:
    method, shots, category, metric = key
    theirs = cell.reported
    return {
        "method": method,
        "shots": shots,
        "category": category,
        "metric": metric,
        "mean": cell.mean,
        "deviation": cell.deviation,
        "seeds": cell.seeds,
        "published": theirs and theirs.value,
        "published_deviation": theirs and theirs.deviation,
        "published_in": theirs and theirs.table,
        "difference_points": cell.difference,
    }
