"""The one page that an engineer signs: what a bundle's threshold promises, on what grounds, with plots."""

import json
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from calibration.evaluation.results import write_whole
from calibration.promise.cautions import cautions
from calibration.promise.inspected import inspected, left_out
from calibration.promise.page_pictures import limit_part, references, what_counts
from calibration.promise.plots import plot_bound, plot_scores
from calibration.promise.trade_off import NOT_AFTERWARDS, choices
from calibration.promise.words import grade_words, sentences
from edge.errors import EdgeError
from edge.verdict import Outcome
from edge.vision.bundle_folder import read_description
from edge.vision.manifest import KnownPart, Manifest
from edge.vision.outcome import outcome_of

FOLDED_FROM = 12
"""Lines of a list, from which on it is folded; all of them are in the file."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A known part and what the bundle says of it; wrong: a good part that is not `ok`, or a defect that is."""

    part: KnownPart
    outcome: Outcome
    wrong: bool


def write_certificate(reports: Path, folder: Path) -> Path:
    """Write `<category>@<n>.html` for the bundle in `folder`, and return its path; it needs nothing else to be shown.

    Raises EdgeError if the folder holds no bundle.
    """
    described = read_description(folder, called=f"bundle {folder}")
    made = described.manifest
    page = certificate(made, folder, content_hash=described.sha256)
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


def certificate(made: Manifest, folder: Path, *, content_hash: str) -> str:
    """The page as HTML, self-contained; folder: the bundle's, for its pictures."""
    environment = Environment(
        loader=PackageLoader("calibration", "data"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    said = made.calibration
    return environment.get_template("certificate.html").render(
        name=f"{made.category}@{folder.name}",
        content_hash=content_hash,
        made=made,
        said=said,
        grade=grade_words(said.grade, target=None if said.promise is None else said.promise.target),
        cautions=cautions(made),
        sentences=sentences(made),
        inspected=inspected(made),
        left_out=left_out(made),
        view=what_counts(made, folder),
        choices=choices(made),
        not_afterwards=NOT_AFTERWARDS,
        facts=facts_of(made),
        scores=Markup(plot_scores(made)),
        bound=None if said.promise is None else Markup(plot_bound(said.promise)),
        references=list(references(made, folder)),
        limit_part=limit_part(made, folder),
        good=judged(made, good=True),
        bad=judged(made, good=False),
        folded_from=FOLDED_FROM,
    )


def facts_of(made: Manifest) -> dict[str, str]:
    """What was calibrated, by whom, where and how, in a few lines."""
    said, session = made.calibration, made.calibration.session
    facts = {"Made": said.created}
    if session is not None:
        facts |= {
            "By": f"{session.account} on {session.host}, station {session.station}",
            "Command": session.command,
            "In the folder": session.folder,
            "Release": f"edge-inspection {session.version}",
        }
    facts |= {
        "Encoder": f"{made.encoder}, {made.input_size} px, {made.precision}, weights {made.weights_sha256[:12]}",
        "Recipe": made.recipe,
        "References": _references(made),
        "Good parts outside the bank": _shown(said.good, None if session is None else session.good),
        "Known defects": _shown(said.bad, None if session is None else session.bad),
    }
    if said.controls:
        facts["Locked at the camera"] = json.dumps(said.controls)
    return facts


def judged(made: Manifest, *, good: bool) -> list[Judged]:
    """The known parts of one kind, the highest score first."""
    parts = made.calibration.good if good else made.calibration.bad
    found = []
    for part in sorted(parts, key=lambda part: -part.score):
        outcome, _ = outcome_of(part.score, made)
        found.append(Judged(part, outcome, wrong=(outcome is Outcome.OK) != good))
    return found


def _references(made: Manifest) -> str:
    count, learned = len(made.references), sum(each.learned for each in made.references)
    before = made.calibration.made_from
    if before is None:
        return str(count)
    added = f" and {learned} that the line had flagged and people called good" if learned else ""
    return f"{count}: {count - learned} from {before}{added}"


def _shown(parts: tuple[KnownPart, ...], place: str | None) -> str:
    return str(len(parts)) + (f", from {place}" if parts and place is not None else "")
