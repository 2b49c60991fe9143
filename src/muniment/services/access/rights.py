"""What the caller may do: to a model, and to a transition request."""

from __future__ import annotations

from muniment.domain.access import VERBS_OF, WHOLE, Asked, Role, Verb
from muniment.domain.entities import RegisteredModel
from muniment.domain.requests import RequestAction, RequestState, TransitionRequest
from muniment.domain.stages import Demands, Stage, demands, find_stage
from muniment.errors import Conflict, MunimentError, PermissionDenied
from muniment.services.lifecycle.transitions import Transitions
from muniment.storage.metadata import ModelId


class Rights(Transitions):
    """Rights of one caller."""

    def verbs(self, model: str, *, stage: str | None = None) -> frozenset[Verb]:
        """Return what the caller may do to a model; verbs about stages, to `stage`.

        Raises:
            NotFound: there is no such model for the caller.
        """
        about = Asked.about(self._readable(model), stage=stage)
        return frozenset(verb for verb in Verb if self._caller.principal.may(verb, about))

    def actions(self, asked: TransitionRequest) -> tuple[RequestAction, ...]:
        """Return what the caller may do to a request; nothing to one that is closed or overdue.

        Whether its version has what the stage demands is another question: see `blockers`.
        """
        model = self._store.model(ModelId(self._caller.workspace, asked.model_id))
        to = find_stage(asked.to_stage, self.stages())
        closed = asked.state is not RequestState.OPEN or asked.overdue(self._ports.clock())
        if model is None or closed:
            return ()
        may, about = self._caller.principal.may, Asked.about(model, stage=asked.to_stage)
        reviews = may(Verb.APPROVE_STAGE, about)
        counts = to is not None and not self._objection(demands(to, model), model, to, asked)
        allowed = {
            RequestAction.APPROVE: reviews and counts,
            RequestAction.REJECT: reviews,
            RequestAction.CANCEL: self._own(asked) or may(Verb.STAGES, about),
        }
        return tuple(action for action, allows in allowed.items() if allows)

    def objection(self, asked: TransitionRequest) -> str:
        """Return why the caller can't approve an open request; "" if they can."""
        model = self._store.model(ModelId(self._caller.workspace, asked.model_id))
        to = find_stage(asked.to_stage, self.stages())
        if model is None or to is None:
            return f"The {'model' if model is None else 'stage'} is gone."
        about = Asked.about(model, stage=to.name)
        decision = self._caller.principal.decide(Verb.APPROVE_STAGE, about)
        if not decision:
            return f"Not allowed: {decision.because}."
        found = self._objection(demands(to, model), model, to, asked)
        return "" if found is None else str(found)

    # -- inside ----------------------------------------------------------------------------------

    def _own(self, asked: TransitionRequest) -> bool:
        return asked.requested_by == self._caller.actor

    def _objection(
        self, demanded: Demands, model: RegisteredModel, to: Stage, asked: TransitionRequest
    ) -> MunimentError | None:
        """Return why the caller's yes would not count, though the caller may say it; or None."""
        caller = self._caller
        if any(approval.by == caller.actor for approval in asked.approvals):
            return Conflict(f"{caller.actor} has approved request {asked.id} already.")
        if caller.principal.automation:
            return PermissionDenied(
                "A token marked as automation can't approve: people do.",
                hint="Sign in as yourself.",
            )
        if self._own(asked) and not demanded.self_approval:
            return PermissionDenied(
                f"{caller.actor} has asked for this, and so can't approve it.",
                hint="Ask somebody else to review it.",
                details={"request": asked.id},
            )
        if demanded.approver and not self._acts_as(demanded.approver, model, to):
            return PermissionDenied(
                f"{to.name} demands approval by the role {demanded.approver}.",
                hint="Ask somebody who has it to review it.",
                details={"request": asked.id},
            )
        return None

    def _acts_as(self, role: Role, model: RegisteredModel, to: Stage) -> bool:
        """Say whether the caller may do to this model all that the role may do to models.

        What is about the whole workspace does not count, so that a role for some models is one;
        but for an admin to be one, the stages must be theirs.
        """
        about = Asked.about(model, stage=to.name)
        asked = (VERBS_OF[role] - WHOLE) | (VERBS_OF[role] & {Verb.STAGES})
        return all(self._caller.principal.may(verb, about) for verb in asked)
