"""What several commands share: their options, and how they print JSON."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from edge.errors import EdgeError
from edge.line.camera_spec import CameraSpec
from edge.settings import Overload, Precision, Trigger

SPEC_HELP = (
    "SPEC[=CATEGORY]; SPEC is a device number, an rtsp:// or http:// (MJPEG) address, a video file, "
    "a folder of pictures (in name order), or demo:pcb."
)
OVERLOAD_HELP = (
    "When the camera is faster than the worker: drop-oldest or drop-newest (each dropped frame is recorded as not "
    "inspected), or wait (only for a source that can). Default: wait if the source can, else drop-oldest."
)
TRIGGER_HELP = (
    "Which frames are parts: every; one that has come to rest (still); a call of POST /trigger (http, port 8770)."
)

Data = Annotated[Path | None, typer.Option("--data", help="Folder of all that is kept. Default: edge-data.")]
Category = Annotated[str | None, typer.Option(help="What the camera looks at; made by `calibrate`.")]
OverloadOption = Annotated[Overload | None, typer.Option("--overload", help=OVERLOAD_HELP)]
TriggerOption = Annotated[Trigger, typer.Option("--trigger", help=TRIGGER_HELP)]
Fps = Annotated[float | None, typer.Option(help="Frames a second to take from the source.")]
Once = Annotated[bool, typer.Option("--once", help="End when the source is exhausted and every frame is recorded.")]
Device = Annotated[str | None, typer.Option(help="auto (CUDA where there is one), cpu or cuda.")]
EncoderOption = Annotated[
    str | None, typer.Option("--encoder", help="lite (default), or an open_clip model as NAME:TAG; see `edge models`.")
]
InputSize = Annotated[int | None, typer.Option(help="Encoder input, pixels a side. Default: the encoder's own.")]
PrecisionOption = Annotated[Precision | None, typer.Option("--precision", help="Of an open_clip model's network.")]
Deadline = Annotated[
    float | None, typer.Option("--deadline", help="Seconds after which a frame is late. Default: none.")
]
Address = Annotated[str | None, typer.Option(help="Where captures and worker meet. Default: IPC, by data folder.")]
TrustNetwork = Annotated[
    bool,
    typer.Option("--trust-network", help="Allow a tcp:// address without keys: nothing is encrypted. See `edge keys`."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; everything else on stderr.")]


def with_category(spec: CameraSpec, category: str | None) -> CameraSpec:
    """The camera with its own category, or else the one given for all. Raises EdgeError if they contradict."""
    if category is not None and spec.category not in (None, category):
        raise EdgeError(
            f"camera {spec.redacted}={spec.category} and --category {category} contradict each other; leave one away."
        )
    return replace(spec, category=spec.category or category)


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
