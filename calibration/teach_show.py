"""What teaching the line a part says: to a person line by line, to a program as one object."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from edge.settings import Settings

if TYPE_CHECKING:
    from calibration.build import Built
    from calibration.references.collect import Decision
    from calibration.references.suspects import Suspect
    from calibration.teach import Taught
    from edge.vision.manifest import Manifest


def line_of(decision: "Decision") -> str:
    """A decision as a line with rich's markup."""
    from rich.markup import escape

    verb = "[green]taken  [/]" if decision.taken else "[yellow]refused[/]"
    return f"{verb} {escape(decision.source)}: {escape(decision.why)}"


def suspect_line(source: str, suspect: "Suspect") -> str:
    """A reference that looks unlike the others, and what to do, with rich's markup."""
    from rich.markup import escape

    return (
        f"[red]suspect[/] {escape(source)}: {escape(str(suspect))}. Look at it: if it is no good part, or another one, "
        "take it away and calibrate again, or let --drop-suspects do that."
    )


def show(console: Console, taught: "Taught", command: str) -> None:
    """What came out, for a person."""
    from calibration.promise.cautions import cautions
    from calibration.promise.inspected import inspected
    from calibration.promise.words import sentences

    built, made = taught.built, taught.built.manifest
    console.print()
    for caution in cautions(made):
        console.print(f"LOOK      {caution}", markup=False, style="bold yellow")
    for sentence in sentences(made):
        console.print(sentence, markup=False)
    show_choices(console, made)
    console.print(f"Recipe    {made.recipe}{why_alone(built)}", markup=False)
    for what, how in inspected(made).items():
        console.print(f"{what:9} {how}", markup=False)
    console.print(f"Bundle    {built.name} in {built.folder}", markup=False)
    console.print(f"Report    {taught.certificate}", markup=False)
    console.print(f"Next      {command}", markup=False)


def show_choices(console: Console, made: "Manifest") -> None:
    """What other thresholds would have given, where good parts and defects are known."""
    from calibration.promise.trade_off import NOT_AFTERWARDS, choices

    if not (rows := choices(made)):
        return
    good, bad = len(made.calibration.good), len(made.calibration.bad)
    for row in rows:
        mark = "  *" if row.chosen else "   "
        rejected = f"{row.rejected} of {good} good parts rejected (bound {row.rate_bound:.1%})"
        console.print(f"{mark} at {row.threshold:.3f}: {rejected}, {row.missed} of {bad} defects pass", markup=False)
    console.print(NOT_AFTERWARDS)


def why_alone(built: "Built") -> str:
    """Why `lite` is taught without its zero-shot map, in brackets; nothing for what the user chose otherwise."""
    made = built.manifest
    if (made.encoder, made.recipe) != ("lite", "neighbourhood"):
        return ""
    return (
        " (without the adapted map: on pictures held out it changed image AUROC by no more than 0.003 either way; "
        "--recipe neighbourhood+adapters*0.05 adds it, for maps that mark a little better)"
    )


def summary(taught: "Taught", command: str) -> dict[str, object]:
    """What came out, for a program."""
    from calibration.promise.cautions import cautions
    from calibration.promise.trade_off import choices
    from calibration.promise.words import sentences

    manifest, calibration = taught.built.manifest, taught.built.manifest.calibration
    return {
        "category": manifest.category,
        "name": str(taught.built.name),
        "bundle": str(taught.built.folder),
        "references": [reference.source for reference in manifest.references],
        "refused": [{"source": each.source, "why": each.why} for each in taught.decisions if not each.taken],
        "suspects": [{"source": source, **asdict(suspect)} for source, suspect in taught.suspects],
        "recipe": manifest.recipe,
        "part_box": None if manifest.part_box is None else asdict(manifest.part_box),
        "area": manifest.area and manifest.area.model_dump(),
        "align": manifest.align and manifest.align.model_dump(),
        "empty": manifest.empty and manifest.empty.model_dump(),
        "threshold": manifest.threshold,
        "defect_threshold": manifest.defect_threshold,
        "grade": calibration.grade,
        "method": calibration.method,
        "promise": calibration.promise and calibration.promise.model_dump(),
        "bank_cost": calibration.bank_cost and calibration.bank_cost.model_dump(),
        "loo_scores": list(calibration.loo_scores),
        "good": [part.model_dump() for part in calibration.good],
        "bad": [part.model_dump() for part in calibration.bad],
        "cautions": cautions(manifest),
        "said": sentences(manifest),
        "choices": [asdict(choice) for choice in choices(manifest)],
        "report": str(taught.certificate),
        "next": command,
    }


def next_command(settings: Settings, camera: str | None, category: str) -> str:
    """The command that runs the line with this bundle; options are left out where they are the default."""
    words = ["edge", "run", "--camera", f"{camera or 'SPEC'}={category}"]
    plain = Settings.model_construct()
    for option, value, default in (
        ("--data", settings.data, plain.data),
        ("--encoder", settings.encoder, plain.encoder),
        ("--input-size", settings.input_size, plain.input_size),
        ("--precision", settings.precision, plain.precision),
    ):
        words += [option, str(value)] if value != default else []
    return shlex.join(words)


def promote_command(settings: Settings, built: "Built") -> str:
    """The command that puts a bundle into use which is not."""
    return shlex.join(["calibrate", "promote", str(built.name), *_data(settings)])


def say_next(console: Console, settings: Settings, built: "Built") -> None:
    """What to do with a bundle that was made and is not in use."""
    replay = shlex.join(["calibrate", "replay", "--bundle", str(built.name), "--report", "replay", *_data(settings)])
    console.print(f"Next      {replay}", markup=False)
    console.print(f"          {promote_command(settings, built)}", markup=False)


def _data(settings: Settings) -> list[str]:
    return [] if settings.data == Settings.model_construct().data else ["--data", str(settings.data)]
