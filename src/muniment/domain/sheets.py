"""Cells of sheets: what is written into CSV that people open in a spreadsheet."""

from __future__ import annotations

import json
from typing import Final

from muniment.domain.values import Json

# With these a cell begins that a spreadsheet takes for a formula; tab and return are skipped by it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: Json) -> str:
    """Return a value as the text of a cell, behind an apostrophe if it would be a formula.

    >>> cell("=1+1")
    "'=1+1"
    """
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
    shown = "" if text is None else str(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
