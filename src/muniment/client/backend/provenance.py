"""Signatures, trusted keys and exports, wherever the registry is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

from muniment.domain.signatures import JudgedSignature, Signatures, TrustedKey


class ProvenanceBackend(Protocol):
    """Where versions come from. Satisfied by `services.provenance.Provenance`."""

    @abstractmethod
    def signatures(self, model: str, number: int) -> Signatures:
        """Return the signatures of a version, judged by the keys that are trusted now."""

    @abstractmethod
    def bundle(self, model: str, number: int, signature: int) -> str:
        """Return the bundle of a signature, as it came. Raises NotFound."""

    @abstractmethod
    def add_signature(self, model: str, number: int, bundle: str) -> JudgedSignature:
        """File a bundle with a version. Raises DigestMismatch: it is about other files."""

    @abstractmethod
    def remove_signature(self, model: str, number: int, signature: int) -> None:
        """Take a signature away. Raises NotFound."""

    @abstractmethod
    def card(self, model: str, number: int) -> str:
        """Return the model card: Markdown, with YAML on top."""

    @abstractmethod
    def bom(self, model: str, number: int) -> bytes:
        """Return the bill of materials: CycloneDX, as JSON."""

    @abstractmethod
    def evidence(self, model: str, number: int) -> Iterator[bytes]:
        """Return the evidence pack, a zip, in pieces."""

    @abstractmethod
    def keys(self) -> Sequence[TrustedKey]:
        """Return the keys that the workspace trusts, by their names."""

    @abstractmethod
    def trust_key(self, name: str, pem: str) -> TrustedKey:
        """Trust a public key, or what a certificate vouches for. Raises Conflict."""

    @abstractmethod
    def drop_key(self, name: str) -> None:
        """Trust a key no more. Raises NotFound."""
