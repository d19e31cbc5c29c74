"""`calibrate learn`: the next bundle, from what operators called false alarms."""

import json
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from edge.errors import EdgeError
from edge.frame_ids import parse_frame_ids
from edge.local_time import local_time
from edge.settings import Settings
from edge.table import folding_table, print_table

if TYPE_CHECKING:
    from calibration.build import Built
    from calibration.learning.candidates import Candidate
    from calibration.learning.learn import Offer
    from edge.vision.bundle import Bundle


def learn(
    category: Annotated[str, typer.Option(help="Kind of part whose bundle is to learn.")],
    frames: Annotated[
        str | None, typer.Option(help="Record ids of false alarms to learn, for example 12,15-18.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Learn every false alarm that is listed.")] = False,
    refs_from: Annotated[str | None, typer.Option(help="Bundle to add to, as pcb@3. Default: the one in use.")] = None,
    good: Annotated[Path | None, typer.Option(help="Folder of other good parts, to certify the threshold.")] = None,
    bad: Annotated[Path | None, typer.Option(help="Folder of defective parts, for the miss rate.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Learn those that look unlike all others, too.")] = False,
    known_defects: Annotated[
        bool, typer.Option("--known-defects", help="Learn those that show a known defect of the bundle, too.")
    ] = False,
    promoted: Annotated[
        bool, typer.Option("--promote", help="Put the new bundle into use, if nothing forbids.")
    ] = False,
    force: Annotated[str | None, typer.Option(help="With --promote: why, although a confirmed defect passes.")] = None,
    data: Annotated[Path | None, typer.Option(help="The station's data folder.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; all else goes to stderr.")] = False,
) -> None:
    """Teach the line the good parts that it flagged: frames whose latest review (`edge review`) is a false alarm.

    One that shows a known defect which the bundle keeps (of --bad) is refused.

    Without --frames or --all it lists them, and names those that show the part of another one, or look unlike all
    good parts: those may be defects that were called so by mistake. With them it builds the category's next bundle from
    the references of the one in use and the chosen frames, with the same recipe and encoder. References are kept
    losslessly; a frame's picture is a JPEG (quality 95) of what the line saw. The threshold stays as it is: with more
    references scores fall, so fewer good parts are flagged, and perhaps fewer defects.

    The new bundle is not put into use: look at what it changes (`calibrate replay`), then `calibrate promote`.
    """
    from calibration.known_parts import parts_in
    from calibration.learning.learn import Lesson
    from calibration.learning.made_with import encoder_of
    from calibration.learning.promotion_guard import put_into_use
    from calibration.promise.certificate import write_certificate
    from calibration.session import session_now
    from edge.vision.bundle import load_bundle

    if frames is not None and every:
        raise EdgeError("calibrate learn: give --frames or --all, not both.")
    if force is not None and not promoted:
        raise EdgeError("calibrate learn: --force REASON is for --promote.")
    wanted = None if frames is None else parse_frame_ids([frames], called="--frames")
    settings = Settings.read(data=data, device=device)
    console = Console(stderr=as_json, soft_wrap=True, highlight=False)
    old = load_bundle(settings.bundles, *_from(category, refs_from))
    lesson = Lesson(encoder_of(old, settings), old, settings)
    offer = lesson.offer()
    show_offer(console, offer, old)
    if wanted is None and not every:
        if as_json:
            typer.echo(json.dumps({"bundle": str(old.name), **offered(offer)}, indent=1))
        elif plain := [each for each in offer.candidates if not (each.defect or each.same_as or each.strange)]:
            ids = ",".join(str(each.frame.id) for each in plain)
            at = "" if data is None else f" --data {shlex.quote(str(data))}"
            console.print(f"Next: calibrate learn --category {category} --frames {ids}{at}", markup=False)
        return
    chosen = offer.candidates if wanted is None else offer.chosen(wanted)
    if not chosen:
        raise EdgeError(f"no false alarm of {category} to learn from. Say which frames are: edge review --list.")
    if not known_defects:
        refuse_known_defects([candidate for candidate in chosen if candidate.defect is not None], old)
    if not yes:
        confirm_strange(console, [candidate for candidate in chosen if candidate.strange])
    built = lesson.learn(
        chosen,
        good=[] if good is None else parts_in(good, option="--good"),
        bad=[] if bad is None else parts_in(bad, option="--bad"),
        session=session_now(settings, good=good, bad=bad),
    )
    show_built(console, settings, built, old, write_certificate(settings.reports, built.folder))
    if promoted:
        say = partial(console.print, markup=False)
        put_into_use(settings, built.name, reason="learned from false alarms", force=force, say=say)
        say(f"{built.name} is in use. A line that runs takes it up by itself.")
    if as_json:
        typer.echo(json.dumps(summary(built, old, chosen, promoted=promoted) | offered(offer), indent=1))


def _from(category: str, refs_from: str | None) -> tuple[str, int | None]:
    """Category and version of the bundle that is to be improved."""
    from edge.vision.bundle_name import parse_bundle_name

    name = parse_bundle_name(refs_from or category)
    if name.category != category:
        raise EdgeError(f"--refs-from {name} is another kind of part than --category {category}.")
    return name.category, name.version


def refuse_known_defects(shown: "list[Candidate]", old: "Bundle") -> None:
    """Raises EdgeError, naming frames and defects, if there are any that show a known defect of the bundle."""
    if not shown:
        return
    named = ", ".join(f"frame {candidate.frame.id} shows {candidate.defect}" for candidate in shown)
    raise EdgeError(
        f"nothing was learned: {named}, known to {old.name} as a defect; once learned, defects like it will pass. If "
        "it was called a false alarm by mistake, say so: edge review "
        f"{shown[0].frame.id} --verdict confirmed-defect --by NAME, or leave it out of --frames. If the known defect "
        "is none, add --known-defects."
    )


def confirm_strange(console: Console, strange: "list[Candidate]") -> None:
    """Ask before frames are learned that look like no good part; where nobody can answer, raise EdgeError."""
    if not strange:
        return
    ids = ", ".join(str(candidate.frame.id) for candidate in strange)
    if not sys.stdin.isatty():
        raise EdgeError(
            f"frame {ids}: looks unlike every good part at hand, so it may be a defect that was called a false alarm "
            "by mistake. Look at it again; leave it out of --frames, or add --yes to learn it."
        )
    console.print(f"Frame {ids} looks unlike every good part at hand: once learned, defects like it will pass.")
    if not typer.confirm("Learn from it all the same?", err=True):
        raise EdgeError("nothing was learned. Choose with --frames.")


def show_offer(console: Console, offer: "Offer", old: "Bundle") -> None:
    """The candidates, for a person."""
    from rich.markup import escape

    from calibration.references.stored_picture import source_of

    if offer.candidates:
        table = folding_table("frame", "captured", "camera", "source", "score", "threshold", "by", long=("source",))
        for candidate in offer.candidates:
            frame = candidate.frame
            assert frame.review is not None
            table.add_row(
                str(frame.id), local_time(frame.captured_ns), frame.camera, escape(frame.source), _number(frame.score),
                _number(frame.threshold), escape(frame.review.reviewer),
            )  # fmt: skip
        print_table(console, table)
    called = {candidate.taken.source: f"frame {candidate.frame.id}" for candidate in offer.candidates}
    called |= {source_of(frame): f"frame {frame.id}" for frame in offer.learned}
    for candidate in offer.candidates:
        if said := remark(candidate, called):
            console.print(f"frame {candidate.frame.id} {said}", markup=False)
    for frame, why in offer.gone:
        console.print(f"cannot be learned from: frame {frame.id}: {why}", markup=False)
    known = f"; {len(offer.learned)} more are references already" if offer.learned else ""
    console.print(f"{len(offer.candidates)} false alarms can be added to {old.name}{known}")


def remark(candidate: "Candidate", called: Mapping[str, str]) -> str:
    """What speaks against a candidate, in words; empty if nothing does.

    called: what references that are frames of this record are called, by source
    """
    said = []
    if candidate.defect is not None:
        said.append(f"shows the known defect {candidate.defect}: it will not be learned")
    if candidate.same_as is not None:
        said.append(f"shows the same part as {called.get(candidate.same_as, candidate.same_as)}: it adds little")
    if candidate.strange:
        said.append(f"is unlike every good part (score {candidate.score:.3f} beside all others): a defect after all?")
    return "; ".join(said)


def show_built(console: Console, settings: Settings, built: "Built", old: "Bundle", report: Path) -> None:
    """The new bundle beside the old one, for a person."""
    from calibration.promise.words import sentences
    from calibration.teach_show import say_next

    made, before = built.manifest, old.manifest
    added = len(made.references) - len(before.references)
    console.print(
        f"\n{built.name}: the {len(before.references)} references of {old.name} and {added} learned; "
        f"{old.name}'s threshold was {_number(before.threshold)} ({before.calibration.grade})"
        f"{' and is kept' if made.threshold == before.threshold else ''}",
        markup=False,
    )
    for sentence in sentences(made):
        console.print(sentence, markup=False)
    console.print(f"Bundle    {built.folder}", markup=False)
    console.print(f"Report    {report}", markup=False)
    say_next(console, settings, built)


def offered(offer: "Offer") -> dict[str, Any]:
    """The candidates, for a program."""
    return {
        "candidates": [
            {
                "frame": each.frame.id,
                "key": each.frame.key,
                "source": each.frame.source,
                "captured_ns": each.frame.captured_ns,
                "camera": each.frame.camera,
                "recorded_score": each.frame.score,
                "recorded_threshold": each.frame.threshold,
                "reviewer": None if each.frame.review is None else each.frame.review.reviewer,
                "score": each.score,
                "same_as": each.same_as,
                "unlike_all": each.strange,
                "known_defect": each.defect,
            }
            for each in offer.candidates
        ],
        "learned_before": [frame.id for frame in offer.learned],
        "without_picture": [frame.id for frame, _ in offer.gone],
    }


def summary(built: "Built", old: "Bundle", chosen: "list[Candidate]", *, promoted: bool) -> dict[str, Any]:
    """The new bundle, for a program."""
    return {
        "bundle": str(built.name),
        "folder": str(built.folder),
        "from": str(old.name),
        "references": len(built.manifest.references),
        "learned": [candidate.frame.id for candidate in chosen],
        "threshold": built.manifest.threshold,
        "threshold_before": old.manifest.threshold,
        "grade": built.threshold.grade,
        "known_defects_lost": [kept.source for kept in built.manifest.check if kept.caught_by is not None],
        "promoted": promoted,
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
