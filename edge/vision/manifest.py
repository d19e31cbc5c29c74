"""bundle.json: what a bundle says about itself."""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import EdgeError
from edge.verdict import Scale
from edge.vision.part_box import PartBox

FORMAT = 3
CATEGORY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Part(BaseModel):
    """Base of what bundle.json holds: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Reference(Part):
    """A reference picture: its file in the bundle's folder `references`, and where it came from."""

    file: str
    source: str


class Calibration(Part):
    """How threshold and bank came about; for people, nothing at run time depends on it.

    grade:         how much the threshold may be trusted: `none` or `first`
    method:        the rule that gave the threshold, in a sentence
    loo_scores:    each reference's score against the others
    tokens:        by stage, or look of the neighbourhood head, patch tokens kept from each reference
    created:       UTC, ISO 8601
    controls:      what was locked at the camera, by name
    """

    grade: str
    method: str
    loo_scores: tuple[float, ...]
    tokens: dict[str, int]
    created: str
    controls: dict[str, float] = {}


class Manifest(Part):
    """bundle.json; format 1 had the few-shot head only, format 2 no neighbourhood head.

    recipe:      how the heads combine (edge.vision.recipe)
    object_name: what the prompts call the part, None without prompts
    peak_scale:  what the map's maximum is divided by in the score
    head_limits: by head, its largest own score on a reference against the others: what good parts reach
    part_box:    where the part lies in a picture, None without a closer look
    threshold:   in the score's units;  scale: in the map's
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
    threshold: float | None
    scale: Scale | None
    calibration: Calibration
    files: dict[str, str] = {}


def parse_manifest(described: bytes, folder: Path) -> Manifest:
    """bundle.json's bytes, from `folder`, as a Manifest; the format is looked at first.

    Raises EdgeError for a format that is newer than this release, or content that is no manifest.
    """
    try:
        head = _Format.model_validate_json(described)
        if head.format > FORMAT:
            raise EdgeError(
                f"bundle {folder} has format {head.format}; this release reads up to {FORMAT}. "
                "Install a newer release here, or calibrate again with this one."
            )
        return Manifest.model_validate_json(described)
    except ValidationError as error:
        raise EdgeError(f"bundle {folder}: bundle.json does not hold what it should: {error}") from error


def check_category(name: str) -> str:
    """`name`, if a category may be called so. Raises EdgeError otherwise."""
    if not CATEGORY.fullmatch(name):
        raise EdgeError(f"category {name!r}: a name begins with a letter and goes on with letters, digits, _ and -.")
    return name


class _Format(BaseModel):
    format: int
