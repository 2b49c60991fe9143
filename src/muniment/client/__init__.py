"""What users import: the registry client, its transfers and its cache.

`muniment.connect` makes a `Registry`; `ModelRegistryClient` is the classic client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.client.aio import AsyncRegistry
    from muniment.client.classic import ModelRegistryClient
    from muniment.client.registry import Registry

__all__ = ["AsyncRegistry", "ModelRegistryClient", "Registry"]

_HOME_OF = {"AsyncRegistry": "aio", "ModelRegistryClient": "classic", "Registry": "registry"}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'muniment.client' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
