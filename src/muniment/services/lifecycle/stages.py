"""Stages of a workspace: which there are, in which order, and what entering them demands."""

from __future__ import annotations

from dataclasses import replace

from muniment.domain.access import Verb
from muniment.domain.activities import ActivityKind
from muniment.domain.query import Comparison, Op, Query, Target, attribute
from muniment.domain.stages import (
    MAX_STAGES,
    PREDEFINED,
    Stage,
    find_stage,
    with_predefined,
)
from muniment.domain.values import JsonObject
from muniment.errors import InUse, InvalidInput, LimitExceeded, NotFound, PreconditionFailed
from muniment.services.access.audit import audited
from muniment.services.records import Records


class Stages(Records):
    """The stages of the caller's workspace. Changing them is for who manages the workspace."""

    def stages(self) -> tuple[Stage, ...]:
        """Return all stages, in their order."""
        self._require(Verb.READ)
        return with_predefined(self._store.stages(self._caller.workspace))

    def stage(self, name: str) -> Stage:
        """Return the stage of that name, whatever the case of its letters. Raises NotFound."""
        stages = self.stages()
        found = find_stage(name, stages)
        if found is None:
            raise NotFound(
                f"There is no stage {name!r:.200}.",
                hint=f"The stages are {', '.join(stage.name for stage in stages)}.",
            )
        return found

    def define_stage(self, stage: Stage, *, if_match: int | None = None) -> Stage:
        """Add a stage, or replace the one of that name, policies and all.

        Requests that are open are judged by the new policies from now on.

        Raises:
            PreconditionFailed: the stage has another revision than `if_match` (0: it must be new).
        """
        self._require(Verb.STAGES)
        stage.checked()
        stages = self.stages()
        present = find_stage(stage.name, stages)
        if present is None and len(stages) >= MAX_STAGES:
            raise LimitExceeded(
                f"A workspace has at most {MAX_STAGES} stages.", details={"limit": MAX_STAGES}
            )
        revision = 0 if present is None else present.revision
        if if_match is not None and if_match != revision:
            raise PreconditionFailed(
                f"The stage {stage.name!r} has the revision {revision}, not {if_match}.",
                hint="Read it again, and repeat the change if it still makes sense.",
                details={"revision": revision},
            )
        if present is not None:
            stage = replace(stage, name=present.name)  # versions carry the name as it is
        saved = self._store.save_stage(self._caller.workspace, stage, expect=revision)
        before: JsonObject | None = None if present is None else present.to_json()
        self._audit(ActivityKind.STAGE_DEFINED, {"stage": saved.to_json(), "before": before})
        return saved

    def drop_stage(self, name: str) -> None:
        """Remove a stage that no version is in; a predefined one only loses what was changed.

        Raises:
            InUse: a version is in it.
        """
        self._require(Verb.STAGES)
        stage = self.stage(name)
        if stage.predefined and stage.revision == 0:
            raise InvalidInput(f"The stage {stage.name} is predefined, and as it always was.")
        if not stage.predefined and self._anybody_in(stage):
            raise InUse(
                f"Versions are in the stage {stage.name!r}.",
                hint="Move them to another stage first.",
            )
        self._store.drop_stage(self._caller.workspace, stage.key)
        self._audit(ActivityKind.STAGE_DROPPED, {"stage": stage.to_json()})

    def _anybody_in(self, stage: Stage) -> bool:
        where = Comparison(attribute(Target.VERSIONS, "stage"), Op.EQ, stage.name)
        query = Query(self._caller.workspace, Target.VERSIONS, where=where, limit=1)
        return bool(self._store.search_versions(query))

    def _audit(self, kind: ActivityKind, details: JsonObject) -> None:
        if self._ports.auditor is not None:
            now = self._ports.clock()
            self._ports.auditor.record(audited(kind, self._caller, now, details=details))


def predefined(name: str) -> Stage | None:
    """Return the predefined stage of that name, as it is where nobody has changed it."""
    return find_stage(name, PREDEFINED)
