"""From candidate to production: stages, requests, and who held what when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from muniment.client import html
from muniment.client.catalog import Moment, RegistryCatalog, VersionRef
from muniment.client.entities import Version
from muniment.client.listing import Listing
from muniment.domain.requests import RequestState, TransitionRequest
from muniment.domain.requirements import Requirement
from muniment.domain.stages import Policy, Stage, find_stage
from muniment.domain.timeline import Post, Tenure, Undone
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput


class RegistryLifecycle(RegistryCatalog):
    """The part of `Registry` about stages, requests and the past."""

    # -- stages ----------------------------------------------------------------------------------

    def stages(self) -> list[Stage]:
        """Return all stages of the workspace with their policies, in their order."""
        return list(self.backend.lifecycle.stages())

    def define_stage(
        self,
        name: str,
        *,
        order: int | None = None,
        colour: str | None = None,
        description: str | None = None,
        policies: Iterable[Policy | JsonObject] | None = None,
    ) -> Stage:
        """Add a stage, or change what is given of the one of that name.

        Args:
            order: where lists show it, 0 to 9,999; a new one comes last by default.
            colour: like `#1f77b4`, or "".
            policies: what entering it demands, instead of what it demanded; each a `Policy`, or a
                dictionary such as `{"approvals": 1, "checks": ["bias"]}`.

        Raises:
            PreconditionFailed: somebody else changed it at this very moment.
        """
        stages = self.stages()
        present = find_stage(name, stages)
        stage = present or Stage(name, min(max(s.order for s in stages) + 100, 9_999))
        changed = replace(
            stage,
            order=stage.order if order is None else order,
            colour=stage.colour if colour is None else colour,
            description=stage.description if description is None else description,
            policies=stage.policies if policies is None else tuple(map(_policy, policies)),
        )
        return self.backend.lifecycle.define_stage(changed.checked(), if_match=stage.revision)

    def drop_stage(self, name: str) -> None:
        """Remove a stage that no version is in; a predefined one becomes what it always was."""
        self.backend.lifecycle.drop_stage(name)

    def requirements(self, ref: VersionRef, stage: str) -> list[Requirement]:
        """Return what a stage demands of a version, met or not, if you moved it there now."""
        model, number = self._place(ref)
        return list(self.backend.lifecycle.requirements(model, number, stage))

    def move_to_stage(
        self,
        ref: VersionRef,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
        force: bool = False,
    ) -> Version:
        """Move a version to a stage; `archive_existing` archives the others that are there.

        Raises:
            Blocked: the stage demands something that is not so; `details["blockers"]` lists it.
            InUse: a version that would be archived is deployed or in use, and not `force`.
        """
        model, number = self._place(ref)
        moved = self.backend.lifecycle.move_to_stage(
            model, number, stage, archive_existing=archive_existing, comment=comment, force=force
        )
        return self._version(moved)

    # -- requests --------------------------------------------------------------------------------

    def request(
        self,
        ref: VersionRef,
        stage: str,
        *,
        comment: str = "",
        archive_existing: bool = False,
    ) -> TransitionRequest:
        """Ask for a version to be moved to a stage; somebody else approves or rejects that.

        What the stage demands need not be met yet: it must be when the request is approved.

        Raises:
            Conflict: the version is there already, or an open request asks for just that.
        """
        model, number = self._place(ref)
        return self.backend.lifecycle.request_transition(
            model, number, stage, archive_existing=archive_existing, comment=comment
        )

    def requests(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        state: RequestState | str | None = None,
    ) -> Listing[TransitionRequest]:
        """Return transition requests, newest first; `state` is such as `open`."""
        search = partial(
            self.backend.lifecycle.requests,
            model=model,
            version=version,
            state=None if state is None else _state(state),
        )
        return Listing(
            "Transition requests",
            lambda size, token: search(page_size=size, page_token=token),
            html.request_list,
        )

    def blockers(self, request: int | TransitionRequest) -> list[Requirement]:
        """Return what is not met yet of what a request's stage demands, approvals among it."""
        found = self.backend.lifecycle.blockers(_id(request))
        return [requirement for requirement in found if not requirement.met]

    def approve(
        self, request: int | TransitionRequest, *, comment: str = "", force: bool = False
    ) -> TransitionRequest:
        """Say yes. With enough of that, and nothing else in the way, the version is moved.

        Args:
            force: archive what the version replaces even if something uses it.

        Raises:
            Blocked: the stage demands something beside approvals that is not so.
            PermissionDenied: you may not approve this, or have asked for it yourself.
            Conflict: it is closed, or you have approved it already.
        """
        return self.backend.lifecycle.approve(_id(request), comment=comment, force=force)

    def reject(self, request: int | TransitionRequest, *, comment: str = "") -> TransitionRequest:
        """Say no: the request is closed."""
        return self.backend.lifecycle.reject(_id(request), comment=comment)

    def cancel(self, request: int | TransitionRequest, *, comment: str = "") -> TransitionRequest:
        """Take a request of your own back."""
        return self.backend.lifecycle.cancel(_id(request), comment=comment)

    # -- the past --------------------------------------------------------------------------------

    def resolve(self, ref: VersionRef, *, as_of: Moment | None = None) -> Version:
        """Return the version that `ref` means now, or meant at a time (an alias or a stage).

        Raises:
            NotFound: it means, or meant, none.
        """
        return self._version(self._resolved(ref, as_of=as_of))

    def tenures(self, name: str, of: str | None = None) -> list[Tenure]:
        """Return who held which stage and alias of a model, and when.

        `of` is a stage (`Production`) or an alias (`@champion`); else all of them.
        """
        lifecycle = self.backend.lifecycle
        if of is None:
            return list(lifecycle.tenures(name))
        post = Post.ALIAS if of.startswith("@") else Post.STAGE
        return list(lifecycle.tenures(name, post=post, name=of.removeprefix("@")))

    def rollback(self, name: str, of: str, *, comment: str = "", force: bool = False) -> Undone:
        """Undo the last change of a stage (`Production`) or of an alias (`@champion`) of a model.

        Raises:
            Conflict: there is nothing to go back to.
            Blocked: what would come back does not meet what the stage demands.
        """
        return self.backend.lifecycle.rollback(name, of, comment=comment, force=force)

    def reviews_due(self, model: str | None = None) -> list[tuple[Version, datetime]]:
        """Return versions that are longer in their stage than its policy allows, and since when."""
        found = self.backend.lifecycle.reviews_due(model)
        return [(self._version(version), due) for version, due in found]


def _policy(policy: Policy | JsonObject) -> Policy:
    return policy if isinstance(policy, Policy) else Policy.from_json(policy)


def _state(state: str) -> RequestState:
    try:
        return RequestState(state)
    except ValueError:
        raise InvalidInput(
            f"No request is {state!r:.80}.", hint=f"The states are {', '.join(RequestState)}."
        ) from None


def _id(request: int | TransitionRequest) -> int:
    return request.id if isinstance(request, TransitionRequest) else request
