"""The command `calibrate lite-adapters`: how the adapters that come with `lite` were made."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

Data = Annotated[Path, typer.Option(help="Folder that holds hazelnut_toy.")]
Count = Annotated[int | None, typer.Option("--pictures", min=1, help="How many are shown. Default: as shipped.")]
Origins = Annotated[str | None, typer.Option(help="hazelnut_toy, cookie, demo, surfaces. Default: as shipped.")]
Stages = Annotated[str | None, typer.Option(help="s8, s16, s32. Default: as shipped.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped training of OUT was, if there was one.")]


def lite_adapters(
    data: Data,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same file on one machine.")] = 0,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("lite_adapters.safetensors"),
    count: Count = None,
    origins: Origins = None,
    stages: Stages = None,
    resume: Resume = False,
) -> None:
    """Make again the adapters that come with the embedded encoder `lite`.

    Learns from hazelnut_toy (CC-BY-4.0), the demo's renderings and drawn surfaces, with defects drawn onto them; takes
    some minutes on one core. With other --origins, adapters come out that can be measured on what they did not see:
    `calibrate evaluate --dataset folder --root FOLDER --shots 0 --adapters FILE`. Your own pictures with masks are for
    `calibrate adapters --dataset folder --encoder lite`.
    """
    from calibration.lite.recipe import ORIGINS, PICTURES, STAGES, make

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        card = make(
            data.expanduser(),
            out,
            seed=seed,
            count=count or PICTURES,
            origins=names(origins) or ORIGINS,
            stages=names(stages) or STAGES,
            resume=resume,
        )
    except KeyboardInterrupt:
        console.print("Stopped. The same command with --resume goes on from the last checkpoint.")
        raise typer.Exit(130) from None
    console.print(f"Adapters  {out}, trained on {', '.join(card.trained_on)}", markup=False)


def names(text: str | None) -> list[str]:
    """`a,b` -> its parts; none of None."""
    return [name.strip() for name in text.split(",")] if text else []
