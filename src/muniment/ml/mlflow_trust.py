"""What in a model of MLflow's would run code when MLflow loads it.

MLflow does what the model's own file MLmodel says: it imports the module that this names, puts the
model's folder `code` before all others on the path, and lets skops trust the types that it lists.
So few combinations are known to read data only (`_reads_data_only`); of all others, every file is
suspect, whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from muniment.errors import Corrupt, InvalidInput
from muniment.ml.trust import Suspect

MLMODEL: Final = "MLmodel"
CUSTOM: Final = "mlflow.pyfunc.model"
"""The loader module of a Python model: what `CustomSaver` writes."""

_GENERIC: Final = "python_function"
_DESCRIBING: Final = frozenset(
    {
        MLMODEL,
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "input_example.json",
        "serving_input_example.json",
        "registered_model_meta",
    }
)
"""Files that no loader reads, unless MLmodel names them as something else."""


def loader_module_of(folder: Path) -> str:
    """Return the module that MLflow loads the model in a folder with.

    Raises:
        InvalidInput: it is no model of MLflow's, or one without predictions.
        Corrupt: its MLmodel can't be read.
    """
    return str(_generic(_flavors(folder))["loader_module"])


def suspects(folder: Path) -> tuple[Suspect, ...]:
    """Return what may run code when MLflow loads the model in a folder.

    Raises:
        InvalidInput, Corrupt: as `loader_module_of`.
    """
    flavors = _flavors(folder)
    generic = _generic(flavors)
    found = [Suspect(reason) for reason in _commands(folder, flavors, generic)]
    if not found and _reads_data_only(flavors, generic):
        return ()
    for name, conf in flavors.items():
        if _own_trust(conf):
            found.append(Suspect(f"MLmodel lists types that skops is to trust, for {name}"))
    reason = f"{generic['loader_module']} may run code when it reads this"
    return (*found, *(Suspect(reason, path) for path in _files(folder, flavors)))


def _flavors(folder: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]  # comes with MLflow

    described = folder / MLMODEL
    if not described.is_file():
        raise InvalidInput(
            "There is no file MLmodel in it: it is no model of MLflow's.",
            hint="What a MunimentSaver saved is loaded by a MunimentLoader.",
        )
    try:
        document = yaml.safe_load(described.read_text(encoding="utf-8"))
        return {str(name): dict(conf) for name, conf in document["flavors"].items()}
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as e:
        raise Corrupt(f"The file MLmodel can't be read: {e!r:.300}.") from e


def _generic(flavors: dict[str, Any]) -> dict[str, Any]:
    generic = flavors.get(_GENERIC)
    if generic is None or not generic.get("loader_module"):
        raise InvalidInput(
            f"The model has the flavors {', '.join(sorted(flavors))[:200]}, but no predictions: "
            f"{_GENERIC} is missing.",
            hint="Load it with the library's own functions.",
        )
    return dict(generic)


def _commands(folder: Path, flavors: dict[str, Any], generic: dict[str, Any]) -> Iterator[str]:
    """Yield what MLmodel tells MLflow to do that no scan of files can clear."""
    module = str(generic["loader_module"])
    if module.partition(".")[0] != "mlflow":
        yield f"MLmodel says that the module {module!r:.100} loads it"
    if any(conf.get("code") for conf in flavors.values()):
        yield "it brings code of its own, which is imported"
    if generic.get("model_code_path"):
        yield f"it is the script {generic['model_code_path']!r:.100}, which is run"
    for value in _texts(flavors):
        if PurePosixPath(value).is_absolute() or ".." in re.split(r"[/\\]", value):
            yield f"MLmodel names {value!r:.100}, which is outside of the model"
    if any(path != folder / MLMODEL for path in folder.rglob(MLMODEL)):
        yield "it holds another model in a folder"
    if any(path.is_symlink() for path in folder.rglob("*")):
        yield "it holds links"


def _reads_data_only(flavors: dict[str, Any], generic: dict[str, Any]) -> bool:
    """Say whether the loader is known to run no code, whatever the files hold."""
    if "/" in str(generic.get("data", "")):
        return False  # loaders look for MLmodel beside it; without one, scikit-learn's unpickles
    module = str(generic["loader_module"])
    conf = flavors.get(module.removeprefix("mlflow."), {})
    kind = str(conf.get("model_class", ""))
    if module == "mlflow.xgboost":
        return kind.startswith(("xgboost.core.", "xgboost.sklearn."))
    if module == "mlflow.lightgbm":
        return kind == "lightgbm.basic.Booster"
    if module == "mlflow.sklearn":
        return conf.get("serialization_format") == "skops" and not _own_trust(conf)
    return module == "mlflow.onnx"


def _own_trust(conf: dict[str, Any]) -> bool:
    return bool(conf.get("skops_trusted_types"))


def _files(folder: Path, flavors: dict[str, Any]) -> Iterator[str]:
    named = {
        PurePosixPath(value).name
        for conf in flavors.values()
        for key, part in conf.items()
        if key != "env"  # who would install it
        for value in _texts(part)
    }
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            place = path.relative_to(folder).as_posix()
            if place not in _DESCRIBING or place in named:
                yield place


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
