"""Blobs: bytes by their digest, in one piece."""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import Request
from starlette.responses import Response

from muniment.domain.manifest import DEFAULT_MEDIA_TYPE
from muniment.errors import LimitExceeded
from muniment.server.api import bodies, documents
from muniment.server.api.answers import json_answer
from muniment.server.api.openapi import answers, bytes_in, bytes_out, elsewhere
from muniment.server.api.parameters import Acting, Digest, Direct
from muniment.server.api.preconditions import digest_tag
from muniment.server.api.routing import PREFIX, api_router
from muniment.server.context import context_of, wait_for
from muniment.server.downloads import FOREVER, send_blob
from muniment.server.streaming import announced_size, chunks_of, store

router = api_router("blobs")

MAX_DIGESTS: Final = 10_000


@router.post(
    "/blobs/missing",
    operation_id="findMissingBlobs",
    summary="Ask which blobs must be uploaded",
    responses=answers(documents.Missing, 415),
)
async def find_missing_blobs(request: Request, body: bodies.Digests, services: Acting) -> Response:
    """Return those digests that are not stored here; the others are kept safe for a while."""
    if len(body.digests) > MAX_DIGESTS:
        raise LimitExceeded(
            f"{len(body.digests)} digests; at most {MAX_DIGESTS} at once.",
            hint="Ask in several requests.",
            details={"limit": MAX_DIGESTS, "field": "digests"},
        )
    missing = await wait_for(request, partial(services.artifacts.missing, body.digests))
    return json_answer({"missing": sorted(missing)})


@router.put(
    "/blobs/{digest}",
    operation_id="putBlob",
    summary="Upload a blob in one piece",
    status_code=201,
    responses=answers(documents.Blob, 422, 507, status=201, etag=True)
    | {200: {"description": "It was here already.", "model": documents.Blob}},
    openapi_extra=bytes_in("The bytes."),
)
async def put_blob(request: Request, digest: Digest, services: Acting) -> Response:
    """Store bytes whose digest is known. A blob that is here already is not read again."""
    artifacts, headers = services.artifacts, {"ETag": digest_tag(digest)}
    if not await wait_for(request, partial(artifacts.missing, [digest])):
        blob = await wait_for(request, partial(artifacts.blob, digest))
        return json_answer({"digest": digest, "size": blob.size}, headers=headers)
    receive = partial(artifacts.receive, digest=digest, size=announced_size(request))
    blob = await store(context_of(request).threads, receive, chunks_of(request))
    headers["Location"] = f"{PREFIX}/blobs/{digest}"
    return json_answer({"digest": blob.digest, "size": blob.size}, status=201, headers=headers)


@router.get(
    "/blobs/{digest}",
    operation_id="getBlob",
    summary="Download a blob",
    responses=answers(None, 404, 416) | bytes_out() | elsewhere(),
    response_class=Response,
)
@router.head(
    "/blobs/{digest}",
    operation_id="headBlob",
    summary="Look up a blob",
    responses=answers(None, 404) | bytes_out(with_body=False),
    response_class=Response,
)
async def get_blob(
    request: Request, digest: Digest, services: Acting, direct: Direct = False
) -> Response:
    """Return a blob's bytes, whole or one range of them."""
    blob = await wait_for(request, partial(services.artifacts.blob, digest))
    return await send_blob(
        request,
        services.artifacts,
        digest,
        blob.size,
        filename=digest,
        media_type=DEFAULT_MEDIA_TYPE,
        cache=FOREVER,
        direct=direct,
    )
