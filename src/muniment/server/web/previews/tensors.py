"""safetensors: the header alone, which names every tensor and where its numbers are.

8 bytes   length of the header, little endian
{"__metadata__": {…}, "head": {"dtype": "F32", "shape": [100, 64], "data_offsets": [0, 25600]}}
numbers   never read here
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from muniment.domain.values import JsonObject
from muniment.server.web.previews.source import Source, Unreadable

MAX_HEADER: Final = 4 * 1024 * 1024
SHOWN: Final = 500
_MAX_TEXT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `size` in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Tensors:
    """The first tensors by name, of `count`, which have so many `parameters` together."""

    kind: ClassVar[str] = "tensors"
    first: tuple[Tensor, ...]
    count: int
    parameters: int
    dtypes: tuple[str, ...]
    metadata: Mapping[str, str]


def tensors_of(path: str, source: Source) -> Tensors | None:
    """Return what a file of safetensors holds; None for other files. Raises Unreadable."""
    head = source.head(9)
    length = int.from_bytes(head[:8], "little")
    if head[8:] != b"{" or not 2 <= length <= source.size - 8:
        return None
    if length > MAX_HEADER:
        raise Unreadable
    try:
        header = json.loads(source.part(8, 8 + length))
    except (ValueError, RecursionError):
        raise Unreadable from None
    metadata = header.pop("__metadata__", {})
    tensors = sorted((_tensor(*item) for item in header.items()), key=lambda one: one.name)
    return Tensors(
        tuple(tensors[:SHOWN]),
        len(tensors),
        sum(math.prod(tensor.shape) for tensor in tensors),
        tuple(sorted({tensor.dtype for tensor in tensors})),
        _texts(metadata),
    )


def _tensor(name: str, said: object) -> Tensor:
    if not isinstance(said, dict):
        raise Unreadable
    dtype, shape, place = said.get("dtype"), said.get("shape"), said.get("data_offsets")
    sizes, offsets = _sizes(shape), _sizes(place)
    if not isinstance(dtype, str) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise Unreadable
    return Tensor(name[:_MAX_TEXT], dtype[:20], sizes, offsets[1] - offsets[0])


def _sizes(said: object) -> tuple[int, ...]:
    if not isinstance(said, list) or len(said) > 64:
        raise Unreadable
    if not all(type(number) is int and 0 <= number < 1 << 48 for number in said):
        raise Unreadable
    return tuple(said)


def _texts(said: object) -> dict[str, str]:
    known: JsonObject = said if isinstance(said, dict) else {}
    return {key[:_MAX_TEXT]: str(known[key])[:_MAX_TEXT] for key in sorted(known)[:50]}
