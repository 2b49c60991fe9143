"""Ingesting a source: this server fetches the bytes itself, and the version owns them.

Without MUNIMENT_MLFLOW_INGEST nothing is fetched, and a source that lies elsewhere is a pointer. It
lists the places that may be read: folders, and other MLflow servers with an artifact proxy. Whoever
may create a version can read whatever lies there, so it should hold nothing but artifacts.

    source ──> which place has it? ──none──> a pointer
                   └──> its files ──> hashed while they are written ──> manifest ──> sealed at once
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from muniment.domain.manifest import FileEntry, Manifest, media_type_of
from muniment.errors import LimitExceeded
from muniment.server.mlflow.ingest import folders
from muniment.server.mlflow.ingest.origins import FoundFile, Wanted
from muniment.server.mlflow.ingest.servers import TrackingServer
from muniment.server.mlflow.wire import Call
from muniment.server.settings import Settings
from muniment.services import Services

__all__ = ["Wanted", "ingest"]


async def ingest(call: Call, wanted: Wanted) -> Manifest | None:
    """Fetch a source, if a place of the settings has it; return its files. None: a mere pointer.

    Raises:
        NotFound: the place that should have it has nothing there, or there is no such model.
        PermissionDenied: the caller may not add versions to the model.
        Unavailable, Conflict: it can't be read, now or at all.
        LimitExceeded: a file is too large, or there are too many.
    """
    settings = cast(Settings, call.request.app.state.settings)
    if not settings.mlflow_ingest:
        return None
    return await call.wait_for(partial(_ingest, call.services, settings, wanted))


def _ingest(services: Services, settings: Settings, wanted: Wanted) -> Manifest | None:
    if wanted.uri.is_local:
        return _from_folders(services, settings, wanted, wanted.uri.local_path)
    token = settings.mlflow_ingest_token
    secret = None if token is None else token.get_secret_value()
    for url in (place for place in settings.mlflow_ingest if not place.startswith("file:")):
        with closing(TrackingServer(url, secret)) as server:
            address = server.locate(wanted)
            if address is None:
                continue
            folder = server.folder_of(address)
            if folder is not None:
                services.catalog.check_may_add_version(wanted.model)
                return _stored(services, settings, server.files_in(folder))
            if address.is_local:
                return _from_folders(services, settings, wanted, address.local_path)
            return None
    return None


def _from_folders(
    services: Services, settings: Settings, wanted: Wanted, path: str
) -> Manifest | None:
    for place in settings.mlflow_ingest:
        root = Path(unquote(urlsplit(place).path))
        folder = folders.below(root, path) if place.startswith("file:") else None
        if folder is not None:
            services.catalog.check_may_add_version(wanted.model)
            return _stored(services, settings, folders.files_in(root, folder))
    return None


def _stored(services: Services, settings: Settings, files: Iterable[FoundFile]) -> Manifest | None:
    """Store the files; return the manifest of them, None if there is none."""
    limit = settings.max_upload_bytes
    entries: list[FileEntry] = []
    for file in files:
        with services.artifacts.receive(size=file.size) as intake:
            for piece in file.read():
                intake.write(piece)
                if intake.offset > limit:
                    raise LimitExceeded(
                        f"{file.path!r:.300} has more than {limit} bytes.", details={"limit": limit}
                    )
            blob = intake.finish()
        entries.append(FileEntry(file.path, blob.digest, blob.size, media_type_of(file.path)))
    return Manifest.of(entries) if entries else None
