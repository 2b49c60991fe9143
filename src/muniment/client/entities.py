"""Models and versions as users hold them: the domain's entities, which can also act.

They are values: an action returns a new one and leaves the old one as it was.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muniment.client import html
from muniment.client.listing import Listing
from muniment.domain.activities import Activity
from muniment.domain.checks import CheckResult
from muniment.domain.comments import Comment
from muniment.domain.deployments import Deployment, Usage
from muniment.domain.entities import NO_STAGE, ModelVersion, RegisteredModel
from muniment.domain.lineage import Edge, LineageGraph
from muniment.domain.manifest import Manifest
from muniment.domain.requests import TransitionRequest
from muniment.domain.requirements import Requirement
from muniment.domain.timeline import Tenure, Undone
from muniment.domain.values import Value

if TYPE_CHECKING:
    from muniment.client.difference import Diff
    from muniment.client.records import Origin
    from muniment.client.registry import Registry
    from muniment.client.verification import VerifyReport


@dataclass(frozen=True, slots=True, repr=False)
class Model(RegisteredModel):
    """A registered model, and what can be done with it."""

    registry: Registry = field(kw_only=True, compare=False)

    @classmethod
    def of(cls, entity: RegisteredModel, registry: Registry) -> Model:
        """Return an entity of `registry`, able to act."""
        return cls(**_values(entity, RegisteredModel), registry=registry)

    def versions(
        self, filter: str = "", *, order_by: str | Sequence[str] = (), deleted: bool = False
    ) -> Listing[Version]:
        """Return its versions, newest first; see `Registry.versions`."""
        return self.registry.versions(filter, model=self.name, order_by=order_by, deleted=deleted)

    def version(self, number: int | None = None) -> Version:
        """Return one version, by default the newest that is READY."""
        return self.registry.version(self.name if number is None else f"{self.name}/{number:d}")

    def update(
        self, *, description: str | None = None, tags: Mapping[str, Value | None] | None = None
    ) -> Model:
        """Change it; see `Registry.update_model`."""
        return self.registry.update_model(self.name, description=description, tags=tags)

    def delete_alias(self, alias: str) -> Model:
        """Remove an alias; a missing one is fine."""
        self.registry.delete_alias(self.name, alias)
        return self.refresh()

    def rename(self, new_name: str) -> Model:
        """Give it another name."""
        return self.registry.rename(self.name, new_name)

    def history(self, *, newest_first: bool = True) -> Listing[Activity]:
        """Return who did what, and when."""
        return self.registry.history(self.name, newest_first=newest_first)

    def rollback(self, of: str, *, comment: str = "", force: bool = False) -> Undone:
        """Undo the last change of a stage or `@alias` of it; see `Registry.rollback`."""
        return self.registry.rollback(self.name, of, comment=comment, force=force)

    def tenures(self, of: str | None = None) -> list[Tenure]:
        """Return who held which stage and alias, and when."""
        return self.registry.tenures(self.name, of)

    def comment(self, text: str) -> Comment:
        """Say something of it."""
        return self.registry.comment(self, text)

    def delete(self, *, force: bool = False) -> Model:
        """Delete it softly, with its versions; `restore` undoes that for a while.

        One that is in use is deleted only by `force`.
        """
        return self.registry.delete_model(self.name, force=force)

    def restore(self) -> Model:
        """Undo `delete`."""
        return self.registry.restore_model(self.id)

    def refresh(self) -> Model:
        """Return it as it is now."""
        return self.registry.model(self.name)

    def __repr__(self) -> str:
        aliases = "".join(f", @{alias} → {n}" for alias, n in sorted(self.aliases.items()))
        count = f"{self.version_count} version{'s' if self.version_count != 1 else ''}"
        deleted = "" if self.deleted_at is None else ", deleted"
        return f"<Model {self.name}: {count}{aliases}{deleted}>"

    def _repr_html_(self) -> str:
        return html.model(self)


@dataclass(frozen=True, slots=True, repr=False)
class Version(ModelVersion):
    """A model version, and what can be done with it."""

    registry: Registry = field(kw_only=True, compare=False)

    @classmethod
    def of(cls, entity: ModelVersion, registry: Registry) -> Version:
        """Return an entity of `registry`, able to act."""
        return cls(**_values(entity, ModelVersion), registry=registry)

    def manifest(self) -> Manifest:
        """Return its files: path, digest, size and media type of each."""
        return self.registry.manifest(self)

    def load(self, *, trust: bool = False) -> Any:
        """Return the Python object that was pushed; see `Registry.load`."""
        return self.registry.load(self, trust=trust)

    def pull(self, to: str | Path | None = None, *, paths: str | Sequence[str] = ()) -> Path:
        """Bring its files here; see `Registry.pull`."""
        return self.registry.pull(self, to, paths=paths)

    def open(self, path: str) -> io.BufferedReader:
        """Open one of its files; see `Registry.open`."""
        return self.registry.open(self, path)

    def read(self, path: str) -> bytes:
        """Return one of its files whole."""
        return self.registry.read(self, path)

    def set_alias(self, alias: str, *, expect: int | None = None) -> Version:
        """Point an alias at it; see `Registry.set_alias`."""
        self.registry.set_alias(self, alias, expect=expect)
        return self.refresh()

    def delete_alias(self, alias: str) -> Version:
        """Remove an alias, if it points here; else PreconditionFailed."""
        self.registry.delete_alias(self.model, alias, expect=self.version)
        return self.refresh()

    def move_to_stage(
        self,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
        force: bool = False,
    ) -> Version:
        """Move it to a stage; see `Registry.move_to_stage`."""
        return self.registry.move_to_stage(
            self, stage, archive_existing=archive_existing, comment=comment, force=force
        )

    def request(
        self, stage: str, *, comment: str = "", archive_existing: bool = False
    ) -> TransitionRequest:
        """Ask for it to be moved to a stage; see `Registry.request`."""
        return self.registry.request(
            self, stage, comment=comment, archive_existing=archive_existing
        )

    def requirements(self, stage: str) -> list[Requirement]:
        """Return what a stage demands of it, met or not."""
        return self.registry.requirements(self, stage)

    def report_check(
        self, name: str, verdict: str, *, findings: str | Sequence[str] = (), url: str = ""
    ) -> CheckResult:
        """Say what a check found out about it; see `Registry.report_check`."""
        return self.registry.report_check(self, name, verdict, findings=findings, url=url)

    def comment(self, text: str) -> Comment:
        """Say something of it."""
        return self.registry.comment(self, text)

    def link(self, origin: Origin, relation: str = "") -> Edge:
        """Note what it came from; see `Registry.link`."""
        return self.registry.link(self, origin, relation)

    def lineage(self, *, direction: str = "both", hops: int | None = None) -> LineageGraph:
        """Walk to what it came from, and to what came from it; see `Registry.lineage`."""
        return self.registry.lineage(self, direction=direction, hops=hops)

    def deploy(self, environment: str, name: str, *, url: str | None = None) -> Deployment:
        """Say that something runs just this version; see `Registry.deploy`."""
        return self.registry.deploy(self, environment, name, url=url)

    def users(self) -> Usage:
        """Return who uses it; see `Registry.users_of`."""
        return self.registry.users_of(self)

    def update(
        self,
        *,
        label: str | None = None,
        description: str | None = None,
        tags: Mapping[str, Value | None] | None = None,
        params: Mapping[str, Value | None] | None = None,
        metrics: Mapping[str, float | None] | None = None,
    ) -> Version:
        """Change what is said of it; see `Registry.update_version`."""
        return self.registry.update_version(
            self, label=label, description=description, tags=tags, params=params, metrics=metrics
        )

    def diff(self, other: str | ModelVersion) -> Diff:
        """Compare it with another version: what changed from this one to that one?"""
        return self.registry.diff(self, other)

    def verify(self) -> VerifyReport:
        """Read everything back and check it; see `Registry.verify`."""
        return self.registry.verify(self)

    def delete(self, *, force: bool = False) -> Version:
        """Delete it softly; `restore` undoes that for a while.

        One that is in use is deleted only by `force`.
        """
        return self.registry.delete_version(self, force=force)

    def restore(self) -> Version:
        """Undo `delete`."""
        return self.registry.restore_version(self)

    def refresh(self) -> Version:
        """Return it as it is now."""
        return self.registry.version(self.ref)

    def __repr__(self) -> str:
        label = f" ({self.label})" if self.label else ""
        facts = [self.status.value if self.deleted_at is None else "deleted"]
        facts += [f"@{alias}" for alias in self.aliases]
        facts += [self.stage] if self.stage != NO_STAGE else []
        facts += [f"{key}={value:.6g}" for key, value in sorted(self.metrics.items())[:3]]
        facts += [html.size(self.size)] if self.digest else [self.source_uri]
        return f"<Version {self.ref}{label}: {', '.join(filter(None, facts))}>"

    def _repr_html_(self) -> str:
        return html.version(self)


def _values(entity: object, kind: type[RegisteredModel | ModelVersion]) -> dict[str, Any]:
    return {item.name: getattr(entity, item.name) for item in fields(kind) if item.init}
