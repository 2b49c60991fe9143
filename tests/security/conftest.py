"""A registry with somebody of every role, and models that some of them must not know of.

outsider     signed in, holds nothing
viewer … admin   that role in the workspace `default`
root         admin of all workspaces
narrow       admin of the models `fraud-*`
scoped       a token of root that is narrowed to a viewer
"""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import httpx
import pytest

from muniment.domain.access import Grant, Narrowing, Role
from muniment.domain.caller import Caller
from muniment.domain.changes import NewVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.server.app import create_app, open_ports
from muniment.server.settings import Settings
from muniment.services import Access, Ports, Services
from tests.client import servers
from tests.server.conftest import serving

ROLES = ("viewer", "contributor", "approver", "admin", "root")
PASSWORD = "correct horse battery staple"
NARROWED = Grant.of_role(Role.ADMIN, Narrowing(models="fraud-*"))
VIEWER = Grant.of_role(Role.VIEWER)


@dataclass
class World:
    """A home with users; `owner` acts on it in this process, whatever its users may."""

    ports: Ports
    tokens: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @cached_property
    def owner(self) -> Services:
        return Services(self.ports, Caller("setup"))

    def headers(self, who: str | None) -> dict[str, str]:
        return {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}

    def name(self, prefix: str = "credit") -> str:
        """Return a name that nothing has yet."""
        return f"{prefix}-{next(self._numbers)}"

    def content(self) -> bytes:
        """Return bytes that nobody has stored yet."""
        return f"the content {next(self._numbers)}".encode()

    def store(self, content: bytes) -> str:
        with self.owner.artifacts.receive() as intake:
            intake.write(content)
            return intake.finish().digest

    def version(self, model: str, content: bytes | None = None, **more: Any) -> int:
        """Add a READY version of one file, `model.bin`; return its number."""
        content = self.content() if content is None else content
        entry = FileEntry("model.bin", self.store(content), len(content), **more)
        new = NewVersion(files=Manifest.of([entry]))
        return self.owner.catalog.create_version(model, new, create_model=True).version

    def pending(self, model: str) -> int:
        new = NewVersion(pending=True)
        return self.owner.catalog.create_version(model, new, create_model=True).version

    def person(self, *grants: Grant, workspace: str = "default") -> str:
        """Return the name of a new person whose password is PASSWORD."""
        name = self.name("person")
        _, once = self.owner.administration.create_user(name)
        assert once is not None
        Access(self.ports).change_password(name, once, PASSWORD, address="")
        for grant in grants:
            self.owner.administration.add_grant(workspace, f"user:{name}", grant)
        return name

    def machine(self, *grants: Grant, workspace: str = "default", **narrowed: Any) -> str:
        """Return the token of a new service account."""
        name = self.name("machine")
        self.owner.administration.create_user(name, service=True)
        for grant in grants:
            self.owner.administration.add_grant(workspace, f"user:{name}", grant)
        return self.owner.administration.create_token(user=name, **narrowed)[1]

    def forgive(self) -> None:
        """Forget that sign-ins from this address have failed, so that more can be tried."""
        assert self.ports.accounts is not None
        self.ports.accounts.forgive("\x00127.0.0.1")

    @classmethod
    def made_in(cls, home: Path) -> World:
        """Make a registry with one account of every role."""
        world = cls(replace(open_ports(Settings(home=home)), runs_checks=True))
        world.ports.metadata.ensure_workspace("other", world.ports.clock())
        world.tokens["outsider"] = world.machine()
        for role in Role:
            world.tokens[role.value] = world.machine(Grant.of_role(role))
        everything = Grant.of_role(Role.ADMIN)
        world.tokens["root"] = world.machine(everything, workspace="*")
        world.tokens["narrow"] = world.machine(NARROWED)
        world.tokens["scoped"] = world.machine(everything, workspace="*", scopes=[VIEWER])
        return world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World.made_in(tmp_path_factory.mktemp("home") / "home")
    yield made
    made.ports.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[httpx.Client]:
    """A client of a server in this process, over the home of `world`; nobody is signed in."""
    settings = Settings(mlflow_tracking="off")  # it takes seconds to load, and a folder
    with serving(create_app(settings, world.ports)) as client:
        client.cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # keep none
        yield client


@contextmanager
def started(home: Path) -> Iterator[servers.Server]:
    """Serve a home in a process of its own."""
    running = servers.start(home)
    try:
        yield running
    finally:
        running.end()


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    """Return the header that a browser would send after this answer."""
    pairs = [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")]
    return {"Cookie": "; ".join(pairs)}


def form_of(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return what a page's form hides, and the cookie that belongs to it."""
    found = re.search(r'name="form"[^>]*value="([^"]+)"', page.text)
    assert found is not None
    return found[1], cookie_of(page) if "set-cookie" in page.headers else {}
