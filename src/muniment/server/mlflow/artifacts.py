"""The artifact proxy: files that runs log, and the files of sealed versions beside them.

    PUT, GET, HEAD, DELETE /api/2.0/mlflow-artifacts/artifacts/{path}
    GET                    /api/2.0/mlflow-artifacts/artifacts?path=…       what is in a folder
    GET                    /model-versions/get-artifact?name=…&version=…&path=…

Paths are matched as they were sent and decoded here, so that one hostile byte is refused and not
replaced. What stands where is said in `tree`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from muniment.domain.files import Child, children_of
from muniment.domain.manifest import FileEntry, media_type_of
from muniment.errors import InvalidInput, MunimentError, NotFound, NotImplementedHere
from muniment.server.context import acting_services, context_of, wait_for
from muniment.server.downloads import REVALIDATE, send_blob
from muniment.server.mlflow.fields import checked_name, version_number
from muniment.server.mlflow.tree import clean_path, is_reserved, path_in_version
from muniment.server.mlflow.wire import Call, answer, mlflow_routes, refusal
from muniment.server.streaming import announced_size, chunks_of, store
from muniment.services import Services

PREFIXES: Final = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
_PLAIN: Final = re.compile(
    r"MLmodel|.*\.(cf|cfg|cnf|conf|csv|err|hocon|ini|ipynb|js|json|log|md|prop|properties|py|py3"
    r"|rst|toml|tsv|txt|xml|yaml|yml)",
    re.DOTALL,
)
_NO_PARTS: Final = "Multipart upload is not supported for the current artifact repository"
"""What clients look for at the beginning of the message, to send a file in one piece instead."""
_COMPLETE: Final = tuple(f"{prefix}/mpu/complete/" for prefix in PREFIXES)


async def put(request: Request) -> Response:
    """Store the body at a path, as it comes."""
    services, path = await acting_services(request), _path(request)
    _refuse_reserved(path)
    if not path or request.url.path.endswith("/"):
        raise InvalidInput(
            f"The path {path!r:.200} names no file.",
            hint="Let it end with the file's name.",
            details={"field": "path"},
        )
    receive = partial(services.files.receive, path, size=announced_size(request))
    await store(context_of(request).threads, receive, chunks_of(request))
    return Response()


async def get(request: Request) -> Response:
    """Send a file, whole or one range of it."""
    services, path = await acting_services(request), _path(request)
    file = await wait_for(request, partial(_find, services, path))
    return await _sent(request, services, file)


async def delete(request: Request) -> Response:
    """Remove a file, or a folder with everything below it; a missing path is fine."""
    services, path = await acting_services(request), _path(request)
    _refuse_reserved(path)
    await wait_for(request, partial(services.files.delete, path))
    return answer({})


async def list_folder(request: Request) -> Response:
    """Return the names in a folder; nothing for a file or a missing path."""
    services = await acting_services(request)
    path = clean_path(request.query_params.get("path", ""))
    children = await wait_for(request, partial(_children, services, path))
    return answer({"files": [_document(child) for child in children]} if children else {})


async def no_parts(call: Call) -> Response:
    """Say that files come in one piece: any size does, and it is stored while it comes."""
    _path(call.request)
    call.required("path")
    if call.request.url.path.startswith(_COMPLETE) and not call.has("parts"):
        raise InvalidInput("Missing value for required parameter 'parts'.")
    raise NotImplementedHere(f"{_NO_PARTS}.", hint="Send the file with one PUT.")


async def no_presigned(request: Request) -> Response:
    """Say that files are got from here."""
    _path(request)
    raise NotImplementedHere(
        "This server signs no addresses of files.", hint="GET the file from the artifact proxy."
    )


async def get_of_version(request: Request) -> Response:
    """Send a file of a version, for MLflow's pages."""
    try:
        services = await acting_services(request)
        call = Call(request, services, dict(request.query_params))
        name, number, path = checked_name(call), version_number(call), call.required("path")
        find = partial(services.artifacts.file, name, number, clean_path(path))
        return await _sent(request, services, await call.wait_for(find))
    except MunimentError as error:
        return refusal(error)


# --------------------------------------------------------------------------------------------------


def _find(services: Services, path: str) -> FileEntry:
    """Return a file of the tree. Raises NotFound."""
    if not is_reserved(path):
        found = services.files.file(path)
        return FileEntry(path, found.digest, found.size)
    in_version = path_in_version(path)
    if in_version is None:
        raise NotFound(f"There is no file {path!r:.300}.")
    version = services.catalog.version_by_uuid(in_version[0])
    return services.artifacts.file(version.model, version.version, in_version[1])


def _children(services: Services, path: str) -> Sequence[Child]:
    """Return what is in a folder of the tree."""
    if not is_reserved(path):
        return services.files.children(path)
    in_version = path_in_version(path)
    if in_version is None:
        return ()  # who knows no uuid is told none
    try:
        version = services.catalog.version_by_uuid(in_version[0])
    except NotFound:
        return ()
    manifest = services.artifacts.manifest(version.model, version.version)
    return children_of(manifest, in_version[1])


async def _sent(request: Request, services: Services, file: FileEntry) -> Response:
    return await send_blob(
        request,
        services.artifacts,
        file.digest,
        file.size,
        filename=posixpath.basename(file.path),
        media_type=_media_type(file.path),
        cache=REVALIDATE,
    )


def _document(child: Child) -> dict[str, object]:
    document: dict[str, object] = {"path": child.name, "is_dir": child.is_folder}
    if child.size:  # of nothing, the protocol says nothing
        document["file_size"] = child.size
    return document


def _media_type(path: str) -> str:
    """Return what MLflow's pages expect: plain text wherever they show the text itself."""
    plain = _PLAIN.fullmatch(posixpath.basename(path))
    return "text/plain" if plain else media_type_of(path)


def _path(request: Request) -> str:
    """Return the path in the tree, from the address as it was sent. Raises InvalidInput."""
    prefix = request.scope["route"].path.partition("{")[0]
    raw: bytes = request.scope["raw_path"]
    if not raw.startswith(prefix.encode()):
        raise NotFound(f"There is nothing at {request.url.path!r:.200}.")
    tail = raw.removeprefix(prefix.encode()).decode("latin-1")
    return clean_path(unquote(tail, errors="surrogateescape"))


def _refuse_reserved(path: str) -> None:
    if is_reserved(path):
        raise InvalidInput(
            f"{path!r:.200} is this server's own: the content of versions never changes.",
            details={"field": "path"},
        )


routes: list[BaseRoute] = [
    Route(f"{prefix}/{path}", endpoint, methods=[method])
    for prefix in PREFIXES
    for method, path, endpoint in (
        ("GET", "artifacts", list_folder),
        ("PUT", "artifacts/{path:path}", put),
        ("GET", "artifacts/{path:path}", get),
        ("DELETE", "artifacts/{path:path}", delete),
        ("GET", "presigned/{path:path}", no_presigned),
    )
]
for step in ("create", "complete", "abort"):
    routes += mlflow_routes(f"mpu/{step}/{{path:path}}", PREFIXES, POST=no_parts)
routes.append(Route("/model-versions/get-artifact", get_of_version))
