"""`edge doctor`: what this machine has, and what to do about what it has not."""

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from edge import __version__, lock
from edge.errors import EdgeError
from edge.ledger.room import Room
from edge.ledger.schema import exists, make_folder, try_to_write
from edge.preflight import check_port_free
from edge.settings import Settings

PACKAGES = ("torch", "timm", "open_clip_torch", "opencv-python-headless", "pyzmq", "SQLAlchemy", "numpy")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; advice is there where something is not well."""

    subject: str
    state: str
    well: bool = True
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that `edge run` needs. Opens no camera; creates the data folder if it is not there."""
    return [
        versions(),
        device(settings),
        weights(settings),
        store(settings),
        cameras(Path("/dev")),
        checked("data folder", f"{settings.data.resolve()} is writable", lambda: make_folder(settings.data)),
        room(settings),
        record(settings),
        page_port(settings),
        categories(settings),
    ]


def versions() -> Finding:
    """Ours, Python's, and those of the packages that matter."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return Finding("versions", f"edge {__version__}, Python {platform.python_version()}, {packages}")


def device(settings: Settings) -> Finding:
    """Where scoring will run."""
    import torch

    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    if torch.cuda.is_available():
        return Finding("device", f"CUDA: {torch.cuda.get_device_name()}; {cores} CPU cores")
    if settings.device == "cuda":
        return Finding(
            "device", f"CPU, {cores} cores", well=False,
            advice="cuda was asked for and torch finds none: check `nvidia-smi` and the driver, or use --device auto",
        )  # fmt: skip
    return Finding("device", f"CPU, {cores} cores; torch finds no CUDA device, so frames are scored on the CPU")


def weights(settings: Settings) -> Finding:
    """Whether the encoder's weights are on this machine and load."""
    from edge.vision.encoder import configured_encoder

    try:
        encoder = configured_encoder(settings.model_copy(update={"device": "cpu"}))
    except EdgeError as error:
        return Finding("encoder", f"{settings.encoder}: not usable", well=False, advice=str(error))
    how = f"{encoder.input_size} px, {encoder.precision}"
    state = f"{encoder.name} at {how}: weights present, sha256 {encoder.weights_sha256[:12]}…"
    return Finding("encoder", state, advice=slow_precision(settings, Path("/proc/cpuinfo")))


def slow_precision(settings: Settings, cpuinfo: Path) -> str:
    """Advice where the precision makes scoring on this CPU slower, not faster; empty where it does not, or unknown."""
    import torch

    wanted = settings.precision
    on_gpu = settings.device != "cpu" and torch.cuda.is_available()
    if wanted == "fp32" or on_gpu or not cpuinfo.is_file():
        return ""
    native = {"bf16": ("avx512_bf16", "amx_bf16"), "fp16": ("avx512_fp16", "amx_fp16")}[wanted]
    words = cpuinfo.read_text(errors="replace").split()
    if "avx2" not in words or any(flag in words for flag in native):
        return ""
    return f"this CPU has no native {wanted} and takes several times as long as with fp32: use --precision fp32"


def store(settings: Settings) -> Finding:
    """What open_clip weights are kept here."""
    from edge.vision.store import entries

    folder = settings.models.expanduser()
    try:
        records = entries(folder)
    except EdgeError as error:
        return Finding("model store", f"{folder}: not readable", well=False, advice=str(error))
    if records:
        return Finding("model store", f"{folder}: {', '.join(record.encoder for record in records)}")
    advice = "lite needs nothing of it; for the papers' zero-shot heads: edge models fetch ViT-L-14-336:openai"
    return Finding("model store", f"{folder}: empty", advice=advice)


def room(settings: Settings) -> Finding:
    """How much is free on the data folder's disk."""
    disk = Room(settings.data, settings.disk_reserve)
    state = f"{disk.free_bytes / 1e9:.1f} GB are free where {settings.data} is"
    if not disk.short_bytes:
        return Finding("disk", state)
    advice = (
        f"{disk.reserve_bytes / 1e9:.1f} GB should stay free, so pictures are removed: make room (edge/NIGHT.md, 7)"
    )
    return Finding("disk", state, well=False, advice=advice)


def record(settings: Settings) -> Finding:
    """Whether the record can be written, if there is one."""
    database = settings.database
    try:
        if not exists(database):
            return Finding("record", f"none yet: the first `edge run` makes {database}")
        current = try_to_write(database)
    except EdgeError as error:
        return Finding("record", "not usable", well=False, advice=str(error))
    advice = "" if current else "an earlier version's: the next `edge run` upgrades it, so make a backup first"
    return Finding("record", f"{database} can be written", advice=advice)


def page_port(settings: Settings) -> Finding:
    """Whether the page can have its port, or has it."""
    address = f"{settings.page_host}:{settings.page_port}"
    if lock.held(settings.data):
        return Finding("page port", f"{address}: not tried, since a line is running here")
    return checked(
        "page port",
        f"{address} is free",
        lambda: check_port_free(settings.page_host, settings.page_port, option="--port"),
    )


def cameras(devices: Path) -> Finding:
    """Video devices that are plugged in."""
    found = sorted(devices.glob("video*"))
    if not found:
        return Finding(
            "cameras", "no video device", advice="plug in a camera, or use a stream, a video, a folder or demo:pcb"
        )
    closed = [str(path) for path in found if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        advice = "add this user to the group `video` and log in again"
        return Finding("cameras", f"{', '.join(closed)} may not be opened", well=False, advice=advice)
    return Finding("cameras", ", ".join(str(path) for path in found))


def categories(settings: Settings) -> Finding:
    """What this data folder has been taught."""
    from edge.vision.bundle import load_bundle
    from edge.vision.bundle_promotion import categories as known

    def check() -> None:
        for name in names:
            load_bundle(settings.bundles, name)

    if names := known(settings.bundles):
        return checked("categories", ", ".join(names), check)
    return Finding("categories", "none yet", advice="teach one: calibrate --category NAME --refs 4 --camera 0")


def checked(subject: str, state: str, check: Callable[[], None]) -> Finding:
    """The state if the check passes, else what it says."""
    try:
        check()
    except EdgeError as error:
        return Finding(subject, "not usable", well=False, advice=str(error))
    return Finding(subject, state)
