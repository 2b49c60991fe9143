"""Administration: users, their tokens and grants; and the audit log, read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from muniment.domain import names
from muniment.domain.access import GLOBAL, Asked, Decision, Grant, Role, Verb
from muniment.domain.accounts import HeldGrant, Token, User, UserKind
from muniment.domain.activities import Activity, ActivityKind, verify_chain
from muniment.domain.entities import Page
from muniment.domain.paging import decode_token
from muniment.domain.values import JsonObject, to_millis
from muniment.errors import (
    Conflict,
    Corrupt,
    InvalidInput,
    NotFound,
    PermissionDenied,
)
from muniment.services.access.access import EVERYWHERE, TOKEN_PREFIX, Access, SignedIn
from muniment.services.access.audit import audited
from muniment.services.access.passwords import (
    check_password_rules,
    hash_password,
    new_one_time_password,
    new_secret,
    secret_hash,
)
from muniment.services.base import Service
from muniment.services.pages import (
    moment_of,
    not_of_this_listing,
    page_of,
    page_size_of,
    place_of,
)
from muniment.storage.accounts import AccountStore

MAX_TOKEN_LIFETIME = timedelta(days=3650)
_PIECE = 1_000


class Administration(Service):
    """Users, tokens, grants and the audit log, for one caller."""

    # -- users -----------------------------------------------------------------------------------

    def users(self, *, page_size: int | None = None, page_token: str | None = None) -> Page[User]:
        """Return users by name."""
        self._require(Verb.USERS)
        size, after = page_size_of(page_size), place_of(page_token, "users", "")
        rows = self._accounts.users(after=after, limit=size + 1)
        return page_of([(user, (user.name,)) for user in rows], size, "users")

    def user(self, name: str) -> User:
        """Return a user; everybody may look at themselves."""
        if name != self._caller.actor:
            self._require(Verb.USERS)
        return self._user(name)

    def create_user(
        self,
        name: str,
        *,
        service: bool = False,
        display_name: str = "",
        role: Role | None = None,
        workspace: str = EVERYWHERE,
        one_time_password: str | None = None,
    ) -> tuple[User, str | None]:
        """Make a user; return it with a one-time password (None for a service account).

        Args:
            one_time_password: that of a person, if it is not to be made here.

        Raises:
            AlreadyExists: the name is taken; names of deactivated users stay theirs.
            InvalidInput: the name or the password breaks the rules.
        """
        self._require(Verb.USERS)
        names.check_user_name(name)
        names.check_text(display_name, "display name", names.MAX_LABEL_CHARS)
        if role is not None:
            self._check_grantable(workspace, Grant.of_role(role))
        if one_time_password is not None:
            check_password_rules(one_time_password, name)
        password = None if service else one_time_password or new_one_time_password()
        user = self._accounts.add_user(
            User(
                id=0,
                name=name,
                kind=UserKind.SERVICE if service else UserKind.PERSON,
                created_at=self._ports.clock(),
                display_name=display_name,
                password=None if password is None else hash_password(password),
                must_change=not service,
            )
        )
        self._audit(ActivityKind.USER_CREATED, {"user": name, "kind": user.kind.value})
        if role is not None:
            self.add_grant(workspace, f"user:{name}", Grant.of_role(role))
        return user, password

    def set_active(self, name: str, active: bool) -> User:
        """Deactivate a user (tokens and sessions stop working at once), or undo that."""
        self._require(Verb.USERS)
        if name == self._caller.actor and not active:
            raise Conflict("You can't deactivate yourself.", hint="Let another admin do it.")
        user = self._change(name, lambda user: replace(user, active=active))
        if not active:
            self._accounts.drop_sessions_of(name)
        self._audit(ActivityKind.USER_CHANGED, {"user": name, "active": active})
        return user

    def reset_password(self, name: str) -> str:
        """Give a person a new one-time password; return it."""
        self._require(Verb.USERS)
        if self._user(name).kind is not UserKind.PERSON:
            raise InvalidInput(f"{name!r} is a service account: it has tokens, no password.")
        password = new_one_time_password()
        kept = hash_password(password)
        self._change(name, lambda user: replace(user, password=kept, must_change=True))
        self._accounts.drop_sessions_of(name)
        self._audit(ActivityKind.PASSWORD_RESET, {"user": name})
        return password

    # -- tokens ----------------------------------------------------------------------------------

    def create_token(
        self,
        *,
        user: str | None = None,
        description: str = "",
        lifetime: timedelta | None = None,
        automation: bool = False,
        scopes: Sequence[Grant] | None = None,
    ) -> tuple[Token, str]:
        """Make a token for oneself, or (as an admin) for another; return it with its text.

        The text is shown this once; only its hash is kept.
        """
        name = self._caller.actor if user is None else user
        if name != self._caller.actor:
            self._require(Verb.USERS)
        elif self._caller.principal.scopes is not None:
            raise PermissionDenied(
                "A narrowed token can't make tokens.", hint="Sign in with your password."
            )
        owner = self._user(name)
        if lifetime is not None and not timedelta() < lifetime <= MAX_TOKEN_LIFETIME:
            raise InvalidInput("A token lives between a moment and ten years.")
        now, secret = self._ports.clock(), new_secret()
        token = Token(
            id=secrets.token_hex(8),
            user=owner.name,
            description=names.check_text(description, "description", names.MAX_LABEL_CHARS),
            secret=secret_hash(secret),
            created_at=now,
            expires_at=None if lifetime is None else now + lifetime,
            automation=automation or owner.kind is UserKind.SERVICE,
            scopes=None if scopes is None else tuple(scopes),
        )
        self._accounts.add_token(token)
        self._audit(ActivityKind.TOKEN_CREATED, {"token": token.id, "user": owner.name})
        return token, f"{TOKEN_PREFIX}{token.id}_{secret}"

    def tokens(self, user: str | None = None) -> Sequence[Token]:
        """Return one's own tokens, or (as an admin) another's; `*` for everybody's."""
        wanted = user or self._caller.actor
        if wanted != self._caller.actor:
            self._require(Verb.USERS)
        return self._accounts.tokens(None if wanted == EVERYWHERE else wanted)

    def tokens_page(
        self, user: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> Page[Token]:
        """Return tokens of a user (an admin: of another), newest first, a page at a time."""
        if user != self._caller.actor:
            self._require(Verb.USERS)
        size, search = page_size_of(page_size), f"tokens of {user}"
        after: tuple[datetime, str] | None = None
        if page_token:
            match decode_token(page_token, search=search):
                case (int(at), str(token_id)):
                    after = moment_of(at, page_token), token_id
                case _:
                    raise not_of_this_listing(page_token)
        rows = self._accounts.tokens(user, after=after, limit=size + 1)
        return page_of([(t, (to_millis(t.created_at), t.id)) for t in rows], size, search)

    def revoke_token(self, token_id: str) -> None:
        """Revoke a token, at once; again is fine. One's own needs more than a narrowed token."""
        token = self._accounts.token(token_id)
        mine = token is not None and token.user == self._caller.actor
        if not mine or self._caller.principal.scopes is not None:
            self._require(Verb.USERS)
        if token is None:
            raise NotFound(f"There is no token {token_id!r:.100}.")
        if self._accounts.revoke_token(token_id, self._ports.clock()):
            self._audit(ActivityKind.TOKEN_REVOKED, {"token": token_id, "user": token.user})

    # -- grants ----------------------------------------------------------------------------------

    def grants(self) -> Sequence[HeldGrant]:
        """Return who holds what in the caller's workspace."""
        self._require(Verb.GRANT)
        return self._accounts.grants(self._caller.workspace)

    def grants_page(
        self,
        *,
        subject: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[HeldGrant]:
        """Return what is held (by a subject) in the caller's workspace, a page at a time."""
        self._require(Verb.GRANT)
        size, search = page_size_of(page_size), f"grants of {subject or ''}"
        rows = self._accounts.grants(
            self._caller.workspace,
            subject=subject,
            after=place_of(page_token, search, 0),
            limit=size + 1,
        )
        return page_of([(held, (held.id,)) for held in rows], size, search)

    def add_grant(self, workspace: str, subject: str, grant: Grant) -> HeldGrant:
        """Let a subject (`user:ada`, `group:x`, `oidc:issuer|subject`) do something.

        In the caller's own workspace with the verb `grants.manage`; anywhere else, or everywhere
        (`*`), with `users.manage`. Nobody gives more than they hold.
        """
        self._check_grantable(workspace, grant)
        names.check_subject(subject)
        if subject.startswith("user:"):
            self._user(subject.removeprefix("user:"))
        held = self._accounts.add_grant(
            workspace, subject, grant, self._ports.clock(), self._caller.actor
        )
        self._audit(ActivityKind.GRANT_ADDED, {"grant": held.id, **held.to_json()})
        return held

    def _check_grantable(self, workspace: str, grant: Grant) -> None:
        if workspace != EVERYWHERE:
            names.check_workspace(workspace)
        self._may_grant(workspace)
        beyond = sorted(
            verb for verb in grant.verbs if not self._caller.principal.may_everywhere(verb)
        )
        if beyond and workspace != EVERYWHERE:
            beyond = [verb for verb in beyond if verb not in GLOBAL]
        if beyond:
            raise PermissionDenied(
                f"You can't give what you don't hold: {', '.join(beyond)}.",
                details={"verbs": [verb.value for verb in beyond]},
            )

    def drop_grant(self, grant_id: int) -> None:
        """Take a grant away."""
        self._require(Verb.GRANT)
        everybodys = self._caller.principal.may(Verb.USERS)
        within = None if everybodys else self._caller.workspace
        found = self._accounts.grants(within, after=grant_id - 1, limit=1)
        if not found or found[0].id != grant_id:
            raise NotFound(f"There is no grant {grant_id}.")
        held = found[0]
        self._may_grant(held.workspace)
        self._accounts.drop_grant(grant_id)
        self._audit(ActivityKind.GRANT_DROPPED, {"grant": grant_id, **held.to_json()})

    def explain(self, user: str, verb: Verb, asked: Asked) -> Decision:
        """Say whether a user may do something in the caller's workspace, and why."""
        if user != self._caller.actor:
            self._require(Verb.GRANT)
        if asked.model is not None and not asked.tags:
            model = self._store.model(self._key(asked.model))
            if model is not None and self._caller.principal.may(Verb.READ, Asked.about(model)):
                asked = replace(asked, tags=model.tags)
        if user == self._caller.actor:
            return self._caller.principal.decide(verb, asked)
        known = self._user(user)
        if not known.active:
            return Decision(False, f"{user} was deactivated")
        subjects = (f"user:{user}", *(f"group:{group}" for group in known.groups))
        principal = Access(self._ports).principal(SignedIn(user, subjects), self._caller.workspace)
        return principal.decide(verb, asked)

    # -- the audit log ---------------------------------------------------------------------------

    def audit(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        """Return the audit log, a page at a time."""
        self._require(Verb.AUDIT)
        self._flush()
        size, search = page_size_of(page_size), f"audit {newest_first}"
        after = place_of(page_token, search, 0)
        rows = self._accounts.audit(after=after, limit=size + 1, newest_first=newest_first)
        return page_of([(entry, (entry.sequence,)) for entry in rows], size, search)

    def export_audit(self) -> Iterator[Activity]:
        """Yield the whole audit log, oldest first."""
        self._require(Verb.AUDIT)
        self._flush()
        return self._all_audit()

    def verify_audit(self) -> int:
        """Check the audit chain from its first kept entry; return how many entries it has.

        Raises:
            Corrupt: naming the first entry that was changed, removed or moved.
        """
        self._require(Verb.AUDIT)
        self._flush()
        head = self._accounts.audit_head()
        verify_chain(
            (a for a in self._all_audit() if a.sequence <= head.count),
            count=head.count,
            head=head.head,
            first=head.first,
            base=head.base,
        )
        return head.count - head.first + 1 if head.count else 0

    def prune_audit(self, older_than: timedelta) -> int:
        """Cut off entries older than a time; return how many. What is left still verifies."""
        self._require(Verb.AUDIT)
        if older_than < timedelta(days=1):
            raise InvalidInput("The audit log is kept for a day at least.")
        self._flush()
        cut = self._accounts.prune_audit(self._ports.clock() - older_than)
        if cut:
            self._audit(ActivityKind.AUDIT_PRUNED, {"entries": cut})
        return cut

    # --------------------------------------------------------------------------------------------

    @property
    def _accounts(self) -> AccountStore:
        if self._ports.accounts is None:
            raise Corrupt("This registry keeps no accounts.")
        return self._ports.accounts

    def _user(self, name: str) -> User:
        user = self._accounts.user(name)
        if user is None:
            raise NotFound(
                f"There is no user {name!r:.100}.", hint="`muniment user ls` lists them."
            )
        return user

    def _change(self, name: str, change: Callable[[User], User]) -> User:
        user = self._user(name)
        return self._accounts.save_user(change(user), expect=user.revision)

    def _may_grant(self, workspace: str) -> None:
        self._require(Verb.GRANT if workspace == self._caller.workspace else Verb.USERS)

    def _flush(self) -> None:
        if self._ports.auditor is not None:
            self._ports.auditor.flush()

    def _all_audit(self) -> Iterator[Activity]:
        after = 0
        while piece := self._accounts.audit(after=after, limit=_PIECE):
            yield from piece
            after = piece[-1].sequence

    def _audit(self, kind: ActivityKind, details: JsonObject) -> None:
        if self._ports.auditor is not None:
            now: datetime = self._ports.clock()
            self._ports.auditor.record(audited(kind, self._caller, now, details=details))
