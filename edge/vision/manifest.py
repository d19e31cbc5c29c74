"""bundle.json: what a bundle says about itself."""

import re

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import EdgeError
from edge.verdict import Scale
from edge.vision.normal import Normal
from edge.vision.part_box import PartBox
from edge.vision.registration import Tolerance

FORMAT = 5
CATEGORY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Part(BaseModel):
    """Base of what bundle.json holds: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Reference(Part):
    """A reference picture: its file in the bundle's folder `references`, and where it came from.

    learned: it was chosen because the line had flagged it; it widens the bank and has no say in the threshold
    size:    of the picture as it came, (width, height) in pixels; None before format 5
    """

    file: str
    source: str
    learned: bool = False
    size: tuple[int, int] | None = None


class KnownPart(Part):
    """A physical part of which calibration was told whether it is good: where it came from, and its worst picture.

    score: the largest of its pictures;  pictures: how many there were
    sha256: of each picture's file, or of its pixels where it came from a camera; none before format 5
    """

    source: str
    score: float
    pictures: int = 1
    sha256: tuple[str, ...] = ()


class Promise(Part):
    """What is claimed about good parts to come, with 95 % confidence each; see calibration.promise.bounds.

    A false reject is a good part that ends as anything but `ok`.
    target:             the false-reject rate that was asked for
    parts, rank:        the threshold is the `rank`-th highest of the scores of so many good parts
    by_hand, kept:      or it was given, or kept from the bundle before, and rank - 1 of the parts lie above it
    rate_bound:         most good parts, as a share, that it rejects in the long run
    count_bound:        most rejects among the next `next_parts` good parts
    parts_to_certify:   good parts whose highest score would hold the target
    """

    target: float
    parts: int
    rank: int
    by_hand: bool = False
    kept: bool = False
    rate_bound: float
    next_parts: int
    count_bound: int
    parts_to_certify: int


class Kept(Part):
    """A picture of a part that is known to be good or bad, for `edge check`: no reference.

    file:    inside the bundle;  source: where it came from
    score:   what it got at calibration;  flagged: whether that made it anything but `ok`
    caught_by: of a defect that is `ok` under this bundle, the bundle before that caught it, as pcb@1; None: none did
    """

    file: str
    source: str
    good: bool
    score: float
    flagged: bool
    caught_by: str | None = None


class BankCost(Part):
    """What it cost to keep the bank of patch tokens within a memory budget.

    whole_bytes, kept_bytes: size of all tokens, and of those that were kept
    measure:     what was compared with all and with the kept ones, None if all were too many to compare with
    parts:       on so many pictures;  whole, kept: its values
    """

    budget_bytes: int
    whole_bytes: int
    kept_bytes: int
    measure: str | None = None
    parts: int = 0
    whole: float | None = None
    kept: float | None = None


class Session(Part):
    """Who ran a calibration, where and how: for whoever signs it.

    command: the command line, without passwords;  folder: where it was given
    good, bad: where the known parts came from, None: none were shown
    """

    host: str
    station: str
    account: str
    version: str
    command: str
    folder: str
    good: str | None = None
    bad: str | None = None


class SeenBefore(Part):
    """That known good parts had been scored for an earlier bundle, whose threshold was asked for in another way.

    bundle: the earliest such, as pcb@1;  target: the false-reject rate that it was made for;  parts: how many are the
    same to the byte
    """

    bundle: str
    target: float
    parts: int


class Calibration(Part):
    """How threshold and bank came about; for people, nothing at run time depends on it.

    grade:         how much the threshold may be trusted: `certified`, `not certified`, `estimate`, `no promise`; before
                   format 4 `none` or `first`
    method:        the rule that gave the threshold, in a sentence
    promise:       None without a threshold, and before format 4
    loo_scores:    each reference's score against the others, but for those learned; of more than a hundred, those drawn
    good, bad:     parts outside the bank, known to be good or defective
    tokens:        by stage, or look of the neighbourhood head, patch tokens kept from each reference
    created:       UTC, ISO 8601
    bank_cost:     None without a memory budget, or where all tokens fit
    controls:      what was locked at the camera, by name
    session:       None before format 5, and for what no command made
    made_from:     the bundle that it was made from, as pcb@1, if it learned or has another area
    seen_before:   None if this threshold was asked for before these good parts were seen, as far as the bundles tell
    """

    grade: str
    method: str
    promise: Promise | None = None
    loo_scores: tuple[float, ...]
    good: tuple[KnownPart, ...] = ()
    bad: tuple[KnownPart, ...] = ()
    tokens: dict[str, int]
    bank_cost: BankCost | None = None
    created: str
    controls: dict[str, float] = {}
    session: Session | None = None
    made_from: str | None = None
    seen_before: SeenBefore | None = None


class AreaFacts(Part):
    """What counts of a picture: the mask is in the bundle's area.png, white where it does.

    share: of the picture, 0..1;  fill: the colour that the rest is painted over with, RGB
    """

    share: float
    fill: tuple[int, int, int]


class AlignFacts(Part):
    """How far parts may lie from the first reference, to which each is registered, and how far the references did.

    moved_px: of the reference's centre, in its pixels, at most;  degrees: at most;  scale: at most, as a share
    """

    tolerance: Tolerance
    moved_px: float
    degrees: float
    scale: float


class EmptyFacts(Part):
    """When a frame shows no part: it is no more unlike the empty view (edge.vision.presence) than `limit`.

    limit:    the geometric mean of the next two
    empty:    how unlike the others the empty view was at most, each left out, also 10 % darker and brighter
    good:     how unlike the empty view the references were at least, also 10 % darker and brighter
    pictures: of the empty view, in the bundle's folder `empty`
    """

    limit: float
    empty: float
    good: float
    pictures: tuple[Reference, ...]


class Manifest(Part):
    """bundle.json; format 1 had the few-shot head only, 2 no neighbourhood head, 3 one threshold without a promise and
    no scene (area, align, empty), 4 not the calibration's session.

    recipe:      how the heads combine (edge.vision.recipe)
    object_name: what the prompts call the part, None without prompts
    peak_scale:  what the map's maximum is divided by in the score
    head_limits: by head, its largest own score on a reference against the others: what good parts reach
    part_box:    where the part lies in a picture, None without a closer look
    area:        what counts of a picture, None: all of it
    align:       that parts are registered to the first reference, None: they are not
    empty:       when a frame shows no part, None: nobody asks
    threshold:   in the score's units: up to it a part is `ok`;  scale: in the map's units
    defect_threshold: above it a part is a defect, and between the two unsure; None: the same as the threshold
    normal:      what pictures of good parts have in common, for drift alarms
    check:       pictures of known parts that are kept for `edge check`
    files:       every other file's sha256, by its path inside the bundle
    """

    format: int = FORMAT
    category: str
    encoder: str
    weights_sha256: str
    input_size: int
    precision: str = "fp32"
    references: tuple[Reference, ...]
    recipe: str = "few-shot"
    object_name: str | None = None
    peak_scale: float = 1.0
    head_limits: dict[str, float] = {}
    part_box: PartBox | None = None
    area: AreaFacts | None = None
    align: AlignFacts | None = None
    empty: EmptyFacts | None = None
    threshold: float | None
    defect_threshold: float | None = None
    scale: Scale | None
    normal: Normal = Normal()
    check: tuple[Kept, ...] = ()
    calibration: Calibration
    files: dict[str, str] = {}


def parse_manifest(described: bytes, called: str) -> Manifest:
    """bundle.json's bytes as a Manifest; the format is looked at first.

    called: how messages name the bundle
    Raises EdgeError for a format that is newer than this release, or content that is no manifest.
    """
    try:
        head = _Format.model_validate_json(described)
        if head.format > FORMAT:
            raise EdgeError(
                f"{called} has format {head.format}; this release reads up to {FORMAT}. "
                "Install a newer release here, or calibrate again with this one."
            )
        return Manifest.model_validate_json(described)
    except ValidationError as error:
        raise EdgeError(f"{called}: bundle.json does not hold what it should: {error}") from error


def check_category(name: str) -> str:
    """`name`, if a category may be called so. Raises EdgeError otherwise."""
    if not CATEGORY.fullmatch(name):
        raise EdgeError(f"category {name!r}: a name begins with a letter and goes on with letters, digits, _ and -.")
    return name


class _Format(BaseModel):
    format: int
