"""Make a big record: `python -m tests.big_record FOLDER [--frames 200000] [--flagged 20000]`.

Ten days of four cameras: runs, bundles, outcomes with their reasons, areas, reviews (some changed, some withdrawn), a
sample of passed parts for the audit, two frames a board. Every picture is one of a few drawn boards, hard-linked. The
same every time, but for the times, which end now.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from edge.frame import FrameInfo
from edge.ledger.bundles import BundleRow
from edge.ledger.kinds import DefectKind
from edge.ledger.media import media_stem, write_map, write_picture
from edge.ledger.record import Camera, Inspection, RegionRow, Review, Run, open_engine
from edge.ledger.reviews import ReviewVerdict
from edge.ledger.schema import prepare
from edge.line.demo import draw_board, draw_look, noise_tiles, render
from edge.line.demo_board import HEIGHT, WIDTH
from edge.line.demo_defects import DEFECTS
from edge.settings import Settings

DAYS = 10
DAY_NS = 86_400_000_000_000
MINUTE_NS = 60_000_000_000
CAMERAS = {"left": "pcb", "right": "pcb", "top": "cookie", "side": "tile"}
BUNDLES = {"pcb": ("1a", "2b"), "cookie": ("3c", "4d"), "tile": ("5e", "6f")}
"""By category, what the hashes of its two bundles repeat; the second judged from the middle on."""
KINDS = ("missing part", "scratch", "solder bridge", "stain")
LOST = ("overload", "late", "pose", "capture_died")
FLAGGED = {ReviewVerdict.CONFIRMED_DEFECT: 0.82, ReviewVerdict.FALSE_ALARM: 0.14, ReviewVerdict.UNSURE: 0.04}
PASSED = {ReviewVerdict.CONFIRMED_DEFECT: 0.01, ReviewVerdict.CONFIRMED_OK: 0.97, ReviewVerdict.UNSURE: 0.02}
"""What people say, and how often."""
LOOKS = 16
NOT_INSPECTED, AUDITED, REVIEWED = 0.01, 0.01, 0.7
LIMIT, DEFECT_LIMIT, MAP_TOP = 0.5, 0.55, 2.0
ROWS_AT_ONCE = 5000
Row = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """A drawn board: its files without their endings, and the box around its defect."""

    stem: Path
    box: tuple[int, int, int, int]


def command(
    folder: Annotated[Path, typer.Argument(help="Data folder, which must not hold a record yet.")],
    frames: Annotated[int, typer.Option(min=1000)] = 200_000,
    flagged: Annotated[int, typer.Option(min=100)] = 20_000,
) -> None:
    """Make a record of many frames, to measure the page with."""
    began = time.monotonic()
    settings = Settings(data=folder)
    if settings.database.file.exists():
        raise typer.BadParameter(f"{settings.database} is there already")
    make(settings, frames=frames, flagged=flagged)
    megabytes = settings.database.file.stat().st_size / 1e6
    typer.echo(f"{frames} frames, {flagged} of them flagged, in {time.monotonic() - began:.0f} s: {megabytes:.0f} MB")


def make(settings: Settings, *, frames: int, flagged: int, seed: int = 0) -> None:
    """Fill an empty data folder."""
    prepare(settings.database)
    engine = open_engine(settings.database, writes=True)
    rng = np.random.default_rng(seed)
    begin_ns = time.time_ns() - DAYS * DAY_NS
    with Session(engine) as session:
        runs = _starts(session, begin_ns)
        session.commit()
    drawn = _draw(settings.data / "drawn", rng)
    group: list[Row] = []
    for row in _inspections(rng, frames=frames, flagged=flagged, begin_ns=begin_ns, runs=runs):
        _keep_media(settings.media, row, drawn)
        group.append(row)
        if len(group) == ROWS_AT_ONCE or row["id"] == frames:
            _write(engine, rng, group)
            group = []
    engine.dispose()


def _starts(session: Session, begin_ns: int) -> list[dict[str, tuple[int, int]]]:
    """A run a day; for each, by camera, the ids of run and camera."""
    for category, hashes in BUNDLES.items():
        for number, digits in enumerate(hashes):
            session.add(
                BundleRow(
                    sha256=digits * 32, name=f"{category}@{number + 7}", category=category, encoder="lite",
                    folder=f"{category}/{number + 7}", first_used_ns=begin_ns + number * DAYS * DAY_NS // 2,
                )
            )  # fmt: skip
    session.add_all(DefectKind(name=kind, added_by="Eva", added_ns=begin_ns) for kind in KINDS)
    found = []
    for day in range(DAYS):
        run = Run(name=f"day-{day + 1:02}", started_ns=begin_ns + day * DAY_NS, version="0")
        cameras = [Camera(run=run, name=name, source=f"demo:{name}", category=of) for name, of in CAMERAS.items()]
        session.add_all(cameras)
        session.flush()
        found.append({camera.name: (run.id, camera.id) for camera in cameras})
    return found


def _draw(folder: Path, rng: np.random.Generator) -> list[Look]:
    """Pictures of boards with a defect, each with the map that shows it."""
    drawing, tiles, kinds = draw_board(), noise_tiles(rng), list(DEFECTS)
    looks = []
    for number in range(LOOKS):
        look = draw_look(rng, tiles, parts=len(drawing.parts))
        bad = render(drawing, look, truth=kinds[number % len(kinds)], rng=rng)
        unlike = cv2.absdiff(bad, render(drawing, look, truth=None, rng=rng)).max(axis=2).astype(np.float32)
        coarse = cv2.GaussianBlur(cv2.resize(unlike, (40, 30), interpolation=cv2.INTER_AREA), (0, 0), 1)
        x, y, width, height = (16 * side for side in cv2.boundingRect((coarse > coarse.max() / 3).astype(np.uint8)))
        looks.append(Look(folder / str(number), (x, y, x + width, y + height)))
        write_picture(folder, str(number), bad)
        write_map(folder, str(number), (0.1 + 1.2 * coarse / coarse.max()).astype(np.float32), top=MAP_TOP)
    return looks


def _inspections(
    rng: np.random.Generator, *, frames: int, flagged: int, begin_ns: int, runs: list[dict[str, tuple[int, int]]]
) -> Iterator[Row]:
    """Rows in the order of commits; `run`, `camera`, `look` and `box` in them are no columns."""
    names, step_ns = list(CAMERAS), DAYS * DAY_NS // frames
    outcomes = _outcomes(rng, frames, flagged)
    scores = np.where(outcomes == "ok", rng.beta(4, 8, frames) * LIMIT, LIMIT + 0.005 + rng.gamma(2, 0.12, frames))
    latencies = rng.gamma(8, 5, frames) + 5
    seqs: Counter[tuple[int, int]] = Counter()
    for index in range(frames):
        camera = names[index % len(names)]
        day, board = index * DAYS // frames, index // len(names)
        run_id, camera_id = runs[day][camera]
        seqs[run_id, camera_id] += 1
        row = {
            "id": index + 1, "run": f"day-{day + 1:02}", "camera": camera, "run_id": run_id, "camera_id": camera_id,
            "seq": seqs[run_id, camera_id], "source": f"demo:{camera}", "captured_ns": begin_ns + (index + 1) * step_ns,
            "latency_ms": float(latencies[index]), "category": CAMERAS[camera],
            **_identity(CAMERAS[camera], board), **_UNSCORED, "audit_rate": None, "look": None,
        }  # fmt: skip
        yield row | _judged(rng, str(outcomes[index]), float(scores[index]), row, late=day >= DAYS // 2)


def _outcomes(rng: np.random.Generator, frames: int, flagged: int) -> NDArray[np.str_]:
    """[frames] outcomes, exactly `flagged` of them flagged; one stretch of the week has three times as many."""
    weights = np.ones(frames)
    weights[int(0.83 * frames) : int(0.85 * frames)] = 3
    outcomes = np.full(frames, "ok", dtype="<U13")
    order = rng.choice(frames, size=flagged + round(NOT_INSPECTED * frames), replace=False, p=weights / weights.sum())
    outcomes[order[:flagged]] = np.where(rng.random(flagged) < 0.85, "defect", "unsure")
    outcomes[order[flagged:]] = "not_inspected"
    return outcomes


def _identity(category: str, board: int) -> Row:
    """Boards have all three numbers, cookies a lot alone, tiles none."""
    if category == "tile":
        return {"part": None, "lot": None, "serial": None}
    lot = f"{category.upper()}-L{board // 500:04}"
    if category == "cookie":
        return {"part": None, "lot": lot, "serial": None}
    return {"part": "PCB-2041", "lot": lot, "serial": f"SN{board:07}"}


def _judged(rng: np.random.Generator, outcome: str, score: float, row: Row, *, late: bool) -> Row:
    if outcome == "not_inspected":
        reason = LOST[rng.integers(len(LOST))]
        back_ns = 60 * MINUTE_NS if reason == "capture_died" else 0  # such frames are recorded late
        return {"outcome": outcome, "reason": reason, "captured_ns": row["captured_ns"] - back_ns}
    if outcome == "unsure":
        score = LIMIT + (score - LIMIT) % (DEFECT_LIMIT - LIMIT)
    elif outcome == "defect":
        score += DEFECT_LIMIT - LIMIT
    audited = outcome == "ok" and rng.random() < AUDITED
    return {
        "outcome": outcome, "reason": {"defect": "above_threshold", "unsure": "between_thresholds"}.get(outcome),
        "score": score, "threshold": LIMIT, "defect_threshold": DEFECT_LIMIT, "recipe": "neighbourhood",
        "head_scores": {"neighbourhood": score}, "head_limits": {"neighbourhood": LIMIT},
        "bundle": BUNDLES[row["category"]][late] * 32, "nearest_reference": "ref_2.jpg",
        "nearest_distance": score / 2, "scale_low": 0.2, "scale_mark": LIMIT, "scale_high": 1.2,
        "width": WIDTH, "height": HEIGHT, "audit_rate": AUDITED if audited else None,
        "look": int(rng.integers(LOOKS)) if outcome != "ok" or audited else None,
    }  # fmt: skip


def _keep_media(media: Path, row: Row, drawn: list[Look]) -> None:
    if row["look"] is None:
        return
    stem = media_stem(FrameInfo(row["run"], row["camera"], row["seq"], row["captured_ns"], row["source"]))
    (media / stem).parent.mkdir(parents=True, exist_ok=True)
    for ending, column in ((".jpg", "picture_path"), (".png", "map_path")):
        os.link(drawn[row["look"]].stem.with_suffix(ending), media / f"{stem}{ending}")
        row[column] = f"{stem}{ending}"
        row["media_bytes"] = (row["media_bytes"] or 0) + (media / row[column]).stat().st_size
    row["map_top"] = MAP_TOP
    row["box"] = drawn[row["look"]].box


def _write(engine: Engine, rng: np.random.Generator, rows: list[Row]) -> None:
    columns = {column.name for column in Inspection.__table__.columns}
    regions = [region for row in rows if row["outcome"] in ("defect", "unsure") for region in _regions(rng, row)]
    reviews = [review for row in rows if row["look"] is not None for review in _reviews(rng, row)]
    with Session(engine) as session:
        session.execute(insert(Inspection), [{name: row[name] for name in columns & row.keys()} for row in rows])
        for table, values in ((RegionRow, regions), (Review, reviews)):
            if values:
                session.execute(insert(table), values)
        session.commit()


def _regions(rng: np.random.Generator, row: Row) -> Iterator[Row]:
    """The area of the defect, and sometimes smaller ones elsewhere."""
    boxes = [row["box"]]
    for _ in range(rng.integers(0, 3)):
        x, y, width, height = (int(value) for value in rng.integers((0, 0, 30, 30), (500, 350, 80, 80)))
        boxes.append((x, y, x + width, y + height))
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        yield {
            "inspection_id": row["id"], "x0": x0, "y0": y0, "x1": x1, "y1": y1,
            "area": (x1 - x0) * (y1 - y0) / WIDTH / HEIGHT, "peak": row["score"] / (1 + number),
        }  # fmt: skip


def _reviews(rng: np.random.Generator, row: Row) -> Iterator[Row]:
    """What was said of a frame that kept its picture: often one thing, sometimes another later, or nothing."""
    if rng.random() > REVIEWED:
        return
    blind = row["outcome"] == "ok"
    shares = PASSED if blind else FLAGGED
    chosen = list(rng.choice(list(shares), size=1 + (rng.random() < 0.03), p=list(shares.values())))
    if rng.random() < 0.01:
        chosen.append(ReviewVerdict.WITHDRAWN)
    for number, verdict in enumerate(map(str, chosen)):
        confirmed = verdict == ReviewVerdict.CONFIRMED_DEFECT
        yield {
            "inspection_id": row["id"], "verdict": verdict, "reviewer": ("Ana", "Ben")[int(rng.integers(2))],
            "reviewed_ns": row["captured_ns"] + (number + int(rng.integers(1, 90))) * MINUTE_NS,
            "bundle": row["bundle"], "kind": KINDS[rng.integers(len(KINDS))] if confirmed else None,
            "note": "look at the reel" if rng.random() < 0.02 else None, "blind": blind,
        }  # fmt: skip


_UNSCORED: Row = {
    "score": None, "threshold": None, "defect_threshold": None, "recipe": None, "head_scores": {}, "head_limits": {},
    "bundle": None, "nearest_reference": None, "nearest_distance": None, "scale_low": None, "scale_mark": None,
    "scale_high": None, "width": None, "height": None, "picture_path": None, "map_path": None, "map_top": None,
    "media_bytes": None,
}  # fmt: skip


if __name__ == "__main__":
    typer.run(command)
