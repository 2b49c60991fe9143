"""Records: what is filed with a model beside its versions: requests, comments, edges, ….

Each is an entity of its own (see `requests`, `comments`, `lineage`, `deployments`, `checks`), which
turns itself into a record and back. To a store all are alike: an envelope by which they are found,
and a JSON body that it does not look into. So a new kind of record needs no new table anywhere.

    kind, model, version, state     found by these, in the order of their ids
    keys                            and by these: "node:dataset:1f8a…", "environment:prod", …
    body                            the entity's own business
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from muniment.domain.values import JsonObject

MAX_KEY_BYTES: Final = 2_000
"""Longer keys are cut by whoever makes them: a B-tree key of PostgreSQL holds 2,704."""


class RecordKind(StrEnum):
    """What is filed."""

    REQUEST = "request"
    COMMENT = "comment"
    EDGE = "edge"
    DEPLOYMENT = "deployment"
    CHECK = "check"
    CHECKING = "checking"  # a version that waits for checks
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a model; `id` is unique in the registry, and 0 until the store has given it.

    `version` is the number of the version that it is about; None if it is about the model.
    """

    kind: RecordKind
    created_at: datetime
    body: JsonObject
    version: int | None = None
    state: str = ""
    keys: tuple[str, ...] = ()
    id: int = 0
    model_id: int = 0


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records of live models are asked for: those that fit everything that is not None.

    They come by id, ascending or descending; `after` is the id of the last one seen (0: none).
    """

    workspace: str
    kind: RecordKind
    model_id: int | None = None
    version: int | None = None
    state: str | None = None
    key: str | None = None
    after: int = 0
    limit: int = 100
    newest_first: bool = False
