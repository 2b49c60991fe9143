"""The calls with which MLflow's model registry was first proposed.

    from muniment.ml import registry

    version = registry.get_model_version(registered_model="EmailMarketingCampaign", version=12)
    version = registry.get_latest_version(registered_model="EmailMarketingCampaign", stage="None")

The registry is the one that MUNIMENT_REGISTRY names, or `registry=…`: a URL, a folder, or what
MLflow is given, such as `muniment+http://127.0.0.1:8000`. MLflow need not be installed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Any

from muniment.client.entities import Model, Version
from muniment.client.registry import Registry
from muniment.connecting import connect
from muniment.domain.activities import Activity
from muniment.domain.refs import Ref
from muniment.ml.address import is_registry, server_of

__all__ = ["RegisteredVersion", "get_latest_version", "get_model_version"]


@dataclass(frozen=True, slots=True, repr=False)
class RegisteredVersion(Version):
    """A version with what the proposal calls its parts; all that `Version` can, it can, too."""

    @property
    def registered_model(self) -> Model:
        """The model that it is a version of, as it is now."""
        return self.registry.model(self.model)

    @property
    def activities(self) -> list[Activity]:
        """What was done to it, oldest first: who, when, what, and with which comment."""
        history = self.registry.history(self.model, newest_first=False)
        return [activity for activity in history if activity.version == self.version]


def get_model_version(
    *, registered_model: str, version: int, registry: str | None = None
) -> RegisteredVersion:
    """Return one version of a model.

    Raises:
        NotFound: there is none.
    """
    return _find(Ref(registered_model, version=int(version)), registry)


def get_latest_version(
    *, registered_model: str, stage: str | None = None, registry: str | None = None
) -> RegisteredVersion:
    """Return the newest version of a model in a stage; without one, the newest of all.

    Raises:
        NotFound: there is none.
    """
    return _find(Ref(registered_model, stage=stage), registry)


def _find(ref: Ref, address: str | None) -> RegisteredVersion:
    found = _connect(address).version(ref)
    values: dict[str, Any] = {
        item.name: getattr(found, item.name) for item in fields(found) if item.init
    }
    return RegisteredVersion(**values)


def _connect(address: str | None) -> Registry:
    address = address or os.environ.get("MUNIMENT_REGISTRY") or _of_mlflow()
    return connect(server_of(address) if address and is_registry(address) else address)


def _of_mlflow() -> str | None:
    """Return the registry that MLflow is told to use, if it is one of ours for certain."""
    chosen = os.environ.get("MLFLOW_REGISTRY_URI", "")
    return chosen if is_registry(chosen) else None
