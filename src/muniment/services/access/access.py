"""Access: who is asking, how they prove it, and what they may do.

    name + password ──┐                     ┌── grants of user:NAME
    token mun_…     ──┼──> User (+ Token) ──┤                         ──> Principal of a workspace
    session cookie  ──┤                     └── grants of group:…
    OIDC identity   ──┘
                                            a token's scopes narrow all of it

A registry without users has no sign-in: everybody who reaches it is its owner.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from muniment.domain import names
from muniment.domain.access import GLOBAL, OWNER, Grant, Principal
from muniment.domain.accounts import BrowserSession, Token, User, UserKind, WhoAmI
from muniment.domain.activities import ActivityKind
from muniment.domain.caller import Caller
from muniment.errors import InvalidInput, PermissionDenied, RateLimited, Unauthenticated
from muniment.services.access.audit import audited
from muniment.services.access.passwords import (
    check_password_rules,
    hash_password,
    new_secret,
    password_fits,
    remembered,
    secret_fits,
    secret_hash,
)
from muniment.services.base import Ports
from muniment.storage.accounts import AccountStore

EVERYWHERE: Final = "*"
TOKEN_PREFIX: Final = "mun_"  # noqa: S105 - how a token begins, not one
SESSION_LIFETIME: Final = timedelta(hours=12)
_NOTED_USE: Final = timedelta(minutes=1)
_THROTTLE_WINDOW: Final = timedelta(minutes=15)
_UNAWARE_SECONDS: Final = 1.0  # of the first user, added by another process; else asked each time
_FAILURES_OF_PAIR: Final = 5
_FAILURES_OF_ADDRESS: Final = 50


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom an OIDC issuer vouches for, its signature checked."""

    issuer: str
    subject: str
    name: str
    display_name: str = ""
    groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """How a user who comes this way is kept: `issuer|subject`."""
        return f"{self.issuer}|{self.subject}"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking; `must_change` allows nothing but choosing a password."""

    name: str
    subjects: tuple[str, ...]
    token: Token | None = None
    automation: bool = False
    must_change: bool = False
    by: str = "password"


class Access:
    """Signing in, and the principal that comes of it."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    @property
    def enabled(self) -> bool:
        """Whether this registry has users, and so a sign-in."""
        accounts = self._ports.accounts
        return accounts is not None and accounts.any_user(within=_UNAWARE_SECONDS)

    # -- proofs ----------------------------------------------------------------------------------

    def by_password(self, name: str, password: str, *, address: str) -> SignedIn:
        """Sign in with name and password, or with a token in the password's place.

        Raises:
            Unauthenticated: they do not fit; it does not say which of them.
            RateLimited: too many failures for this name from this address, or from the address.
        """
        if password.startswith(TOKEN_PREFIX):
            return self.by_token(password, address=address)
        return self._by_own_password(name, password, address)

    def by_known_password(self, name: str, password: str, *, address: str) -> SignedIn | None:
        """Sign in as `by_password` does if that takes point reads alone.

        None if it takes more: a look at the hash, or at whatever is wrong.

        Raises:
            RateLimited: as `by_password`, so that who guesses learns nothing here.
        """
        if password.startswith(TOKEN_PREFIX):
            return self.by_known_token(password)
        self._throttle(name, address, self._ports.clock())
        user = self._accounts.user(name)
        if user is None or not _may_use_password(user) or not remembered(user.password, password):
            return None
        return _signed_in(user)

    def by_token(self, text: str, *, address: str) -> SignedIn:
        """Sign in with a token.

        Raises:
            Unauthenticated: it is no token of this registry, or expired, revoked, or its user was
                deactivated.
        """
        now = self._ports.clock()
        token_id, token = self._token(text)
        if token is None:
            self._note_failures(self._throttle(token_id, address, now), token_id, address, now)
            raise _unknown()
        if token.revoked_at is not None:
            raise Unauthenticated(f"The token {token.id} was revoked.", hint="Ask for a new one.")
        if token.expires_at is not None and token.expires_at <= now:
            raise Unauthenticated(
                f"The token {token.id} has expired.", hint="`muniment token create` makes another."
            )
        user = self._accounts.user(token.user)
        if user is None or not user.active:
            raise _unknown()
        if not _is_noted(token, now):
            self._accounts.use_token(token.id, now)
        return _with_token(user, token)

    def by_known_token(self, text: str) -> SignedIn | None:
        """Sign in as `by_token` does if that takes point reads alone; None if it takes more."""
        now, (_, token) = self._ports.clock(), self._token(text)
        if token is None or token.revoked_at is not None or not _is_noted(token, now):
            return None
        if token.expires_at is not None and token.expires_at <= now:
            return None
        user = self._accounts.user(token.user)
        return _with_token(user, token) if user is not None and user.active else None

    def by_proxy(self, name: str) -> SignedIn:
        """Sign in whom a trusted proxy has named: somebody known here who is no service account.

        Raises:
            Unauthenticated: there is nobody of that name, or they were deactivated.
        """
        user = self._accounts.user(name)
        if user is None or not user.active or user.kind is not UserKind.PERSON:
            raise Unauthenticated(
                f"The proxy names {name!r:.100}, who is unknown here.",
                hint="`muniment user create` makes users.",
            )
        return replace(_signed_in(user), must_change=False, by="proxy")

    def by_session(self, cookie: str) -> SignedIn | None:
        """Return who a browser's cookie stands for; None if it is over."""
        session = self._accounts.session(secret_hash(cookie))
        if session is None or session.expires_at <= self._ports.clock():
            return None
        user = self._accounts.user(session.user)
        if user is None or not user.active:
            return None
        return replace(_signed_in(user), by="session")

    def by_identity(self, identity: Identity) -> SignedIn:
        """Sign a machine in that an OIDC issuer vouches for; nothing is kept of it."""
        known = self._accounts.user_by_subject(identity.key)
        if known is not None:
            if not known.active:
                raise _unknown()
            return replace(_signed_in(replace(known, groups=identity.groups)), by="oidc")
        # Named as grants name it: what the issuer calls a machine may be a user's name here.
        subject = f"oidc:{identity.key}"
        return SignedIn(
            name=subject,
            subjects=(subject, *_groups(identity.groups)),
            automation=True,
            by="oidc",
        )

    # -- browsers --------------------------------------------------------------------------------

    def open_session(self, signed_in: SignedIn, *, address: str) -> str:
        """Return the cookie of a new session for a user.

        Raises:
            Unauthenticated: a token was shown: its limits and its end would be no session's.
        """
        if signed_in.token is not None:
            raise Unauthenticated(
                "A token opens no session.", hint="Send it with each request instead."
            )
        now, cookie = self._ports.clock(), new_secret()
        self._accounts.drop_expired_sessions(now)
        self._accounts.add_session(
            BrowserSession(secret_hash(cookie), signed_in.name, now, now + SESSION_LIFETIME)
        )
        self._audit(ActivityKind.SIGNED_IN, signed_in.name, address, signed_in.by)
        return cookie

    def close_session(self, cookie: str) -> None:
        """End a session; a missing one is fine."""
        session = self._accounts.session(secret_hash(cookie))
        if session is not None:
            self._accounts.drop_session(session.secret)
            self._audit(ActivityKind.SIGNED_OUT, session.user, "", "session")

    def known_person(self, identity: Identity) -> SignedIn:
        """Return the user for a person who came through OIDC, made at the first sign-in.

        Raises:
            Unauthenticated: the user was deactivated; or nobody is there yet who could let them do
                anything.
        """
        user = self._accounts.user_by_subject(identity.key)
        if user is None and not self.enabled:
            raise Unauthenticated(
                "This registry has no users yet.", hint="`muniment init` makes the first one."
            )
        if user is None:
            user = self._accounts.add_user(
                User(
                    id=0,
                    name=self._free_name(identity.name),
                    kind=UserKind.PERSON,
                    created_at=self._ports.clock(),
                    display_name=identity.display_name,
                    subject=identity.key,
                    groups=identity.groups,
                )
            )
        if not user.active:
            raise _unknown()
        if user.groups != identity.groups:
            user = self._accounts.save_user(
                replace(user, groups=identity.groups), expect=user.revision
            )
        return replace(_signed_in(user), by="oidc")

    def change_password(self, name: str, old: str, new: str, *, address: str) -> None:
        """Choose one's own password, knowing the present one. Ends all other sessions.

        Raises:
            Unauthenticated, RateLimited: as `by_password`.
            InvalidInput: the new password breaks the rules.
        """
        self._by_own_password(name, old, address)
        check_password_rules(new, name)
        if new == old:
            raise InvalidInput("That is the present password.", details={"field": "password"})
        user = self._accounts.user(name)
        if user is None or user.password is None:
            raise _unknown()
        self._accounts.save_user(
            replace(user, password=hash_password(new), must_change=False), expect=user.revision
        )
        self._accounts.drop_sessions_of(name)
        self._audit(ActivityKind.PASSWORD_CHANGED, name, address, "password")

    # -- what they may ---------------------------------------------------------------------------

    def caller(
        self,
        signed_in: SignedIn | None,
        workspace: str,
        request_id: str | None = None,
        consumer: str | None = None,
    ) -> Caller:
        """Return the caller for a request: with its principal, or as owner if nobody signs in."""
        if signed_in is None:
            return Caller(
                workspace=workspace, principal=OWNER, request_id=request_id, consumer=consumer
            )
        if signed_in.must_change:
            raise PermissionDenied(
                "This password was made to be used once.",
                hint="Choose your own first: `muniment passwd`, or on the sign-in page.",
                details={"must_change": True},
            )
        return Caller(
            actor=signed_in.name,
            workspace=workspace,
            principal=self.principal(signed_in, workspace),
            request_id=request_id,
            consumer=consumer,
        )

    def who(self, signed_in: SignedIn, workspace: str) -> WhoAmI:
        """Return what somebody may know of themselves, and what they hold in a workspace."""
        user = self._accounts.user(signed_in.name)
        principal = self.principal(signed_in, workspace)
        return WhoAmI(
            name=signed_in.name,
            workspace=workspace,
            grants=principal.grants,
            scopes=principal.scopes,
            kind=None if user is None else user.kind,
            by=signed_in.by,
            automation=signed_in.automation,
            must_change=signed_in.must_change,
        )

    def principal(self, signed_in: SignedIn, workspace: str) -> Principal:
        """Return what somebody may do in a workspace."""
        held = self._accounts.grants_of(signed_in.subjects, workspace)
        grants = (h.grant if h.workspace == EVERYWHERE else _local(h.grant) for h in held)
        return Principal(
            name=signed_in.name,
            grants=tuple(grant for grant in grants if grant.verbs),
            scopes=None if signed_in.token is None else signed_in.token.scopes,
            automation=signed_in.automation,
        )

    # --------------------------------------------------------------------------------------------

    @property
    def _accounts(self) -> AccountStore:
        if self._ports.accounts is None:
            raise Unauthenticated("This registry has no users.")
        return self._ports.accounts

    def _by_own_password(self, name: str, password: str, address: str) -> SignedIn:
        now = self._ports.clock()
        keys = self._throttle(name, address, now)
        user = self._accounts.user(name)
        known = user is not None and _may_use_password(user)
        fits = password_fits(user.password if user and known else None, password)
        if user is None or not known or not fits:
            self._note_failures(keys, name, address, now)
            raise _unknown()
        if self._accounts.failures(keys[0], now - _THROTTLE_WINDOW):
            self._accounts.forgive(keys[0])
        return _signed_in(user)

    def _token(self, text: str) -> tuple[str, Token | None]:
        """Return the id that a token's text names, and the token if its secret is right."""
        token_id, _, secret = text.removeprefix(TOKEN_PREFIX).partition("_")
        token = self._accounts.token(token_id) if text.startswith(TOKEN_PREFIX) else None
        fits = secret_fits(token.secret if token else secret_hash(""), secret)
        return token_id, token if fits else None

    def _free_name(self, wanted: str) -> str:
        base = wanted if names.USER.fullmatch(wanted) else "user"
        name, n = base, 1
        while self._accounts.user(name) is not None:
            n += 1
            name = f"{base}-{n}"
        return name

    def _throttle(self, name: str, address: str, now: datetime) -> tuple[str, str]:
        keys = (f"{name[:200]}\0{address}", f"\0{address}")
        since = now - _THROTTLE_WINDOW
        for key, most in zip(keys, (_FAILURES_OF_PAIR, _FAILURES_OF_ADDRESS), strict=True):
            if self._accounts.failures(key, since) >= most:
                raise RateLimited(
                    "Too many sign-ins have failed.",
                    hint="Wait a quarter of an hour.",
                    details={"retry_after": int(_THROTTLE_WINDOW.total_seconds())},
                )
        return keys

    def _note_failures(self, keys: tuple[str, str], name: str, address: str, now: datetime) -> None:
        for key in keys:
            self._accounts.note_failure(key, now)
        self._audit(ActivityKind.SIGN_IN_FAILED, name[:200], address, "")

    def _audit(self, kind: ActivityKind, actor: str, address: str, by: str) -> None:
        if self._ports.auditor is not None:
            details = {key: text for key, text in (("address", address), ("by", by)) if text}
            caller = Caller(actor=actor, workspace=EVERYWHERE)
            entry = audited(kind, caller, self._ports.clock(), details=dict(details))
            self._ports.auditor.record(entry)


def _signed_in(user: User) -> SignedIn:
    return SignedIn(
        name=user.name,
        subjects=(f"user:{user.name}", *_groups(user.groups)),
        automation=user.kind is UserKind.SERVICE,
        must_change=user.must_change,
    )


def _with_token(user: User, token: Token) -> SignedIn:
    return replace(
        _signed_in(user),
        token=token,
        automation=token.automation or user.kind is UserKind.SERVICE,
        must_change=False,
        by="token",
    )


def _may_use_password(user: User) -> bool:
    return user.active and user.kind is UserKind.PERSON


def _is_noted(token: Token, now: datetime) -> bool:
    """Say whether the last use that is written down is a use of this minute."""
    return token.last_used_at is not None and now - token.last_used_at < _NOTED_USE


def _groups(groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"group:{group}" for group in groups)


def _local(grant: Grant) -> Grant:
    """Return what a grant for one workspace gives: nothing about the whole registry."""
    return replace(grant, verbs=grant.verbs - GLOBAL)


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "Name and password, or token, are not right.",
        hint="Check them; an admin can reset a password or make a token.",
    )
