"""What the registration step's script is told, beside the configuration's own table."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from muniment.pipelines import (
    ModelRegistrationConfig,
    ModelRegistrationStepBuilder,
    OfflinePipelineSession,
)


def builder(session: OfflinePipelineSession, **given: object) -> ModelRegistrationStepBuilder:
    config = ModelRegistrationConfig(
        model_registration_objective="Fraud", bucket="a-bucket", **given
    )
    return ModelRegistrationStepBuilder(config, sagemaker_session=session)


def test_where_the_model_is_to_run(session: OfflinePipelineSession) -> None:
    document = builder(session, region="EU", deployments={"prod": "scoring"}).document()
    assert document["deployments"] == {"prod": "scoring"}
    assert document["pipeline_region"] == "eu-west-1"


def test_the_commit_that_it_is_compiled_at(
    session: OfflinePipelineSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "first")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUNIMENT_GIT", "off")
    assert builder(session).document()["commit"] is None
    monkeypatch.setenv("MUNIMENT_GIT", "on")
    commit = builder(session).document()["commit"]
    assert isinstance(commit, dict)
    assert commit["kind"] == "commit"
    assert str(commit["id"]).endswith(git("rev-parse", "HEAD"))
