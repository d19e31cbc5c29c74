"""Pictures leave the disk: first the row forgets them, in a transaction, and then the files go.

A kill in between leaves files without a row that names them: `edge verify` lists them, and `sweep` removes those of
which the record says that their frame was trimmed. A file with any other name than the writer gives is never touched.
"""

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, func, select, tuple_, update
from sqlalchemy.orm import Session

from edge.frame import FrameInfo
from edge.ledger.media import ENDINGS, frame_of, media_stem
from edge.ledger.record import Camera, Inspection, Run, unit_of_work
from edge.ledger.retention import KeptPicture, Why, worth
from edge.ledger.thumbnails import thumbnail_path

log = logging.getLogger(__name__)

FRAMES_AT_ONCE = 100  # in one transaction, which takes milliseconds: the line's writer waits for it
ROWS_AT_ONCE = 2000
KEPT = Inspection.media_bytes.is_not(None)
FACTS = (
    Inspection.id, Inspection.captured_ns, Inspection.media_bytes, Inspection.outcome, Inspection.reason,
    Inspection.reviewed_as,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folders:
    """Where pictures and maps are, and what the page made from them."""

    media: Path
    thumbnails: Path


def kept_bytes(engine: Engine) -> int:
    """What all pictures and maps of the record take together."""
    with Session(engine) as session:
        return int(session.scalar(select(func.coalesce(func.sum(Inspection.media_bytes), 0)).where(KEPT)) or 0)


def kept_pictures(
    engine: Engine, taught: Collection[int] = (), *, before_ns: int | None = None
) -> Iterator[KeptPicture]:
    """All frames with a picture, or those captured before; taught: ids of frames that a bundle was made from."""
    query = select(*FACTS).where(KEPT).execution_options(yield_per=ROWS_AT_ONCE)
    if before_ns is not None:
        query = query.where(Inspection.captured_ns < before_ns)
    with Session(engine) as session:
        for frame_id, captured_ns, media_bytes, outcome, reason, reviewed_as in session.execute(query):
            yield KeptPicture(
                frame_id, captured_ns, media_bytes or 0, outcome, reason, reviewed_as, taught=frame_id in taught
            )


def ids_of(engine: Engine, frames: Collection[tuple[str, str, int]]) -> set[int]:
    """The ids of these frames, each (run, camera, number); those that the record does not have are left out."""
    key = tuple_(Run.name, Camera.name, Inspection.seq)
    query = select(Inspection.id).join(Run, Inspection.run_id == Run.id).join(Camera, Inspection.camera_id == Camera.id)
    waiting, found = iter(sorted(frames)), set[int]()
    with Session(engine) as session:
        while some := list(islice(waiting, FRAMES_AT_ONCE)):
            found |= set(session.scalars(query.where(key.in_(some))))
    return found


def weigh(engine: Engine, media: Path, *, ended: Callable[[], bool] = lambda: False) -> int:
    """Note what the pictures take that an earlier version wrote; how many those were. engine: opened for writing."""
    query = select(Inspection).where(KEPT, Inspection.media_bytes == 0).limit(FRAMES_AT_ONCE)
    weighed = 0
    while True:
        with unit_of_work(engine) as session:
            rows = session.scalars(query).all()
            for row in rows:
                paths = [path for path in (row.picture_path, row.map_path) if path]
                row.media_bytes = max(1, sum(_size(media, path) for path in paths))  # 1: the files are missing
        weighed += len(rows)
        if len(rows) < FRAMES_AT_ONCE or ended():
            return weighed


def trim(
    engine: Engine,
    folders: Folders,
    pictures: Sequence[KeptPicture],
    why: Why,
    *,
    now_ns: int,
    told: Callable[[int, int], None] = lambda done, total: None,
    ended: Callable[[], bool] = lambda: False,
) -> int:
    """Remove these pictures with their maps and thumbnails, in this order; how many bytes of them were removed.

    engine: opened with `writes=True`;  told: how many of how many frames are done, after each transaction
    ended: asked between two transactions; what is left then stays
    One that people have made worth more since it was chosen stays.
    """
    freed_bytes = 0
    for start in range(0, len(pictures), FRAMES_AT_ONCE):
        some = {picture.id: picture for picture in pictures[start : start + FRAMES_AT_ONCE]}
        with unit_of_work(engine) as session:
            rows = session.scalars(select(Inspection).where(Inspection.id.in_(some), KEPT)).all()
            gone = [row for row in rows if _worth_now(row, some[row.id]) <= worth(some[row.id])]
            files = [path for row in gone for path in (row.picture_path, row.map_path) if path]
            small = [
                thumbnail_path(folders.thumbnails, frame_id=row.id, captured_ns=row.captured_ns, ending=ending)
                for row in gone
                for ending in (".jpg", ".png")
            ]
            freed_bytes += sum(row.media_bytes or 0 for row in gone)
            forgotten = {
                "picture_path": None, "map_path": None, "media_bytes": None, "picture_gone_ns": now_ns,
                "picture_gone_why": why.value,
            }  # fmt: skip
            session.execute(update(Inspection).where(Inspection.id.in_([row.id for row in gone])).values(forgotten))
        _remove(folders.media, [folders.media / path for path in files])
        _remove(folders.thumbnails, small)
        told(start + len(some), len(pictures))
        if ended():
            break
    return freed_bytes


def sweep(engine: Engine, media: Path, *, ended: Callable[[], bool] = lambda: False) -> list[str]:
    """Remove the files that a killed trimming left: those of frames of which the record says that it was trimmed."""
    swept = []
    for folder, _, names in os.walk(media):
        paths = [(Path(folder) / name).relative_to(media) for name in names]
        frames = {path: frame for path in paths if (frame := frame_of(path)) is not None}
        files = {f"{stem}{ending}" for stem in _trimmed(engine, set(frames.values())) for ending in ENDINGS}
        swept += [str(path) for path in frames if str(path) in files]
        if ended():
            break
    _remove(media, [media / path for path in swept])
    return swept


def _trimmed(engine: Engine, frames: Collection[tuple[str, str, int]]) -> set[str]:
    """The stems of those of these frames, of one run and camera, that are known to have no picture any more."""
    found: set[str] = set()
    with Session(engine) as session:
        for run, camera in {frame[:2] for frame in frames}:
            ids = select(Run.id, Camera.id).join(Camera, Camera.run_id == Run.id)
            known = session.execute(ids.where(Run.name == run, Camera.name == camera)).one_or_none()
            if known is None:
                continue
            gone = select(Inspection.seq, Inspection.captured_ns).where(
                Inspection.run_id == known[0], Inspection.camera_id == known[1],
                Inspection.picture_path.is_(None), Inspection.map_path.is_(None),
                Inspection.picture_gone_ns.is_not(None),
            )  # fmt: skip
            waiting = iter(sorted(seq for *_, seq in frames))
            while some := list(islice(waiting, FRAMES_AT_ONCE)):
                rows = session.execute(gone.where(Inspection.seq.in_(some)))
                found |= {media_stem(FrameInfo(run, camera, seq, captured_ns, "")) for seq, captured_ns in rows}
    return found


def _worth_now(row: Inspection, chosen: KeptPicture) -> int:
    return worth(
        KeptPicture(row.id, row.captured_ns, 0, row.outcome, row.reason, row.reviewed_as, taught=chosen.taught)
    )


def _size(media: Path, path: str) -> int:
    try:
        return (media / path).stat().st_size
    except OSError:
        return 0


def _remove(folder: Path, paths: Sequence[Path]) -> None:
    """Remove files that lie in `folder`. What cannot be removed is told, and stays for `sweep`."""
    inside = folder.resolve()
    for path in paths:
        if not path.parent.resolve().is_relative_to(inside):
            log.error("%s lies outside %s and is left alone", path, folder)
            continue
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s cannot be removed: %s; `edge verify` lists it", path, error.strerror)
