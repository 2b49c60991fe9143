"""Files of sealed versions, as MLflow's loaders ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muniment.client.registry import Registry
from tests.client import servers


@pytest.fixture
def repository(registry: Registry, server: servers.Server, name: str, tmp_path: Path) -> Any:
    """The repository of a version with a few files."""
    from muniment.ml.artifact_repository import MunimentArtifactRepository

    model = tmp_path / "model"
    (model / "data" / "deep").mkdir(parents=True)
    for path in ("MLmodel", "data/a.bin", "data/deep/b.bin"):
        (model / path).write_text(path)
    registry.push(name, model)
    return MunimentArtifactRepository(f"muniment+{server.url}/models/{name}/1")


def listed(repository: Any, path: str | None = None) -> list[tuple[str, bool, int | None]]:
    return [(f.path, f.is_dir, f.file_size) for f in repository.list_artifacts(path)]


def test_a_listing_holds_what_lies_directly_below(repository: Any) -> None:
    assert listed(repository) == [("MLmodel", False, 7), ("data", True, None)]
    assert listed(repository, "data") == [("data/a.bin", False, 10), ("data/deep", True, None)]
    assert listed(repository, "data/a.bin") == listed(repository, "missing") == []


def test_a_part_is_brought_with_its_path(repository: Any, tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    folder = Path(repository.download_artifacts("data", str(tmp_path / "to")))
    assert folder == tmp_path / "to" / "data"
    assert (folder / "deep" / "b.bin").read_text() == "data/deep/b.bin"
    assert not (tmp_path / "to" / "MLmodel").exists()
    assert Path(repository.download_artifacts("MLmodel")).read_text() == "MLmodel"


def test_a_caller_gets_a_folder_of_their_own(repository: Any) -> None:
    first, second = (Path(repository.download_artifacts("")) for _ in range(2))
    (first / "registered_model_meta").write_text("mine")
    (first / "MLmodel").unlink()
    assert sorted(path.name for path in second.iterdir()) == ["MLmodel", "data"]
    assert (Path(repository.download_artifacts("")) / "MLmodel").read_text() == "MLmodel"


def test_a_version_that_is_sealed_takes_no_files(repository: Any, tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException

    for write in (
        lambda: repository.log_artifact(str(tmp_path / "x")),
        lambda: repository.log_artifacts(str(tmp_path)),
        lambda: repository.delete_artifacts("MLmodel"),
    ):
        with pytest.raises(MlflowException, match="its files never change"):
            write()


def test_what_is_not_there_is_refused_in_the_words_of_mlflow(repository: Any) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as refused:
        repository.download_artifacts("missing.bin")
    assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException):
        repository.download_artifacts("../../etc/passwd")


def test_mlflow_finds_it_by_its_scheme(repository: Any) -> None:
    import mlflow.artifacts

    assert mlflow.artifacts.load_text(f"{repository.artifact_uri}/data/a.bin") == "data/a.bin"
