"""Moments as people at the line read them."""

from datetime import datetime


def local_time(ns: int) -> str:
    """Date and time in the machine's time zone; ns since the Unix epoch."""
    return datetime.fromtimestamp(ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")
