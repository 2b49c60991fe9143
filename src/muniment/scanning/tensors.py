"""safetensors and GGUF: numbers behind a header, which must not lie about where they are."""

from __future__ import annotations

import json
import math
import re
from typing import Any, BinaryIO, Final

from muniment.scanning.looking import Scan, shown, size_of

_MAX_HEADER: Final = 100_000_000
_BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
_MAX_DIMENSIONS: Final = 64

_GGUF_SIZES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_GGUF_STRING, _GGUF_ARRAY = 8, 9
_MAX_ENTRIES: Final = 1_000_000
_MAX_STRING: Final = 16 << 20
_TEMPLATE_REACH: Final = re.compile(rb"__\w+__|\|\s*attr\b|\blipsum\b|\bcycler\b|\bnamespace\s*\.")


def is_safetensors(head: bytes, size: int) -> bool:
    """Say whether a file starts with the length of a header, and that header."""
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 2 <= length <= min(_MAX_HEADER, size - 8)


def scan_safetensors(file: BinaryIO, scan: Scan) -> str:
    """Check that the header describes the data, all of it, and nothing else."""
    size = size_of(file)
    length = int.from_bytes(file.read(8), "little")
    text = file.read(length).decode("utf-8")
    header = json.loads(text, object_pairs_hook=_once)
    end = 0
    for name, told in sorted(_tensors(header), key=lambda item: item[1][0]):
        start, stop, needed = told
        if start != end or stop - start != needed:
            scan.fail(f"tensor {shown(name)} has {stop - start:,} bytes at {start:,}", "it lies")
            return "safetensors"
        end = stop
    if 8 + length + end != size:
        scan.fail("has bytes that no tensor has", "something may hide there")
    return "safetensors"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("its header has a key twice")
    return found


def _tensors(header: dict[str, Any]) -> list[tuple[str, tuple[int, int, int]]]:
    found = []
    for name, told in header.items():
        if name == "__metadata__":
            if not all(isinstance(value, str) for value in told.values()):
                raise ValueError("its metadata are not texts")
            continue
        shape, (start, stop) = told["shape"], told["data_offsets"]
        if len(shape) > _MAX_DIMENSIONS or not all(
            isinstance(n, int) and 0 <= n < 1 << 48 for n in (*shape, start, stop)
        ):
            raise ValueError(f"tensor {shown(name)} has an impossible shape")
        bits = math.prod(shape) * _BITS[told["dtype"]]
        found.append((name, (start, stop, bits // 8)))
    return found


def scan_gguf(file: BinaryIO, scan: Scan) -> str:
    """Check that the header can be read within the file, and that its template is tame."""
    size = size_of(file)
    reader = _Gguf(file, size)
    reader.take(4)
    version = reader.number(4)
    if version not in (2, 3):
        raise ValueError(f"version {version}")
    tensors, entries = reader.number(8), reader.number(8)
    if tensors > _MAX_ENTRIES or entries > _MAX_ENTRIES:
        raise ValueError(f"{tensors:,} tensors and {entries:,} entries")
    for _ in range(entries):
        key = reader.string()
        value = reader.value(reader.number(4))
        if b"chat_template" in key and value and _TEMPLATE_REACH.search(value):
            scan.fail("its chat template reaches into Python", "rendered carelessly, it runs code")
    for _ in range(tensors):
        reader.string()
        dimensions = reader.number(4)
        if dimensions > 8:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        for _ in range(dimensions):
            reader.number(8)
        reader.number(4)
        if reader.number(8) > size:
            scan.fail("a tensor lies outside of the file", "it lies")
    return "gguf"


class _Gguf:
    """Bounded reads from a GGUF header."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    def take(self, size: int) -> bytes:
        data = self.file.read(size)
        if len(data) != size:
            raise EOFError("it ends within its header")
        return data

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def string(self) -> bytes:
        length = self.number(8)
        if length > _MAX_STRING:
            raise ValueError(f"a string of {length:,} bytes")
        return self.take(length)

    def value(self, kind: int) -> bytes | None:
        if kind == _GGUF_STRING:
            return self.string()
        if kind == _GGUF_ARRAY:
            kind, count = self.number(4), self.number(8)
            if kind in _GGUF_SIZES:
                self._skip(_GGUF_SIZES[kind] * count)
            elif kind == _GGUF_STRING and count <= 16 * _MAX_ENTRIES:
                for _ in range(count):
                    self.string()
            else:
                raise ValueError(f"an array of {count:,} values of type {kind}")
            return None
        self._skip(_GGUF_SIZES[kind])
        return None

    def _skip(self, size: int) -> None:
        at = self.file.tell() + size
        if at > self.size:
            raise EOFError("it ends within its header")
        self.file.seek(at)
