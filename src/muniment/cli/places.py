"""Places on the command line: a folder, or the two URLs of a registry; opened, watched, told."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from muniment.cli import words
from muniment.cli.draw import Block, Column, Paragraph, Table
from muniment.cli.session import Session
from muniment.connecting import is_server
from muniment.domain.patterns import check_pattern
from muniment.errors import InvalidInput, NotFound
from muniment.storage.places import Place, is_place, object_options

if TYPE_CHECKING:
    from muniment.services.moving import Moved
    from muniment.storage.factory import Stores

_SECONDS: Final = 0.1

From: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PLACE",
        help="A folder, 'DATABASE_URL BLOBS_URL', or @FILE with these. (else as for `serve`)",
    ),
]
To: TypeAlias = Annotated[
    str | None, typer.Option("--to", metavar="PLACE", help="Where it goes; written as --from is.")
]
Models: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="PATTERN", help="Only models so called, e.g. 'fraud*'; repeatable."
    ),
]

WithAccounts: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--with-accounts",
        help="Users, tokens, grants, webhooks and the audit log too: with the hashes of secrets.",
    ),
]


def patterns_of(models: list[str] | None) -> list[str]:
    """Return the patterns of names that were given. Raises InvalidInput."""
    return [check_pattern(one, "--model") for one in models or ()]


def place_of(text: str | None, session: Session) -> Place:
    """Return the place that somebody names; by default the session's, else the server's settings.

    Raises:
        InvalidInput: it is none, or a server's address: stores are read where they are.
    """
    if text is None:
        named = session.address or os.environ.get("MUNIMENT_REGISTRY")
        if named is None or is_server(named):
            from muniment.server.settings import load_settings

            return load_settings().place
        text = named
    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    parts = text.split()
    if len(parts) == 1 and is_place(text):
        parts += [blobs for blobs in [os.environ.get("MUNIMENT_BLOBS")] if blobs]
    if len(parts) == 2 and is_place(parts[0]):
        return Place.of(parts[0], parts[1], object_options(os.environ))
    if is_server(text) or is_place(text):
        raise InvalidInput(
            "That is not where a registry keeps its things, but an address.",
            hint="Name a folder, or 'DATABASE_URL BLOBS_URL'; run it where both can be reached.",
        )
    return Place.of_folder(Path(text).expanduser())


@contextmanager
def opened(place: Place, *, present: bool = False) -> Iterator[Stores]:
    """Open the stores of a place; with `present`, only if there is a registry.

    Raises:
        NotFound: there is none.
    """
    from muniment.storage.factory import open_stores

    if present and place.sqlite_file is not None and not place.sqlite_file.exists():
        raise _no_registry(place)
    stores = open_stores(place)
    try:
        if present and not stores.metadata.workspaces():
            raise _no_registry(place)
        yield stores
    finally:
        stores.metadata.close()
        stores.blobs.close()


def _no_registry(place: Place) -> NotFound:
    return NotFound(
        f"There is no registry in {place.shown!r:.300}.", hint="Name where it is with --from."
    )


@contextmanager
def shown(session: Session) -> Iterator[Callable[[Moved], None] | None]:
    """Yield what to tell of a move that is on its way: one line, on a terminal only."""
    if not (session.out.human and sys.stderr.isatty()):
        yield None
        return
    last = 0.0

    def tell(moved: Moved) -> None:
        nonlocal last
        if time.monotonic() - last < _SECONDS:
            return
        last = time.monotonic()
        what = f"{summary(moved)}: {words.printable(moved.now, lines=False)}"
        sys.stderr.write(f"\r\x1b[2K{what[:100]}")
        sys.stderr.flush()

    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def summary(moved: Moved) -> str:
    """Return in a few words what was moved."""
    models, blobs = words.count(moved.models, "model"), words.count(moved.blobs, "blob")
    return f"{models}, {blobs} ({words.size(moved.bytes)})"


def report(title: str, moved: Moved) -> list[Block]:
    """Return the page about what was moved."""
    columns = [Column("", style="bold"), Column("COUNT", right=True), Column("BYTES", right=True)]
    rows = [
        ["models", f"{moved.models:,}", ""],
        ["  the same there already", f"{moved.same:,}", ""],
        ["versions", f"{moved.versions:,}", ""],
        ["blobs copied", f"{moved.blobs:,}", words.size(moved.bytes)],
        ["accounts", "yes" if moved.accounts else "no", ""],
    ]
    return [Paragraph(title), Table(columns, rows)]
