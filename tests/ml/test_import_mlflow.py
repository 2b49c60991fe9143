"""A registry of MLflow's, brought into one of ours: everything, once, and again."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

import muniment
from muniment.client.registry import Registry
from muniment.domain.entities import Status
from muniment.domain.refs import Ref
from muniment.errors import NotFound
from muniment.ml.importing import FROM, Found, import_mlflow
from tests.client import servers


@dataclass
class Theirs:
    """MLflow with a registry of its own, of which every test has a copy."""

    uri: str
    client: MlflowClient
    experiment: str
    folder: Path

    def version(self, name: str, text: str, *, artifacts: str = "model", **fields: Any) -> str:
        """Log a model in a run and register it; return where its files are."""
        run = self.client.create_run(self.experiment)
        self.client.log_param(run.info.run_id, "depth", 3)
        self.client.log_metric(run.info.run_id, "auc", 0.9)
        logged = self.folder / "logged"
        logged.mkdir(exist_ok=True)
        (logged / "model.txt").write_text(text)
        self.client.log_artifacts(run.info.run_id, str(logged), "model")
        source = f"{run.info.artifact_uri}/{artifacts}"
        self.client.create_model_version(name, source, run.info.run_id, **fields)
        return source


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow's with its tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("tables")
    MlflowClient(f"sqlite:///{folder}/mlflow.db").search_registered_models()
    return folder


@pytest.fixture
def theirs(tables: Path, tmp_path: Path) -> Theirs:
    shutil.copy(tables / "mlflow.db", tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("e", artifact_location=f"file://{tmp_path}/artifacts")
    theirs = Theirs(uri, client, experiment, tmp_path)
    client.create_registered_model("fraud", tags={"team": "risk"}, description="d")
    for n in range(1, 6):
        theirs.version("fraud", f"text {n}", tags={"n": f"{n}"}, description=f"v{n}")
    client.delete_model_version("fraud", "2")
    client.set_registered_model_alias("fraud", "champion", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        client.transition_model_version_stage("fraud", "4", "Staging")
    return theirs


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with muniment.connect(tmp_path / "ours", actor="ana") as registry:
        yield registry


def bring(registry: Registry, theirs: Theirs, **options: Any) -> list[Found]:
    return list(import_mlflow(registry, theirs.uri, progress=False, **options))


def done(found: list[Found]) -> dict[str, str]:
    return {one.ref: one.done for one in found}


def test_everything_comes_with_its_number(registry: Registry, theirs: Theirs) -> None:
    assert done(bring(registry, theirs)) == dict.fromkeys(
        ("fraud/1", "fraud/3", "fraud/4", "fraud/5"), "imported"
    )
    model = registry.model("fraud")
    assert (model.description, model.tags["team"], model.aliases) == ("d", "risk", {"champion": 3})
    for n in (1, 3, 4, 5):
        version = registry.version(f"fraud/{n}")
        there = theirs.client.get_model_version("fraud", str(n))
        assert registry.read(version, "model.txt") == b"text %d" % n
        assert (version.description, version.tags["n"]) == (f"v{n}", f"{n}")
        assert (version.run_id, version.source_uri) == (there.run_id, there.source)
        assert (version.params, version.metrics) == ({"depth": "3"}, {"auc": 0.9})
        assert version.tags[FROM] == f"{theirs.uri} fraud/{n}"
    assert registry.version("fraud/4").stage == "Staging"
    with pytest.raises(NotFound):
        registry.version("fraud/2")
    assert registry.push("fraud", b"ours").version == 6
    assert all(report.ok for report in registry.verify_model("fraud"))


def test_the_history_tells_when_it_was_made(registry: Registry, theirs: Theirs) -> None:
    bring(registry, theirs)
    there = theirs.client.get_model_version("fraud", "3")
    (comment,) = registry.comments("fraud/3")
    assert f"Imported from MLflow at {theirs.uri}: fraud/3, created 20" in comment.text
    millis = there.creation_timestamp % 1000
    assert f".{millis:03}Z" in comment.text


def test_a_dry_run_changes_nothing(registry: Registry, theirs: Theirs) -> None:
    theirs.version("fraud", "lost", artifacts="nowhere")
    would = done(bring(registry, theirs, dry_run=True))
    assert would.pop("fraud/6") == "missing"
    assert set(would.values()) == {"would"}
    assert registry.models().all() == []


def test_a_second_run_brings_only_what_is_new(registry: Registry, theirs: Theirs) -> None:
    bring(registry, theirs)
    before = registry.model("fraud").revision
    assert set(done(bring(registry, theirs)).values()) == {"there"}
    assert registry.model("fraud").revision == before
    theirs.version("fraud", "six")
    theirs.client.set_registered_model_alias("fraud", "champion", "6")
    theirs.client.update_model_version("fraud", "1", "better said")
    theirs.client.set_model_version_tag("fraud", "3", "seen", "yes")
    assert done(bring(registry, theirs)) == {
        "fraud/1": "changed",
        "fraud/3": "changed",
        "fraud/4": "there",
        "fraud/5": "there",
        "fraud/6": "imported",
    }
    assert registry.model("fraud").aliases == {"champion": 6}
    assert registry.version("fraud/1").description == "better said"
    assert registry.version("fraud/3").tags["seen"] == "yes"


def test_missing_files_are_told_and_brought_once_they_are_there(
    registry: Registry, theirs: Theirs
) -> None:
    source = theirs.version("fraud", "lost", artifacts="later")
    theirs.version("fraud", "seven")
    found = {one.ref: one for one in bring(registry, theirs)}
    assert (found["fraud/6"].done, found["fraud/6"].ok) == ("missing", False)
    assert found["fraud/7"].done == "imported"
    assert registry.version("fraud/6").status is Status.PENDING
    assert registry.resolve("fraud").version == 7
    folder = Path(source.removeprefix("file://"))
    folder.mkdir()
    (folder / "model.txt").write_text("found")
    assert done(bring(registry, theirs))["fraud/6"] == "imported"
    assert registry.read("fraud/6", "model.txt") == b"found"
    assert registry.version("fraud/6").metrics == {"auc": 0.9}


def test_what_stopped_in_the_middle_goes_on(
    registry: Registry, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        catalog = type(registry.backend.catalog)
        patched.setattr(catalog, "seal_version", _stop)
        with pytest.raises(KeyboardInterrupt):
            bring(registry, theirs)
    assert registry.version("fraud/1").status is Status.PENDING
    assert set(done(bring(registry, theirs)).values()) == {"imported"}
    assert registry.read("fraud/1", "model.txt") == b"text 1"


def _stop(*_args: object, **_named: object) -> None:
    raise KeyboardInterrupt


def test_a_version_that_breaks_a_rule_is_told_with_the_rule(
    registry: Registry, theirs: Theirs
) -> None:
    run = theirs.client.create_run(theirs.experiment)
    bad = theirs.folder / "bad"
    bad.mkdir()
    (bad / "a\\b").write_text("a path that would be two elsewhere")
    theirs.client.create_model_version("fraud", str(bad), run.info.run_id)
    (refused,) = (one for one in bring(registry, theirs) if one.ref == "fraud/6")
    assert refused.done == "refused"
    assert "a\\\\b" in refused.note
    assert done(bring(registry, theirs))["fraud/6"] == "failed"


def test_a_model_of_ours_is_never_touched(registry: Registry, theirs: Theirs) -> None:
    ours = registry.push("fraud", b"ours")
    (refused,) = bring(registry, theirs)
    assert (refused.ref, refused.done) == ("fraud", "refused")
    assert [v.version for v in registry.versions()] == [ours.version]


def test_a_version_that_was_deleted_here_stays_deleted(registry: Registry, theirs: Theirs) -> None:
    bring(registry, theirs)
    registry.delete_version("fraud/5", force=True)
    found = done(bring(registry, theirs))
    assert found.pop("fraud/5") == "refused"
    assert set(found.values()) == {"there"}
    assert registry.model("fraud").last_number == 5


def test_prompts_come_too(registry: Registry, theirs: Theirs) -> None:
    theirs.client.register_prompt("ask", "Hello {{name}}", commit_message="first")
    assert done(bring(registry, theirs, models=["ask"])) == {"ask/1": "imported"}
    version = registry.version("ask/1")
    assert version.tags["mlflow.prompt.text"] == "Hello {{name}}"
    assert registry.model("ask").tags["mlflow.prompt.is_prompt"] == "true"
    assert done(bring(registry, theirs, models=["ask"])) == {"ask/1": "there"}


def test_odd_names_are_found(registry: Registry, theirs: Theirs) -> None:
    theirs.client.create_registered_model("it's odd")
    theirs.version("it's odd", "x")
    assert done(bring(registry, theirs, models=["it's*"])) == {"it's odd/1": "imported"}
    assert registry.resolve(Ref("it's odd")).version == 1


def test_a_server_takes_them_as_a_folder_does(server: servers.Server, theirs: Theirs) -> None:
    theirs.client.rename_registered_model("fraud", "onto a server")
    with muniment.connect(server.url) as registry:
        found = bring(registry, theirs)
        assert [one.done for one in found] == ["imported"] * 4
        assert [one.done for one in bring(registry, theirs)] == ["there"] * 4
        assert registry.read("onto a server/5", "model.txt") == b"text 5"
