"""A whole MLflow registry, brought into one of Muniment.

    every model ──> its versions by number ──> is it here? ── yes: what changed of its tags …
                                               no ──> reserve the number ── files? ──> send, seal
                                                                            none ──> it waits

A number that MLflow has no version for (any more) is used up here, too, so that every version keeps
its own. What can't be brought is told, and tried again the next time. Only the client's interface
is used: the registry may be a server, or a folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final

from mlflow.exceptions import MlflowException

from muniment.client import contents
from muniment.client.backend import Progress
from muniment.client.contents import Content
from muniment.client.credentials import without_secrets
from muniment.client.parallel import for_each, stoppable
from muniment.client.progress import ProgressOption, phase
from muniment.client.registry import Registry
from muniment.domain import names
from muniment.domain.changes import ModelChanges, NewVersion, VersionChanges
from muniment.domain.entities import NO_STAGE, ModelVersion, RegisteredModel, Status
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.patterns import matches
from muniment.domain.stages import stage_key
from muniment.domain.values import JsonObject, Value, from_millis, time_to_json
from muniment.errors import (
    Conflict,
    InvalidInput,
    LimitExceeded,
    MunimentError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from muniment.ml import model_facts
from muniment.ml.mlflow_registry import READY, TheirModel, TheirRegistry

FROM: Final = "muniment.imported_from"
"""The tag of what came from MLflow: where it is there."""

_FATAL: Final = (Unavailable, Unauthenticated)


@dataclass(frozen=True, slots=True)
class Found:
    """A version of MLflow's (None: the model itself), and what was done.

    `done` is "imported", "changed", "there" (nothing to do), "would" (a dry run), or what went
    wrong: "missing" (its files are not there; its number waits for them), "failed" (MLflow itself
    has failed to register it), "refused" (it can't be here, as `note` says).
    """

    model: str
    version: int | None
    done: str
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is here as it is there."""
        return self.done in ("imported", "changed", "there", "would")

    @property
    def ref(self) -> str:
        """How people name it."""
        return self.model if self.version is None else f"{self.model}/{self.version}"

    def to_json(self) -> JsonObject:
        """Return the form for programs."""
        return {
            "model": self.model,
            "version": self.version,
            "done": self.done,
            "note": self.note,
        }


def import_mlflow(
    registry: Registry,
    uri: str,
    *,
    models: Collection[str] = (),
    dry_run: bool = False,
    progress: ProgressOption = None,
) -> Iterator[Found]:
    """Bring all models of an MLflow registry, or those that fit a pattern; yield each version.

    Args:
        uri: `http://host:5000`, `sqlite:///mlflow.db`, or whatever MLflow takes.

    Raises:
        MlflowException: the registry can't be read.
        Unavailable: ours can't be reached.
    """
    importer = _Importer(registry, uri, progress)
    for model in importer.theirs():
        if not models or any(matches(pattern, model.name) for pattern in models):
            yield from importer.plan(model) if dry_run else importer.bring(model)


class _Importer:
    def __init__(self, registry: Registry, uri: str, progress: ProgressOption) -> None:
        self._registry = registry
        self._catalog = registry.backend.catalog
        self._theirs = TheirRegistry(uri)
        self._shown = without_secrets(uri)
        self._progress = progress

    def theirs(self) -> Iterator[TheirModel]:
        """Yield the models that MLflow has."""
        return self._theirs.models()

    # -- what would be done ----------------------------------------------------------------------

    def plan(self, model: TheirModel) -> Iterator[Found]:
        """Yield what `bring` would do, without doing it; the files are looked for."""
        try:
            self._here(model)
        except MunimentError as error:
            yield _refused(model, None, error)
            return
        for version in self._theirs.versions(model):
            number = int(version.version)
            try:
                here = self._version_here(model, number)
            except MunimentError as error:
                yield _refused(model, number, error)
                continue
            if here is not None and here.status is Status.READY:
                yield Found(model.name, number, "there")
            elif version.status != READY:
                yield Found(model.name, number, "failed", _why(version))
            elif not model.is_prompt and (note := self._theirs.lacks_files(model, version)):
                yield Found(model.name, number, "missing", note)
            else:
                yield Found(model.name, number, "would", str(version.source or ""))

    # -- doing it --------------------------------------------------------------------------------

    def bring(self, model: TheirModel) -> Iterator[Found]:
        """Bring one model; yield each of its versions when that is done."""
        try:
            here = self._ensure_model(model)
        except _FATAL:
            raise
        except MunimentError as error:
            yield _refused(model, None, error)
            return
        for version in self._theirs.versions(model):
            number = int(version.version)
            try:
                found = self._bring_version(here, model, version)
                if found.ok:
                    found = self._follow(model, version, found)
                yield found
            except _FATAL:
                raise
            except MunimentError as error:
                yield _refused(model, number, error)

    def _ensure_model(self, model: TheirModel) -> RegisteredModel:
        here = self._here(model)
        tags: dict[str, Value] = {**model.tags, FROM: f"{self._shown} {model.name}"}
        changes = ModelChanges(description=model.description, tags={**tags})
        if here is None:
            here = self._catalog.create_model(model.name, changes)
            self._registry.comment(here, self._past(model.past, f"model {model.name!r}"))
        elif (here.description, {**here.tags, **tags}) != (changes.description, {**here.tags}):
            here = self._catalog.update_model(model.name, changes)
        return here

    def _here(self, model: TheirModel) -> RegisteredModel | None:
        names.check_model_name(model.name)
        try:
            here = self._catalog.model(model.name)
        except NotFound:
            return None
        if here.tags.get(FROM) != f"{self._shown} {model.name}":
            raise Conflict(
                f"There is a model {model.name!r:.200} here that did not come from {self._shown}.",
                hint="Rename one of them; nothing is ever merged.",
            )
        return here

    def _version_here(self, model: TheirModel, number: int) -> ModelVersion | None:
        try:
            here = self._catalog.version(model.name, number)
        except NotFound:
            return None
        if here.tags.get(FROM) != self._origin(model, number):
            raise Conflict(f"There is another {here.ref} here, which did not come from there.")
        return here

    def _bring_version(self, here: RegisteredModel, model: TheirModel, version: Any) -> Found:
        number = int(version.version)
        present = self._version_here(model, number)
        if present is not None and present.status is Status.FAILED:
            return Found(model.name, number, "failed", present.status_message)
        if present is not None and present.status is Status.READY:
            return Found(model.name, number, "there")
        new = NewVersion(
            pending=True,
            description=version.description or "",
            tags={**(version.tags or {}), FROM: self._origin(model, number)},
            source_uri=version.source or "",
            run_id=version.run_id or "",
            run_link=version.run_link or "",
        )
        if version.status != READY:
            self._reserve(here, model, version, new, present)
            self._catalog.fail_version(model.name, number, _why(version))
            return Found(model.name, number, "failed", _why(version))
        if model.is_prompt:
            self._reserve(here, model, version, replace(new, pending=False), present)
            return Found(model.name, number, "imported")
        try:
            with self._theirs.files(model, version) as folder:
                if folder is None or not folder.exists() or not any(folder.iterdir()):
                    raise FileNotFoundError(f"There is nothing at {version.source}.")
                self._bring_files(here, model, version, new, present, folder)
        except (MlflowException, OSError) as error:
            self._reserve(here, model, version, new, present)
            return Found(model.name, number, "missing", str(error))
        except (InvalidInput, LimitExceeded) as error:
            bare = NewVersion(pending=True, tags={FROM: self._origin(model, number)})
            self._reserve(here, model, version, bare, self._version_here(model, number))
            self._catalog.fail_version(model.name, number, error.message)
            return _refused(model, number, error)
        return Found(model.name, number, "imported")

    def _bring_files(
        self,
        here: RegisteredModel,
        model: TheirModel,
        version: Any,
        new: NewVersion,
        present: ModelVersion | None,
        folder: Path,
    ) -> None:
        """Reserve the number with what the files tell, send them, seal the version."""
        files = contents.of_path(folder)
        facts = model_facts.facts_of(
            folder,
            run_id=version.run_id,
            model_id=getattr(version, "model_id", None),
            tracking_uri=self._theirs.uri,
        )
        number = int(version.version)
        known = replace(
            new,
            run_id=facts.run_id,
            params=facts.params,
            metrics=facts.metrics,
            framework=facts.framework,
            signature=facts.signature,
            origins=facts.origins,
        ).checked()
        if present is None:
            self._reserve(here, model, version, known, None)
        else:
            changes = VersionChanges(
                params=known.params,
                metrics=known.metrics,
                framework=known.framework,
                signature=known.signature,
            )
            self._catalog.update_version(model.name, number, changes)
        manifest = self._send(f"{model.name}/{number}", files)
        self._catalog.seal_version(model.name, number, manifest)

    def _reserve(
        self,
        here: RegisteredModel,
        model: TheirModel,
        version: Any,
        new: NewVersion,
        present: ModelVersion | None,
    ) -> None:
        """Take the version's number, unless it is taken; use up those before it that are none."""
        if present is not None:
            return
        number = int(version.version)
        last = self._catalog.model(here.name).last_number
        if number <= last:
            raise Conflict(
                f"Version {number} of {here.name!r:.200} was deleted here.",
                hint=f"`muniment restore {here.name}/{number}` brings it back.",
            )
        for gap in range(last + 1, number):
            self._take(model.name, gap, NewVersion(pending=True))
            self._catalog.fail_version(model.name, gap, "MLflow has no such version.")
            self._catalog.delete_version(model.name, gap, force=True)
        self._take(model.name, number, new)
        self._registry.comment(
            f"{model.name}/{number}", self._past(version, f"{model.name}/{number}")
        )

    def _take(self, name: str, number: int, new: NewVersion) -> None:
        taken = self._catalog.create_version(name, new)
        if taken.version != number:
            if taken.status is Status.PENDING:
                self._catalog.fail_version(name, taken.version, "It was to be another number.")
            self._catalog.delete_version(name, taken.version, force=True)
            raise Conflict(
                f"Version {number} of {name!r:.200} can't be made: the next one is "
                f"{taken.version}.",
                hint="Let nobody push to this model while it is imported.",
            )

    def _send(self, ref: str, files: list[Content]) -> Manifest:
        total = sum(file.size for file in files)
        with phase(self._progress, f"hash {ref}", total) as tell:
            entries = for_each(files, partial(_entry, tell))
        by_digest = {entry.digest: file for entry, file in zip(entries, files, strict=True)}
        artifacts = self._registry.backend.artifacts
        missing = [(digest, by_digest[digest]) for digest in artifacts.missing(by_digest)]
        with phase(self._progress, ref, sum(file.size for _, file in missing)) as tell:
            for_each(missing, partial(self._send_one, tell))
        return Manifest.of(entries)

    def _send_one(self, tell: Progress, item: tuple[str, Content], stop: Event) -> None:
        digest, file = item
        self._registry.backend.artifacts.put(
            digest, file.size, lambda offset: stoppable(file.open(offset), stop), tell
        )

    # -- what moves on ---------------------------------------------------------------------------

    def _follow(self, model: TheirModel, version: Any, found: Found) -> Found:
        """Let aliases, stage, description and tags be as they are there."""
        number = int(version.version)
        here = self._catalog.version(model.name, number)
        changed = self._change(here, version)
        if here.status is Status.READY:
            for alias, meant in model.aliases.items():
                if meant == number and alias not in here.aliases:
                    self._catalog.set_alias(model.name, alias, number)
                    changed = True
            stage = version.current_stage or NO_STAGE
            if not model.is_prompt and stage_key(stage) != stage_key(here.stage):
                self._registry.move_to_stage(here, stage, comment="as in MLflow")
                changed = True
        return replace(found, done="changed") if changed and found.done == "there" else found

    def _change(self, here: ModelVersion, version: Any) -> bool:
        description, tags = version.description or "", dict(version.tags or {})
        if here.description == description and all(here.tags.get(k) == v for k, v in tags.items()):
            return False
        changes = VersionChanges(description=description, tags=tags)
        self._catalog.update_version(here.model, here.version, changes)
        return True

    # -- words -----------------------------------------------------------------------------------

    def _origin(self, model: TheirModel, number: int) -> str:
        return f"{self._shown} {model.name}/{number}"

    def _past(self, one: Any, what: str) -> str:
        """Return a sentence on when MLflow's was made, for the history."""
        made, changed = _time(one.creation_timestamp), _time(one.last_updated_timestamp)
        by = f" by {one.user_id}" if getattr(one, "user_id", None) else ""
        told = f"{what}, created {made}{by}, changed {changed}"
        return f"Imported from MLflow at {self._shown}: {told}."


def _why(version: Any) -> str:
    return f"{version.status}: {version.status_message or 'MLflow does not say why'}"


def _refused(model: TheirModel, number: int | None, error: MunimentError) -> Found:
    return Found(model.name, number, "refused", error.message)


def _time(millis: int | None) -> str:
    return "at an unknown time" if millis is None else time_to_json(from_millis(int(millis)))


def _entry(tell: Progress, content: Content, stop: Event) -> FileEntry:
    sha256 = hashlib.sha256()
    for piece in stoppable(content.open(0), stop):
        sha256.update(piece)
        tell(len(piece))
    return FileEntry(content.path, sha256.hexdigest(), content.size, content.media_type)
