"""How a version is used: commands that work when they are pasted."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from muniment.domain.entities import DEFAULT_WORKSPACE, ModelVersion
from muniment.server.context import WORKSPACE_HEADER
from muniment.server.web.frame import Visit

_TOKEN: Final = "MUNIMENT_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Way:
    """One way to use a version: the tab's name, what to paste, and what to know."""

    name: str
    text: str
    note: str = ""


def ways(visit: Visit, version: ModelVersion, first_file: str | None) -> list[Way]:
    """Return the ways that there are to a version; a pointer has no files to fetch here."""
    origin, signs_in = visit.origin, visit.signs_in
    token = f"{_TOKEN} holds a token of yours." if signs_in else ""
    found = [
        Way("Python", _python(origin, visit.workspace, version), token),
        Way("Command line", _command(origin, visit.workspace, version), token),
    ]
    if first_file is not None:
        command = _curl(origin, visit.workspace, version, first_file, signs_in)
        found.append(Way("curl", command, token))
    if visit.workspace == DEFAULT_WORKSPACE:
        found.append(Way("MLflow", _mlflow(origin, version, signs_in), token))
    else:
        note = f"With Muniment installed beside MLflow: it knows of workspaces. {token}".rstrip()
        found.append(Way("MLflow", _mlflow_plugin(origin, visit.workspace, version), note))
    return found


def _python(origin: str, workspace: str, version: ModelVersion) -> str:
    where = repr(origin) + ("" if workspace == DEFAULT_WORKSPACE else f", workspace={workspace!r}")
    call = "pull" if version.digest else "version"
    return (
        "import muniment\n\n"
        f"registry = muniment.connect({where})\n"
        f"print(registry.{call}({version.ref!r}))"
    )


def _command(origin: str, workspace: str, version: ModelVersion) -> str:
    said = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    call = "pull" if version.digest else "show"
    return f"muniment {call} {shlex.quote(version.ref)} --registry {shlex.quote(origin)}{said}"


def _curl(origin: str, workspace: str, version: ModelVersion, path: str, signs_in: bool) -> str:
    address = (
        f"{origin}/api/v1/models/{quote(version.model, safe='')}/versions/{version.version}"
        f"/files/{quote(path, safe='/')}"
    )
    headers = f' -H "Authorization: Bearer ${_TOKEN}"' if signs_in else ""
    if workspace != DEFAULT_WORKSPACE:
        headers += f" -H '{WORKSPACE_HEADER}: {workspace}'"
    return f"curl -fL{headers} -o {shlex.quote(path.rpartition('/')[2])} {shlex.quote(address)}"


def _mlflow(origin: str, version: ModelVersion, signs_in: bool) -> str:
    token = f' MLFLOW_TRACKING_TOKEN="${_TOKEN}"' if signs_in else ""
    address = shlex.quote(f"models:/{version.ref}")
    return (
        f"MLFLOW_TRACKING_URI={shlex.quote(origin)}{token} \\\n"
        f"  mlflow artifacts download --artifact-uri {address}"
    )


def _mlflow_plugin(origin: str, workspace: str, version: ModelVersion) -> str:
    registry, address = shlex.quote(f"muniment+{origin}"), shlex.quote(f"models:/{version.ref}")
    return (
        f"MLFLOW_REGISTRY_URI={registry} MUNIMENT_WORKSPACE={workspace} \\\n"
        f"  mlflow artifacts download --artifact-uri {address}"
    )
