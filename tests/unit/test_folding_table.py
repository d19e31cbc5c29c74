"""Tables on a terminal of 80 columns and in a pipe."""

import io

from rich.console import Console

from edge.table import folding_table, print_table

NAMES = "frame", "captured", "camera", "source", "outcome", "score", "threshold", "review"
ROW = (
    "606", "2026-11-22 16:08:33", "parts", "extra_images-anomaly_8-of-the-second-box.jpg", "defect", "1.858", "1.702",
    "false alarm, by anna",
)  # fmt: skip


def printed(*, terminal: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None, soft_wrap=True)
    table = folding_table(*NAMES, long=("source", "review"))
    table.add_row(*ROW)
    print_table(console, table)
    file = console.file
    assert isinstance(file, io.StringIO)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_on_a_terminal_only_the_long_columns_go_on_in_the_next_line() -> None:
    lines = printed(terminal=True)
    assert all(len(line) <= 80 for line in lines)
    assert all(any(cell in line for line in lines) for cell in (*NAMES, *ROW[:3], *ROW[4:7]))
    assert len(lines) > 2 and "606" in lines[1]
    column = lines[0].index("source")
    assert "".join(line[column : lines[0].index("outcome")].strip() for line in lines[1:]) == ROW[3]


def test_in_a_pipe_a_row_is_a_line() -> None:
    lines = printed(terminal=False)
    assert len(lines) == 2
    assert all(cell in lines[1] for cell in ROW)
