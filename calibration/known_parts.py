"""Parts outside the bank, known to be good or defective: what the new heads say about each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.references.collect import digest_of
from calibration.references.same_part import PartsSeen
from calibration.scale import MapLook, map_looks
from edge.errors import EdgeError
from edge.frame import Pixels
from edge.line.picture import read_picture
from edge.line.sources import pictures_in
from edge.verdict import Reason
from edge.vision.checksum import sha256_of
from edge.vision.features import Encoder
from edge.vision.heads import Heads, run_heads
from edge.vision.looks import Looks
from edge.vision.manifest import KnownPart
from edge.vision.scene import PLAIN, Scene


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A physical part to be scored: its name, and the files or pictures ([H, W, 3] uint8 RGB) that show it."""

    source: str
    pictures: Sequence[Path | Pixels]


@dataclass(frozen=True, slots=True)
class Scores:
    """A known part's score, and its maps' looks, one a picture; none without a map head."""

    part: KnownPart
    looks: tuple[MapLook, ...]


def parts_in(folder: Path, *, option: str) -> list[Shown]:
    """The parts of a folder by name: each picture in it is one, and each folder in it is one with all its pictures.

    Raises EdgeError, naming the option, if there is no such folder or no picture in it.
    """
    if not folder.is_dir():
        raise EdgeError(f"{option} {folder}: no such folder. Give one with pictures, each of another part.")
    parts = [Shown(file.name, [file]) for file in pictures_in(folder)]
    for inner in sorted(each for each in folder.iterdir() if each.is_dir()):
        if files := pictures_in(inner):
            parts.append(Shown(inner.name, files))
    if not parts:
        raise EdgeError(f"{option} {folder}: no pictures in this folder, nor in the folders in it.")
    return parts


def outside_the_bank(parts: Iterable[Shown], references: Sequence[Pixels]) -> Iterator[Shown]:
    """The parts that are neither references nor parts shown before, to the pixel or as `same_part` tells it."""
    digests: set[str] = set()
    seen = PartsSeen()
    for key, pixels in enumerate(references):
        digests.add(digest_of(pixels))
        seen.find(pixels)  # which counts how much parts differ
        seen.add(key, pixels)
    for key, part in enumerate(parts, len(references)):
        pictures = pixels_of(part)
        likes = [seen.find(pixels) for pixels in pictures]
        if digests.isdisjoint(map(digest_of, pictures)) and not any(like and seen.is_same(like) for like in likes):
            digests |= set(map(digest_of, pictures))
            seen.add(key, pictures[0])
            yield part


def remembered(parts: Iterable[Shown], seen: dict[str, str]) -> Iterator[Shown]:
    """The parts, each of whose pictures is noted in `seen`, by its digest, with the part's name."""
    for part in parts:
        seen |= {digest_of(each): part.source for each in pixels_of(part)}
        yield part


def not_seen_as_good(parts: Iterable[Shown], seen: Mapping[str, str]) -> Iterator[Shown]:
    """Parts said to be defective. Raises EdgeError for one with a picture that was shown as good."""
    for part in parts:
        for each in pixels_of(part):
            if (as_good := seen.get(digest_of(each))) is not None:
                raise EdgeError(
                    f"--bad {part.source}: the same picture was shown as the good part {as_good}. Which is it? Take it "
                    "out of one of the two."
                )
        yield part


def pixels_of(part: Shown) -> list[Pixels]:
    """The part's pictures, read where they are files. Raises UnreadablePicture naming the file."""
    return [_pixels(each) for each in part.pictures]


def score_part(encoder: Encoder, heads: Heads, part: Shown, scene: Scene = PLAIN) -> Scores:
    """Score every picture of a part as the line would.

    A part's score is that of its worst picture, as a part's outcome on the line is its worst frame's. Raises
    UnreadablePicture naming the file, and EdgeError if the line would not inspect a picture.
    """
    looks = [one for each in part.pictures for one in look(encoder, heads, [_pixels(each)], scene)]
    if reasons := [reason for _, _, reason in looks if reason is not None]:
        raise EdgeError(
            f"part {part.source} would not be inspected ({reasons[0]}). A good part that is not inspected is a false "
            "reject, so it cannot just be left out: widen --align-tolerance, mend how parts are laid in, or leave out "
            "--align or --empty."
        )
    score = max(score for score, _, _ in looks)
    maps = tuple(of_map for _, of_map, _ in looks if of_map is not None)
    hashes = tuple(_hash_of(each) for each in part.pictures)
    return Scores(KnownPart(source=part.source, score=score, pictures=len(part.pictures), sha256=hashes), maps)


def look(
    encoder: Encoder, heads: Heads, pictures: Sequence[Pixels], scene: Scene = PLAIN
) -> list[tuple[float, MapLook | None, Reason | None]]:
    """Each picture's score, its map's look if the recipe has a map, and why the line would not inspect it, if so."""
    looks = Looks(encoder)
    sights = [scene.see(pixels) for pixels in pictures]
    looked = looks.encode(looks.prepare([sight.pixels for sight in sights], [heads.box] * len(sights)))
    features, part = looked.select(range(len(sights)))
    counting = scene.counting(sights, encoder.device)
    scored = run_heads(features, heads, side=encoder.input_size, part=part, counting=counting)
    maps: list[MapLook | None] = [*map_looks(scored)]
    return list(zip(scored.score.tolist(), maps or [None] * len(sights), scene.reasons(features, sights), strict=True))


def _hash_of(picture: Path | Pixels) -> str:
    """A file's sha256, as `sha256sum` tells it; of a picture that is no file, its pixels'."""
    return sha256_of(picture) if isinstance(picture, Path) else digest_of(picture)


def _pixels(picture: Path | Pixels) -> Pixels:
    return read_picture(picture) if isinstance(picture, Path) else picture
