"""The user's side: which MLflow is here, whether it knows the plugin, and where it is led to."""

from __future__ import annotations

import importlib
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from types import ModuleType
from typing import Final, TypeVar

from muniment._version import __version__
from muniment.client.credentials import without_secrets
from muniment.ml.address import SCHEMES, is_registry, same_server, server_of
from muniment.ml.doctor.findings import Finding, fail, ok, warn

T = TypeVar("T")
_OLDEST: Final = (2, 0)
_GROUPS: Final = ("mlflow.model_registry_store", "mlflow.artifact_repository")
_PICKLES: Final = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"


def examine(url: str, *, with_plugin: bool) -> Iterator[Finding]:
    """Yield what is found in this process; `url` is the server that is to be used."""
    yield ok("muniment", f"muniment {__version__}, Python {platform.python_version()}")
    yield from _way_of_use(url)
    installed = _installed()
    if installed is None:
        yield warn(
            "mlflow",
            "MLflow is not installed here; the server is examined all the same.",
            "Where models are logged or loaded: pip install mlflow.",
        )
        return
    try:
        mlflow = _quietly(lambda: importlib.import_module("mlflow"))
        _quietly(lambda: importlib.import_module("mlflow.pyfunc"))
    except Exception as error:  # whatever a broken installation raises
        yield fail(
            "mlflow",
            f"mlflow {installed} is installed, but can't be imported: {error}",
            "Install it again, with what it depends on.",
        )
        return
    yield _version(installed)
    yield from _reads_environment(mlflow, installed)
    yield _plugin(with_plugin)
    yield from _pickles(mlflow)


def _installed() -> str | None:
    for name in ("mlflow", "mlflow-skinny"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _quietly(load: Callable[[], T]) -> T:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own, of no use to whoever asks us
        return load()


def _version(installed: str) -> Finding:
    numbers = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        return warn(
            "mlflow",
            f"mlflow {installed} is older than any that is tried with Muniment.",
            "Upgrade to 2.0.1 or newer.",
        )
    return ok("mlflow", f"mlflow {installed}, pyfunc can be imported")


def _reads_environment(mlflow: ModuleType, installed: str) -> Iterator[Finding]:
    """Old clients have no variable for the registry, and would silently use the tracking server."""
    chosen = os.environ.get("MLFLOW_REGISTRY_URI")
    if chosen and mlflow.get_registry_uri() != chosen:
        yield fail(
            "registry variable",
            f"mlflow {installed} does not heed MLFLOW_REGISTRY_URI.",
            f"Call mlflow.set_registry_uri({without_secrets(chosen)!r}) in the program.",
        )


def _plugin(needed: bool) -> Finding:
    problem = _fault_of_plugin()
    if problem is None:
        return ok("plugin", "muniment+http(s):// is known to MLflow")
    hint = "Install muniment with pip in the environment of MLflow: pip install muniment."
    return (fail if needed else warn)("plugin", problem, hint)


def _fault_of_plugin() -> str | None:
    for group in _GROUPS:
        found = {point.name: point for point in metadata.entry_points(group=group)}
        missing = [scheme for scheme in SCHEMES if scheme not in found]
        if missing:
            return f"MLflow does not know {missing[0]}:// ({group})."
        try:
            _quietly(partial(_made_by, found[SCHEMES[0]]))
        except Exception as error:  # whatever MLflow would stumble over
            return f"The plugin can't be loaded: {error}"
    return None


def _made_by(point: metadata.EntryPoint) -> object:
    """Return what MLflow would get; nothing is asked of any server yet."""
    return point.load()(f"{point.name}://127.0.0.1")


def _pickles(mlflow: ModuleType) -> Iterator[Finding]:
    """Loading most flavors runs code of whoever wrote the model; newer clients have a switch."""
    variables = getattr(mlflow, "environment_variables", None)
    if not hasattr(variables, _PICKLES):
        return
    if os.environ.get(_PICKLES, "true").lower() in ("false", "0"):
        yield ok("pickles", f"{_PICKLES} is off: models stored as pickles are refused")
        return
    yield warn(
        "pickles",
        "MLflow loads pickles, which run code of whoever wrote the model.",
        f"Load only what you trust; {_PICKLES}=false refuses pickles.",
    )


def _way_of_use(url: str) -> Iterator[Finding]:
    """Say where the environment leads MLflow. Programs may say otherwise, with `set_…_uri`."""
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    registry = os.environ.get("MLFLOW_REGISTRY_URI", "") or tracking
    runs = without_secrets(tracking) or "MLflow's default, on this machine"
    if is_registry(tracking):
        yield fail(
            "way of use",
            f"MLFLOW_TRACKING_URI is {runs}: the plugin is a registry, and tracks no runs.",
            f"export MLFLOW_TRACKING_URI={url}, or leave it out.",
        )
    elif is_registry(registry) and same_server(_server(registry), url):
        yield ok("way of use", f"the plugin: registering uploads the model here; runs: {runs}")
    elif same_server(registry, url) and same_server(tracking, url):
        yield ok("way of use", "one server for everything: runs, artifacts and registry")
    elif same_server(registry, url):
        yield ok("way of use", f"registry only: versions point at their source; runs: {runs}")
    elif same_server(tracking, url):
        yield warn(
            "way of use",
            f"Runs go here, but MLFLOW_REGISTRY_URI is {without_secrets(registry)}.",
            "Unset MLFLOW_REGISTRY_URI to use the registry of this server.",
        )
    else:
        yield warn(
            "way of use",
            f"Nothing in the environment leads MLflow to {without_secrets(url)}.",
            f"export MLFLOW_REGISTRY_URI={url} for the registry alone, or "
            f"MLFLOW_TRACKING_URI={url} for everything; or say so in the program.",
        )


def _server(uri: str) -> str:
    return server_of(uri) if "@" not in uri else ""
