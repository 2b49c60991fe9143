"""A registry with people in it, served in this process, whose clock the tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from muniment.domain.access import Grant, Role
from muniment.domain.accounts import User, UserKind
from muniment.domain.caller import Caller
from muniment.domain.values import utcnow
from muniment.server.app import create_app, open_ports
from muniment.server.settings import Settings
from muniment.services import Ports, Services
from muniment.services.access.passwords import hash_password
from muniment.storage.accounts import AccountStore
from tests.server.conftest import ORIGIN, serving

PASSWORD = "correct horse battery"
Json = dict[str, Any]


class Clock:
    """What time it is, for everybody in the registry."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utcnow() + self.ahead


@cache
def _kept() -> str:
    return hash_password(PASSWORD)


@dataclass
class House:
    """A served registry: `client` sends nothing but what a test says."""

    client: httpx.Client
    app: FastAPI
    ports: Ports
    clock: Clock

    @property
    def accounts(self) -> AccountStore:
        assert self.ports.accounts is not None
        return self.ports.accounts

    @property
    def owner(self) -> Services:
        return Services(self.ports, Caller())

    def person(
        self, name: str, role: Role | None = None, *, must_change: bool = False
    ) -> tuple[str, str]:
        """Make a person; return name and password, as httpx takes them."""
        user = User(0, name, UserKind.PERSON, self.clock(), password=_kept())
        self.accounts.add_user(replace(user, must_change=must_change))
        if role is not None:
            self.owner.administration.add_grant("*", f"user:{name}", Grant.of_role(role))
        return name, PASSWORD

    def token(self, name: str, **options: Any) -> dict[str, str]:
        """Make a token of a user; return the header that sends it."""
        _, text = self.owner.administration.create_token(user=name, **options)
        return bearer(text)

    def service(self, name: str, role: Role | None = None) -> dict[str, str]:
        """Make a service account; return the header that sends its token."""
        self.owner.administration.create_user(name, service=True, role=role)
        return self.token(name)

    def sign_in(self, name: str) -> dict[str, str]:
        """Open a session; return what a browser sends with it from a page of the server."""
        answer = self.client.post("/api/v1/sessions", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 204
        self.client.cookies.clear()
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0], "Origin": ORIGIN}

    def audited(self) -> list[tuple[str, str]]:
        """Return kind and actor of all that is in the audit log, oldest first."""
        return [(a.kind, a.actor) for a in self.owner.administration.export_audit()]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@contextmanager
def house(home: Path, **settings: Any) -> Iterator[House]:
    """Serve a new registry."""
    told = Settings(home=home, **settings)
    clock = Clock()
    opened = open_ports(told)
    ports = replace(opened, clock=clock)
    try:
        app = create_app(told, ports)
        with serving(app) as client:
            yield House(client, app, ports, clock)
    finally:
        ports.close()
