"""The face that stock MLflow clients speak to: the Model Registry's REST protocol.

With it, what Databricks has added: transition requests, comments, webhooks of its own.
"""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute, Route

from muniment.server.mlflow import (
    about,
    artifacts,
    comments,
    databricks,
    models,
    registry_webhooks,
    transition_requests,
    versions,
    webhooks,
)
from muniment.server.mlflow.wire import REALM, Served, refusal

ERRORS: Final = {REALM: refusal}
"""How errors are told of at MLflow's paths."""

routes: list[BaseRoute] = [
    *about.routes,
    *artifacts.routes,
    *models.routes,
    *versions.routes,
    *webhooks.routes,
    *transition_requests.routes,
    *comments.routes,
    *registry_webhooks.routes,
    *databricks.routes,
]

calls: list[Route] = [
    route
    for route in routes
    if isinstance(route, Route) and isinstance(route.app, Served) and "{" not in route.path
]
"""Those at fixed paths, which need nothing of the framework."""
