"""`edge status` on the terminal."""

import sys

import typer
from rich.console import Console

from edge.command_options import AsJson, Data, print_json
from edge.settings import Settings


def status(data: Data = None, as_json: AsJson = False) -> None:
    """Say whether the line is inspecting at this moment; if not, why not. It asks nobody: it reads what the line tells.

    By camera: what it does, inspected frames a second over the last ten, and how old its newest recorded frame is.
    Ready means that a part in front of every camera now will be judged; the page's /readyz says the same.

    Exit codes: 0 ready, 1 a line is running and not ready, 2 no line is running here, or there is no record.
    """
    from edge.status import as_facts, exit_code, look, show

    settings = Settings.read(data=data)
    now = look(settings)
    if as_json:
        print_json(as_facts(now))
    else:
        show(Console(file=sys.stdout, highlight=False, soft_wrap=True), settings, now)
    raise typer.Exit(exit_code(now))
