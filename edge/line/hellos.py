"""How often a capture may say hello, and how many runs it may begin, so that nobody fills the record with greetings."""

from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Allowance:
    """So many at once, and one more every `refill_s`, for each user by itself; times are monotonic."""

    def __init__(self, *, most: int, refill_s: float) -> None:
        self._most, self._refill_s = most, refill_s
        self._buckets: dict[str, _Bucket] = {}

    def has(self, user: str, *, now_s: float) -> bool:
        """Whether this user has one left."""
        return self._bucket(user, now_s).tokens >= 1

    def take(self, user: str, *, now_s: float) -> bool:
        """Take one; False if there is none left."""
        bucket = self._bucket(user, now_s)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _bucket(self, user: str, now_s: float) -> _Bucket:
        bucket = self._buckets.setdefault(user, _Bucket(self._most, now_s))
        bucket.tokens = min(self._most, bucket.tokens + (now_s - bucket.at_s) / self._refill_s)
        bucket.at_s = now_s
        return bucket
