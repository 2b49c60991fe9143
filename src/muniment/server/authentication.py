"""Who sends a request: found out once, in the frame, before any route sees it.

    Authorization: Basic …         name and password, or a token in the password's place
    Authorization: Bearer …        a token, or a JWT of the OIDC issuer
    the header that proxies set    from a trusted proxy alone
    the session cookie             browsers; changes must come from a page of ours
    nothing                        fine while the registry has no users, else 401

Every path needs somebody to be signed in, but for the few that are named here. What was found out
stands in `scope["state"]["signed_in"]`: None means the owner of a registry without users; on a path
that is open to all it may be missing.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from muniment.errors import PermissionDenied, Unauthenticated
from muniment.server.context import access_of, address_of, oidc_of, read, wait_for
from muniment.server.cookies import SESSION, cookie
from muniment.server.rates import Rates
from muniment.server.security import SAFE_METHODS, check_own_page
from muniment.server.setting_values import is_loopback
from muniment.server.settings import Settings
from muniment.server.web.assets import PREFIX as ASSETS
from muniment.services.access.access import TOKEN_PREFIX, Access, SignedIn

PROBES: Final = frozenset({"/health", "/ready"})
"""What is answered to anybody, whatever they send."""

PUBLIC: Final = frozenset(
    {"/version", "/sign-in", "/oidc/start", "/oidc/callback", "/api/v1/sessions"}
)
"""What is answered to whoever is not signed in, beside probes and assets. Wrong credentials are
refused."""

OF_ONE_TIME_PASSWORDS: Final = frozenset(
    {"/api/v1/me", "/api/v1/me/password", "/password", "/sign-out"}
)
"""What somebody may do, beside the public, who has yet to choose a password of their own."""

_PASSWORDS_AT_ONCE: Final = 4
"""Each check of a password takes 64 MiB of memory for a tenth of a second."""


class Authentication:
    """Finds out who sends requests to one server."""

    def __init__(self, settings: Settings) -> None:
        self._user_header = (settings.proxy_user_header or "").lower().encode()
        self._public = PUBLIC | ({"/metrics"} if settings.metrics_public else frozenset())
        # Where others than this machine can reach it, nobody is its owner for want of users.
        self._has_users = not is_loopback(settings.host)
        self._rates = Rates(settings.rate_limit)
        self._checking = asyncio.Semaphore(_PASSWORDS_AT_ONCE)

    async def admit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Let a request pass, noting who sends it; or raise.

        Raises:
            Unauthenticated: nobody is signed in, or the credentials are wrong.
            PermissionDenied: a page of another site, or a password that was made to be used once.
            RateLimited: this caller sends too many requests, or has guessed too often.
        """
        if scope["path"] in PROBES:
            return
        request = Request(scope)
        public = scope["path"] in self._public or scope["path"].startswith(ASSETS)
        public = public and _raw_path(scope) == scope["path"].encode()
        try:
            signed_in = await self._signed_in(request, headers)
        except Unauthenticated:
            self._rates.take(address_of(request))
            raise
        self._rates.take(f"user {signed_in.name}" if signed_in else address_of(request))
        if signed_in is None:
            if not await self._needs_sign_in(request):
                scope["state"]["signed_in"] = None
            elif not public:
                raise Unauthenticated(
                    "Nobody is signed in.",
                    hint="Send name and password (Basic) or a token (Bearer), or sign in at "
                    "/sign-in.",
                )
            return
        if signed_in.by == "session" and scope["method"] not in SAFE_METHODS:
            check_own_page(scope, headers)
        if signed_in.must_change and not public and scope["path"] not in OF_ONE_TIME_PASSWORDS:
            raise PermissionDenied(
                "This password was made to be used once.",
                hint="Choose your own first: `muniment passwd`, or at /password.",
                details={"must_change": True},
            )
        scope["state"]["signed_in"] = signed_in

    async def _needs_sign_in(self, request: Request) -> bool:
        """Say whether there are users. Once there are, there always are: none is ever removed."""
        if not self._has_users:
            access = access_of(request)
            self._has_users = await read(request, lambda: access.enabled)
        return self._has_users

    async def _signed_in(self, request: Request, headers: Mapping[bytes, bytes]) -> SignedIn | None:
        """Return who has signed in; None if the request says nothing of it."""
        authorization = headers.get(b"authorization")
        proxied = headers.get(self._user_header) if self._user_header else None
        if (authorization or proxied) and not await self._needs_sign_in(request):
            raise Unauthenticated(
                "This registry has no users: no name, password or token is right here.",
                hint="Send none (MUNIMENT_TOKEN, MLFLOW_TRACKING_TOKEN, …); "
                "`muniment init` makes the first user.",
            )
        access = access_of(request)
        if authorization is not None:
            return await self._by_authorization(request, access, authorization)
        if proxied is not None:
            return await read(request, partial(access.by_proxy, _text(proxied)))
        secret = cookie(request, SESSION) if b"cookie" in headers else None
        if secret is not None:
            return await read(request, partial(access.by_session, secret))
        return None

    async def _by_authorization(
        self, request: Request, access: Access, authorization: bytes
    ) -> SignedIn:
        scheme, _, credentials = authorization.partition(b" ")
        address = address_of(request)
        if scheme.lower() == b"basic":
            name, password = _name_and_password(credentials)
            known = partial(access.by_known_password, name, password, address=address)
            return await self._proved(
                request, known, partial(access.by_password, name, password, address=address)
            )
        if scheme.lower() == b"bearer":
            text = _text(credentials.strip())
            if text.startswith(TOKEN_PREFIX):
                known = partial(access.by_known_token, text)
                return await self._proved(
                    request, known, partial(access.by_token, text, address=address)
                )
            oidc = oidc_of(request)
            if oidc is not None:
                identity = await wait_for(request, partial(oidc.bearer, text))
                return await read(request, partial(access.by_identity, identity))
        raise _unreadable()

    async def _proved(
        self,
        request: Request,
        known: Callable[[], SignedIn | None],
        prove: Callable[[], SignedIn],
    ) -> SignedIn:
        """Return what a look finds, else what a proof does: few at once, and in a thread."""
        signed_in = await read(request, known)
        if signed_in is not None:
            return signed_in
        async with self._checking:
            return await wait_for(request, prove)


def _raw_path(scope: Scope) -> bytes:
    """Return the path as it was sent: one that is written in an odd way is open to nobody."""
    raw: bytes | None = scope.get("raw_path")
    return scope["path"].encode() if raw is None else raw


def _name_and_password(credentials: bytes) -> tuple[str, str]:
    try:
        text = _text(b64decode(credentials.strip(), validate=True))
    except ValueError:
        raise _unreadable() from None
    name, colon, password = text.partition(":")
    if not colon:
        raise _unreadable()
    return name, password


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _unreadable() from None


def _unreadable() -> Unauthenticated:
    return Unauthenticated(
        "The header Authorization can't be used.",
        hint="Send 'Basic' with base64 of name:password in UTF-8, or 'Bearer' with a token.",
    )
