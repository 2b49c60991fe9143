"""A model that somebody else has trained: created, packaged, tried, registered.

Compiled by the real SDK, run here, registered with a real Muniment server and, over HTTP, in two
regions of moto's SageMaker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

import muniment
from muniment.pipelines import (
    CreatePytorchModelConfig,
    MIMSPackagingConfig,
    MIMSPayloadConfig,
    ModelRegistrationConfig,
    OfflinePipelineSession,
    PipelineBuilderTemplate,
    PipelineDAG,
    installed_step_builders,
)
from muniment.pipelines.runner import PipelineRun, run_pipeline
from tests.client import servers
from tests.client.servers import Answer, Request, scripted
from tests.pipelines.archives import names_in, tar_gz
from tests.pipelines.aws import Aws

NODES = ("CreatePytorchModelStep", "PackagingStep", "PayloadStep", "RegistrationStep")
REGIONS = ("us-east-1", "eu-west-1")
COMMON: dict[str, Any] = {"bucket": "a-bucket", "author": "ada", "service_name": "chain"}
FIELDS = {"tab_field_list": ["amount"], "cat_field_list": ["country"], "label_name": "y"}


@dataclass
class Front:
    """Stands before AWS; the regions in `down` answer 500 whatever they are asked."""

    url: str
    down: set[str]


@contextmanager
def front_of(aws: Aws) -> Iterator[Front]:
    down: set[str] = set()

    def forward(request: Request) -> Answer:
        if any(f"/{region}/" in request.headers.get("authorization", "") for region in down):
            return Answer(500, b"{}")
        kept = {k: v for k, v in request.headers.items() if k not in ("host", "content-length")}
        answer = httpx.request(
            request.method, f"{aws.url}{request.path}", headers=kept, content=request.body
        )
        return Answer(
            answer.status_code, answer.content, {"Content-Type": answer.headers["content-type"]}
        )

    with scripted(forward) as (url, _):
        yield Front(url, down)


@pytest.fixture
def definition(tmp_path: Path, session: OfflinePipelineSession, server: servers.Server) -> str:
    scripts = tmp_path / "inference"
    scripts.mkdir()
    (scripts / "inference.py").write_text("def model_fn(folder): ...\n")
    trained = {"model.pth": b"weights", "hyperparameters.json": json.dumps(FIELDS).encode()}
    tar_gz(tmp_path / "work/s3/a-bucket/trained/model.tar.gz", trained)
    template = PipelineBuilderTemplate(
        dag=PipelineDAG(NODES, pairwise(NODES)),
        config_map={
            "CreatePytorchModelStep": CreatePytorchModelConfig(
                model_data="s3://a-bucket/trained/model.tar.gz", **COMMON
            ),
            "PackagingStep": MIMSPackagingConfig(source_dir=str(scripts), **COMMON),
            "PayloadStep": MIMSPayloadConfig(
                source_model_inference_content_types=["application/json"], **COMMON
            ),
            "RegistrationStep": ModelRegistrationConfig(
                framework="pytorch",
                model_name=f"chain-{tmp_path.name}",
                model_registration_objective="Chain",
                muniment_registry=server.url,
                regions=REGIONS,
                **COMMON,
            ),
        },
        step_builder_map=installed_step_builders(),
        sagemaker_session=session,
        role="a-role",
    )
    text: str = template.generate_pipeline("chain").definition()
    session.save_uploads(tmp_path / "work/s3")
    return text


def test_the_chain_is_registered_and_a_region_that_was_down_is_caught_up_with(
    definition: str,
    tmp_path: Path,
    aws: Aws,
    server: servers.Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"chain-{tmp_path.name}"
    group = name.replace("_", "-")
    with front_of(aws) as front, muniment.connect(server.url, progress=False) as registry:
        for key, value in {**aws.environment, "AWS_ENDPOINT_URL": front.url}.items():
            monkeypatch.setenv(key, value)

        def run() -> PipelineRun:
            return run_pipeline(definition, tmp_path / "work", name="chain", execution_id="e1")

        front.down.add("eu-west-1")
        done = run()
        assert [step.status.value for step in done.steps] == ["Succeeded"] * 3 + ["Failed"]
        failed = done["RegistrationStep"]
        assert failed.reason == "It ended with exit code 3."
        assert f"Registered: Muniment ({name}/1), SageMaker us-east-1." in failed.log_tail
        assert "Not registered: SageMaker eu-west-1." in failed.log_tail
        assert [len(aws.packages(group, region)) for region in REGIONS] == [1, 0]

        front.down.clear()
        for _ in range(2):
            done = run()
            done.check()
            assert [len(aws.packages(group, region)) for region in REGIONS] == [1, 1]
            assert len(registry.versions(model=name).all()) == 1

        version = registry.version(f"{name}/1")
        assert version.framework == "pytorch"
        files = version.pull(tmp_path / "pulled")
    assert names_in(files / "model.tar.gz") == [
        "code/inference.py",
        "hyperparameters.json",
        "model.pth",
    ]
    assert names_in(files / "payload.tar.gz") == ["payload_application_json_0.json"]
    document = json.loads(
        (done["RegistrationStep"].outputs["registered_model"] / "registered_model.json").read_text()
    )
    assert document["muniment"]["digest"] == f"sha256:{version.digest}"
    (package,) = aws.packages(group, "eu-west-1")
    assert package["ModelPackageArn"] == document["sagemaker"]["eu-west-1"]["model_package_arn"]
    (container,) = package["InferenceSpecification"]["Containers"]
    place = container["ModelDataUrl"].removeprefix("s3://")
    assert (tmp_path / "work/s3" / place).read_bytes() == (files / "model.tar.gz").read_bytes()
    assert ".eu-west-1." in container["Image"]
