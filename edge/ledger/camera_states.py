"""What each camera of the running line is doing, as the supervisor sees it."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from edge.ledger.record import Base


class CameraState(Base):
    """One row a camera, kept up to date by the supervisor; old if `beat_ns` is.

    source: without the password;  reason: why it is stopped, in the words of whoever stopped it
    """

    __tablename__ = "camera_state"

    camera: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str]
    source: Mapped[str]
    category: Mapped[str | None]
    state: Mapped[str]
    reason: Mapped[str | None]
    since_ns: Mapped[int] = mapped_column(BigInteger)
    beat_ns: Mapped[int] = mapped_column(BigInteger)
