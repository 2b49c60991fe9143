"""Where the files of a version come from, and from where a client gets them.

    create ── resolve ──> what is recorded: source, run, location; and content, where it is here

    source                        content                              location
    runs:/R/…, R logged here      what lies below R's artifacts        -
    models:/m-…, logged here      the logged model's files             its artifacts
    mlflow-artifacts:/…           what lies there                      -
    models:/name/3                that of the other version            that of the other version
    anything else                 none, or ingested: see `ingest`      -

    get-download-uri ── download_uri ──> where the files were logged, while the very same are there;
                                         else this server's own copy, which stays

A run or logged model that this server does not know may be known to the tracking server that the
caller uses beside it: then the source is taken as it is, for the client to resolve. Only what reads
as a place of this server, while runs are logged here, must be one.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.entities import ModelVersion, Status
from muniment.domain.lineage import Origin
from muniment.domain.manifest import Manifest
from muniment.domain.refs import Ref
from muniment.errors import InvalidInput, NotFound, NotReady
from muniment.server.mlflow.ingest import Wanted, ingest
from muniment.server.mlflow.source_uris import (
    PROXIED,
    ModelUri,
    SourceUri,
    check_plain,
    parse_model_uri,
    parse_run_uri,
    parse_source,
    refused,
    split_source,
)
from muniment.server.mlflow.tree import address_of_version, path_in_version
from muniment.server.mlflow.wire import Call
from muniment.server.tracking.lookups import tracking_of
from muniment.services import Services

PLACEHOLDERS: Final = frozenset({"dummy-source", "prompt-template"})
"""What clients send as the source of a prompt, which has no files."""
_PROMPT: Final = "mlflow.prompt.is_prompt"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a new version is to record; with `files` it is sealed.

    `model_id` is that of the logged model, known here, that it is registered from.
    """

    source_uri: str
    run_id: str
    location: str = ""
    files: Manifest | None = None
    model_id: str = ""
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class _Owner:
    """The run or logged model, known here, that a source must belong to; where its files lie."""

    root: str
    run_id: str


async def resolve(
    call: Call, *, name: str, source: str, run_id: str, model_id: str, prompt: bool
) -> Resolved:
    """Return what a version of the model `name` is to record for a source.

    Raises:
        InvalidInput: it is none, or not one of the run or logged model that is named beside it.
        NotFound: the version, model or logged model that it names is not here.
        PermissionDenied: the caller may not have those bytes.
        Unavailable: they were to be ingested, and can't be fetched.
    """
    if prompt:
        if source not in PLACEHOLDERS:
            raise refused(source, f"a prompt has no files; send {min(PLACEHOLDERS)!r}")
        return Resolved(source, run_id)
    uri = parse_source(source)
    if uri.scheme == PROXIED and (copied := path_in_version(f"{uri.folder}/")) is not None:
        return await _of_copy(call, uri, copied[0], run_id)
    if uri.scheme == "models" and not (named := parse_model_uri(uri)).model_id:
        return await _of_version(call, uri, named, run_id, model_id)
    owner = await _owner(call, uri, run_id, model_id)
    _check_owned(uri, owner, run_id, model_id, strict=partial(_logs_runs, call))
    run_id = run_id or (owner.run_id if owner is not None else "")
    location = owner.root if owner is not None and uri.scheme == "models" else ""
    folder = None if owner is None else _folder(uri, owner.root)
    if folder is not None:
        files = await call.wait_for(partial(call.services.files.manifest_of, folder))
    else:
        files = await ingest(call, Wanted(name, uri, run_id, model_id))
    origins = await _origins(call, run_id)
    return Resolved(source, run_id, location, files, "" if owner is None else model_id, origins)


async def link(call: Call, resolved: Resolved, version: ModelVersion) -> None:
    """Note on the logged model, if there is one here, that it is registered as this version."""
    tracking = tracking_of(call.request)
    if tracking is not None and resolved.model_id:
        note = partial(tracking.link_version, resolved.model_id, version.model, version.version)
        await call.wait_for(note)


async def download_uri(call: Call, version: ModelVersion) -> str:
    """Return the address from which a client gets the files of a version.

    Raises:
        NotReady: it has none, and points nowhere.
    """
    logged = version.location or version.source_uri
    if version.digest is None:
        if not logged:
            raise NotReady(f"{version.ref!r:.300} has no files: it is {version.status}.")
        return logged
    folder = await _folder_here(call, logged)
    if folder is None:
        # Whatever the caller's tracking server is, this address leads here.
        return f"{call.request.base_url}{address_of_version(version, proxied=False)}"
    manifest = partial(call.services.artifacts.manifest, version.model, version.version)
    holds = partial(call.services.files.holds, folder, await call.wait_for(manifest))
    return logged if await call.wait_for(holds) else address_of_version(version, proxied=True)


# -- other versions ------------------------------------------------------------------------------


async def _of_version(
    call: Call, uri: SourceUri, named: ModelUri, run_id: str, model_id: str
) -> Resolved:
    version = await call.read(partial(_find, call.services, uri, named))
    if model_id or (call.has("run_id") and run_id != version.run_id):
        raise refused(uri.text, f"the version that it names has the run {version.run_id!r:.100}")
    if version.status is not Status.READY:
        raise NotReady(f"{version.ref!r:.300} is {version.status}.")
    source = f"models:/{version.model}/{version.version}"
    check_plain(parse_source(source))
    files = None
    if version.digest is not None:
        share = partial(call.services.artifacts.manifest_to_share, version.model, version.version)
        files = await call.wait_for(share)
    return Resolved(source, version.run_id, version.location or version.source_uri, files)


async def _of_copy(call: Call, uri: SourceUri, uuid: str, run_id: str) -> Resolved:
    """Return what is recorded for the address that `download_uri` gave of a version's own files."""
    if path_in_version(f"{uri.folder}/") != (uuid, ""):
        raise refused(uri.text, "it must name all files of a version")
    version = await call.read(partial(call.services.catalog.version_by_uuid, uuid))
    share = partial(call.services.artifacts.manifest_to_share, version.model, version.version)
    return Resolved(uri.text, run_id or version.run_id, "", await call.wait_for(share))


def _find(services: Services, uri: SourceUri, named: ModelUri) -> ModelVersion:
    """Return the version that a source names now. Raises NotFound, InvalidInput."""
    catalog = services.catalog
    model = catalog.model(names.check_model_name(named.name))
    if str(model.tags.get(_PROMPT, "")).lower() == "true":
        raise refused(uri.text, "it names a prompt")
    if named.number is not None:
        return catalog.version(model.name, named.number)
    if named.alias:
        try:
            return catalog.resolve(Ref(model.name, alias=named.alias))
        except NotFound as error:
            if named.alias.lower() == "latest":
                raise  # the one alias that is always there: what is missing is a version
            raise InvalidInput(
                f"{model.name!r:.200} has no alias {named.alias!r:.200}.",
                details={"field": "source"},
            ) from error
    stage = catalog.find_stage(named.stage) if named.stage else None
    if named.stage and stage is None:
        raise refused(uri.text, f"there is no stage {named.stage!r:.100}")
    return catalog.resolve(Ref(model.name, stage=stage))


# -- runs and logged models ----------------------------------------------------------------------


async def _owner(call: Call, uri: SourceUri, run_id: str, model_id: str) -> _Owner | None:
    """Return whom a source must belong to; None if that is not known here, or nobody is named."""
    tracking = tracking_of(call.request)
    if tracking is None:
        return None
    owner: _Owner | None = None
    if model_id:
        model = await call.wait_for(partial(tracking.logged_model, model_id))
        owner = None if model is None else _Owner(model.artifact_uri, model.run_id or "")
    elif run_id and (uri.is_local or uri.scheme in ("runs", PROXIED)):
        run = await call.wait_for(partial(tracking.run, run_id))
        owner = None if run is None else _Owner(run.artifact_uri, run_id)
    if owner is not None:
        call.services.runs.check(Verb.READ_RUNS)
    return owner


async def _origins(call: Call, run_id: str) -> tuple[Origin, ...]:
    """Return what the run tells of, if it is kept here and the caller may read runs."""
    tracking = tracking_of(call.request)
    if tracking is None or not run_id or not call.services.runs.may(Verb.READ_RUNS):
        return ()
    run = await call.wait_for(partial(tracking.run, run_id))
    return () if run is None else run.origins


def _check_owned(
    uri: SourceUri,
    owner: _Owner | None,
    run_id: str,
    model_id: str,
    *,
    strict: Callable[[], bool],
) -> None:
    """Refuse a source that is not the run's or logged model's that is named beside it.

    `strict` says whether runs are logged here, so that one which is not known here is nowhere.
    """
    beside = f"it must belong to the {'model_id' if model_id else 'run_id'} that is sent with it"
    if not uri.is_local:
        check_plain(uri)
    if uri.is_local or uri.scheme == PROXIED:
        nobody = uri.scheme == PROXIED and not (run_id or model_id)
        if nobody or (strict() if owner is None else not uri.within(owner.root)):
            raise refused(uri.text, beside)
    elif uri.scheme == "models":
        if parse_model_uri(uri).model_id != model_id:
            raise refused(uri.text, beside)
    elif uri.scheme == "runs":
        if model_id or parse_run_uri(uri)[0] != run_id:
            raise refused(uri.text, beside)
    elif model_id and owner is None and strict():
        raise NotFound(f"There is no logged model {model_id!r:.100}.")


def _folder(uri: SourceUri, root: str) -> str | None:
    """Return the folder of our files that a source of a known owner means; None if elsewhere."""
    base = split_source(root)
    if uri.is_local or base.scheme != PROXIED or base.host:
        return None
    if uri.scheme == "runs":
        return split_source(posixpath.join(root, parse_run_uri(uri)[1])).folder
    return base.folder if uri.scheme == "models" else uri.folder


async def _folder_here(call: Call, logged: str) -> str | None:
    """Return the folder of our files that an address means; None if it leads elsewhere."""
    tracking = tracking_of(call.request)
    if tracking is None or not _logs_runs(call) or not logged.startswith((f"{PROXIED}:", "runs:")):
        return None
    uri = parse_source(logged)
    if uri.scheme == PROXIED:
        return uri.folder
    run = await call.wait_for(partial(tracking.run, parse_run_uri(uri)[0]))
    return None if run is None else _folder(uri, run.artifact_uri)


def _logs_runs(call: Call) -> bool:
    tracking = tracking_of(call.request)
    return tracking is not None and tracking.in_use
