"""The runtime: a camera's frames are numbered, judged, recorded; every one of them ends as exactly one outcome."""

__version__ = "0.1.0"
