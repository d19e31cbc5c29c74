"""The address of a page as a typed question; what a form sends empty is taken out of the address first."""

from typing import TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Question = TypeVar("Question", bound=BaseModel)
WANTED = {"float": "a number", "int": "a whole number", "datetime": "a time like 2026-01-31T08:00"}
"""By the beginning of the name that pydantic gives a fault."""


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
        raise HTTPException(422, _in_words(error.errors()[0])) from error


def has_empty(request: Request) -> bool:
    """Whether there are fields to take out of the address."""
    return len(given(request)) < len(request.query_params.multi_items())


def _in_words(wrong: ErrorDetails) -> str:
    """For example `Score from: give a number, not 'abc'.`"""
    name, kind = str(wrong["loc"][0]), wrong["type"]
    if kind == "extra_forbidden":
        return f"There is no filter {name!r}."
    field = name.replace("_", " ").capitalize()
    what = WANTED.get(kind.partition("_")[0])
    wanted = f"give {what}" if what else wrong["msg"].removeprefix("Value error, ").replace("Input should be", "give")
    return f"{field}: {wanted}, not {wrong['input']!r}."
