"""What a frame of the record is called where it serves as a reference."""

from edge.ledger.reviewed import ReviewedFrame


def source_of(frame: ReviewedFrame) -> str:
    """Its run, camera and number: ids mean nothing outside the record that they are from."""
    return f"frame {frame.key}"
