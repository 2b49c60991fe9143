"""Request bodies: what may be sent, field by field, and the domain's objects made of it.

Types are strict and unknown fields are refused; lengths, keys and ranges are the domain's to check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from muniment.domain import changes, entities, names
from muniment.domain.manifest import DEFAULT_MEDIA_TYPE, FileEntry, Manifest
from muniment.errors import InvalidInput
from muniment.server.api import examples
from muniment.server.api.base_bodies import (
    Body,
    Description,
    Label,
    Name,
    Number,
    Scalar,
    ScalarOrNull,
    Sha256,
    Size,
    Text,
    _example,
    _limit,
)
from muniment.server.api.lineage_bodies import NewEdge

B = TypeVar("B", bound=BaseModel)
SECRET_FIELDS: Final = frozenset({"password", "old", "new", "secret"})
"""Fields whose values no message repeats."""


class NewModel(Body):
    """A registered model to be."""

    model_config = _example(
        name="fraud", description="Card fraud, per booking.", tags=examples.TAGS
    )

    name: Name
    description: Description = ""
    tags: dict[str, Scalar] = Field(default={})

    def to_changes(self) -> changes.ModelChanges:
        """Return everything but the name."""
        return changes.ModelChanges(description=self.description, tags=self.tags)


class ModelPatch(Body):
    """A merge patch: what is left out stays, a tag that is null is removed.

    `name` renames the model; it must stand alone.
    """

    model_config = _example(description="Card fraud, per booking.", tags={"team": None})

    name: Name | None = None
    description: Description | None = None
    tags: dict[str, ScalarOrNull] = Field(default={})

    def to_changes(self) -> changes.ModelChanges:
        """Return everything but the name."""
        return changes.ModelChanges(description=self.description, tags=self.tags)


class File(Body):
    """One file of a version."""

    model_config = _example(**examples.FILE)

    path: Annotated[str, _limit(minLength=1, maxLength=names.MAX_PATH_BYTES)]
    sha256: Sha256
    size: Size
    media_type: Annotated[str, _limit(maxLength=names.MAX_LABEL_CHARS)] = DEFAULT_MEDIA_TYPE

    def to_entry(self) -> FileEntry:
        """Return it as it stands in a manifest."""
        return FileEntry(self.path, names.check_digest(self.sha256), self.size, self.media_type)


class Variable(Body):
    """One input or output of a model; `shape` lists sizes, -1 for any."""

    model_config = _example(name="amount", type="NUMERIC", dtype="float64")

    name: Annotated[str, _limit(minLength=1, maxLength=names.MAX_TEXT_CHARS)]
    type: Literal["NUMERIC", "TEXT"]
    dtype: str | None = None
    shape: list[Annotated[int, _limit(minimum=-1)]] | None = None
    optional: bool = False


class Variables(Body):
    """All inputs, or all outputs."""

    model_config = _example(variables=[{"name": "amount", "type": "NUMERIC"}])

    variables: list[Variable] = Field(default=[])


class Signature(Body):
    """What goes into a model, and what comes out."""

    model_config = _example(**examples.SIGNATURE)

    input: Variables = Variables()
    output: Variables = Variables()

    def to_signature(self) -> entities.Signature:
        """Return it as the domain knows it."""
        return entities.Signature.from_json(self.model_dump(mode="json"))


class NewVersion(Body):
    """A version to be: with `files`, or `pending`, or a `source_uri` that it points at."""

    model_config = _example(
        files=[examples.FILE],
        label="1.0.0",
        framework="scikit-learn",
        params=examples.PARAMS,
        metrics=examples.METRICS,
        tags=examples.TAGS,
        signature=examples.SIGNATURE,
    )

    files: list[File] | None = None
    pending: bool = False
    label: Label | None = None
    description: Description = ""
    tags: dict[str, Scalar] = Field(default={})
    params: dict[str, Scalar] = Field(default={})
    metrics: dict[str, float] = Field(default={})
    framework: Text = ""
    signature: Signature | None = None
    source_uri: Text = ""
    location: Text = ""
    run_id: Text = ""
    run_link: Text = ""
    lineage: list[NewEdge] = Field(default=[])

    def to_new_version(self, files: Manifest | None = None) -> changes.NewVersion:
        """Return the request, with `files` in place of those that stand here, if given."""
        if files is None and self.files is not None:
            files = manifest_of(self.files)
        return changes.NewVersion(
            files=files,
            pending=self.pending,
            label=self.label,
            description=self.description,
            tags=self.tags,
            params=self.params,
            metrics=self.metrics,
            framework=self.framework,
            signature=None if self.signature is None else self.signature.to_signature(),
            source_uri=self.source_uri,
            location=self.location,
            run_id=self.run_id,
            run_link=self.run_link,
            origins=tuple(edge.to_origin() for edge in self.lineage),
        )


class VersionPatch(Body):
    """A merge patch: what is left out stays, a tag, param or metric that is null is removed."""

    model_config = _example(
        description="Retrained on July.", tags={"reviewed": True}, metrics={"auc": 0.98}
    )

    label: Label | None = None
    description: Description | None = None
    tags: dict[str, ScalarOrNull] = Field(default={})
    params: dict[str, ScalarOrNull] = Field(default={})
    metrics: dict[str, float | None] = Field(default={})
    framework: Text | None = None
    signature: Signature | None = None
    run_id: Text | None = None
    run_link: Text | None = None

    def to_changes(self) -> changes.VersionChanges:
        """Return the patch as the domain knows it."""
        return changes.VersionChanges(
            label=self.label,
            description=self.description,
            tags=self.tags,
            params=self.params,
            metrics=self.metrics,
            framework=self.framework,
            signature=None if self.signature is None else self.signature.to_signature(),
            run_id=self.run_id,
            run_link=self.run_link,
        )


class Seal(Body):
    """The content of a version that has none yet."""

    model_config = _example(files=[examples.FILE])

    files: list[File]


class Fail(Body):
    """Why a pending version will not come."""

    model_config = _example(message="Training ran out of memory.")

    message: Text = ""


class StageMove(Body):
    """Where a version goes."""

    model_config = _example(stage="Production", archive_existing=True, comment="Beats version 2.")

    stage: Text
    archive_existing: bool = False
    comment: Text = ""
    force: bool = False


class AliasTarget(Body):
    """Which version an alias names.

    `expect` makes it a compare-and-swap: the version it must name now, 0 for "must not exist".
    """

    model_config = _example(version=3, expect=2)

    version: Number
    expect: Annotated[int, _limit(minimum=0)] | None = None
    protected: bool | None = None


class Digests(Body):
    """Digests to look for."""

    model_config = _example(digests=[examples.SHA256])

    digests: list[Sha256]


class NewUpload(Body):
    """An upload to begin; an earlier unfinished one is gone on with, unless it must be `fresh`.

    With `direct` the answer says how to send the bytes straight to the object store, if one can.
    """

    model_config = _example(digest=examples.SHA256, size=5)

    digest: Sha256 | None = None
    size: Size | None = None
    fresh: bool = False
    direct: bool = False


class FinishedUpload(Body):
    """What the bytes of an upload are, if that was not said when it was begun."""

    model_config = _example(digest=examples.SHA256)

    digest: Sha256 | None = None


class Collection(Body):
    """A garbage collection; times in seconds, null for what the server is set up with."""

    model_config = _example(dry_run=True)

    dry_run: bool = False
    restore_window: Annotated[float, _limit(minimum=0)] | None = None
    grace: Annotated[float, _limit(minimum=0)] | None = None


def manifest_of(files: list[File]) -> Manifest:
    """Return the manifest of files; see `Manifest.of` for what it checks."""
    return Manifest.of(file.to_entry() for file in files)


def parse(model: type[B], content: bytes, *, nan: bool = False) -> B:
    """Read a JSON document that came as a part of something; `nan` lets NaN and Infinity pass.

    Raises:
        InvalidInput: naming the field that is wrong.
    """
    try:
        return model.model_validate(from_json(content, allow_inf_nan=nan))
    except ValidationError as error:
        raise explained(error.errors()[0]) from None
    except ValueError as error:
        raise not_json(error) from None


def not_json(error: ValueError) -> InvalidInput:
    """Return the error for text that is not JSON."""
    return InvalidInput(f"The body is not JSON: {error}.", hint="Send one JSON document in UTF-8.")


def explained(fault: Mapping[str, Any], *, where: str = "field") -> InvalidInput:
    """Return a fault that pydantic found as an error that names the field and the value."""
    field = ".".join(str(step) for step in fault["loc"])
    details = {"field": field}
    if not field:
        return InvalidInput("The body must be a JSON object.")
    if fault["type"] == "missing":
        return InvalidInput(f"The {where} {field!r} is missing.", details=details)
    if fault["type"] == "extra_forbidden":
        return InvalidInput(
            f"There is no {where} {field!r:.200}.",
            hint="The API reference (/docs) lists them.",
            details=details,
        )
    hidden = isinstance(fault["input"], dict | list) or field in SECRET_FIELDS
    value = "" if hidden else f", not {fault['input']!r:.80}"
    rule = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return InvalidInput(f"The {where} {field!r:.200} must be {rule}{value}.", details=details)
