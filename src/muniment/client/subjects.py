"""From what a user pushes (a path, bytes, a stream, an object) to files of a version."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import BinaryIO, Final, TypeVar, cast

from muniment.client import contents, formats
from muniment.client.contents import Content
from muniment.errors import InvalidInput

NAMELESS: Final = "model.bin"
"""The path of bytes and streams that bring no name."""

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Subject:
    """The files to be pushed, and the framework that made them, if that shows."""

    contents: list[Content]
    framework: str = ""


@contextmanager
def subject_of(what: object, *, path: str | None, input_example: object) -> Iterator[Subject]:
    """Yield what is to be pushed; temporary files last while the block runs.

    Raises:
        InvalidInput: `what` can't be pushed.
    """
    with tempfile.TemporaryDirectory(prefix="muniment-") as folder:
        subject = _subject(what, path, Path(folder))
        if input_example is not None:
            if any(content.path == formats.EXAMPLE for content in subject.contents):
                raise InvalidInput(
                    f"The folder holds an {formats.EXAMPLE} already.",
                    hint="Leave out `input_example`, or that file.",
                )
            example = formats.example_of(input_example)
            subject.contents.append(contents.of_bytes(example, formats.EXAMPLE))
        yield subject


def _subject(what: object, path: str | None, folder: Path) -> Subject:
    if isinstance(what, str) and not what:  # `Path("")` would be the current folder
        raise InvalidInput(
            "The path of what is to be pushed is empty.",
            hint="Name a file or a folder; `.` is the current one.",
        )
    if isinstance(what, str | os.PathLike):
        return Subject(contents.of_path(Path(what).expanduser(), path))
    if isinstance(what, bytes | bytearray | memoryview):
        return Subject([contents.of_bytes(bytes(what), path or NAMELESS)])
    if isinstance(what, io.TextIOBase):
        raise InvalidInput("The stream gives text.", hint="Open the file in binary mode ('rb').")
    if callable(getattr(what, "read", None)):
        stream = cast(BinaryIO, what)
        return Subject([contents.of_stream(stream, path or _name_of(what), folder / "stream")])
    if path is not None:
        raise InvalidInput("`path` is for a file, bytes or a stream; an object brings its own.")
    return _object(what, folder)


def _object(value: object, folder: Path) -> Subject:
    form = formats.format_for(value)
    file = folder / form.file
    form.save(value, file)
    description = formats.describe(value, form)
    return Subject(
        [*contents.of_path(file), contents.of_bytes(description, formats.DESCRIPTION)],
        form.framework,
    )


def _name_of(stream: object) -> str:
    name = getattr(stream, "name", None)  # a file's path; a number for a bare descriptor
    return Path(name).name if isinstance(name, str) else NAMELESS


def plain(values: Mapping[str, V | None] | None) -> dict[str, V]:
    """Return values with numbers as Python's own; what is None is left out."""
    return {
        key: cast(V, as_plain(value)) for key, value in (values or {}).items() if value is not None
    }


def patch(values: Mapping[str, V | None] | None) -> dict[str, V | None]:
    """Return changes with numbers as Python's own; None stays, and means: remove."""
    return {key: cast(V | None, as_plain(value)) for key, value in (values or {}).items()}


def as_plain(value: object) -> object:
    """Return a number of any library (numpy's, say) as Python's own; anything else as it is."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    return value
