"""The registry's entities, as services, stores, faces and clients hand them around.

All are frozen: a change is a new value (`dataclasses.replace`) that a transaction saves. Each has
a stable positive integer `id` (0 until the store has given one), a `uuid`, and a `revision` that
every change raises by one; the revision is its ETag.

`to_json`/`from_json` are the native API's form, shared by server and client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar, cast

from muniment.domain.checks import CheckState
from muniment.domain.values import (
    Json,
    JsonObject,
    Value,
    as_object,
    as_values,
    time_from_json,
    time_to_json,
)
from muniment.errors import InvalidInput

T = TypeVar("T")
DEFAULT_WORKSPACE = "default"


class Status(StrEnum):
    """Where a version is on its way to being usable.

    (create) ──> PENDING ──seal──> READY
                    └─────fail───> FAILED
    """

    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


NO_STAGE = "None"
PREDEFINED_STAGES = (NO_STAGE, "Staging", "Production", "Archived")


class VariableType(StrEnum):
    """The two kinds of variable that a schema at registration knows."""

    NUMERIC = "NUMERIC"
    TEXT = "TEXT"


@dataclass(frozen=True, slots=True)
class Variable:
    """One input or output of a model: a column, or a tensor if it has a `shape`.

    `dtype` is the library's own name (`float64`); `shape` lists sizes, -1 for any.
    """

    name: str
    type: VariableType
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    optional: bool = False

    def to_json(self) -> JsonObject:
        """Return `{"name", "type"}` and whatever else is known."""
        out: JsonObject = {"name": self.name, "type": self.type.value}
        if self.dtype is not None:
            out["dtype"] = self.dtype
        if self.shape is not None:
            out["shape"] = list(self.shape)
        if self.optional:
            out["optional"] = True
        return out


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes into a model and what comes out of it (its variable schema)."""

    inputs: tuple[Variable, ...] = ()
    outputs: tuple[Variable, ...] = ()

    def to_json(self) -> JsonObject:
        """Return `{"input": {"variables": […]}, "output": {"variables": […]}}`."""
        return {
            "input": {"variables": [v.to_json() for v in self.inputs]},
            "output": {"variables": [v.to_json() for v in self.outputs]},
        }

    @classmethod
    def from_json(cls, value: Json) -> Signature:
        """Read what `to_json` wrote; a missing side is empty."""
        document = as_object(value, "a signature")
        if unknown := sorted(document.keys() - {"input", "output"}):
            raise InvalidInput(
                f"A signature has no {unknown[0]!r}.",
                hint='Write {"input": {"variables": [{"name": "x", "type": "NUMERIC"}]}, …}.',
            )
        return cls(_variables(document.get("input")), _variables(document.get("output")))


def _variables(side: Json) -> tuple[Variable, ...]:
    listed = as_object(side or {}, "a side of a signature").get("variables", [])
    if not isinstance(listed, list):
        raise InvalidInput("The variables of a signature must be a list.")
    return tuple(_variable(as_object(item, "a variable of a signature")) for item in listed)


def _variable(item: JsonObject) -> Variable:
    name, kind = item.get("name"), item.get("type")
    dtype, shape = item.get("dtype"), item.get("shape")
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"A variable of a signature needs a name; got {item!r:.200}.")
    if kind not in set(VariableType):
        raise InvalidInput(
            f"Variable {name!r}: the type {kind!r:.80} is neither 'NUMERIC' nor 'TEXT'."
        )
    if dtype is not None and not isinstance(dtype, str):
        raise InvalidInput(f"Variable {name!r}: the dtype {dtype!r:.80} is not a string.")
    if shape is not None and not (
        isinstance(shape, list) and all(isinstance(n, int) and n >= -1 for n in shape)
    ):
        raise InvalidInput(f"Variable {name!r}: the shape {shape!r:.80} is not a list of sizes.")
    return Variable(
        name=name,
        type=VariableType(kind),
        dtype=dtype,
        shape=None if shape is None else tuple(cast(list[int], shape)),
        optional=bool(item.get("optional", False)),
    )


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant: models, roles, stages and webhooks live in one."""

    id: int
    uuid: str
    name: str
    created_at: datetime


class ReferenceKind(StrEnum):
    """What a movable reference is called by the protocol that made it."""

    ALIAS = "alias"
    BRANCH = "branch"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Reference:
    """A movable name for one version of a model (MLflow alias, branch, tag, …)."""

    kind: ReferenceKind
    name: str
    version: int
    protected: bool
    updated_at: datetime
    updated_by: str
    revision: int = 1

    def to_json(self) -> JsonObject:
        """Return the API's form of an alias."""
        return {
            "alias": self.name,
            "version": self.version,
            "protected": self.protected,
            "updated_at": time_to_json(self.updated_at),
            "updated_by": self.updated_by,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> Reference:
        """Read what `to_json` wrote."""
        v = as_object(value, "an alias")
        return cls(
            kind=ReferenceKind.ALIAS,
            name=_str(v, "alias"),
            version=_int(v, "version"),
            protected=bool(v["protected"]),
            updated_at=_time(v, "updated_at"),
            updated_by=_str(v, "updated_by"),
            revision=_int(v, "revision"),
        )


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name in a workspace, and the aggregate of all its versions: one ordered history.

    `last_number` is the highest version number ever given out (numbers are never used again);
    `latest` the highest READY version that is not deleted, or None; `aliases` maps alias to
    version number. `activity_count` and `activity_head` are the length and last hash of the chain
    (inside the registry only: faces show the history itself).
    """

    id: int
    uuid: str
    workspace: str
    name: str
    slug: str
    created_at: datetime
    updated_at: datetime
    created_by: str
    description: str = ""
    tags: Mapping[str, Value] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    last_number: int = 0
    latest: int | None = None
    version_count: int = 0
    activity_count: int = 0
    activity_head: str = ""
    deleted_at: datetime | None = None
    revision: int = 1

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "uuid": self.uuid,
            "workspace": self.workspace,
            "name": self.name,
            "slug": self.slug,
            "description": self.description,
            "tags": dict(self.tags),
            "aliases": dict(self.aliases),
            "latest": self.latest,
            "last_number": self.last_number,
            "version_count": self.version_count,
            "created_at": time_to_json(self.created_at),
            "updated_at": time_to_json(self.updated_at),
            "created_by": self.created_by,
            "deleted_at": _time_or_none(self.deleted_at),
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> RegisteredModel:
        """Read what `to_json` wrote."""
        v = as_object(value, "a registered model")
        return cls(
            id=_int(v, "id"),
            uuid=_str(v, "uuid"),
            workspace=_str(v, "workspace"),
            name=_str(v, "name"),
            slug=_str(v, "slug"),
            created_at=_time(v, "created_at"),
            updated_at=_time(v, "updated_at"),
            created_by=_str(v, "created_by"),
            description=_str(v, "description"),
            tags=as_values(v["tags"]),
            aliases=cast(dict[str, int], v["aliases"]),
            last_number=_int(v, "last_number"),
            latest=cast(int | None, v["latest"]),
            version_count=_int(v, "version_count"),
            deleted_at=_opt_time(v, "deleted_at"),
            revision=_int(v, "revision"),
        )


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model.

    `version` is its number, from 1, never used again; `digest` the digest of its manifest (None
    while PENDING, or for a version that only points at `source_uri`); `location` says where the
    bytes of such a pointer are, if that is not `source_uri`; `snapshot` is a 40-hex id of this
    sealing and `parent` that of the sealed version before it; `size` is in bytes over all
    `file_count` files; `stage_since` says when it entered the stage that it is in, None for no
    stage; `checks` what its checks say together, which changes with their records. `encoded` is
    where a face may keep what it made of this very entity.
    """

    id: int
    uuid: str
    workspace: str
    model: str
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    status: Status = Status.PENDING
    status_message: str = ""
    label: str | None = None
    stage: str = NO_STAGE
    stage_since: datetime | None = None
    description: str = ""
    tags: Mapping[str, Value] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    framework: str = ""
    signature: Signature | None = None
    source_uri: str = ""
    location: str = ""
    run_id: str = ""
    run_link: str = ""
    digest: str | None = None
    size: int = 0
    file_count: int = 0
    snapshot: str | None = None
    parent: str | None = None
    aliases: tuple[str, ...] = ()
    checks: CheckState = CheckState.NONE
    deleted_at: datetime | None = None
    revision: int = 1
    encoded: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def ref(self) -> str:
        """The reference that means this version and no other: `name/3`."""
        return f"{self.model}/{self.version}"

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "uuid": self.uuid,
            "workspace": self.workspace,
            "model": self.model,
            "version": self.version,
            "label": self.label,
            "status": self.status.value,
            "status_message": self.status_message,
            "stage": self.stage,
            "stage_since": _time_or_none(self.stage_since),
            "aliases": list(self.aliases),
            "description": self.description,
            "tags": dict(self.tags),
            "params": dict(self.params),
            "metrics": dict(self.metrics),
            "framework": self.framework,
            "signature": None if self.signature is None else self.signature.to_json(),
            "source_uri": self.source_uri,
            "location": self.location,
            "run_id": self.run_id,
            "run_link": self.run_link,
            "digest": self.digest,
            "size": self.size,
            "file_count": self.file_count,
            "snapshot": self.snapshot,
            "parent": self.parent,
            "checks": self.checks.value,
            "created_at": time_to_json(self.created_at),
            "updated_at": time_to_json(self.updated_at),
            "created_by": self.created_by,
            "deleted_at": _time_or_none(self.deleted_at),
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Json) -> ModelVersion:
        """Read what `to_json` wrote."""
        v = as_object(value, "a model version")
        return cls(
            id=_int(v, "id"),
            uuid=_str(v, "uuid"),
            workspace=_str(v, "workspace"),
            model=_str(v, "model"),
            version=_int(v, "version"),
            created_at=_time(v, "created_at"),
            updated_at=_time(v, "updated_at"),
            created_by=_str(v, "created_by"),
            status=Status(_str(v, "status")),
            status_message=_str(v, "status_message"),
            label=cast(str | None, v["label"]),
            stage=_str(v, "stage"),
            stage_since=_opt_time(v, "stage_since"),
            description=_str(v, "description"),
            tags=as_values(v["tags"]),
            params=as_values(v["params"]),
            # JSON written by others may hold 1 for 1.0
            metrics={k: float(n) for k, n in cast(dict[str, float], v["metrics"]).items()},
            framework=_str(v, "framework"),
            signature=None if v["signature"] is None else Signature.from_json(v["signature"]),
            source_uri=_str(v, "source_uri"),
            location=_str(v, "location"),
            run_id=_str(v, "run_id"),
            run_link=_str(v, "run_link"),
            digest=cast(str | None, v["digest"]),
            size=_int(v, "size"),
            file_count=_int(v, "file_count"),
            snapshot=cast(str | None, v["snapshot"]),
            parent=cast(str | None, v["parent"]),
            aliases=tuple(cast(list[str], v["aliases"])),
            checks=CheckState(cast(str, v.get("checks", ""))),  # older ones did not say
            deleted_at=_opt_time(v, "deleted_at"),
            revision=_int(v, "revision"),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing; `next_token` asks for the next one, None at the end."""

    items: tuple[T, ...]
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in progress: `offset` bytes of `size` (None: unknown) are safely here.

    `digest` is what the client says the bytes will be; None if it will say so at the end.
    """

    id: str
    workspace: str
    created_by: str
    created_at: datetime
    digest: str | None = None
    size: int | None = None
    offset: int = 0

    def to_json(self) -> JsonObject:
        """Return the API's form."""
        return {
            "id": self.id,
            "digest": self.digest,
            "size": self.size,
            "offset": self.offset,
            "created_at": time_to_json(self.created_at),
        }


def _str(v: JsonObject, key: str) -> str:
    return cast(str, v[key])


def _int(v: JsonObject, key: str) -> int:
    return cast(int, v[key])


def _time(v: JsonObject, key: str) -> datetime:
    return time_from_json(cast(str, v[key]))


def _opt_time(v: JsonObject, key: str) -> datetime | None:
    value = v.get(key)
    return time_from_json(value) if isinstance(value, str) else None


def _time_or_none(at: datetime | None) -> str | None:
    return None if at is None else time_to_json(at)
