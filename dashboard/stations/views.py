"""What is shown of a station: typed, and made from its record alone."""

from datetime import datetime

from pydantic import BaseModel, Field

from edge.verdict import Outcome


class FlaggedView(BaseModel):
    """A flagged frame of another station that nobody has reviewed."""

    id: int = Field(description="in its station's record")
    camera: str
    category: str | None
    outcome: Outcome
    score: float | None
    captured_at: datetime
    thumbnail: str | None = Field(description="fetched from its station's page; None if no picture was kept")
    page: str | None = Field(description="the frame on its station's page")


class StationView(BaseModel):
    """A station, its line by now, and all frames that it ever recorded."""

    station: str
    page: str | None = Field(description="address of its own page, with its pictures and orders; see EDGE_STATIONS")
    trouble: str | None = Field(description="why its record cannot be read; then nothing else is known")
    running: bool = Field(description="its supervisor gave a sign of life within the last seven seconds")
    last_sign: datetime | None = Field(description="its supervisor's last sign of life, by the station's own clock")
    cameras: int = Field(0, description="of its latest run")
    inspecting: int = Field(0, description="of these, those that inspect now; 0 if it does not run")
    ok: int = 0
    defect: int = 0
    unsure: int = 0
    not_inspected: int = 0
    waiting: int = Field(0, description="flagged frames that nobody has reviewed")
