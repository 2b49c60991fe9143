"""What the tests of the lifecycle ask for again and again."""

from __future__ import annotations

from typing import Any

import httpx

from tests.server.api.conftest import Json


def made(answer: httpx.Response, status: int = 200) -> Json:
    """Check that a request was answered with this status; return the document."""
    assert answer.status_code == status, answer.text
    document: Json = answer.json()
    return document


def policy(api: httpx.Client, stage: str, model: str, **demanded: Any) -> Json:
    """Add a stage whose one policy is about one model."""
    body = {"order": 150, "policies": [{"models": model, **demanded}]}
    return made(api.put(f"/stages/{stage}", json=body))


def ask(api: httpx.Client, version: str, stage: str, **more: Any) -> Json:
    """Ask for a version to be moved; return the request."""
    return made(api.post(f"{version}/requests", json={"stage": stage, **more}), 201)
