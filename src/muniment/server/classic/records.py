"""Classic metadata and model versions, each as the other.

classic                              here
name                                 registered model
version "1.0.0"                      label of an integer version
<id>.<file_extension>                the version's one file
id, file_extension, storage_group    tags classic.id, classic.file_extension, …
metrics, parameters, tags            metrics, params, tags; what these can't hold (lists,
                                     dicts, None, …) as JSON in the tag classic.extra
metadata_id, _id                     the version's uuid
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from muniment.domain import names
from muniment.domain.changes import NewVersion
from muniment.domain.entities import ModelVersion
from muniment.domain.values import JsonObject, Value, time_to_json
from muniment.errors import InvalidInput, LimitExceeded, MunimentError, NotFound
from muniment.schemas import ModelMetadata

RESERVED: Final = "classic."
ID: Final = "classic.id"
EXTENSION: Final = "classic.file_extension"
GROUP: Final = "classic.storage_group"
EXTRA: Final = "classic.extra"


@dataclass(frozen=True, slots=True)
class Record:
    """A version that was uploaded by a classic client, as that client sees it."""

    version: ModelVersion

    @classmethod
    def of(cls, version: ModelVersion) -> Record:
        """Return a version's record. Raises NotFound if it was not uploaded here."""
        if ID not in version.tags:
            raise NotFound(
                f"{version.ref!r:.300} was not uploaded by a classic client.",
                hint=f"Get it with `muniment pull` or muniment.connect(…).pull({version.ref!r}).",
            )
        return cls(version)

    @property
    def file_name(self) -> str:
        """The path of the version's one file."""
        return file_name(self._tag(ID), self._tag(EXTENSION))

    @property
    def storage_group(self) -> str:
        """What the model was sorted under."""
        return self._tag(GROUP)

    @property
    def storage_path(self) -> str:
        """Where classic clients look for the file."""
        return f"{self.version.model}/{self._version}/{self.file_name}"

    def to_json(self) -> dict[str, Any]:
        """Return what `get_metadata` answers."""
        version, extra = self.version, self._extra()
        tags = {k: v for k, v in version.tags.items() if not k.startswith(RESERVED)}
        return {
            "_id": version.uuid,
            "id": self._tag(ID),
            "name": version.model,
            "version": self._version,
            "file_extension": self._tag(EXTENSION),
            "storage_group": self.storage_group,
            "storage_path": self.storage_path,
            "description": version.description,
            "framework": version.framework,
            "metrics": {**extra.get("metrics", {}), **version.metrics},
            "parameters": {**extra.get("parameters", {}), **version.params},
            "tags": {**extra.get("tags", {}), **tags},
            "size": version.size,
            "stage": version.stage,
            "version_number": version.version,
            "created_at": time_to_json(version.created_at),
            "updated_at": time_to_json(version.updated_at),
            "created_by": version.created_by,
        }

    @property
    def _version(self) -> str:
        return self.version.label or str(self.version.version)

    def _tag(self, key: str) -> str:
        return str(self.version.tags.get(key, ""))

    def _extra(self) -> dict[str, dict[str, Any]]:
        """Return what the version's own fields can't hold; nothing if its tag was overwritten."""
        try:
            extra = json.loads(self._tag(EXTRA) or "{}")
        except ValueError:
            return {}
        values = extra.items() if isinstance(extra, dict) else ()
        return {key: value for key, value in values if isinstance(value, dict)}


def file_name(id: str, extension: str) -> str:
    """Return `<id>.<extension>`; the extension may come with its dot, or be empty."""
    bare = extension.removeprefix(".")
    return f"{id}.{bare}" if bare else id


def new_version(metadata: ModelMetadata) -> NewVersion:
    """Return the version that metadata asks for, still without its file.

    Raises:
        InvalidInput, LimitExceeded: naming the field, the value and the rule.
    """
    names.check_model_name(metadata.name)
    name = names.check_path(file_name(metadata.id, metadata.file_extension))
    if not metadata.id or "/" in name:
        raise InvalidInput(
            f"The id {metadata.id!r:.200} and the file extension "
            f"{metadata.file_extension!r:.200} make no file name.",
            details={"field": "id"},
        )
    if taken := sorted(key for key in metadata.tags if key.startswith(RESERVED)):
        raise InvalidInput(
            f"The tag {taken[0]!r:.200} is reserved: it begins with {RESERVED!r}.",
            details={"field": "tags"},
        )
    metrics, odd_metrics = _split(metadata.metrics, _as_metric)
    params, odd_params = _split(metadata.parameters, _as_value)
    tags, odd_tags = _split(metadata.tags, _as_value)
    tags |= {ID: metadata.id, EXTENSION: metadata.file_extension, GROUP: metadata.storage_group}
    odd = {"metrics": odd_metrics, "parameters": odd_params, "tags": odd_tags}
    if any(odd.values()):
        tags[EXTRA] = _as_text({key: values for key, values in odd.items() if values})
    return NewVersion(
        pending=True,  # until its file is here
        label=names.check_label(metadata.version),
        description=metadata.description or "",
        framework=metadata.framework or "",
        metrics=cast(Mapping[str, float], metrics),
        params=params,
        tags=tags,
    ).checked()


def _split(
    values: Mapping[str, Any], check: Callable[[str, Any], Value]
) -> tuple[dict[str, Value], dict[str, Any]]:
    """Return what a version's own fields can hold, and the rest."""
    plain: dict[str, Value] = {}
    odd: dict[str, Any] = {}
    for key, value in values.items():
        try:
            plain[key] = check(key, value)
        except MunimentError:
            odd[key] = value
    return plain, odd


def _as_value(key: str, value: Any) -> Value:
    return names.check_values({key: value}, "value", 1)[key]


def _as_metric(key: str, value: Any) -> Value:
    number = names.check_metrics({key: value})[key]
    if number != value:
        raise InvalidInput(f"{value} is no double.")
    return number


def _as_text(odd: JsonObject) -> str:
    text = json.dumps(odd)
    if len(text) > names.MAX_VALUE_CHARS:
        raise LimitExceeded(
            f"Metrics, parameters and tags that are no plain numbers, texts or booleans have "
            f"{len(text)} characters as JSON; at most {names.MAX_VALUE_CHARS} are allowed.",
            hint="Upload large values as files: muniment.connect(…).push(folder).",
            details={"limit": names.MAX_VALUE_CHARS},
        )
    return text
