"""Moving versions between stages: at once where the policies allow it (else by request).

    move_to_stage ──> requirements met? ──> stage changed, others archived, all in one change

Whatever moves a version, `_enter` is the only code that does: it saves and records. Requests and
rollbacks come in through it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.checks import verdicts
from muniment.domain.deployments import Use
from muniment.domain.entities import NO_STAGE, ModelVersion, RegisteredModel
from muniment.domain.records import RecordKind
from muniment.domain.replacing import replace
from muniment.domain.requests import TransitionRequest
from muniment.domain.requirements import Facts, Requirement, Rule, blockers, requirements
from muniment.domain.signatures import NO_SIGNATURES, Signatures
from muniment.domain.stages import Stage, demands, find_stage, stage_key, with_predefined
from muniment.domain.values import JsonObject
from muniment.errors import Blocked, InvalidInput
from muniment.services.base import check_revision, live_model, live_version
from muniment.services.lifecycle.stages import Stages
from muniment.services.provenance.signatures import judged_signatures
from muniment.services.usage.in_use import recent_uses, refuse_in_use
from muniment.storage.metadata import Transaction

ARCHIVED: Final = "Archived"
MOMENT: Final = timedelta(milliseconds=1)
"""What two moments of a history differ by at least."""


@dataclass(frozen=True, slots=True)
class Move:
    """One version's way to a stage, and what its activity says of it."""

    version: ModelVersion
    to: Stage
    comment: str = ""
    details: JsonObject | None = None


class Transitions(Stages):
    """Stage changes, for one caller."""

    def requirements(self, model: str, number: int, stage: str) -> tuple[Requirement, ...]:
        """Return what the stage demands of a version, met or not, if the caller moved it now."""

        def decide(tx: Transaction) -> tuple[Requirement, ...]:
            parent = self._model(tx, model, Verb.READ)
            version = live_version(tx, parent, number)
            return self._requirements(tx, parent, version, stage_of(tx, stage))

        return self._store.transact(self._key(model), decide)

    def move_to_stage(
        self,
        model: str,
        number: int,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str = "",
        force: bool = False,
        if_match: int | None = None,
    ) -> ModelVersion:
        """Move a version to a stage; `archive_existing` archives the others that are there.

        Raises:
            Blocked: the stage demands something that is not so, approvals among it.
            InUse: a version that would be archived is deployed or in use, and not `force`.
        """
        names.check_text(comment, "comment")
        archives = stage_key(stage) == stage_key(ARCHIVED)
        # Who uses what is replaced follows the stage; who uses what is put away may not know.
        uses = recent_uses(self._ports, self._caller, model) if archives and not force else ()

        def decide(tx: Transaction) -> ModelVersion:
            to = stage_of(tx, stage)
            parent = self._model(tx, model, Verb.MOVE_STAGE, stage=to.name)
            version = live_version(tx, parent, number)
            check_revision(version, if_match)
            self._refuse_blocked(tx, parent, version, to)
            moves = [Move(version, to, comment), *archived(tx, version, to, archive_existing)]
            return self._enter(tx, parent, moves, force=force, uses=uses)

        return self._store.transact(self._key(model), decide)

    # -- inside ----------------------------------------------------------------------------------

    def _requirements(
        self,
        tx: Transaction,
        model: RegisteredModel,
        version: ModelVersion,
        to: Stage,
        asked: TransitionRequest | None = None,
        *,
        again: bool = False,
    ) -> tuple[Requirement, ...]:
        """Return what `to` demands; `again` for a version that comes back to where it was.

        Coming back, it was approved, and is older than what is there: neither is asked again.
        """
        demanded = demands(to, model)
        if again:
            demanded = replace(demanded, approvals=0)
        compared = any(rule.worse_by_at_most is not None for rule in demanded.metrics) and not again
        there = tx.versions_in_stage(to.name) if compared else ()
        others = [v for v in there if v.version != version.version]
        automation = self._caller.principal.automation if asked is None else asked.automation
        results = tx.records(RecordKind.CHECK, version=version.version) if demanded.checks else ()
        facts = Facts(
            stage=to.name,
            model=model,
            version=version,
            incumbent=others[-1] if others else None,
            checks=verdicts(results),
            signatures=self._signatures(tx, version) if demanded.signed else NO_SIGNATURES,
            approvals=0 if asked is None else len(asked.approvals),
            automation=automation,
        )
        return requirements(demanded, facts)

    def _signatures(self, tx: Transaction, version: ModelVersion) -> Signatures:
        records = tx.records(RecordKind.SIGNATURE, version=version.version)
        return judged_signatures(self._ports, version, records)

    def _refuse_blocked(
        self,
        tx: Transaction,
        model: RegisteredModel,
        version: ModelVersion,
        to: Stage,
        *,
        again: bool = False,
    ) -> None:
        """Raise Blocked if the stage demands something that is not so."""
        if version.stage == to.name:
            return
        missing = blockers(self._requirements(tx, model, version, to, again=again))
        if missing:
            raise blocked(version, to, missing)

    def _enter(
        self,
        tx: Transaction,
        model: RegisteredModel,
        moves: Sequence[Move],
        *,
        force: bool,
        uses: Sequence[Use] = (),
    ) -> ModelVersion:
        """Make the moves, whose demands were checked; return the first version as it is then.

        Without `force`, what is put away must not be in use as things stand (`uses` counts too),
        and what is replaced not when all is done: who follows the stage has moved on by then. No
        two changes of a model's stages are of the same moment, so that the past is clear.
        """
        first = moves[0]
        if first.to.name == ARCHIVED != first.version.stage and not force:
            refuse_in_use(tx, model, first.version.version, uses)
        now = max(self._now(model), model.updated_at + MOMENT)
        for move in moves:
            version, to = move.version, move.to.name
            changed = version.stage != to
            since = None if to == NO_STAGE else now
            tx.save_version(
                replace(
                    version,
                    stage=to,
                    stage_since=since if changed else version.stage_since,
                    updated_at=now,
                    revision=version.revision + 1,
                )
            )
            if changed:
                details: JsonObject = {"from": version.stage, "to": to, **(move.details or {})}
                entry = self._entry(
                    ActivityKind.STAGE_CHANGED,
                    now,
                    version=version.version,
                    comment=move.comment,
                    details=details,
                )
                tx.record(entry)
        parent = live_model(tx, model.name)
        tx.save_model(replace(parent, updated_at=now, revision=parent.revision + 1))
        for move in moves[1:]:
            if move.to.name == ARCHIVED != move.version.stage and not force:
                refuse_in_use(tx, parent, move.version.version, ())
        return live_version(tx, parent, moves[0].version.version)


def stage_of(tx: Transaction, name: str) -> Stage:
    """Return the workspace's stage of that name. Raises InvalidInput."""
    stages = with_predefined(tx.stages())
    found = find_stage(name, stages)
    if found is None:
        raise InvalidInput(
            f"There is no stage {name!r:.200}.",
            hint=f"The stages are {', '.join(stage.name for stage in stages)}.",
            details={"field": "stage"},
        )
    return found


def check_archiving(to: Stage, archive_existing: bool) -> None:
    """Raise InvalidInput if `archive_existing` is asked for where nothing is replaced."""
    if archive_existing and to.name in (NO_STAGE, ARCHIVED):
        raise InvalidInput(f"archive_existing makes no sense for the stage {to.name}.")


def archived(
    tx: Transaction, version: ModelVersion, to: Stage, archive_existing: bool
) -> list[Move]:
    """Return the moves that archive the others in the stage."""
    check_archiving(to, archive_existing)
    if not archive_existing:
        return []
    archive, why = stage_of(tx, ARCHIVED), f"replaced by version {version.version}"
    others = (v for v in tx.versions_in_stage(to.name) if v.version != version.version)
    return [Move(other, archive, why) for other in others]


def blocked(version: ModelVersion, to: Stage, missing: Sequence[Requirement]) -> Blocked:
    """Return the error for a version that may not enter a stage, with all that is missing."""
    shown = [str(requirement) for requirement in missing]
    only_approvals = all(requirement.rule is Rule.APPROVALS for requirement in missing)
    return Blocked(
        f"{version.ref!r:.300} can't enter {to.name}, which demands: {'; '.join(shown)}.",
        hint=f"Ask for it: `muniment request {version.ref:.200} {to.name}`."
        if only_approvals
        else "",
        details={
            "version": version.ref,
            "stage": to.name,
            "blockers": shown,
            "rules": [requirement.rule.value for requirement in missing],
        },
    )
