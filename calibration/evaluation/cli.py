"""The command `calibrate evaluate`: a labelled data set in, the papers' tables with their differences out."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from edge.errors import EdgeError
from edge.settings import Settings

if TYPE_CHECKING:
    from calibration.evaluation.prepare import Options
    from calibration.evaluation.session import Session

INTERRUPTED = 130

Kind = Literal["mvtec", "visa", "sewerml", "folder"]


def evaluate(
    dataset: Annotated[Kind, typer.Option(help="Layout; `folder`: normal/, test/good, test/defect, masks/.")],
    root: Annotated[Path, typer.Option(help="Folder of the data set as its authors give it out.")],
    shots: Annotated[str, typer.Option(help="Numbers of reference pictures, with commas between.")] = "0,1,2,4",
    seeds: Annotated[int, typer.Option(min=1, help="Draws of references for each number of shots.")] = 5,
    encoder: Annotated[str | None, typer.Option(help="`lite`, or an open_clip model as NAME:TAG.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Named recipe or sum. Default: april-gan; for lite neighbourhood, and adapters for 0."),
    ] = None,
    categories: Annotated[str | None, typer.Option(help="Only these, with commas between.")] = None,
    adapters: Annotated[Path | None, typer.Option(help=".safetensors, or a published .pth.")] = None,
    random_words: Annotated[
        list[Path] | None, typer.Option(help="Trained network; several times: one a seed, as in the paper.")
    ] = None,
    prompts: Annotated[Path | None, typer.Option(help="TOML file of states and templates.")] = None,
    known_object: Annotated[
        bool | None,
        typer.Option("--known-object/--unknown-object", help="Prompts name the category. Default: not for sewerml."),
    ] = None,
    multi_crop: Annotated[
        bool | None,
        typer.Option("--multi-crop/--no-multi-crop", help="Six passes a picture. Default: for the second paper's."),
    ] = None,
    image_score: Annotated[
        Literal["line", "min-max"],
        typer.Option(
            help="line: as the product scores. min-max: as APRIL-GAN's reference implementation, which needs the whole "
            "test set: map maxima min-maxed over it, references drawn with replacement, every patch token kept."
        ),
    ] = "line",
    peers: Annotated[
        str | None,
        typer.Option(help="anomalib's patchcore,padim,winclip on the same references; padim@512: its input size."),
    ] = None,
    peers_python: Annotated[Path | None, typer.Option(help="Interpreter that has anomalib: peers/bin/python.")] = None,
    save_scores: Annotated[Path | None, typer.Option(help="CSV of every image score.")] = None,
    save_maps: Annotated[Path | None, typer.Option(help="Folder for maps, shots-K_seed-S/PICTURE.npy.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for report.md, pictures and results.json.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures in a pass of the encoder.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    precision: Annotated[str | None, typer.Option(help="Of the encoder: fp32, bf16 or fp16.")] = None,
    input_size: Annotated[int | None, typer.Option(help="Pixels a side. Default: the encoder's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")] = False,
) -> None:
    """Measure how well defects are told from good parts, beside what the two papers report.

    For each category and their mean: image AUROC, AP, F1-max; pixel AUROC, AP, F1-max, PRO; VAND's harmonic mean; over
    --seeds draws of references. One encoder pass a picture feeds all shots and seeds; the recipe neighbourhood
    takes one more for each place where a draw's references show their part. With --report every finished category is
    kept: after Ctrl-C or a crash the same command goes on with the next.

    Table 4 of APRIL-GAN: calibrate evaluate --dataset visa --root VisA --encoder ViT-L-14-336:openai
    --adapters mvtec_pretrained.pth --image-score min-max --report out

    Your own parts: calibrate evaluate --dataset folder --root parts/bracket --shots 1,4 --report out
    """
    settings = Settings.read(
        encoder=encoder, device=device, precision=precision, input_size=input_size, batch_size=batch,
        adapters=adapters,
    )  # fmt: skip
    from calibration.evaluation.prepare import Options

    options = Options(
        dataset=dataset,
        root=root.expanduser(),
        shots=numbers(shots),
        seeds=seeds,
        categories=words(categories),
        encoder=settings.encoder,
        input_size=settings.input_size,
        device=settings.device,
        precision=settings.precision,
        models=settings.models,
        batch=settings.batch_size,
        recipe=recipe,
        adapters=settings.adapters,
        random_words=random_words or ([settings.random_words] if settings.random_words else []),
        prompts=prompts,
        known_object=known_object,
        multi_crop=multi_crop,
        image_score=image_score,
        peers=peers,
        peers_python=peers_python,
        save_scores=save_scores,
        save_maps=save_maps,
        report=report,
    )
    run(options, as_json=as_json)


def numbers(text: str) -> tuple[int, ...]:
    """`0,1,4` -> the numbers. Raises EdgeError for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise EdgeError(f"--shots {text}: give numbers with commas between, as 0,1,2,4.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def words(text: str | None) -> tuple[str, ...]:
    """`a, b` -> the words; none of None."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def run(options: "Options", *, as_json: bool) -> None:
    """Evaluate what is not finished yet, and show what is; Ctrl-C ends it with status 130."""
    from calibration.evaluation.prepare import prepare
    from calibration.evaluation.session import open_session
    from calibration.evaluation.show import show

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    prepared = prepare(options)
    session = open_session(prepared, command=shlex.join(["calibrate", *sys.argv[1:]]))
    complete = True
    try:
        work(session, console)
    except KeyboardInterrupt:
        complete = False
    show(session, console, complete=complete, as_json=as_json)
    if not complete:
        raise typer.Exit(INTERRUPTED)


def work(session: "Session", console: Console) -> None:
    """Evaluate the remaining categories under a bar with rate and time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from calibration.evaluation.peer_columns import with_peers
    from calibration.evaluation.run import run_category
    from calibration.progress import RateColumn

    prepared, remaining = session.prepared, session.remaining()
    everything = prepared.dataset.categories
    if len(remaining) < len(everything):
        kept = len(everything) - len(remaining)
        console.print(f"{kept} of {len(everything)} categories were finished by an earlier run.")
    if not remaining:
        session.write_report()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=sum(prepared.pictures(category) for category in remaining))
        for category in remaining:
            progress.update(task, description=category.name)
            record, measured = run_category(prepared, category, done=lambda n: progress.advance(task, n))
            if prepared.peers:
                progress.stop()  # the peers have a bar of their own
                record = with_peers(prepared, category, record)
                progress.start()
            session.keep(category, record, measured)
