"""Muniment beside the libraries that make models: saving, loading, registering, MLflow's plugin.

    savers/  loaders/  registers/    chosen by configuration; what they have in common is in
                                     configuration.py, addresses in uris.py
    flavors/                         the formats of a MunimentSaver; descriptor.py tells the folder
    data.py  signatures.py           data of any library as named arrays; what they say of a model
    checking.py  project_schemas.py  data against a signature; against a schema of pandera
    fitting.py  examples.py          do model, signature and example fit; examples as JSON
    trust.py  mlflow_trust.py        may these files be read, although that could run code?
    mlflow_calls.py  mlflow_signatures.py  pyfunc_adapter.py     what of it leads to MLflow

    address.py               muniment+http://host:8000, and one version's files below it
    plugin.py                what MLflow finds by entry point; it leads to the next two
    registry_store.py        `mlflow.set_registry_uri("muniment+http://…")`
    artifact_repository.py   bytes of sealed versions, for MLflow's loaders
    registry.py              `get_model_version`, `get_latest_version`
    doctor/                  what works in a set-up, and what does not

Everything is imported when it is first asked for. MLflow itself is imported by the modules that
MLflow loads, and by the savers, loaders and registers that are meant for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.ml.loaders import (
        Adapter,
        BuiltinLoader,
        CustomLoader,
        Loader,
        LoaderKind,
        MunimentLoader,
    )
    from muniment.ml.registers import MlflowRegister, MunimentRegister, Register, RegisterKind
    from muniment.ml.savers import BuiltinSaver, CustomSaver, MunimentSaver, Saver, SaverKind
    from muniment.ml.signatures import infer_signature
    from muniment.ml.uris import (
        uri_for_model_alias,
        uri_for_model_alias_or_version,
        uri_for_model_version,
    )

__all__ = [
    "Adapter",
    "BuiltinLoader",
    "BuiltinSaver",
    "CustomLoader",
    "CustomSaver",
    "Loader",
    "LoaderKind",
    "MlflowRegister",
    "MunimentLoader",
    "MunimentRegister",
    "MunimentSaver",
    "Register",
    "RegisterKind",
    "Saver",
    "SaverKind",
    "infer_signature",
    "uri_for_model_alias",
    "uri_for_model_alias_or_version",
    "uri_for_model_version",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'muniment.ml' has no attribute {name!r}")
    value = getattr(import_module(_home_of(name)), name)
    globals()[name] = value
    return value


def _home_of(name: str) -> str:
    if name.startswith("uri_"):
        return "muniment.ml.uris"
    if name.startswith("infer_"):
        return "muniment.ml.signatures"
    for part in ("Saver", "Register"):
        if part in name:
            return f"muniment.ml.{part.lower()}s"
    return "muniment.ml.loaders"
