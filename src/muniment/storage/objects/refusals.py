"""What an object store may answer that its caller here knows how to go on from."""

from __future__ import annotations


class Precondition(Exception):
    """Another object stands there than was meant, or one where none was."""


class RangeBehindEnd(Exception):
    """The range begins at or behind the end of the object."""
