"""A day with the stock client: one server for experiments, files, traces and the registry."""

from __future__ import annotations

from collections.abc import Callable

from .conftest import Tracked

STORY = """
import sys
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

name = sys.argv[1]
features, kinds = load_iris(return_X_y=True)
experiment = mlflow.set_experiment(f"flowers of {name}")
mlflow.sklearn.autolog()
with mlflow.start_run(run_name="first") as run:
    model = LogisticRegression(max_iter=300, tol=1e-2).fit(features, kinds)
    logged = mlflow.sklearn.log_model(model, name="extra", registered_model_name=name)
    mlflow.log_metric("auc", 0.5, step=1)
    mlflow.log_metric("auc", 0.75, step=2)
    mlflow.set_tag("team", "risk")
    mlflow.log_text("hello", "notes/first note.txt")

client = mlflow.MlflowClient()
where = "tags.team = 'risk' AND metrics.auc > 0.7"
(found,) = client.search_runs([experiment.experiment_id], where)
assert found.info.run_id == run.info.run_id
assert found.data.params["max_iter"] == "300"
assert "training_score" in found.data.metrics
assert [m.value for m in client.get_metric_history(run.info.run_id, "auc")] == [0.5, 0.75]
assert "notes" in [file.path for file in client.list_artifacts(run.info.run_id)]
(note,) = client.list_artifacts(run.info.run_id, "notes")
assert (note.path, note.file_size) == ("notes/first note.txt", 5)
assert open(client.download_artifacts(run.info.run_id, note.path)).read() == "hello"
(autologged, extra) = sorted(
    client.search_logged_models([experiment.experiment_id]), key=lambda found: found.name != "model"
)
assert extra.model_id == logged.model_id

client.set_registered_model_alias(name, "champion", "1")
version = client.get_model_version_by_alias(name, "champion")
assert version.run_id == run.info.run_id
loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
assert (loaded.predict(features) == model.predict(features)).all()

@mlflow.trace
def predict(value):
    return value + 1

predict(2)
mlflow.flush_trace_async_logging()
(trace,) = mlflow.search_traces(locations=[experiment.experiment_id], return_type="list")
(span,) = trace.data.spans
assert (span.name, span.outputs) == ("predict", 3)
print("done")
"""


def test_the_stock_client_logs_registers_finds_and_loads(
    tracked: Tracked, python: Callable[..., str]
) -> None:
    name = tracked.world.name("iris")
    printed = python(
        STORY,
        name,
        MLFLOW_TRACKING_URI=tracked.url,
        MLFLOW_TRACKING_TOKEN=tracked.world.tokens["contributor"],
    )
    assert printed.splitlines()[-1] == "done"

    with tracked.client("contributor") as client:
        edges = client.get(f"/api/v1/models/{name}/versions/1/lineage").json()
    told = {(edge["relation"], edge["node"]["kind"]) for edge in edges["items"]}
    assert {("produced_by", "run"), ("part_of", "experiment"), ("trained_on", "dataset")} <= told
