"""Requests to the issuer: bounded in time and size, never redirected, never in clear text.

The one exception to the last is an issuer on this machine: http on loopback.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

import orjson

from muniment.domain.values import JsonObject
from muniment.errors import Unavailable

TIMEOUT: Final = 5.0
"""Seconds to connect, and between two pieces of an answer."""
DEADLINE: Final = 10.0
"""Seconds for the body of an answer."""
MAX_BYTES: Final = 1024 * 1024

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the issuer; `document` is empty if it is no JSON object."""

    status: int
    document: JsonObject


def fetch(
    url: str, *, form: Mapping[str, str] | None = None, authorization: str | None = None
) -> Answer:
    """GET a JSON document, or POST a form for one.

    Raises:
        Unavailable: nothing (complete) came in time, a redirect came, or it is too large.
    """
    import httpx  # imported when somebody signs in, not at start

    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if authorization is not None:
        headers["Authorization"] = authorization
    method = "GET" if form is None else "POST"
    try:
        with (
            httpx.Client(verify=_trust(), timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream(method, url, data=form, headers=headers) as response,
        ):
            if response.is_redirect:
                raise unavailable(url, "it redirects, which is not followed")
            body = _read(url, response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise unavailable(url, f"{type(error).__name__}: {error}") from error
    return Answer(response.status_code, _parse(body))


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Whom certificates are believed of. Reading them all takes longer than a request."""
    import httpx

    return httpx.create_ssl_context()


def _read(url: str, response: httpx.Response) -> bytes:
    """Read as it comes over the line: what is small there can't grow by being unpacked here."""
    body, end = bytearray(), time.monotonic() + DEADLINE
    for piece in response.iter_raw():
        body += piece
        if len(body) > MAX_BYTES:
            raise unavailable(url, f"its answer has more than {MAX_BYTES} bytes")
        if time.monotonic() > end:
            raise unavailable(url, f"its answer takes longer than {DEADLINE:g} seconds")
    return bytes(body)


def _parse(body: bytes) -> JsonObject:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def unavailable(url: str, cause: str) -> Unavailable:
    """Return the error for an issuer that does not do its part; the cause is for the log alone."""
    _log.warning("The OIDC issuer at %s can't be used: %s.", url, cause)
    return still_unavailable()


def still_unavailable() -> Unavailable:
    """Return the same error for what is in the log already."""
    return Unavailable(
        "The issuer that people and machines sign in with does not answer as it should.",
        hint="Try again in a minute; the server's log says what is wrong.",
    )


def on_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine, by its text; no name is looked up."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def may_be_asked(url: str, *, http_on_loopback: bool) -> bool:
    """Say whether a URL is https (or http on loopback, where allowed), without user or fragment."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a property that raises
        encrypted = parts.scheme == "https" or (
            http_on_loopback and parts.scheme == "http" and on_loopback(url)
        )
    except ValueError:
        return False
    return encrypted and _plain(url, parts)


def _plain(url: str, parts: SplitResult) -> bool:
    printable = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    return printable and bool(parts.hostname) and "@" not in parts.netloc and "#" not in url
