"""The OpenAPI document, held against what the server does."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from muniment.domain import webhooks
from muniment.domain.access import Role
from muniment.domain.activities import ActivityKind, Entry, Happened, chain
from muniment.domain.checks import CheckResult, Verdict
from muniment.domain.comments import Comment
from muniment.domain.deployments import Deployment, Drift, Usage, Use, UseKind
from muniment.domain.entities import (
    ModelVersion,
    Reference,
    ReferenceKind,
    RegisteredModel,
    Upload,
)
from muniment.domain.events import Event
from muniment.domain.garbage import GarbageReport
from muniment.domain.lineage import (
    Edge,
    GraphEdge,
    GraphNode,
    LineageGraph,
    Node,
    NodeKind,
    Relation,
)
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.requests import Approval, TransitionRequest
from muniment.domain.requirements import Requirement, Rule
from muniment.domain.stages import MetricRule, Policy, Stage
from muniment.domain.timeline import Post, Tenure
from muniment.domain.webhooks import Attempt, Delivery, Webhook
from muniment.server import api as native
from muniment.server import classic
from muniment.server.api import bodies, documents, lifecycle_bodies, webhook_bodies
from muniment.server.api import lifecycle_documents as lifecycle
from muniment.server.api import usage_documents as usage
from muniment.server.api.routing import Route
from muniment.server.classic.records import Record
from muniment.server.classic.routes import ClassicModel
from muniment.services.lifecycle.lifecycle import Undone
from tests.client.servers import Server
from tests.server.api.conftest import Json, as_it_stands

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TABLE = [*native.router.routes, *classic.router.routes]
ROUTES = [route for route in TABLE if isinstance(route, Route)]
HOSTILE = [
    "..",
    "%2e%2e",
    "%252e%252e",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..%5cetc",
    "a%5cb",
    "a;b",
    "a%23b",
    "a%3Fb",
    "a%00b",
    "a%0Ab",
    "%FF%FE",
    "%ED%A0%80",
    "%",
    "%zz",
    "a:b",
    "%20",
    "'--",
    "%F0%9F%A6%84",
    "x" * 3000,
    "0",
    "-1",
    "1e5",
    "9" * 30,
]
BODIES = [b"", b"{}", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"name": "\\ud800"}']


@pytest.fixture(scope="module")
def openapi(http: httpx.Client) -> Json:
    document: Json = http.get("/openapi.json").json()
    return document


def test_documented_fields_are_those_of_the_entities() -> None:
    entry = Entry(kind=ActivityKind.MODEL_CREATED, actor="a", at=NOW)
    file = FileEntry("a", "0" * 64, 1)
    written: list[tuple[type[BaseModel], Json]] = [
        (
            documents.RegisteredModel,
            RegisteredModel(1, "u", "w", "n", "s", NOW, NOW, "a").to_json(),
        ),
        (documents.ModelVersion, ModelVersion(1, "u", "w", "m", 1, NOW, NOW, "a").to_json()),
        (documents.Alias, Reference(ReferenceKind.ALIAS, "a", 1, False, NOW, "a").to_json()),
        (documents.Activity, chain(entry, model_uuid="u", sequence=1, previous="").to_json()),
        (documents.Upload, Upload("i", "w", "a", NOW).to_json()),
        (documents.GarbageReport, GarbageReport(dry_run=True).to_json()),
        (documents.Manifest, {"files": [file.to_json()], "schema": "s"}),
        (ClassicModel, Record(ModelVersion(1, "u", "w", "m", 1, NOW, NOW, "a")).to_json()),
    ]
    for document, value in [*written, *written_of_the_lifecycle()]:
        fields = {field.alias or name for name, field in document.model_fields.items()}
        assert fields == value.keys(), document.__name__
        document.model_validate(value)


def written_of_the_lifecycle() -> list[tuple[type[BaseModel], Json]]:
    policy = Policy(
        tag="a", approvals=1, approver=Role.ADMIN, checks=("c",), metrics=(MetricRule("m", 1.0),)
    )
    approval = Approval("a", NOW)
    asked = TransitionRequest("m", 1, "s", "t", "a", NOW, approvals=(approval,))
    entry = Entry(kind=ActivityKind.MODEL_CREATED, actor="a", at=NOW)
    happened = Happened("m", 1, chain(entry, model_uuid="u", sequence=1, previous=""))
    edge = Edge("m", 1, Relation.PRODUCED_BY, Node(NodeKind.RUN, "r"), NOW, "a")
    graph = LineageGraph((GraphNode(edge.node, 0),), (GraphEdge("a", "b", edge.relation, 1),))
    deployment = Deployment("m", "e", "n", NOW, "a", NOW, "a", version=1)
    use = Use("m", 1, "c", True, UseKind.RESOLVE, NOW, NOW, 1)
    event = Event("stage", "changed")
    attempt = Attempt(NOW, 1, 200)
    delivery = Delivery("d", 1, 1, 1, 0, event, "{}", NOW, NOW, attempts=(attempt,))
    requirement = Requirement(Rule.READY, "t", True, "e")
    return [
        (lifecycle.Stage, Stage("s", policies=(policy,)).to_json()),
        (lifecycle.Requirement, requirement.to_json()),
        (lifecycle.Approval, approval.to_json()),
        (lifecycle.TransitionRequest, asked.to_json()),
        (lifecycle.ReviewedRequest, {**asked.to_json(), "requirements": [requirement.to_json()]}),
        (lifecycle.Tenure, Tenure(Post.ALIAS, "a", 1, NOW, "a", 1).to_json()),
        (lifecycle.Undone, Undone(Post.ALIAS, "a", (1,), (2,)).to_json()),
        (lifecycle.Happened, happened.to_json()),
        (lifecycle.Comment, Comment("m", "t", "a", NOW).to_json()),
        (lifecycle.CheckResult, CheckResult("m", 1, "c", Verdict.PASS, NOW, "a").to_json()),
        (usage.Node, edge.node.to_json()),
        (usage.Edge, edge.to_json()),
        (usage.LineageGraph, graph.to_json()),
        (usage.GraphNode, graph.nodes[0].to_json()),
        (usage.GraphEdge, graph.edges[0].to_json()),
        (usage.Deployment, deployment.to_json()),
        (usage.Drift, Drift(deployment, "r", 1, 2, drifted=True).to_json()),
        (usage.Use, use.to_json()),
        (usage.Usage, Usage("m", 1, (deployment,), (use,)).to_json()),
        (usage.Webhook, Webhook(1, "w", "d", "n", "u", (event,), NOW, NOW).to_json()),
        (usage.TestResult, webhooks.TestResult(True).to_json()),
        (usage.Attempt, attempt.to_json()),
        (usage.Delivery, delivery.to_json()),
    ]


def test_every_example_is_a_good_one() -> None:
    for module in (documents, bodies, lifecycle, lifecycle_bodies, usage, webhook_bodies):
        for model in vars(module).values():
            if isinstance(model, type) and issubclass(model, documents.Document | bodies.Body):
                for example in model.model_json_schema().get("examples", []):
                    model.model_validate(example)


def test_the_example_manifest_has_the_example_file() -> None:
    (example,) = documents.Manifest.model_json_schema()["examples"]
    assert Manifest.from_json(example).files[0].path == "model.pkl"


def test_every_operation_is_described(openapi: Json) -> None:
    tags = {*native.TAGS, *classic.TAGS}
    for path, method, operation in operations(openapi):
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["tags"]) <= tags, path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (method, path, parameter["name"])
        assert "HTTPValidationError" not in str(operation["responses"])
    assert openapi["components"]["schemas"]["Problem"]["examples"]


def test_operation_ids_are_unique(openapi: Json) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(openapi)]
    assert len(ids) == len(set(ids))


def operations(openapi: Json) -> list[tuple[str, str, Any]]:
    return [
        (path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/api/")
    ]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_hostile_paths_get_a_documented_answer(server: Server, openapi: Json, route: Route) -> None:
    names = re.findall(r"{(\w+)(?::path)?}", route.path)
    (method,) = route.methods or ()
    documented = openapi["paths"][route.path_format][method.lower()]["responses"]
    good = {"name": "fraud", "number": "1", "alias": "a", "path": "a", "digest": "0" * 64}
    good |= {"id": "0" * 32, "metadata_id": "0" * 32, "stage": "s", "environment": "e"}
    good |= {"deployment": "d", "delivery": "0" * 32, "signature": "1", "key": "k"}
    for hostile, wrong in itertools.product(HOSTILE, names):
        path = route.path_format.format_map({**good, wrong: hostile})
        status, content = as_it_stands(server, method, path, **{"Upload-Offset": "0"})
        # What a proxy or the frame refuses is not this operation's answer.
        assert str(status) in documented or status in (404, 405), (path, status, content)
        assert b"root:" not in content


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.body_field],
    ids=lambda route: route.operation_id,
)
def test_hostile_bodies_get_a_documented_answer(
    server: Server, openapi: Json, route: Route
) -> None:
    (method,) = route.methods or ()
    documented = openapi["paths"][route.path_format][method.lower()]["responses"]
    good = {"name": "n", "number": "1", "alias": "a", "id": "0" * 32, "stage": "s"}
    good |= {"environment": "e", "deployment": "d", "signature": "1", "key": "k"}
    path = route.path_format.format_map(good)
    for body, media_type in itertools.product(BODIES, ("application/json", "text/plain", "")):
        headers = {"Content-Type": media_type} if media_type else {}
        status, content = as_it_stands(server, method, path, body, **headers)
        assert str(status) in documented, (path, body[:20], media_type, status, content)
        if body and media_type != "application/json":
            assert status == 415
