"""Keys for a worker and its captures in one data folder, as `edge keys` makes them on two machines."""

from edge.line.curve import ClientKeys
from edge.line.key_files import KeyFiles
from edge.settings import Settings


def exchange_keys(settings: Settings, *cameras: str) -> dict[str, ClientKeys]:
    """Make a worker's key and one for each camera, and let them know each other; the cameras' keys."""
    files = KeyFiles(settings.keys)
    files.trust(files.make("worker", replace=False).hex())
    for camera in cameras:
        files.allow(camera, files.make(camera, replace=False).hex())
    found = {camera: files.client_keys(settings.line_address, camera) for camera in cameras}
    return {camera: keys for camera, keys in found.items() if keys}
