"""What callers ask for: new versions and changes, checked against the rules of `names`.

A change is a merge patch: a field that is None stays as it is; a tag, param or metric that is None
is removed, others are set, those not named stay. An empty string clears a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from muniment.domain import names
from muniment.domain.entities import ModelVersion, RegisteredModel, Signature
from muniment.domain.lineage import Origin, check_origins
from muniment.domain.manifest import Manifest
from muniment.domain.replacing import replace
from muniment.domain.values import JsonObject, Value, canonical_json, sha256_hex
from muniment.errors import InvalidInput, LimitExceeded

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a new version is to be.

    With `files` it is READY at once (every blob must be stored already). Without, `pending=True`
    reserves a number, to be sealed or failed later; else `source_uri` says where the content is
    (and `location` where its bytes are, if that is somewhere else), and the version is READY as a
    mere pointer. `origins` become edges of its lineage in the same step.
    """

    files: Manifest | None = None
    pending: bool = False
    label: str | None = None
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
    origins: tuple[Origin, ...] = ()

    def checked(self) -> NewVersion:
        """Return this with every field checked (metrics as floats).

        Raises:
            InvalidInput, LimitExceeded: naming the field, the value and the rule.
        """
        if self.files is not None and self.pending:
            raise InvalidInput("A version with files can't be pending: leave one of them out.")
        if self.files is None and not self.pending and not self.source_uri:
            raise InvalidInput(
                "A version needs files, or a source_uri to point at, or pending=true.",
                hint="Upload the files first and name them in `files`.",
            )
        return replace(
            self,
            label=names.check_label(self.label) if self.label else None,
            description=_description(self.description),
            tags=names.check_values(self.tags, "tag", names.MAX_TAGS),
            params=names.check_values(self.params, "param", names.MAX_PARAMS),
            metrics=names.check_metrics(self.metrics),
            framework=names.check_text(self.framework, "framework"),
            signature=check_signature(self.signature),
            source_uri=names.check_text(self.source_uri, "source_uri"),
            location=names.check_text(self.location, "location"),
            run_id=names.check_text(self.run_id, "run_id"),
            run_link=names.check_text(self.run_link, "run_link"),
            origins=check_origins(self.origins),
        )

    def to_json(self) -> JsonObject:
        """Return the API's form of the request."""
        out: JsonObject = {
            "files": None if self.files is None else [f.to_json() for f in self.files.files],
            "pending": self.pending,
            "label": self.label,
            "description": self.description,
            "tags": dict(self.tags),
            "params": dict(self.params),
            "metrics": dict(self.metrics),
            "framework": self.framework,
            "signature": None if self.signature is None else self.signature.to_json(),
            "source_uri": self.source_uri,
            "run_id": self.run_id,
            "run_link": self.run_link,
        }
        if self.location:  # servers that came before it refuse what they do not know
            out["location"] = self.location
        if self.origins:
            out["lineage"] = [origin.to_json() for origin in self.origins]
        return out

    def fingerprint(self) -> str:
        """Return a digest of the request, to tell a repeated one from another one."""
        return sha256_hex(canonical_json(self.to_json()))


@dataclass(frozen=True, slots=True)
class ModelChanges:
    """A merge patch for a registered model."""

    description: str | None = None
    tags: Mapping[str, Value | None] = field(default_factory=dict)

    def apply(self, model: RegisteredModel) -> RegisteredModel:
        """Return the changed model (times and revision are the service's business)."""
        return replace(
            model,
            description=_text(self.description, model.description, _description),
            tags=_merged_values(model.tags, self.tags, "tag", names.MAX_TAGS),
        )

    def to_json(self) -> JsonObject:
        """Return the API's form: only what is changed."""
        out: JsonObject = {}
        if self.description is not None:
            out["description"] = self.description
        if self.tags:
            out["tags"] = dict(self.tags)
        return out


NOTHING = ModelChanges()


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """A merge patch for a model version. Its content and source can't be changed."""

    label: str | None = None
    description: str | None = None
    tags: Mapping[str, Value | None] = field(default_factory=dict)
    params: Mapping[str, Value | None] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    framework: str | None = None
    signature: Signature | None = None
    run_id: str | None = None
    run_link: str | None = None

    @property
    def tags_only(self) -> bool:
        """Whether nothing but tags is named."""
        return self == VersionChanges(tags=self.tags)

    def apply(self, version: ModelVersion) -> ModelVersion:
        """Return the changed version (times and revision are the service's business)."""
        if self.tags_only:
            return replace(
                version, tags=_merged_values(version.tags, self.tags, "tag", names.MAX_TAGS)
            )
        label = version.label
        if self.label is not None:
            label = names.check_label(self.label) if self.label else None
        return replace(
            version,
            label=label,
            description=_text(self.description, version.description, _description),
            tags=_merged_values(version.tags, self.tags, "tag", names.MAX_TAGS),
            params=_merged_values(version.params, self.params, "param", names.MAX_PARAMS),
            metrics=names.check_metrics(merge(version.metrics, self.metrics)),
            framework=_checked_text(self.framework, version.framework, "framework"),
            signature=check_signature(self.signature) or version.signature,
            run_id=_checked_text(self.run_id, version.run_id, "run_id"),
            run_link=_checked_text(self.run_link, version.run_link, "run_link"),
        )

    def to_json(self) -> JsonObject:
        """Return the API's form: only what is changed."""
        out: JsonObject = {}
        for key in ("label", "description", "framework", "run_id", "run_link"):
            if (text := getattr(self, key)) is not None:
                out[key] = text
        for key in ("tags", "params", "metrics"):
            if mapping := getattr(self, key):
                out[key] = dict(mapping)
        if self.signature is not None:
            out["signature"] = self.signature.to_json()
        return out


def merge(old: Mapping[str, V], changes: Mapping[str, V | None]) -> dict[str, V]:
    """Return `old` with the changes: None removes a key, anything else sets it."""
    merged = dict(old)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def check_signature(signature: Signature | None) -> Signature | None:
    """Check the number and names of a signature's variables."""
    if signature is None:
        return None
    for side, variables in (("input", signature.inputs), ("output", signature.outputs)):
        if len(variables) > names.MAX_VARIABLES:
            raise LimitExceeded(
                f"The signature has {len(variables)} {side} variables; "
                f"at most {names.MAX_VARIABLES} are allowed.",
                details={"limit": names.MAX_VARIABLES},
            )
        seen: set[str] = set()
        for variable in variables:
            names.check_text(variable.name, f"name of an {side} variable")
            if variable.name in seen:
                raise InvalidInput(f"The {side} variable {variable.name!r:.200} stands twice.")
            seen.add(variable.name)
    return signature


def _merged_values(
    old: Mapping[str, Value], changes: Mapping[str, Value | None], what: str, limit: int
) -> Mapping[str, Value]:
    return names.check_values(merge(old, changes), what, limit, old) if changes else old


def _description(text: str) -> str:
    return names.check_text(text, "description", names.MAX_DESCRIPTION_CHARS)


def _text(new: str | None, old: str, check: Callable[[str], str]) -> str:
    return old if new is None else check(new)


def _checked_text(new: str | None, old: str, what: str) -> str:
    return old if new is None else names.check_text(new, what)
