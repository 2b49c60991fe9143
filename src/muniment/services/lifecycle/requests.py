"""Transition requests: asked for, reviewed, and carried out in the change that approves them.

request_transition ──> OPEN ──> approve ──> requirements met, approvals enough? ──> APPROVED,
                                reject, cancel, expiry                          stage changed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.entities import Page, RegisteredModel
from muniment.domain.records import Record, RecordKind, RecordQuery
from muniment.domain.requests import Approval, RequestState, TransitionRequest
from muniment.domain.requirements import Requirement, Rule, blockers
from muniment.domain.stages import demands, find_stage, with_predefined
from muniment.domain.values import JsonObject, time_to_json
from muniment.errors import Conflict, NotFound, PreconditionFailed
from muniment.services.access.rights import Rights
from muniment.services.base import live_version, no_version
from muniment.services.lifecycle.transitions import (
    Move,
    archived,
    blocked,
    check_archiving,
    stage_of,
)
from muniment.services.pages import page_size_of
from muniment.storage.metadata import ModelId, Transaction


class Requests(Rights):
    """Transition requests, for one caller."""

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

        What blocks it does not hinder asking: evidence may follow. It hinders approving.

        Raises:
            Conflict: it is in that stage, or an open request asks for just that.
        """
        names.check_text(comment, "comment")

        def decide(tx: Transaction) -> TransitionRequest:
            to = stage_of(tx, stage)
            parent = self._model(tx, model, Verb.REQUEST_STAGE, stage=to.name)
            version = live_version(tx, parent, number)
            if version.stage == to.name:
                raise Conflict(f"Version {number} of {model!r:.200} is in {to.name} already.")
            check_archiving(to, archive_existing)
            now = self._now(parent)
            for record in tx.records(RecordKind.REQUEST, version=number, state=RequestState.OPEN):
                other = TransitionRequest.from_record(record, parent.name)
                if other.to_stage == to.name and not other.overdue(now):
                    raise Conflict(
                        f"Request {other.id} by {other.requested_by} asks for that already.",
                        hint="Comment on it, or cancel it first.",
                        details={"request": other.id},
                    )
            days = demands(to, parent).request_days
            asked = TransitionRequest(
                model=parent.name,
                version=number,
                to_stage=to.name,
                from_stage=version.stage,
                requested_by=self._caller.actor,
                created_at=now,
                comment=comment,
                archive_existing=archive_existing,
                automation=self._caller.principal.automation,
                expires_at=None if days is None else now + timedelta(days=days),
            )
            asked = replace(asked, id=tx.add_record(asked.to_record()).id, model_id=parent.id)
            self._note(tx, parent, ActivityKind.REQUEST_CREATED, asked, comment)
            return asked

        return self._store.transact(self._key(model), decide)

    def request(self, request_id: int) -> TransitionRequest:
        """Return a transition request. Raises NotFound."""
        found = self._filed(RecordKind.REQUEST, request_id)
        if found is None:
            raise _no_request(request_id)
        record, model = found
        return TransitionRequest.from_record(record, model.name)

    def requests(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        state: RequestState | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[TransitionRequest]:
        """Return transition requests, newest first: a model's, or all that the caller may see."""
        self._require(Verb.READ)
        parent = None if model is None else self._readable(model)
        query = RecordQuery(
            self._caller.workspace,
            RecordKind.REQUEST,
            model_id=parent.id if parent else None,
            version=version,
            state=state,
            newest_first=True,
        )
        return self._page(
            query,
            lambda record, model: TransitionRequest.from_record(record, model.name),
            size=page_size_of(page_size),
            token=page_token,
            search=f"requests {parent and parent.uuid} {version} {state}",
        )

    def open_requests(self, model: str, number: int) -> list[TransitionRequest]:
        """Return the requests for a version that somebody may still approve, newest first.

        Raises:
            NotFound: there is no such model or version.
        """
        parent, workspace = self._readable(model), self._caller.workspace
        if self._store.version(workspace, parent.name, number) is None:
            raise no_version(parent.name, number)
        query = RecordQuery(
            workspace,
            RecordKind.REQUEST,
            model_id=parent.id,
            version=number,
            state=RequestState.OPEN,
            newest_first=True,
        )
        records, now = self._store.find_records(query), self._ports.clock()
        found = (TransitionRequest.from_record(record, parent.name) for record in records)
        return [asked for asked in found if not asked.overdue(now)]

    def blockers(self, request_id: int) -> tuple[Requirement, ...]:
        """Return what is demanded of a request's version, met or not, with its approvals so far.

        Nothing, if the request is closed, or version or stage are gone by now.
        """
        asked = self.request(request_id)

        def decide(tx: Transaction) -> tuple[Requirement, ...]:
            parent = self._model(tx, asked.model, Verb.READ)
            version = tx.version(asked.version)
            to = find_stage(asked.to_stage, with_predefined(tx.stages()))
            if version is None or version.deleted_at is not None or to is None:
                return ()
            return self._requirements(tx, parent, version, to, asked)

        if asked.state is not RequestState.OPEN:
            return ()
        return self._store.transact(ModelId(self._caller.workspace, asked.model_id), decide)

    def approve(
        self,
        request_id: int,
        *,
        comment: str = "",
        archive_existing: bool | None = None,
        force: bool = False,
        if_match: int | None = None,
    ) -> TransitionRequest:
        """Say yes. With enough of that, and nothing else in the way, the stage is changed with it.

        `archive_existing` overrules what the requester has said of it.

        Raises:
            Blocked: what the stage demands beside approvals is not met; nothing is noted.
            PermissionDenied: the caller may not, is the requester, or has approved already.
            Conflict: the request is closed or overdue, its version deleted or there already.
        """

        def decide(tx: Transaction, parent: RegisteredModel, asked: TransitionRequest) -> None:
            to = stage_of(tx, asked.to_stage)
            self._permitted(Verb.APPROVE_STAGE, parent, stage=to.name)
            version = live_version(tx, parent, asked.version)
            demanded, now = demands(to, parent), self._now(parent)
            objection = self._objection(demanded, parent, to, asked)
            if objection is not None:
                raise objection
            archives = asked.archive_existing if archive_existing is None else archive_existing
            moves = archived(tx, version, to, archives)
            approval = Approval(self._caller.actor, now, comment)
            approved = replace(asked, approvals=(*asked.approvals, approval))
            missing = blockers(self._requirements(tx, parent, version, to, approved))
            if blocking := [m for m in missing if m.rule is not Rule.APPROVALS]:
                raise blocked(version, to, blocking)
            if missing:  # more approvals are needed
                _save(tx, replace(approved, revision=asked.revision + 1))
                self._note(tx, parent, ActivityKind.REQUEST_APPROVED, approved, comment)
                return
            closed = approved.closed(RequestState.APPROVED, self._caller.actor, now, comment)
            _save(tx, closed)
            self._note(tx, parent, ActivityKind.REQUEST_APPROVED, closed, comment)
            move = Move(version, to, asked.comment, {"request": asked.id})
            self._enter(tx, parent, [move, *moves], force=force)

        return self._change_request(request_id, comment, if_match, decide)

    def reject(
        self, request_id: int, *, comment: str = "", if_match: int | None = None
    ) -> TransitionRequest:
        """Say no: the request is closed."""

        def decide(tx: Transaction, parent: RegisteredModel, asked: TransitionRequest) -> None:
            self._permitted(Verb.APPROVE_STAGE, parent, stage=asked.to_stage)
            self._close(tx, parent, asked, RequestState.REJECTED, comment)

        return self._change_request(request_id, comment, if_match, decide)

    def cancel(
        self, request_id: int, *, comment: str = "", if_match: int | None = None
    ) -> TransitionRequest:
        """Take a request back: for its requester, and for who manages the stages."""

        def decide(tx: Transaction, parent: RegisteredModel, asked: TransitionRequest) -> None:
            if not self._own(asked):
                self._permitted(Verb.STAGES, parent)
            self._close(tx, parent, asked, RequestState.CANCELLED, comment)

        return self._change_request(request_id, comment, if_match, decide)

    def expire_requests(self, *, limit: int = 1_000) -> int:
        """Close the open requests of the workspace whose time is over; return how many were."""
        expired, after = 0, 0
        while expired < limit:
            query = RecordQuery(
                self._caller.workspace, RecordKind.REQUEST, state=RequestState.OPEN, after=after
            )
            records = self._store.find_records(query)
            for record in records:
                expired += self._expire(record)
                after = record.id
            if len(records) < query.limit:
                break
        return expired

    # -- inside ----------------------------------------------------------------------------------

    def _change_request(
        self,
        request_id: int,
        comment: str,
        if_match: int | None,
        change: Callable[[Transaction, RegisteredModel, TransitionRequest], None],
    ) -> TransitionRequest:
        """Let `change` act on an open request, in one transaction; return it as it is then."""
        names.check_text(comment, "comment")
        model_id = self.request(request_id).model_id

        def decide(tx: Transaction) -> TransitionRequest:
            model = tx.model()
            record = tx.record_by_id(request_id)
            if model is None or model.deleted_at is not None or record is None:
                raise _no_request(request_id)
            self._permitted(Verb.READ, model)
            asked = TransitionRequest.from_record(record, model.name)
            _check_open(asked, self._now(model))
            if if_match is not None and if_match != asked.revision:
                raise _changed(asked)
            change(tx, model, asked)
            saved = tx.record_by_id(request_id) or record
            return TransitionRequest.from_record(saved, model.name)

        return self._store.transact(ModelId(self._caller.workspace, model_id), decide)

    def _close(
        self,
        tx: Transaction,
        model: RegisteredModel,
        asked: TransitionRequest,
        state: RequestState,
        comment: str,
    ) -> None:
        closed = asked.closed(state, self._caller.actor, self._now(model), comment)
        _save(tx, closed)
        self._note(tx, model, _KINDS[state], closed, comment)

    def _expire(self, record: Record) -> bool:
        """Close a request if it is overdue, or its version is gone; say whether it was."""

        def decide(tx: Transaction) -> bool:
            model, found = tx.model(), tx.record_by_id(record.id)
            if model is None or model.deleted_at is not None or found is None:
                return False
            asked = TransitionRequest.from_record(found, model.name)
            if asked.state is not RequestState.OPEN:
                return False
            version = tx.version(asked.version)
            gone = version is None or version.deleted_at is not None
            if not gone and not asked.overdue(self._now(model)):
                return False
            why = "its version was deleted" if gone else "its time is over"
            self._close(tx, model, asked, RequestState.EXPIRED, why)
            return True

        asked = TransitionRequest.from_record(record, "")
        number = record.version or 0
        if not asked.overdue(self._ports.clock()) and self._live(record.model_id, number):
            return False
        return self._store.transact(ModelId(self._caller.workspace, record.model_id), decide)

    def _live(self, model_id: int, number: int) -> bool:
        workspace = self._caller.workspace
        model = self._store.model(ModelId(workspace, model_id))
        return model is None or self._store.version(workspace, model.name, number) is not None

    def _note(
        self,
        tx: Transaction,
        model: RegisteredModel,
        kind: ActivityKind,
        asked: TransitionRequest,
        comment: str,
    ) -> None:
        details: JsonObject = {
            "request": asked.id,
            "from": asked.from_stage,
            "to": asked.to_stage,
            "state": asked.state.value,
            "approvals": [approval.by for approval in asked.approvals],
        }
        now = self._now(model)
        tx.record(self._entry(kind, now, version=asked.version, comment=comment, details=details))


_KINDS: Final = {
    RequestState.REJECTED: ActivityKind.REQUEST_REJECTED,
    RequestState.CANCELLED: ActivityKind.REQUEST_CANCELLED,
    RequestState.EXPIRED: ActivityKind.REQUEST_EXPIRED,
}


def _check_open(asked: TransitionRequest, now: datetime) -> None:
    if asked.state is not RequestState.OPEN:
        raise Conflict(
            f"Request {asked.id} is {asked.state} already, by {asked.closed_by}.",
            hint="Make a new request, if it is still wanted.",
            details={"state": asked.state.value},
        )
    if asked.overdue(now) and asked.expires_at is not None:
        raise Conflict(
            f"Request {asked.id} has expired, at {time_to_json(asked.expires_at)}.",
            hint="Make a new request, if it is still wanted.",
            details={"state": RequestState.EXPIRED.value},
        )


def _save(tx: Transaction, asked: TransitionRequest) -> None:
    tx.save_record(asked.to_record())


def _no_request(request_id: int) -> NotFound:
    return NotFound(f"There is no transition request {request_id}.")


def _changed(asked: TransitionRequest) -> PreconditionFailed:
    return PreconditionFailed(
        f"Request {asked.id} was changed in the meantime: revision {asked.revision}.",
        hint="Read it again, and repeat the change if it still makes sense.",
        details={"revision": asked.revision},
    )
