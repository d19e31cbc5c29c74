"""No bundle comes into use that would pass a defect which the one in use catches, or most of those that it was shown,
unless a person says why."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibration.progress import bar
from calibration.promise.useless import useless
from edge.errors import EdgeError
from edge.ledger.reviewed import ReviewedFrame, judged_frames
from edge.ledger.reviews import ReviewVerdict
from edge.ledger.schema import exists, open_existing
from edge.settings import Settings
from edge.verdict import Outcome
from edge.vision.bundle import Bundle, load_bundle
from edge.vision.bundle_folder import read_description
from edge.vision.bundle_name import BundleName
from edge.vision.bundle_promotion import in_use, promote
from edge.vision.bundle_store import called, folder_of

if TYPE_CHECKING:
    from calibration.learning.rescore import Rescorer, Unseen
    from edge.vision.features import Encoder

Say = Callable[[str], None]

MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a bundle makes of the confirmed defects of its category.

    scored:    how many were scored
    passing:   those that would be `ok`, and that the bundle in use flags
    as_before: those that would be `ok`, as they are under the bundle in use
    known:     known defects that the bundle in use catches and keeps, and that would be `ok`, by source
    gone:      those whose picture should be there and is not, with the reason
    unkept:    those that never had one: the line had called them `ok`
    """

    scored: int
    passing: list[ReviewedFrame]
    as_before: list[ReviewedFrame]
    known: list[str]
    gone: "list[Unseen]"
    unkept: list[ReviewedFrame]


def put_into_use(
    settings: Settings, name: BundleName, *, reason: str | None, say: Say, force: str | None = None
) -> None:
    """Promote a version, once no confirmed or known defect would turn `ok` under it; the reason is kept with that.

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
    """Score the confirmed defects of the category, and the known ones that the bundle in use keeps, with this bundle.

    What it made of its own known defects at calibration counts as well.

    encoder_for: opens its encoder, if there is anything to score; default: the one it was made with
    Returns `force` with what it overrode, or None if there was nothing to override and no `force`.
    Raises EdgeError, naming the frames, if half or more of its own known defects would be `ok`, a defect would be that
    the bundle in use catches, or a confirmed one cannot be scored, and `force` is None. What that bundle
    passes as well is named and holds nothing back.
    """
    if force is not None and not force.strip():
        raise EdgeError("--force needs a reason, which is kept with the promotion: --force 'rework finds these'.")
    confirmed = _confirmed(settings, name.category)
    old = _in_use(settings, name.category)
    known = old is not None and old.name != name and any(not kept.good and kept.flagged for kept in old.manifest.check)
    objections = [_useless(settings, name)]
    if confirmed or known:
        objections.append(_objection(settings, name, confirmed, old, say, encoder_for))
    objection = " ".join(each for each in objections if each is not None)
    if not objection:
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


def _useless(settings: Settings, name: BundleName) -> str | None:
    """What speaks against a bundle by its own known defects; None of one that cannot be read, which promote refuses."""
    with suppress(EdgeError):
        folder = folder_of(settings.bundles, name)
        return useless(read_description(folder, called=called(settings.bundles, name)).manifest)
    return None


def _in_use(settings: Settings, category: str) -> Bundle | None:
    """The bundle that the line has now; None if there is none, or none that can be read."""
    with suppress(EdgeError):  # what cannot be read is put right by a promotion
        return load_bundle(settings.bundles, category)
    return None


def _objection(
    settings: Settings,
    name: BundleName,
    confirmed: Sequence[ReviewedFrame],
    old: Bundle | None,
    say: Say,
    encoder_for: "Callable[[Bundle, Settings], Encoder] | None",
) -> str | None:
    """Why the bundle should not be promoted, in a sentence or two; None if nothing speaks against it."""
    from calibration.learning.made_with import encoder_of  # with torch, which takes seconds
    from calibration.learning.rescore import Rescorer

    def rescorer_of(bundle: Bundle) -> Rescorer:
        return Rescorer((encoder_for or encoder_of)(bundle, settings), bundle, settings)

    bundle = load_bundle(settings.bundles, name.category, name.version)
    try:
        found = look(rescorer_of(bundle), confirmed, old, rescorer_of, say)
    except EdgeError as error:
        what = f"{len(confirmed)} confirmed" if confirmed else "known"
        return f"its {what} defects cannot be scored with it: {error}"
    if found.unkept:
        say(
            "Not checked, since they have no picture (the line had called them ok, or retention removed it): "
            f"{named(found.unkept)}, which people have called defects."
        )
    if found.as_before and old is not None:
        say(
            f"Passes as before: {named(found.as_before)}, called defects by people, ok under {old.name} in use as well."
        )
    if found.passing or found.gone or found.known:
        return " ".join(_reasons(found))
    if others := found.scored - len(found.as_before):
        say(f"None of {others} {'other ' if found.as_before else ''}confirmed defects would be ok under {name}.")
    return None


def look(
    rescorer: "Rescorer",
    confirmed: Sequence[ReviewedFrame],
    old: Bundle | None,
    rescorer_of: "Callable[[Bundle], Rescorer]",
    say: Say,
) -> Guarded:
    """Score these confirmed defects, with a bar of how far it is, and what the bundle in use, old, catches."""
    from calibration.learning.known_defects import passed_by
    from calibration.learning.rescore import Rescored, Unseen

    with_picture = [frame for frame in confirmed if frame.picture_path is not None]
    results: list[Rescored | Unseen] = []
    with bar("confirmed defects", len(with_picture)) as advance:
        for result in rescorer.judge(with_picture):
            results.append(result)
            advance(1)
    scored = [result for result in results if isinstance(result, Rescored)]
    ok = [result.frame for result in scored if result.verdict.outcome is Outcome.OK]
    before = set() if old is None else _ok_before(ok, old, rescorer_of, say)
    return Guarded(
        scored=len(scored),
        passing=[frame for frame in ok if frame.id not in before],
        as_before=[frame for frame in ok if frame.id in before],
        known=[] if old is None else passed_by(rescorer, old),
        gone=[result for result in results if isinstance(result, Unseen)],
        unkept=[frame for frame in confirmed if frame.picture_path is None],
    )


def _ok_before(
    frames: Sequence[ReviewedFrame], old: Bundle, rescorer_of: "Callable[[Bundle], Rescorer]", say: Say
) -> set[int]:
    """Ids of those that this bundle calls `ok`: by its own record, if it judged them, and by their stored pictures."""
    from calibration.learning.rescore import Rescored

    open_ones = [frame for frame in frames if frame.bundle != old.sha256 or frame.outcome == Outcome.OK]
    if not open_ones:
        return set()
    try:
        judged = list(rescorer_of(old).judge(open_ones))
    except EdgeError as error:
        say(f"{old.name}, in use, cannot score what it would say of {named(open_ones)}, taken as caught: {error}")
        return set()
    return {each.frame.id for each in judged if isinstance(each, Rescored) and each.verdict.outcome is Outcome.OK}


def _reasons(found: Guarded) -> list[str]:
    reasons = []
    if found.passing:
        count = len(found.passing)
        reasons.append(f"{count} of {found.scored} confirmed defects would be ok: {named(found.passing)}.")
    if found.known:
        what = "known defect" if len(found.known) == 1 else "known defects"
        sources = ", ".join(found.known)
        reasons.append(f"{len(found.known)} {what} that the bundle in use catches would be ok: {sources}.")
    if found.gone:
        gone = [unseen.frame for unseen in found.gone]
        reasons.append(f"{len(gone)} confirmed defects cannot be scored: {named(gone)}; {found.gone[0].why}")
    return reasons


def named(frames: Sequence[ReviewedFrame]) -> str:
    """Frames by id; of many, the first."""
    ids = ", ".join(str(frame.id) for frame in frames[:MOST_NAMED])
    more = f" and {len(frames) - MOST_NAMED} more" if len(frames) > MOST_NAMED else ""
    return f"frame{'s' if len(frames) > 1 else ''} {ids}{more}"
