"""From uploaded bytes to content that a version may name.

Order matters, so that garbage collection can never come between:

    writer has all bytes ──> metadata.add_blob (lease) ──> writer.commit (bytes in place)
    lease + look at bytes ──> transact: add_manifest refuses unknown digests ──> version exists
"""

from __future__ import annotations

from collections.abc import Iterable

from muniment.domain.caller import Caller
from muniment.domain.manifest import Manifest
from muniment.errors import InvalidInput, MissingBlobs
from muniment.services.artifacts.possession import claim, nameable
from muniment.services.base import Ports
from muniment.storage.blobs import BlobStat, BlobWriter

LISTED = 100  # missing digests named in an error; the client asks `missing` for all


def place(ports: Ports, caller: Caller, writer: BlobWriter, digest: str) -> BlobStat:
    """Put what a writer holds at its place, leased first; the caller may name it from now on."""
    ports.metadata.add_blob(digest, writer.offset, ports.clock())
    stat = writer.commit(digest)
    claim(ports, caller, digest)
    return stat


def keep_bytes(ports: Ports, content: bytes, digest: str) -> None:
    """Store a small blob, unless it is here."""
    ports.metadata.add_blob(digest, len(content), ports.clock())
    stat = ports.blobs.stat(digest)
    if stat is None or stat.size != len(content):
        with ports.blobs.create_writer() as writer:
            writer.write(content)
            writer.commit(digest)


def sizes_here(ports: Ports, caller: Caller, digests: Iterable[str]) -> dict[str, int]:
    """Return the size in bytes of each blob that is known, stored and the caller's to name.

    All of these are leased.
    """
    leased = ports.metadata.lease_blobs(nameable(ports, caller, digests), ports.clock())
    stats = ports.blobs.stat_many(leased.keys())
    # A blob of another size than it was stored with is damaged: uploaded again, it is replaced.
    return {digest: stat.size for digest, stat in stats.items() if stat.size == leased[digest]}


def keep_manifest(ports: Ports, caller: Caller, manifest: Manifest) -> None:
    """Make sure that all blobs of a manifest are here and leased; store the manifest itself.

    Raises:
        MissingBlobs: some are not; `details["missing"]` lists the first 100.
        InvalidInput: the manifest states a wrong size.
    """
    here = sizes_here(ports, caller, manifest.digests)
    missing = sorted(manifest.digests - here.keys())
    if missing:
        raise MissingBlobs(
            f"{len(missing)} of {len(manifest.digests)} blobs are not stored here.",
            hint="Upload them, then commit again.",
            details={"missing": missing[:LISTED], "count": len(missing)},
        )
    for file in manifest.files:
        if here[file.digest] != file.size:
            raise InvalidInput(
                f"{file.path!r}: the manifest says {file.size} bytes, the blob has "
                f"{here[file.digest]}."
            )
    keep_bytes(ports, manifest.content, manifest.digest)
