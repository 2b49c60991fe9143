"""Whether the server that was started here answers, and its stores do."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from muniment.errors import Unavailable, Unreachable

if TYPE_CHECKING:
    from muniment.server.settings import Settings

_PATIENCE: Final = 15.0
"""Seconds. The server itself waits 5 for each of its stores."""


def ask(settings: Settings) -> str:
    """Return the address of the server with these settings, if it is ready.

    Raises:
        Unreachable: nobody answers there.
        Unavailable: it answers that a store does not.
    """
    secure = settings.tls_certificate is not None
    host = _host(settings.host)
    url = (
        f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{settings.port}"
    )
    connection = (
        http.client.HTTPSConnection(host, settings.port, timeout=_PATIENCE, context=_anybody())
        if secure
        else http.client.HTTPConnection(host, settings.port, timeout=_PATIENCE)
    )
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(
            f"No server answers at {url}: {error}.", hint="`muniment serve` starts one."
        ) from error
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise Unavailable(
            f"The server at {url} is not ready: it answers {answer.status} {answer.reason}.",
            hint="Its log says which store does not answer.",
        )
    return url


def _host(host: str) -> str:
    """Return the address at which a server on `host` is reached from here."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    address = ipaddress.ip_address(host.strip("[]"))
    if not address.is_unspecified:
        return str(address)
    return "127.0.0.1" if address.version == 4 else "::1"


def _anybody() -> ssl.SSLContext:
    """Trust any certificate: it bears the name that clients use, and nothing secret is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
