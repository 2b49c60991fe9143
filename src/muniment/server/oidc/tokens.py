"""JWTs of the issuer: checked, and read as an identity.

Only signatures by keys that the issuer publishes count: never `none`, and never HMAC, whose key
would be the public one.
"""

from __future__ import annotations

import logging
import re
from typing import Final, cast

from muniment.domain.names import check_subject
from muniment.domain.values import JsonObject
from muniment.errors import ConfigurationError, InvalidInput, Unauthenticated
from muniment.server.oidc.issuer import Issuer
from muniment.services.access.access import Identity

ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "PS256"})
LEEWAY: Final = 30
"""Seconds by which the issuer's clock and this one may differ."""
MAX_CHARS: Final = 64 * 1024
MAX_NAME_CHARS: Final = 255
"""Of a name, and of a subject: what the standard allows the latter."""
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# What a JWT may say of its kind (RFC 8725): not a logout token, and nothing else signed alike.
_KINDS: Final = frozenset({"", "jwt", "application/jwt", "at+jwt", "application/at+jwt"})

_log = logging.getLogger(__name__)


def require_extra() -> None:
    """Import what checks signatures.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import cryptography  # noqa: F401 - without it, jwt knows HMAC alone
        import jwt  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "Signing in through OpenID Connect needs an extra that is not installed.",
            hint='Run `pip install "muniment[oidc]"`.',
        ) from error


def verified(token: str, issuer: Issuer, audience: str) -> JsonObject:
    """Return the claims of a token that `issuer` made for `audience` and that is valid now.

    Raises:
        Unauthenticated: it is no such token.
        Unavailable: the issuer's keys can't be had.
    """
    import jwt

    if len(token) > MAX_CHARS or not _COMPACT.fullmatch(token):
        raise refused("it is no JWT")
    try:
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise refused(f"its algorithm is {algorithm!r:.50}")
        if str(header.get("typ", "")).lower() not in _KINDS:
            raise refused(f"it is a {header.get('typ')!r:.50}")
        key = issuer.key(kid, algorithm)
        if key is None:
            raise refused(f"the issuer has no key {kid!r:.100} for {algorithm}, or several")
        claims = jwt.decode(
            token,
            jwt.PyJWK(key, algorithm),
            algorithms=[algorithm],
            audience=audience,
            issuer=issuer.url,
            leeway=LEEWAY,
            options={"require": ["iss", "sub", "aud", "exp"], "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise refused(f"{type(error).__name__}: {error}") from error
    return cast(JsonObject, claims)


def identity(claims: JsonObject, issuer: str, *, name_claim: str, groups_claim: str) -> Identity:
    """Return who the claims are about.

    The name is the first that there is of `name_claim`, `email` and `sub`. Groups that can't hold
    a grant (control characters, more than 500 characters) are left out.

    Raises:
        Unauthenticated: the subject is blank, too long, or not printable.
    """
    subject = _name(claims, "sub")
    if not subject or not _can_hold_a_grant(f"oidc:{issuer}|{subject}"):
        raise refused(f"its subject is {claims['sub']!r:.100}")
    groups = claims.get(groups_claim)
    listed = groups if isinstance(groups, list) else [groups]
    good = {g for g in listed if isinstance(g, str) and _can_hold_a_grant(f"group:{g}")}
    return Identity(
        issuer=issuer,
        subject=subject,
        name=_name(claims, name_claim) or _name(claims, "email") or subject,
        display_name=_name(claims, "name"),
        groups=tuple(sorted(good)),
    )


def refused(cause: str) -> Unauthenticated:
    """Return the error for any token or answer that does not convince; the cause is for the log.

    At level info: anybody can cause it, as often as they like.
    """
    _log.info("A sign-in through the OIDC issuer was refused: %s.", cause)
    return Unauthenticated(
        "This sign-in through the issuer is not valid.",
        hint="Sign in again; the server's log says more (at level info).",
    )


def _name(claims: JsonObject, claim: str) -> str:
    """Return a claim as it is, if it can name somebody: of printable characters, and not blank."""
    text = claims.get(claim)
    if not isinstance(text, str) or len(text) > MAX_NAME_CHARS or not text.isprintable():
        return ""
    return text if text.strip() else ""


def _can_hold_a_grant(subject: str) -> bool:
    try:
        check_subject(subject).encode()
    except (InvalidInput, UnicodeEncodeError):
        return False
    return True
