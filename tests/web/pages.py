"""All pages, by a name for each, and the registry that they are looked at in: the rich demo's.

`{request}`, `{deployment}` and `{webhook}` stand for one that is there.
"""

from __future__ import annotations

from typing import Final

from muniment.demo.year import fill
from muniment.domain.access import Role
from muniment.domain.events import Event
from muniment.domain.requests import RequestState
from muniment.domain.webhooks import WebhookChanges, WebhookStatus
from tests.server.people import House

ADMIN: Final = "frances"
MODEL: Final = "/models/fraud-detection"
PAGES: Final = {
    "home": "/",
    "models": "/models",
    "models-found": "/models?q=risk&stage=Production",
    "models-none": "/models?q=nothing-like-it",
    "model": MODEL,
    "model-edit": f"{MODEL}/edit",
    "version": f"{MODEL}/20",
    "version-edit": f"{MODEL}/20/edit",
    "compare-two": f"{MODEL}/compare?v=12&v=20",
    "compare": f"{MODEL}/compare?v=12&v=16&v=20",
    "files": f"{MODEL}/20/files",
    "file-weights": f"{MODEL}/20/files/model.safetensors",
    "file-table": f"{MODEL}/20/files/learning_curve.csv",
    "file-text": f"{MODEL}/20/files/config.json",
    "ask": f"{MODEL}/20/request",
    "lineage": "/models/ticket-topics/16/lineage",
    "request": "/requests/{request}",
    "reviews": "/reviews",
    "activity": "/activity",
    "deployments": "/deployments",
    "deployment": "/deployments/{deployment}",
    "declare": "/deployments/declare",
    "storage": "/storage",
    "deleted": "/deleted-models",
    "register": "/register",
    "register-run": "/register/run",
    "webhooks": "/webhooks",
    "webhook": "/webhooks/{webhook}",
    "users": "/admin/users",
    "user": "/admin/users/ada",
    "roles": "/admin/grants",
    "stages": "/admin/stages",
    "stage": "/admin/stages/Production",
    "tokens": "/admin/tokens",
    "audit": "/admin/audit",
    "password": "/password",
}
FAULTS: Final = {"not-found": "/models/nothing-of-that-name"}
OF_STRANGERS: Final = {"sign-in": "/sign-in"}


def furnish(house: House) -> dict[str, str]:
    """Fill a registry; return what stands for the names in braces."""
    fill(house.ports)
    house.person(ADMIN, Role.ADMIN)
    for name, role in (("ada", Role.CONTRIBUTOR), ("grace", Role.APPROVER), ("tim", Role.VIEWER)):
        house.person(name, role)
    house.service("ci-training", Role.CONTRIBUTOR)
    owner = house.owner
    told = WebhookChanges(
        name="deploy",
        url="https://hooks.invalid/deploy",
        events=[Event.parse("stage.entered"), Event.parse("request.created")],
        status=WebhookStatus.DISABLED,
        stage="Production",
    )
    return {
        "request": str(owner.lifecycle.requests(state=RequestState.OPEN).items[0].id),
        "deployment": str(owner.deployments.deployments().items[0].id),
        "webhook": owner.webhooks.create(told).uuid,
    }
