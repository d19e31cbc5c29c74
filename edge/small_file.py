"""Notes in memory (/dev/shm) that are replaced several times a second, and must be even while that is full."""

import os
from pathlib import Path


def replace_note(path: Path, text: str) -> None:
    """Replace the file whole; where there is no room for a second one, in place, in the page that it has already.

    text: JSON or another text that may end in blanks.  Raises OSError if neither can be done.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")  # a worker may beat for a capture that does, too
    try:
        temporary.write_text(text)
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        if not path.exists():
            raise
        with path.open("r+b") as file:
            size = file.seek(0, 2)
            file.seek(0)
            file.write(text.encode().ljust(size))
