"""Text on its way to PostgreSQL and back: it can't hold NUL, we can.

    "\\0" <──> "\\1\\1"        "\\1" <──> "\\1\\2"        all else as it is

No code is the beginning of another, and codes are in the order of what they stand for, so that
texts still compare by code point.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

from psycopg import adapters as everybodys
from psycopg.adapt import AdaptersMap, Buffer
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumper, TextLoader

_CODES: Final = {"\0": "\1\1", "\1": "\1\2"}
_MEANINGS: Final = {code: character for character, code in _CODES.items()}
_CODED: Final = re.compile("[\0\1]")
_CODE: Final = re.compile("\1[\1\2]")


class _Dumper(StrDumper):
    oid = 0  # whatever the statement makes of it: ours cast, or compare with a column

    def dump(self, obj: str) -> Buffer | None:
        if "\0" in obj or "\1" in obj:
            obj = _CODED.sub(lambda found: _CODES[found[0]], obj)
        return super().dump(obj)


class _Loader(TextLoader):
    def load(self, data: Buffer) -> Any:
        text = cast(str, super().load(data))
        if "\1" in text:
            return _CODE.sub(lambda found: _MEANINGS[found[0]], text)
        return text


def adapters() -> AdaptersMap:
    """Return how values go between Python and PostgreSQL.

    Integers are always 64 bits: else each size that a parameter has would be a statement to
    prepare of its own.
    """
    ours = AdaptersMap(everybodys)
    ours.register_dumper(str, _Dumper)
    ours.register_dumper(int, Int8Dumper)
    for name in ("text", "varchar", "name"):
        ours.register_loader(everybodys.types[name].oid, _Loader)
    return ours
