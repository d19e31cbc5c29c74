"""The command `calibrate adapters`: labelled test pictures in, APRIL-GAN's linear adapters out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from edge.errors import EdgeError
from edge.settings import Settings

if TYPE_CHECKING:
    from calibration.adapters.run import Made

Root = Annotated[Path, typer.Option(help="Folder of the data set as its authors give it out.")]
DatasetName = Annotated[Literal["mvtec", "visa", "folder"], typer.Option(help="Layout of the labelled pictures.")]
ProtocolName = Annotated[
    Literal["paper", "release"],
    typer.Option(help="paper: batch 16, mosaics on every data set; release: batch 8, mosaics on mvtec alone."),
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Default: 3 on mvtec, else 15.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Pictures a step. Default: the protocol's.")]
Mosaic = Annotated[float | None, typer.Option(min=0, max=1, help="Share of mosaics. Default: the protocol's.")]
Dim = Annotated[int, typer.Option(min=2, help="Size of class vectors that are learned; a text tower sets its own.")]
Cache = Annotated[Path, typer.Option(help="Folder of features, so that each picture is encoded once.")]
Budget = Annotated[str, typer.Option(help="Most that --cache may hold, such as 500MB; the rest is encoded anew.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped training of OUT was, if there was one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")]

DEFAULT_CACHE = Path("~/.cache/edge-inspection/features")
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def adapters(
    dataset: DatasetName,
    root: Root,
    encoder: Annotated[str, typer.Option(help="`lite`, or an open_clip model as NAME:TAG.")] = "ViT-L-14-336:openai",
    protocol: ProtocolName = "paper",
    epochs: Epochs = None,
    batch: BatchSize = None,
    mosaic: Mosaic = None,
    dim: Dim = 64,
    prompts: Annotated[Path | None, typer.Option(help="TOML file of states and templates.")] = None,
    categories: Annotated[str | None, typer.Option(help="Only these, with commas between.")] = None,
    input_size: Annotated[int | None, typer.Option(help="Pixels a side. Default: the encoder's.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    precision: Annotated[str | None, typer.Option(help="Of the encoder: fp32, bf16 or fp16.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file.")] = 0,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("adapters.safetensors"),
    cache: Cache = DEFAULT_CACHE,
    cache_budget: Budget = "8GB",
    resume: Resume = False,
    checkpoint_s: Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Train the linear layers that let an encoder mark defects without a reference picture.

    Learns from the TEST pictures and masks of a data set, as APRIL-GAN does (section 3.1): for figures on VisA train on
    mvtec, and the other way round. The file says which pictures it saw, and `calibrate evaluate` refuses to score them.
    An encoder without text tower learns two class vectors along. Beside OUT lie OUT.log.jsonl with the loss of every
    step and, until it is done, OUT.checkpoint.

    Example: calibrate adapters --dataset visa --root VisA --out visa.safetensors
    """
    from calibration.adapters.run import Wish, run

    settings = Settings.read(encoder=encoder, device=device, precision=precision, input_size=input_size)
    names = None if categories is None else tuple(name.strip() for name in categories.split(","))
    wish = Wish(
        dataset=dataset, root=root.expanduser(), categories=names, encoder=settings.encoder, models=settings.models,
        input_size=settings.input_size, device=settings.device, precision=settings.precision, protocol=protocol,
        epochs=epochs, batch=batch, mosaic_rate=mosaic, dim=dim, prompts=prompts, seed=seed,
    )  # fmt: skip
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        made = run(
            wish,
            out=out,
            cache=cache.expanduser(),
            cache_bytes=bytes_of(cache_budget),
            resume=resume,
            checkpoint_s=checkpoint_s,
            say=lambda line: console.print(line, markup=False),
        )
    except KeyboardInterrupt:
        console.print("Stopped. The same command with --resume goes on from the last checkpoint.")
        raise typer.Exit(130) from None
    show(made, out, as_json=as_json)


def bytes_of(text: str) -> int:
    """`8GB`, `500 MB` or `1000` -> bytes, with units of 1000. Raises EdgeError for anything else."""
    number = text.strip().upper().removesuffix("B").strip()
    unit = number[-1:] if number[-1:] in UNITS else ""
    try:
        value = float(number.removesuffix(unit)) * UNITS[unit]
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e18:
        raise EdgeError(f"--cache-budget {text!r}: give a size such as 500MB or 8GB.")
    return int(value)


def show(made: "Made", out: Path, *, as_json: bool) -> None:
    """What came out, for a person or for a program."""
    if as_json:
        card = made.card.model_dump(mode="json")
        typer.echo(json.dumps({"file": str(out), "losses": made.losses, "card": card}, indent=1))
        return
    console = Console(soft_wrap=True, highlight=False)
    losses = " -> ".join(f"{loss:.3f}" for loss in made.losses)
    console.print(f"Adapters  {out}", markup=False)
    console.print(f"Trained   on {len(made.card.pictures)} pictures of {', '.join(made.card.trained_on)}", markup=False)
    console.print(f"Loss      {losses} (mean of each epoch; it says nothing about pictures that were not seen)")
    console.print(f"Next      calibrate evaluate --adapters {out} --shots 0 ... on another data set", markup=False)
