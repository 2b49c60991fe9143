"""LIKE patterns, taken apart, so that every database can be given its own way of writing them.

`%` stands for any characters, `_` for one; a backslash before either, or before another backslash,
makes it mean itself.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeAlias


class Wild(Enum):
    """What stands for other characters."""

    ANY = "%"
    ONE = "_"


Piece: TypeAlias = str | Wild
_PIECE = re.compile(r"\\([%_\\])|([%_])|([^%_\\]+|\\)")


def parse(pattern: str) -> list[Piece]:
    r"""Return the pieces of a pattern; a string means itself.

    >>> parse(r"a%\%")
    ['a', <Wild.ANY: '%'>, '%']
    """
    return [
        Wild(wild) if wild else escaped or plain for escaped, wild, plain in _PIECE.findall(pattern)
    ]


def literal_prefix(pattern: str) -> str:
    """Return the text that everything that fits `pattern` begins with."""
    prefix = ""
    for piece in parse(pattern):
        if isinstance(piece, Wild):
            break
        prefix += piece
    return prefix


def after_prefix(prefix: str) -> str | None:
    """Return the first text, by code point, behind all those that begin with `prefix`.

    None if nothing is: the prefix is empty, or made of the last code point alone.
    """
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    code = ord(kept[-1]) + 1
    if 0xD800 <= code <= 0xDFFF:  # no text holds surrogates
        code = 0xE000
    return kept[:-1] + chr(code)


def to_like(pattern: str) -> str:
    """Return the pattern for `LIKE … ESCAPE '\\'`, where any escaped character means itself."""
    return "".join(
        piece.value if isinstance(piece, Wild) else re.sub(r"([\\%_])", r"\\\1", piece)
        for piece in parse(pattern)
    )


def to_glob(pattern: str) -> str:
    """Return the pattern for SQLite's GLOB, which is case-sensitive."""
    return "".join(
        {Wild.ANY: "*", Wild.ONE: "?"}[piece]
        if isinstance(piece, Wild)
        else re.sub(r"([*?\[])", r"[\1]", piece)
        for piece in parse(pattern)
    )
