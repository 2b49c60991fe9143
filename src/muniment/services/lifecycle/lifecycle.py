"""The lifecycle of models over time: who held what when, what a name meant then, and the way back.

    Stages -> Transitions -> Rights -> Requests -> Lifecycle

Everything about the past is read off the history (`domain.timeline`); nothing else is kept.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from muniment.domain import names
from muniment.domain.access import Verb
from muniment.domain.activities import Activity, ActivityKind
from muniment.domain.entities import NO_STAGE, ModelVersion, ReferenceKind, RegisteredModel
from muniment.domain.query import (
    And,
    Comparison,
    Expression,
    Op,
    OrderBy,
    Query,
    Target,
    attribute,
)
from muniment.domain.refs import Ref
from muniment.domain.stages import demands, find_stage, with_predefined
from muniment.domain.timeline import KINDS, Post, Tenure, Undone, holders, tenures
from muniment.domain.values import JsonObject, time_to_json
from muniment.errors import Conflict, InvalidInput, NotFound, Unavailable
from muniment.services.base import live_version
from muniment.services.catalog.aliases import point_alias, pointed
from muniment.services.lifecycle.requests import Requests
from muniment.services.lifecycle.transitions import MOMENT, Move, stage_of
from muniment.storage.metadata import Transaction

_PIECE: Final = 1_000
_FEW: Final = 100
_TRIES: Final = 20


class Lifecycle(Requests):
    """Stages, transitions, requests, and the past of all three, for one caller."""

    def tenures(
        self, model: str, *, post: Post | None = None, name: str | None = None
    ) -> list[Tenure]:
        """Return who held which stage and alias, and when, by the beginning of each tenure."""
        found = tenures(self._moves(self._readable(model)))
        if name is not None and post is Post.STAGE:
            stage = find_stage(name, self.stages())
            name = stage.name if stage else name
        return [
            tenure
            for tenure in found
            if post in (None, tenure.post) and name in (None, tenure.name)
        ]

    def as_of(self, ref: Ref, time: datetime) -> ModelVersion:
        """Return the version that an alias or a stage meant at a time, as it is now.

        Of several versions that were in a stage it is the newest, as in a reference to the present.

        Raises:
            NotFound: it meant none, or one that is deleted by now.
            InvalidInput: the reference names a version itself, or the time is to come.
        """
        model = self._readable(ref.model)
        if time > self._ports.clock():
            raise InvalidInput(f"{time_to_json(time)} is yet to come.", details={"field": "as_of"})
        if ref.alias is not None and ref.alias.lower() != "latest":
            post, name = Post.ALIAS, ref.alias
        elif ref.stage is not None:
            post, name = Post.STAGE, ref.stage
        else:
            raise InvalidInput(
                f"{str(ref)!r:.300} has no past.",
                hint="Ask for name@alias or name/Stage at a time.",
            )
        held = holders(tenures(self._moves(model, until=time)), post, name, time)
        if not held or self._was_deleted(model, time):
            raise NotFound(f"{str(ref)!r:.300} meant no version at {time_to_json(time)}.")
        number = held[-1].version
        version = self._store.version(self._caller.workspace, model.name, number)
        if version is None:
            raise NotFound(
                f"{str(ref)!r:.300} meant version {number} at {time_to_json(time)}; it is deleted "
                "by now.",
                hint=f"`muniment restore {model.name:.200}/{number}` may bring it back.",
                details={"version": number},
            )
        return version

    def _was_deleted(self, model: RegisteredModel, time: datetime) -> bool:
        """Say whether the model was (softly) deleted at a time: its names meant nothing then."""
        kinds = frozenset({ActivityKind.MODEL_DELETED, ActivityKind.MODEL_RESTORED})
        last = self._store.activities(model.id, limit=1, newest_first=True, kinds=kinds, until=time)
        return bool(last) and last[0].kind == ActivityKind.MODEL_DELETED

    def reviews_due(
        self, model: str | None = None, *, limit: int | None = None
    ) -> list[tuple[ModelVersion, datetime]]:
        """Return the versions that are longer in their stage than a policy allows, and since when.

        The time is when each was due; whoever is due for longest comes first. Of one model, or of
        all that the caller may read; all of them, or the first `limit`.
        """
        now = self._ports.clock()
        model_of = cache(lambda name: self._store.model(self._key(name)))
        found: list[tuple[ModelVersion, datetime]] = []
        for stage in self.stages():
            days = [policy.review_days for policy in stage.policies if policy.review_days]
            if not days:
                continue
            soonest, dues = timedelta(days=min(days)), list[datetime]()
            for version in self._in_stage(stage.name, model):
                since = version.stage_since
                # From here on nobody was due earlier than this.
                if since is None or (earliest := since + soonest) > now:
                    break
                if limit is not None and bisect_right(dues, earliest) >= limit:
                    break
                parent = model_of(version.model)
                allowed = None if parent is None else demands(stage, parent).review_days
                if allowed is not None and (due := since + timedelta(days=allowed)) <= now:
                    insort(dues, due)
                    found.append((version, due))
        return sorted(found, key=lambda pair: pair[1])[:limit]

    # -- the way back ----------------------------------------------------------------------------

    def rollback(self, model: str, name: str, *, comment: str = "", force: bool = False) -> Undone:
        """Undo the last change of a stage (`Production`) or of an alias (`@champion`).

        Whoever left the stage with that change is back in it, whoever came with it goes back to
        where it came from. What comes back must meet what the stage demands but approvals and
        comparisons with what is there now: it was there before.

        Raises:
            Conflict: there is nothing to go back to.
            Blocked: what would come back does not meet what the stage demands.
        """
        names.check_text(comment, "comment")
        for _ in range(_TRIES):
            parent = self._readable(model)
            past = tenures(self._moves(parent))
            try:
                if name.startswith("@"):
                    return self._rollback_alias(parent, name[1:], past, comment)
                return self._rollback_stage(parent, name, past, comment, force=force)
            except _Overtaken:
                continue
        raise Unavailable(f"{model!r:.200} changes all the time; nothing was rolled back.")

    def _rollback_stage(
        self,
        seen: RegisteredModel,
        name: str,
        past: Sequence[Tenure],
        comment: str,
        *,
        force: bool,
    ) -> Undone:
        def decide(tx: Transaction) -> Undone:
            to = stage_of(tx, name)
            if to.name == NO_STAGE:
                raise InvalidInput("The stage None is no stage; nothing can be rolled back there.")
            parent = self._model(tx, seen.name, Verb.MOVE_STAGE, stage=to.name)
            _check_unchanged(parent, seen)
            held = [t for t in past if t.post is Post.STAGE and t.name == to.name]
            before, now = _around_last_change(held)
            if not before - now:
                raise Conflict(f"Nothing was in {to.name} before what is there now.")
            stages = with_predefined(tx.stages())
            back = [live_version(tx, parent, number) for number in sorted(before - now)]
            for version in back:
                self._refuse_blocked(tx, parent, version, to, again=True)
            why: JsonObject = {"rollback": True}
            moves = [Move(version, to, comment, why) for version in back]
            for number in sorted(now - before):
                origin = find_stage(_stage_before(past, number, to.name), stages) or stages[0]
                moves.append(Move(live_version(tx, parent, number), origin, comment, why))
            self._enter(tx, parent, moves, force=force)
            return Undone(Post.STAGE, to.name, tuple(sorted(before)), tuple(sorted(now - before)))

        return self._store.transact(self._key(seen.name), decide)

    def _rollback_alias(
        self, seen: RegisteredModel, alias: str, past: Sequence[Tenure], comment: str
    ) -> Undone:
        def decide(tx: Transaction) -> Undone:
            parent = self._model(tx, seen.name, Verb.MOVE_ALIAS, alias=alias)
            _check_unchanged(parent, seen)
            held = [t for t in past if t.post is Post.ALIAS and t.name == alias]
            before, now = _around_last_change(held)
            if not before or before == now:
                raise Conflict(f"The alias {alias!r:.300} meant no other version before.")
            present = tx.reference(ReferenceKind.ALIAS, alias)
            if present is not None and present.protected:
                self._permitted(Verb.PROTECT_ALIAS, parent, alias=alias)
            target = live_version(tx, parent, max(before))
            at = self._now(parent)
            if present is not None:
                at = max(at, present.updated_at + MOMENT)
            reference = pointed(present, alias, target.version, at=at, by=self._caller.actor)
            point_alias(tx, parent, present, reference, comment=comment, rollback=True)
            return Undone(Post.ALIAS, alias, (target.version,), tuple(sorted(now)))

        return self._store.transact(self._key(seen.name), decide)

    # -- reading the history ---------------------------------------------------------------------

    def _moves(self, model: RegisteredModel, until: datetime | None = None) -> Iterator[Activity]:
        """Yield the entries of a history that say who holds what, oldest first."""
        after = 0
        kinds = frozenset(kind.value for kind in KINDS)
        while True:
            piece = self._store.activities(
                model.id, after=after, limit=_PIECE, kinds=kinds, until=until
            )
            yield from piece
            if len(piece) < _PIECE:
                return
            after = piece[-1].sequence

    def _in_stage(self, stage: str, model: str | None) -> Iterator[ModelVersion]:
        """Yield the versions in a stage that the caller may read, the longest there first."""
        versions = Target.VERSIONS
        where: Expression = Comparison(attribute(versions, "stage"), Op.EQ, stage)
        visible = self._caller.principal.visible(versions)
        query = Query(
            self._caller.workspace,
            versions,
            where=where if visible is None else And((where, visible)),
            order=(OrderBy(attribute(versions, "stage_since")),),
            limit=_FEW,
            model=model,
        )
        while True:
            rows = self._store.search_versions(query)
            yield from (version for version, _ in rows)
            if len(rows) < query.limit:
                return
            query = replace(query, after=rows[-1][1], limit=_PIECE)


class _Overtaken(Exception):
    """The history has gone on since it was read."""


def _check_unchanged(model: RegisteredModel, seen: RegisteredModel) -> None:
    if model.activity_count != seen.activity_count or model.id != seen.id:
        raise _Overtaken


def _around_last_change(held: Sequence[Tenure]) -> tuple[set[int], set[int]]:
    """Return who held it before the last change, and who holds it now."""
    times = [time for tenure in held for time in (tenure.since, tenure.until) if time]
    if not times:
        return set(), set()
    last = max(times)
    before = {t.version for t in held if t.since < last and (t.until is None or t.until >= last)}
    return before, {t.version for t in held if t.until is None}


def _stage_before(past: Sequence[Tenure], number: int, stage: str) -> str:
    """Return the stage that a version came from when it came to the one that it is in."""
    own = [t for t in past if t.post is Post.STAGE and t.version == number]
    since = next(t.since for t in reversed(own) if t.name == stage and t.until is None)
    return next((t.name for t in own if t.until == since), NO_STAGE)
