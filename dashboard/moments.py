"""The record's clock in the API's terms."""

from datetime import UTC, datetime


def utc(ns: int) -> datetime:
    """Nanoseconds since the Unix epoch as a moment that knows its zone."""
    return datetime.fromtimestamp(ns / 1e9, tz=UTC)
