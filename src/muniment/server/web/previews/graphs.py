"""ONNX: what goes into a graph, what comes out, of which operators it is made.

A protocol buffer is fields one after the other, `(number << 3 | type)` and a value, so what is not
asked for (weights) is stepped over and never read.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from muniment.server.web.previews.source import Source, Unreadable

_MAX_FIELDS: Final = 150_000
_MAX_TEXT: Final = 1_000
_MAX_VALUES: Final = 300
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_TYPES: Final = (
    "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
    "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output: a size that the graph leaves open has a name, or is "?"."""

    name: str
    type: str
    shape: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Graph:
    """An ONNX model; `operators` says how often each occurs, the most frequent first."""

    kind: ClassVar[str] = "graph"
    producer: str
    ir_version: int
    opsets: tuple[str, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    operators: tuple[tuple[str, int], ...]
    nodes: int
    weights: int
    parameters: int


def graph_of(path: str, source: Source) -> Graph | None:
    """Return what an ONNX file says of itself; None for other files. Raises Unreadable."""
    if not path.lower().endswith(".onnx"):
        return None
    return _Reader(source).model()


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: an integer is its `value`; else its bytes are [start, end)."""

    number: int
    type: int
    value: int
    start: int
    end: int


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = _MAX_FIELDS

    def model(self) -> Graph:
        texts: dict[int, str] = {}
        version, opsets, graph = 0, list[str](), None
        for field in self._fields(0, self._source.size):
            match field.number, field.type:
                case 1, 0:
                    version = field.value
                case (2 | 3) as number, 2:
                    texts[number] = self._text(field)
                case 7, 2:
                    graph = field
                case 8, 2:
                    opsets.append(self._opset(field))
        if graph is None or not version:
            raise Unreadable
        producer = f"{texts.get(2, '')} {texts.get(3, '')}".strip()
        return self._graph(graph, producer, version, tuple(opsets[:20]))

    def _graph(self, graph: _Field, producer: str, version: int, opsets: tuple[str, ...]) -> Graph:
        operators: Counter[str] = Counter()
        inputs, outputs, weights, parameters = list[Port](), list[Port](), set[str](), 0
        for field in self._fields(graph.start, graph.end):
            if field.type != _BYTES:
                continue
            match field.number:
                case 1:
                    operators[self._operator(field)] += 1
                case 5:
                    name, count = self._weight(field)
                    weights.add(name)
                    parameters += count
                case 11:
                    inputs.append(self._port(field))
                case 12:
                    outputs.append(self._port(field))
        return Graph(
            producer=producer,
            ir_version=version,
            opsets=opsets,
            inputs=tuple(one for one in inputs if one.name not in weights)[:_MAX_VALUES],
            outputs=tuple(outputs)[:_MAX_VALUES],
            operators=tuple(operators.most_common(50)),
            nodes=operators.total(),
            weights=len(weights),
            parameters=parameters,
        )

    def _opset(self, message: _Field) -> str:
        domain, version = "", 0
        for field in self._fields(message.start, message.end):
            if (field.number, field.type) == (1, _BYTES):
                domain = self._text(field)
            elif (field.number, field.type) == (2, _VARINT):
                version = field.value
        return f"{domain or 'ai.onnx'} {version}"

    def _operator(self, message: _Field) -> str:
        for field in self._fields(message.start, message.end):
            if (field.number, field.type) == (4, _BYTES):
                return self._text(field)
        return ""

    def _weight(self, message: _Field) -> tuple[str, int]:
        name, sizes = "", list[int]()
        for field in self._fields(message.start, message.end):
            if (field.number, field.type) == (1, _VARINT):
                sizes.append(field.value)
            elif (field.number, field.type) == (1, _BYTES):  # all sizes in one field
                at = field.start
                while at < field.end:
                    size, at = self._varint(at, field.end)
                    sizes.append(size)
            elif (field.number, field.type) == (8, _BYTES):
                name = self._text(field)
            if len(sizes) > 64 or any(size >= 1 << 48 for size in sizes):
                raise Unreadable
        return name, math.prod(sizes)

    def _port(self, message: _Field) -> Port:
        name, kind, shape = "", "", None
        for field in self._fields(message.start, message.end):
            if (field.number, field.type) == (1, _BYTES):
                name = self._text(field)
            elif (field.number, field.type) == (2, _BYTES):
                kind, shape = self._type(field)
        return Port(name, kind, shape)

    def _type(self, message: _Field) -> tuple[str, tuple[str, ...] | None]:
        for field in self._fields(message.start, message.end):
            if field.number == 1:
                return self._tensor_type(field)
            if field.number in _CONTAINERS:
                return _CONTAINERS[field.number], None
        return "", None

    def _tensor_type(self, message: _Field) -> tuple[str, tuple[str, ...] | None]:
        kind, shape = "", None
        for field in self._fields(message.start, message.end):
            if (field.number, field.type) == (1, _VARINT):
                known = field.value < len(_TYPES)
                kind = _TYPES[field.value] if known else f"type {field.value}"
            elif (field.number, field.type) == (2, _BYTES):
                sizes = self._fields(field.start, field.end)
                shape = tuple(self._size(size) for size in sizes if size.number == 1)[:64]
        return kind, shape

    def _size(self, message: _Field) -> str:
        for field in self._fields(message.start, message.end):
            if (field.number, field.type) == (1, _VARINT):
                return str(field.value)
            if (field.number, field.type) == (2, _BYTES):
                return self._text(field)
        return "?"

    # -- the wire --------------------------------------------------------------------------------

    def _fields(self, at: int, end: int) -> Iterator[_Field]:
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Unreadable
            key, at = self._varint(at, end)
            number, kind, value, length = key >> 3, key & 7, 0, 0
            if kind == _VARINT:
                value, at = self._varint(at, end)
            elif kind == _BYTES:
                length, at = self._varint(at, end)
            elif kind in (_EIGHT, _FOUR):
                length = 8 if kind == _EIGHT else 4
            else:
                raise Unreadable
            if at + length > end:
                raise Unreadable
            yield _Field(number, kind, value, at, at + length)
            at += length

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for place, byte in enumerate(self._source.part(at, min(at + 10, end))):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value, at + place + 1
        raise Unreadable

    def _text(self, field: _Field) -> str:
        end = min(field.end, field.start + _MAX_TEXT)
        return self._source.part(field.start, end).decode("utf-8", "replace")


_CONTAINERS: Final = {4: "sequence", 5: "map", 8: "sparse tensor", 9: "optional"}
