"""What one capture process is asked to do."""

from dataclasses import dataclass

from edge.errors import EdgeError
from edge.line.camera_spec import CameraSpec, Kind
from edge.settings import Overload, Trigger


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """A camera, and how to capture it.

    overload: None: `wait` where the source can wait, else `drop-oldest`
    run:      None: go on with this camera's unfinished run, or begin a new one
    """

    spec: CameraSpec
    trigger: Trigger = "every"
    overload: Overload | None = None
    fps: float | None = None
    once: bool = False
    run: str | None = None


def check_overload(options: CaptureOptions) -> None:
    """Raise EdgeError if the policy is `wait` and the camera cannot."""
    if options.overload == "wait" and options.spec.kind in (Kind.DEVICE, Kind.STREAM):
        raise EdgeError(
            f"camera {options.spec.redacted} cannot wait: it delivers whether or not somebody looks. "
            "Use --overload drop-oldest or drop-newest."
        )
