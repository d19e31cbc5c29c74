"""Passwords as argon2id hashes, checked one at a time: each check takes 64 MiB and about a tenth of a second."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

_hasher = PasswordHasher()  # RFC 9106, second recommendation
_one_at_a_time = threading.Lock()


def hashed(password: str) -> str:
    """argon2id's own format, salt and parameters included."""
    with _one_at_a_time:
        return _hasher.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash. None stands for an unknown name, which takes as long as a known one."""
    nobody = _of_nobody()  # asked for in any case: the first call makes it
    known = password_hash or nobody
    with _one_at_a_time:
        try:
            right = _hasher.verify(known, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
    return right and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _of_nobody() -> str:
    return hashed("nobody's password")
