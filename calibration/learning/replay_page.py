"""A replay as one page of pictures: a file of its own, which needs no other and no network."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from calibration.learning.replay import Replay, Replayed
from calibration.thumbnail import data_address
from edge.errors import EdgeError
from edge.ledger.reviewed import Box
from edge.local_time import local_time
from edge.verdict import Outcome

MOST_PICTURES = 300
"""Pictures on a page at most; the table has every flip."""

WORDS = {Outcome.OK: "ok", Outcome.DEFECT: "defect", Outcome.UNSURE: "unsure", Outcome.NOT_INSPECTED: "not inspected"}


def write_page(folder: Path, replay: Replay, boxes: Mapping[int, Sequence[Box]]) -> Path:
    """Write `replay-CATEGORY@N.html` into the folder, which is made if need be; its path.

    boxes: by frame id, the areas that were marked when the frame was recorded
    Raises EdgeError if it cannot be written.
    """
    path = folder / f"replay-{replay.bundle}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(render(replay, boxes), encoding="utf-8")
    except OSError as error:
        raise EdgeError(f"report {path} cannot be written: {error.strerror}. Choose another folder.") from error
    return path


def render(replay: Replay, boxes: Mapping[int, Sequence[Box]]) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=PackageLoader("calibration", "data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"local_time": local_time, "score": score, "data_address": data_address}
    flips = replay.flips
    groups: dict[tuple[str, str], list[Replayed]] = {}
    for each in flips[:MOST_PICTURES]:
        groups.setdefault((WORDS[Outcome(each.frame.outcome)], WORDS[each.verdict.outcome]), []).append(each)
    return environment.get_template("replay.html").render(
        replay=replay,
        outcomes=[outcome for outcome in Outcome if outcome is not Outcome.NOT_INSPECTED],
        words=WORDS,
        turns=replay.turns,
        flips=flips,
        groups=groups,
        boxes=boxes,
        left_out=len(flips) - min(len(flips), MOST_PICTURES),
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def score(value: float | None) -> str:
    """Three decimals; a dash for none."""
    return "\N{EN DASH}" if value is None else f"{value:.3f}"
