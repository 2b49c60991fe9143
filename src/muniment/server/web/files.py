"""The files of a version, folder by folder, with a look into each; and the way to download one.

GET /models/fraud/3/files                 what stands at the top
GET /models/fraud/3/files/tokenizer       a folder, or a file with a preview of it
GET /models/fraud/3/download/model.pkl    its bytes
"""

from __future__ import annotations

import posixpath
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Final

from starlette.responses import Response

from muniment.domain.access import Verb
from muniment.domain.entities import ModelVersion
from muniment.domain.files import children_of
from muniment.domain.manifest import FileEntry, Manifest
from muniment.errors import MunimentError, NotFound
from muniment.server.downloads import REVALIDATE, send_blob
from muniment.server.web.frame import Visit, number_in, web_routes
from muniment.server.web.previews import Preview, Source, preview_of
from muniment.services import Services

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in a folder: a folder of its own, or a file."""

    name: str
    file: FileEntry | None


async def show(visit: Visit) -> Response:
    """Show a folder or a file of a version."""
    name, number = visit.params["name"], number_in(visit)
    path = visit.params.get("path", "").rstrip("/")
    after = visit.asked.get("page_token", "")
    gather = partial(_gathered, visit.services, name, number, path, after)
    return await visit.page("files", await visit.wait_for(gather))


async def download(visit: Visit) -> Response:
    """Send the bytes of a file, for the browser to save."""
    name, number, path = visit.params["name"], number_in(visit), visit.params["path"]
    artifacts = visit.services.artifacts
    file = await visit.wait_for(partial(artifacts.file, name, number, path))
    return await send_blob(
        visit.request,
        artifacts,
        file.digest,
        file.size,
        filename=posixpath.basename(path),
        media_type=file.media_type,
        cache=REVALIDATE,
        direct=True,
    )


def _gathered(
    services: Services, name: str, number: int, path: str, after: str
) -> dict[str, object]:
    version = services.catalog.version(name, number)
    known: dict[str, object] = {
        "version": version,
        "path": path,
        "parts": path.split("/") if path else [],
        "may_download": Verb.DOWNLOAD in services.lifecycle.verbs(name),
        "file": None,
        "manifest": None,
    }
    if version.digest is None:
        return known
    manifest = services.artifacts.manifest(name, number)
    known |= {"manifest": manifest, "total": manifest.size}
    file = manifest.file(path) if path else None
    if file is not None:
        preview = _preview(services, version, file) if known["may_download"] else None
        return known | {"file": file, "preview": preview}
    rows, more = _rows(manifest, path, after)
    if not rows and not after:
        raise NotFound(f"Version {number} of {name!r:.200} has nothing at {path!r:.300}.")
    return known | {"rows": rows, "next_token": rows[-1].name if more else ""}


def _rows(manifest: Manifest, folder: str, after: str) -> tuple[Sequence[Row], bool]:
    """Return the rows of a folder behind a name, by name, and whether there are more."""
    children = children_of(manifest, folder)
    start = bisect_right(children, after, key=attrgetter("name")) if after else 0
    shown = children[start : start + _PAGE]
    rows = [
        Row(c.name, None if c.is_folder else manifest.file(posixpath.join(folder, c.name)))
        for c in shown
    ]
    return rows, start + _PAGE < len(children)


def _preview(services: Services, version: ModelVersion, file: FileEntry) -> Preview | str:
    """Return a look into a file, or why there is none."""
    artifacts = services.artifacts
    artifacts.glance(version.model, version.version, file.path)

    def read(start: int, end: int) -> bytes:
        return b"".join(artifacts.read_blob(file.digest, start, end))

    try:
        return preview_of(file.path, Source(file.size, read))
    except MunimentError as fault:
        return f"{fault.message} Restore it from a backup, or push the same file again."


_VERSION: Final = "/models/{name}/{number}"
routes: Final = [
    *web_routes(f"{_VERSION}/files", get=show),
    *web_routes(f"{_VERSION}/files/{{path:path}}", get=show),
    *web_routes(f"{_VERSION}/download/{{path:path}}", get=download),
]
