"""What proves to a server who calls, and where it comes from.

    arguments    token=…   username=…, password=…
    environment  MUNIMENT_TOKEN, else MUNIMENT_USERNAME and MUNIMENT_PASSWORD

Arguments count before the environment, a token before a name. The environment's belong to the
server that MUNIMENT_REGISTRY names, if it names one: no other server is sent them.
"""

from __future__ import annotations

import base64
import os
from typing import Final
from urllib.parse import urlsplit

from muniment.errors import InvalidInput

TOKEN: Final = "MUNIMENT_TOKEN"  # noqa: S105 - the name of a variable
USERNAME: Final = "MUNIMENT_USERNAME"
PASSWORD: Final = "MUNIMENT_PASSWORD"  # noqa: S105
REGISTRY: Final = "MUNIMENT_REGISTRY"
_PORTS: Final = {"http": 80, "https": 443}


class Credentials:
    """A proof, ready for the `Authorization` header. It shows itself to nobody."""

    __slots__ = ("header",)

    def __init__(self, header: str) -> None:
        self.header = header

    def __repr__(self) -> str:
        return "<Credentials ***>"

    @classmethod
    def of_token(cls, token: str) -> Credentials:
        """Return what a token proves. Raises InvalidInput, without repeating it."""
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidInput("The token is empty or holds characters that no token has.")
        return cls(f"Bearer {token}")

    @classmethod
    def of_password(cls, username: str, password: str) -> Credentials:
        """Return what a name and a password prove. Raises InvalidInput, without repeating them."""
        if ":" in username or not username.isprintable():
            raise InvalidInput("The username holds characters that no name has, such as a colon.")
        if not password:
            raise InvalidInput("The password is empty.")
        try:
            pair = f"{username}:{password}".encode()
        except UnicodeEncodeError:
            raise InvalidInput("The password is no text that can be sent.") from None
        return cls("Basic " + base64.b64encode(pair).decode())


def credentials_for(
    url: str,
    *,
    token: str | None = None,
    username: str | None = None,
    password: str | None = None,
) -> Credentials | None:
    """Return what to send to the server at `url`; None if there is nothing.

    Raises:
        InvalidInput: a token and a name, a name without password, or the other way round.
    """
    if token is not None:
        if username is not None or password is not None:
            raise InvalidInput("Pass a token, or a username and a password, not both.")
        return Credentials.of_token(token)
    mine = _environment_is_for(url)
    if username is not None or password is not None:
        username = username or (os.environ.get(USERNAME) if mine else None)
        password = password or (os.environ.get(PASSWORD) if mine else None)
        if username is None or password is None:
            raise InvalidInput("A username and a password go together.", hint="Pass both of them.")
        return Credentials.of_password(username, password)
    if not mine:
        return None
    if found := os.environ.get(TOKEN):
        return Credentials.of_token(found)
    name, secret = os.environ.get(USERNAME), os.environ.get(PASSWORD)
    return Credentials.of_password(name, secret) if name and secret else None


def without_secrets(address: str) -> str:
    """Return an address as it may be shown: what stands before an `@` may be a password."""
    scheme, slashes, rest = address.rpartition("://")
    shown, at, host = rest.rpartition("@")
    return f"{scheme}{slashes}***@{host}" if slashes and at and shown else address


def _environment_is_for(url: str) -> bool:
    registry = os.environ.get(REGISTRY, "")
    known = _origin(registry)
    return known is None or known == _origin(url)


def _origin(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            return None
        return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
    except ValueError:
        return None
