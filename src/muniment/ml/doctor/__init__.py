"""`muniment mlflow doctor`: what in a user's set-up works with MLflow, and what does not.

examine(address)
  here.py       this process: MLflow, the plugin, the environment, the way of use
  servers.py    the server: reached, recognised, signed in, registry, artifacts, tracking
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from muniment.client.credentials import without_secrets
from muniment.errors import InvalidInput
from muniment.ml.address import is_registry, server_of
from muniment.ml.doctor.findings import Finding, Report, Verdict

__all__ = ["Finding", "Report", "Verdict", "examine"]

_VARIABLES = ("MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_URI", "MUNIMENT_REGISTRY")
_DEFAULT = "http://127.0.0.1:8000"


def examine(address: str | None = None, *, read_only: bool = False) -> Report:
    """Examine this process and the server at `address`, an address as MLflow is given it.

    Args:
        address: by default the server that the environment names, for MLflow or for us.
        read_only: write nothing, not even a file that is deleted at once.

    Raises:
        InvalidInput: the address is not that of a server.
    """
    from muniment.ml.doctor import here, servers

    chosen = address or _from_environment() or _DEFAULT
    if urlsplit(chosen).scheme not in ("http", "https") and not is_registry(chosen):
        raise InvalidInput(
            f"{without_secrets(chosen)!r:.200} is not the address of a server.",
            hint="Write it as MLflow is given it, like http://127.0.0.1:8000.",
        )
    url = server_of(chosen) if is_registry(chosen) else chosen.rstrip("/")
    with_plugin = is_registry(chosen) or is_registry(os.environ.get("MLFLOW_REGISTRY_URI", ""))
    findings = [
        *here.examine(url, with_plugin=with_plugin),
        *servers.examine(url, with_plugin=with_plugin, read_only=read_only),
    ]
    return Report(without_secrets(url), tuple(findings))


def _from_environment() -> str | None:
    for variable in _VARIABLES:
        value = os.environ.get(variable, "")
        if value.startswith(("http://", "https://")) or is_registry(value):
            return value
    return None
