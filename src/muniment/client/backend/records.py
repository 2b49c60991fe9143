"""What is filed with models: evidence, words, origins, deployments, events; wherever it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from muniment.domain.activities import Happened
from muniment.domain.checking import CheckConfiguration
from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.comments import Comment
from muniment.domain.deployments import Deployment, DeploymentStatus, Drift, Usage, Use
from muniment.domain.entities import Page
from muniment.domain.lineage import Direction, Edge, LineageGraph, Node
from muniment.domain.refs import Ref


class ChecksBackend(Protocol):
    """Verdicts on versions. Satisfied by `services.checks.Checks`."""

    @abstractmethod
    def report(
        self,
        model: str,
        number: int,
        name: str,
        verdict: Verdict,
        *,
        findings: tuple[str, ...] = (),
        url: str = "",
    ) -> CheckResult:
        """Note what a check said of a version. The latest verdict of each name counts."""

    @abstractmethod
    def results(self, model: str, number: int) -> Sequence[CheckResult]:
        """Return the latest result of each check of a version, by the checks' names."""

    @abstractmethod
    def run(self, model: str, number: int, checks: Sequence[str] = ()) -> Sequence[CheckResult]:
        """Run checks on a version (none: the workspace's), and return their results."""

    @abstractmethod
    def waiting(self, model: str, number: int) -> Sequence[str]:
        """Return the checks that a version waits for."""

    @abstractmethod
    def available(self) -> Sequence[str]:
        """Return the names of the checks that can be run."""

    @abstractmethod
    def configuration(self) -> CheckConfiguration:
        """Return what is run on versions that are sealed."""

    @abstractmethod
    def configure(
        self, configuration: CheckConfiguration, *, if_match: int | None = None
    ) -> CheckConfiguration:
        """Choose what is run on versions that are sealed from now on."""


class CommentsBackend(Protocol):
    """What people say. Satisfied by `services.comments.Comments`."""

    @abstractmethod
    def add(
        self, model: str, text: str, *, version: int | None = None, request: int | None = None
    ) -> Comment:
        """Say something of a model, of one of its versions, or of a transition request."""

    @abstractmethod
    def edit(self, comment_id: int, text: str) -> Comment:
        """Change the text of a comment: for its author, and for who manages the stages."""

    @abstractmethod
    def delete(self, comment_id: int) -> Comment:
        """Take a comment back. Its place stays, without its text."""

    @abstractmethod
    def comments(
        self,
        model: str,
        *,
        version: int | None = None,
        request: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Comment]:
        """Return what was said of a model itself, of a version or of a request, oldest first."""


class LineageBackend(Protocol):
    """What versions came from. Satisfied by `services.lineage.Lineage`."""

    @abstractmethod
    def link(
        self, model: str, number: int, node: Node, relation: str = "", *, source: str = ""
    ) -> Edge:
        """Note that a version came from a node; again is fine.

        A version as a node is named by its uuid or by a reference. Without a relation, the usual
        one to that kind of node is meant.

        Raises:
            NotFound: there is no such version, or no such version as the node names.
            InvalidInput: no such relation leads to such a node.
            Conflict: the node came from the version.
        """

    @abstractmethod
    def unlink(self, edge_id: int) -> None:
        """Take an edge back. Raises NotFound."""

    @abstractmethod
    def edges(self, model: str, number: int) -> Sequence[Edge]:
        """Return what a version came from, in the order in which it was noted."""

    @abstractmethod
    def graph(
        self,
        start: Ref | Node,
        *,
        direction: Direction = Direction.BOTH,
        hops: int | None = None,
        limit: int | None = None,
    ) -> LineageGraph:
        """Walk from a version, or from anything that versions came from, breadth first."""


class DeploymentsBackend(Protocol):
    """Where versions run. Satisfied by `services.deployments.Deployments`."""

    @abstractmethod
    def declare(
        self,
        model: str,
        environment: str,
        name: str,
        *,
        version: int | None = None,
        alias: str | None = None,
        stage: str | None = None,
        running: int | None = None,
        forget_running: bool = False,
        status: DeploymentStatus | None = None,
        url: str | None = None,
        comment: str | None = None,
    ) -> Deployment:
        """Say that something runs a version, or what an alias or a stage means.

        What is None stays as it is, if there is a live deployment of that name;
        `forget_running` makes it unknown again which version runs.
        """

    @abstractmethod
    def retire_live(
        self, model: str, environment: str, name: str, *, comment: str = ""
    ) -> Deployment:
        """Say that a deployment is no more. Raises NotFound."""

    @abstractmethod
    def deployments(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        name: str | None = None,
        status: DeploymentStatus | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Deployment]:
        """Return deployments, oldest first; without a status, those that are live."""

    @abstractmethod
    def drift(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        drifted_only: bool = False,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Drift]:
        """Compare live deployments with what they should run."""

    @abstractmethod
    def users_of(self, model: str, number: int) -> Usage:
        """Return the live deployments that run a version, and its last users."""


class UsesBackend(Protocol):
    """Who resolved and fetched versions. Satisfied by `services.uses.Uses`."""

    @abstractmethod
    def uses(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        consumer: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Use]:
        """Return the last uses, latest first."""


class FeedBackend(Protocol):
    """What happened, across models. Satisfied by `services.feed.Feed`."""

    @abstractmethod
    def activities(
        self,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        model: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Happened]:
        """Return what happened to all models, or to one, latest first.

        A page may be short, or empty, and have a token: there may be more behind it.
        """

    @abstractmethod
    def export(
        self, *, kinds: Iterable[str] = (), actor: str | None = None, model: str | None = None
    ) -> Iterator[Happened]:
        """Return an iterator over all that `activities` pages through."""

    @abstractmethod
    def export_history(
        self,
        model: str,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Happened]:
        """Return an iterator over all that `CatalogBackend.history` pages through."""
