"""The person behind a request, and the routes' way to ask for one with enough rights."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from edge.ledger.people import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever asks: a signed-in account, the owner of an API token, or the local operator of a page on loopback."""

    name: str
    role: Role


LOCAL = Person("local operator", Role.ADMIN)


def _person() -> Person:
    return LOCAL


Operator = Annotated[Person, Depends(_person)]
"""Parameter type of a route that an operator may use, and everybody above."""
Engineer = Annotated[Person, Depends(_person)]
Admin = Annotated[Person, Depends(_person)]
