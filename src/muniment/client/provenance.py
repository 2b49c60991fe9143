"""Signing versions, whose signatures count, and what is exported for others to read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

from muniment.client import contents
from muniment.client.catalog import VersionRef
from muniment.client.records import RegistryRecords
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.signatures import JudgedSignature, Signatures, TrustedKey
from muniment.domain.values import utcnow
from muniment.errors import InvalidInput
from muniment.signing.judging import sign
from muniment.signing.keys import SigningKey, read_signing_key, read_trusted

PathLike: TypeAlias = str | os.PathLike[str]


class RegistryProvenance(RegistryRecords):
    """The part of `Registry` about signatures, trusted keys, cards, bills and evidence."""

    # -- signatures ------------------------------------------------------------------------------

    def sign(
        self,
        ref: VersionRef,
        key: PathLike,
        *,
        password: str | None = None,
        certificate: PathLike | None = None,
        chain: PathLike | None = None,
    ) -> JudgedSignature:
        """Sign a version, and file the signature with it.

        What is signed is its manifest, so nothing is downloaded.

        Args:
            ref: the version.
            key: the file of a private key (PEM): on P-256, P-384 or P-521.
            password: of that file, if it is encrypted.
            certificate: the file of the key's certificate (PEM), if people trust certificates.
            chain: the file of those that vouch for the certificate (PEM).

        Raises:
            InvalidInput: a file is not what it should be.
            NotReady: the version has no files.
        """
        version = self._resolved(ref)
        signing_key = load_signing_key(key, password, certificate, chain)
        manifest = self.backend.artifacts.manifest(version.model, version.version)
        if manifest.digest != version.digest:
            raise InvalidInput(f"The manifest of {version.ref} is not the one that it names.")
        bundle = sign(manifest, version.model, signing_key)
        return self.backend.provenance.add_signature(version.model, version.version, bundle)

    def add_signature(self, ref: VersionRef, bundle: str | bytes) -> JudgedSignature:
        """File a signature that somebody made: the content of the bundle's file."""
        return self.backend.provenance.add_signature(*self._place(ref), as_text(bundle))

    def signatures(self, ref: VersionRef) -> Signatures:
        """Return the signatures of a version, judged by the keys that are trusted now."""
        return self.backend.provenance.signatures(*self._place(ref))

    def bundle(self, ref: VersionRef, signature: int | JudgedSignature) -> str:
        """Return the bundle of a signature, for `model_signing verify` and others."""
        return self.backend.provenance.bundle(*self._place(ref), _id(signature))

    def remove_signature(self, ref: VersionRef, signature: int | JudgedSignature) -> None:
        """Take a signature away; that it was there stays in the history."""
        self.backend.provenance.remove_signature(*self._place(ref), _id(signature))

    # -- keys ------------------------------------------------------------------------------------

    def keys(self) -> list[TrustedKey]:
        """Return the keys that the workspace trusts."""
        return list(self.backend.provenance.keys())

    def trust_key(self, name: str, pem: str | bytes) -> TrustedKey:
        """Trust a public key, or whatever a certificate vouches for: the content of its file."""
        return self.backend.provenance.trust_key(name, as_text(pem))

    def drop_key(self, name: str) -> None:
        """Trust a key no more."""
        self.backend.provenance.drop_key(name)

    # -- exports ---------------------------------------------------------------------------------

    def card(self, ref: VersionRef) -> str:
        """Return the model card of a version: Markdown, as the Hugging Face Hub reads it."""
        return self.backend.provenance.card(*self._place(ref))

    def bom(self, ref: VersionRef) -> bytes:
        """Return the bill of materials of a version: CycloneDX 1.6, as JSON."""
        return self.backend.provenance.bom(*self._place(ref))

    def evidence(self, ref: VersionRef, to: PathLike) -> Path:
        """Write the evidence pack of a version to a file, whole or not at all; return it."""
        file = Path(to)
        beside = file.with_name(f".{file.name}.{uuid4().hex}.part")
        try:
            with beside.open("xb") as stream:
                for piece in self.backend.provenance.evidence(*self._place(ref)):
                    stream.write(piece)
            beside.replace(file)
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()
        return file


def load_signing_key(
    key: PathLike,
    password: str | None = None,
    certificate: PathLike | None = None,
    chain: PathLike | None = None,
) -> SigningKey:
    """Read a private key and its certificates from files. Raises InvalidInput."""
    return read_signing_key(
        _content(key),
        password=password,
        certificate=None if certificate is None else _content(certificate),
        chain=b"" if chain is None else _content(chain),
    )


def load_trusted(files: Iterable[PathLike]) -> list[TrustedKey]:
    """Read public keys and certificates from files; each is called what its file is."""
    keys = []
    for file in files:
        kind, key_id, pem = read_trusted(as_text(_content(file)))
        keys.append(TrustedKey(Path(file).name, kind, key_id, pem, utcnow(), ""))
    return keys


def manifest_of_folder(folder: Path, *, but: Path | None = None) -> Manifest:
    """Return the manifest of the files in a folder; `but` is a file that does not count.

    Raises:
        InvalidInput: there are none, or something that is no file.
    """
    skipped = None if but is None else but.resolve()
    return Manifest.of(
        _hashed(content)
        for content in contents.of_path(folder)
        if skipped is None or (folder / content.path).resolve() != skipped
    )


def as_text(content: str | bytes) -> str:
    """Return a file of text as text. Raises InvalidInput."""
    try:
        return content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError:
        raise InvalidInput("It is not text.", hint="PEM files and bundles are.") from None


def _hashed(content: contents.Content) -> FileEntry:
    sha256 = hashlib.sha256()
    for piece in content.open(0):
        sha256.update(piece)
    return FileEntry(content.path, sha256.hexdigest(), content.size, content.media_type)


def _content(file: PathLike) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{str(file)!r:.300} can't be read: {error.strerror}.") from None


def _id(signature: int | JudgedSignature) -> int:
    return signature if isinstance(signature, int) else signature.signature.id
