"""Tags, params and metrics as terms: texts in the order of the values, which one index serves.

    tags.team = 'risk'     "tags.team=srisk"
    metrics.auc = 0.5      "metrics.auc=nbfe0000000000000"     the bits of the nearest double
    tags.reviewed = true   "tags.reviewed=b1"

Terms are for finding candidates. Different values may have the same term (long texts, integers that
no double holds), so a query by terms finds too much, but never too little.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from muniment.domain.query import Literal, Namespace, Op
from muniment.domain.values import Value
from muniment.storage.mongo.connection import Document

_CHARS: Final = 200
"""How much of a text stands in its term."""
_SIGN: Final = 1 << 63
_ALL_BITS: Final = (1 << 64) - 1


def terms(space: Namespace, values: Mapping[str, Value]) -> Iterator[str]:
    """Yield the terms of tags, params or metrics."""
    return (_key(space, key) + _term(value) for key, value in values.items())


def with_value(space: Namespace, key: str, values: tuple[Literal, ...]) -> Document:
    """Return the condition on a list of terms that it may hold one of the values."""
    found = [_key(space, key) + _term(v) for v in values if not isinstance(v, datetime)]
    return {"$in": found}


def compared(space: Namespace, key: str, op: Op, value: Literal) -> Document:
    """Return the condition on a list of terms that it may hold a value that compares so."""
    start = _key(space, key)
    if isinstance(value, datetime):
        return {"$in": []}  # no property is a time
    term = start + _term(value)
    if op is Op.EQ:
        return {"$in": [term]}
    kind = start + _term(value)[0]
    low, high = kind, kind[:-1] + chr(ord(kind[-1]) + 1)
    if op in (Op.LT, Op.LE):
        return {"$elemMatch": {"$gte": low, "$lte": term}}
    if op in (Op.GT, Op.GE):
        low = term
    return {"$elemMatch": {"$gte": low, "$lt": high}}


def beginning(space: Namespace, key: str, prefix: str) -> Document:
    """Return the condition that there may be a text that begins so."""
    low = _key(space, key) + "s" + prefix[:_CHARS]
    return {"$elemMatch": {"$gte": low, "$lt": after(low) or low}}


def after(prefix: str) -> str | None:
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


def _key(space: Namespace, key: str) -> str:
    return f"{space.value}.{key}="


def _term(value: Value) -> str:
    if isinstance(value, str):
        return f"s{value[:_CHARS]}"
    if isinstance(value, bool):
        return f"b{value:d}"
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(value) + 0.0))  # -0.0 is 0.0
    return f"n{bits ^ (_ALL_BITS if bits & _SIGN else _SIGN):016x}"
