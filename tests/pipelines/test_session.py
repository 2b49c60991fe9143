from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from muniment.errors import ConfigurationError
from muniment.pipelines import OfflinePipelineSession, PipelineBuilderTemplate


def test_what_a_definition_uploads_is_kept_and_written_to_a_folder(
    template: PipelineBuilderTemplate, session: OfflinePipelineSession, tmp_path: Path
) -> None:
    definition = template.generate_pipeline("fraud").definition()
    written = session.save_uploads(tmp_path / "s3")
    assert len(written) == len(session.uploads) == 6
    for upload in session.uploads:
        assert (tmp_path / "s3" / upload.bucket / upload.key).is_file()
    assert any(path.name == "inference.py" for path in written)
    assert sum(path.name == "config.json" for path in written) == 2
    assert all(f"s3://{u.bucket}/" in definition for u in session.uploads)


def test_compiling_twice_gives_the_same(
    template: PipelineBuilderTemplate, session: OfflinePipelineSession
) -> None:
    pipeline = template.generate_pipeline("fraud")
    before = pipeline.definition(), session.uploads
    assert (pipeline.definition(), session.uploads) == before
    assert template.generate_pipeline("fraud").definition() == before[0]


def test_any_call_is_refused(session: OfflinePipelineSession) -> None:
    with pytest.raises(ConfigurationError, match="calls nobody"):
        session.boto_session.client("sts").get_caller_identity()
    with pytest.raises(ConfigurationError, match="calls nobody"):
        session.s3_client.list_buckets()


def test_roles_and_buckets_are_made_up_not_looked_up(session: OfflinePipelineSession) -> None:
    assert session.default_bucket() == "offline-pipelines"
    assert session.account_id() == "000000000000"
    assert session.expand_role("r") == "arn:aws:iam::000000000000:role/r"
    assert session.expand_role("arn:aws:iam::1:role/x") == "arn:aws:iam::1:role/x"


def test_nothing_is_written_outside_of_the_folder(
    session: OfflinePipelineSession, tmp_path: Path
) -> None:
    session.upload_string_as_file_body("x", "bucket", "../../escaped")
    with pytest.raises(ValueError, match=r"must not hold '\.\.'"):
        session.save_uploads(tmp_path / "s3")
    assert not (tmp_path / "escaped").exists()


def test_rules_and_plans_need_no_sdk() -> None:
    script = """
import sys
from muniment.pipelines import (
    PipelineBuilderTemplate, UnifiedDependencyResolver, installed_step_builders, PipelineDAG
)
from muniment.pipelines import graph, plan
installed_step_builders()
assert not {"sagemaker", "boto3", "botocore"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
