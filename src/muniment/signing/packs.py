"""Evidence packs: a zip that proves what is said of a version, without the registry.

    index.json                  what is in it: path, SHA-256 and size of each; length and head of
                                the history
    model.json, version.json    as they were
    manifest.json               the version's files; its digest is the version's
    signatures.json             who filed which bundle, when, and what it was worth
    signatures/1.sigstore.json  … the bundles themselves
    keys.json                   the keys that the workspace trusted
    checks.json, requests.json, lineage.json
    activities.jsonl            the model's whole history, hash-chained
    README.md, bom.cdx.json     model card and bill of materials

The same facts give the same bytes: nothing is compressed, no time is written, the order is fixed.
So a changed byte is found wherever it is, in the zip's own tables, too.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final, TypeAlias

from muniment.domain.values import Json, JsonObject, as_object, canonical_json
from muniment.errors import Corrupt, InvalidInput, LimitExceeded

SCHEMA: Final = "muniment.evidence/1"
INDEX: Final = "index.json"
MODEL: Final = "model.json"
VERSION: Final = "version.json"
MANIFEST: Final = "manifest.json"
SIGNATURES: Final = "signatures.json"
KEYS: Final = "keys.json"
CHECKS: Final = "checks.json"
REQUESTS: Final = "requests.json"
LINEAGE: Final = "lineage.json"
ACTIVITIES: Final = "activities.jsonl"
CARD: Final = "README.md"
BOM: Final = "bom.cdx.json"

MAX_MEMBERS: Final = 1_000
MAX_BYTES: Final = 4 * 2**30
_PIECE: Final = 2**20
_IN_MEMORY: Final = 8 * 2**20
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # a zip knows no earlier time

Members: TypeAlias = Mapping[str, Iterable[bytes]]
"""The files of a pack, in pieces."""


def bundle_path(number: int) -> str:
    """Return where the bundle of the signature `number` (from 1) stands."""
    return f"signatures/{number}.sigstore.json"


def write_pack(members: Members, about: JsonObject) -> IO[bytes]:
    """Return a pack, at its beginning; closing it removes it. `about` goes into the index."""
    whole: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller's
    try:
        listed: list[Json] = []
        with zipfile.ZipFile(whole, "w") as archive:
            for path in sorted(members):
                sha256, size = hashlib.sha256(), 0
                with archive.open(_info(path), "w") as member:
                    for piece in members[path]:
                        member.write(piece)
                        sha256.update(piece)
                        size += len(piece)
                listed.append({"path": path, "sha256": sha256.hexdigest(), "size": size})
            index: JsonObject = {**about, "schema": SCHEMA, "files": listed}
            with archive.open(_info(INDEX), "w") as member:
                member.write(canonical_json(index))
        whole.seek(0)
    except BaseException:
        whole.close()
        raise
    return whole


def _info(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _LONG_AGO)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    return info


class Pack:
    """A pack that was opened: its files, and what is wrong with the zip itself."""

    def __init__(self, archive: zipfile.ZipFile, file: IO[bytes], index: JsonObject) -> None:
        self._archive = archive
        self._file = file
        self.index = index

    @classmethod
    def open(cls, file: IO[bytes]) -> Pack:
        """Open a pack.

        Raises:
            InvalidInput: it is no evidence pack.
            LimitExceeded: it is larger than any pack.
        """
        try:
            archive = zipfile.ZipFile(file)
            members = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise InvalidInput(f"It is no evidence pack: {error}.") from None
        if len(members) > MAX_MEMBERS or sum(info.file_size for info in members) > MAX_BYTES:
            raise LimitExceeded("It is larger than an evidence pack may be.")
        named = [info.filename for info in members]
        if len(set(named)) != len(named) or INDEX not in named:
            raise InvalidInput(f"It is no evidence pack: it has not exactly one {INDEX}.")
        if any(info.compress_type != zipfile.ZIP_STORED for info in members):
            raise InvalidInput("It is no evidence pack as it was made: it was packed anew.")
        pack = cls(archive, file, {})
        content = pack.read(INDEX)
        index = as_object(_json(INDEX, content), f"{INDEX} of the pack")
        if index.get("schema") != SCHEMA:
            raise InvalidInput(
                f"The pack is {index.get('schema')!r:.80}, not {SCHEMA!r}.",
                hint="A newer Muniment may know it.",
            )
        pack.index = index
        return pack

    @property
    def paths(self) -> list[str]:
        """All files, the index among them."""
        return self._archive.namelist()

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file. Raises Corrupt, naming it."""
        try:
            with self._archive.open(path) as member:
                while piece := member.read(_PIECE):
                    yield piece
        except KeyError:
            raise Corrupt(f"{path}: it is missing") from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
            raise Corrupt(f"{path}: it can't be read ({error})") from None

    def read(self, path: str) -> bytes:
        """Return a file. Raises Corrupt, naming it."""
        return b"".join(self.pieces(path))

    def json(self, path: str) -> Json:
        """Return a file of JSON. Raises Corrupt, naming it."""
        return _json(path, self.read(path))

    def lines(self, path: str) -> Iterator[Json]:
        """Yield the documents of a file of JSON lines. Raises Corrupt, naming it."""
        rest = b""
        for piece in self.pieces(path):
            *lines, rest = (rest + piece).split(b"\n")
            yield from (_json(path, line) for line in lines)
        if rest:
            yield _json(path, rest)

    def damages(self) -> Iterator[str]:
        """Yield what does not fit together: files and index, and every byte of the zip."""
        yield from self._wrong_files()
        if self.read(INDEX) != canonical_json(self.index):
            yield f"{INDEX}: it was written by somebody else"
            return
        about = {key: value for key, value in self.index.items() if key not in ("files", "schema")}
        members = {path: self.pieces(path) for path in self.paths if path != INDEX}
        try:
            with write_pack(members, about) as again:
                at = _first_difference(self._file, again)
        except Corrupt:
            return  # told above
        if at is not None:
            yield f"{self._at(at)}: the zip is not as it was made, from byte {at:,} on"

    def _wrong_files(self) -> Iterator[str]:
        listed: dict[str, tuple[Json, Json]] = {}
        files = self.index.get("files")
        for item in files if isinstance(files, list) else []:
            entry = as_object(item, f"a file of {INDEX}")
            listed[str(entry.get("path"))] = entry.get("sha256"), entry.get("size")
        for path in sorted({*self.paths, *listed} - {INDEX}):
            if path not in listed:
                yield f"{path}: the index does not list it"
                continue
            sha256, size = hashlib.sha256(), 0
            try:
                for piece in self.pieces(path):
                    sha256.update(piece)
                    size += len(piece)
            except Corrupt as error:
                yield error.message
                continue
            if (sha256.hexdigest(), size) != listed[path]:
                yield f"{path}: it is not what the index lists"

    def _at(self, offset: int) -> str:
        """Return the file in whose place a byte stands."""
        place = "the table of contents"
        for info in sorted(self._archive.infolist(), key=lambda info: info.header_offset):
            end = info.header_offset + 30 + len(info.filename.encode()) + info.file_size
            if info.header_offset <= offset < end:
                place = info.filename
        return place


def open_pack(path: Path) -> IO[bytes]:
    """Open the file of a pack. Raises InvalidInput."""
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{str(path)!r:.300} can't be read: {error.strerror}.") from None


def _first_difference(one: IO[bytes], other: IO[bytes]) -> int | None:
    one.seek(0)
    other.seek(0)
    at = 0
    while True:
        a, b = one.read(_PIECE), other.read(_PIECE)
        if a != b:
            shared = zip(a, b, strict=False)
            return at + next((n for n, (x, y) in enumerate(shared) if x != y), min(len(a), len(b)))
        if not a:
            return None
        at += len(a)


def _json(path: str, content: bytes) -> Json:
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):
        raise Corrupt(f"{path}: it is not JSON") from None
    return value
