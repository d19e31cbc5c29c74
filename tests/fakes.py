"""Stand-ins that implement the real protocols, and pictures that carry their own number."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge.errors import EdgeError
from edge.frame import Frame, FrameInfo, Pixels
from edge.line.shot import Shot
from edge.verdict import Outcome, Reason, Region, Scale, Verdict
from edge.vision.bundle_name import NamedBundle

HEIGHT, WIDTH = 48, 64
DEFECT_EVERY = 10
NUMBERS = NamedBundle("b" * 64, "numbers@1", "numbers", "none", "numbers/1")


def numbered_picture(number: int) -> Pixels:
    """[48, 64, 3] uint8 RGB; the first four bytes are the number."""
    pixels = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    pixels.reshape(-1)[:4] = np.frombuffer(number.to_bytes(4, "big"), np.uint8)
    return pixels


def number_of(pixels: Pixels) -> int:
    """The number that a picture carries."""
    return int.from_bytes(np.ascontiguousarray(pixels).reshape(-1)[:4].tobytes(), "big")


def numbered_frame(seq: int, *, run: str = "run", camera: str = "cam", number: int | None = None) -> Frame:
    """Frame `seq` of a camera, whose picture carries the number (by default its seq)."""
    return Frame(
        FrameInfo(run, camera, seq, time.time_ns(), f"{seq:06d}.png"),
        numbered_picture(seq if number is None else number),
    )


def numbered_folder(folder: Path, count: int) -> Path:
    """A folder with pictures 000001.png ... that carry their numbers."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        bgr = cv2.cvtColor(numbered_picture(number), cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(folder / f"{number:06d}.png"), bgr)
    return folder


class NumberScorer:
    """Scorer whose score is the number in the picture; every tenth one is a defect. Takes `delay_s` a picture."""

    def __init__(
        self,
        *,
        categories: Sequence[str] = ("numbers",),
        delay_s: float = 0.0,
        load_s: float = 0.0,
        poison: int | None = None,
        stuck: int | None = None,
        fits: int | None = None,
        held: Path | None = None,
    ) -> None:
        """poison, stuck: pictures that kill the process, or are never finished;  fits: most that fit into memory

        held: while this file is there, scoring does not end
        """
        self._categories, self._delay_s, self._load_s = set(categories), delay_s, load_s
        self._poison, self._stuck, self._fits, self._held = poison, stuck, fits, held
        self.loads = 0
        self.batch_sizes: list[int] = []

    def load(self, category: str) -> None:
        self.loads += 1
        time.sleep(self._load_s)
        if category not in self._categories:
            raise EdgeError(f"no bundle for category {category}")

    def refresh(self) -> None:
        """Nothing is ever promoted here."""

    def standard(self, bundle: str) -> None:
        return None

    def bundles(self) -> list[NamedBundle]:
        return [NUMBERS]

    def score(self, pictures: Sequence[Pixels], categories: Sequence[str | None]) -> list[Verdict]:
        self.batch_sizes.append(len(pictures))
        time.sleep(self._delay_s * len(pictures))
        while self._held is not None and self._held.exists():
            time.sleep(0.02)
        numbers = [number_of(pixels) for pixels in pictures]
        if self._fits is not None and len(pictures) > self._fits:
            raise MemoryError
        while self._stuck in numbers:
            time.sleep(1)
        if self._poison in numbers:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)
        return [
            replace(number_verdict(number), category=category)
            if category
            else Verdict(Outcome.UNSURE, Reason.UNCALIBRATED)
            for number, category in zip(numbers, categories, strict=True)
        ]


def number_verdict(number: int) -> Verdict:
    """The verdict that NumberScorer gives on a picture."""
    anomaly_map = np.full((6, 8), 0.1, np.float32)
    if number % DEFECT_EVERY:
        return Verdict(Outcome.OK, score=float(number), threshold=1e9, category="numbers", anomaly_map=anomaly_map)
    anomaly_map[2, 3] = 2.0
    return Verdict(
        Outcome.DEFECT, Reason.ABOVE_THRESHOLD, score=float(number), threshold=1.0, category="numbers", bundle="b" * 64,
        regions=(Region(24, 16, 32, 24, 1 / 48, 2.0),), scale=Scale(0.1, 1.0, 2.0), anomaly_map=anomaly_map,
    )  # fmt: skip


class NumberCamera:
    """Camera that delivers `count` numbered pictures, at most `fps` a second; None in `unreadable` places."""

    source = "numbers"
    finite = True
    continuous = False

    def __init__(
        self, count: int, *, can_wait: bool = True, fps: float | None = None, unreadable: Sequence[int] = ()
    ) -> None:
        self.can_wait = can_wait
        self._count, self._fps, self._unreadable = count, fps, set(unreadable)
        self._number = 0

    def read(self) -> Shot | None:
        if self._number == self._count:
            return None
        if self._fps:
            time.sleep(1 / self._fps)
        self._number += 1
        pixels = None if self._number in self._unreadable else numbered_picture(self._number)
        return Shot(pixels, time.time_ns(), f"{self._number:06d}.png")

    def lock_controls(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self._number = self._count
