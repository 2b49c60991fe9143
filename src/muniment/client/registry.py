"""The registry as its users know it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from muniment.client import formats, html
from muniment.client.backend import Backend
from muniment.client.cache import Cache
from muniment.client.difference import Diff, compare
from muniment.client.entities import Model, Version
from muniment.client.listing import SHOWN, Listing
from muniment.client.progress import ProgressOption
from muniment.client.remote_file import RemoteFile
from muniment.client.subjects import patch, plain, subject_of
from muniment.client.transfers import Transfers
from muniment.client.verification import VerifyReport, verify
from muniment.domain.activities import Activity
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.entities import ModelVersion, Page, Reference, RegisteredModel, Signature
from muniment.domain.garbage import GarbageReport
from muniment.domain.manifest import Manifest
from muniment.domain.names import check_alias, check_model_name
from muniment.domain.refs import Ref, parse_ref
from muniment.domain.values import JsonObject, Value
from muniment.errors import InvalidInput, NotFound, PermissionDenied

VersionRef: TypeAlias = str | Ref | ModelVersion
"""How a version is named: a version itself, or `name`, `name@alias`, `name/3`, `name/Stage`."""

A = TypeVar("A")
B = TypeVar("B")
READ_AHEAD = 256 * 1024


class Registry:
    """A model registry, wherever it is; `muniment.connect` makes one.

    Safe for many threads. As a context manager it lets go of its connections at the end.
    Everything raises an error from `muniment.errors` that says what was wrong and what to do.
    """

    def __init__(
        self, backend: Backend, *, cache: Cache | None = None, progress: ProgressOption = None
    ) -> None:
        self.backend = backend
        self.cache = cache or Cache()
        self._progress = progress
        self._transfers = Transfers(backend, self.cache, progress)

    @property
    def address(self) -> str:
        """Where the registry is: a URL or a folder."""
        return self.backend.address

    def close(self) -> None:
        """Let go of connections and files."""
        self.backend.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Registry {self.address}>"

    def _repr_html_(self) -> str:
        page = self.backend.catalog.search_models(page_size=SHOWN)
        return html.registry(self.address, page.items, page.next_token is not None)

    # -- models in, models out -------------------------------------------------------------------

    def push(
        self,
        name: str,
        what: object = None,
        *,
        label: str | None = None,
        description: str = "",
        tags: Mapping[str, Value | None] | None = None,
        params: Mapping[str, Value | None] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        framework: str = "",
        signature: Signature | JsonObject | None = None,
        input_example: object = None,
        alias: str | Sequence[str] = (),
        source_uri: str = "",
        run_id: str = "",
        run_link: str = "",
        path: str | None = None,
    ) -> Version:
        """Add a version of the model `name`, which is made if there is none.

        Args:
            what: a file or folder (`str` or `Path`), bytes, a binary file object, or a Python
                object, which is written as `muniment.client.formats` says. None, if the version
                only points at `source_uri`.
            label: a name of your own for the version, such as "1.0.0"; unique in the model.
            tags, params, metrics: values that are None are left out.
            signature: what goes in and what comes out.
            input_example: a dict, list, array or data frame; kept as `input_example.json`.
            alias: one or several aliases that are to point at the version.
            path: the file's place in the version, for a single file, bytes or a stream.

        Returns:
            The version, READY. Only what the registry lacks was sent.

        Raises:
            InvalidInput: `what` or some value breaks a rule; nothing was sent.
            AlreadyExists: the label is taken.
            DigestMismatch: a file changed while it was being pushed.
        """
        aliases = [check_alias(one) for one in _listed(alias)]
        new = NewVersion(
            label=label,
            description=description,
            tags=plain(tags),
            params=plain(params),
            metrics=plain(metrics),
            framework=framework,
            signature=_signature(signature),
            source_uri=source_uri,
            run_id=run_id,
            run_link=run_link,
        )
        # before any byte is hashed or sent
        check_model_name(name)
        replace(new, pending=True).checked()
        if what is None:
            if not source_uri or input_example is not None or path is not None:
                raise InvalidInput(
                    "There is nothing to push: `what` is None.",
                    hint="Pass a path, bytes, a stream or an object; or a `source_uri` alone.",
                )
            entity = self.backend.catalog.create_version(name, new, create_model=True)
        else:
            with subject_of(what, path=path, input_example=input_example) as subject:
                new = replace(new, framework=framework or subject.framework)
                entity = self._transfers.push(name, subject.contents, new)
        for one in aliases:
            self.backend.catalog.set_alias(entity.model, one, entity.version)
        return self.version(entity.ref) if aliases else Version.of(entity, self)

    def pull(
        self,
        ref: VersionRef,
        to: str | Path | None = None,
        *,
        paths: str | Sequence[str] = (),
    ) -> Path:
        """Bring a version's files here, verified; all, or those at or below `paths`.

        Returns:
            The folder that holds them: `to`, with files of your own (those that stand there under
            the same paths are replaced, others stay); or a read-only folder of the local cache,
            made without any copy.

        Raises:
            NotReady: the version has no files.
            DigestMismatch: other bytes came than the manifest names; they were not kept.
        """
        target = None if to is None else Path(to).expanduser()
        return self._transfers.pull(self._entity(ref), _listed(paths), target)

    def load(self, ref: VersionRef, *, trust: bool = False) -> Any:
        """Return the Python object that was pushed as a version.

        A second load of the same bytes neither transfers nor copies them.

        Raises:
            PermissionDenied: its format runs code of whoever wrote it, and not `trust`.
            InvalidInput: the files of the version are no object that can be loaded here.
            ConfigurationError: a package that it needs is not installed.
        """
        version = self._entity(ref)
        manifest = self._transfers.manifest(version)
        described = manifest.file(formats.DESCRIPTION) is not None
        description = self.read(version, formats.DESCRIPTION) if described else None
        stored = formats.find_object(manifest, description)
        if stored.format.runs_code and not trust:
            raise PermissionDenied(
                f"{version.ref} is stored as {stored.path!r} ({stored.format.name}): reading that "
                f"runs whatever code its writer put in (pushed by {version.created_by}).",
                hint="If you trust them, say load(…, trust=True); else pull() it and look.",
                details={"format": stored.format.name, "path": stored.path},
            )
        return stored.load(self._transfers.pull(version, (), None))

    def open(self, ref: VersionRef, path: str) -> io.BufferedReader:
        """Open one file of a version: binary, read-only, seekable, fetched as it is read.

        A file that is in the local cache is opened there. Any other is verified if it is read from
        beginning to end; `pull` verifies always.

        Raises:
            NotFound: the version has no such file.
        """
        version = self._entity(ref)
        entry = self._transfers.manifest(version).file(path)
        if entry is None:
            raise NotFound(
                f"{version.ref} has no file {path!r:.300}.",
                hint=f"`muniment show {version.ref}` lists its files.",
            )
        if here := self._transfers.cached(entry):
            return here.open("rb")
        read = partial(self.backend.artifacts.read, version.model, version.version, path)
        return io.BufferedReader(RemoteFile(entry, read, f"{version.ref}/{path}"), READ_AHEAD)

    def read(self, ref: VersionRef, path: str) -> bytes:
        """Return one file of a version, verified. The whole of it is held in memory."""
        with self.open(ref, path) as stream:
            return stream.read()

    # -- looking ---------------------------------------------------------------------------------

    def model(self, name: str) -> Model:
        """Return a registered model. Raises NotFound."""
        return Model.of(self.backend.catalog.model(name), self)

    def version(self, ref: VersionRef) -> Version:
        """Return the version that `ref` means now. Raises NotFound."""
        return Version.of(self._entity(ref), self)

    def models(
        self, filter: str = "", *, order_by: str | Sequence[str] = (), deleted: bool = False
    ) -> Listing[Model]:
        """Search models, such as `"name LIKE 'fraud%' AND tags.team = 'risk'"`; by name.

        With `deleted`, those that were deleted and can be restored.
        """
        search = partial(
            self.backend.catalog.search_models,
            filter,
            order_by=_listed(order_by),
            deleted=deleted,
        )
        return Listing(
            f"Models {filter}".strip(),
            lambda size, token: _mapped(
                search(page_size=size, page_token=token), lambda item: Model.of(item, self)
            ),
            html.model_list,
        )

    def versions(
        self,
        filter: str = "",
        *,
        model: str | None = None,
        order_by: str | Sequence[str] = (),
        deleted: bool = False,
    ) -> Listing[Version]:
        """Search versions, such as `"metrics.auc >= 0.9"`, of one model or of all; newest first."""
        search = partial(
            self.backend.catalog.search_versions,
            filter,
            model=model,
            order_by=_listed(order_by),
            deleted=deleted,
        )
        return Listing(
            f"Versions {filter}".strip(),
            lambda size, token: _mapped(
                search(page_size=size, page_token=token), lambda item: Version.of(item, self)
            ),
            html.version_list,
        )

    def manifest(self, ref: VersionRef) -> Manifest:
        """Return the files of a version, verified against its digest. Raises NotReady."""
        return self._transfers.manifest(self._entity(ref))

    def aliases(self, name: str) -> list[Reference]:
        """Return the aliases of a model, by name."""
        return list(self.backend.catalog.aliases(name))

    def history(self, name: str, *, newest_first: bool = True) -> Listing[Activity]:
        """Return what was done to a model and its versions: who, when, what, with which comment."""
        return Listing(
            f"History of {name}",
            lambda size, token: self.backend.catalog.history(
                name, page_size=size, page_token=token, newest_first=newest_first
            ),
            html.activity_list,
        )

    def diff(self, a: VersionRef, b: VersionRef) -> Diff:
        """Compare two versions: metrics, params, tags, signature, and files by digest."""
        before, after = self._entity(a), self._entity(b)
        return compare(
            before,
            after,
            None if before.digest is None else self._transfers.manifest(before),
            None if after.digest is None else self._transfers.manifest(after),
        )

    def verify(self, ref: VersionRef) -> VerifyReport:
        """Read every byte of a version back, and its model's history, and check all digests."""
        return verify(self.backend, self._entity(ref), self._progress)

    # -- changing --------------------------------------------------------------------------------

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, Value | None] | None = None
    ) -> Model:
        """Register a name before there is any version. Raises AlreadyExists."""
        changes = ModelChanges(description=description, tags={**plain(tags)})
        return Model.of(self.backend.catalog.create_model(name, changes), self)

    def update_model(
        self,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, Value | None] | None = None,
        if_match: int | None = None,
    ) -> Model:
        """Change what is given; a tag that is None is removed.

        Raises:
            PreconditionFailed: its revision is not `if_match` any more.
        """
        changes = ModelChanges(description=description, tags=patch(tags))
        return Model.of(self.backend.catalog.update_model(name, changes, if_match=if_match), self)

    def update_version(
        self,
        ref: VersionRef,
        *,
        label: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Value | None] | None = None,
        params: Mapping[str, Value | None] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        framework: str | None = None,
        signature: Signature | JsonObject | None = None,
        run_id: str | None = None,
        run_link: str | None = None,
        if_match: int | None = None,
    ) -> Version:
        """Change what is given; a tag, param or metric that is None is removed, "" clears a text.

        Raises:
            PreconditionFailed: its revision is not `if_match` any more.
        """
        model, number = self._place(ref)
        changes = VersionChanges(
            label=label,
            description=description,
            tags=patch(tags),
            params=patch(params),
            metrics=patch(metrics),
            framework=framework,
            signature=_signature(signature),
            run_id=run_id,
            run_link=run_link,
        )
        catalog = self.backend.catalog
        return Version.of(catalog.update_version(model, number, changes, if_match=if_match), self)

    def tag(
        self, target: str | RegisteredModel | ModelVersion, tags: Mapping[str, Value | None]
    ) -> Model | Version:
        """Set tags (None removes one) of a model, by its name, or of a version, by a reference."""
        if isinstance(target, RegisteredModel):
            return self.update_model(target.name, tags=tags)
        if isinstance(target, str) and str(parse_ref(target)) == parse_ref(target).model:
            return self.update_model(target, tags=tags)
        return self.update_version(target, tags=tags)

    def rename(self, name: str, new_name: str) -> Model:
        """Give a model another name; everything else stays."""
        return Model.of(self.backend.catalog.rename_model(name, new_name), self)

    def set_alias(
        self,
        ref: VersionRef,
        alias: str,
        *,
        expect: int | None = None,
        protected: bool | None = None,
    ) -> Reference:
        """Point an alias at a version.

        Args:
            expect: the version that it must point at now, 0 for none; else PreconditionFailed.
            protected: whether from now on it moves only with `expect`.
        """
        model, number = self._place(ref)
        return self.backend.catalog.set_alias(
            model, alias, number, expect=expect, protected=protected
        )

    def delete_alias(self, name: str, alias: str, *, expect: int | None = None) -> None:
        """Remove an alias of a model; a missing one is fine, unless `expect` says otherwise."""
        self.backend.catalog.delete_alias(name, alias, expect=expect)

    def move_to_stage(
        self,
        ref: VersionRef,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
    ) -> Version:
        """Move a version to a stage; `archive_existing` archives the others that are there."""
        model, number = self._place(ref)
        moved = self.backend.catalog.move_to_stage(
            model, number, stage, archive_existing=archive_existing, comment=comment
        )
        return Version.of(moved, self)

    # -- deleting --------------------------------------------------------------------------------

    def delete_model(self, name: str, *, if_match: int | None = None) -> Model:
        """Delete a model softly, with all its versions; the answer can `.restore()` itself."""
        return Model.of(self.backend.catalog.delete_model(name, if_match=if_match), self)

    def restore_model(self, model_id: int) -> Model:
        """Undo `delete_model`; `models(deleted=True)` tells ids."""
        return Model.of(self.backend.catalog.restore_model(model_id), self)

    def delete_version(self, ref: VersionRef, *, if_match: int | None = None) -> Version:
        """Delete a version softly; its aliases are dropped, its number is never used again.

        Raises:
            InvalidInput: `ref` does not name one version for good, as `name/3` does.
        """
        model, number = _exactly(ref)
        deleted = self.backend.catalog.delete_version(model, number, if_match=if_match)
        return Version.of(deleted, self)

    def restore_version(self, ref: VersionRef) -> Version:
        """Undo `delete_version`; `ref` is like `name/3`."""
        model, number = _exactly(ref)
        return Version.of(self.backend.catalog.restore_version(model, number), self)

    def collect_garbage(
        self,
        *,
        dry_run: bool = False,
        restore_window: float | None = None,
        grace: float | None = None,
    ) -> GarbageReport:
        """Purge what was deleted more than `restore_window` seconds ago, then free unneeded bytes.

        Bytes needed within the last `grace` seconds stay. None: as the registry is set up.
        """
        return self.backend.housekeeping.collect_garbage(
            dry_run=dry_run, restore_window=restore_window, grace=grace
        )

    # --------------------------------------------------------------------------------------------

    def _entity(self, ref: VersionRef) -> ModelVersion:
        if isinstance(ref, ModelVersion):
            return ref
        parsed = parse_ref(ref) if isinstance(ref, str) else ref
        if parsed.version is not None:
            return self.backend.catalog.version(parsed.model, parsed.version)
        return self.backend.catalog.resolve(parsed)

    def _place(self, ref: VersionRef) -> tuple[str, int]:
        """Return the model's name and the version's number, asking only if it must."""
        if isinstance(ref, str):
            ref = parse_ref(ref)
        if isinstance(ref, Ref) and ref.version is not None:
            return ref.model, ref.version
        entity = self._entity(ref)
        return entity.model, entity.version


def _exactly(ref: VersionRef) -> tuple[str, int]:
    if isinstance(ref, ModelVersion):
        return ref.model, ref.version
    parsed = parse_ref(ref) if isinstance(ref, str) else ref
    if parsed.version is None:
        raise InvalidInput(
            f"{str(parsed)!r:.200} may mean another version tomorrow.",
            hint=f"Name the version by its number: {parsed.model}/3.",
        )
    return parsed.model, parsed.version


def _listed(values: str | Sequence[str]) -> Sequence[str]:
    return (values,) if isinstance(values, str) else tuple(values)


def _signature(signature: Signature | JsonObject | None) -> Signature | None:
    if signature is None or isinstance(signature, Signature):
        return signature
    return Signature.from_json(signature)


def _mapped(page: Page[A], change: Callable[[A], B]) -> Page[B]:
    return Page(tuple(map(change, page.items)), page.next_token)
