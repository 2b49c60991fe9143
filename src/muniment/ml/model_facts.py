"""What a version of ours can take over from MLflow: the run's metrics and params, the signature."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any, Final, TypeVar

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from muniment.domain import names
from muniment.domain.entities import Signature, Variable, VariableType
from muniment.domain.lineage import Origin
from muniment.domain.repositories import address_of
from muniment.domain.runs import DataUsed, origins_of_run
from muniment.errors import MunimentError

V = TypeVar("V")
_log = logging.getLogger(__name__)
_GENERIC: Final = "python_function"
_KINDS: Final = {
    "boolean": VariableType.NUMERIC,
    "integer": VariableType.NUMERIC,
    "long": VariableType.NUMERIC,
    "float": VariableType.NUMERIC,
    "double": VariableType.NUMERIC,
    "string": VariableType.TEXT,
}
"""Columns by MLflow's type; dates, bytes, lists and objects are neither number nor text."""

_NUMERIC_DTYPES: Final = ("bool", "int", "uint", "float", "complex")
_TEXT_DTYPES: Final = ("str", "object")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model beside its files."""

    run_id: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    framework: str = ""
    signature: Signature | None = None
    origins: tuple[Origin, ...] = ()


def facts_of(
    folder: Path,
    *,
    run_id: str | None,
    model_id: str | None,
    tracking_uri: str | None,
    is_ours: bool = False,
) -> ModelFacts:
    """Return what the model's description, its run and its logged model say.

    `is_ours`: the tracking server is the registry's own. What can't be asked, or does not fit our
    rules, is left out with a warning: a model is registered for its files.
    """
    params: dict[str, str] = {}
    metrics: dict[str, float] = {}
    origins: tuple[Origin, ...] = ()
    client = MlflowClient(tracking_uri=tracking_uri)
    try:
        logged = client.get_logged_model(model_id) if model_id else None
        run_id = run_id or (logged.source_run_id if logged else None)
        if run_id:
            run = client.get_run(run_id)
            params.update(run.data.params)
            metrics.update(run.data.metrics)
            origins = _origins(client, run, "" if is_ours else tracking_uri or "")
        if logged:
            params.update(logged.params or {})
            # MLflow's database keeps the NaN of a model as 0; that of the run stays one
            kept = (m for m in logged.metrics or () if not isnan(metrics.get(m.key, 0)))
            metrics.update({metric.key: metric.value for metric in kept})
    except MlflowException as error:
        _log.warning("The run's metrics and params were not all taken over: %s", error)
    framework, signature = _described(folder)
    return ModelFacts(
        run_id=run_id or "",
        params=_fitting(params, "param", lambda one: names.check_values(one, "param", 1)),
        metrics=_fitting(metrics, "metric", names.check_metrics),
        framework=framework,
        signature=signature,
        origins=origins,
    )


def _origins(client: MlflowClient, run: Any, tracking_uri: str) -> tuple[Origin, ...]:
    """Return what the run tells of; an experiment's id is one of its tracking server's own."""
    experiment = client.get_experiment(run.info.experiment_id)
    inputs = getattr(run, "inputs", None)  # MLflow 2.0 knows of none
    return origins_of_run(
        experiment_id=run.info.experiment_id,
        experiment_name=experiment.name,
        place=tracking_uri and (address_of(tracking_uri) or experiment.artifact_location),
        data=map(_data_used, inputs.dataset_inputs if inputs else ()),
        tags=run.data.tags,
    )


def _data_used(logged: Any) -> DataUsed:
    data, tags = logged.dataset, {tag.key: tag.value for tag in logged.tags}
    return DataUsed(data.name, data.digest, data.source_type, data.source, tags)


def _fitting(
    values: Mapping[str, V], what: str, check: Callable[[Mapping[str, V]], object]
) -> dict[str, V]:
    good: dict[str, V] = {}
    for key, value in values.items():
        try:
            check({key: value})
        except MunimentError as error:
            _log.warning("A %s was not taken over: %s", what, error.message)
        else:
            good[key] = value
    return good


def _described(folder: Path) -> tuple[str, Signature | None]:
    """Return the framework and the signature that the file MLmodel names, if there is one."""
    described = folder / "MLmodel"
    if not described.is_file():
        return "", None
    model = Model.load(str(described))
    flavors = [flavor for flavor in model.flavors if flavor != _GENERIC]
    return (flavors or [_GENERIC])[0], signature_of(model.signature)


def signature_of(signature: Any) -> Signature | None:
    """Return MLflow's signature as ours; None if there is none that maps.

    A side with something that is neither number nor text is left out: half a side would be wrong.
    """
    if signature is None:
        return None
    sides = [_variables(side, name) for side, name in _sides(signature)]
    return Signature(*sides) if any(sides) else None


def _sides(signature: Any) -> Iterable[tuple[list[dict[str, Any]], str]]:
    for side, name in ((signature.inputs, "input"), (signature.outputs, "output")):
        yield ([] if side is None else side.to_dict()), name


def _variables(columns: list[dict[str, Any]], nameless: str) -> tuple[Variable, ...]:
    variables = []
    for index, column in enumerate(columns):
        fallback = nameless if len(columns) == 1 else str(index)
        variable = _variable(column, str(column.get("name", fallback)))
        if variable is None:
            return ()
        variables.append(variable)
    return tuple(variables)


def _variable(column: Mapping[str, Any], name: str) -> Variable | None:
    optional = column.get("required") is False or column.get("optional") is True
    if column["type"] == "tensor":
        dtype, shape = column["tensor-spec"]["dtype"], tuple(column["tensor-spec"]["shape"])
        kind = _kind_of_dtype(dtype)
    else:
        dtype, shape, kind = column["type"], None, _KINDS.get(column["type"])
    return None if kind is None else Variable(name, kind, dtype, shape, optional)


def _kind_of_dtype(dtype: str) -> VariableType | None:
    if dtype.startswith(_NUMERIC_DTYPES):
        return VariableType.NUMERIC
    return VariableType.TEXT if dtype.startswith(_TEXT_DTYPES) else None
