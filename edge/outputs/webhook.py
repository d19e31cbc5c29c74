"""Results as signed HTTP POSTs, one a request: the only file that knows httpx.

The asynchronous client, on a loop of its own, since only there a whole request has a deadline: httpx bounds each read,
and a server that drips headers would hold us for ever.
"""

import asyncio
import hashlib
import hmac
import logging
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from edge.outputs.delivery import NotDelivered, Refused
from edge.outputs.messages import Result

TIMEOUT_S = 5.0
SIGNATURE, KEY = "Edge-Signature", "Idempotency-Key"
THIS_RESULT = (400, 409, 413, 415, 422)  # answers about what was posted; all others are about address, rights or server
MOST_READ = 1024  # bytes of an answer; what it says is not repeated: servers echo paths, which may hold a secret


@dataclass(frozen=True, slots=True)
class Hook:
    """Where to post, and the secret that signs it. authorities: PEM text, None: those that the system trusts."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    authorities: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """For people; path and query may hold a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def signature(secret: bytes, body: bytes, *, at_s: int) -> str:
    """What `Edge-Signature` says: `t=SECONDS,v1=HEX`, HMAC-SHA256 over SECONDS, a full stop, and the body."""
    return f"t={at_s},v1={hmac.new(secret, f'{at_s}.'.encode() + body, hashlib.sha256).hexdigest()}"


class WebhookSender:
    """Posts results to one address. Redirects are not followed."""

    def __init__(self, hook: Hook, *, timeout_s: float = TIMEOUT_S) -> None:
        """timeout_s: how long connection and answer may take together."""
        self._hook, self._timeout_s = hook, timeout_s
        for library in ("httpx", "httpcore"):  # they log whole addresses
            logging.getLogger(library).setLevel(logging.WARNING)
        verify = ssl.create_default_context(cadata=hook.authorities)
        self._client = httpx.AsyncClient(timeout=None, verify=verify)
        self._loop = asyncio.Runner()

    def send(self, results: Sequence[Result]) -> Iterator[Refused | None]:
        """One POST a result, in order; see edge.outputs.delivery.Sender."""
        for result in results:
            yield self._post(result)

    def tend(self) -> None:
        """An idle connection needs no care."""

    def close(self) -> None:
        """Close the connections."""
        self._loop.run(self._client.aclose())
        self._loop.close()

    def _post(self, result: Result) -> Refused | None:
        body = result.body()
        headers = {
            "Content-Type": "application/json",
            KEY: result.id,
            SIGNATURE: signature(self._hook.secret, body, at_s=int(time.time())),
            "Accept-Encoding": "identity",
        }
        try:
            status = self._loop.run(self._ask(body, headers))
        except TimeoutError as error:
            raise NotDelivered(f"{self._hook.name} timed out: no whole answer in {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: no host can have this name
            raise NotDelivered(f"{self._hook.name} cannot be reached: {_cause(error)}") from error
        if 200 <= status < 300:
            return None
        if status in THIS_RESULT:
            return Refused(f"HTTP {status}")
        raise NotDelivered(f"{self._hook.name} answers HTTP {status}")

    async def _ask(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer, once it has come to its end, or all of it that is read has."""
        posting = self._client.stream("POST", self._hook.url, content=body, headers=headers)
        async with asyncio.timeout(self._timeout_s), posting as answer:
            read = 0
            async for piece in answer.aiter_raw():
                read += len(piece)
                if read >= MOST_READ:
                    break
            return answer.status_code


def _cause(error: Exception) -> str:
    """What went wrong, without anything that the server said."""
    if not isinstance(error, httpx.ConnectError):
        return type(error).__name__
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    return str(root) or type(root).__name__
