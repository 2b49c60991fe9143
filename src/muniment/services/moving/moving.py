"""From any source to any target: first the blobs that a sheet needs, then the sheet.

    for each sheet of the source:
        which blobs does it need? ── hold them ── which does the target lack? ── copy those
        put the sheet
    and only then: finished

So whatever names a blob is put where the blob already is. Stopped at any point and begun again, it
goes on: what is there already is neither read nor written twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, zip_longest
from threading import Lock
from typing import Final

from muniment.domain.patterns import matches
from muniment.domain.values import JsonObject
from muniment.errors import Conflict, Corrupt
from muniment.services.moving import documents
from muniment.services.moving.places import ACCOUNTS, MODELS, Source, Target
from muniment.services.moving.reading import blobs_needed
from muniment.services.moving.sheets import Sheet

_BLOBS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a move is, or what it did.

    `models` counts all that were looked at, `same` those among them that were there already;
    `bytes` are those of the `blobs` that were copied.
    """

    models: int = 0
    versions: int = 0
    same: int = 0
    blobs: int = 0
    bytes: int = 0
    accounts: bool = False
    now: str = field(default="", compare=False)

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {
            "models": self.models,
            "same": self.same,
            "versions": self.versions,
            "blobs": self.blobs,
            "bytes": self.bytes,
            "accounts": self.accounts,
        }


Tell = Callable[[Moved], None]


def move(
    source: Source,
    target: Target,
    *,
    models: Collection[str] = (),
    accounts: bool = True,
    tell: Tell | None = None,
) -> Moved:
    """Bring everything from a source to a target; of models those that fit a pattern, if any.

    Args:
        accounts: whether a sheet of accounts is taken along, if the source has one.
        tell: is told how far it is, after each blob and each sheet.

    Raises:
        Corrupt: something is damaged where it comes from; it is named, and not put anywhere.
        Conflict: something else is there already where it is to go.
    """
    mover = _Mover(source, target, tell)
    target.begin(source.registry)
    for sheet in source.sheets():
        with sheet:
            if _wanted(sheet, models, accounts):
                mover.take(sheet)
    target.finish()
    return mover.moved


def compare(source: Source, other: Source) -> Moved:
    """Check that two registries say the same, line by line; return how much that was.

    Raises:
        Conflict: naming the first model in which they differ.
    """
    checked = Moved()
    for mine, theirs in zip_longest(source.sheets(), other.sheets()):
        with mine or nullcontext(), theirs or nullcontext():
            sheet = mine or theirs
            if mine is None or theirs is None or not mine.says_the_same(theirs):
                raise Conflict(
                    f"{_called(sheet)} is not the same in both places: it was changed meanwhile.",
                    hint="Let nobody change the source, and run it again: it brings what is new.",
                    details={"sheet": sheet.name},
                )
            checked = _counted(checked, mine)
    return checked


class _Mover:
    def __init__(self, source: Source, target: Target, tell: Tell | None) -> None:
        self._source, self._target, self._tell = source, target, tell
        self._lock = Lock()
        self.moved = Moved()

    def take(self, sheet: Sheet) -> None:
        """Copy the blobs that a sheet needs, then put it.

        What was purged since the sheet was read may be gone: then it is read again.
        """
        try:
            needed = self._held(sheet)
        except Corrupt:
            now = self._source.again(sheet)
            if now is None:
                raise
            with now:
                self.take(now)
            return
        for piece in _pieces(needed, _BLOBS_AT_ONCE):
            self._source.hold(piece)
            lacking = self._target.lacks(piece)
            self._copy({digest: needed[digest] for digest in piece if digest in lacking})
        done = self._target.put(sheet)
        same = int(done == "same" and sheet.name.startswith(MODELS))
        moved = _counted(self.moved, sheet)
        self.moved = replace(moved, same=moved.same + same, now=_called(sheet))
        self._told()

    def _held(self, sheet: Sheet) -> dict[str, str]:
        """Return what a sheet needs, held all at once: copying may take long."""
        needed = blobs_needed(sheet, self._source)
        for piece in _pieces(needed, _BLOBS_AT_ONCE):
            self._source.hold(piece)
        return needed

    def _copy(self, blobs: dict[str, str]) -> None:
        if self._target.lanes == 1:
            for digest, what in blobs.items():
                self._copy_one(digest, what)
            return
        with ThreadPoolExecutor(self._target.lanes) as lanes:
            for _ in lanes.map(partial(self._copy_item), blobs.items()):
                pass

    def _copy_item(self, item: tuple[str, str]) -> None:
        self._copy_one(*item)

    def _copy_one(self, digest: str, what: str) -> None:
        try:
            size = self._source.size(digest)
            self._target.put_blob(digest, size, _verified(self._source.read(digest), digest))
        except Corrupt as error:
            raise Corrupt(
                f"{what[0].upper()}{what[1:]}: {error.message}",
                hint=error.hint,
                details={**error.details, "digest": digest},
            ) from error
        with self._lock:
            blobs, count = self.moved.blobs + 1, self.moved.bytes + size
            self.moved = replace(self.moved, blobs=blobs, bytes=count, now=what)
            self._told()

    def _told(self) -> None:
        if self._tell is not None:
            self._tell(self.moved)


def _verified(pieces: Iterable[bytes], digest: str) -> Iterator[bytes]:
    """Yield the pieces; at the end raise Corrupt unless they have the digest."""
    sha256 = hashlib.sha256()
    for piece in pieces:
        sha256.update(piece)
        yield piece
    if sha256.hexdigest() != digest:
        raise Corrupt(
            f"its bytes are damaged: they have the digest {sha256.hexdigest()}, not {digest}.",
            hint="Take another copy; in a registry, `muniment verify` tells more.",
        )


def _wanted(sheet: Sheet, models: Collection[str], accounts: bool) -> bool:
    if sheet.name == ACCOUNTS:
        return accounts
    if not models or not sheet.name.startswith(MODELS):
        return True
    _, document = next(documents.parts(iter(sheet)))
    name = documents.model_from(document).name
    return any(matches(pattern, name) for pattern in models)


def _counted(moved: Moved, sheet: Sheet) -> Moved:
    if sheet.name == ACCOUNTS:
        return replace(moved, accounts=True)
    if not sheet.name.startswith(MODELS):
        return moved
    versions = sum("version" in line for line in sheet)
    return replace(moved, models=moved.models + 1, versions=moved.versions + versions)


def _called(sheet: Sheet) -> str:
    """Return what people call what stands in a sheet."""
    if not sheet.name.startswith(MODELS):
        return sheet.name
    _, document = next(documents.parts(iter(sheet)))
    return f"the model {documents.model_from(document).name!r:.200}"


def _pieces(items: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece
