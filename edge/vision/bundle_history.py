"""What was in use, since when, by whom and why: one line a promotion, kept in the category's folder.

The file `current` alone says what is in use. A line that it does not follow (its writer was killed in between) counts
for nothing.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge.errors import EdgeError

HISTORY_FILE = "promotions.jsonl"


class Promotion(BaseModel):
    """A line of the history.

    time:     UTC, ISO 8601
    action:   `rollback` goes back to what was in use before; `promote` is everything else
    version:  what is in use from then on;  sha256: its content hash
    replaced: what was in use until then, None where nothing was
    by:       the account, its name or its number
    reason:   as given, None where none was
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    action: Literal["promote", "rollback"]
    version: int
    sha256: str
    replaced: int | None
    by: str
    reason: str | None


def read_history(home: Path) -> list[Promotion]:
    """All promotions in a category's folder, oldest first. Raises EdgeError for a line that is none."""
    path = home / HISTORY_FILE
    if not path.is_file():
        return []
    try:
        return [Promotion.model_validate_json(line) for line in path.read_bytes().splitlines()]
    except ValidationError as error:
        raise EdgeError(
            f"{path} holds a line that is no promotion: {error}. Take that line out of the file."
        ) from error


def before(history: list[Promotion], current: int | None) -> int | None:
    """What a rollback goes back to: what was in use before `current`, and after a rollback before that one.

    None if nothing was. Lines after the last one that made `current` the one in use count for nothing.
    """
    took = [index for index, promotion in enumerate(history) if promotion.version == current]
    stack: list[int] = []
    for promotion in history[: took[-1] + 1 if took else 0]:
        if promotion.action == "rollback":
            while stack and stack[-1] != promotion.version:
                stack.pop()
        elif promotion.replaced is not None and stack[-1:] != [promotion.replaced]:
            stack.append(promotion.replaced)
        if stack[-1:] != [promotion.version]:
            stack.append(promotion.version)
    return stack[-2] if len(stack) > 1 else None
