"""An OpenAPI document, put into the order in which people read it.

outline ─> groups ─> operations ─> parameters, request, answers     (models, versions, …)
        └> schemas ─> fields                                        (#schema-NewVersion)
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

Json: TypeAlias = Mapping[str, Any]
_METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
_REF: Final = "#/components/schemas/"
_ORIGIN: Final = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class TypePart:
    """A piece of a type's name; `schema` is what it links to, if anything."""

    text: str
    schema: str | None = None


TypeName: TypeAlias = list[TypePart]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a schema, or a parameter of an operation (`place`: path, query, header)."""

    name: str
    type: TypeName
    required: bool
    description: str
    place: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent or answered, in one media type."""

    media_type: str
    type: TypeName
    description: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation may answer."""

    status: str
    description: str
    bodies: list[Body]
    headers: list[str]


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a path."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    bodies: list[Body]
    answers: list[Answer]
    curl: str
    example: str


@dataclass(frozen=True, slots=True)
class Group:
    """Operations on one kind of thing."""

    name: str
    description: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Schema:
    """A kind of document: its fields, or what it is if it has none."""

    name: str
    description: str
    fields: list[Field]
    type: TypeName
    example: str


@dataclass(frozen=True, slots=True)
class Outline:
    """All of an API."""

    title: str
    summary: str
    groups: list[Group]
    schemas: list[Schema]


def outline(document: Json) -> Outline:
    """Return the outline of an OpenAPI 3.1 document."""
    schemas: Json = document.get("components", {}).get("schemas", {})
    described = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    groups: dict[str, list[Operation]] = {name: [] for name in described}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = _operation(method, path, item[method], schemas)
                groups.setdefault(item[method].get("tags", ["other"])[0], []).append(operation)
    return Outline(
        title=document["info"]["title"],
        summary=document["info"].get("summary", ""),
        groups=[
            Group(name, described.get(name, ""), operations)
            for name, operations in groups.items()
            if operations
        ],
        schemas=[_schema(name, schemas[name], schemas) for name in sorted(schemas)],
    )


def _operation(method: str, path: str, it: Json, schemas: Json) -> Operation:
    parameters = [
        Field(
            name=parameter["name"],
            type=_type(_without_null(parameter.get("schema", {}))),
            required=parameter.get("required", False),
            description=parameter.get("description", ""),
            place=parameter["in"],
            default=_default(parameter.get("schema", {})),
        )
        for parameter in it.get("parameters", ())
    ]
    request: Json = it.get("requestBody", {})
    answers = [
        Answer(
            status=status,
            description=answer.get("description", ""),
            bodies=_bodies(answer),
            headers=sorted(answer.get("headers", ())),
        )
        for status, answer in sorted(it.get("responses", {}).items())
    ]
    good: Json = next((it["responses"][a.status] for a in answers if a.status.startswith("2")), {})
    return Operation(
        id=it.get("operationId", f"{method}{path}"),
        method=method.upper(),
        path=path,
        summary=it.get("summary", ""),
        description=it.get("description", ""),
        parameters=parameters,
        bodies=_bodies(request),
        answers=answers,
        curl=_curl(method, path, it, schemas),
        example=_first_example(good, schemas),
    )


def _bodies(it: Json) -> list[Body]:
    return [
        Body(
            media_type=media_type,
            type=_type(content.get("schema", {})),
            description=content.get("schema", {}).get("description", ""),
            fields=_fields(content.get("schema", {})),
        )
        for media_type, content in it.get("content", {}).items()
    ]


def _schema(name: str, schema: Json, schemas: Json) -> Schema:
    example = _example(schema, schemas)
    return Schema(
        name=name,
        description=schema.get("description", ""),
        fields=_fields(schema),
        type=_type(schema),
        example="" if example is None else _pretty(example),
    )


def _fields(schema: Json) -> list[Field]:
    """Return the fields of an object; where all are required (in answers), that says nothing."""
    fields: Json = schema.get("properties", {})
    required = set(schema.get("required", ()))
    return [
        Field(
            name=name,
            type=_type(it),
            required=name in required and required != fields.keys(),
            description=it.get("description", ""),
            default=_default(it),
        )
        for name, it in fields.items()
    ]


# -- types ---------------------------------------------------------------------------------------


def _type(schema: Json) -> TypeName:
    """Return how the type reads: `string`, `list of File`, `map to number`, `integer or null`."""
    if reference := schema.get("$ref"):
        name = reference.removeprefix(_REF)
        return [TypePart(name, schema=name)]
    for key in ("anyOf", "oneOf", "allOf"):
        if options := schema.get(key):
            return _joined([_type(option) for option in options], " or ")
    if "const" in schema:
        return [TypePart(json.dumps(schema["const"]))]
    if "enum" in schema:
        return [TypePart(" | ".join(json.dumps(value) for value in schema["enum"]))]
    kind = schema.get("type")
    if isinstance(kind, list):
        return _joined([_type({**schema, "type": one}) for one in kind], " or ")
    if kind == "array":
        return [TypePart("list of "), *_type(schema.get("items", {}))]
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return [TypePart("map to "), *_type(schema["additionalProperties"])]
    words = {"string": {"binary": "bytes", "date-time": "time"}.get(schema.get("format", ""))}
    return [TypePart(words.get(kind or "") or kind or "anything")]


def _without_null(schema: Json) -> Json:
    """Return the type of a parameter that may be left out: "or null" means just that."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    return {**schema, "anyOf": options} if options else schema


def _joined(names: list[TypeName], word: str) -> TypeName:
    return [
        part for at, name in enumerate(names) for part in ([TypePart(word)] if at else []) + name
    ]


def _default(schema: Json) -> str:
    value = schema.get("default")
    return "" if value is None or value in ("", [], {}) else json.dumps(value)


# -- examples ------------------------------------------------------------------------------------


def _first_example(it: Json, schemas: Json) -> str:
    for media_type, content in it.get("content", {}).items():
        example = _example(content, schemas)
        if example is not None:
            return _pretty(example) if "json" in media_type else str(example)
    return ""


def _example(content: Json, schemas: Json) -> Any:
    """Return the example of a parameter, body or schema, or None."""
    schema: Json = content.get("schema", content)
    if reference := schema.get("$ref"):
        schema = schemas[reference.removeprefix(_REF)]
    for place in (content, schema):
        if "example" in place:
            return _ordered(place["example"], schema, schemas)
        examples = place.get("examples")
        if isinstance(examples, Mapping):  # of a body: by name
            return _ordered(next(iter(examples.values()))["value"], schema, schemas)
        if examples:  # of a schema
            return _ordered(examples[0], schema, schemas)
    return None


def _ordered(value: Any, schema: Json, schemas: Json) -> Any:
    """Return an example with its keys in the order of the schema (pydantic sorts them by name)."""
    if reference := schema.get("$ref"):
        schema = schemas[reference.removeprefix(_REF)]
    if isinstance(value, list):
        return [_ordered(item, schema.get("items", {}), schemas) for item in value]
    fields: Json = schema.get("properties", {})
    if not isinstance(value, dict) or not fields:
        return value
    keys = [*(key for key in fields if key in value), *(key for key in value if key not in fields)]
    return {key: _ordered(value[key], fields.get(key, {}), schemas) for key in keys}


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(method: str, path: str, it: Json, schemas: Json) -> str:
    query: dict[str, str] = {}
    headers: list[str] = []
    for parameter in it.get("parameters", ()):
        if not parameter.get("required", False):
            continue
        name = parameter["name"]
        given = _example(parameter, schemas)
        example = name if given is None else str(given)
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(example, safe="/"))
        elif parameter["in"] == "query":
            query[name] = example
        else:
            headers.append(f"{name}: {example}")
    url = _ORIGIN + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    media_type, content = next(iter(it.get("requestBody", {}).get("content", {}).items()), ("", {}))
    data: list[str] = []
    if "json" in media_type:
        headers.append(f"Content-Type: {media_type}")
        data = [f"-d {shlex.quote(_pretty(_example(content, schemas)))}"]
    elif media_type.startswith("multipart/"):
        data = ["-F file=@model.pkl"]
    elif media_type:
        data = ["-T model.pkl"]
    implied = {"get": not data, "put": data == ["-T model.pkl"], "post": bool(data)}
    verb = "--head " if method == "head" else f"-X {method.upper()} "
    words = [f"curl {'' if implied.get(method) else verb}{shlex.quote(url)}"]
    words += [f"-H {shlex.quote(header)}" for header in headers]
    return " \\\n  ".join([*words, *data])
