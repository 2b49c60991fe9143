"""What the issuer publishes: where to send people, where to redeem codes, and its keys.

    fetched ─── 10 minutes: as it is ─── until 1 hour: asked anew, usable if it is down ─── gone

A token that names an unknown key has the documents fetched anew, so that a new key works at once;
but once a minute at most, since anybody can send such a token.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from muniment.domain.values import Json, JsonObject
from muniment.errors import Unavailable
from muniment.server.oidc.fetch import (
    fetch,
    may_be_asked,
    on_loopback,
    still_unavailable,
    unavailable,
)

FRESH: Final = 600.0
"""Seconds for which the documents are used without asking."""
USABLE: Final = 3600.0
"""Seconds for which they are used if the issuer is down."""
RETRY: Final = 15.0
"""Seconds for which an issuer that failed is not asked again."""
UNKNOWN_KEY: Final = 60.0
"""Seconds between two fetches for keys that are not known."""
MAX_KEYS: Final = 100

_CURVES: Final = {"ES256": "P-256", "ES384": "P-384"}


@dataclass(frozen=True, slots=True)
class Published:
    """The issuer's documents; an endpoint is empty if it has none (one for machines alone)."""

    authorization_endpoint: str
    token_endpoint: str
    names_itself: bool  # in the answer to an authorisation request: RFC 9207
    keys: tuple[JsonObject, ...]
    fetched: float


class Issuer:
    """One issuer, known by its URL. Threads share it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._known: Published | None = None
        self._lock = threading.Lock()
        self._retry_at = 0.0
        self._look_again_at = 0.0

    def published(self) -> Published:
        """Return what the issuer publishes.

        Raises:
            Unavailable: it can't be reached, or publishes what can't be used, and nothing that
                was fetched within an hour is here.
        """
        known, now = self._known, time.monotonic()
        if known is not None and now - known.fetched < FRESH:
            return known
        if known is None or now - known.fetched >= USABLE:
            with self._lock:
                return self._renewed(known)
        # One thread asks anew; the others need not wait for it.
        if not self._lock.acquire(blocking=False):
            return known
        try:
            return self._renewed(known)
        except Unavailable:
            return known
        finally:
            self._lock.release()

    def key(self, kid: str | None, algorithm: str) -> JsonObject | None:
        """Return the public key (a JWK) that a token was signed with; None if there is none.

        Raises:
            Unavailable: as `published`.
        """
        published = self.published()
        if kid is not None and all(key.get("kid") != kid for key in published.keys):
            published = self._looked_again(published)
        fitting = [key for key in published.keys if _fits(key, kid, algorithm)]
        return fitting[0] if len(fitting) == 1 else None

    def _looked_again(self, seen: Published) -> Published:
        with self._lock:
            now = time.monotonic()
            if self._known is seen and now >= self._look_again_at:
                self._look_again_at = now + UNKNOWN_KEY
                return self._renewed(seen)
            return self._known or seen

    def _renewed(self, seen: Published | None) -> Published:
        """Fetch, unless another thread has done so since `seen`. The caller holds the lock."""
        if self._known is not None and self._known is not seen:
            return self._known
        if time.monotonic() < self._retry_at:
            raise still_unavailable()
        try:
            self._known = self._fetched()
        except Unavailable:
            self._retry_at = time.monotonic() + RETRY
            raise
        return self._known

    def _fetched(self) -> Published:
        about = self._document(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self.url:
            cause = f"its discovery document is that of {about.get('issuer')!r:.200}"
            raise unavailable(self.url, cause)
        keys = self._document(self._endpoint(about, "jwks_uri")).get("keys")
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise unavailable(self.url, f"it has no list of at most {MAX_KEYS} keys")
        return Published(
            authorization_endpoint=self._endpoint(about, "authorization_endpoint"),
            token_endpoint=self._endpoint(about, "token_endpoint"),
            names_itself=about.get("authorization_response_iss_parameter_supported") is True,
            keys=tuple(key for key in keys if isinstance(key, dict)),
            fetched=time.monotonic(),
        )

    def _document(self, url: str) -> JsonObject:
        answer = fetch(url)
        if answer.status != 200 or not answer.document:
            raise unavailable(url, f"no JSON object comes (status {answer.status})")
        return answer.document

    def _endpoint(self, about: JsonObject, name: str) -> str:
        url = about.get(name)
        if url is None and name != "jwks_uri":
            return ""
        if not isinstance(url, str) or not may_be_asked(
            url, http_on_loopback=on_loopback(self.url)
        ):
            raise unavailable(self.url, f"its {name} is {url!r:.200}")
        return url


def _fits(key: JsonObject, kid: str | None, algorithm: str) -> bool:
    """Say whether a key may have signed with `algorithm`; without `kid`, any that may."""
    operations: Json = key.get("key_ops")
    return (
        (kid is None or key.get("kid") == kid)
        and key.get("kty") == ("EC" if algorithm in _CURVES else "RSA")
        and key.get("crv") == _CURVES.get(algorithm)
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )
