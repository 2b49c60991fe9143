"""File names in headers."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

_UNSAFE_IN_QUOTES: Final = re.compile(r'[^\x20-\x7e]|["\\%]')


def attachment(filename: str) -> str:
    """Return a Content-Disposition that makes a browser save a file of any name (RFC 6266)."""
    plain = _UNSAFE_IN_QUOTES.sub("_", filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
