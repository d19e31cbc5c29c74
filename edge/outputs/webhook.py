"""Results as signed HTTP POSTs, one a request: the only file that knows httpx."""

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
SHOWN = 200  # characters of an answer


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
        """timeout_s: how long a connection, and then an answer, may take."""
        self._hook = hook
        for library in ("httpx", "httpcore"):  # they log whole addresses
            logging.getLogger(library).setLevel(logging.WARNING)
        verify = ssl.create_default_context(cadata=hook.authorities)
        self._client = httpx.Client(timeout=timeout_s, verify=verify)

    def send(self, results: Sequence[Result]) -> Iterator[Refused | None]:
        """One POST a result, in order; see edge.outputs.delivery.Sender."""
        for result in results:
            yield self._post(result)

    def tend(self) -> None:
        """An idle connection needs no care."""

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, result: Result) -> Refused | None:
        body = result.body()
        headers = {
            "Content-Type": "application/json",
            KEY: result.id,
            SIGNATURE: signature(self._hook.secret, body, at_s=int(time.time())),
        }
        try:
            answer = self._client.post(self._hook.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = str(error) or type(error).__name__
            raise NotDelivered(f"{self._hook.name} cannot be reached: {said}") from error
        if answer.is_success:
            return None
        said = f"HTTP {answer.status_code} {answer.text[:SHOWN]}".strip()
        if answer.status_code in THIS_RESULT:
            return Refused(said)
        raise NotDelivered(f"{self._hook.name} answers {said}")
