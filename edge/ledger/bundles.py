"""The bundles that have judged: what people call them, and where their reference pictures are."""

import time

from sqlalchemy import Engine

from edge.ledger.record import BundleRow, unit_of_work

__all__ = ["BundleRow", "record_bundle"]


def record_bundle(engine: Engine, *, sha256: str, name: str, category: str, encoder: str, folder: str) -> None:
    """Note a bundle that is about to judge; one that is noted already stays as it is. engine: opened for writing."""
    with unit_of_work(engine) as session:
        if session.get(BundleRow, sha256) is None:
            session.add(
                BundleRow(
                    sha256=sha256, name=name, category=category, encoder=encoder, folder=folder,
                    first_used_ns=time.time_ns(),
                )
            )  # fmt: skip
