"""The address of a page as a typed question; what a form sends empty is taken out of the address first."""

from typing import TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, ValidationError

Question = TypeVar("Question", bound=BaseModel)


def given(request: Request) -> list[tuple[str, str]]:
    """The address's fields that are not empty."""
    return [(name, value) for name, value in request.query_params.multi_items() if value]


def asked(request: Request, model: type[Question], *, lists: tuple[str, ...] = ()) -> Question:
    """The address as `model`; lists: fields that may come often. 422 in words that name the field."""
    fields = given(request)
    values: dict[str, object] = dict(fields)
    values |= {name: [value for other, value in fields if other == name] for name in lists}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise HTTPException(422, f"{first['loc'][0]}: {first['msg']}, not {first['input']!r}") from error


def has_empty(request: Request) -> bool:
    """Whether there are fields to take out of the address."""
    return len(given(request)) < len(request.query_params.multi_items())
