"""The person behind a request, and the routes' way to ask for one with enough rights."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from edge.ledger.people import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever asks: a signed-in account, the owner of an API token, or the local operator of a page on loopback."""

    name: str
    role: Role
    address: str | None = field(default=None, compare=False)


LOCAL = Person("local operator", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person as one request knows them.

    csrf:   what an unsafe request must carry in X-CSRF-Token; None for a program with a token, which has no cookie
    secret: of the sign-in or token, None for the local operator
    """

    person: Person
    csrf: str | None = field(repr=False)
    secret: str | None = field(default=None, repr=False)

    @property
    def signed_in(self) -> bool:
        """Whether this is a person with an account, in a browser."""
        return self.csrf is not None and self.secret is not None


def visitor_of(request: Request) -> Visitor | None:
    """Who asks, as the door found out; None on the few addresses that are open to everybody."""
    return cast(Visitor | None, getattr(request.state, "visitor", None))


class Needs(HTTPBearer):
    """A dependency that gives the person behind a request, and refuses one whose role is too low with 403."""

    def __init__(self, role: Role) -> None:
        super().__init__(scheme_name=role.value, description=f"An API token, or a sign-in, with the role {role.value}.")
        self.needed = role

    async def __call__(self, request: Request) -> Person:  # type: ignore[override]
        """The person. Raises HTTPException 401 without one, 403 for a lower role."""
        visitor = visitor_of(request)
        if visitor is None:
            raise HTTPException(401, "Sign in first.")
        person = visitor.person
        if not person.role.covers(self.needed):
            raise HTTPException(
                403, f"This needs the role {self.needed}; {person.name} is an {person.role}. Ask an admin of this page."
            )
        return person


Operator = Annotated[Person, Depends(Needs(Role.OPERATOR))]
"""Parameter type of a route that an operator may use, and everybody above."""
Engineer = Annotated[Person, Depends(Needs(Role.ENGINEER))]
Admin = Annotated[Person, Depends(Needs(Role.ADMIN))]
