"""Checks: verdicts on versions, which stages may demand."""

from __future__ import annotations

from functools import partial

from fastapi import Request
from starlette.responses import Response

from muniment.domain.checks import Verdict
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import lifecycle_documents as documents
from muniment.server.api.answers import json_answer, list_answer
from muniment.server.api.openapi import answers
from muniment.server.api.parameters import Acting, ModelName, VersionNumber
from muniment.server.api.routing import api_router
from muniment.server.context import wait_for

router = api_router("checks")

CHECKS = "/models/{name}/versions/{number}/checks"


@router.post(
    CHECKS,
    operation_id="reportCheck",
    summary="Report what a check found",
    status_code=201,
    responses=answers(documents.CheckResult, 404, 415, status=201),
)
async def report_check(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.NewCheck,
    services: Acting,
) -> Response:
    """Note a verdict on a version. The latest of each name counts; earlier ones stay in history."""
    report = partial(
        services.checks.report,
        name,
        number,
        body.name,
        Verdict(body.verdict),
        findings=tuple(body.findings),
        url=body.url,
    )
    return json_answer((await wait_for(request, report)).to_json(), status=201)


@router.get(
    CHECKS,
    operation_id="listChecks",
    summary="List what checks found",
    responses=answers(documents.CheckResults, 404),
)
async def list_checks(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return the latest result of each check of a version, by the checks' names."""
    return list_answer(await wait_for(request, partial(services.checks.results, name, number)))
