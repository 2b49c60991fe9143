"""Where a registry may come from, and where it may go: a source and a target of sheets and blobs.

    source                                     target
    a registry        (reading.py)      ──┐ ┌──> a registry     (restoring.py)
    a folder          (folders.py)      ──┼─┼──> a folder       (folders.py)
    a tar archive     (tars.py)         ──┘ └──> a tar archive  (tars.py)

`moving.move` joins any two.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Protocol

from muniment.domain.values import JsonObject, as_object
from muniment.errors import Corrupt, InvalidInput
from muniment.services.moving.sheets import Sheet

FORMAT: Final = "muniment.archive"
FORMAT_VERSION: Final = 1

HEADER: Final = "muniment.json"
WORKSPACES: Final = "workspaces"
MODELS: Final = "models/"
ACCOUNTS: Final = "accounts"
CONTENTS: Final = "contents"
"""The last sheet of an archive, which lists the others: without it the archive was cut off."""


class Source(Protocol):
    """Where sheets and blobs come from."""

    @property
    @abstractmethod
    def registry(self) -> str:
        """The id of the registry: the same wherever it moves."""

    @abstractmethod
    def sheets(self) -> Iterator[Sheet]:
        """Yield workspaces, models in the order in which they were made, and accounts if asked for.

        Whoever takes a sheet closes it.
        """

    @abstractmethod
    def again(self, sheet: Sheet) -> Sheet | None:
        """Return a sheet as it is by now; None if it says the same as before."""

    @abstractmethod
    def hold(self, digests: Collection[str]) -> None:
        """See to it that these blobs are not collected for a while.

        Raises:
            Corrupt: one of them is not here.
        """

    @abstractmethod
    def size(self, digest: str) -> int:
        """Return the size of a blob in bytes. Raises Corrupt if it is not here."""

    @abstractmethod
    def read(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of a blob, which nobody has checked yet."""


class Target(Protocol):
    """Where sheets and blobs go. Whatever is there already stays as it is."""

    @property
    @abstractmethod
    def lanes(self) -> int:
        """How many blobs may be put at once."""

    @abstractmethod
    def begin(self, registry: str) -> None:
        """Make ready for the sheets of a registry. Raises Conflict if they can't go here."""

    @abstractmethod
    def lacks(self, digests: Collection[str]) -> frozenset[str]:
        """Return those of the blobs that must be put; the others are kept from now on."""

    @abstractmethod
    def put_blob(self, digest: str, size: int, pieces: Iterable[bytes]) -> None:
        """Put a blob. Raises Corrupt if the bytes are not those of the digest."""

    @abstractmethod
    def put(self, sheet: Sheet) -> str:
        """Put a sheet, whose blobs are here; return what was done: "new", "same", "changed"."""

    @abstractmethod
    def finish(self) -> None:
        """Say that everything is here."""


def header(registry: str) -> JsonObject:
    """Return what an archive begins with."""
    return {"format": FORMAT, "version": FORMAT_VERSION, "registry": registry}


def registry_of(document: JsonObject, where: str) -> str:
    """Return the id of the registry whose archive begins so.

    Raises:
        InvalidInput: it is no archive, or one of a newer Muniment.
    """
    if document.get("format") != FORMAT:
        raise InvalidInput(
            f"{where!r:.300} is not an archive of Muniment.",
            hint="`muniment export` and `muniment backup` make archives.",
        )
    version = document.get("version")
    if version != FORMAT_VERSION:
        raise InvalidInput(
            f"{where!r:.300} has the format version {version!r:.40}; "
            f"this Muniment reads {FORMAT_VERSION}.",
            hint="Read it with the Muniment that wrote it, or a newer one.",
        )
    return str(document["registry"])


def check_listed(sheet: Sheet, contents: dict[str, str]) -> Sheet:
    """Return the sheet if it is the one that the archive lists. Raises Corrupt."""
    if contents.get(sheet.name) != sheet.sha256:
        sheet.close()
        raise Corrupt(
            f"{sheet.name!r:.200} is not the one that the archive was made with.",
            hint="Take another copy of the archive, or make it anew.",
            details={"sheet": sheet.name},
        )
    return sheet


def contents_line(sheet: Sheet) -> JsonObject:
    """Return the line by which an archive lists a sheet."""
    return {"sheet": {"name": sheet.name, "sha256": sheet.sha256}}


def contents_of(contents: Sheet) -> dict[str, str]:
    """Return the digest of each sheet that an archive lists, by name, in their order."""
    lines = (as_object(line["sheet"], "a sheet") for line in contents)
    return {str(line["name"]): str(line["sha256"]) for line in lines}


def not_here(digest: str, where: str) -> Corrupt:
    """Return the error for a blob that must be there, and is not."""
    return Corrupt(
        f"The blob {digest} is not in {where}.",
        hint="Take another copy; in a registry, `muniment verify` tells which version needs it.",
        details={"digest": digest},
    )
