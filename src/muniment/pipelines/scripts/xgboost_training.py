"""XGBoost training: a model of a split table, measured on what it has not seen.

    input/data/training_data             train/, validation/ and test/, CSV with a header
    input/config/hyperparameters.json    one object; values are strings, of JSON where they can be

    model/xgboost_model.json      the model
    model/hyperparameters.json    what it was trained with, typed
    model/feature_columns.txt     its columns, one per line, in order
    model/categories.json         {column: [value, …]}: a text's place in the list is what it sees
    model/metrics.json            {"test_auc": 0.98, …}
    model/dataset.json            what the table was, if preprocessing has noted that
    output/failure                why it failed, if it did

Numeric columns are `tab_field_list`, text columns `cat_field_list`; an empty or unknown value is a
missing one. `num_round` (100) and `early_stopping_rounds` (none) are ours, everything else goes to
xgboost. Without an `objective` the label must be 0 or 1.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xgboost

OPT_ML = Path(os.environ.get("MUNIMENT_OPT_ML", "/opt/ml"))
DATA = OPT_ML / "input/data/training_data"
HYPERPARAMETERS = OPT_ML / "input/config/hyperparameters.json"
MODEL = OPT_ML / "model"
FAILURE = OPT_ML / "output/failure"
PARTS = ("train", "validation", "test")
OURS = (
    "tab_field_list",
    "cat_field_list",
    "label_name",
    "id_name",
    "num_round",
    "early_stopping_rounds",
)


class Refused(Exception):
    """What was given is not as it must be."""


def typed(given: Mapping[str, str]) -> dict[str, Any]:
    """Return hyperparameters as values: JSON where they are JSON, else text."""
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name.startswith("sagemaker_"):  # the service's own
            continue
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    values["label_name"] = str(given.get("label_name", ""))  # may look like a number
    for name in ("tab_field_list", "cat_field_list"):
        fields = values.setdefault(name, [])
        if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
            raise Refused(f"{name} is {fields!r:.200}; it must be a list of columns, as JSON.")
    if not values["label_name"]:
        raise Refused("label_name is missing; it must name the column of the label.")
    if not values["tab_field_list"] and not values["cat_field_list"]:
        raise Refused("tab_field_list and cat_field_list are empty; the model must see a column.")
    return values


class Table:
    """What xgboost is given of a split table."""

    def __init__(self, folder: Path, values: Mapping[str, Any]) -> None:
        self.numeric: list[str] = values["tab_field_list"]
        self.text: list[str] = values["cat_field_list"]
        self.label: str = values["label_name"]
        self.rows = {part: self._read(folder, part) for part in PARTS}
        self.categories = {
            column: sorted({str(value) for value in self.rows["train"][column] if value != ""})
            for column in self.text
        }

    @property
    def columns(self) -> list[str]:
        """The columns that the model sees, in its order."""
        return [*self.numeric, *self.text]

    def labels(self, part: str) -> pd.Series:
        """Return the labels of a part, as numbers."""
        return self._numbers(part, self.label)

    def matrix(self, part: str) -> xgboost.DMatrix:
        """Return a part as xgboost reads it."""
        import pandas as pd
        import xgboost

        rows = self.rows[part]
        seen = {column: self._numbers(part, column) for column in self.numeric}
        for column, values in self.categories.items():
            places = {value: float(place) for place, value in enumerate(values)}
            seen[column] = rows[column].astype(str).map(places).astype(float)
        return xgboost.DMatrix(
            pd.DataFrame(seen, index=rows.index).to_numpy(dtype=float),
            label=self.labels(part).to_numpy(dtype=float),
            feature_names=self.columns,
            feature_types=["q"] * len(self.numeric) + ["c"] * len(self.text),
            enable_categorical=True,
        )

    def _read(self, folder: Path, part: str) -> pd.DataFrame:
        import pandas as pd

        files = sorted((folder / part).glob("*.csv"))
        if len(files) != 1:
            raise Refused(f"{folder / part} must hold one .csv file; it holds {len(files)}.")
        rows = pd.read_csv(files[0], dtype=str, keep_default_na=False)
        for column in (*self.columns, self.label):
            if column not in rows.columns:
                raise Refused(f"{files[0].name} has no column {column!r}.")
        if rows.empty:
            raise Refused(f"{files[0].name} has no rows.")
        return rows

    def _numbers(self, part: str, column: str) -> pd.Series:
        import pandas as pd

        given = self.rows[part][column]
        numbers = pd.to_numeric(given.replace("", None), errors="coerce")
        bad = given[numbers.isna() & (given != "")]
        if len(bad):
            raise Refused(
                f"{column!r} is {bad.iloc[0]!r:.80} in a row of {part}; it must be a number."
            )
        if column == self.label and numbers.isna().any():
            raise Refused(f"{column!r} is missing in a row of {part}; each must have a label.")
        return numbers


def measure(
    objective: str, labels: np.ndarray, predicted: np.ndarray, part: str
) -> dict[str, float]:
    """Return the metrics of a part, as far as they are defined for it."""
    from sklearn import metrics

    if objective.startswith("binary:"):
        found = {"accuracy": metrics.accuracy_score(labels, predicted > 0.5)}
        if objective == "binary:logistic":
            found["logloss"] = metrics.log_loss(labels, predicted, labels=[0, 1])
        if len(set(labels)) == 2:
            found["auc"] = metrics.roc_auc_score(labels, predicted)
    elif objective.startswith("multi:"):
        chosen = predicted.argmax(axis=1) if predicted.ndim == 2 else predicted
        found = {"accuracy": metrics.accuracy_score(labels, chosen)}
    else:
        found = {
            "rmse": math.sqrt(metrics.mean_squared_error(labels, predicted)),
            "mae": metrics.mean_absolute_error(labels, predicted),
        }
    return {f"{part}_{name}": float(value) for name, value in found.items()}


def train(given: Mapping[str, str], data: Path, model: Path) -> dict[str, float]:
    """Train a model of `data` into `model`; return its metrics."""
    import xgboost

    values = typed(given)
    table = Table(data, values)
    if "objective" not in values:
        labels = set(table.labels("train"))
        if labels != {0, 1}:
            raise Refused(
                f"The label {table.label!r} has {len(labels)} values that are not just 0 and 1; "
                "name an objective, such as reg:squarederror or multi:softprob with num_class."
            )
        values["objective"] = "binary:logistic"
    parameters = {name: value for name, value in values.items() if name not in OURS}
    booster = xgboost.train(
        {"seed": 0, **parameters},
        table.matrix("train"),
        num_boost_round=int(values.setdefault("num_round", 100)),
        evals=[(table.matrix("validation"), "validation")],
        early_stopping_rounds=values.get("early_stopping_rounds"),
        verbose_eval=False,
    )
    metrics: dict[str, float] = {}
    for part in ("validation", "test"):
        labels = table.labels(part).to_numpy(dtype=float)
        predicted = booster.predict(table.matrix(part))
        metrics |= measure(values["objective"], labels, predicted, part)
    model.mkdir(parents=True, exist_ok=True)
    booster.save_model(model / "xgboost_model.json")
    (model / "feature_columns.txt").write_text("\n".join(table.columns) + "\n", "utf-8")
    for name, document in (
        ("hyperparameters", values),
        ("categories", table.categories),
        ("metrics", metrics),
    ):
        text = json.dumps(document, indent=2, sort_keys=True)
        (model / f"{name}.json").write_text(text + "\n", "utf-8")
    if (data / "dataset.json").is_file():
        shutil.copyfile(data / "dataset.json", model / "dataset.json")
    return metrics


def main() -> int:
    """Run the script; return its exit code."""
    try:
        given = json.loads(HYPERPARAMETERS.read_text("utf-8"))
        if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
            raise Refused(f"{HYPERPARAMETERS} must hold one JSON object, and strings in it.")
        metrics = train(given, DATA, MODEL)
    except (Refused, OSError, ValueError) as error:  # xgboost's refusals are ValueErrors
        FAILURE.parent.mkdir(parents=True, exist_ok=True)
        FAILURE.write_text(str(error), "utf-8")
        print(f"xgboost_training: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(", ".join(f"{name}: {value:.4f}" for name, value in metrics.items()))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
