"""`edge forget` on the terminal."""

import sys
from typing import Annotated

import typer

from edge.command_options import Data
from edge.settings import Settings


def forget(
    camera: Annotated[str, typer.Argument(help="The camera's name, as `edge status` shows it.")], data: Data = None
) -> None:
    """Take a camera off the line of an `edge worker` (on the worker's machine): it was removed for good.

    Such a worker counts a camera to its line from the first time that it comes, and the line is not ready while one of
    them is away. Frames and pictures stay in the record. A camera that is at work is refused; one that comes again
    belongs to the line again. Cameras of `edge run` are those on its command line.
    """
    from edge.forget import forget_on_line

    sys.stdout.write(f"{forget_on_line(Settings.read(data=data), camera)}\n")
