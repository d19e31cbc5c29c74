"""`edge check`: before a shift, are known parts judged as at calibration, and does the camera see as it did then?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.frame import Pixels
from edge.verdict import Outcome, Verdict
from edge.vision.bundle import Bundle
from edge.vision.drift import look, standard_of
from edge.vision.drift_words import difference
from edge.vision.manifest import Kept, Manifest
from edge.vision.normal import MEASURES
from edge.vision.scorer import VisionScorer

RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 0.01, 0.001
"""A score may differ by 1 % and 0.001 from calibration's: another device adds up in another order."""

MOST_REFERENCES = 4
WEAK = (
    "a weak check: the bundle keeps no pictures of known parts beside its references, which it knows by heart. "
    "Calibrate with --good and --bad."
)
LOST = "a known defect passes now. Go back (`calibrate rollback`), or make a bundle that catches it."
NO_BAD = "no known defect is kept, so that defects are still seen was not checked. Calibrate with --bad as well."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: a picture, or a measure of the live pictures; `why` says it to a person."""

    subject: str
    well: bool
    why: str
    outcome: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of a check; `reason` is why it failed, or what it passed on, `notes` what to know beside it."""

    category: str
    bundle: str
    version: int
    passed: bool
    reason: str
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def check_kept(scorer: VisionScorer, bundle: Bundle) -> list[Finding]:
    """Score what the bundle keeps: pictures of known parts, or without any, its references.

    The scorer has loaded the bundle's category.
    """
    made = bundle.manifest
    if made.check:
        return [_kept(kept, _score(scorer, bundle.picture(kept.file), made), made) for kept in made.check]
    files = [reference.file for reference in made.references[:MOST_REFERENCES]]
    return [_reference(file, _score(scorer, bundle.picture(f"references/{file}"), made), made) for file in files]


def check_live(
    scorer: VisionScorer, bundle: Bundle, *, good: Sequence[tuple[str, Pixels]], bad: Sequence[tuple[str, Pixels]]
) -> list[Finding]:
    """Judge pictures that were just taken of known parts, each with its source, and look at light, focus and place.

    The latter of the good ones alone, by their mean: a defect may be dark.
    """
    made = bundle.manifest
    shown = [(source, pixels, True) for source, pixels in good] + [(source, pixels, False) for source, pixels in bad]
    findings = [_live(source, _score(scorer, pixels, made), good=is_good) for source, pixels, is_good in shown]
    return findings + (_view(bundle, [pixels for _, pixels in good]) if good else [])


def conclude(bundle: Bundle, findings: Iterable[Finding]) -> CheckResult:
    """Passed if all is well."""
    findings = tuple(findings)
    wrong = [finding for finding in findings if not finding.well]
    reason = f"{len(findings)} of {len(findings)} findings are as they should be"
    if wrong:
        more = f" ({len(wrong)} of {len(findings)} findings are wrong)" if len(findings) > 1 else ""
        reason = f"{wrong[0].subject}: {wrong[0].why}{more}"
    made = bundle.manifest
    notes = () if any(not kept.good for kept in made.check) else (NO_BAD if made.check else WEAK,)
    return CheckResult(made.category, bundle.sha256, bundle.version, not wrong, reason, notes, findings)


def _score(scorer: VisionScorer, pixels: Pixels, made: Manifest) -> Verdict:
    return scorer.score([pixels], [made.category])[0]


def _kept(kept: Kept, verdict: Verdict, made: Manifest) -> Finding:
    subject = f"known {'good' if kept.good else 'bad'} {kept.source}"
    if verdict.score is None:
        return _not_judged(subject, verdict)
    tolerance = RELATIVE_TOLERANCE * abs(kept.score) + ABSOLUTE_TOLERANCE
    flagged = verdict.outcome is not Outcome.OK
    scores = f"score {verdict.score:.3f}, at calibration {kept.score:.3f}"
    if abs(verdict.score - kept.score) > tolerance:
        well, why = False, f"{scores}: they may differ by {tolerance:.3f}"
    elif flagged != kept.flagged and (made.threshold is None or abs(kept.score - made.threshold) > tolerance):
        well, why = False, f"{verdict.outcome}, which it was not at calibration; {scores}"
    elif kept.caught_by is not None and not flagged:
        well, why = False, f"{scores}; ok, though {kept.caught_by} caught it: {LOST}"
    elif kept.flagged == kept.good:
        well, why = True, f"{scores}; judged wrongly, as it was then: the bundle does not tell this one"
    else:
        well, why = True, scores
    return Finding(subject, well, why, verdict.outcome.value, verdict.score)


def _reference(file: str, verdict: Verdict, made: Manifest) -> Finding:
    subject = f"reference {file}"
    if verdict.score is None:
        return _not_judged(subject, verdict)
    ok = verdict.outcome is Outcome.OK or made.threshold is None
    itself = verdict.nearest is None or verdict.nearest.reference == file
    why = f"{verdict.outcome}, score {verdict.score:.3f}"
    if verdict.nearest is not None:
        why += f", nearest to {'itself' if itself else verdict.nearest.reference}"
    return Finding(subject, ok and itself, why, verdict.outcome.value, verdict.score)


def _not_judged(subject: str, verdict: Verdict) -> Finding:
    return Finding(
        subject, False, f"{verdict.outcome}: {verdict.reason}, which it was not at calibration", verdict.outcome
    )


def _live(source: str, verdict: Verdict, *, good: bool) -> Finding:
    ok = verdict.outcome is Outcome.OK
    score = "" if verdict.score is None else f", score {verdict.score:.3f}"
    threshold = "" if verdict.threshold is None else f", threshold {verdict.threshold:.3f}"
    reason = "" if verdict.reason is None else f" ({verdict.reason})"
    subject = f"live {'good' if good else 'bad'} part {source}"
    well = ok == good and verdict.outcome is not Outcome.NOT_INSPECTED
    return Finding(subject, well, f"{verdict.outcome}{reason}{score}{threshold}", verdict.outcome.value, verdict.score)


def _view(bundle: Bundle, pictures: Sequence[Pixels]) -> list[Finding]:
    """Light, focus and place of good parts, by measure."""
    standard = standard_of(bundle)
    looks = [look(pixels, standard) for pixels in pictures]
    findings = []
    for name, band in standard.normal.bands.items():
        if name in looks[0]:
            mean = sum(one[name] for one in looks) / len(looks)
            why = difference(name, mean, band, parts=len(looks))
            findings.append(Finding(f"live {MEASURES[name]}", not band.differs(mean, parts=len(looks)), why))
    return findings
