"""Stages, transitions, their requests, and the past of all three, wherever they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from muniment.domain.entities import ModelVersion, Page
from muniment.domain.refs import Ref
from muniment.domain.requests import RequestState, TransitionRequest
from muniment.domain.requirements import Requirement
from muniment.domain.stages import Stage
from muniment.domain.timeline import Post, Tenure, Undone


class LifecycleBackend(Protocol):
    """Stages, transitions and requests. Satisfied by `services.lifecycle.Lifecycle`."""

    # -- stages ----------------------------------------------------------------------------------

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """Return all stages, in their order."""

    @abstractmethod
    def stage(self, name: str) -> Stage:
        """Return the stage of that name, whatever the case of its letters. Raises NotFound."""

    @abstractmethod
    def define_stage(self, stage: Stage, *, if_match: int | None = None) -> Stage:
        """Add a stage, or replace the one of that name, policies and all.

        Raises:
            PreconditionFailed: it has another revision than `if_match` (0: it must be new).
        """

    @abstractmethod
    def drop_stage(self, name: str) -> None:
        """Remove a stage; a predefined one becomes what it always was.

        Raises:
            InUse: a version is in it.
        """

    # -- moving ----------------------------------------------------------------------------------

    @abstractmethod
    def requirements(self, model: str, number: int, stage: str) -> Sequence[Requirement]:
        """Return what the stage demands of a version, met or not, if the caller moved it now."""

    @abstractmethod
    def move_to_stage(
        self,
        model: str,
        number: int,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
        force: bool = False,
    ) -> ModelVersion:
        """Move a version to a stage; `archive_existing` archives the others that are there.

        Raises:
            Blocked: the stage demands something that is not so, approvals among it.
            InUse: a version that would be archived is deployed or in use, and not `force`.
        """

    @abstractmethod
    def rollback(self, model: str, name: str, *, comment: str = "", force: bool = False) -> Undone:
        """Undo the last change of a stage (`Production`) or of an alias (`@champion`).

        Raises:
            Conflict: there is nothing to go back to.
            Blocked: what would come back does not meet what the stage demands.
        """

    # -- requests --------------------------------------------------------------------------------

    @abstractmethod
    def request_transition(
        self,
        model: str,
        number: int,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
    ) -> TransitionRequest:
        """Ask for a version to be moved to a stage.

        Raises:
            Conflict: it is in that stage, or an open request asks for just that.
        """

    @abstractmethod
    def request(self, request_id: int) -> TransitionRequest:
        """Return a transition request. Raises NotFound."""

    @abstractmethod
    def requests(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        state: RequestState | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[TransitionRequest]:
        """Return transition requests, newest first."""

    @abstractmethod
    def blockers(self, request_id: int) -> Sequence[Requirement]:
        """Return what is demanded of an open request's version, met or not."""

    @abstractmethod
    def approve(
        self, request_id: int, *, comment: str = "", force: bool = False
    ) -> TransitionRequest:
        """Say yes. With enough of that, and nothing else in the way, the stage is changed with it.

        Raises:
            Blocked: what the stage demands beside approvals is not met; nothing is noted.
            PermissionDenied: the caller may not, or is the requester.
            Conflict: the request is closed, or approved by the caller already.
        """

    @abstractmethod
    def reject(self, request_id: int, *, comment: str = "") -> TransitionRequest:
        """Say no: the request is closed."""

    @abstractmethod
    def cancel(self, request_id: int, *, comment: str = "") -> TransitionRequest:
        """Take a request back."""

    # -- the past --------------------------------------------------------------------------------

    @abstractmethod
    def tenures(
        self, model: str, *, post: Post | None = None, name: str | None = None
    ) -> Sequence[Tenure]:
        """Return who held which stage and alias, and when, by the beginning of each tenure."""

    @abstractmethod
    def as_of(self, ref: Ref, time: datetime) -> ModelVersion:
        """Return the version that an alias or a stage meant at a time, as it is now.

        Raises:
            NotFound: it meant none, or one that is deleted by now.
            InvalidInput: the reference names a version itself, or the time is to come.
        """

    @abstractmethod
    def reviews_due(self, model: str | None = None) -> Sequence[tuple[ModelVersion, datetime]]:
        """Return the versions that are due for review, and since when."""
