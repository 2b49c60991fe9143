"""A new version in one request, for those who have only curl.

    curl -T model.pkl  …/models/fraud/push/model.pkl?label=1.0.0
    curl -F file=@model.pkl -F file=@tokenizer.json  …/models/fraud/push

Bytes are hashed while they are written, and moved to their digest's place; a version that names
them is made at the very end, so nothing half-done is ever seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain import names
from muniment.domain.changes import NewVersion
from muniment.domain.manifest import DEFAULT_MEDIA_TYPE, FileEntry, Manifest, media_type_of
from muniment.errors import InvalidInput
from muniment.server.api import bodies, documents
from muniment.server.api.answers import entity_answer, model_url
from muniment.server.api.openapi import answers, bytes_in, form_in
from muniment.server.api.parameters import Acting, FilePath, IdempotencyKey, ModelName
from muniment.server.api.routing import api_router
from muniment.server.context import context_of, read, wait_for
from muniment.server.multipart import Part, parts_of
from muniment.server.settings import Settings
from muniment.server.streaming import announced_size, chunks_of, store
from muniment.services import Services

router = api_router("push")

VERSION_PART: Final = "version"
_NOT_SAID: Final = ("", DEFAULT_MEDIA_TYPE, "application/x-www-form-urlencoded")


def _pair(text: str, what: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(
            f"{what}={text!r:.200} has no value.",
            hint=f"Write {what}=key%3Dvalue, and repeat it for more.",
            details={"field": what},
        )
    return key, value


def _texts(pairs: Sequence[str], what: str) -> dict[str, str]:
    return dict(_pair(text, what) for text in pairs)


def _numbers(pairs: Sequence[str], what: str) -> dict[str, float]:
    numbers = {}
    for key, text in _texts(pairs, what).items():
        try:
            numbers[key] = float(text)
        except ValueError:
            raise InvalidInput(
                f"Metric {key!r:.200}: {text!r:.80} is not a number.", details={"field": what}
            ) from None
    return numbers


@router.put(
    "/models/{name}/push/{path:path}",
    operation_id="pushFile",
    summary="Push one file as a new version",
    status_code=201,
    responses=answers(documents.ModelVersion, 404, 409, 412, 422, 507, status=201, etag=True),
    openapi_extra=bytes_in("The file's bytes."),
)
async def push_file(
    request: Request,
    name: ModelName,
    path: FilePath,
    services: Acting,
    label: Annotated[str | None, Query(description="A label, such as `1.0.0`.")] = None,
    framework: Annotated[str, Query(description="What made the model.")] = "",
    description: Annotated[str, Query(description="What it is.")] = "",
    tag: Annotated[list[str], Query(description="`key=value`; repeat it for more.")] = [],  # noqa: B006
    param: Annotated[list[str], Query(description="`key=value`; repeat it for more.")] = [],  # noqa: B006
    metric: Annotated[list[str], Query(description="`key=number`; repeat it for more.")] = [],  # noqa: B006
    alias: Annotated[list[str], Query(description="An alias to point here.")] = [],  # noqa: B006
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store the body under `path` as a new READY version; the model is registered if need be."""
    new = NewVersion(
        pending=True,  # until its file is here
        label=label,
        framework=framework,
        description=description,
        tags=_texts(tag, "tag"),
        params=_texts(param, "param"),
        metrics=_numbers(metric, "metric"),
    )
    await _check_early(request, services, name, new, alias, idempotency_key)
    file = await _receive(request, services, path, request.headers.get("content-type"))
    return await _commit(request, services, name, new, [file], alias, idempotency_key)


@router.post(
    "/models/{name}/push",
    operation_id="pushForm",
    summary="Push a form of files as a new version",
    status_code=201,
    responses=answers(documents.ModelVersion, 404, 409, 415, 422, 507, status=201, etag=True),
    openapi_extra=form_in(bodies.NewVersion, VERSION_PART),
)
async def push_form(
    request: Request,
    name: ModelName,
    services: Acting,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store every file of a form as one new READY version, each under its file name as path.

    A part named `version` is JSON: everything else about the version, as in `createVersion`.
    """
    settings: Settings = request.app.state.settings
    new, files = NewVersion(pending=True), dict[str, FileEntry]()
    async for part in parts_of(request, limit=names.MAX_FILES + 1):
        if part.name == VERSION_PART:
            new = _new_version(await part.read(settings.max_json_bytes))
            await _check_early(request, services, name, new, (), idempotency_key)
            continue
        if part.filename is None:
            raise InvalidInput(
                f"The part {part.name!r:.200} of the form has no file name.",
                hint=f"Send files as `-F file=@model.pkl`; {VERSION_PART!r} is the only field.",
            )
        path = names.check_path(part.filename)
        if path in files:
            raise InvalidInput(f"The path {path!r:.200} stands twice in the form.")
        files[path] = await _receive(request, services, path, part.media_type, part)
    return await _commit(request, services, name, new, files.values(), (), idempotency_key)


def _new_version(content: bytes) -> NewVersion:
    """Read the part that describes the version."""
    body = bodies.parse(bodies.NewVersion, content)
    if body.files is not None or body.pending or body.source_uri:
        raise InvalidInput(
            f"The part {VERSION_PART!r} names files, but the files are those of the form.",
            hint="Leave out `files`, `pending` and `source_uri`.",
            details={"field": VERSION_PART},
        )
    return replace(body.to_new_version(), pending=True)


async def _check_early(
    request: Request,
    services: Services,
    model: str,
    new: NewVersion,
    aliases: Sequence[str],
    idempotency_key: str | None,
) -> None:
    """Refuse now what would be refused at the end, after all the bytes."""
    new.checked()
    for alias in aliases:
        names.check_alias(alias)
    if new.label is not None and idempotency_key is None:  # a repeated push has taken it itself
        check = partial(services.catalog.check_label_is_free, model, new.label)
        await wait_for(request, check)


async def _receive(
    request: Request,
    services: Services,
    path: str,
    media_type: str | None,
    part: Part | None = None,
) -> FileEntry:
    """Store the body, or one part of it, as it comes; return it as a file of a version."""
    size = announced_size(request) if part is None else None
    receive = partial(services.artifacts.receive, size=size)
    chunks = chunks_of(request) if part is None else part.chunks()
    blob = await store(context_of(request).threads, receive, chunks)
    said = (media_type or "").partition(";")[0].strip().lower()
    known = media_type_of(path) if said in _NOT_SAID else names.check_media_type(said)
    return FileEntry(path, blob.digest, blob.size, known)


async def _commit(
    request: Request,
    services: Services,
    model: str,
    new: NewVersion,
    files: Iterable[FileEntry],
    aliases: Sequence[str],
    idempotency_key: str | None,
) -> Response:
    """Make the version, point the aliases at it, and answer it."""
    catalog = services.catalog
    sealed = replace(new, files=Manifest.of(files), pending=False)
    create = partial(
        catalog.create_version, model, sealed, create_model=True, idempotency_key=idempotency_key
    )
    version = await wait_for(request, create)
    for alias in aliases:
        await wait_for(request, partial(catalog.set_alias, model, alias, version.version))
    if aliases:
        version = await read(request, partial(catalog.version, model, version.version))
    location = model_url(version.model, "versions", version.version)
    return entity_answer(version, status=201, location=location)
