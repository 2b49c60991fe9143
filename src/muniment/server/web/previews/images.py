"""Pictures, by their content, with the page: PNG, JPEG and GIF.

A small file can hold a picture of a million by a million pixels: its header says so, and it is not
shown. SVG is shown as the text that it is.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import ClassVar, Final

from muniment.server.web.previews.source import Source

MAX_BYTES: Final = 1024 * 1024
MAX_PIXELS: Final = 40_000_000
_HEAD: Final = 64 * 1024
_STARTS: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
_FRAMES: Final = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC)})
"""Segments of JPEG that tell its size (of the encodings that browsers show)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of `width` by `height` pixels, as an address that holds all of it."""

    kind: ClassVar[str] = "picture"
    address: str
    media_type: str
    width: int
    height: int


def picture_of(path: str, source: Source) -> Picture | None:
    """Return a picture to show; None for other files, and for one that is too large."""
    head = source.head(_HEAD)
    media_type = next((kind for kind, starts in _STARTS.items() if head.startswith(starts)), None)
    if media_type is None or source.size > MAX_BYTES:
        return None
    width, height = _SIZES[media_type](head)
    if not 0 < width * height <= MAX_PIXELS:
        return None
    content = base64.b64encode(source.head(MAX_BYTES)).decode()
    return Picture(f"data:{media_type};base64,{content}", media_type, width, height)


def _of_png(head: bytes) -> tuple[int, int]:
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _of_gif(head: bytes) -> tuple[int, int]:
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")


def _of_jpeg(head: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] == 0xFF:  # a filling byte
            at += 1
        elif head[at + 1] in _FRAMES:
            height, width = head[at + 5 : at + 7], head[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        else:
            at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return 0, 0


_SIZES: Final = {"image/png": _of_png, "image/jpeg": _of_jpeg, "image/gif": _of_gif}
