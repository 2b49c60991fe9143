"""Answers as the API reference shows them. Documentation only: nothing passes through these models.

The tests hold them against what the entities really write.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from muniment.domain.manifest import SCHEMA
from muniment.server.api import examples
from muniment.server.api.base_bodies import Scalar
from muniment.server.api.bodies import File, Signature


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


class Document(BaseModel):
    """An answer. All fields are always there. Its schema is built for the reference only."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class RegisteredModel(Document):
    """A registered model; `latest` is its newest READY version."""

    model_config = _example(**examples.MODEL)

    id: int
    uuid: str
    workspace: str
    name: str
    slug: str
    description: str
    tags: dict[str, Scalar]
    aliases: dict[str, int]
    latest: int | None
    last_number: int
    version_count: int
    created_at: str
    updated_at: str
    created_by: str
    deleted_at: str | None
    revision: int


class ModelVersion(Document):
    """A version of a registered model; `digest` is that of its manifest, `size` in bytes.

    `checks` says what its checks say together; it is empty if none was asked for.
    """

    model_config = _example(**examples.VERSION)

    id: int
    uuid: str
    workspace: str
    model: str
    version: int
    label: str | None
    status: Literal["PENDING", "READY", "FAILED"]
    status_message: str
    stage: str
    stage_since: str | None
    aliases: list[str]
    description: str
    tags: dict[str, Scalar]
    params: dict[str, Scalar]
    metrics: dict[str, float]
    framework: str
    signature: Signature | None
    source_uri: str
    location: str
    run_id: str
    run_link: str
    digest: str | None
    size: int
    file_count: int
    snapshot: str | None
    parent: str | None
    checks: Literal["", "waiting", "passed", "failed"]
    created_at: str
    updated_at: str
    created_by: str
    deleted_at: str | None
    revision: int


class Alias(Document):
    """A movable name for one version; a protected one moves only by compare-and-swap."""

    model_config = _example(**examples.ALIAS)

    alias: str
    version: int
    protected: bool
    updated_at: str
    updated_by: str
    revision: int


class Activity(Document):
    """One entry of a model's history; `previous` is the hash of the entry before it."""

    model_config = _example(**examples.ACTIVITY)

    model_uuid: str
    sequence: int
    kind: str
    actor: str
    at: str
    version: int | None
    comment: str
    details: dict[str, Any]
    previous: str
    hash: str


class ModelPage(Document):
    """Registered models, and where to go on."""

    model_config = _example(items=[examples.MODEL], next_page_token=None)

    items: list[RegisteredModel]
    next_page_token: str | None


class VersionPage(Document):
    """Versions, and where to go on."""

    model_config = _example(items=[examples.VERSION], next_page_token=None)

    items: list[ModelVersion]
    next_page_token: str | None


class ActivityPage(Document):
    """Activities, and where to go on."""

    model_config = _example(items=[examples.ACTIVITY], next_page_token=None)

    items: list[Activity]
    next_page_token: str | None


class Aliases(Document):
    """All aliases of a model, by name."""

    model_config = _example(items=[examples.ALIAS])

    items: list[Alias]


class Verified(Document):
    """How many entries of the history were checked."""

    model_config = _example(activities=4)

    activities: int


class Missing(Document):
    """Those of the digests that must be uploaded."""

    model_config = _example(missing=[examples.SHA256])

    missing: list[str]


class Blob(Document):
    """A stored blob; its size is in bytes."""

    model_config = _example(digest=examples.SHA256, size=5)

    digest: str
    size: int


class DirectUpload(Document):
    """A request to the object store itself: PUT all bytes to `url`, with these headers only."""

    model_config = _example(
        url="https://s3.example.com/models/staging/…?X-Amz-Signature=…",
        headers={"Content-Length": "5"},
    )

    url: str
    headers: dict[str, str]


class Upload(Document):
    """An upload in progress: `offset` bytes of `size` are safely here."""

    model_config = _example(
        id=examples.UPLOAD,
        digest=examples.SHA256,
        size=5,
        offset=2,
        created_at=examples.TIME,
    )

    id: str
    digest: str | None
    size: int | None
    offset: int
    created_at: str


class BegunUpload(Upload):
    """The same, and where its bytes can be sent to instead, if that was asked for and can be."""

    direct: DirectUpload | None = None


class Present(Document):
    """The blob is here already; nothing needs to be sent."""

    model_config = _example(present=True)

    present: Literal[True]


class Manifest(Document):
    """The files of a version, by path, in canonical form."""

    model_config = _example(files=[examples.FILE], schema=SCHEMA)

    files: list[File]
    schema_: str = Field(alias="schema")  # pydantic keeps the plain name for itself


class GarbageReport(Document):
    """What a collection freed, or would free; sizes in bytes."""

    model_config = _example(
        dry_run=True,
        purged_versions=1,
        manifests=1,
        blobs=2,
        bytes=1_048_581,
        uploads=0,
        kept_blobs=12,
        kept_bytes=73_400_320,
    )

    dry_run: bool
    purged_versions: int
    manifests: int
    blobs: int
    bytes: int
    uploads: int
    kept_blobs: int
    kept_bytes: int


class Storage(Document):
    """Totals over all workspaces: bytes as users count them, and as they are stored."""

    model_config = _example(
        models=3,
        versions=17,
        files=40,
        logical_bytes=293_601_280,
        stored_blobs=12,
        stored_bytes=73_400_320,
    )

    models: int
    versions: int
    files: int
    logical_bytes: int
    stored_blobs: int
    stored_bytes: int


class Server(Document):
    """Which server this is, and how large things may be."""

    model_config = _example(name="muniment", version="0.1.0", limits={"page_size": 1000})

    name: Literal["muniment"]
    version: str
    limits: dict[str, int]


class Problem(Document):
    """What went wrong (RFC 9457), and what to do next."""

    model_config = _example(
        type="about:blank",
        title="Not Found",
        status=404,
        detail="There is no model 'fraud'.",
        code="not_found",
        hint="`muniment ls` lists the models.",
        details={},
        request_id=examples.UUID,
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    details: dict[str, Any]
    request_id: str | None
