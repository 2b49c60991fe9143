"""The part of the MetadataStore port about what moves from one registry to another: all of it.

What is read here is written through the same doors as every change: `transact` for a model,
`add_uses`, `put_file`, `save_stage`. Only reading needs more than services do: deleted models too,
and what is known of a model that nobody else asks for.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from muniment.domain.deployments import Use
from muniment.domain.entities import ModelVersion, Reference, RegisteredModel
from muniment.domain.records import Record


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was made for an idempotency key: the request's digest, and the version's number.

    `number` is None if the request created the model itself.
    """

    key: str
    request: str
    number: int | None
    at: datetime


Belonging: TypeAlias = ModelVersion | Reference | Record | Remembered | Use
"""What belongs to a model, but for its history, which `activities` returns."""


class WholeStore(Protocol):
    """Models by what they are everywhere, and everything that belongs to them."""

    @abstractmethod
    def model_by_uuid(self, uuid: str) -> RegisteredModel | None:
        """Return the model with a uuid, of any workspace, live or soft-deleted; or None."""

    @abstractmethod
    def belongings(self, model_id: int) -> Iterator[Belonging]:
        """Yield all that belongs to a model, live or soft-deleted, in this order.

        Versions (deleted ones too) by number, references by kind and name, records by id,
        idempotency keys by key, uses by version, consumer and kind; texts by code point.

        It is read in pieces: whoever wants one state of it compares the model before and after.
        """
