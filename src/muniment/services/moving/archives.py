"""Archives by the name that somebody gives: `*.tar` and `-` are tar files, the rest are folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.errors import InvalidInput, NotFound
from muniment.services.moving.folders import FolderSource, FolderTarget
from muniment.services.moving.places import Source, Target
from muniment.services.moving.tars import TarSource, TarTarget


def open_target(archive: str) -> Target:
    """Return what an export is written to."""
    if archive == "-" or archive.endswith(".tar"):
        if Path(archive).is_dir():
            raise InvalidInput(f"{archive!r:.300} is a folder.", hint="Name a file that ends so.")
        return TarTarget(archive)
    if Path(archive).is_file():
        raise InvalidInput(
            f"{archive!r:.300} is a file, and none that ends with .tar.",
            hint="Write ARCHIVE.tar for one file, any other name for a folder.",
        )
    return FolderTarget(Path(archive))


@contextmanager
def open_source(archive: str) -> Iterator[Source]:
    """Open an archive that is read.

    Raises:
        NotFound: there is nothing.
        InvalidInput: it is no archive, or one of a newer Muniment.
        Corrupt: it was cut off.
    """
    path = Path(archive)
    if path.is_dir():
        yield FolderSource(path)
    elif path.is_file():
        with TarSource(path) as source:
            yield source
    else:
        raise NotFound(
            f"There is no archive {archive!r:.300}.",
            hint="Name a folder or a tar file; what comes through a pipe must be kept first.",
        )
