"""What is wanted, and what was found: the files of a source, each to be read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from muniment.errors import Conflict, MunimentError, Unavailable
from muniment.server.mlflow.source_uris import SourceUri


@dataclass(frozen=True, slots=True)
class Wanted:
    """The source of a version of `model`, and the run or logged model that is named beside it."""

    model: str
    uri: SourceUri
    run_id: str
    model_id: str


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a source: its path in the version to be, its size in bytes if it is known."""

    path: str
    size: int | None
    read: Callable[[], Iterator[bytes]]


def unreadable(what: str, cause: str, *, for_now: bool = False) -> MunimentError:
    """Return the error for a source that was to be ingested and can't be; perhaps `for_now`."""
    kind = Unavailable if for_now else Conflict
    return kind(
        f"The source can't be ingested from {what!r:.300}: {cause}.",
        hint="Nothing was registered. Mend it, or take the place out of MUNIMENT_MLFLOW_INGEST.",
    )
