"""Checks: verdicts on versions, which stages may demand."""

from __future__ import annotations

from functools import partial

from fastapi import Request
from starlette.responses import Response

from muniment.domain.checks import Verdict
from muniment.server.api import lifecycle_bodies as bodies
from muniment.server.api import lifecycle_documents as documents
from muniment.server.api.answers import entity_answer, json_answer, list_answer
from muniment.server.api.openapi import answers, unchanged
from muniment.server.api.parameters import Acting, ModelName, VersionNumber
from muniment.server.api.preconditions import IfMatch, IfNoneMatch
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


@router.post(
    f"{CHECKS}/run",
    operation_id="runChecks",
    summary="Have checks run",
    status_code=202,
    responses=answers(
        documents.WaitingChecks, 404, 409, 415, 501, status=202, description="They are run soon."
    ),
)
async def run_checks(
    request: Request,
    name: ModelName,
    number: VersionNumber,
    body: bodies.ChosenChecks,
    services: Acting,
) -> Response:
    """Have checks run on a version soon; without names, those of the workspace."""
    ask = partial(services.checks.request, name, number, body.checks)
    return json_answer({"waiting": list(await wait_for(request, ask))}, status=202)


@router.get(
    f"{CHECKS}/waiting",
    operation_id="listWaitingChecks",
    summary="Which checks does a version wait for?",
    responses=answers(documents.WaitingChecks, 404),
)
async def list_waiting_checks(
    request: Request, name: ModelName, number: VersionNumber, services: Acting
) -> Response:
    """Return the checks that were asked for, by a push or by somebody, and have not yet run."""
    waiting = await wait_for(request, partial(services.checks.waiting, name, number))
    return json_answer({"waiting": waiting})


@router.get(
    "/checks",
    operation_id="listAvailableChecks",
    summary="Which checks are there?",
    responses=answers(documents.AvailableChecks),
)
async def list_available_checks(request: Request, services: Acting) -> Response:
    """Return the names of the checks that can be run here: Muniment's own, and plugins."""
    return json_answer({"items": list(await wait_for(request, services.checks.available))})


@router.get(
    "/checks/configuration",
    operation_id="getCheckConfiguration",
    summary="Which checks are run?",
    responses=answers(documents.CheckConfiguration, etag=True) | unchanged(),
)
async def get_check_configuration(
    request: Request, services: Acting, if_none_match: IfNoneMatch = None
) -> Response:
    """Return what is run on each version of the workspace that is sealed."""
    found = await wait_for(request, services.checks.configuration)
    return entity_answer(found, if_none_match=if_none_match)


@router.put(
    "/checks/configuration",
    operation_id="configureChecks",
    summary="Choose which checks are run",
    responses=answers(documents.CheckConfiguration, 412, 415, etag=True),
)
async def configure_checks(
    request: Request, body: bodies.CheckConfiguration, services: Acting, if_match: IfMatch
) -> Response:
    """Choose what is run on versions that are sealed from now on, and how long it may take."""
    configure = partial(services.checks.configure, body.to_configuration(), if_match=if_match)
    return entity_answer(await wait_for(request, configure))
