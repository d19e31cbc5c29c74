"""No bundle comes into use that would pass a defect which a person has confirmed, unless one says why."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibration.progress import bar
from edge.errors import EdgeError
from edge.ledger.reviewed import ReviewedFrame, judged_frames
from edge.ledger.reviews import ReviewVerdict
from edge.ledger.schema import exists, open_existing
from edge.settings import Settings
from edge.verdict import Outcome
from edge.vision.bundle import Bundle, load_bundle
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import in_use, promote

if TYPE_CHECKING:
    from calibration.learning.rescore import Rescorer, Unseen
    from edge.vision.features import Encoder

Say = Callable[[str], None]

MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a bundle makes of the confirmed defects of its category.

    scored:    how many were scored
    passing:   those that would be `ok`
    gone:      those whose picture should be there and is not, with the reason
    unkept:    those that never had one: the line had called them `ok`
    """

    scored: int
    passing: list[ReviewedFrame]
    gone: "list[Unseen]"
    unkept: list[ReviewedFrame]


def put_into_use(
    settings: Settings, name: BundleName, *, reason: str | None, say: Say, force: str | None = None
) -> None:
    """Promote a version, once no confirmed defect would be `ok` under it; the reason is kept with the promotion.

    force: why it is to be promoted all the same;  say: told what a person should know
    Raises EdgeError as guard_promotion and edge.vision.bundle_promotion.promote; then nothing changed.
    """
    assert name.version is not None
    before = None
    with suppress(EdgeError):  # what cannot be read is put right by this
        before = in_use(settings.bundles, name.category)
    overridden = guard_promotion(settings, name, force=force, say=say)
    promote(settings.bundles, name.category, name.version, reason=overridden or reason)
    if before not in (None, name):
        say(f"{name} takes the place of {before}. Back again: calibrate rollback {name.category}")


def guard_promotion(
    settings: Settings,
    name: BundleName,
    *,
    force: str | None,
    say: Say,
    encoder_for: "Callable[[Bundle, Settings], Encoder] | None" = None,
) -> str | None:
    """Score the confirmed defects of the category with this bundle.

    encoder_for: opens its encoder, if there is anything to score; default: the one it was made with
    Returns `force` with what it overrode, or None if there was nothing to override and no `force`.
    Raises EdgeError, naming the frames, if a confirmed defect would be `ok` or could not be scored and `force` is None.
    """
    if force is not None and not force.strip():
        raise EdgeError("--force needs a reason, which is kept with the promotion: --force 'rework finds these'.")
    confirmed = _confirmed(settings, name.category)
    objection = _objection(settings, name, confirmed, say, encoder_for) if confirmed else None
    if objection is None:
        return force
    if force is None:
        raise EdgeError(
            f"bundle {name} is not promoted: {objection} If it is to be used all the same, say why: "
            f"calibrate promote {name} --force REASON."
        )
    say(f"Forced, although {objection}")
    return f"{force.strip()} (forced: {objection})"


def _confirmed(settings: Settings, category: str) -> list[ReviewedFrame]:
    """Frames that people have called defects; none without a record."""
    if not exists(settings.database):
        return []
    engine = open_existing(settings.database)
    try:
        return judged_frames(engine, category, ReviewVerdict.CONFIRMED_DEFECT)
    finally:
        engine.dispose()


def _objection(
    settings: Settings,
    name: BundleName,
    confirmed: Sequence[ReviewedFrame],
    say: Say,
    encoder_for: "Callable[[Bundle, Settings], Encoder] | None",
) -> str | None:
    """Why the bundle should not be promoted, in a sentence or two; None if nothing speaks against it."""
    from calibration.learning.made_with import encoder_of  # with torch, which takes seconds
    from calibration.learning.rescore import Rescorer

    bundle = load_bundle(settings.bundles, name.category, name.version)
    try:
        encoder = (encoder_for or encoder_of)(bundle, settings)
        found = look(Rescorer(encoder, bundle, settings), confirmed)
    except EdgeError as error:
        return f"its {len(confirmed)} confirmed defects cannot be scored with it: {error}"
    if found.unkept:
        say(
            "Not checked, since they have no picture (the line had called them ok, or retention removed it): "
            f"{named(found.unkept)}, which people have called defects."
        )
    if found.passing or found.gone:
        return " ".join(_reasons(found))
    say(f"None of {found.scored} confirmed defects would be ok under {name}.")
    return None


def look(rescorer: "Rescorer", confirmed: Sequence[ReviewedFrame]) -> Guarded:
    """Score these confirmed defects, with a bar of how far it is."""
    from calibration.learning.rescore import Rescored, Unseen

    with_picture = [frame for frame in confirmed if frame.picture_path is not None]
    results: list[Rescored | Unseen] = []
    with bar("confirmed defects", len(with_picture)) as advance:
        for result in rescorer.judge(with_picture):
            results.append(result)
            advance(1)
    scored = [result for result in results if isinstance(result, Rescored)]
    return Guarded(
        scored=len(scored),
        passing=[result.frame for result in scored if result.verdict.outcome is Outcome.OK],
        gone=[result for result in results if isinstance(result, Unseen)],
        unkept=[frame for frame in confirmed if frame.picture_path is None],
    )


def _reasons(found: Guarded) -> list[str]:
    reasons = []
    if found.passing:
        count = len(found.passing)
        reasons.append(f"{count} of {found.scored} confirmed defects would be ok: {named(found.passing)}.")
    if found.gone:
        gone = [unseen.frame for unseen in found.gone]
        reasons.append(f"{len(gone)} confirmed defects cannot be scored: {named(gone)}; {found.gone[0].why}")
    return reasons


def named(frames: Sequence[ReviewedFrame]) -> str:
    """Frames by id; of many, the first."""
    ids = ", ".join(str(frame.id) for frame in frames[:MOST_NAMED])
    more = f" and {len(frames) - MOST_NAMED} more" if len(frames) > MOST_NAMED else ""
    return f"frame{'s' if len(frames) > 1 else ''} {ids}{more}"
