"""A study as a file for programs and as a table for people."""

import os
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from calibration.random_words.study import LEVEL, Row, Study, least_seeds
from edge.errors import EdgeError


def read_study(path: Path) -> Study:
    """A study as `calibrate random-words-study` wrote it. Raises EdgeError for a missing or other file."""
    try:
        return Study.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise EdgeError(f"study {path}: cannot be read ({error}). Make one: calibrate random-words-study") from error


def write_study(path: Path, study: Study) -> Path:
    """Write the study as JSON to `path`, and its table beside it as .md, whose path is returned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = path.with_suffix(".md")
    for file, text in ((path, study.model_dump_json(indent=1)), (table, markdown(study))):
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    return table


def markdown(study: Study) -> str:
    """The study as a Markdown table: mean and standard deviation over the seeds, and which differences matter."""
    names = list(study.rows[0].marks)
    head = ["what", "value", *(name.replace("_", " ") for name in names), "p", "matters"]
    lines = ["# Random words: what the lost hyperparameters matter", "", *facts(study), ""]
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in study.rows:
        cells = [row.candidate.factor, row.candidate.value, *(spread(row.marks[name]) for name in names)]
        lines.append("| " + " | ".join([*cells, "" if row.p is None else f"{row.p:.3f}", verdict(row)]) + " |")
    return "\n".join([*lines, "", conclusion(study), ""])


def facts(study: Study) -> list[str]:
    """What was studied, a line each."""
    plan, default = study.plan, study.rows[0].candidate
    words = "the same random words for all" if study.shared_prompts else "each its own random words"
    pictures = f"{study.dataset}, multi-crop {'on' if study.crops else 'off'}" if study.dataset else "none"
    return [
        f"- command: `{study.command}`",
        f"- encoder: {study.encoder}, weights {study.weights_sha256}",
        f"- prompts: {plan.pairs} pairs, {plan.normal!r} against {plan.anomaly!r}; {len(study.seeds)} seeds, {words}",
        f"- pictures: {pictures}",
        f"- default: {default.training.model_dump_json()}",
        f"- `p` compares `{study.criterion}` with the default's, seed by seed (sign-flip test); a difference matters "
        f"if p times {len(study.rows) - 1} comparisons is below {LEVEL}, which takes at least "
        f"{least_seeds(len(study.rows) - 1)} seeds",
    ]


def conclusion(study: Study) -> str:
    """What follows, and how far it may be trusted."""
    chosen = study.chosen
    what = "the default" if chosen.factor == "default" else f"{chosen.factor} = {chosen.value}"
    if study.shortfall is not None:
        return f"Chosen: {what}. The hyperparameters remain `unvalidated`: {study.shortfall}"
    return (
        f"Chosen: {what}, by the test pictures of {study.dataset}: figures on them are no longer a fair test of it. "
        "Report it on another data set."
    )


def spread(values: tuple[float, ...]) -> str:
    """Mean and standard deviation over the seeds (of the sample, so n - 1)."""
    deviation = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{deviation}"


def verdict(row: Row) -> str:
    """yes, no, or nothing for the default itself."""
    return "" if row.matters is None else "yes" if row.matters else "no"
