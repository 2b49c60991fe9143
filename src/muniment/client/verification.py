"""Reading a version back from the registry: are bytes, manifest and history what they were?

Nothing is taken on trust: every byte is hashed here, and the history's chain is computed here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from threading import Event
from typing import TypeAlias, cast

from muniment.client import html
from muniment.client.backend import Backend, CatalogBackend, Progress
from muniment.client.parallel import for_each, stoppable
from muniment.client.progress import ProgressOption, phase
from muniment.domain.activities import Activity, ActivityKind, verify_chain
from muniment.domain.entities import ModelVersion
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.names import MAX_PAGE_SIZE
from muniment.domain.signatures import NO_SIGNATURES, Signatures, SignatureState, TrustedKey
from muniment.domain.values import JsonObject
from muniment.errors import Corrupt, MunimentError
from muniment.signing.judging import judge

Content: TypeAlias = tuple[str | None, str | None]
"""Digest and snapshot of a version."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was checked, and what is wrong.

    `files` and `bytes` were read and hashed; `activities` entries of history are chained;
    `signatures` say whether it is signed; `problems` is empty if all is as it was.
    """

    ref: str
    digest: str | None
    files: int
    bytes: int
    activities: int
    problems: tuple[str, ...]
    signatures: Signatures = NO_SIGNATURES

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def to_json(self) -> JsonObject:
        """Return all of it, for programs."""
        return {
            "ref": self.ref,
            "ok": self.ok,
            "digest": self.digest,
            "files": self.files,
            "bytes": self.bytes,
            "activities": self.activities,
            "signed": self.signatures.state.value,
            "keys": [*self.signatures.keys],
            "problems": list(self.problems),
        }

    def __repr__(self) -> str:
        verdict = "sound" if self.ok else f"NOT SOUND: {'; '.join(self.problems)}"
        return (
            f"<VerifyReport {self.ref}: {verdict}; {self.files} files, {self.bytes:,} bytes, "
            f"{self.activities} activities>"
        )

    def _repr_html_(self) -> str:
        return html.verify_report(self)


@dataclass(slots=True)
class History:
    """A model's history, read once: how long it is, what is wrong, and what it says.

    `contents` holds digest and snapshot by version number, `aliases` the version that each alias
    points at; both as of the last entry that was read.
    """

    activities: int
    problems: list[str] = field(default_factory=list)
    contents: dict[int, Content] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)

    def read(self, entries: Iterable[Activity]) -> Iterator[Activity]:
        """Yield `entries`, and remember what they say."""
        for entry in entries:
            yield entry
            details = entry.details
            match entry.kind:
                case ActivityKind.VERSION_CREATED | ActivityKind.VERSION_SEALED:
                    if entry.version is not None:
                        content = details.get("digest"), details.get("snapshot")
                        self.contents[entry.version] = cast(Content, content)
                case ActivityKind.ALIAS_SET:
                    self.aliases[cast(str, details["alias"])] = cast(int, details["to"])
                case ActivityKind.ALIAS_DELETED:
                    self.aliases.pop(cast(str, details["alias"]), None)
                case ActivityKind.VERSION_DELETED:
                    for alias in cast(list[str], details["aliases"]):
                        self.aliases.pop(alias, None)


def read_history(catalog: CatalogBackend, model: str) -> History:
    """Compute the chain here, up to the entry that is the newest now; then ask for its end.

    Only the registry knows how long the history must be: a chain that was cut off is still one.
    """
    aliases = _aliases(catalog, model)
    newest = catalog.history(model, page_size=1).items
    count, head = (newest[0].sequence, newest[0].hash) if newest else (0, "")
    history = History(count)
    try:
        entries = history.read(islice(_entries(catalog, model), count))
        verify_chain(entries, count=count, head=head)
        catalog.verify_history(model)
    except Corrupt as error:
        history.problems.append(error.message)
    else:
        history.problems += _wrong_in_aliases(catalog, model, aliases, history)
    return history


def verify(
    backend: Backend,
    version: ModelVersion,
    history: History,
    progress: ProgressOption,
    keys: Sequence[TrustedKey] = (),
) -> VerifyReport:
    """Check a version: every file, the manifest, its signatures, and what the history says of it.

    `history` was read after `version`. With `keys`, one of them must have signed the version, as it
    is found out here; else the registry says by the keys that it trusts.
    """
    problems: list[str] = []
    files: tuple[FileEntry, ...] = ()
    signatures = NO_SIGNATURES
    if version.digest is not None:
        try:
            manifest = backend.artifacts.manifest(version.model, version.version)
        except (MunimentError, OSError) as error:
            problems.append(f"manifest: {_said(error)}")
        else:
            files = manifest.files
            problems += _wrong_in_manifest(version, manifest)
            with phase(progress, "verify", manifest.size) as tell:
                found = for_each(files, partial(_wrong_in_file, backend, version, tell))
            problems += [problem for problem in found if problem is not None]
            try:
                signatures = _signatures(backend, version, manifest, keys)
            except MunimentError as error:
                problems.append(f"signatures: {_said(error)}")
            else:
                problems += _wrong_in_signatures(signatures, keys)
    return VerifyReport(
        ref=version.ref,
        digest=version.digest,
        files=len(files),
        bytes=sum(file.size for file in files),
        activities=history.activities,
        problems=(*problems, *history.problems, *_wrong_in_version(backend, version, history)),
        signatures=signatures,
    )


def _signatures(
    backend: Backend, version: ModelVersion, manifest: Manifest, keys: Sequence[TrustedKey]
) -> Signatures:
    """Return the signatures as the registry judges them; with `keys`, as they are judged here."""
    found = backend.provenance.signatures(version.model, version.version)
    if not keys:
        return found
    judged = []
    for one in found.items:
        bundle = backend.provenance.bundle(version.model, version.version, one.signature.id)
        judgement = judge(bundle, manifest, keys, at=one.signature.created_at)
        judged.append(replace(one, judgement=judgement))
    return Signatures.of(judged)


def _wrong_in_signatures(found: Signatures, keys: Sequence[TrustedKey]) -> Iterator[str]:
    for one in found.items:
        if one.state is SignatureState.INVALID:
            yield f"signature {one.signature.id}: invalid: {'; '.join(one.judgement.reasons)}"
    if keys and found.state is not SignatureState.VERIFIED:
        yield f"signature: none of the keys that were given has made one ({found.state})"


def _wrong_in_manifest(version: ModelVersion, manifest: Manifest) -> Iterator[str]:
    if manifest.digest != version.digest:
        yield f"manifest: its digest is {manifest.digest}, the version names {version.digest}"
    if (manifest.size, len(manifest.files)) != (version.size, version.file_count):
        yield (
            f"manifest: {len(manifest.files)} files with {manifest.size} bytes, "
            f"the version says {version.file_count} with {version.size}"
        )


def _wrong_in_file(
    backend: Backend, version: ModelVersion, tell: Progress, file: FileEntry, stop: Event
) -> str | None:
    sha256, length = hashlib.sha256(), 0
    try:
        pieces = backend.artifacts.read(version.model, version.version, file.path)
        for piece in stoppable(pieces, stop):
            sha256.update(piece)
            length += len(piece)
            tell(len(piece))
    except (MunimentError, OSError) as error:  # the other files are still to be read
        return f"{file.path}: {_said(error)}"
    if length != file.size:
        return f"{file.path}: {length} bytes instead of {file.size}"
    if sha256.hexdigest() != file.digest:
        return f"{file.path}: its digest is {sha256.hexdigest()} instead of {file.digest}"
    return None


def _wrong_in_version(backend: Backend, version: ModelVersion, history: History) -> Iterator[str]:
    """Compare a version's digest and snapshot with the last entry that recorded them."""
    if history.problems and version.version not in history.contents:
        return  # what is wrong with the history is told already
    recorded = history.contents.get(version.version)
    if recorded == (version.digest, version.snapshot):
        return
    if recorded is None:
        yield "history: no entry says how this version was made"
        return
    try:  # it may have been sealed since it was looked at
        now = backend.catalog.version(version.model, version.version)
    except MunimentError:
        now = version
    for name, is_now, was in zip(
        ("digest", "snapshot"), (now.digest, now.snapshot), recorded, strict=True
    ):
        if is_now != was:
            yield f"{name}: it is {is_now or 'missing'}, the history says {was or 'none'}"


def _wrong_in_aliases(
    catalog: CatalogBackend, model: str, before: Mapping[str, int], history: History
) -> Iterator[str]:
    """Compare where aliases point with the entries that moved them."""
    if before == history.aliases:
        return
    after = _aliases(catalog, model)
    for alias in sorted(before.keys() | after.keys() | history.aliases.keys()):
        points, was = after.get(alias), history.aliases.get(alias)
        if points != was and points == before.get(alias):  # else it moves at this very moment
            yield (
                f"alias {alias}: it points at {points or 'nothing'}, "
                f"the history says {was or 'nothing'}"
            )


def _aliases(catalog: CatalogBackend, model: str) -> dict[str, int]:
    return {reference.name: reference.version for reference in catalog.aliases(model)}


def _said(error: MunimentError | OSError) -> str:
    return error.message if isinstance(error, MunimentError) else str(error)


def _entries(catalog: CatalogBackend, model: str) -> Iterator[Activity]:
    token: str | None = None
    while True:
        page = catalog.history(model, page_size=MAX_PAGE_SIZE, page_token=token, newest_first=False)
        yield from page.items
        token = page.next_token
        if token is None:
            return
