"""Makers of entities for the tests of pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from muniment.domain.entities import ModelVersion, RegisteredModel, Status

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def model_of(name: str = "fraud", **fields: Any) -> RegisteredModel:
    return RegisteredModel(1, "u", "default", name, name, NOON, NOON, "ada", **fields)


def version_of(number: int = 1, **fields: Any) -> ModelVersion:
    fields.setdefault("status", Status.READY)
    return ModelVersion(
        number, f"v{number}", "default", "fraud", number, NOON, NOON, "ada", **fields
    )
