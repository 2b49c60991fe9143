"""How to begin: commands that work when they are pasted into a terminal, one after the other."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from muniment.domain.entities import DEFAULT_WORKSPACE
from muniment.server.context import WORKSPACE_HEADER
from muniment.server.web.frame import Visit
from muniment.server.web.words import model_path

_FILE: Final = "model.bin"
_TOKEN: Final = "MUNIMENT_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Step:
    """What a command does, and the command."""

    said: str
    command: str


def first_steps(visit: Visit) -> list[Step]:
    """Return three ways to a first version; the first makes the file that the second sends."""
    return [
        Step(
            "Store a file, here of random bytes, as the first version of a model named `fraud`.",
            f"head -c 1000 /dev/urandom > {_FILE}\n"
            + curl(visit, "fraud", _FILE, "?alias=champion&metric=auc=0.97"),
        ),
        Step("Or from Python: a file, or a whole folder.", _python(visit)),
        Step("Or keep what you have: tell MLflow's client where this server is.", _mlflow(visit)),
    ]


def curl(visit: Visit, model: str, file: str, query: str = "") -> str:
    """Return the command that makes a file in the working directory the next version of a model."""
    headers = f' -H "Authorization: Bearer ${_TOKEN}"' if visit.signs_in else ""
    if visit.workspace != DEFAULT_WORKSPACE:
        headers += f" -H '{WORKSPACE_HEADER}: {visit.workspace}'"
    address = f"{visit.origin}/api/v1{model_path(model, 'push', file)}{query}"
    return f"curl -T {file}{headers} {shlex.quote(address)}"


def _python(visit: Visit) -> str:
    where = repr(visit.origin)
    if visit.workspace != DEFAULT_WORKSPACE:
        where += f", workspace={visit.workspace!r}"
    pushed = f'push("fraud", "{_FILE}", metrics={{"auc": 0.98}})'
    return f"import muniment\nprint(muniment.connect({where}).{pushed})"


def _mlflow(visit: Visit) -> str:
    if visit.workspace != DEFAULT_WORKSPACE:  # only the plugin knows of those
        plugin = shlex.quote(f"muniment+{visit.origin}")
        return f"export MLFLOW_REGISTRY_URI={plugin}\nexport MUNIMENT_WORKSPACE={visit.workspace}"
    kept = "REGISTRY" if visit.request.app.state.tracking is None else "TRACKING"
    token = f'\nexport MLFLOW_TRACKING_TOKEN="${_TOKEN}"' if visit.signs_in else ""
    return f"export MLFLOW_{kept}_URI={shlex.quote(visit.origin)}{token}"
