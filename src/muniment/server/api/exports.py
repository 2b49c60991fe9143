"""Activities as a whole: JSON lines, which keep all, or CSV for spreadsheets; streamed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Final, Literal, TypeAlias

import orjson
from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from muniment.domain.activities import Happened
from muniment.domain.sheets import cell
from muniment.errors import InvalidInput
from muniment.server.api.lifecycle_documents import Happened as Line
from muniment.server.api.openapi import Responses, inlined
from muniment.server.context import context_of
from muniment.server.streaming import read_ahead

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
_TYPES: Final = {"jsonl": NDJSON, "csv": CSV}
_PIECE: Final = 500  # entries that are written together
_COLUMNS: Final = (
    "model", "model_uuid", "sequence", "at", "kind", "actor", "version", "comment", "details",
    "previous", "hash",
)  # fmt: skip

Format: TypeAlias = Annotated[
    Literal["json", "jsonl", "csv"] | None,
    Query(
        description="`jsonl` or `csv`: everything at once, instead of a page; what `Accept` says "
        f"(`{NDJSON}`, `{CSV}`), if it is left out.",
        examples=["csv"],
    ),
]
"""As what a listing is wanted."""


def export_type(request: Request, asked: str | None, *paging: object) -> str | None:
    """Return the media type of the export that is asked for; None for a page.

    Raises:
        InvalidInput: an export, and a page of it.
    """
    if asked is not None:
        media_type = _TYPES.get(asked)
    else:
        accepted = {part.partition(";")[0].strip() for part in _accepted(request)}
        media_type = next((known for known in (NDJSON, CSV) if known in accepted), None)
    if media_type is not None and any(value is not None for value in paging):
        raise InvalidInput(
            "An export has no pages.",
            hint="Leave out page_size and page_token.",
            details={"field": "format"},
        )
    return media_type


def export_answer(
    request: Request, entries: Iterator[Happened], media_type: str, name: str
) -> Response:
    """Return all entries as an attachment, in constant memory."""
    write, suffix = (_sheet, "csv") if media_type == CSV else (_lines, "ndjson")
    return StreamingResponse(
        read_ahead(context_of(request).threads, write(entries)),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}.{suffix}"'},
    )


def with_exports(documented: Responses) -> Responses:
    """Return the documentation of a page with that of the exports beside it."""
    sheet = {"type": "string", "description": f"Columns: {', '.join(_COLUMNS)}."}
    forms = {NDJSON: {"schema": inlined(Line)}, CSV: {"schema": sheet}}
    return {**documented, 200: {**documented[200], "content": forms}}


def _accepted(request: Request) -> list[str]:
    return request.headers.get("accept", "").lower().split(",")


def _pieces(entries: Iterator[Happened]) -> Iterator[list[Happened]]:
    return iter(partial(_taken, entries), [])


def _taken(entries: Iterator[Happened]) -> list[Happened]:
    return list(islice(entries, _PIECE))


def _lines(entries: Iterator[Happened]) -> Iterator[bytes]:
    for piece in _pieces(entries):
        yield b"".join(orjson.dumps(entry.to_json()) + b"\n" for entry in piece)


def _sheet(entries: Iterator[Happened]) -> Iterator[bytes]:
    yield _rows([_COLUMNS])
    for piece in _pieces(entries):
        documents = (entry.to_json() for entry in piece)
        yield _rows((cell(document.get(column)) for column in _COLUMNS) for document in documents)


def _rows(rows: Iterable[Iterable[str]]) -> bytes:
    # All in quotes: the writer does not see that a bare return would end a row for its readers.
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
