"""The registry as its users know it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from muniment.client import formats, git, html
from muniment.client.backend import Backend
from muniment.client.cache import Cache
from muniment.client.catalog import Moment, VersionRef, listed, signature_of
from muniment.client.difference import Diff, compare
from muniment.client.entities import Model, Version
from muniment.client.listing import SHOWN
from muniment.client.progress import ProgressOption
from muniment.client.provenance import PathLike, RegistryProvenance, load_trusted
from muniment.client.remote_file import RemoteFile
from muniment.client.subjects import plain, subject_of
from muniment.client.transfers import Transfers
from muniment.client.verification import VerifyReport, read_history, verify
from muniment.domain.access import Asked, Decision, Verb, parse_verb
from muniment.domain.accounts import WhoAmI
from muniment.domain.changes import NewVersion
from muniment.domain.entities import ModelVersion, RegisteredModel, Signature
from muniment.domain.garbage import GarbageReport
from muniment.domain.lineage import NodeKind, relation_to
from muniment.domain.manifest import Manifest
from muniment.domain.names import check_alias, check_model_name
from muniment.domain.values import JsonObject, Value
from muniment.errors import InvalidInput, MunimentError, NotFound, PermissionDenied

READ_AHEAD: Final = 256 * 1024
"""Bytes that an open file keeps ready."""


class Registry(RegistryProvenance):
    """A model registry, wherever it is; `muniment.connect` makes one.

    Safe for many threads. As a context manager it lets go of its connections at the end.
    Everything raises an error from `muniment.errors` that says what was wrong and what to do.
    Its other methods stand with their ideas: models, versions, aliases, search and history in
    `RegistryCatalog`, stages, requests and the past in `RegistryLifecycle`, checks, comments,
    lineage and deployments in `RegistryRecords`, signatures and exports in `RegistryProvenance`.
    """

    def __init__(
        self, backend: Backend, *, cache: Cache | None = None, progress: ProgressOption = None
    ) -> None:
        super().__init__(backend)
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

    # -- who is asking ---------------------------------------------------------------------------

    def whoami(self) -> WhoAmI:
        """Return who the registry takes you for, and what you may do in this workspace.

        Raises:
            Unauthenticated: the server wants to know who calls, and was not told.
        """
        return self.backend.me()

    def can(self, verb: Verb | str, what: str | None = None) -> Decision:
        """Say whether you may do `verb`, such as `alias.move`; true if so, and it knows why.

        Args:
            what: a model, or a model with an alias or a stage (`fraud@champion`,
                `fraud/Production`); None asks whether to anything at all.

        Raises:
            InvalidInput: there is no such verb.
        """
        return self.whoami().can(parse_verb(verb), self._asked(what))

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
        alias: str | Sequence[str] | None = (),
        source_uri: str = "",
        run_id: str = "",
        run_link: str = "",
        path: str | None = None,
        parent: VersionRef | None = None,
        relation: str = "",
        use_git: bool | None = None,
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
            run_id: the run that it came from; its lineage says so.
            path: the file's place in the version, for a single file, bytes or a stream.
            parent: the version that it came from, such as `base/2`; its lineage says so.
            relation: `derived_from`, the usual one, `fine_tuned_from`, `distilled_from` or
                `quantised_from` that parent.
            use_git: whether its lineage is to tell the commit that the working directory is at, if
                that is a git repository; None: unless MUNIMENT_GIT is off.

        Returns:
            The version, READY. Only what the registry lacks was sent.

        Raises:
            InvalidInput: `what` or some value breaks a rule; nothing was sent.
            AlreadyExists: the label is taken.
            DigestMismatch: a file changed while it was being pushed.
            PreconditionFailed: an alias is protected; the version is there all the same.
        """
        if not isinstance(name, str):
            raise InvalidInput(
                f"The name of a model must be text, not {name!r:.80}.",
                hint="push(name, what): the name comes first.",
            )
        aliases = [check_alias(one) for one in listed(alias)]
        new = NewVersion(
            label=label,
            description=description,
            tags=plain(tags),
            params=plain(params),
            metrics=plain(metrics),
            framework=framework,
            signature=signature_of(signature),
            source_uri=source_uri,
            run_id=run_id,
            run_link=run_link,
        )
        # before any byte is hashed or sent
        check_model_name(name)
        replace(new, pending=True).checked()
        relation_to(NodeKind.VERSION, relation)
        if relation and parent is None:
            raise InvalidInput(f"{relation} what?", hint="Name the version as `parent`.")
        origin = None if parent is None else self._resolved(parent)
        commit = git.commit_here() if git.wanted(use_git) else None
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
        if origin is not None:
            self.link(entity, origin, relation)
        if commit is not None:
            with suppress(MunimentError):  # good to know, but no reason to fail
                self.link(entity, commit, source=git.SOURCE)
        for one in aliases:
            self.backend.catalog.set_alias(entity.model, one, entity.version)
        return self.version(entity.ref) if aliases else self._version(entity)

    def pull(
        self,
        ref: VersionRef,
        to: str | Path | None = None,
        *,
        paths: str | Sequence[str] = (),
        as_of: Moment | None = None,
    ) -> Path:
        """Bring a version's files here, verified; all, or those at or below `paths`.

        With `as_of`, those of the version that an alias or a stage meant at that time.

        Returns:
            The folder that holds them: `to`, with files of your own (those that stand there under
            the same paths are replaced, others stay); or a read-only folder of the local cache,
            made without any copy.

        Raises:
            NotReady: the version has no files.
            DigestMismatch: other bytes came than the manifest names; they were not kept.
        """
        target = None if to is None else Path(to).expanduser()
        return self._transfers.pull(self._resolved(ref, as_of=as_of), listed(paths), target)

    def load(self, ref: VersionRef, *, trust: bool = False) -> Any:
        """Return the Python object that was pushed as a version.

        A second load of the same bytes neither transfers nor copies them.

        Raises:
            PermissionDenied: its format runs code of whoever wrote it, and not `trust`.
            InvalidInput: the files of the version are no object that can be loaded here.
            ConfigurationError: a package that it needs is not installed.
        """
        version = self._resolved(ref)
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
        version = self._resolved(ref)
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

    # -- looking into them -----------------------------------------------------------------------

    def manifest(self, ref: VersionRef) -> Manifest:
        """Return the files of a version, verified against its digest. Raises NotReady."""
        return self._transfers.manifest(self._resolved(ref))

    def diff(self, a: VersionRef, b: VersionRef) -> Diff:
        """Compare two versions: facts, metrics, params, tags, signature, and files by digest."""
        before, after = self._resolved(a), self._resolved(b)
        return compare(
            before,
            after,
            None if before.digest is None else self._transfers.manifest(before),
            None if after.digest is None else self._transfers.manifest(after),
        )

    def verify(self, ref: VersionRef, *, keys: Sequence[PathLike] = ()) -> VerifyReport:
        """Read every byte of a version back, and its model's history, and check all digests.

        With `keys` (files of public keys or certificates), one of them must have signed it.
        """
        version = self._resolved(ref)
        history = read_history(self.backend.catalog, version.model)
        return verify(self.backend, version, history, self._progress, load_trusted(keys))

    def verify_model(self, name: str) -> Iterator[VerifyReport]:
        """Verify every version of a model, newest first; its history is read only once.

        Each report comes as soon as its version has been read.
        """
        versions = self.versions(model=name).all()
        history = read_history(self.backend.catalog, name)
        for version in versions:
            yield verify(self.backend, version, history, self._progress)

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

    def _asked(self, what: str | None) -> Asked:
        if what is None:
            return Asked()
        asked = Asked.of(what)
        try:
            return replace(asked, tags=self.backend.catalog.model(str(asked.model)).tags)
        except (NotFound, PermissionDenied):
            return asked  # of a model that there is not (yet)

    def _model(self, entity: RegisteredModel) -> Model:
        return Model.of(entity, self)

    def _version(self, entity: ModelVersion) -> Version:
        return Version.of(entity, self)
