"""What captures say to the worker, and what it answers: frames come in and are counted, records are acknowledged."""

import logging
import time
from collections.abc import Iterable

from edge.judging import Job
from edge.ledger.writer import Entry
from edge.line.at_hand import AtHand, OverCredit
from edge.line.message import FrameHeader, Hello, Notice, Report
from edge.line.unjudged import Unjudged
from edge.line.worker_link import FromCapture, WorkerLink
from edge.reception import Reception
from edge.remote_cameras import RemoteCameras
from edge.score_service import Asked
from edge.verdict import not_inspected
from edge.vision.batch import Batcher

log = logging.getLogger(__name__)

WARN_EVERY_S = 10.0  # of bad messages


class Intake:
    """All captures of one worker. For the thread of the link."""

    def __init__(
        self,
        link: WorkerLink,
        reception: Reception,
        batcher: Batcher[Job | Asked],
        *,
        credits: int,
        cameras: RemoteCameras | None,
    ) -> None:
        """credits: how many frames a camera may send unasked;  cameras: those that nobody else tells the record of."""
        self._link, self._reception, self._batcher = link, reception, batcher
        self._credits, self._cameras = credits, cameras
        self._categories: dict[tuple[str, str], str | None] = {}
        self._at_hand: dict[tuple[str, str], AtHand] = {}
        self._warned_s = -WARN_EVERY_S
        self.unjudged = Unjudged()
        self.moved_s = 0.0  # when the last frame was recorded, or the first one came to hand; monotonic

    @property
    def at_hand(self) -> int:
        """How many frames came and are not acknowledged."""
        return sum(map(len, self._at_hand.values()))

    def receive(self, timeout_s: float) -> None:
        """Wait for messages; give frames to the batcher, and answer hellos that can be answered."""
        bad_before = self._link.bad_messages
        for peer, header, payload in self._link.receive(timeout_s):
            self._hear(peer, header, payload)
        for hello in self._reception.answer():
            camera = hello.run, hello.camera
            self._categories[camera] = hello.category
            self._at_hand.setdefault(camera, AtHand(credits=self._credits))
            if self._cameras:
                self._cameras.welcome(hello)
        if self._link.bad_messages > bad_before and time.monotonic() - self._warned_s > WARN_EVERY_S:
            self._warned_s = time.monotonic()
            log.warning("dropped %d bad messages so far", self._link.bad_messages)

    def acknowledge(self, recorded: Iterable[Entry]) -> None:
        """Tell captures which of their frames are in the record, in the order of the record."""
        by_camera: dict[tuple[str, str], list[int]] = {}
        now_s = time.monotonic()
        for entry in recorded:
            self.moved_s = now_s
            self.unjudged.recorded(entry.info.camera, entry.verdict.reason, now_s=now_s)
            self._at_hand[entry.info.run, entry.info.camera].done(entry.info.seq)
            by_camera.setdefault((entry.info.run, entry.info.camera), []).append(entry.info.seq)
        for camera, seqs in by_camera.items():
            self._link.acknowledge(camera, seqs)
            if self._cameras:
                self._cameras.recorded(camera)

    def _hear(self, peer: bytes, header: FromCapture, payload: bytes) -> None:
        if isinstance(header, Hello):
            self._reception.hear(peer, header)
            return
        camera = self._link.camera_of(peer)
        assert camera is not None
        if not isinstance(header, Report):
            self._take(peer, camera, header, payload)
        elif self._cameras:
            self._cameras.hear(camera, header)

    def _take(self, peer: bytes, camera: tuple[str, str], header: FrameHeader | Notice, payload: bytes) -> None:
        """Count frames as being here, and give those that are new to the batcher."""
        told = [header.frame] if isinstance(header, FrameHeader) else header.frames
        if not self.at_hand:
            self.moved_s = time.monotonic()
        try:
            new = self._at_hand[camera].add([facts.seq for facts in told], with_pixels=isinstance(header, FrameHeader))
        except OverCredit:
            self._link.reject(peer)
            return
        run, name = camera
        category = self._categories[camera]
        for facts in told:
            info = facts.info(run=run, camera=name)
            if info.seq not in new:
                continue
            if isinstance(header, Notice):
                job = Job(info, category, verdict=not_inspected(header.reason))
            else:
                job = Job(info, category, header, payload)
            self._batcher.put(camera, job)
