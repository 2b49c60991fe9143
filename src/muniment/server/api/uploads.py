"""Upload sessions: bytes in several requests, gone on with after a lost connection.

POST /uploads ──┬─> PATCH …/{id} at an offset, as often as it takes ──┬─> POST …/{id}/finish
                └─> PUT to the object store, by the URL in `direct` ──┘
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from fastapi import Header, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from muniment.domain.entities import Upload
from muniment.errors import InvalidInput, UploadConflict
from muniment.server.api import bodies, documents
from muniment.server.api.answers import json_answer
from muniment.server.api.openapi import answers, bytes_in
from muniment.server.api.parameters import Acting, UploadId
from muniment.server.api.routing import PREFIX, api_router
from muniment.server.context import context_of, wait_for
from muniment.server.streaming import Inflow, announced_size, append, chunks_of, receiving
from muniment.services.artifacts.artifacts import Artifacts
from muniment.storage.blobs import DirectUpload

router = api_router("uploads")

UPLOAD = "/uploads/{id}"
PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.6, 0.65)
"""Seconds between tries to go on with an upload whose last connection has just been lost."""


def _offset(text: object) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    raise InvalidInput(
        f"Upload-Offset: {text!r:.80} is not a number of bytes.",
        hint="Send the offset that the upload stands at; GET tells it.",
        details={"field": "Upload-Offset"},
    )


def _answer(upload: Upload, status: int = 200, direct: DirectUpload | None = None) -> Response:
    headers = {"Location": f"{PREFIX}/uploads/{upload.id}", "Upload-Offset": str(upload.offset)}
    answer = upload.to_json()
    if direct is not None:
        answer["direct"] = {"url": direct.url, "headers": dict(direct.headers)}
        headers["Cache-Control"] = "no-store"
    return json_answer(answer, status=status, headers=headers)


@router.post(
    "/uploads",
    operation_id="beginUpload",
    summary="Begin an upload, or find the one to go on with",
    status_code=201,
    responses=answers(documents.BegunUpload, 415, 507, status=201)
    | {200: {"description": "The blob is here already.", "model": documents.Present}},
)
async def begin_upload(request: Request, body: bodies.NewUpload, services: Acting) -> Response:
    """Return an upload to send bytes to: the caller's unfinished one for this blob, or another."""
    artifacts = services.artifacts
    begin = partial(artifacts.begin_upload, digest=body.digest, size=body.size, fresh=body.fresh)
    upload = await wait_for(request, begin)
    if upload is None:
        return json_answer({"present": True})
    direct = await wait_for(request, partial(artifacts.directly, upload)) if body.direct else None
    return _answer(upload, 201, direct)


@router.get(
    UPLOAD,
    operation_id="getUpload",
    summary="Look up an upload",
    responses=answers(documents.Upload, 404),
)
async def get_upload(request: Request, id: UploadId, services: Acting) -> Response:
    """Return how many bytes are safely here."""
    return _answer(await wait_for(request, partial(services.artifacts.upload, id)))


@router.patch(
    UPLOAD,
    operation_id="sendToUpload",
    summary="Send bytes to an upload",
    responses=answers(documents.Upload, 404, 409, 422, 507),
    openapi_extra=bytes_in("The bytes from the offset on."),
)
async def send_to_upload(
    request: Request,
    id: UploadId,
    offset: Annotated[
        int,
        BeforeValidator(_offset),
        Header(
            alias="Upload-Offset",
            description="Where these bytes belong: how many are here already.",
            ge=0,
            examples=[0],
        ),
    ],
    services: Acting,
) -> Response:
    """Append bytes. What arrives before a connection breaks is kept, and can be gone on from."""
    upload = await wait_for(request, partial(services.artifacts.upload, id))
    announced = announced_size(request)
    if upload.size is not None and announced is not None and offset + announced > upload.size:
        raise InvalidInput(
            f"{announced} bytes from {offset} on are more than the {upload.size} that were "
            "announced for this upload.",
            details={"size": upload.size, "offset": upload.offset},
        )
    async with _going_on(request, services.artifacts, id, offset) as inflow:
        reached = await append(inflow, chunks_of(request))
    return _answer(replace(upload, offset=reached))


@asynccontextmanager
async def _going_on(
    request: Request, artifacts: Artifacts, id: str, offset: int
) -> AsyncIterator[Inflow]:
    """Open an upload at an offset; wait a moment for a lost connection to let go of it."""
    resume = partial(artifacts.resume_upload, id, offset)
    async with AsyncExitStack() as stack:
        for pause in (*PAUSES, None):
            try:
                inflow = await stack.enter_async_context(
                    receiving(context_of(request).threads, resume)
                )
                break
            except UploadConflict as conflict:
                stands_at = conflict.details.get("offset", offset)
                if pause is None or stands_at != offset:
                    raise
            await asyncio.sleep(pause)
        yield inflow


@router.post(
    f"{UPLOAD}/finish",
    operation_id="finishUpload",
    summary="Finish an upload",
    responses=answers(documents.Blob, 404, 409, 415, 422, 507),
)
async def finish_upload(
    request: Request,
    id: UploadId,
    services: Acting,
    body: bodies.FinishedUpload = bodies.FinishedUpload(),  # noqa: B008  # never changed
) -> Response:
    """Check the digest and put the bytes in their place. Finishing twice is fine."""
    blob = await wait_for(request, partial(services.artifacts.finish_upload, id, body.digest))
    return json_answer({"digest": blob.digest, "size": blob.size})


@router.delete(
    UPLOAD,
    operation_id="cancelUpload",
    summary="Give an upload up",
    status_code=204,
    responses=answers(None, 404, 409, status=204, description="Its bytes are freed."),
)
async def cancel_upload(request: Request, id: UploadId, services: Acting) -> Response:
    """Forget an upload and what came of it."""
    await wait_for(request, partial(services.artifacts.cancel_upload, id))
    return Response(status_code=204)
