"""What is filed with models: evidence, words, origins, deployments, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from muniment.client import html
from muniment.client.catalog import Moment, VersionRef, as_time, listed
from muniment.client.lifecycle import RegistryLifecycle
from muniment.client.listing import Listing
from muniment.domain.activities import Happened
from muniment.domain.checking import CheckConfiguration
from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.comments import Comment
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift, Usage, Use
from muniment.domain.entities import ModelVersion, RegisteredModel
from muniment.domain.lineage import Direction, Edge, LineageGraph, Node, NodeKind
from muniment.domain.refs import Ref, parse_ref
from muniment.domain.requests import TransitionRequest
from muniment.domain.stages import find_stage
from muniment.domain.values import JsonObject
from muniment.errors import InvalidInput

Subject: TypeAlias = str | Ref | RegisteredModel | ModelVersion | TransitionRequest | int
"""What is talked about: a model (its bare name), a version, or a request (or its id)."""

Origin: TypeAlias = VersionRef | Node | JsonObject
"""What a version came from: a version (`base/2`), something else by its kind and id
(`dataset:bookings-2026-07`, `run:…`), or a node: `{"kind": "dataset", "id": "…", "uri": "…"}`."""

E = TypeVar("E", Verdict, DeploymentStatus, Direction)


class RegistryRecords(RegistryLifecycle):
    """The part of `Registry` about checks, comments, lineage, deployments and the feed."""

    # -- checks ----------------------------------------------------------------------------------

    def report_check(
        self,
        ref: VersionRef,
        name: str,
        verdict: Verdict | str,
        *,
        findings: str | Sequence[str] = (),
        url: str = "",
    ) -> CheckResult:
        """Say what a check found out about a version: `pass`, `fail` or `unknown`.

        Stages can demand that a check passes; the latest verdict counts.
        """
        model, number = self._place(ref)
        return self.backend.checks.report(
            model, number, name, _one_of(Verdict, verdict), findings=(*listed(findings),), url=url
        )

    def checks(self, ref: VersionRef) -> list[CheckResult]:
        """Return the latest result of each check of a version."""
        return list(self.backend.checks.results(*self._place(ref)))

    def run_checks(self, ref: VersionRef, *checks: str) -> list[CheckResult]:
        """Run checks on a version, and return what they found; without names, the workspace's.

        In a folder they run here and now. A server runs them soon; this waits until it has.
        """
        return list(self.backend.checks.run(*self._place(ref), checks))

    def waiting_checks(self, ref: VersionRef) -> list[str]:
        """Return the checks that a version waits for."""
        return list(self.backend.checks.waiting(*self._place(ref)))

    def available_checks(self) -> list[str]:
        """Return the names of the checks that can be run: Muniment's own, and plugins."""
        return list(self.backend.checks.available())

    def check_configuration(self) -> CheckConfiguration:
        """Return which checks are run on versions that are sealed."""
        return self.backend.checks.configuration()

    def configure_checks(
        self, *checks: str, seconds: int | None = None, memory: int | None = None
    ) -> CheckConfiguration:
        """Choose which checks are run on versions that are sealed from now on; none: no checks.

        Each has a process of its own, which may take `seconds`, and `memory` in bytes; what is None
        stays as it is.
        """
        before = self.backend.checks.configuration()
        after = CheckConfiguration(
            checks,
            before.seconds if seconds is None else seconds,
            before.memory if memory is None else memory,
        )
        return self.backend.checks.configure(after, if_match=before.revision)

    # -- comments --------------------------------------------------------------------------------

    def comment(self, subject: Subject, text: str) -> Comment:
        """Say something of a model, of a version or of a transition request; `@name` mentions."""
        model, version, request = self._subject(subject)
        return self.backend.comments.add(model, text, version=version, request=request)

    def comments(self, subject: Subject) -> Listing[Comment]:
        """Return what was said of a model itself, of a version or of a request, oldest first."""
        model, version, request = self._subject(subject)
        search = partial(self.backend.comments.comments, model, version=version, request=request)
        return Listing(
            "Comments",
            lambda size, token: search(page_size=size, page_token=token),
            html.comment_list,
        )

    def edit_comment(self, comment: int | Comment, text: str) -> Comment:
        """Change the text of a comment of yours; that it was changed stays on record."""
        return self.backend.comments.edit(_id(comment), text)

    def delete_comment(self, comment: int | Comment) -> Comment:
        """Take a comment of yours back: its text is gone, its place stays."""
        return self.backend.comments.delete(_id(comment))

    # -- lineage ---------------------------------------------------------------------------------

    def link(
        self, ref: VersionRef, origin: Origin, relation: str = "", *, source: str = ""
    ) -> Edge:
        """Note what a version came from; again is fine.

        Args:
            origin: a version, such as `base/2`; or anything else, as `kind:id` or as a node: its
                kind is `run`, `experiment`, `dataset`, `commit` or `pipeline`, its id tells it from
                others; `name`, `uri`, `digest` and `properties` describe it.
            relation: such as `fine_tuned_from` or `evaluated_on`; else the usual one to that kind.
            source: who noted it, if not a person.

        Raises:
            Conflict: the origin came from the version itself.
        """
        model, number = self._place(ref)
        return self.backend.lineage.link(model, number, _node(origin), relation, source=source)

    def unlink(self, edge: int | Edge) -> None:
        """Take an edge of a lineage back."""
        self.backend.lineage.unlink(_id(edge))

    def origins(self, ref: VersionRef) -> list[Edge]:
        """Return what a version came from directly, in the order in which it was noted."""
        return list(self.backend.lineage.edges(*self._place(ref)))

    def lineage(
        self,
        of: Origin,
        *,
        direction: Direction | str = Direction.BOTH,
        hops: int | None = None,
        limit: int | None = None,
    ) -> LineageGraph:
        """Walk from a version, or from anything else that versions came from.

        Args:
            direction: `up` to what it came from, `down` to what came from it, or `both`.
            hops: how far, 1 to 20; else 3.
            limit: how many nodes at most, 1 to 1,000.
        """
        way = _one_of(Direction, direction)
        return self.backend.lineage.graph(_node(of), direction=way, hops=hops, limit=limit)

    # -- deployments and consumers ---------------------------------------------------------------

    def deploy(
        self,
        ref: VersionRef,
        environment: str,
        name: str,
        *,
        running: int | None = None,
        forget_running: bool = False,
        status: DeploymentStatus | str | None = None,
        url: str | None = None,
        comment: str | None = None,
    ) -> Deployment:
        """Say that a job, service or endpoint runs a version, or what an alias or stage means.

        `fraud@champion` and `fraud/Production` are followed as they move; other references mean
        the version that they name now. Called again it changes what is given.

        Args:
            running: the version that runs right now, if a deployment may lag behind.
            forget_running: that version is no longer known: what the reference means counts.
            status: `pending`, `running` or `failed`.
        """
        model, target = self._target(ref)
        return self.backend.deployments.declare(
            model,
            environment,
            name,
            version=target.version,
            alias=target.alias,
            stage=target.stage,
            running=running,
            forget_running=forget_running,
            status=None if status is None else _one_of(DeploymentStatus, status),
            url=url,
            comment=comment,
        )

    def retire(self, model: str, environment: str, name: str, *, comment: str = "") -> Deployment:
        """Say that a deployment is no more."""
        return self.backend.deployments.retire_live(model, environment, name, comment=comment)

    def deployments(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        status: DeploymentStatus | str | None = None,
    ) -> Listing[Deployment]:
        """Return deployments, oldest first; without a status those that are not retired."""
        search = partial(
            self.backend.deployments.deployments,
            model=model,
            environment=environment,
            status=None if status is None else _one_of(DeploymentStatus, status),
        )
        return Listing(
            "Deployments",
            lambda size, token: search(page_size=size, page_token=token),
            html.deployment_list,
        )

    def drift(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        drifted_only: bool = True,
    ) -> Listing[Drift]:
        """Return the deployments that run something else than they should (or all, compared).

        One that follows an alias or a stage is measured by that, one that names a version by what
        is in Production.
        """
        search = partial(
            self.backend.deployments.drift,
            model=model,
            environment=environment,
            drifted_only=drifted_only,
        )
        return Listing(
            "Drift",
            lambda size, token: search(page_size=size, page_token=token),
            html.drift_list,
        )

    def users_of(self, ref: VersionRef) -> Usage:
        """Return who uses a version: deployments that run it, jobs and people who fetched it."""
        return self.backend.deployments.users_of(*self._place(ref))

    def consumers(
        self,
        model: str | None = None,
        *,
        version: int | None = None,
        consumer: str | None = None,
        since: Moment | None = None,
        limit: int | None = None,
    ) -> list[Use]:
        """Return who resolved and fetched which versions last, latest first, as observed."""
        found = self.backend.uses.uses(
            model=model,
            version=version,
            consumer=consumer,
            since=None if since is None else as_time(since),
            limit=limit,
        )
        return list(found)

    # -- what happened ---------------------------------------------------------------------------

    def activities(
        self,
        *,
        kinds: str | Sequence[str] = (),
        actor: str | None = None,
        model: str | None = None,
    ) -> Listing[Happened]:
        """Return what happened to all models that you may read, or to one, latest first."""
        search = partial(
            self.backend.feed.activities, kinds=listed(kinds), actor=actor, model=model
        )
        return Listing(
            "Activities",
            lambda size, token: search(page_size=size, page_token=token),
            html.happened_list,
        )

    # --------------------------------------------------------------------------------------------

    def _subject(self, subject: Subject) -> tuple[str, int | None, int | None]:
        """Return model, version and request of what is talked about."""
        if isinstance(subject, int):
            subject = self.backend.lifecycle.request(subject)
        if isinstance(subject, TransitionRequest):
            return subject.model, None, subject.id
        if isinstance(subject, RegisteredModel):
            return subject.name, None, None
        if isinstance(subject, str):
            subject = parse_ref(subject)
        if isinstance(subject, Ref) and str(subject) == subject.model:
            return subject.model, None, None
        return *self._place(subject), None

    def _target(self, ref: VersionRef) -> tuple[str, Ref]:
        """Return what a deployment follows: an alias, a stage, or else a version."""
        parsed = parse_ref(ref) if isinstance(ref, str) else ref
        if isinstance(parsed, Ref) and (
            parsed.alias is not None
            or (parsed.stage is not None and find_stage(parsed.stage, self.stages()))
        ):
            return parsed.model, parsed
        model, number = self._place(parsed)
        return model, Ref(model, version=number)


def _node(origin: Origin) -> Node:
    if isinstance(origin, Node):
        return origin
    if isinstance(origin, ModelVersion):
        return Node(NodeKind.VERSION, origin.ref)
    if isinstance(origin, dict):
        return Node.from_json(origin)
    kind, _, thing = str(origin).partition(":")  # no name of a model holds a colon
    if kind in set(NodeKind):
        return Node.from_json({"kind": kind, "id": thing})
    return Node(NodeKind.VERSION, str(parse_ref(str(origin))))


def _one_of(kind: type[E], value: str) -> E:
    try:
        return kind(value)
    except ValueError:
        raise InvalidInput(f"{value!r:.80} is none of {', '.join(kind)}.") from None


def _id(thing: int | Comment | Edge) -> int:
    return thing if isinstance(thing, int) else thing.id
