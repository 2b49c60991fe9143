"""Registration: once in Muniment, once in each region, whatever happens in between."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

import muniment
from muniment import Registry
from muniment.pipelines.scripts import model_packages, registration
from muniment.pipelines.scripts.model_packages import Place
from tests.client import servers
from tests.client.servers import Answer, scripted
from tests.pipelines.archives import of_members, tar_gz
from tests.pipelines.aws import Aws
from tests.pipelines.scripts.running import Container

REGIONS = ("us-east-1", "eu-west-1")
SCHEMA = {
    "input": {"variables": [{"name": "amount", "type": "NUMERIC"}]},
    "output": {"variables": [{"name": "score", "type": "NUMERIC"}]},
}
PACKAGE = {
    "model.json": b"{}",
    "code/inference.py": b"pass",
    "metrics.json": b'{"test_auc": 0.97}',
    "hyperparameters.json": b'{"max_depth": 3, "tab_field_list": ["amount"]}',
    "dataset.json": b'{"file": "t.csv", "digest": "sha256:aa", "rows": 5, "label": "y"}',
}


class Step:
    """A registration step's container: inputs, configuration, environment."""

    def __init__(self, container: Container, registry: str) -> None:
        self.container = container
        self.name = f"fraud-{uuid.uuid4().hex[:8]}"
        self.config: dict[str, Any] = {
            "model_name": self.name,
            "model_package_group": self.name,
            "framework": "xgboost",
            "inference_entry_point": "inference.py",
            "inference_instance_type": "ml.m5.large",
            "model_owner": "team-ada",
            "model_registration_domain": "Payments",
            "model_registration_objective": "FraudDetection",
            "source_model_inference_content_types": ["text/csv"],
            "source_model_inference_response_types": ["application/json"],
            "variable_schema": SCHEMA,
            "inference_images": {region: f"image-in-{region}" for region in REGIONS},
            "pipeline_region": "us-east-1",
        }
        self.environment = {
            "MUNIMENT_REGISTRY": registry,
            "REGIONS": ",".join(REGIONS),
            "PIPELINE_NAME": "fraud",
            "PIPELINE_VERSION": "1.2.0",
            "PIPELINE_EXECUTION_ID": "e1",
            "PACKAGED_MODEL_S3_URI": "s3://bucket/e1/package",
            "PAYLOAD_S3_URI": "s3://bucket/e1/payload",
        }
        self.put_package(PACKAGE)
        payload = container.folder("processing/mims_payload")
        tar_gz(payload / "payload.tar.gz", {"payload_text_csv_0.csv": b"1.0\n"})
        (payload / "load_test.json").write_text('{"expected_tps": 2}')

    def put_package(self, files: dict[str, bytes]) -> None:
        tar_gz(self.container.folder("processing/input/model") / "model.tar.gz", files)

    def put_config(self) -> None:
        folder = self.container.folder("processing/config/config")
        (folder / "config.json").write_text(json.dumps(self.config))

    @property
    def document(self) -> dict[str, Any]:
        file = self.container.opt_ml / "processing/output/registered_model.json"
        found: dict[str, Any] = json.loads(file.read_text())
        return found


Run = Callable[[Step], int]


@pytest.fixture
def step(container: Container, server: servers.Server) -> Step:
    return Step(container, server.url)


@pytest.fixture
def run(aws: Aws, container: Container, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the script in this process, so that a step may be run often."""
    for name, path in {
        "MODEL": "processing/input/model",
        "PAYLOAD": "processing/mims_payload",
        "CONFIG": "processing/config/config/config.json",
        "METADATA": "processing/input/metadata",
        "OUTPUT": "processing/output",
    }.items():
        monkeypatch.setattr(registration, name, container.opt_ml / path)
    monkeypatch.setenv("MUNIMENT_CACHE", str(container.opt_ml / "cache"))

    def call(step: Step) -> int:
        for name, value in {**aws.environment, **step.environment}.items():
            monkeypatch.setenv(name, value)
        step.put_config()
        return registration.main()

    return call


@pytest.fixture
def registry(server: servers.Server) -> Iterator[Registry]:
    with muniment.connect(server.url, progress=False) as connected:
        yield connected


def test_a_version_with_all_that_is_known_of_it(run: Run, step: Step, registry: Registry) -> None:
    step.config["deployments"] = {"prod": "scoring"}
    step.config["commit"] = {"kind": "commit", "id": "repo@" + "a" * 40, "name": "repo"}
    assert run(step) == 0
    version = registry.version(f"{step.name}/1")
    assert version.framework == "xgboost"
    assert version.metrics == {"test_auc": 0.97}
    assert version.params == {"max_depth": 3}
    assert version.signature is not None
    assert version.signature.to_json() == SCHEMA
    assert {f.path for f in version.manifest().files} == {
        "model.tar.gz",
        "payload.tar.gz",
        "load_test.json",
    }
    assert version.tags == {
        "model_registration_domain": "Payments",
        "model_registration_objective": "FraudDetection",
        "model_owner": "team-ada",
        "source_model_inference_content_types": "text/csv",
        "source_model_inference_response_types": "application/json",
        "inference_instance_type": "ml.m5.large",
        "inference_entry_point": "inference.py",
        "pipeline_name": "fraud",
        "pipeline_version": "1.2.0",
        "pipeline_execution_id": "e1",
        "load_test.expected_tps": 2,
        **{
            f"sagemaker_model_package.{region}": step.document["sagemaker"][region][
                "model_package_arn"
            ]
            for region in REGIONS
        },
    }
    origins = {edge.node.kind.value: edge for edge in registry.origins(version)}
    assert origins["pipeline"].node.id == "e1"
    assert origins["pipeline"].node.name == "fraud"
    assert origins["pipeline"].node.properties == {"version": "1.2.0", "region": "us-east-1"}
    assert (origins["dataset"].node.digest, origins["dataset"].node.name) == ("sha256:aa", "t.csv")
    assert origins["commit"].relation == "built_from"
    (deployment,) = registry.deployments(model=step.name).all()
    assert (deployment.environment, deployment.name, deployment.version, deployment.status) == (
        "prod",
        "scoring",
        1,
        "pending",
    )


def test_a_package_in_each_region(run: Run, step: Step, aws: Aws) -> None:
    assert run(step) == 0
    for region in REGIONS:
        (package,) = aws.packages(step.name, region)
        inference = package["InferenceSpecification"]
        (container,) = inference["Containers"]
        assert container["Image"] == f"image-in-{region}"
        assert container["ModelDataUrl"] == "s3://bucket/e1/package/model.tar.gz"
        assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
        assert inference["SupportedContentTypes"] == ["text/csv"]
        assert inference["SupportedResponseMIMETypes"] == ["application/json"]
        assert inference["SupportedRealtimeInferenceInstanceTypes"] == ["ml.m5.large"]
        assert package["ModelApprovalStatus"] == "PendingManualApproval"
        assert package["SamplePayloadUrl"] == "s3://bucket/e1/payload/payload.tar.gz"
        properties = package["CustomerMetadataProperties"]
        assert properties["muniment_version"] == f"{step.name}/1"
        assert properties["muniment_digest"] == step.document["muniment"]["digest"]
        assert properties["pipeline_execution_id"] == "e1"


def test_the_document_names_everything(run: Run, step: Step, registry: Registry) -> None:
    assert run(step) == 0
    version = registry.version(f"{step.name}/1")
    assert step.document == {
        "muniment": {
            "model": step.name,
            "version": 1,
            "digest": f"sha256:{version.digest}",
            "url": f"{registry.address}/api/v1/models/{step.name}/versions/1",
        },
        "sagemaker": {
            region: {
                "model_package_group_arn": (
                    f"arn:aws:sagemaker:{region}:123456789012:model-package-group/{step.name}"
                ),
                "model_package_arn": (
                    f"arn:aws:sagemaker:{region}:123456789012:model-package/{step.name}/1"
                ),
            }
            for region in REGIONS
        },
        "variable_schema": SCHEMA,
        "pipeline": {"name": "fraud", "version": "1.2.0", "execution_id": "e1"},
    }


def test_the_same_execution_registers_nothing_twice(
    run: Run, step: Step, registry: Registry, aws: Aws
) -> None:
    step.config["deployments"] = {"prod": "scoring"}
    assert run(step) == 0
    first, history = step.document, len(registry.history(step.name).all())
    assert run(step) == 0
    assert step.document == first
    assert len(registry.versions(model=step.name).all()) == 1
    assert len(registry.history(step.name).all()) == history
    assert [len(aws.packages(step.name, region)) for region in REGIONS] == [1, 1]


def test_another_execution_is_another_version(
    run: Run, step: Step, registry: Registry, aws: Aws
) -> None:
    assert run(step) == 0
    step.environment["PIPELINE_EXECUTION_ID"] = "e2"
    assert run(step) == 0
    assert step.document["muniment"]["version"] == 2
    assert [len(aws.packages(step.name, region)) for region in REGIONS] == [2, 2]


def test_a_failure_between_two_regions_is_completed_by_a_retry(
    run: Run,
    step: Step,
    aws: Aws,
    registry: Registry,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second region is out of order: whatever it is asked, it answers 500."""
    with scripted(lambda _: Answer(500, b"")) as (broken, _):
        real = boto3.client

        def client(service: str, **given: Any) -> Any:
            if given.get("region_name") == "eu-west-1":
                given["endpoint_url"] = broken
            return real(service, **given)

        monkeypatch.setattr(model_packages.boto3, "client", client)
        assert run(step) == 3
        monkeypatch.setattr(model_packages.boto3, "client", real)
    said = capsys.readouterr().err
    assert "SageMaker in eu-west-1 refused" in said
    assert f"Registered: Muniment ({step.name}/1), SageMaker us-east-1." in said
    assert "Not registered: SageMaker eu-west-1." in said
    assert "Run it again with the same execution id" in said
    assert not (step.container.opt_ml / "processing/output/registered_model.json").exists()
    assert [len(aws.packages(step.name, region)) for region in REGIONS] == [1, 0]
    assert "sagemaker_model_package.us-east-1" in registry.version(f"{step.name}/1").tags

    assert run(step) == 0
    assert [len(aws.packages(step.name, region)) for region in REGIONS] == [1, 1]
    assert len(registry.versions(model=step.name).all()) == 1
    assert set(step.document["sagemaker"]) == set(REGIONS)


def test_one_step_per_region_comes_to_the_same(
    run: Run, step: Step, registry: Registry, aws: Aws
) -> None:
    for region in REGIONS:
        step.environment["REGIONS"] = region
        step.config["inference_images"] = {region: f"image-in-{region}"}
        assert run(step) == 0
    assert len(registry.versions(model=step.name).all()) == 1
    assert [len(aws.packages(step.name, region)) for region in REGIONS] == [1, 1]


def test_a_package_that_was_approved_meanwhile_is_found(run: Run, step: Step, aws: Aws) -> None:
    assert run(step) == 0
    (package,) = aws.packages(step.name, "us-east-1")
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=package["ModelPackageArn"],
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties=package["CustomerMetadataProperties"],
    )
    assert run(step) == 0
    assert len(aws.packages(step.name, "us-east-1")) == 1


def test_a_group_that_is_there_is_taken_as_it_is(run: Run, step: Step, aws: Aws) -> None:
    client = aws.client("sagemaker")
    client.create_model_package_group(
        ModelPackageGroupName=step.name, ModelPackageGroupDescription="ours"
    )
    assert run(step) == 0
    found = client.describe_model_package_group(ModelPackageGroupName=step.name)
    assert found["ModelPackageGroupDescription"] == "ours"


def test_a_group_that_somebody_else_has_just_made_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service refuses to make a group twice; moto does not, so that it can't show this."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.client("sagemaker", region_name="us-east-1", **keys)
    monkeypatch.setattr(model_packages.boto3, "client", lambda *_, **__: client)
    packages = model_packages.ModelPackages("us-east-1")
    refused: dict[str, Any] = {"service_error_code": "ValidationException"}
    described = {
        "ModelPackageGroupName": "g",
        "ModelPackageGroupArn": "arn:aws:sagemaker:us-east-1:1:model-package-group/g",
        "CreationTime": 0,
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
    }
    with Stubber(client) as answers:
        answers.add_client_error("describe_model_package_group", **refused)
        answers.add_client_error("create_model_package_group", **refused)
        answers.add_response("describe_model_package_group", described)
        found = packages._group("g", _Named("g"))  # type: ignore[arg-type]
    assert found == described["ModelPackageGroupArn"]


class _Named:
    def __init__(self, name: str) -> None:
        self.config = {"model_name": name}


def test_other_files_of_the_same_execution_are_refused(
    run: Run, step: Step, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(step) == 0
    step.put_package({**PACKAGE, "model.json": b"other"})
    assert run(step) == 3
    assert "has registered other files" in capsys.readouterr().err
    assert len(registry.versions(model=step.name).all()) == 1


def test_a_later_versions_deployment_is_left_alone(
    run: Run, step: Step, registry: Registry
) -> None:
    step.config["deployments"] = {"prod": "scoring"}
    for execution in ("e1", "e2", "e1"):
        step.environment["PIPELINE_EXECUTION_ID"] = execution
        assert run(step) == 0
    (deployment,) = registry.deployments(model=step.name).all()
    assert deployment.version == 2


def test_without_a_payload(run: Run, step: Step, registry: Registry, aws: Aws) -> None:
    for file in step.container.folder("processing/mims_payload").iterdir():
        file.unlink()
    assert run(step) == 0
    version = registry.version(f"{step.name}/1")
    assert [f.path for f in version.manifest().files] == ["model.tar.gz"]
    assert "SamplePayloadUrl" not in aws.packages(step.name, "us-east-1")[0]


def test_performance_metadata_adds_metrics(run: Run, step: Step, registry: Registry) -> None:
    metadata = step.container.folder("processing/input/metadata")
    (metadata / "metrics.json").write_text('{"auc_of_last_month": 0.9, "test_auc": 0.95}')
    assert run(step) == 0
    found = registry.version(f"{step.name}/1").metrics
    assert found == {"test_auc": 0.95, "auc_of_last_month": 0.9}


@pytest.mark.parametrize("value", ['"much"', "true", "null", "NaN", "[1]"])
def test_metrics_that_are_no_numbers_are_refused(
    value: str, run: Run, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    (step.container.folder("processing/input/metadata") / "m.json").write_text(f'{{"a": {value}}}')
    assert run(step) == 1
    said = capsys.readouterr().err
    assert "'a' in m.json" in said
    assert "Nothing was registered" in said


def test_a_package_without_its_entry_point_is_told_of(
    run: Run, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    step.put_package({"model.json": b"{}"})
    assert run(step) == 0
    assert "the package has no code/inference.py" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"auc": "high"}', b"\xff"])
def test_a_package_with_metrics_that_are_none_is_refused(
    data: bytes, run: Run, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    step.put_package({**PACKAGE, "metrics.json": data})
    assert run(step) == 1
    assert "metrics.json in model.tar.gz" in capsys.readouterr().err


def test_no_region_is_refused(run: Run, step: Step, capsys: pytest.CaptureFixture[str]) -> None:
    step.environment["REGIONS"] = " , "
    assert run(step) == 1
    assert "REGIONS names no region" in capsys.readouterr().err


def test_exactly_one_package(run: Run, step: Step, capsys: pytest.CaptureFixture[str]) -> None:
    model = step.container.folder("processing/input/model")
    (model / "other.tar.gz").touch()
    assert run(step) == 1
    assert "exactly one file, the package; it holds model.tar.gz, other" in capsys.readouterr().err
    for file in model.iterdir():
        file.unlink()
    assert run(step) == 1
    assert "it holds nothing" in capsys.readouterr().err


def test_a_hostile_package_is_refused(
    run: Run, step: Step, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    package = step.container.folder("processing/input/model") / "model.tar.gz"
    of_members(package, ("l", tarfile.SYMTYPE, b""))
    assert run(step) == 1
    assert "which is a link" in capsys.readouterr().err
    assert step.name not in [model.name for model in registry.models()]


def test_a_region_without_an_image_is_refused_before_anything_is_registered(
    run: Run, step: Step, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    step.environment["REGIONS"] = "us-east-1,us-west-2"
    assert run(step) == 1
    assert "no inference image for us-west-2" in capsys.readouterr().err
    assert step.name not in [model.name for model in registry.models()]


def test_muniment_out_of_reach(run: Run, step: Step, capsys: pytest.CaptureFixture[str]) -> None:
    step.environment["MUNIMENT_REGISTRY"] = "http://127.0.0.1:1"
    assert run(step) == 3
    said = capsys.readouterr().err
    assert "No registry answers" in said
    assert "Registered: nothing. Not registered: Muniment, SageMaker us-east-1, SageMaker" in said


@pytest.mark.parametrize(
    "name", ["MUNIMENT_REGISTRY", "REGIONS", "PIPELINE_EXECUTION_ID", "PACKAGED_MODEL_S3_URI"]
)
def test_missing_variables_are_named(
    name: str, run: Run, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    step.environment[name] = ""
    assert run(step) == 2
    assert f"registration: {name} must be set" in capsys.readouterr().err


def test_a_configuration_that_lacks_something(
    run: Run, step: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    del step.config["model_name"]
    assert run(step) == 1
    assert "lacks model_name" in capsys.readouterr().err


def test_a_token_from_the_secrets_manager(
    run: Run, step: Step, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"muniment-{uuid.uuid4().hex}"
    aws.client("secretsmanager").create_secret(Name=name, SecretString="mnt_abc\n")
    with scripted(lambda _: Answer.problem(403, "permission_denied")) as (url, seen):
        step.environment |= {"MUNIMENT_REGISTRY": url, "MUNIMENT_TOKEN_SECRET": name}
        assert run(step) == 3
    assert seen[0].headers["authorization"] == "Bearer mnt_abc"
    step.environment["MUNIMENT_TOKEN_SECRET"] = "none"
    assert run(step) == 2
    assert "The secret 'none' of MUNIMENT_TOKEN_SECRET can't be read" in capsys.readouterr().err


def test_a_registry_in_a_folder_needs_no_token(run: Run, step: Step, tmp_path: Path) -> None:
    step.environment |= {"MUNIMENT_REGISTRY": str(tmp_path / "registry"), "MUNIMENT_TOKEN": "x"}
    assert run(step) == 0
    with muniment.connect(tmp_path / "registry") as registry:
        assert registry.version(f"{step.name}/1").metrics == {"test_auc": 0.97}


def test_properties_hold_only_what_the_service_takes(run: Run, step: Step, aws: Aws) -> None:
    step.config |= {"model_owner": "Ada & Grace (risk)", "model_registration_domain": "x" * 300}
    assert run(step) == 0
    (package,) = aws.packages(step.name, "us-east-1")
    assert package["CustomerMetadataProperties"]["model_owner"] == "Ada _ Grace _risk_"
    assert package["CustomerMetadataProperties"]["model_registration_domain"] == "x" * 256


def test_the_script_by_itself(step: Step, aws: Aws, registry: Registry) -> None:
    """As the container runs it: one file, and the Muniment that is installed."""
    step.put_config()
    done = step.container.run("registration.py", **aws.environment, **step.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == step.document
    assert registry.version(f"{step.name}/1").metrics == {"test_auc": 0.97}


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://b/folder", "s3://b/folder/model.tar.gz"),
        ("s3://b/folder/", "s3://b/folder/model.tar.gz"),
        ("s3://b/folder/model.tar.gz", "s3://b/folder/model.tar.gz"),
    ],
)
def test_where_the_package_is(uri: str, expected: str) -> None:
    place = Place.of({"PACKAGED_MODEL_S3_URI": uri}, "model.tar.gz", has_payload=False)
    assert place == Place(expected)


def test_a_container_without_muniment_is_told_what_it_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-I", registration.__file__],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "The container's Python needs muniment and boto3" in done.stderr
