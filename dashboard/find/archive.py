"""Found pictures as a ZIP in the layout `folder` of calibrate's data sets, sorted by what people said.

Of each category: normal/ and test/good/ are good parts, test/defect/ confirmed defects, unsure/ and unreviewed/ all
others, maps/ their anomaly maps. There are no masks, since nobody drew any. normal/ takes the passed parts that people
confirmed as ok, as these are a plain sample of good parts; false alarms go to test/good/. Where there are none of one
kind, the other is halved: the older half is normal/, since calibrate needs both and no picture may be in both.
"""

import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dashboard import files
from dashboard.find.exported import COLUMNS, Cell, Exported, cells
from dashboard.find.table import csv_lines
from edge.ledger.record import Inspection
from edge.ledger.reviews import ReviewVerdict
from edge.verdict import Outcome

MOST_PICTURES = 5_000
LEAST_NORMAL = 2
"""Pictures of good parts from which `calibrate` has a threshold: one says nothing about how good parts differ."""

BLOCK_BYTES = 1 << 18
NORMAL, GOOD, DEFECT, UNSURE, UNREVIEWED = "normal", "test/good", "test/defect", "unsure", "unreviewed"


@dataclass(frozen=True, slots=True)
class Item:
    """A picture and where it goes: `folder` is its category's, `place` one of the layout's, `name` without ending."""

    folder: str
    place: str
    name: str
    picture: str
    map: str | None
    row: dict[str, Cell]


class _Pipe(io.RawIOBase):
    """What zipfile writes to: it cannot seek, and hands on what has come."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, block: "bytes | memoryview | bytearray") -> int:  # type: ignore[override]
        self._blocks.append(bytes(block))
        return len(block)

    def take(self) -> bytes:
        """All that was written since the last time."""
        taken, self._blocks = b"".join(self._blocks), []
        return taken


def items(frames: Iterable[Exported]) -> list[Item]:
    """Where each picture goes; frames without one are left out."""
    found = [_item(frame) for frame in frames if frame.row.picture_path]
    by_folder: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(found, key=lambda item: item.name):
        by_folder[item.folder].append(item)
    return [item for _, mine in sorted(by_folder.items()) for item in _with_normal(mine)]


def archive(media: Path, items: Sequence[Item], *, about: str) -> Iterator[bytes]:
    """The ZIP in blocks; pictures that are gone from the disk are left out, and named in README.txt.

    about: what was found and when, for README.txt
    """
    pipe = _Pipe()
    kept: list[Item] = []
    missing: list[str] = []
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as target:
        for item in items:
            picture, map_file = files.inside(media, item.picture), files.inside(media, item.map)
            if picture is None:
                missing.append(item.picture)
                continue
            kept.append(item)
            yield from _stored(target, pipe, picture, f"{item.folder}/{item.place}/{item.name}.jpg")
            if map_file is not None:
                yield from _stored(target, pipe, map_file, f"{item.folder}/maps/{item.name}.png")
        table = "".join(csv_lines(("file", *COLUMNS), map(_line, kept)))
        target.writestr("reviews.csv", table, zipfile.ZIP_DEFLATED)
        target.writestr("README.txt", readme(kept, about=about, missing=missing))
    yield pipe.take()


def readme(items: Sequence[Item], *, about: str, missing: Sequence[str] = ()) -> str:
    """What lies where, and the commands that take it."""
    lines = [about, "", "Pictures by what people said of them:"]
    for folder in dict.fromkeys(item.folder for item in items):
        counts = Counter(item.place for item in items if item.folder == folder)
        lines += [f"  {folder}/{place}: {counts[place]}" for place in (NORMAL, GOOD, DEFECT, UNSURE, UNREVIEWED)]
        if counts[NORMAL]:
            bad = f" --bad {folder}/{DEFECT}" if counts[DEFECT] else ""
            command = f"calibrate --category {folder} --refs {counts[NORMAL]} --images {folder}/{NORMAL}{bad}"
            few = f"too few good parts to calibrate: {counts[NORMAL]} in {folder}/{NORMAL}, {LEAST_NORMAL} are needed"
            lines += [f"  {command if counts[NORMAL] >= LEAST_NORMAL else few}"]
        if counts[NORMAL] and counts[GOOD] and counts[DEFECT]:
            lines += [f"  calibrate evaluate --dataset folder --root {folder} --shots 1"]
    lines += [
        "",
        "normal: passed parts that people confirmed as ok.  test/good: false alarms.  If there are none of one kind,",
        "the other is halved, the older half first.  test/defect: confirmed defects; reviews.csv has their kinds.",
        "maps: anomaly maps, 16-bit PNG; a value v stands for v / 65535 * map_top (reviews.csv). No masks: nobody",
        "marked pixels, so a defect counts in image metrics only.",
        "reviews.csv: a line a picture. An apostrophe before = + - @ keeps a spreadsheet from running it as a formula.",
    ]
    if missing:
        lines += ["", f"{len(missing)} pictures that the record names are gone from the disk: {', '.join(missing)}"]
    return "\n".join(lines) + "\n"


def _item(frame: Exported) -> Item:
    row = frame.row
    return Item(
        folder=_safe(row.category or "uncalibrated"),
        place=_place(row),
        name=f"{row.id:09}_{_safe(row.camera.name)}_{row.seq}",
        picture=row.picture_path or "",
        map=row.map_path,
        row=cells(frame),
    )


def _place(row: Inspection) -> str:
    if row.reviewed_as is None:
        return UNREVIEWED
    if row.reviewed_as == ReviewVerdict.CONFIRMED_DEFECT:
        return DEFECT
    if row.reviewed_as == ReviewVerdict.UNSURE:
        return UNSURE
    return NORMAL if row.outcome == Outcome.OK else GOOD


def _with_normal(items: Sequence[Item]) -> list[Item]:
    """A category's items, oldest first; if `normal` or `good` would be empty, each gets half of the good parts."""
    good = [item for item in items if item.place in (NORMAL, GOOD)]
    if len({item.place for item in good}) == 2:
        return list(items)
    older = {item.name for item in good[: (len(good) + 1) // 2]}
    return [
        replace(item, place=NORMAL if item.name in older else GOOD) if item.place in (NORMAL, GOOD) else item
        for item in items
    ]


def _stored(target: zipfile.ZipFile, pipe: _Pipe, file: Path, name: str) -> Iterator[bytes]:
    with file.open("rb") as source, target.open(name, "w") as entry:
        while block := source.read(BLOCK_BYTES):
            entry.write(block)
            yield pipe.take()


def _line(item: Item) -> dict[str, Cell]:
    return {"file": f"{item.folder}/{item.place}/{item.name}.jpg"} | item.row


def _safe(name: str) -> str:
    """A name as one part of a path: letters, digits, - and _ stay."""
    return re.sub(r"[^\w-]", "_", name)
