"""What a data scientist does with a stock client: log, register, tag, alias, stage, search.

    python keep.py NAME FOLDER      with MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI set

Runs with MLflow 2.0 as with the newest; what an old client lacks is left out. Predictions go to
FOLDER/predictions.json, for `use.py`, which loads the models in a process of its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import mlflow.xgboost
import numpy as np
import pandas as pd
import xgboost
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

NEW = int(mlflow.__version__.partition(".")[0]) >= 3
BIG = 24 * 1024 * 1024


class Scaled(mlflow.pyfunc.PythonModel):
    """A model of one's own, with a file of numbers and a big file beside it."""

    def load_context(self, context):
        self.factor = json.loads(Path(context.artifacts["factor"]).read_text())["factor"]
        self.size = Path(context.artifacts["weights"]).stat().st_size

    def predict(self, context, model_input, params=None):
        return model_input["a"].to_numpy() * self.factor + self.size


def told(kind, model, at="model", **options):
    """Log a model in the way of this client's generation."""
    options["name" if NEW else "artifact_path"] = at
    options["pip_requirements"] = ["mlflow"]  # else a process per model finds them out, for long
    if NEW and kind is mlflow.sklearn:
        options["serialization_format"] = "cloudpickle"
    if kind is mlflow.pyfunc:
        return kind.log_model(python_model=model, **options)
    return kind.log_model(model, **options)


def refused(call, *arguments, **options):
    """Return the error code of a call that is to fail."""
    try:
        call(*arguments, **options)
    except MlflowException as error:
        return error.error_code
    raise AssertionError(f"{call.__name__} was not refused")


def log_models(name: str, folder: Path) -> dict[str, list[float]]:
    """Log and register a model of each flavor; return what each predicts for `features`."""
    features = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.5, 0.25, 0.125]})
    target = np.array([1.0, 2.0, 4.0])
    features.to_json(folder / "features.json", orient="split")

    mlflow.set_experiment(name)
    with mlflow.start_run() as run:
        mlflow.log_param("depth", 3)
        mlflow.log_metric("rmse", 0.5)
        linear = LinearRegression().fit(features, target)
        told(mlflow.sklearn, linear, registered_model_name=f"{name}-linear")
        told(mlflow.sklearn, LinearRegression().fit(features, -target), at="negative")
    by_run = mlflow.register_model(f"runs:/{run.info.run_id}/negative", f"{name}-linear")
    assert (str(by_run.version), by_run.run_id) == ("2", run.info.run_id), by_run

    with mlflow.start_run():
        trees = xgboost.XGBRegressor(n_estimators=3).fit(features, target)
        told(mlflow.xgboost, trees, registered_model_name=f"{name} trees")

    factor, weights = folder / "factor.json", folder / "weights.bin"
    factor.write_text('{"factor": 2.5}')
    weights.write_bytes(os.urandom(1024) * (BIG // 1024))
    with mlflow.start_run():
        told(
            mlflow.pyfunc,
            Scaled(),
            artifacts={"factor": str(factor), "weights": str(weights)},
            registered_model_name=f"{name}-größe",
        )

    return {
        f"{name}-linear": linear.predict(features).tolist(),
        f"{name} trees": trees.predict(features).tolist(),
        f"{name}-größe": (features["a"] * 2.5 + BIG).tolist(),
    }


def log_by_itself(name: str) -> None:
    """Let a run be logged by training alone, and register its model."""
    mlflow.sklearn.autolog(log_input_examples=False, registered_model_name=f"{name}-auto")
    with mlflow.start_run() as run:
        LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    mlflow.sklearn.autolog(disable=True)
    [version] = MlflowClient().search_model_versions(f"name='{name}-auto'")
    if os.environ["MLFLOW_TRACKING_URI"] == os.environ["MLFLOW_REGISTRY_URI"]:
        assert version.run_id == run.info.run_id, version  # elsewhere only the client knows
    assert MlflowClient().get_run(run.info.run_id).data.params["fit_intercept"] == "True"


def order_them(name: str) -> None:
    """Describe, tag, stage and alias them; see that everything is told back."""
    client = MlflowClient()
    linear = f"{name}-linear"
    client.update_registered_model(linear, description="predicts")
    client.set_registered_model_tag(linear, "team", "risk")
    client.set_model_version_tag(linear, "1", "validated", "yes")
    client.set_model_version_tag(linear, "1", "gone", "soon")
    client.delete_model_version_tag(linear, "1", "gone")
    client.update_model_version(linear, "1", "the first")
    client.transition_model_version_stage(linear, "2", "Production")
    client.transition_model_version_stage(linear, "1", "production", archive_existing_versions=True)
    versions = client.search_model_versions(f"name='{linear}'")
    stages = {str(version.version): version.current_stage for version in versions}
    assert stages == {"1": "Production", "2": "Archived"}, stages
    latest = client.get_latest_versions(linear, ["Production"])
    assert [str(version.version) for version in latest] == ["1"], latest

    version = client.get_model_version(linear, "1")
    assert version.tags == {"validated": "yes"}, version.tags
    assert (version.description, version.status) == ("the first", "READY"), version
    model = client.get_registered_model(linear)
    assert (model.description, model.tags) == ("predicts", {"team": "risk"}), model

    ours = f"name LIKE '{name}%'"
    [found] = client.search_registered_models(f"tags.team = 'risk' AND {ours}")
    assert found.name == linear, found
    page = client.search_registered_models(ours, max_results=2)
    rest = client.search_registered_models(ours, max_results=2, page_token=page.token)
    assert (len(page), len(rest)) == (2, 1), (page, rest)
    assert not rest.token

    if hasattr(client, "set_registered_model_alias"):
        client.set_registered_model_alias(linear, "champion", "1")
        client.set_registered_model_alias(linear, "gone", "2")
        client.delete_registered_model_alias(linear, "gone")
        assert str(client.get_model_version_by_alias(linear, "champion").version) == "1"
        assert client.get_registered_model(linear).aliases == {"champion": "1"}
        code = refused(client.get_model_version_by_alias, linear, "gone")
        assert code == "INVALID_PARAMETER_VALUE", code


def change_them(name: str) -> None:
    """Copy, rename and delete models, and be refused where that is right."""
    client = MlflowClient()
    linear = f"{name}-linear"
    if hasattr(client, "copy_model_version"):
        copy = client.copy_model_version(f"models:/{linear}@champion", f"{name}-copy")
        assert str(copy.version) == "1", copy
    else:
        client.create_registered_model(f"{name}-copy")
        source = client.get_model_version_download_uri(linear, "1")
        run_id = client.get_model_version(linear, "1").run_id
        client.create_model_version(f"{name}-copy", source, run_id)
    client.rename_registered_model(f"{name}-copy", f"{name}-renamed")
    assert refused(client.get_registered_model, f"{name}-copy") == "RESOURCE_DOES_NOT_EXIST"
    assert refused(client.create_registered_model, linear) == "RESOURCE_ALREADY_EXISTS"
    assert refused(client.create_registered_model, "a/b") == "INVALID_PARAMETER_VALUE"
    assert refused(client.get_model_version, linear, "99") == "RESOURCE_DOES_NOT_EXIST"
    client.create_registered_model(f"{name}-short-lived", tags={"a": "b"}, description="x")
    client.create_model_version(f"{name}-short-lived", "s3://bucket/model")
    client.delete_model_version(f"{name}-short-lived", "1")
    client.delete_registered_model(f"{name}-short-lived")
    assert refused(client.get_registered_model, f"{name}-short-lived") == "RESOURCE_DOES_NOT_EXIST"


def keep_prompts(name: str) -> None:
    """Keep two versions of a prompt beside the models."""
    prompts = mlflow.genai
    prompt = f"{name}-prompt"
    prompts.register_prompt(prompt, "Say {{word}}.", commit_message="first", tags={"a": "b"})
    prompts.register_prompt(prompt, "Say {{word}} twice.", commit_message="second")
    prompts.set_prompt_alias(prompt, "best", 1)
    assert prompts.load_prompt(prompt, version=2).template == "Say {{word}} twice."
    assert prompts.load_prompt(f"prompts:/{prompt}@best").format(word="it") == "Say it."
    assert prompts.load_prompt(f"prompts:/{prompt}@latest").version == 2
    assert prompt in [found.name for found in prompts.search_prompts(f"name LIKE '{name}%'")]
    models = MlflowClient().search_registered_models(f"name LIKE '{name}%'")
    assert prompt not in [model.name for model in models]
    prompts.delete_prompt_alias(prompt, "best")


def main(name: str, folder: Path) -> None:
    mlflow.set_registry_uri(os.environ["MLFLOW_REGISTRY_URI"])  # which the old one does not read
    predictions = log_models(name, folder)
    (folder / "predictions.json").write_text(json.dumps(predictions))
    order_them(name)
    change_them(name)
    if NEW:  # the old one knows no prompts, and can't log by itself with a scikit-learn of today
        keep_prompts(name)
        log_by_itself(name)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
