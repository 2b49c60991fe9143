"""How people write the fields of a search: `stage`, `tags.team`, `version.created_at`, ….

What stands without a scope belongs to the searched entity, but for what only versions have:

                        searching models         searching versions
    name                the model's              the model's
    stage, metrics.x    a version's              the version's
    created_at, tags.x  the model's              the version's
    model.tags.x        the model's              the model's
    version.tags.x      a version's              the version's
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from muniment.domain.query import (
    MODEL_ATTRIBUTES,
    VERSION_ATTRIBUTES,
    Field,
    FieldType,
    Namespace,
    Scope,
    Target,
    attribute,
)
from muniment.errors import InvalidInput

_SCOPES = {scope.value: scope for scope in Scope}
_NAMESPACES = {
    "attribute": Namespace.ATTRIBUTE,
    "attributes": Namespace.ATTRIBUTE,
    "tag": Namespace.TAG,
    "tags": Namespace.TAG,
    "param": Namespace.PARAM,
    "params": Namespace.PARAM,
    "metric": Namespace.METRIC,
    "metrics": Namespace.METRIC,
}
_OWN = {Target.MODELS: Scope.MODEL, Target.VERSIONS: Scope.VERSION}
# Nothing is ordered by these: aliases may be many, and no page token can hold a description.
_UNORDERED = frozenset({"alias", "description"})


def _attributes(target: Target) -> dict[str, Field]:
    """Return every way to write an attribute in a search for `target`."""
    of_model = {name: attribute(Target.MODELS, name) for name in MODEL_ATTRIBUTES}
    of_version = {name: attribute(Target.VERSIONS, name) for name in VERSION_ATTRIBUTES}
    if target is Target.MODELS:
        plain = of_version | of_model | {"model": of_model["name"]}
    else:
        plain = of_version | {"name": of_version["model"]}
    return (
        plain
        | {f"model.{name}": field for name, field in of_model.items()}
        | {f"version.{name}": field for name, field in of_version.items()}
    )


_ATTRIBUTES = {target: _attributes(target) for target in Target}


def find_field(parts: Sequence[str], target: Target) -> Field:
    """Return the field that is written as `parts` with dots between them.

    >>> find_field(["tags", "cost", "centre"], Target.MODELS).name
    'cost.centre'

    Raises:
        InvalidInput: there is no such field; the hint lists names near it.
    """
    rest = list(parts)
    scope = rest.pop(0) if len(rest) > 1 and rest[0] in _SCOPES else ""
    namespace = Namespace.ATTRIBUTE
    if rest[0] in _NAMESPACES:
        namespace = _NAMESPACES[rest.pop(0)]
        if not rest:
            written = ".".join(parts)
            raise InvalidInput(f"{written!r} needs a key.", hint=f"Write it like {written}.team.")
    key = ".".join(rest)
    if namespace is Namespace.ATTRIBUTE:
        return _attribute(f"{scope}.{key}" if scope else key, target)
    if namespace is Namespace.TAG:
        return Field(_SCOPES.get(scope, _OWN[target]), namespace, key, FieldType.DYNAMIC)
    if scope == Scope.MODEL:
        raise InvalidInput(f"A model has no {namespace}.", hint=f"Write {namespace}.{key:.80}.")
    kind = FieldType.NUMBER if namespace is Namespace.METRIC else FieldType.DYNAMIC
    return Field(Scope.VERSION, namespace, key, kind)


def _attribute(name: str, target: Target) -> Field:
    names = _ATTRIBUTES[target]
    if name in names:
        return names[name]
    near = [other for other in names if other.endswith(f".{name}")]
    near = near or difflib.get_close_matches(name[:80].lower(), names)
    first, dot, key = name.partition(".")
    if dot:
        near += [f"{n}.{key:.80}" for n in difflib.get_close_matches(first[:80], _NAMESPACES)]
    plain = ", ".join(other for other in names if "." not in other)
    raise InvalidInput(
        f"There is no field {name!r:.80}.",
        hint=f"Did you mean {' or '.join(near)}?"
        if near
        else f"Fields are {plain}, tags.<key>, params.<key> and metrics.<key>.",
    )


def check_sortable(field: Field, target: Target) -> Field:
    """Return a field that `target` can be ordered by: its attributes, and metrics of versions.

    Raises:
        InvalidInput: it can't; the hint lists the fields that it can be ordered by.
    """
    if field.scope is _OWN[target] and (
        field.namespace is Namespace.METRIC
        or (field.namespace is Namespace.ATTRIBUTE and field.name not in _UNORDERED)
    ):
        return field
    attributes = MODEL_ATTRIBUTES if target is Target.MODELS else VERSION_ATTRIBUTES
    names = [name for name in attributes if name not in _UNORDERED]
    if target is Target.VERSIONS:
        names.append("metrics.<key>")
    prefix = "" if field.namespace is Namespace.ATTRIBUTE else f"{field.namespace}."
    raise InvalidInput(
        f"{target.capitalize()} can't be ordered by {prefix + field.name!r:.80}.",
        hint=f"Order by {', '.join(names[:-1])} or {names[-1]}.",
    )
