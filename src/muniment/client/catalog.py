"""Names and facts: everything of a registry but the bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias, TypeVar

from muniment.client import html
from muniment.client.backend import Backend
from muniment.client.entities import Model, Version
from muniment.client.listing import Listing
from muniment.client.subjects import patch, plain
from muniment.domain.activities import Activity
from muniment.domain.changes import ModelChanges, VersionChanges
from muniment.domain.entities import ModelVersion, Page, Reference, RegisteredModel, Signature
from muniment.domain.names import check_model_name
from muniment.domain.refs import Ref, parse_ref
from muniment.domain.values import JsonObject, Value, time_from_json
from muniment.errors import InvalidInput

VersionRef: TypeAlias = str | Ref | ModelVersion
"""How a version is named: a version itself, or `name`, `name@alias`, `name/3`, `name/Stage`."""

Moment: TypeAlias = datetime | str
"""A time; as text, it is written like `2026-11-21T11:33:00Z`."""

A = TypeVar("A")
B = TypeVar("B")


class RegistryCatalog(ABC):
    """The half of `Registry` that moves no bytes: models, versions, aliases, search, history."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    @abstractmethod
    def _model(self, entity: RegisteredModel) -> Model:
        """Return a model that can act."""

    @abstractmethod
    def _version(self, entity: ModelVersion) -> Version:
        """Return a version that can act."""

    # -- looking ---------------------------------------------------------------------------------

    def model(self, name: str) -> Model:
        """Return a registered model. Raises NotFound."""
        return self._model(self.backend.catalog.model(check_model_name(name)))

    def version(self, ref: VersionRef) -> Version:
        """Return the version that `ref` means now. Raises NotFound."""
        return self._version(self._resolved(ref))

    def models(
        self, filter: str = "", *, order_by: str | Sequence[str] = (), deleted: bool = False
    ) -> Listing[Model]:
        """Search models, such as `"name LIKE 'fraud%' AND tags.team = 'risk'"`; by name.

        With `deleted`, those that were deleted and can be restored.
        """
        search = partial(
            self.backend.catalog.search_models,
            filter,
            order_by=listed(order_by),
            deleted=deleted,
        )
        return Listing(
            f"Models {filter}".strip(),
            lambda size, token: _mapped(search(page_size=size, page_token=token), self._model),
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
            order_by=listed(order_by),
            deleted=deleted,
        )
        return Listing(
            f"Versions {filter}".strip(),
            lambda size, token: _mapped(search(page_size=size, page_token=token), self._version),
            html.version_list,
        )

    def aliases(self, name: str) -> list[Reference]:
        """Return the aliases of a model, by name."""
        return list(self.backend.catalog.aliases(name))

    def history(
        self,
        name: str,
        *,
        kinds: str | Sequence[str] = (),
        actor: str | None = None,
        version: int | None = None,
        newest_first: bool = True,
    ) -> Listing[Activity]:
        """Return what was done to a model and its versions: who, when, what, with which comment.

        Of all kinds, or only of some, such as `stage.changed`; by everybody, or by one; of all
        versions, or of one.
        """
        search = partial(
            self.backend.catalog.history,
            name,
            kinds=listed(kinds),
            actor=actor,
            version=version,
            newest_first=newest_first,
        )
        return Listing(
            f"History of {name}",
            lambda size, token: search(page_size=size, page_token=token),
            html.activity_list,
        )

    # -- changing --------------------------------------------------------------------------------

    def create_model(
        self, name: str, *, description: str = "", tags: Mapping[str, Value | None] | None = None
    ) -> Model:
        """Register a name before there is any version. Raises AlreadyExists."""
        changes = ModelChanges(description=description, tags={**plain(tags)})
        return self._model(self.backend.catalog.create_model(name, changes))

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
        return self._model(self.backend.catalog.update_model(name, changes, if_match=if_match))

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
            signature=signature_of(signature),
            run_id=run_id,
            run_link=run_link,
        )
        catalog = self.backend.catalog
        return self._version(catalog.update_version(model, number, changes, if_match=if_match))

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
        return self._model(self.backend.catalog.rename_model(name, new_name))

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

    # -- deleting --------------------------------------------------------------------------------

    def delete_model(self, name: str, *, force: bool = False, if_match: int | None = None) -> Model:
        """Delete a model softly, with all its versions; the answer can `.restore()` itself.

        Raises:
            InUse: it is deployed, or a job has used it in the last week, and not `force`.
        """
        deleted = self.backend.catalog.delete_model(name, force=force, if_match=if_match)
        return self._model(deleted)

    def restore_model(self, model_id: int) -> Model:
        """Undo `delete_model`; `models(deleted=True)` tells ids."""
        return self._model(self.backend.catalog.restore_model(model_id))

    def delete_version(
        self, ref: VersionRef, *, force: bool = False, if_match: int | None = None
    ) -> Version:
        """Delete a version softly; its aliases are dropped, its number is never used again.

        Raises:
            InvalidInput: `ref` does not name one version for good, as `name/3` does.
            InUse: it is deployed, or a job has used it in the last week, and not `force`.
        """
        model, number = _exactly(ref)
        deleted = self.backend.catalog.delete_version(model, number, force=force, if_match=if_match)
        return self._version(deleted)

    def restore_version(self, ref: VersionRef) -> Version:
        """Undo `delete_version`; `ref` is like `name/3`."""
        model, number = _exactly(ref)
        return self._version(self.backend.catalog.restore_version(model, number))

    # --------------------------------------------------------------------------------------------

    def _resolved(self, ref: VersionRef, *, as_of: Moment | None = None) -> ModelVersion:
        if isinstance(ref, ModelVersion):
            if as_of is None:
                return ref
            ref = Ref(ref.model, version=ref.version)
        parsed = parse_ref(ref) if isinstance(ref, str) else ref
        if as_of is not None:
            return self.backend.lifecycle.as_of(parsed, as_time(as_of))
        if parsed.version is not None:
            return self.backend.catalog.version(parsed.model, parsed.version)
        return self.backend.catalog.resolve(parsed)

    def _place(self, ref: VersionRef) -> tuple[str, int]:
        """Return the model's name and the version's number, asking only if it must."""
        if isinstance(ref, str):
            ref = parse_ref(ref)
        if isinstance(ref, Ref) and ref.version is not None:
            return ref.model, ref.version
        entity = self._resolved(ref)
        return entity.model, entity.version


def as_time(moment: Moment) -> datetime:
    """Return a time in UTC; one without a zone is taken as that. Raises InvalidInput."""
    return time_from_json(moment if isinstance(moment, str) else moment.isoformat())


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


def listed(values: str | Sequence[str] | None) -> Sequence[str]:
    """Return none, one or several values as a sequence.

    Raises:
        InvalidInput: they are neither text nor a sequence.
    """
    if values is None:
        return ()
    if isinstance(values, str):
        return (values,)
    try:
        return tuple(values)
    except TypeError:
        raise InvalidInput(
            f"{values!r:.80} is neither text nor a list of texts.", hint="Write it in quotes."
        ) from None


def signature_of(signature: Signature | JsonObject | None) -> Signature | None:
    """Return a signature, read from its JSON form if need be."""
    if signature is None or isinstance(signature, Signature):
        return signature
    return Signature.from_json(signature)


def _mapped(page: Page[A], change: Callable[[A], B]) -> Page[B]:
    return Page(tuple(map(change, page.items)), page.next_token)
