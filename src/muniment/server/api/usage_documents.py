"""Answers about lineage, deployments, consumers and webhooks; see `documents`."""

from __future__ import annotations

from typing import Literal

from muniment.server.api import lifecycle_examples as examples
from muniment.server.api.base_bodies import Scalar
from muniment.server.api.documents import Document, _example


class Node(Document):
    """Something that a version came from."""

    model_config = _example(**examples.NODE)

    kind: Literal["version", "run", "experiment", "dataset", "commit", "pipeline"]
    id: str
    name: str
    uri: str
    digest: str
    properties: dict[str, Scalar]


class Edge(Document):
    """A version came from a node, in the way that `relation` says; `source` says who noted it."""

    model_config = _example(**examples.EDGE)

    id: int
    model: str
    version: int
    relation: str
    node: Node
    source: str
    created_at: str
    created_by: str


class Edges(Document):
    """What a version came from, in the order in which it was noted."""

    model_config = _example(items=[examples.EDGE])

    items: list[Edge]


class GraphNode(Node):
    """A node so many hops from the start; of a version, what it is now."""

    model_config = _example(**examples.GRAPH["nodes"][1])

    key: str
    label: str
    hops: int
    model: str | None
    version: int | None
    stage: str
    status: str


class GraphEdge(Document):
    """The version `child` came from `parent`; both are keys of nodes."""

    model_config = _example(**examples.GRAPH["edges"][0])

    child: str
    parent: str
    relation: str
    id: int


class LineageGraph(Document):
    """What a walk found, nearest first; `truncated` if there was more within reach."""

    model_config = _example(**examples.GRAPH)

    start: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    truncated: bool


class Deployment(Document):
    """A job, service or endpoint; `running` is the version that it was last said to run."""

    model_config = _example(**examples.DEPLOYMENT)

    id: int
    model: str
    environment: str
    name: str
    target: str
    version: int | None
    alias: str | None
    stage: str | None
    running: int | None
    status: Literal["pending", "running", "failed", "retired"]
    url: str
    comment: str
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    revision: int


class DeploymentPage(Document):
    """Deployments, and where to go on."""

    model_config = _example(items=[examples.DEPLOYMENT], next_page_token=None)

    items: list[Deployment]
    next_page_token: str | None


class Drift(Document):
    """What a deployment runs, beside what it should; `since` says how long it should."""

    model_config = _example(**examples.DRIFT)

    deployment: Deployment
    reference: str
    runs: int | None
    expected: int | None
    drifted: bool
    reason: str
    since: str | None


class DriftPage(Document):
    """Deployments compared with what they should run, and where to go on."""

    model_config = _example(items=[examples.DRIFT], next_page_token=None)

    items: list[Drift]
    next_page_token: str | None


class Use(Document):
    """Who resolved or downloaded a version, how often, between two moments."""

    model_config = _example(**examples.USE)

    model: str
    version: int
    consumer: str
    named: bool
    kind: Literal["resolve", "download"]
    first_at: str
    last_at: str
    count: int


class Uses(Document):
    """The last uses, latest first."""

    model_config = _example(items=[examples.USE])

    items: list[Use]


class Usage(Document):
    """Who uses a version: the live deployments that run it, and its last users."""

    model_config = _example(
        model="fraud", version=3, deployments=[examples.DEPLOYMENT], uses=[examples.USE]
    )

    model: str
    version: int
    deployments: list[Deployment]
    uses: list[Use]


class Webhook(Document):
    """Where to send which events; `signed` says whether it has a secret."""

    model_config = _example(**examples.WEBHOOK)

    id: str
    name: str
    url: str
    events: list[str]
    description: str
    status: Literal["ACTIVE", "DISABLED"]
    models: str
    stage: str
    signed: bool
    created_at: str
    updated_at: str


class WebhookPage(Document):
    """Webhooks, and where to go on."""

    model_config = _example(items=[examples.WEBHOOK], next_page_token=None)

    items: list[Webhook]
    next_page_token: str | None


class TestResult(Document):
    """What a receiver made of a sample; without a status, `error` says why none came."""

    model_config = _example(success=True, status=200, answer="ok", error="")

    success: bool
    status: int | None
    answer: str
    error: str


class WebhookSecret(Document):
    """What a webhook signs with from now on; shown this once."""

    model_config = _example(secret="…")  # noqa: S106

    secret: str


class Attempt(Document):
    """One try: the answer's status and beginning, or what went wrong."""

    model_config = _example(**examples.DELIVERY["attempts"][0])

    at: str
    milliseconds: int
    status: int | None
    answer: str
    error: str


class Delivery(Document):
    """One event on its way to a webhook; `body` is what is sent, byte for byte."""

    model_config = _example(**examples.DELIVERY)

    id: str
    event: str
    state: Literal["PENDING", "DELIVERED", "FAILED"]
    created_at: str
    expires_at: str
    next_at: str | None
    finished_at: str | None
    body: str
    attempts: list[Attempt]


class DeliveryPage(Document):
    """Deliveries, and where to go on."""

    model_config = _example(items=[examples.DELIVERY], next_page_token=None)

    items: list[Delivery]
    next_page_token: str | None
