"""What versions are made of: their manifests, and their files out."""

from __future__ import annotations

import posixpath
from functools import partial

from fastapi import Request
from starlette.responses import Response

from muniment.domain.manifest import MEDIA_TYPE
from muniment.server.api import documents
from muniment.server.api.openapi import answers, bytes_out, content, elsewhere, unchanged
from muniment.server.api.parameters import Acting, Direct, FilePath, ModelName, VersionNumber
from muniment.server.api.preconditions import IfNoneMatch, digest_tag, is_unchanged
from muniment.server.api.routing import api_router
from muniment.server.api.versions import VERSION
from muniment.server.context import wait_for
from muniment.server.downloads import REVALIDATE, send_blob

router = api_router("files")


@router.get(
    f"{VERSION}/manifest",
    operation_id="getManifest",
    summary="Get the manifest of a version",
    responses=answers(None, 404, 409, etag=True)
    | unchanged()
    | {200: content(documents.Manifest, MEDIA_TYPE)},
    response_class=Response,
)
async def get_manifest(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    services: Acting,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the list of a version's files: the very bytes that its digest was taken of."""
    manifest = await wait_for(request, partial(services.artifacts.manifest, name, number))
    headers = {"ETag": digest_tag(manifest.digest), "Cache-Control": REVALIDATE}
    if is_unchanged(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(manifest.content, headers=headers, media_type=MEDIA_TYPE)


@router.get(
    f"{VERSION}/files/{{path:path}}",
    operation_id="getFile",
    summary="Download a file of a version",
    responses=answers(None, 404, 409, 416) | bytes_out() | elsewhere(),
    response_class=Response,
)
@router.head(
    f"{VERSION}/files/{{path:path}}",
    operation_id="headFile",
    summary="Look up a file of a version",
    responses=answers(None, 404, 409) | bytes_out(with_body=False),
    response_class=Response,
)
async def get_file(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    path: FilePath,
    services: Acting,
    direct: Direct = False,
) -> Response:
    """Return a file's bytes, whole or one range of them."""
    file = await wait_for(request, partial(services.artifacts.file, name, number, path))
    return await send_blob(
        request,
        services.artifacts,
        file.digest,
        file.size,
        filename=posixpath.basename(path),
        media_type=file.media_type,
        cache=REVALIDATE,
        direct=direct,
    )
