"""The one page that an engineer signs: what a bundle's threshold promises, on what grounds, with plots."""

import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from calibration.evaluation.results import write_whole
from calibration.promise.cautions import cautions
from calibration.promise.plots import plot_bound, plot_scores
from calibration.promise.trade_off import NOT_AFTERWARDS, choices
from calibration.promise.words import sentences
from edge import __version__
from edge.errors import EdgeError
from edge.vision.bundle_folder import read_description
from edge.vision.manifest import KnownPart, Manifest

MOST_NAMED = 10
"""Parts that are named in a list, at most."""


def write_certificate(reports: Path, folder: Path) -> Path:
    """Write `<category>@<n>.html` for the bundle in `folder`, and return its path; it needs nothing else to be shown.

    Raises EdgeError if the folder holds no bundle.
    """
    described = read_description(folder, called=f"bundle {folder}")
    made = described.manifest
    page = certificate(made, name=f"{made.category}@{folder.name}", content_hash=described.sha256)
    path = reports / f"{made.category}@{folder.name}.html"
    try:
        reports.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode())
    except OSError as error:
        raise EdgeError(
            f"report {path} cannot be written: {error.strerror or error}. The bundle is there; mend that, then: "
            f"calibrate report {made.category}@{folder.name}"
        ) from error
    return path


def certificate(made: Manifest, *, name: str, content_hash: str) -> str:
    """The page as HTML, self-contained."""
    environment = Environment(
        loader=PackageLoader("calibration", "data"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    said = made.calibration
    return environment.get_template("certificate.html").render(
        name=name,
        content_hash=content_hash,
        made=made,
        said=said,
        cautions=cautions(made),
        sentences=sentences(made),
        choices=choices(made),
        not_afterwards=NOT_AFTERWARDS,
        facts=_facts(made),
        scores=Markup(plot_scores(made)),
        bound=None if said.promise is None else Markup(plot_bound(said.promise)),
        strangest=_sorted(said.good)[-MOST_NAMED:][::-1],
        missed=[part for part in _sorted(said.bad) if made.threshold is not None and part.score <= made.threshold],
        most=MOST_NAMED,
        version=__version__,
    )


def _facts(made: Manifest) -> dict[str, str]:
    """What was calibrated, in a few lines."""
    facts = {
        "Made": made.calibration.created,
        "Encoder": f"{made.encoder}, {made.input_size} px, {made.precision}, weights {made.weights_sha256[:12]}",
        "Recipe": made.recipe,
        "References": f"{len(made.references)}: " + ", ".join(each.source for each in made.references[:MOST_NAMED]),
        "Good parts outside the bank": str(len(made.calibration.good)),
        "Known defects": str(len(made.calibration.bad)),
    }
    if made.calibration.controls:
        facts["Locked at the camera"] = json.dumps(made.calibration.controls)
    return facts


def _sorted(parts: tuple[KnownPart, ...]) -> list[KnownPart]:
    return sorted(parts, key=lambda part: part.score)
