"""The pages: what people see and do in a browser.

    frame.py       a visit: who asks, in which workspace; pages rendered, forms read, faults shown
    words.py       how times, numbers, sizes, digests and links are written
    charts.py      pictures that the server draws, as SVG
    static/        style sheet and scripts, served under their digest
    templates/     one a page, in base.html
    home.py, models.py, …   one module a page: read by services, render; act by services, lead on

Reading needs no script. A form that fails is shown again, with what was typed and why it failed.
"""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from muniment.server.web import (
    activity,
    admin,
    ask,
    assets,
    audit,
    compare,
    deleted,
    deployment,
    deployments,
    edit,
    events,
    files,
    grants,
    home,
    lineage,
    model,
    models,
    papers,
    register,
    register_run,
    request,
    reviews,
    stages,
    storage,
    tokens,
    users,
    version,
    webhooks,
)
from muniment.server.web.missing import missing_page

__all__ = ["missing_page", "routes"]

routes: Final[list[Route]] = [
    *assets.routes,
    *home.routes,
    *models.routes,
    *model.routes,
    *edit.routes,
    *compare.routes,
    *deleted.routes,
    *version.routes,
    *ask.routes,
    *events.routes,
    *files.routes,
    *papers.routes,
    *register.routes,
    *register_run.routes,
    *request.routes,
    *reviews.routes,
    *storage.routes,
    *lineage.routes,
    *deployments.routes,
    *deployment.routes,
    *activity.routes,
    *admin.routes,
    *audit.routes,
    *grants.routes,
    *stages.routes,
    *tokens.routes,
    *users.routes,
    *webhooks.routes,
]
