"""Users, tokens, grants and the audit log over the native API."""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final, TypeVar, cast
from urllib.parse import quote

from muniment.client.backend import AdministrationBackend
from muniment.client.http.connection import Connection
from muniment.client.http.wire import Pairs, page_of, params
from muniment.domain.access import Asked, Decision, Grant, Role, Verb
from muniment.domain.accounts import HeldGrant, Token, User
from muniment.domain.activities import Activity
from muniment.domain.entities import Page
from muniment.domain.names import check_user_name
from muniment.domain.values import Json, JsonObject

T = TypeVar("T")

_EVERYWHERE: Final = "*"


class HttpAdministration(AdministrationBackend):
    """`AdministrationBackend` at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- users -----------------------------------------------------------------------------------

    def users(self, *, page_size: int | None = None, page_token: str | None = None) -> Page[User]:
        return self._page("/users", User.from_json, page_size, page_token)

    def user(self, name: str) -> User:
        return User.from_json(self._connection.get(_user_path(name)))

    def create_user(
        self,
        name: str,
        *,
        service: bool = False,
        display_name: str = "",
        role: Role | None = None,
        workspace: str = _EVERYWHERE,
    ) -> tuple[User, str | None]:
        body: JsonObject = {
            "name": check_user_name(name),
            "service": service,
            "display_name": display_name,
            "role": None if role is None else role.value,
            "workspace": workspace,
        }
        answer = self._connection.call("POST", "/users", body)
        return User.from_json(answer["user"]), cast(str | None, answer["one_time_password"])

    def set_active(self, name: str, active: bool) -> User:
        action = "activate" if active else "deactivate"
        return User.from_json(self._connection.call("POST", f"{_user_path(name)}/{action}"))

    def reset_password(self, name: str) -> str:
        answer = self._connection.call("POST", f"{_user_path(name)}/reset-password")
        return cast(str, answer["one_time_password"])

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
        body: JsonObject = {
            "user": user,
            "description": description,
            "expires_in": None if lifetime is None else int(lifetime.total_seconds()),
            "automation": automation,
            "scopes": None if scopes is None else [scope.to_json() for scope in scopes],
        }
        answer = self._connection.call("POST", "/tokens", body)
        return Token.from_json(answer["token"]), cast(str, answer["secret"])

    def tokens(self, user: str | None = None) -> Sequence[Token]:
        return self._all("/tokens", Token.from_json, params(user=user or None))

    def revoke_token(self, token_id: str) -> None:
        self._connection.call("DELETE", f"/tokens/{quote(token_id, safe='')}")

    # -- grants ----------------------------------------------------------------------------------

    def grants(self) -> Sequence[HeldGrant]:
        return self._all("/grants", HeldGrant.from_json)

    def add_grant(self, workspace: str, subject: str, grant: Grant) -> HeldGrant:
        body: JsonObject = {"workspace": workspace, "subject": subject, **grant.to_json()}
        return HeldGrant.from_json(self._connection.call("POST", "/grants", body))

    def drop_grant(self, grant_id: int) -> None:
        self._connection.call("DELETE", f"/grants/{grant_id:d}")

    def explain(self, user: str, verb: Verb, asked: Asked) -> Decision:
        told = params(user=user, verb=verb, model=asked.model, alias=asked.alias, stage=asked.stage)
        return Decision.from_json(self._connection.get("/can", told))

    # -- the audit log ---------------------------------------------------------------------------

    def audit(
        self,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
        newest_first: bool = True,
    ) -> Page[Activity]:
        order = params(order="newest" if newest_first else "oldest")
        return self._page("/audit", Activity.from_json, page_size, page_token, order)

    def export_audit(self) -> Iterator[Activity]:
        for line in self._connection.lines("/audit/export"):
            yield Activity.from_json(json.loads(line))

    def verify_audit(self) -> int:
        return cast(int, self._connection.call("POST", "/audit/verify", safe=True)["entries"])

    def prune_audit(self, older_than: timedelta) -> int:
        body: JsonObject = {"older_than": int(older_than.total_seconds())}
        return cast(int, self._connection.call("POST", "/audit/prune", body)["pruned"])

    # --------------------------------------------------------------------------------------------

    def _page(
        self,
        path: str,
        read: Callable[[Json], T],
        page_size: int | None,
        page_token: str | None,
        asked: Pairs | None = None,
    ) -> Page[T]:
        paging = params(page_size=page_size, page_token=page_token)
        return page_of(self._connection.get(path, [*(asked or ()), *paging]), read)

    def _all(self, path: str, read: Callable[[Json], T], asked: Pairs | None = None) -> list[T]:
        found: list[T] = []
        token: str | None = None
        while True:
            page = self._page(path, read, None, token, asked)
            found += page.items
            token = page.next_token
            if token is None:
                return found


def _user_path(name: str) -> str:
    return f"/users/{quote(check_user_name(name), safe='')}"
