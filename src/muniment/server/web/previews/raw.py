"""Any other file: its first bytes, and a word of warning where reading it would run code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from muniment.server.web.previews.source import Source

_SHOWN: Final = 256
_LINE: Final = 16
_PICKLES: Final = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_KINDS: Final = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"PAR1", "a Parquet table"),
    (b"GGUF", "GGUF"),
)


@dataclass(frozen=True, slots=True)
class Raw:
    """The first bytes as lines of (offset, hexadecimal, characters)."""

    kind: ClassVar[str] = "raw"
    lines: tuple[tuple[str, str, str], ...]
    what: str
    pickled: bool


def raw_of(source: Source) -> Raw:
    """Return the first bytes of a file."""
    head = source.head(_SHOWN)
    lines = tuple(_line(at, head[at : at + _LINE]) for at in range(0, len(head), _LINE))
    pickled = head.startswith(_PICKLES)
    known = (what for start, what in _KINDS if head.startswith(start))
    return Raw(lines, "a pickle" if pickled else next(known, "binary"), pickled)


def _line(at: int, piece: bytes) -> tuple[str, str, str]:
    characters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in piece)
    return f"{at:08x}", piece.hex(" "), characters
