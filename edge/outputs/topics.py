"""The topics of a station: its state, its heartbeat, and the results of each camera."""

ROOT = "edge"


def state_topic(station: str) -> str:
    """Retained: whether line and cameras are ready, and why not."""
    return f"{ROOT}/{station}/state"


def heartbeat_topic(station: str) -> str:
    """Readiness twice a second, never retained."""
    return f"{ROOT}/{station}/heartbeat"


def result_topic(station: str, camera: str) -> str:
    """Every frame's outcome."""
    return f"{ROOT}/{station}/camera/{camera}/result"
