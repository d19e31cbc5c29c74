"""Makes records for tests of what reads them: a real SQLite file, real JPEGs and maps."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import Engine

from edge.frame import FrameInfo, Pixels
from edge.ledger.media import media_stem, write_map, write_picture
from edge.ledger.record import Camera, Inspection, RegionRow, Run, open_engine, unit_of_work
from edge.settings import Settings
from edge.verdict import AnomalyMap
from tests.new_record import new_record

WIDTH, HEIGHT = 320, 240
MAP_TOP = 2.0
JUDGED = {"score": 0.9, "threshold": 0.5, "scale_low": 0.2, "scale_high": 1.2, "category": "pcb", "bundle": "ab" * 32}


def grey_picture(level: int = 90) -> Pixels:
    """[240, 320, 3] RGB with one bright disc."""
    pixels = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    cv2.circle(pixels, (80, 60), 20, (240, 200, 40), -1)
    return pixels


def map_with_spot(peak: float = 1.5) -> AnomalyMap:
    """[12, 16]: 0.1 everywhere but one hot corner, where the disc of `grey_picture` is."""
    values = np.full((12, 16), 0.1, np.float32)
    values[2:4, 3:5] = peak
    return values


@dataclass
class Ledger:
    """A record that grows: `add` writes one committed row, with files if given a picture or a map."""

    settings: Settings
    engine: Engine
    run_id: int
    cameras: dict[str, int] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        outcome: str,
        *,
        camera: str = "top",
        picture: Pixels | None = None,
        anomaly_map: AnomalyMap | None = None,
        boxes: tuple[tuple[int, int, int, int], ...] = (),
        **columns: Any,
    ) -> int:
        """Commit one row and return its id; `columns` override what would be written."""
        seq = self.seqs[camera] = self.seqs.get(camera, 0) + 1
        captured_ns = columns.pop("captured_ns", time.time_ns())
        stem = media_stem(FrameInfo("night-1", camera, seq, captured_ns, "test"))
        values: dict[str, Any] = {"source": "test", "latency_ms": 40.0, "head_scores": {}} | columns
        if picture is not None:
            height, width = picture.shape[:2]
            values |= {"width": width, "height": height}
            values.setdefault("picture_path", write_picture(self.settings.media, stem, picture))
        if anomaly_map is not None:
            values.setdefault("map_path", write_map(self.settings.media, stem, anomaly_map, top=MAP_TOP))
            values.setdefault("map_top", MAP_TOP)
        if values.get("picture_path"):
            paths = [self.settings.media / str(values[name]) for name in ("picture_path", "map_path") if name in values]
            values.setdefault("media_bytes", sum(path.stat().st_size for path in paths if path.is_file()))
        with unit_of_work(self.engine) as session:
            row = Inspection(
                run_id=self.run_id,
                camera_id=self._camera(camera),
                seq=seq,
                captured_ns=captured_ns,
                outcome=outcome,
                regions=[RegionRow(x0=x0, y0=y0, x1=x1, y1=y1, area=0.02, peak=1.5) for x0, y0, x1, y1 in boxes],
                **values,
            )
            session.add(row)
            session.flush()
            return row.id

    def add_defect(self, **columns: Any) -> int:
        """A flagged frame with everything: picture, map, a box, scores."""
        return self.add(
            "defect",
            picture=grey_picture(),
            anomaly_map=map_with_spot(),
            boxes=((60, 40, 100, 80),),
            **({"reason": "above_threshold"} | JUDGED | columns),
        )

    def _camera(self, name: str) -> int:
        if name not in self.cameras:
            with unit_of_work(self.engine) as session:
                camera = Camera(run_id=self.run_id, name=name, source=f"demo:{name}", category="pcb")
                session.add(camera)
                session.flush()
                self.cameras[name] = camera.id
        return self.cameras[name]


def new_ledger(data: Path, **more: object) -> Ledger:
    """A record with its tables and one run, in a new or empty data folder; close it with `ledger.engine.dispose()`.

    more: settings
    """
    settings = Settings(data=data, **more)
    new_record(settings.database)
    engine = open_engine(settings.database, writes=True)
    with unit_of_work(engine) as session:
        run = Run(name="night-1", started_ns=time.time_ns(), version="0")
        session.add(run)
        session.flush()
        return Ledger(settings, engine, run.id)
