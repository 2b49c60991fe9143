"""The part of the MetadataStore port about lifecycle: records, stages, uses, and what happened.

`RecordTransaction` is a part of `metadata.Transaction`, `RecordStore` of `metadata.MetadataStore`;
they stand apart so that each file is one idea. Records belong to a model and are written with it,
in one `transact`. Stages belong to a workspace and change one at a time. Uses are only counted.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from muniment.domain.activities import Happened
from muniment.domain.deployments import Use
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through everything that happened goes on: behind this entry."""

    at: datetime
    model_id: int
    sequence: int


class RecordTransaction(Protocol):
    """What is done with records inside of one `transact`: reads see the writes made so far."""

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """Return the stages that the workspace has stored, by order and name.

        A predefined one is among them only if somebody has changed it.
        """

    @abstractmethod
    def records(
        self, kind: RecordKind, *, version: int | None = None, state: str | None = None
    ) -> Sequence[Record]:
        """Return the model's records of a kind (of a version, in a state), by id."""

    @abstractmethod
    def record_by_id(self, record_id: int) -> Record | None:
        """Return a record of the model."""

    @abstractmethod
    def add_record(self, record: Record) -> Record:
        """Insert a record of the transaction's model; return it with its id and `model_id`.

        One that comes with an id (it had it elsewhere) keeps that, and ids given later are above
        it.

        Raises:
            AlreadyExists: the id that it came with is another record's.
        """

    @abstractmethod
    def save_record(self, record: Record) -> None:
        """Replace a record (all but `id`, `model_id`, `kind` and `created_at`)."""

    @abstractmethod
    def drop_record(self, record_id: int) -> None:
        """Remove a record of the model; a missing one is fine."""


class RecordStore(Protocol):
    """What is read across models, and what belongs to no model."""

    @abstractmethod
    def record(self, workspace: str, record_id: int) -> Record | None:
        """Return a record of a live model, or None."""

    @abstractmethod
    def find_records(self, query: RecordQuery) -> Sequence[Record]:
        """Return records of live models.

        Every combination of the query's fields is indexed, but for a version without its model.
        """

    @abstractmethod
    def stages(self, workspace: str) -> Sequence[Stage]:
        """Return what `RecordTransaction.stages` does."""

    @abstractmethod
    def save_stage(self, workspace: str, stage: Stage, *, expect: int) -> Stage:
        """Insert (`expect` 0) or replace (`expect` is its revision) the stage with this key.

        Returns it with its new revision, one above `expect`.

        Raises:
            PreconditionFailed: it has another revision.
        """

    @abstractmethod
    def drop_stage(self, workspace: str, key: str) -> None:
        """Forget a stage by its key; a missing one is fine."""

    @abstractmethod
    def add_uses(self, uses: Iterable[Use]) -> None:
        """Count uses: add to those of the same version, consumer and kind.

        Only `model_id`, not `model`, says whose they are. Versions that were purged are passed
        over. A consumer that was `named` once is named. All of them count, or none.
        """

    @abstractmethod
    def uses(
        self,
        workspace: str,
        *,
        model_id: int | None = None,
        version: int | None = None,
        consumer: str | None = None,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Use]:
        """Return the last uses of live models' versions, latest first (`last_at` from `since` on).

        Ties: by model id, version, consumer, kind.
        """

    @abstractmethod
    def drop_uses(self, before: datetime) -> int:
        """Forget, in all workspaces, uses that were last counted earlier; return how many."""

    @abstractmethod
    def happened(
        self,
        workspace: str,
        *,
        before: Place | None = None,
        kinds: frozenset[str] | None = None,
        actor: str | None = None,
        limit: int,
    ) -> Sequence[Happened]:
        """Return what happened to live models of a workspace, latest first.

        The order is by time, model id and sequence, all descending; `before` is where it goes on.
        """
