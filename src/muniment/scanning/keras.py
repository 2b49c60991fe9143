"""HDF5 files, in which older releases of Keras keep whole models.

HDF5 is not parsed: a model's configuration is one JSON text, which stands in the file as it is. A
file that has one which can't be found and read does not pass; one that has none holds weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from muniment.scanning.documents import examine
from muniment.scanning.looking import Scan

_CHUNK: Final = 8 << 20
_OVERLAP: Final = 64
_TEXT: Final = re.compile(rb'\{\s{0,8}"[\w\\]{1,40}"\s{0,8}:')
_CONFIG: Final = b"model_config"
_SUSPECT: Final = re.compile(rb"Lambda|__lambda__|TFSMLayer|TorchModuleWrapper")


def scan_hdf5(file: BinaryIO, scan: Scan) -> str:
    """Scan a file for configurations of models."""
    configured, suspect, read = False, False, 0
    skip_to = 0
    for offset, data in _chunks(file):
        configured = configured or _CONFIG in data
        suspect = suspect or _SUSPECT.search(data) is not None
        for match in _TEXT.finditer(data):
            start = offset + match.start()
            if start < skip_to:
                continue
            text = _json_at(file, start, scan.budget.limits.document)
            if text is not None:
                skip_to = start + len(text)
                read += examine(_parse(text), scan) == "json (keras)"
    if configured and not read:
        scan.unknown("its configuration can't be read", "it may hold layers that run code")
    if suspect and not scan.findings:
        scan.unknown("names layers that run code", "where, can't be told")
    return "hdf5 (keras)" if configured else "hdf5"


def _chunks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the file's bytes with their offsets; each chunk repeats the end of the one before."""
    offset = 0
    while True:
        file.seek(offset)
        data = file.read(_CHUNK)
        yield offset, data
        if len(data) < _CHUNK:
            return
        offset += _CHUNK - _OVERLAP


def _json_at(file: BinaryIO, start: int, limit: int) -> bytes | None:
    """Return the JSON object that starts at an offset, by its brackets; None: it never ends."""
    file.seek(start)
    text = bytearray()
    depth, quoted = 0, False
    for match in _tokens(file, text, limit):
        token = match
        if quoted:
            quoted = token != b'"'
        elif token == b'"':
            quoted = True
        elif token in b"{[":
            depth += 1
        elif token in b"}]":
            depth -= 1
            if depth == 0:
                return bytes(text)
    return None


_TOKEN: Final = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)


def _tokens(file: BinaryIO, text: bytearray, limit: int) -> Iterator[bytes]:
    """Yield brackets, quotes and escapes, with `text` grown up to each of them."""
    pending = b""
    while len(text) < limit:
        data = pending + file.read(1 << 16)
        if len(data) == len(pending) or b"\0" in data[:1]:
            return
        at = 0
        for match in _TOKEN.finditer(data):
            text += data[at : match.end()]
            at = match.end()
            yield match.group()
        pending = b"\\" if data.endswith(b"\\") and at < len(data) else b""
        text += data[at : len(data) - len(pending)]


def _parse(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
