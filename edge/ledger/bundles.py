"""The bundles that have judged: what people call them, and where their reference pictures are."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from edge.ledger.record import Base


class BundleRow(Base):
    """A bundle by its content hash, as the worker loaded it first.

    name: for example `pcb@7`;  folder: relative to the folder of bundles
    """

    __tablename__ = "bundle"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    encoder: Mapped[str]
    folder: Mapped[str]
    first_used_ns: Mapped[int] = mapped_column(BigInteger)
