"""The part of the MetadataStore port about what a workspace has settled: small JSON documents.

A workspace has at most one document of a name (`checks`, `keys`). Stores don't look into it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from muniment.domain.values import JsonObject


@dataclass(frozen=True, slots=True)
class Document:
    """What stands under a name; its revision is 1 when it is new and grows with every change."""

    name: str
    body: JsonObject
    revision: int


class DocumentStore(Protocol):
    """Documents of workspaces, each replaced as a whole by compare-and-swap."""

    @abstractmethod
    def document(self, workspace: str, name: str) -> Document | None:
        """Return a document, or None."""

    @abstractmethod
    def documents(self, workspace: str) -> Sequence[Document]:
        """Return all documents of a workspace, by name."""

    @abstractmethod
    def save_document(
        self, workspace: str, name: str, body: JsonObject, *, expect: int
    ) -> Document:
        """Insert (`expect` 0) or replace (`expect` is its revision) a document; return it.

        Raises:
            PreconditionFailed: it has another revision.
            NotFound: the workspace does not exist.
        """
