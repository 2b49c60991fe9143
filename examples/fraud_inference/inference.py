"""What serves the model of fraud_pipeline.py: the four functions that SageMaker's servers call."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost


class Model(NamedTuple):
    """A trained model, and what it sees."""

    booster: xgboost.Booster
    columns: list[str]
    categories: dict[str, list[str]]


def model_fn(model_dir: str) -> Model:
    """Load the model from the folder that its package was unpacked into."""
    folder = Path(model_dir)
    booster = xgboost.Booster(model_file=folder / "xgboost_model.json")
    columns = (folder / "feature_columns.txt").read_text("utf-8").split("\n")
    categories = json.loads((folder / "categories.json").read_text("utf-8"))
    return Model(booster, [column for column in columns if column], categories)


def input_fn(body: str | bytes, content_type: str) -> list[Any]:
    """Read rows: CSV without a header, or one JSON object or a list of them."""
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    if content_type == "text/csv":
        return [row for row in csv.reader(io.StringIO(text)) if row]
    if content_type == "application/json":
        document = json.loads(text)
        return document if isinstance(document, list) else [document]
    raise ValueError(f"{content_type} can't be read; send text/csv or application/json.")


def predict_fn(rows: list[Any], model: Model) -> list[float]:
    """Return a score per row, from 0 to 1."""
    seen = np.array([_numbers(row, model) for row in rows], dtype=float)
    table = xgboost.DMatrix(
        seen,
        feature_names=model.columns,
        feature_types=["c" if name in model.categories else "q" for name in model.columns],
        enable_categorical=True,
    )
    return [float(score) for score in model.booster.predict(table)]


def output_fn(scores: list[float], accept: str) -> str:
    """Write the scores as JSON."""
    if accept != "application/json":
        raise ValueError(f"{accept} can't be written; ask for application/json.")
    return json.dumps({"scores": scores})


def _numbers(row: Any, model: Model) -> list[float]:
    values = [row[name] for name in model.columns] if isinstance(row, dict) else row
    if len(values) != len(model.columns):
        raise ValueError(f"A row has {len(values)} values; the model sees {len(model.columns)}.")
    return [_number(name, value, model) for name, value in zip(model.columns, values, strict=True)]


def _number(name: str, value: Any, model: Model) -> float:
    if name in model.categories:
        known = model.categories[name]
        return float(known.index(str(value))) if str(value) in known else float("nan")
    return float("nan") if value in ("", None) else float(value)
