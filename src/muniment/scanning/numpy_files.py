"""NumPy's own files: numbers, or (arrays of objects) a pickle behind a header."""

from __future__ import annotations

import ast
from typing import BinaryIO, Final

from muniment.scanning.looking import Scan, size_of, window
from muniment.scanning.pickles.streams import scan_pickle

_MAX_HEADER: Final = 1 << 20


def scan_npy(file: BinaryIO, scan: Scan) -> str:
    """Scan a .npy file."""
    size = size_of(file)
    file.seek(6)
    major = file.read(2)[0]
    length = int.from_bytes(file.read(2 if major == 1 else 4), "little")
    if major not in (1, 2, 3) or length > _MAX_HEADER:
        raise ValueError(f"version {major}, a header of {length:,} bytes")
    header = ast.literal_eval(file.read(length).decode("latin-1").strip())
    start = file.tell()
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header does not describe an array")
    if _holds_objects(header["descr"]):
        scan_pickle(window(file, start, size - start), scan)
        return "npy (objects)"
    return "npy"


def _holds_objects(descr: object) -> bool:
    if isinstance(descr, str):
        return "O" in descr
    if isinstance(descr, (tuple, list)):
        return any(_holds_objects(part) for part in descr)
    return False
