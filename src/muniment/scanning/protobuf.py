"""Models that are protocol buffers: ONNX, and SavedModels of TensorFlow.

Only the wire format is read, field by field: `(number << 3 | type)`, then the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from muniment.scanning.looking import GaveUp, Scan, shown, size_of

_MAX_FIELDS: Final = 20_000_000
_ONNX_FIELDS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
_ONNX_DOMAINS: Final = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training",
     "com.microsoft", "com.microsoft.nchwc", "com.microsoft.experimental", "com.ms.internal.nhwc"}
)  # fmt: skip
_TF_OPS: Final = (
    b"ReadFile", b"WriteFile", b"MatchingFiles", b"PyFunc", b"PyFuncStateless", b"EagerPyFunc",
    b"LoadLibrary", b"DebugIdentityV2", b"PrintV2", b"SaveV2Shards", b"LookupTableExportV2",
    b"WriteAudioSummary", b"DatasetFromGraph", b"MergeV2Checkpoints", b"LMDBReader",
)  # fmt: skip
_TF_OP: Final = re.compile(
    b"|".join(b"\x12" + re.escape(bytes([len(op)]) + op) + b"(?!\\w)" for op in _TF_OPS)
)
_CHUNK: Final = 8 << 20


class _Reader:
    """Fields of a message that stands between two offsets of a file."""

    def __init__(self, file: BinaryIO, limit: list[int]) -> None:
        self.file, self._left = file, limit

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (number, type, start, end) of each field; of an integer, start is its value."""
        at = start
        while at < end:
            self._left[0] -= 1
            if self._left[0] < 0:
                raise GaveUp(f"it has more than {_MAX_FIELDS:,} fields")
            key, at = self._varint(at, end)
            number, kind = key >> 3, key & 7
            if kind == 0:
                value, at = self._varint(at, end)
                yield number, 0, value, value
            elif kind == 2:
                size, at = self._varint(at, end)
                if at + size > end:
                    raise ValueError("a field is longer than its message")
                yield number, 2, at, at + size
                at += size
            elif kind in (1, 5):
                at += 8 if kind == 1 else 4
                yield number, kind, at, at
            else:
                raise ValueError(f"a field of the type {kind}")
        if at != end:
            raise ValueError("a message is longer than it says")

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        self.file.seek(at)
        data = self.file.read(min(10, max(0, end - at)))
        value = 0
        for i, byte in enumerate(data):
            value |= (byte & 0x7F) << (7 * i)
            if not byte & 0x80:
                return value, at + i + 1
        raise ValueError("a number does not end")

    def text(self, start: int, end: int) -> str:
        """Return a text field (of a name: short)."""
        self.file.seek(start)
        return self.file.read(min(end - start, 4_096)).decode("utf-8", "replace")


def kind_of(file: BinaryIO, size: int) -> str | None:
    """Return which kind of model a protocol buffer is; None if it is none, or not known."""
    try:
        numbers = {
            (number, kind) for number, kind, _, _ in _Reader(file, [100_000]).fields(0, size)
        }
    except (ValueError, GaveUp):
        return None
    fields = {number for number, _ in numbers}
    if (7, 2) in numbers and (1, 0) in numbers and fields <= _ONNX_FIELDS:
        return "onnx"
    if (2, 2) in numbers and (1, 0) in numbers and fields == {1, 2}:
        return "savedmodel"
    if (1, 2) in numbers and (2, 2) in numbers and fields <= {1, 2, 3, 4, 5}:
        return "sentencepiece"
    return None


def scan_onnx(file: BinaryIO, scan: Scan) -> str:
    """Scan an ONNX model for operators of its own and data outside of it."""
    size = size_of(file)
    _onnx_message(_Reader(file, [_MAX_FIELDS]), 0, size, "model", scan)
    return "onnx"


_ONNX_NESTED: Final = {
    "model": {7: "graph", 25: "function", 20: "training"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


def _onnx_message(r: _Reader, start: int, end: int, what: str, scan: Scan, depth: int = 0) -> None:
    if depth > 60:
        raise GaveUp("its graphs are nested too deep")
    nested = _ONNX_NESTED.get(what, {})
    texts: dict[int, str] = {}
    for number, kind, a, b in r.fields(start, end):
        if kind == 2 and number in nested:
            _onnx_message(r, a, b, nested[number], scan, depth + 1)
        elif kind == 2 and what in ("node", "entry") and number in (1, 2, 4, 7):
            texts[number] = r.text(a, b)
    if what == "node":
        _check_operator(texts.get(4, ""), texts.get(7, ""), scan)
    if what == "entry" and texts.get(1) == "location":
        _check_location(texts.get(2, ""), scan)


def _check_operator(name: str, domain: str, scan: Scan) -> None:
    if domain in _ONNX_DOMAINS:
        return
    if name.startswith("Py"):
        scan.fail(f"uses the operator {shown(f'{domain}.{name}')}", "it runs Python")
    else:
        scan.unknown(
            f"uses the operator {shown(f'{domain}.{name}')}", "it needs a library with its code"
        )


def _check_location(location: str, scan: Scan) -> None:
    path = PurePosixPath(location.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in location[:3]:
        scan.fail(f"keeps data in {shown(location)}", "outside of the model: it reads other files")


def scan_saved_model(file: BinaryIO, scan: Scan) -> str:
    """Scan a SavedModel for operators that touch files or run Python."""
    file.seek(0)
    before = b""
    while data := file.read(_CHUNK):
        for match in _TF_OP.finditer(before + data):
            scan.fail(f"uses the operator {match.group()[2:].decode()}", "it leaves the model")
        before = data[-64:]
    return "savedmodel"


SCANS: Final[dict[str, Callable[[BinaryIO, Scan], str]]] = {
    "onnx": scan_onnx,
    "savedmodel": scan_saved_model,
}
