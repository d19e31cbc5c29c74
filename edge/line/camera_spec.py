"""How a camera is named on the command line: SPEC[=CATEGORY]."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from edge.errors import EdgeError

DEMO_PREFIX = "demo:"
STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
CATEGORY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
NAME_LENGTH = 48
SECRET_WORD = r"[\w-]*(?:pass|pwd|pw|psw|secret|token|auth|key|user|usr|login)[\w-]*="
SECRET = re.compile(rf"({SECRET_WORD})[^&/;?]*", re.IGNORECASE)
USER_AND_PASSWORD = re.compile(r"(?<=/)[^/:]*:[^/]*")
VALUE = re.compile(r"=(?![0-9]{1,2}(?:[&;]|$))[^&;]*")  # of a parameter, but for a channel's number
SECRET_LEFT = re.compile(rf"{SECRET_WORD}$", re.IGNORECASE)


class Kind(Enum):
    """What an address leads to."""

    DEVICE = "device"
    STREAM = "stream"
    DEMO = "demo"
    PATH = "path"


@dataclass(frozen=True, repr=False)
class CameraSpec:
    """One camera as the user named it.

    address:  what to open: `0`, `rtsp://user:password@host/path`, `demo:pcb`, a file or a folder; may hold a password
    category: the kind of part it looks at, or None: not calibrated
    name:     short, safe in file names and free of passwords
    """

    address: str
    category: str | None
    name: str

    @property
    def kind(self) -> Kind:
        """What the address leads to; all digits are a device, so a folder named `0` is written `./0`."""
        return kind_of(self.address)

    @property
    def redacted(self) -> str:
        """The address without `user:password@`, and with `***` for all in it that may be a password.

        That is every value in the query but numbers of one or two digits, and in the path what follows `password=` or
        reads `user:password`.
        """
        if self.kind is not Kind.STREAM:
            return self.address
        parts = urlsplit(self.address)
        path = USER_AND_PASSWORD.sub("***", SECRET.sub(r"\1***", parts.path))
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=host, path=path, query=VALUE.sub("=***", parts.query), fragment="").geturl()

    def __repr__(self) -> str:
        return f"CameraSpec({self.redacted!r}, category={self.category!r}, name={self.name!r})"


def parse_camera(text: str) -> CameraSpec:
    """Read SPEC[=CATEGORY]; SPEC is a device number, a stream's URL, a video file, a folder of pictures or demo:NAME.

    Raises EdgeError, never with a password in it, if the text is no camera. Whether the source exists is not asked here
    (see `edge.line.camera.check_source`).
    """
    if "\0" in text:
        raise EdgeError("camera: a zero byte cannot be part of an address. Write it as it is printed on the camera.")
    kind = kind_of(text)
    if kind is Kind.STREAM:
        check_url(text)
        address, category = split_stream(text)
    elif kind is Kind.PATH and exists(text):
        address, category = text, None
    else:
        address, category = split_plain(text)
    if not address:
        raise EdgeError("camera: nothing given. Give a device number, a URL, a video, a folder or demo:pcb.")
    if kind_of(address) is Kind.PATH and "@" in address and not exists(address):
        raise EdgeError("camera: no such file, and an address with user@host must begin with rtsp:// or http://.")
    return CameraSpec(address, category, name_of(address))


def unique_names(specs: Iterable[CameraSpec]) -> list[CameraSpec]:
    """The same cameras in the same order; a name that is taken gets -2, -3, ..."""
    taken: set[str] = set()
    unique = []
    for spec in specs:
        name, count = spec.name, 1
        while name in taken:
            count += 1
            name = f"{spec.name}-{count}"
        taken.add(name)
        unique.append(replace(spec, name=name))
    return unique


def kind_of(address: str) -> Kind:
    """What an address (with or without =CATEGORY) leads to; raises EdgeError for a URL of a scheme we do not speak."""
    scheme, is_url, _ = address.partition("://")
    if is_url:
        if scheme.lower() not in STREAM_SCHEMES:
            shown = scheme if re.fullmatch(r"\w{1,10}", scheme) else "such an"
            raise EdgeError(f"camera: cannot open {shown} address. Known: {', '.join(STREAM_SCHEMES)}.")
        return Kind.STREAM
    if address.startswith(DEMO_PREFIX):
        return Kind.DEMO
    return Kind.DEVICE if re.fullmatch(r"[0-9]+(=.*)?", address) else Kind.PATH


def check_url(url: str) -> None:
    """Refuse a URL in which it is not clear where the password ends; the message does not repeat it."""
    try:
        parts = urlsplit(url)
        clear = bool(parts.hostname) and (parts.port or 1) > 0 and "@" not in parts.path + parts.query + parts.fragment
    except ValueError:
        clear = False
    if not clear:
        scheme = url.partition("://")[0]
        raise EdgeError(
            f"camera: this {scheme} address has no readable host and port. "
            f"Write it {scheme}://user:password@host:port/path; "
            "in user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23."
        )


def split_stream(url: str) -> tuple[str, str | None]:
    """(URL, category). In a query the last parameter keeps its first `=`: ?a=b has no category, ?a=b=pcb has pcb."""
    left, _, right = url.rpartition("=")
    last_parameter = re.split(r"[?&;]", url)[-1]
    in_parameter = last_parameter != url
    secret = SECRET_LEFT.search(f"{left}=") or SECRET_LEFT.search(f"{last_parameter.partition('=')[0]}=")
    is_category = CATEGORY.fullmatch(right) and not secret
    if left and is_category and (not in_parameter or last_parameter.count("=") >= 2):
        return left, right
    return url, None


def split_plain(text: str) -> tuple[str, str | None]:
    """(address, category) of what is not a URL; a path that does not exist may still have `=` in its name."""
    left, equals, right = text.rpartition("=")
    if not equals:
        return text, None
    if CATEGORY.fullmatch(right):
        return left, right
    if kind_of(text) is Kind.PATH and not exists(left):
        return text, None
    raise EdgeError(f"camera {left!r}: category {right!r} must begin with a letter, then letters, digits, _ or -.")


def name_of(address: str) -> str:
    """A short name from an address: camera0, demo-pcb, a folder's or file's own name, host-path of a URL."""
    kind = kind_of(address)
    if kind is Kind.DEVICE:
        return f"camera{int(address)}"
    if kind is Kind.STREAM:
        return safe_name(stream_label(urlsplit(address)))
    if kind is Kind.DEMO:
        return safe_name(address)
    path = Path(address).resolve()
    return safe_name(path.stem if exists(address) and path.is_file() else path.name)


def exists(path: str) -> bool:
    """Whether there is such a file or folder; a name too long for the file system is none."""
    try:
        return Path(path).exists()
    except OSError:
        return False


def stream_label(parts: SplitResult) -> str:
    """Host and path of a URL, without parameters and without anything that looks like a password."""
    return f"{parts.hostname}{USER_AND_PASSWORD.sub('', SECRET.sub('', parts.path))}"


def safe_name(text: str) -> str:
    """Letters, digits, `_`, and `-` for everything else; never empty, NAME_LENGTH at most."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:NAME_LENGTH].rstrip("-") or "camera"
