"""From a table to a registered model: compiled by the SageMaker SDK, run and registered here.

    pip install 'muniment[sagemaker]' xgboost scikit-learn pandas 'moto[server]'
    python examples/fraud_pipeline.py

No library ships a table of frauds, so the real table here is scikit-learn's of 569 breast tumours;
to a pipeline they are the same: many numbers, and a label that must be found. AWS is played by
moto, over HTTP. Everything stands in a temporary folder, of which nothing is left.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer
from sklearn.datasets import load_breast_cancer

import muniment
from muniment.demo.server import ServerProcess
from muniment.pipelines import (
    CradleDataLoadingConfig,
    MIMSPackagingConfig,
    MIMSPayloadConfig,
    ModelRegistrationConfig,
    OfflinePipelineSession,
    PipelineBuilderTemplate,
    PipelineDAG,
    TabularPreprocessingConfig,
    VariableType,
    XGBoostTrainingConfig,
    installed_step_builders,
)
from muniment.pipelines.runner import PipelineRun, StepRun, StepStatus, run_pipeline
from muniment.pipelines.scripts.packaging import unpack

REGIONS = ("us-east-1", "eu-west-1")
INFERENCE = Path(__file__).parent / "fraud_inference"
MODEL = "tumours"
EXECUTION = "first-run"


def write_table(file: Path) -> list[str]:
    """Write the table as CSV; return its columns without the label."""
    data = load_breast_cancer(as_frame=True)
    table = data.frame.rename(columns=lambda name: name.replace(" ", "_"))
    table.rename(columns={"target": "is_benign"}).to_csv(file, index=False)
    return [name.replace(" ", "_") for name in data.feature_names]


def template(table: Path, fields: list[str], registry: str) -> PipelineBuilderTemplate:
    """Say what the pipeline is."""
    ours = {"author": "ada", "service_name": MODEL, "bucket": "example-pipelines", "region": "NA"}
    inputs = dict.fromkeys(fields, VariableType.NUMERIC)
    both = ["text/csv", "application/json"]
    return PipelineBuilderTemplate(
        dag=PipelineDAG(
            nodes=["data_load", "preprocess", "train", "package", "payload", "register"],
            edges=[
                ("data_load", "preprocess"),
                ("preprocess", "train"),
                ("train", "package"),
                ("package", "payload"),
                ("payload", "register"),
            ],
        ),
        config_map={
            "data_load": CradleDataLoadingConfig(data_source=str(table), **ours),
            "preprocess": TabularPreprocessingConfig(label_name="is_benign", **ours),
            "train": XGBoostTrainingConfig(
                label_name="is_benign",
                tab_field_list=fields,
                hyperparameters={"max_depth": 3, "eta": 0.2, "num_round": 40, "nthread": 1},
                **ours,
            ),
            "package": MIMSPackagingConfig(source_dir=str(INFERENCE), **ours),
            "payload": MIMSPayloadConfig(
                source_model_inference_content_types=both, default_numeric_value=1.5, **ours
            ),
            "register": ModelRegistrationConfig(
                model_registration_objective="TumourDiagnosis",
                model_registration_domain="Pathology",
                model_owner="team-ada",
                model_name=MODEL,
                source_model_inference_input_variable_list=inputs,
                source_model_inference_output_variable_list={"benign": VariableType.NUMERIC},
                muniment_registry=registry,
                deployments={"test": "tumours-endpoint"},
                regions=REGIONS,
                **ours,
            ),
        },
        step_builder_map=installed_step_builders(),
        role="example",
    )


def run(definition: str, folder: Path) -> PipelineRun:
    """Run the pipeline here; the same execution each time."""

    def tell(step: StepRun) -> None:
        if step.status is not StepStatus.EXECUTING:
            print(f"  {step.name}: {step.status.value}")

    done = run_pipeline(definition, folder, name=MODEL, execution_id=EXECUTION, tell=tell)
    done.check()
    return done


def answer(package: Path, payload: Path, folder: Path) -> dict[str, Any]:
    """Unpack a package as a server would, and send it the payload; return what it says."""
    unpack(package, folder)
    spec = importlib.util.spec_from_file_location("inference", folder / "code" / "inference.py")
    assert spec is not None
    assert spec.loader is not None
    inference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inference)
    model = inference.model_fn(str(folder))
    answers = {}
    with tarfile.open(payload) as archive:
        for name in sorted(archive.getnames()):
            body = archive.extractfile(name).read()
            content_type = "text/csv" if name.endswith(".csv") else "application/json"
            scores = inference.predict_fn(inference.input_fn(body, content_type), model)
            answers[content_type] = json.loads(inference.output_fn(scores, "application/json"))
    return answers


def show(registry: muniment.Registry, folder: Path) -> None:
    """Print what is registered."""
    version = registry.version(f"{MODEL}/1")
    print(f"In Muniment: {version.ref}, {version.framework}, {version.status}")
    print(f"  test_auc {version.metrics['test_auc']:.3f}, {version.tags['model_owner']}")
    print(f"  schema: {len(version.signature.inputs)} in, {len(version.signature.outputs)} out")
    for edge in registry.origins(version):
        print(f"  {edge.relation} {edge.node.kind} {edge.node.name}")
    for deployment in registry.deployments(model=MODEL):
        print(f"  {deployment.environment}/{deployment.name}: {deployment.status}")
    files = version.pull(folder / "pulled")
    answers = answer(files / "model.tar.gz", files / "payload.tar.gz", folder / "served")
    scores = [answers[content_type]["scores"][0] for content_type in sorted(answers)]
    print(f"Its inference.py says {', '.join(f'{score:.4f}' for score in scores)}")
    for region in REGIONS:
        client = boto3.client("sagemaker", region_name=region)
        found = client.list_model_packages(ModelPackageGroupName=MODEL)["ModelPackageSummaryList"]
        arns = [package["ModelPackageArn"] for package in found]
        print(f"In SageMaker, {region}: {', '.join(arns)}")
    print(f"Versions: {len(registry.versions(model=MODEL).all())}")


def main() -> None:
    """Tell the whole story, twice."""
    logging.disable(logging.WARNING)  # the SDK and moto say much about themselves
    aws = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    aws.start()
    host, port = aws.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": REGIONS[0],
    }
    try:
        with tempfile.TemporaryDirectory(prefix="muniment-pipeline-") as name:
            folder = Path(name)
            fields = write_table(folder / "tumours.csv")
            with ServerProcess(folder / "registry", folder / "server.log") as server:
                session = OfflinePipelineSession(bucket="example-pipelines")
                plan = template(folder / "tumours.csv", fields, server.url)
                pipeline = plan.with_session(session).generate_pipeline(MODEL)
                definition = pipeline.definition()
                session.save_uploads(folder / "work" / "s3")
                print(f"Compiled: {len(pipeline.steps)} steps, offline")
                with muniment.connect(server.url, progress=False) as registry:
                    print("The first run")
                    run(definition, folder / "work")
                    show(registry, folder / "first")
                    print("The same execution again")
                    run(definition, folder / "work")
                    show(registry, folder / "second")
    finally:
        aws.stop()


if __name__ == "__main__":
    sys.exit(main())
