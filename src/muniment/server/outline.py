"""An OpenAPI document, put into the order in which people read it.

outline ─> groups ─> operations ─> parameters, request, answers     (models, versions, …)
        └> schemas ─> fields                                        (#schema-NewVersion)
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
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
    required: bool = True


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
            type=_type(parameter.get("schema", {})),
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
            required=it.get("required", False),
        )
        for media_type, content in it.get("content", {}).items()
    ]


def _schema(name: str, schema: Json, schemas: Json) -> Schema:
    required = schema.get("required", ())
    return Schema(
        name=name,
        description=schema.get("description", ""),
        fields=[
            Field(
                name=field,
                type=_type(it),
                required=field in required,
                description=it.get("description", ""),
                default=_default(it),
            )
            for field, it in schema.get("properties", {}).items()
        ],
        type=_type({key: value for key, value in schema.items() if key != "title"}),
        example=_pretty(schema["examples"][0]) if schema.get("examples") else "",
    )


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
            return example if "json" not in media_type else _pretty(example)
    return ""


def _example(content: Json, schemas: Json) -> Any:
    """Return the example of a parameter, body or schema, or None."""
    if "example" in content:
        return content["example"]
    for named in (content.get("examples") or {},):
        if isinstance(named, Mapping) and named:
            first: Json = next(iter(named.values()))
            return first.get("value")
        if isinstance(named, list) and named:
            return named[0]
    schema: Json = content.get("schema", content)
    if reference := schema.get("$ref"):
        return _example(schemas[reference.removeprefix(_REF)], schemas)
    return schema["examples"][0] if schema.get("examples") else None


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _curl(method: str, path: str, it: Json, schemas: Json) -> str:
    words = list(_curl_words(method, path, it, schemas))
    return " \\\n  ".join(words)


def _curl_words(method: str, path: str, it: Json, schemas: Json) -> Iterator[str]:
    query: dict[str, str] = {}
    headers: list[str] = []
    for parameter in it.get("parameters", ()):
        name, required = parameter["name"], parameter.get("required", False)
        example = _example(parameter, schemas)
        if parameter["in"] == "path":
            text = quote(str(example if example is not None else name), safe="/")
            path = path.replace(f"{{{name}}}", text).replace(f"{{{name}:path}}", text)
        elif required and parameter["in"] == "query":
            query[name] = str(example)
        elif required:
            headers.append(f"{name}: {example}")
    url = _ORIGIN + path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    verb = {"get": "", "head": "--head "}.get(method, f"-X {method.upper()} ")
    yield f"curl {verb}{shlex.quote(url)}"
    for header in headers:
        yield f"-H {shlex.quote(header)}"
    for media_type, content in it.get("requestBody", {}).get("content", {}).items():
        if "json" in media_type:
            example = _example(content, schemas)
            yield f"-H {shlex.quote('Content-Type: ' + media_type)}"
            yield f"-d {shlex.quote(json.dumps(example, ensure_ascii=False))}"
        elif media_type.startswith("multipart/"):
            yield "-F file=@model.pkl"
        else:
            yield "--data-binary @model.pkl"
        return
