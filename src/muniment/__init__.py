"""Muniment: a model registry.

    import muniment

    registry = muniment.connect("http://127.0.0.1:8000")      # or a folder: "./registry"
    version = registry.push("fraud", model, metrics={"auc": 0.93}, alias="champion")
    model = registry.load("fraud@champion", trust=True)

Everything is imported when it is first asked for, so that `import muniment` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from muniment._version import __version__

if TYPE_CHECKING:
    from muniment.client.aio import AsyncRegistry
    from muniment.client.cache import Cache
    from muniment.client.difference import Diff
    from muniment.client.entities import Model, Version
    from muniment.client.progress import ProgressEvent
    from muniment.client.registry import Registry
    from muniment.client.verification import VerifyReport
    from muniment.connecting import connect, connect_async
    from muniment.domain.access import Decision
    from muniment.domain.accounts import WhoAmI
    from muniment.domain.entities import Signature, Variable, VariableType
    from muniment.errors import (
        AlreadyExists,
        Blocked,
        ConfigurationError,
        Conflict,
        Corrupt,
        DigestMismatch,
        InUse,
        InvalidInput,
        MunimentError,
        NotFound,
        NotReady,
        PermissionDenied,
        PreconditionFailed,
        Unauthenticated,
        Unavailable,
        Unreachable,
    )

__all__ = [
    "AlreadyExists",
    "AsyncRegistry",
    "Blocked",
    "Cache",
    "ConfigurationError",
    "Conflict",
    "Corrupt",
    "Decision",
    "Diff",
    "DigestMismatch",
    "InUse",
    "InvalidInput",
    "Model",
    "MunimentError",
    "NotFound",
    "NotReady",
    "PermissionDenied",
    "PreconditionFailed",
    "ProgressEvent",
    "Registry",
    "Signature",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "Variable",
    "VariableType",
    "VerifyReport",
    "Version",
    "WhoAmI",
    "__version__",
    "connect",
    "connect_async",
]

_HOMES = {
    "muniment.client.aio": ("AsyncRegistry",),
    "muniment.client.cache": ("Cache",),
    "muniment.client.difference": ("Diff",),
    "muniment.client.entities": ("Model", "Version"),
    "muniment.client.progress": ("ProgressEvent",),
    "muniment.client.registry": ("Registry",),
    "muniment.client.verification": ("VerifyReport",),
    "muniment.connecting": ("connect", "connect_async"),
    "muniment.domain.access": ("Decision",),
    "muniment.domain.accounts": ("WhoAmI",),
    "muniment.domain.entities": ("Signature", "Variable", "VariableType"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'muniment' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF.get(name, "muniment.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
