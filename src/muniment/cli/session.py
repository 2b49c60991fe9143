"""One run of a command: the registry it talks to, how it finds things there, where it speaks."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Final, Protocol, TypeVar

import typer

from muniment.cli import words
from muniment.cli.output import Output
from muniment.domain.entities import DEFAULT_WORKSPACE, Page
from muniment.domain.names import MAX_PAGE_SIZE
from muniment.domain.refs import parse_ref
from muniment.domain.values import time_from_json, utcnow
from muniment.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from muniment.client.backend import AdministrationBackend
    from muniment.client.entities import Model, Version
    from muniment.client.registry import Registry

T = TypeVar("T")
SHOWN_TO_PEOPLE: Final = 100
EVERYWHERE: Final = "*"
"""The workspace that means all of them; of users, everybody."""


AsOf = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="What an alias or a stage meant then: 2026-11-01T12:00:00Z, or an age such as 7d.",
    ),
]

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="The database: postgresql://…, mongodb://…, sqlite:///…; without its password, which "
        "anybody could see here. (else MUNIMENT_DATABASE, else SQLite in the home)",
    ),
]
BlobsOption = Annotated[
    str | None,
    typer.Option(
        "--blobs",
        metavar="URL",
        help="The models' files: s3://…, gs://…, az://… or a folder. "
        "(else MUNIMENT_BLOBS, else a folder in the home)",
    ),
]


class Fetch(Protocol[T]):
    """What a list comes from a page at a time, such as `Listing.page`."""

    def __call__(self, token: str | None = None, *, size: int) -> Page[T]:
        """Return the page that the token leads to; None: the first."""


class Session:
    """Connects when the registry is first asked for something; lets go at the end."""

    def __init__(self, address: str | None, workspace: str | None, out: Output) -> None:
        self.out = out
        self.address = address
        self.workspace = workspace
        self._registry: Registry | None = None

    @property
    def registry(self) -> Registry:
        """The registry, connected."""
        if self._registry is None:
            from muniment.connecting import connect

            self._registry = connect(
                self.address,
                workspace=self.place,
                progress=None if self.out.human else False,
            )
        return self._registry

    @property
    def place(self) -> str:
        """The name of the workspace."""
        return self.workspace or os.environ.get("MUNIMENT_WORKSPACE") or DEFAULT_WORKSPACE

    @property
    def administration(self) -> AdministrationBackend:
        """Users, tokens, grants and the audit log of the registry."""
        return self.registry.backend.administration

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._registry is not None:
            self._registry.close()

    def find(self, what: str) -> Model | Version:
        """Return what is meant: a bare name is the model, everything else one version.

        A model name may hold `@`: such a model is found if the text names no alias.
        """
        ref = parse_ref(what)
        if str(ref) == ref.model:
            return self.registry.model(what)
        try:
            return self.registry.version(ref)
        except NotFound:
            if ref.alias is None:
                raise
            for model in self.registry.models(f"name = {quoted(what)}"):
                return model
            raise

    def listed(self, fetch: Fetch[T], limit: int | None) -> Page[T]:
        """Return the first `limit` entries; without a limit, people get a screenful, programs all.

        `next_token` is None unless there is more.
        """
        if limit is None and self.out.human:
            limit = SHOWN_TO_PEOPLE
        items: list[T] = []
        token: str | None = None
        while True:
            left = MAX_PAGE_SIZE if limit is None else limit - len(items)
            page = fetch(token, size=min(left, MAX_PAGE_SIZE))
            items += page.items
            token = page.next_token
            if token is None or len(items) == limit:
                return Page(tuple(items), token)

    def tell_of_more(self, page: Page[T]) -> None:
        """Say so if a list was cut."""
        if page.next_token is not None:
            self.out.note(f"There are more than these {len(page.items)}; see --limit.")


def time_of(text: str | None) -> datetime | None:
    """Read a time, or how long it is ago (`90m`, `7d`). Raises InvalidInput."""
    if text is None:
        return None
    if text[-1:].isalpha() and text[:1].isdigit() and not text.endswith(("Z", "z")):
        return utcnow() - timedelta(seconds=words.duration(text))
    return time_from_json(text)


def quoted(text: str) -> str:
    """Return text as a string of the search grammar."""
    return "'" + text.replace("'", "''") + "'"


def first_line(file: str) -> str:
    """Return the first line of a file, or the next one of standard input if it is `-`."""
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    with Path(file).open(encoding="utf-8") as stream:
        return stream.readline().rstrip("\r\n")


def ask(question: str) -> None:
    """Ask on a terminal; elsewhere demand `--yes`."""
    if not sys.stdin.isatty():
        raise InvalidInput("Nobody is there to confirm this.", hint="Add --yes to do it.")
    typer.confirm(question, abort=True, err=True)
