"""Versions made from runs and logged models of the same server, on both servers."""

from __future__ import annotations

from tests.mlflow.twin import Pair, Twin

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def run(twin: Twin, label: str = "run") -> Pair:
    return twin.make(
        label,
        "runs/create",
        ("run", "info", "run_id"),
        experiment_id="0",
        run_name=twin.name(label),
        start_time=1_700_000_000_000,
    )


def logged_model(twin: Twin, owner: Pair) -> Pair:
    return twin.make(
        "logged",
        "logged-models",
        ("model", "info", "model_id"),
        experiment_id="0",
        name=twin.name("logged"),
        source_run_id=owner,
    )


def model(twin: Twin, stem: str = "m") -> str:
    name = twin.name(stem)
    twin.post("registered-models/create", name=name).ok()
    return name


def test_a_run_from_its_start_to_its_end(twin: Twin) -> None:
    own = run(twin)
    twin.post("runs/log-parameter", run_id=own, key="depth", value="3")
    twin.post("runs/log-metric", run_id=own, key="rmse", value=0.5, timestamp=1, step=0)
    twin.post("runs/set-tag", run_id=own, key="team", value="a")
    twin.get("runs/get", run_id=own)
    twin.get("metrics/get-history", run_id=own, metric_key="rmse")
    twin.post("runs/update", run_id=own, status="FINISHED", end_time=1_700_000_001_000)
    twin.get("runs/get", run_id=own)
    twin.get("runs/get", run_id="none")
    twin.get("experiments/get", experiment_id="999999")
    twin.post("runs/delete", run_id=own)


def test_sources_in_a_run(twin: Twin) -> None:
    own, other = run(twin), run(twin, "other")
    name = model(twin)
    twin.call("PUT", f"{ROOT}/0/<run>/artifacts/model/MLmodel", content=b"flavors: {}\n")
    twin.get("artifacts/list", run_id=own)
    for source in (
        "runs:/<run>/model",
        "runs:/<run>/model/",
        "runs:/<run>/none",
        "runs:/<run>",
        "runs:/<run>/",
        "runs:/<run>/../model",
        "mlflow-artifacts:/0/<run>/artifacts/model",
        "mlflow-artifacts:/0/<run>/artifacts",
        "mlflow-artifacts:/0/<run>/artifacts/../../x",
    ):
        answer = twin.post("model-versions/create", name=name, source=source, run_id=own)
        number = answer.pick("model_version", "version")
        if number.theirs and number.ours:
            twin.get("model-versions/get", name=name, version=number)
            twin.get("model-versions/get-download-uri", name=name, version=number)
    twin.post("model-versions/create", name=name, source="s3://bucket/a", run_id=own)
    twin.post("model-versions/create", name=name, source="runs:/<other>/model", run_id=other)
    twin.get("model-versions/search", filter=f"name = '{name}'")
    twin.get("model-versions/search", filter="run_id = '<run>'")
    copy = model(twin, "copy")
    twin.post("model-versions/create", name=copy, source=f"models:/{name}/1")
    twin.get("model-versions/get-download-uri", name=copy, version="1")


def test_sources_in_another_run_are_refused(twin: Twin) -> None:
    run(twin)
    other = run(twin, "other")
    for number, source in enumerate(
        (
            "runs:/<run>/model",
            "mlflow-artifacts:/0/<run>/artifacts/model",
        )
    ):
        name = model(twin, str(number))
        twin.post("model-versions/create", name=name, source=source, run_id=other)
        twin.post("model-versions/create", name=name, source=source)


def test_sources_in_a_logged_model(twin: Twin) -> None:
    own = run(twin)
    logged = logged_model(twin, own)
    name = model(twin)
    for source in (
        "models:/<logged>",
        "mlflow-artifacts:/0/models/<logged>/artifacts",
        "mlflow-artifacts:/0/models/<logged>/artifacts/model",
        "s3://bucket/a",
    ):
        answer = twin.post(
            "model-versions/create", name=name, source=source, model_id=logged, run_id=own
        )
        number = answer.pick("model_version", "version")
        if number.theirs and number.ours:
            twin.get("model-versions/get", name=name, version=number)
            twin.get("model-versions/get-download-uri", name=name, version=number)
    twin.post("model-versions/create", name=name, source="models:/<logged>", model_id=logged)
    twin.post("model-versions/create", name=name, source="models:/<logged>")
    twin.get("logged-models/<logged>")
    twin.post("model-versions/create", name=name, source="runs:/<run>/model", model_id=logged)
    twin.post(
        "model-versions/create",
        name=name,
        source="models:/m-0123456789abcdef0123456789abcdef",
        model_id=logged,
    )
