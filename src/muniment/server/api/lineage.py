"""Lineage: what versions came from, and what came from them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from muniment.domain.lineage import MAX_HOPS, MAX_NODES, Direction, Node, NodeKind
from muniment.domain.refs import Ref, parse_ref
from muniment.server.api import lineage_bodies as bodies
from muniment.server.api import usage_documents as documents
from muniment.server.api.answers import json_answer, list_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, EdgeId, ModelName, VersionNumber
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("lineage")

EDGES = "/models/{name}/versions/{number}/lineage"


@router.post(
    EDGES,
    operation_id="linkVersion",
    summary="Note what a version came from",
    status_code=201,
    responses=answers(documents.Edge, 404, 409, 415, status=201),
)
async def link_version(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.NewEdge,
    services: Acting,
) -> Response:
    """Add an edge from a version to a run, data set, commit, … or to its parent version.

    One that is there already is answered as it is. No version comes from itself, by whatever way.
    """
    link = partial(
        services.lineage.link, name, number, body.to_node(), body.relation, source=body.source
    )
    return json_answer((await wait_for(request, link)).to_json(), status=201)


@router.get(
    EDGES,
    operation_id="listLineage",
    summary="List what a version came from",
    responses=answers(documents.Edges, 404),
)
async def list_lineage(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return the edges of one version, in the order in which they were noted."""
    return list_answer(await wait_for(request, partial(services.lineage.edges, name, number)))


@router.delete(
    "/lineage/{id}",
    operation_id="unlinkVersion",
    summary="Take an edge back",
    status_code=204,
    responses=answers(None, 404, status=204, description="It is gone."),
)
async def unlink_version(request: Request, id: EdgeId, services: Acting) -> Response:
    """Remove an edge; the history of its model keeps that it was there."""
    await wait_for(request, partial(services.lineage.unlink, id))
    return Response(status_code=204)


@router.get(
    "/lineage",
    operation_id="walkLineage",
    summary="Walk from a version, upstream and downstream",
    responses=answers(documents.LineageGraph, 404),
)
async def walk_lineage(
    request: Request,
    services: Acting,
    of: Annotated[
        str,
        Query(
            description="Where to begin: a reference to a version, or `kind:id`, such as "
            "`dataset:bookings-2026-07`, `run:…`, `commit:…`.",
            examples=["fraud/3"],
        ),
    ],
    direction: Annotated[
        Direction, Query(description="To what it came from, to what came from it, or both.")
    ] = Direction.BOTH,
    hops: Annotated[
        int | None,
        Query(
            description="How far; 3 if it is left out.",
            json_schema_extra={"minimum": 1, "maximum": MAX_HOPS},
        ),
    ] = None,
    limit: Annotated[
        int | None,
        Query(
            description="How many nodes at most.",
            json_schema_extra={"minimum": 1, "maximum": MAX_NODES},
        ),
    ] = None,
) -> Response:
    """Return the graph around a version or anything that versions came from, nearest first."""
    walk = partial(services.lineage.graph, _start(of), direction=direction, hops=hops, limit=limit)
    return json_answer((await wait_for(request, walk)).to_json())


def _start(text: str) -> Ref | Node:
    """Read where a walk begins. No name of a model holds a colon, so there is no doubt."""
    kind, colon, rest = text.partition(":")
    if colon and kind in set(NodeKind):
        return Node.from_json({"kind": kind, "id": rest})
    return parse_ref(text)
