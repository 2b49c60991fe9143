"""A sign-in on its way: what the browser keeps between leaving for the issuer and coming back.

    cookie = payload . HMAC(key, payload, redirect URI)          payload = [seed, expiry, next]
    state, nonce, verifier = HMAC(key, what for, seed)

The cookie holds no secret (the verifier can't be read from it) and the server holds nothing: any
process that has the key can finish what another has begun.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from muniment.errors import ConfigurationError

LIFETIME: Final = 600
"""Seconds within which somebody must have signed in with the issuer."""
MAX_COOKIE_CHARS: Final = 4_000
MAX_NEXT_CHARS: Final = 1_000
SECRET_FILE: Final = "oidc.secret"  # noqa: S105 - the name of a file
_SECRET_BYTES: Final = 32
_LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in: what the issuer must repeat (state, nonce), and what proves who began it."""

    state: str
    nonce: str
    verifier: str
    next: str

    @property
    def challenge(self) -> str:
        """The verifier's image, for the issuer to compare (PKCE, S256)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


def new_login(key: bytes, redirect_uri: str, next: str) -> tuple[Login, str]:
    """Return a new sign-in and its cookie."""
    seed, path = secrets.token_urlsafe(16), local_path(next)
    payload = _text(orjson.dumps([seed, int(time.time()) + LIFETIME, path]))
    return _login(key, seed, path), f"{payload}.{_seal(key, payload, redirect_uri)}"


def known_login(key: bytes, redirect_uri: str, cookie: str) -> Login | None:
    """Return the sign-in that a cookie is of; None if it is none of ours, or over."""
    payload, _, seal = cookie.partition(".")
    if len(cookie) > MAX_COOKIE_CHARS or not cookie.isascii():
        return None
    if not hmac.compare_digest(seal, _seal(key, payload, redirect_uri)):
        return None
    seed, expiry, path = orjson.loads(urlsafe_b64decode(payload + "=="))
    return _login(key, seed, path) if time.time() < expiry else None


def local_path(next: str) -> str:
    """Return `next` if it is a path of this server, else `/`: nobody is sent elsewhere.

    A path begins with exactly one `/`; it holds no backslash, space or control character, which
    browsers read as `/` or leave out.
    """
    fits = len(next) <= MAX_NEXT_CHARS and _LOCAL_PATH.fullmatch(next)
    return next if fits else "/"


def login_key(secret: bytes, issuer: str, client_id: str) -> bytes:
    """Return the key for sign-ins of one client with one issuer."""
    return hmac.digest(secret, f"muniment sign-in\0{issuer}\0{client_id}".encode(), "sha256")


def kept_secret(home: Path) -> bytes:
    """Return 32 random bytes that all processes on this home share, made by the first of them.

    Raises:
        ConfigurationError: the file can't be read or made, or holds something else.
    """
    path = home / SECRET_FILE
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The secret for sign-ins, {path}, can't be read or made: {error.strerror}.",
            hint="Let the server write into its home, or give the issuer's client a secret.",
        ) from error
    if len(secret) != _SECRET_BYTES:
        raise ConfigurationError(
            f"The file {path} holds {len(secret)} bytes instead of {_SECRET_BYTES}.",
            hint="Delete it: the server makes another.",
        )
    return secret


def _make(path: Path) -> None:
    """Write the file, readable by its owner, complete from its first moment; the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _login(key: bytes, seed: str, next: str) -> Login:
    state, nonce, verifier = (
        _text(hmac.digest(key, f"{use}\0{seed}".encode(), "sha256"))
        for use in ("state", "nonce", "verifier")
    )
    return Login(state, nonce, verifier, next)


def _seal(key: bytes, payload: str, redirect_uri: str) -> str:
    return _text(hmac.digest(key, f"cookie\0{payload}\0{redirect_uri}".encode(), "sha256"))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
