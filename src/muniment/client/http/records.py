"""Checks, comments, lineage, deployments, consumers and the feed over the native API."""

# ruff: noqa: D102 -- the methods are documented where they are promised, in `client.backend`

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, cast
from urllib.parse import quote

from muniment.client.backend import (
    ChecksBackend,
    CommentsBackend,
    DeploymentsBackend,
    FeedBackend,
    LineageBackend,
    UsesBackend,
)
from muniment.client.http import wire
from muniment.client.http.catalog import model_path, version_path
from muniment.client.http.connection import Connection
from muniment.client.http.lifecycle import request_path
from muniment.client.http.wire import Pairs, items_of, page_of, params, repeated
from muniment.domain.activities import Happened
from muniment.domain.checking import CheckConfiguration
from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.comments import Comment
from muniment.domain.deployments import (
    Deployment,
    DeploymentStatus,
    Drift,
    Usage,
    Use,
    check_deployment_name,
    check_environment,
)
from muniment.domain.entities import Page
from muniment.domain.lineage import Direction, Edge, LineageGraph, Node
from muniment.domain.refs import Ref
from muniment.domain.values import JsonObject

_LOOK_AGAIN: Final = 0.5  # seconds


class _Part:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection


class HttpChecks(_Part, ChecksBackend):
    """`ChecksBackend` at the other end of a connection."""

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
        body: JsonObject = {
            "name": name,
            "verdict": verdict.value,
            "findings": list(findings),
            "url": url,
        }
        path = f"{version_path(model, number)}/checks"
        return CheckResult.from_json(self._connection.call("POST", path, body))

    def results(self, model: str, number: int) -> Sequence[CheckResult]:
        path = f"{version_path(model, number)}/checks"
        return items_of(self._connection.get(path), CheckResult.from_json)

    def run(self, model: str, number: int, checks: Sequence[str] = ()) -> Sequence[CheckResult]:
        path = f"{version_path(model, number)}/checks/run"
        answer = self._connection.call("POST", path, {"checks": list(checks)})
        asked = set(cast("list[str]", answer["waiting"]))
        while asked & set(self.waiting(model, number)):
            time.sleep(_LOOK_AGAIN)
        return [result for result in self.results(model, number) if result.name in asked]

    def waiting(self, model: str, number: int) -> Sequence[str]:
        answer = self._connection.get(f"{version_path(model, number)}/checks/waiting")
        return cast("list[str]", answer["waiting"])

    def available(self) -> Sequence[str]:
        return cast("list[str]", self._connection.get("/checks")["items"])

    def configuration(self) -> CheckConfiguration:
        return CheckConfiguration.from_json(self._connection.get("/checks/configuration"))

    def configure(
        self, configuration: CheckConfiguration, *, if_match: int | None = None
    ) -> CheckConfiguration:
        body = configuration.to_json()
        del body["revision"]
        answer = self._connection.call(
            "PUT", "/checks/configuration", body, headers=wire.if_match(if_match)
        )
        return CheckConfiguration.from_json(answer)


class HttpComments(_Part, CommentsBackend):
    """`CommentsBackend` at the other end of a connection."""

    def add(
        self, model: str, text: str, *, version: int | None = None, request: int | None = None
    ) -> Comment:
        path = _comments_path(model, version, request)
        return Comment.from_json(self._connection.call("POST", path, {"text": text}))

    def edit(self, comment_id: int, text: str) -> Comment:
        path = f"/comments/{comment_id:d}"
        return Comment.from_json(self._connection.call("PATCH", path, {"text": text}))

    def delete(self, comment_id: int) -> Comment:
        return Comment.from_json(self._connection.call("DELETE", f"/comments/{comment_id:d}"))

    def comments(
        self,
        model: str,
        *,
        version: int | None = None,
        request: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Comment]:
        asked = params(order="oldest", page_size=page_size, page_token=page_token)
        path = _comments_path(model, version, request)
        return page_of(self._connection.get(path, asked), Comment.from_json)


class HttpLineage(_Part, LineageBackend):
    """`LineageBackend` at the other end of a connection."""

    def link(
        self, model: str, number: int, node: Node, relation: str = "", *, source: str = ""
    ) -> Edge:
        body: JsonObject = {"node": node.to_json(), "relation": relation, "source": source}
        path = f"{version_path(model, number)}/lineage"
        return Edge.from_json(self._connection.call("POST", path, body))

    def unlink(self, edge_id: int) -> None:
        self._connection.call("DELETE", f"/lineage/{edge_id:d}")

    def edges(self, model: str, number: int) -> Sequence[Edge]:
        path = f"{version_path(model, number)}/lineage"
        return items_of(self._connection.get(path), Edge.from_json)

    def graph(
        self,
        start: Ref | Node,
        *,
        direction: Direction = Direction.BOTH,
        hops: int | None = None,
        limit: int | None = None,
    ) -> LineageGraph:
        of = str(start) if isinstance(start, Ref) else f"{start.kind}:{start.id}"
        asked = params(of=of, direction=direction, hops=hops, limit=limit)
        return LineageGraph.from_json(self._connection.get("/lineage", asked))


class HttpDeployments(_Part, DeploymentsBackend):
    """`DeploymentsBackend` at the other end of a connection."""

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
        body: JsonObject = {
            "version": version,
            "alias": alias,
            "stage": stage,
            "running": running,
            "forget_running": forget_running,
            "status": None if status is None else status.value,
            "url": url,
            "comment": comment,
        }
        path = _deployment_path(model, environment, name)
        return Deployment.from_json(self._connection.call("PUT", path, body))

    def retire_live(
        self, model: str, environment: str, name: str, *, comment: str = ""
    ) -> Deployment:
        path, asked = _deployment_path(model, environment, name), params(comment=comment or None)
        return Deployment.from_json(self._connection.call("DELETE", path, params=asked))

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
        asked = params(
            model=model,
            environment=environment,
            name=name,
            status=status,
            page_size=page_size,
            page_token=page_token,
        )
        return page_of(self._connection.get("/deployments", asked), Deployment.from_json)

    def drift(
        self,
        *,
        model: str | None = None,
        environment: str | None = None,
        drifted_only: bool = False,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Drift]:
        asked = params(
            model=model,
            environment=environment,
            drifted_only=drifted_only,
            page_size=page_size,
            page_token=page_token,
        )
        return page_of(self._connection.get("/deployments/drift", asked), Drift.from_json)

    def users_of(self, model: str, number: int) -> Usage:
        return Usage.from_json(self._connection.get(f"{version_path(model, number)}/users"))


class HttpUses(_Part, UsesBackend):
    """`UsesBackend` at the other end of a connection."""

    def uses(
        self,
        *,
        model: str | None = None,
        version: int | None = None,
        consumer: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> Sequence[Use]:
        asked = params(model=model, version=version, consumer=consumer, since=since, limit=limit)
        return items_of(self._connection.get("/consumers", asked), Use.from_json)


class HttpFeed(_Part, FeedBackend):
    """`FeedBackend` at the other end of a connection."""

    def activities(
        self,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        model: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> Page[Happened]:
        asked = params(actor=actor, model=model, page_size=page_size, page_token=page_token)
        answer = self._connection.get("/activities", [*asked, *repeated("kind", kinds)])
        return page_of(answer, Happened.from_json)

    def export(
        self, *, kinds: Iterable[str] = (), actor: str | None = None, model: str | None = None
    ) -> Iterator[Happened]:
        return self._exported("/activities", params(actor=actor, model=model), kinds)

    def export_history(
        self,
        model: str,
        *,
        kinds: Iterable[str] = (),
        actor: str | None = None,
        version: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Happened]:
        order = "newest" if newest_first else "oldest"
        asked = params(order=order, actor=actor, version=version)
        return self._exported(f"{model_path(model)}/activities", asked, kinds)

    def _exported(self, path: str, asked: Pairs, kinds: Iterable[str]) -> Iterator[Happened]:
        asked = [*asked, *params(format="jsonl"), *repeated("kind", kinds)]
        lines = self._connection.lines(path, asked)
        return (Happened.from_json(json.loads(line)) for line in lines)


def _comments_path(model: str, version: int | None, request: int | None) -> str:
    if request is not None:
        return f"{request_path(request)}/comments"
    owner = model_path(model) if version is None else version_path(model, version)
    return f"{owner}/comments"


def _deployment_path(model: str, environment: str, name: str) -> str:
    where = quote(check_environment(environment), safe="")
    what = quote(check_deployment_name(name), safe="")
    return f"{model_path(model)}/deployments/{where}/{what}"
