"""What the processes log: lines for people (`text`), or one JSON object a line for a collector (`json`)."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from edge.frame import FrameInfo
from edge.settings import Settings

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FACTS = "run", "camera", "seq"


class JsonLines(logging.Formatter):
    """One JSON object a line: ts (UTC), level, logger, process, message; run, camera and seq where they are known."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process
        self.about: dict[str, object] = {}

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end; a traceback is a field of it."""
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self._process,
            "message": record.getMessage(),
        }
        line |= self.about | {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def start_logging(settings: Settings, process: str, *, beside_words: bool = False) -> None:
    """Log to stderr, which the supervisor leads into a child's log file. process: as the supervisor's table calls it.

    beside_words: a person reads other words there as well, so that as text only warnings and worse are wanted
    """
    as_json = settings.log_format == "json"
    formatter = JsonLines(process) if as_json else logging.Formatter(TEXT)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    if beside_words and not as_json:
        handler.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every look at the record
    logging.captureWarnings(as_json)
    sys.excepthook = _log_uncaught if as_json else sys.__excepthook__


@contextmanager
def logged_to(file: Path) -> Iterator[None]:
    """Log to a file as well, in the same words."""
    root = logging.getLogger()
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(root.handlers[0].formatter if logs_json() else logging.Formatter(TEXT))
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def logs_json() -> bool:
    """Whether this process logs JSON, so that it had better write nothing else to its log."""
    return any(isinstance(handler.formatter, JsonLines) for handler in logging.getLogger().handlers)


def know(*, run: str, camera: str) -> None:
    """From now on this process's JSON lines are about one camera of one run."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonLines):
            handler.formatter.about = {"run": run, "camera": camera}


def about(info: FrameInfo) -> dict[str, object]:
    """The `extra` of a log call about one frame."""
    return {"run": info.run, "camera": info.camera, "seq": info.seq}


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("edge").critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace))
