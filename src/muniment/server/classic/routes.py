"""The classic API's routes: upload, metadata, download, list, search, delete."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from muniment.domain.changes import NewVersion
from muniment.domain.entities import ModelVersion, Page
from muniment.domain.filters import parse_filter
from muniment.domain.manifest import FileEntry, Manifest, media_type_of
from muniment.domain.query import Target
from muniment.errors import InvalidInput, NotFound
from muniment.schemas import ModelMetadata, UploadResponse
from muniment.server.api import bodies
from muniment.server.api.openapi import answers, bytes_out, form_in
from muniment.server.api.parameters import Acting, Filter, OrderBy, PageSize, PageToken
from muniment.server.api.routing import api_router
from muniment.server.classic.records import GROUP, ID, Record, file_name, new_version
from muniment.server.context import context_of, read, wait_for
from muniment.server.downloads import REVALIDATE, send_blob
from muniment.server.multipart import parts_of
from muniment.server.settings import Settings
from muniment.server.streaming import store
from muniment.services import Services
from muniment.storage.blobs import BlobStat

PREFIX: Final = "/api/classic"
router = api_router("classic", prefix=PREFIX)

_UUID = re.compile(r"[0-9a-f]{32}")
_EXAMPLE: Final[dict[str, Any]] = {
    "_id": "0b9d6d0f1a2c4e5f8a7b6c5d4e3f2a1b",
    "id": "model123",
    "name": "example_model",
    "version": "1.0.0",
    "file_extension": "pkl",
    "storage_group": "ml-models",
    "storage_path": "example_model/1.0.0/model123.pkl",
    "description": "Example model",
    "framework": "scikit-learn",
    "metrics": {"accuracy": 0.95},
    "parameters": {"n_estimators": 100},
    "tags": {"type": "classification"},
    "size": 1024,
    "stage": "None",
    "version_number": 1,
    "created_at": "2026-11-21T11:33:00.123Z",
    "updated_at": "2026-11-21T11:33:00.123Z",
    "created_by": "anonymous",
}


class ClassicModel(BaseModel):
    """The metadata of an uploaded model file. Documentation only."""

    model_config = ConfigDict(
        extra="forbid", defer_build=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    id_: str = Field(alias="_id")
    id: str
    name: str
    version: str
    file_extension: str
    storage_group: str
    storage_path: str
    description: str
    framework: str
    metrics: dict[str, Any]
    parameters: dict[str, Any]
    tags: dict[str, Any]
    size: int
    stage: str
    version_number: int
    created_at: str
    updated_at: str
    created_by: str


class ClassicPage(BaseModel):
    """Uploaded models, and where to go on. Documentation only."""

    model_config = ConfigDict(
        extra="forbid",
        defer_build=True,
        json_schema_extra={"examples": [{"items": [_EXAMPLE], "next_page_token": None}]},
    )

    items: list[ClassicModel]
    next_page_token: str | None


def _metadata_id(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise NotFound(
            f"There is no model with the metadata id {text!r:.100}.",
            hint="It is what `upload_model` answered as `metadata_id`.",
        )
    return text


MetadataId: TypeAlias = Annotated[
    str,
    AfterValidator(_metadata_id),
    Path(description="What the upload answered as `metadata_id`.", examples=[_EXAMPLE["_id"]]),
]


def _answer(value: Mapping[str, Any], status: int = 200) -> Response:
    # Parameters may be NaN or infinite; Python's own JSON knows them, and so do its readers.
    return Response(json.dumps(value), status, media_type="application/json")


@router.post(
    "/upload",
    operation_id="classicUpload",
    summary="Upload a model",
    status_code=201,
    responses=answers(UploadResponse, 409, 415, 507, status=201),
    openapi_extra=form_in(ModelMetadata, "metadata"),
)
async def upload(request: Request, services: Acting) -> Response:
    """Store the part `file` as the one file of a new version that the part `metadata` describes.

    A name and version text that are taken are refused, before the file is read if `metadata`
    comes first.
    """
    settings: Settings = request.app.state.settings
    metadata: ModelMetadata | None = None
    new: NewVersion | None = None
    blob: BlobStat | None = None
    async for part in parts_of(request, limit=2):
        if part.name == "metadata" and metadata is None:
            metadata = bodies.parse(
                ModelMetadata, await part.read(settings.max_json_bytes), nan=True
            )
            new = new_version(metadata)
            await wait_for(
                request,
                partial(services.catalog.check_label_is_free, metadata.name, metadata.version),
            )
        elif part.name == "file" and blob is None:
            threads = context_of(request).threads
            blob = await store(threads, services.artifacts.receive, part.chunks())
        else:
            raise InvalidInput(
                f"The form has a part {part.name!r:.200} too many.",
                hint="Send the parts 'metadata' (JSON) and 'file' (bytes), once each.",
            )
    if metadata is None or new is None or blob is None:
        raise InvalidInput(
            f"The form lacks the part {'metadata' if metadata is None else 'file'!r}.",
            hint="Send the parts 'metadata' (JSON) and 'file' (bytes).",
        )
    path = file_name(metadata.id, metadata.file_extension)
    file = FileEntry(path, blob.digest, blob.size, media_type_of(path))
    sealed = replace(new, files=Manifest.of([file]), pending=False)
    create = partial(services.catalog.create_version, metadata.name, sealed, create_model=True)
    return _uploaded(Record.of(await wait_for(request, create)))


def _uploaded(record: Record) -> Response:
    said = record.to_json()
    kept = {key: said[key] for key in UploadResponse.model_fields if key in said}
    message = f"Uploaded as version {record.version.version} of {record.version.model!r}."
    return _answer({"message": message, "metadata_id": said["_id"], **kept}, 201)


@router.get(
    "/metadata/{metadata_id}",
    operation_id="classicMetadata",
    summary="Get a model's metadata",
    responses=answers(ClassicModel, 404),
)
async def metadata(request: Request, metadata_id: MetadataId, services: Acting) -> Response:
    """Return what was said about a model when it was uploaded, and where its file is."""
    return _answer((await _record(request, services, metadata_id)).to_json())


async def _record(request: Request, services: Services, metadata_id: str) -> Record:
    return Record.of(await read(request, partial(services.catalog.version_by_uuid, metadata_id)))


@router.get(
    "/download",
    operation_id="classicDownload",
    summary="Download a model's file",
    responses=answers(None, 404, 409, 416) | bytes_out(),
    response_class=Response,
)
async def download(
    request: Request,
    services: Acting,
    metadata_id: Annotated[
        str,
        AfterValidator(_metadata_id),
        Query(description="`_id` of the metadata.", examples=[_EXAMPLE["_id"]]),
    ],
    file_path: Annotated[
        str,
        Query(description="`storage_path` of the metadata.", examples=[_EXAMPLE["storage_path"]]),
    ],
    bucket_name: Annotated[
        str,
        Query(description="`storage_group` of the metadata.", examples=[_EXAMPLE["storage_group"]]),
    ],
) -> Response:
    """Return the bytes, whole or one range. Id, path and storage group must belong together."""
    record = await _record(request, services, metadata_id)
    for what, said, known in (
        ("file_path", file_path, record.storage_path),
        ("bucket_name", bucket_name, record.storage_group),
    ):
        if said != known:
            raise InvalidInput(
                f"{what} is {said!r:.300}, but that of {metadata_id} is {known!r:.300}.",
                hint="Take both from get_metadata: storage_path and storage_group.",
                details={"field": what},
            )
    version = record.version
    file = await wait_for(
        request,
        partial(services.artifacts.file, version.model, version.version, record.file_name),
    )
    return await send_blob(
        request,
        services.artifacts,
        file.digest,
        file.size,
        filename=record.file_name,
        media_type=file.media_type,
        cache=REVALIDATE,
    )


@router.get(
    "/models",
    operation_id="classicList",
    summary="List models",
    responses=answers(ClassicPage),
)
async def list_models(
    request: Request,
    services: Acting,
    name: Annotated[
        str | None, Query(description="Only models of this name.", examples=["example_model"])
    ] = None,
    framework: Annotated[
        str | None, Query(description="Only those made with it.", examples=["scikit-learn"])
    ] = None,
    storage_group: Annotated[
        str | None, Query(description="Only those in this group.", examples=["ml-models"])
    ] = None,
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """List uploaded models, newest first; with a name, all versions of that model."""
    asked = {"name": name, "framework": framework, f"tags.{GROUP}": storage_group}
    clauses = [f"{field} = {_quoted(text)}" for field, text in asked.items() if text is not None]
    return await _page(request, services, " AND ".join(clauses), [], page_size, page_token)


@router.get(
    "/search",
    operation_id="classicSearch",
    summary="Search models",
    responses=answers(ClassicPage),
)
async def search(
    request: Request,
    services: Acting,
    filter: Filter = "",
    order_by: OrderBy = [],  # noqa: B006  # FastAPI copies it
    page_size: PageSize = None,
    page_token: PageToken = None,
) -> Response:
    """List the uploaded models that a filter finds, such as `metrics.accuracy > 0.9`.

    The version text is the field `label`, parameters are `params.<key>`.
    """
    parse_filter(filter, Target.VERSIONS)  # so that an error points into this very text
    return await _page(request, services, filter, order_by, page_size, page_token)


@router.delete(
    "/models/{metadata_id}",
    operation_id="classicDelete",
    summary="Delete a model",
    responses=answers(ClassicModel, 404, 409),
)
async def delete(request: Request, metadata_id: MetadataId, services: Acting) -> Response:
    """Delete one version softly, and answer what it was. Its name and version are free again."""
    record = await _record(request, services, metadata_id)
    version = record.version
    remove = partial(services.catalog.delete_version, version.model, version.version)
    await wait_for(request, remove)
    return _answer(record.to_json())


async def _page(
    request: Request,
    services: Services,
    filter: str,
    order_by: list[str],
    page_size: int | None,
    page_token: str | None,
) -> Response:
    classic = f"tags.{ID} != ''"
    find = partial(
        services.catalog.search_versions,
        f"({filter}) AND {classic}" if filter.strip() else classic,
        order_by=order_by,
        page_size=page_size,
        page_token=page_token,
    )
    page: Page[ModelVersion] = await wait_for(request, find)
    items = [Record(version).to_json() for version in page.items]
    return _answer({"items": items, "next_page_token": page.next_token})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
