"""`edge check` on the terminal, and in the record."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from edge.settings import Precision, Settings

if TYPE_CHECKING:
    from edge.check import CheckResult
    from edge.frame import Pixels
    from edge.line.shot import Camera
    from edge.line.trigger import Trigger

CAMERA_HELP = "Check live as well: known parts in front of this camera, or pictures of them in a folder, in this order."


def check(
    category: Annotated[str, typer.Option(help="Whose bundle, the one in use, is checked.")],
    camera: Annotated[str | None, typer.Option(help=CAMERA_HELP)] = None,
    live_good: Annotated[int, typer.Option(min=0, help="Known-good parts to show to the camera, first.")] = 3,
    live_bad: Annotated[int, typer.Option(min=0, help="Known-bad parts to show to it, after those.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Folder of all that is kept. Default: edge-data.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder that the line will run with.")] = None,
    input_size: Annotated[int | None, typer.Option(help="Encoder input, pixels a side.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="Of an open_clip model's network.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (CUDA where there is one), cpu or cuda.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; everything else on stderr.")] = False,
) -> None:
    """Before a shift: are known parts judged as at calibration, and does the camera see as it did then?

    Scores the pictures of known good and bad parts that the bundle keeps (of `calibrate --good --bad`): each must get
    the score that it got at calibration, within 1 % and 0.001, and the same outcome. With --camera, known parts are
    judged live: the good must be ok and the bad must not, and light, focus and place must be the calibration's.
    The outcome is recorded, and shown on the page. `edge run --check` begins with this.

    Exit codes: 0 passed, 1 failed, 2 something that you can mend.
    """
    settings = Settings.read(data=data, encoder=encoder, input_size=input_size, precision=precision, device=device)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    result = run_check(settings, category, camera, console, live_good=live_good, live_bad=live_bad)
    if as_json:
        sys.stdout.write(json.dumps(asdict(result), indent=1) + "\n")
    else:
        show(Console(soft_wrap=True, highlight=False), result)
    raise typer.Exit(0 if result.passed else 1)


def run_check(
    settings: Settings, category: str, camera: str | None, console: Console, *, live_good: int, live_bad: int
) -> "CheckResult":
    """Check a category's bundle, live too if a camera is named, and record the outcome."""
    from edge.line.camera import check_source
    from edge.line.camera_spec import parse_camera
    from edge.vision.bundle import load_bundle

    spec = None if camera is None else parse_camera(camera)
    if spec is not None:
        check_source(spec)
    bundle = load_bundle(settings.bundles, category)

    from edge.process import tune_for_scoring

    tune_for_scoring()
    from edge.check import check_kept, check_live, conclude
    from edge.ledger.checks import record_check
    from edge.ledger.record import open_engine
    from edge.ledger.schema import prepare
    from edge.line.camera import open_camera
    from edge.line.trigger import trigger_of
    from edge.vision.encoder import configured_encoder
    from edge.vision.scorer import VisionScorer

    scorer = VisionScorer(configured_encoder(settings), settings.bundles)
    scorer.load(category)
    findings = check_kept(scorer, bundle)
    if spec is not None:
        with closing(open_camera(spec, fps=None, once=True)) as opened:
            trigger = trigger_of(continuous=opened.continuous)
            good = list(parts(opened, live_good, "good", console, trigger))
            bad = list(parts(opened, live_bad, "bad", console, trigger))
        findings += check_live(scorer, bundle, good=good, bad=bad)
    result = conclude(bundle, findings)
    prepare(settings.database)
    engine = open_engine(settings.database, writes=True)
    details = [asdict(finding) for finding in result.findings]
    record_check(
        engine,
        category=category,
        bundle=bundle.sha256,
        passed=result.passed,
        reason="; ".join((result.reason, *result.notes)),
        details=details,
    )
    engine.dispose()
    return result


def parts(
    camera: "Camera", count: int, kind: str, console: Console, trigger: "Trigger"
) -> Iterator[tuple[str, "Pixels"]]:
    """The next parts that the camera sees, each with its source: those that come to rest, or a folder's pictures.

    A person is asked to show them. Raises EdgeError if the camera ends before.
    """
    from edge.line.parts import next_parts

    if camera.continuous and count:
        console.print(f"Put {count} known-{kind} parts under the camera, one after another, and let each come to rest.")
    for number, (source, pixels) in enumerate(next_parts(camera, count, trigger, what=f"known-{kind}"), 1):
        console.print(f"{kind} part {number} of {count}: {source}", markup=False)
        yield source, pixels


def show(console: Console, result: "CheckResult") -> None:
    """A line a finding, and the outcome."""
    for finding in result.findings:
        console.print("[green]well [/]" if finding.well else "[bold red]wrong[/]", end=" ")
        console.print(f"{finding.subject}: {finding.why}", markup=False)
    for note in result.notes:
        console.print(f"note  {note}", markup=False)
    word = "passed" if result.passed else "FAILED"
    console.print(f"check of {result.category}@{result.version} {word}: {result.reason}", markup=False)
