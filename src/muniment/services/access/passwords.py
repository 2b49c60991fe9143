"""Passwords and random secrets. The one place that knows how they are hashed.

password   argon2id with the library's present parameters; a good one is asked for only once
           a minute and process (HTTP Basic sends it with every request)
secret     256 random bits, kept as their SHA-256: nothing to guess, so nothing to slow down
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from muniment.errors import InvalidInput

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARS: Final = 12
MAX_CHARS: Final = 1_000
_REMEMBER_SECONDS: Final = 60
_REMEMBER_MOST: Final = 1_000
_KEY = secrets.token_bytes(32)  # of this process, so that what is remembered is of no use elsewhere


@lru_cache(maxsize=1)
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # imported when somebody signs in, not at start

    return PasswordHasher()


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash that no password has: checking it takes as long as checking a user's."""
    return _hasher().hash(secrets.token_urlsafe(32))


def check_password_rules(password: str, name: str) -> str:
    """Return a password that may be chosen. Raises InvalidInput, without repeating it."""
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise InvalidInput(
            f"A password has {MIN_CHARS} to {MAX_CHARS} characters; this one has {len(password)}.",
            hint="A few words in a row are easy to keep in mind.",
            details={"field": "password"},
        )
    if password.lower() == name.lower() or len(set(password)) < 4:
        raise InvalidInput(
            "This password is too easy to guess.",
            hint="Choose another one.",
            details={"field": "password"},
        )
    return password


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    return _hasher().hash(password)


_good: OrderedDict[bytes, float] = OrderedDict()
_good_lock = threading.Lock()


def password_fits(kept: str | None, password: str) -> bool:
    """Say whether the password is the one that `kept` was made of.

    Takes the same time for nobody's (None) and for a wrong one. The kept hash is a part of what is
    remembered: a changed password is asked for at once.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    if remembered(kept, password):
        return True
    try:
        _hasher().verify(kept or _nobody(), password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    if kept is None:
        return False
    with _good_lock:
        _good[_mark(kept, password)] = time.monotonic() + _REMEMBER_SECONDS
        while len(_good) > _REMEMBER_MOST:
            _good.popitem(last=False)
    return True


def remembered(kept: str | None, password: str) -> bool:
    """Say whether the password was found to fit within the last minute; looks at no hash."""
    with _good_lock:
        return _good.get(_mark(kept, password), 0.0) > time.monotonic()


def _mark(kept: str | None, password: str) -> bytes:
    return hmac.digest(_KEY, f"{kept}\0{password}".encode("utf-8", "surrogatepass"), "sha256")


def new_secret() -> str:
    """Return 256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def new_one_time_password() -> str:
    """Return a password that is easy to copy: 20 letters and digits in groups, about 100 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def secret_hash(secret: str) -> str:
    """Return what is kept of a random secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_fits(kept: str, secret: str) -> bool:
    """Say, in constant time, whether the secret is the one that `kept` was made of."""
    return hmac.compare_digest(kept, secret_hash(secret))
