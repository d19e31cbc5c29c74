"""The report of an evaluation in Markdown: what was run, every table, the papers' numbers and the pictures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from calibration.evaluation.beside_published import PublishedRow
from calibration.evaluation.pictures import describe
from calibration.evaluation.results import OURS, CategoryRecord, Results, write_whole
from calibration.evaluation.tables import MEAN, METRICS, Cell, Key, columns_of, measured, points, shots_named, signed

FILE = "report.md"

READING = """\
Percent: mean and sample standard deviation over seeds. The row of means is over the categories that have the metric;
its deviation is that of the seeds' means. In brackets the paper's value and the difference in points. Pixel metrics are
taken at the encoder's input size over all test pictures whose defective pixels are known. PRO is that of APRIL-GAN's
reference implementation: 200 thresholds, share of normal pixels below 0.3. The harmonic mean is VAND 2023's: of image
F1-max and pixel F1-max, a category at a time."""


TIMED = {"encoder": "encoder", "heads": "heads of all columns", "counting": "waiting for pixel counts"}
"""By what a category's seconds were spent on, its name; a peer's is its own."""


def write_report(
    folder: Path,
    results: Results,
    cells: Mapping[Key, Cell],
    published: Sequence[PublishedRow],
    remarks: Iterable[str] = (),
) -> None:
    """Write report.md, whole or not at all. remarks: what a reader must know before comparing."""
    write_whole(folder / FILE, "\n".join(report(results, cells, published, remarks)).encode())


def report(
    results: Results, cells: Mapping[Key, Cell], published: Sequence[PublishedRow], remarks: Iterable[str] = ()
) -> Iterator[str]:
    """The lines of the report."""
    yield f"# Evaluation on {results.settings['dataset']} with {results.settings['encoder']}\n"
    yield f"    {results.about['command']}\n"
    yield from _facts(results)
    yield READING + "\n"
    yield from (f"{remark}\n" for remark in remarks)
    if any(method != OURS for method, _ in columns_of(cells)):
        yield from _side_by_side(cells)
    for method, shots in columns_of(cells):
        yield from _section(cells, method, shots, results.categories)
    if published:
        yield "## What the papers report\n"
        yield "Means over all categories of the data set.\n"
        yield from published_table(published)
    yield from _pictures(results.categories)
    yield from _categories(results.categories)


def _facts(results: Results) -> Iterator[str]:
    """What was run, as a table."""
    said = {**results.about, **results.settings}
    said["recipes"] = ", ".join(f"{shots_named(int(shots))}: {name}" for shots, name in said["recipes"].items())
    said["columns (shots/seed)"] = ", ".join(said.pop("columns"))
    if said["adapters"]:
        card = said["adapters"]
        said["adapters"] = f"{card['protocol']}, trained on {', '.join(card['trained_on'])}; `{card['command']}`"
    yield from table(
        ["", ""],
        [[name.replace("_", " "), _plain(value)] for name, value in said.items() if name != "command" and value != []],
    )


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _side_by_side(cells: Mapping[Key, Cell]) -> Iterator[str]:
    """The means of every method, ours and the peers'."""
    yield "## Side by side\n"
    yield "Means over the categories; the same references and test pictures for all methods of one number of shots.\n"
    columns = columns_of(cells)
    metrics = [
        metric for metric in METRICS if any(cells[(*column, MEAN, metric)].mean is not None for column in columns)
    ]
    rows = [
        [str(shots), method, *(cell_text(cells[method, shots, MEAN, metric]) for metric in metrics)]
        for method, shots in columns
    ]
    yield from table(["shots", "method", *(METRICS[metric] for metric in metrics)], rows)


def _section(
    cells: Mapping[Key, Cell], method: str, shots: int, categories: Mapping[str, CategoryRecord]
) -> Iterator[str]:
    """One table: all categories with one method and number of shots."""
    metrics = measured(cells, method, shots)
    if not metrics:
        return
    names = [name for name in categories if (method, shots, name, "image_auroc") in cells]
    seeds = max((cells[method, shots, MEAN, metric].seeds for metric in metrics), default=0)
    yield f"## {shots_named(shots)}{'' if method == OURS else f', {method}'}\n"
    yield f"{seeds} {'seed' if seeds == 1 else 'seeds'}. {_tables_named(cells, method, shots)}\n"
    rows = [[name, *(cell_text(cells[method, shots, name, metric]) for metric in metrics)] for name in names]
    rows.append([f"**{MEAN}**", *(f"**{cell_text(cells[method, shots, MEAN, metric])}**" for metric in metrics)])
    yield from table(["", *(METRICS[metric] for metric in metrics)], rows)


def _tables_named(cells: Mapping[Key, Cell], method: str, shots: int) -> str:
    """Where the values in brackets stand."""
    tables = dict.fromkeys(
        cell.reported.table for key, cell in cells.items() if key[:2] == (method, shots) and cell.reported
    )
    return f"In brackets: {'; '.join(tables)}." if tables else "The papers have no such row."


def cell_text(cell: Cell) -> str:
    """`95.1 ± 0.1 (95.2, -0.1)`: ours, and in brackets the paper's and the difference in points."""
    ours = points(cell.mean, cell.deviation)
    if cell.reported is None or cell.mean is None:
        return ours
    return f"{ours} ({points(cell.reported.value, cell.reported.deviation)}, {signed(cell.difference)})"


def published_table(rows: Sequence[PublishedRow]) -> Iterator[str]:
    """Rows of the papers' tables side by side."""
    metrics = [metric for metric in METRICS if any(metric in row.values for row in rows)]
    lines = []
    for row in rows:
        numbers = [row.values.get(metric) for metric in metrics]
        told = [points(one.value, one.deviation) if one else "-" for one in numbers]
        doubt = f" ({row.doubt})" if row.doubt else ""
        shots = "few" if row.shots is None else str(row.shots)
        lines.append([row.dataset, shots, " ".join((row.method, row.setup)).strip(), *told, row.table + doubt])
    yield from table(["data set", "shots", "method", *(METRICS[metric] for metric in metrics), "source"], lines)


def _pictures(categories: Mapping[str, CategoryRecord]) -> Iterator[str]:
    shown = {name: one.figure for name, one in categories.items() if one.figure}
    if not shown:
        return
    yield "## Pictures\n"
    yield "Defects evenly spread over the test pictures, none chosen by hand; maps of seed 0.\n"
    for name, figure in shown.items():
        yield f"### {name}\n"
        yield f"![{name}]({figure.file})\n"
        yield f"{describe(figure.scales)}\n"


def _categories(categories: Mapping[str, CategoryRecord]) -> Iterator[str]:
    """How many pictures, and where the time went."""
    yield "## Test pictures and time\n"
    spent = dict.fromkeys(part for one in categories.values() for part in one.seconds)
    times = [f"ms a picture: {TIMED.get(part, part)}" for part in spent]
    rows = []
    for name, one in categories.items():
        each = [f"{1000 * one.seconds.get(part, 0.0) / one.pictures:.1f}" for part in spent]
        rows.append([name, str(one.pictures), str(one.defects), str(one.unknown), *each])
    yield from table(["", "pictures", "defects", "of them without mask", *times], rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(['---'] * len(heads))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
