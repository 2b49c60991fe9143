"""The main job, with a folder and with a server: a model in, the same model out."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from muniment import (
    AlreadyExists,
    InvalidInput,
    NotFound,
    NotReady,
    PreconditionFailed,
    Registry,
    Signature,
    Version,
)
from muniment.domain.entities import Status, Variable, VariableType


def test_a_file_comes_back_as_it_was(registry: Registry, name: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(bytes(range(256)) * 5_000)

    version = registry.push(name, file)

    assert (version.model, version.version, version.status) == (name, 1, Status.READY)
    assert (version.file_count, version.size) == (1, 1_280_000)
    assert (registry.pull(name) / "weights.bin").read_bytes() == file.read_bytes()


def test_a_folder_comes_back_with_its_paths(registry: Registry, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "weights" / "deep").mkdir(parents=True)
    (folder / "config.json").write_text('{"layers": 2}')
    (folder / "weights" / "a.bin").write_bytes(b"a" * 10)
    (folder / "weights" / "deep" / "ü ä%2e.bin").write_bytes(b"")

    version = registry.push(name, folder)
    pulled = version.pull(tmp_path / "copy")

    assert [file.path for file in version.manifest().files] == [
        "config.json",
        "weights/a.bin",
        "weights/deep/ü ä%2e.bin",
    ]
    assert {
        file.relative_to(pulled).as_posix(): file.read_bytes()
        for file in pulled.rglob("*")
        if file.is_file()
    } == {
        "config.json": b'{"layers": 2}',
        "weights/a.bin": b"a" * 10,
        "weights/deep/ü ä%2e.bin": b"",
    }


def test_bytes_and_streams_are_files_too(registry: Registry, name: str, tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"onnx")

    assert registry.push(name, b"abc").read("model.bin") == b"abc"
    assert registry.push(name, io.BytesIO(b"def"), path="a/b.bin").read("a/b.bin") == b"def"
    with file.open("rb") as stream:
        assert registry.push(name, stream).read("net.onnx") == b"onnx"


def test_a_stream_that_can_not_seek_is_pushed(registry: Registry, name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "print('x' * 3_000_000, end='')"], stdout=subprocess.PIPE
    ) as process:
        version = registry.push(name, process.stdout, path="stream.bin")

    assert version.read("stream.bin") == b"x" * 3_000_000


def test_a_stream_is_pushed_from_where_it_stands(registry: Registry, name: str) -> None:
    stream = io.BytesIO(b"header|body")
    stream.seek(7)

    assert registry.push(name, stream).read("model.bin") == b"body"


def test_an_estimator_predicts_as_before(registry: Registry, name: str) -> None:
    features, target = load_iris(return_X_y=True)
    estimator = LogisticRegression(max_iter=500).fit(features, target)

    version = registry.push(
        name, estimator, metrics={"accuracy": estimator.score(features, target)}, alias="champion"
    )
    loaded = registry.load(f"{name}@champion", trust=True)

    assert version.framework == "scikit-learn"
    assert np.array_equal(loaded.predict_proba(features), estimator.predict_proba(features))


def test_everything_that_is_said_of_a_version_is_kept(registry: Registry, name: str) -> None:
    signature = Signature(
        inputs=(Variable("x", VariableType.NUMERIC, dtype="float64", shape=(-1, 4)),),
        outputs=(Variable("label", VariableType.TEXT),),
    )
    registry.push(
        name,
        b"model",
        label="1.0.0",
        description="Weekly training.",
        tags={"team": "risk", "reviewed": True, "owner": None},
        params={"depth": np.int64(3), "rate": 0.1, "bootstrap": np.True_},  # type: ignore[dict-item]
        metrics={"auc": np.float32(0.5)},  # type: ignore[dict-item]
        framework="xgboost",
        signature=signature.to_json(),
        input_example=np.array([[1.5, 2.0]]),
        run_id="run-7",
        run_link="https://example.org/runs/7",
    )

    version = registry.version(f"{name}/1")

    assert (version.label, version.description) == ("1.0.0", "Weekly training.")
    assert version.tags == {"team": "risk", "reviewed": True}
    assert version.params == {"depth": 3, "rate": 0.1, "bootstrap": True}
    assert version.metrics == {"auc": 0.5}
    assert (version.framework, version.run_id) == ("xgboost", "run-7")
    assert version.signature == signature
    assert json.loads(version.read("input_example.json")) == [[1.5, 2.0]]


def test_a_version_may_only_point_elsewhere(registry: Registry, name: str) -> None:
    version = registry.push(name, source_uri="s3://bucket/model")

    assert (version.status, version.digest) == (Status.READY, None)
    with pytest.raises(NotReady, match="points at 's3://bucket/model'"):
        version.pull()


def test_every_kind_of_reference_finds_the_version(registry: Registry, name: str) -> None:
    first = registry.push(name, b"one", alias=["champion", "blue"])
    registry.push(name, b"two")
    first.move_to_stage("Production")

    for ref in (
        f"{name}@champion",
        f"{name}@blue",
        f"{name}/1",
        f"{name}/Production",
        f"{name}@sha256:{first.digest}",
        first,
    ):
        assert registry.version(ref).version == 1
    assert registry.version(name).version == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"metrics": {"auc": float("nan")}}, "auc"),
        ({"metrics": {"auc": "high"}}, "not a number"),
        ({"tags": {"a": object()}}, "object can't be stored"),
        ({"label": "no spaces"}, "label"),
        ({"alias": "latest"}, "reserved"),
        ({"signature": {"inputs": []}}, "signature"),
        ({"input_example": {"a": object()}}, "input example"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_sent(
    local: Registry, values: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        local.push("fraud", b"model", **values)  # type: ignore[arg-type]

    assert local.models().all() == []
    assert local.collect_garbage(dry_run=True).kept_blobs == 0


def test_nothing_to_push_is_an_error(local: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidInput, match="nothing to push"):
        local.push("fraud")
    with pytest.raises(InvalidInput, match="no file or folder"):
        local.push("fraud", "missing.bin")
    with pytest.raises(InvalidInput, match="holds no files"):
        local.push("fraud", tmp_path / "empty")
    with pytest.raises(InvalidInput, match="gives text"):
        local.push("fraud", io.StringIO("text"))


def test_a_label_is_given_once(registry: Registry, name: str) -> None:
    registry.push(name, b"one", label="1.0")

    with pytest.raises(AlreadyExists):
        registry.push(name, b"two", label="1.0")


def test_selected_paths_are_pulled_and_no_others(
    registry: Registry, name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    (folder / "weights").mkdir(parents=True)
    for path in ("weights/a", "weights/b", "config"):
        (folder / path).write_text(path)
    version = registry.push(name, folder)

    pulled = version.pull(paths="weights")

    assert sorted(file.name for file in pulled.rglob("*")) == ["a", "b", "weights"]
    assert sorted(file.name for file in version.pull().rglob("*")) == [
        "a",
        "b",
        "config",
        "weights",
    ]
    with pytest.raises(NotFound, match="no file and no folder 'nope'"):
        version.pull(paths=["config", "nope"])


def test_pulling_into_a_folder_replaces_old_files_and_leaves_others(
    registry: Registry, name: str, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "model.bin").write_bytes(b"an old one")
    (target / "mine.txt").write_text("mine")
    registry.push(name, b"new")

    assert registry.pull(name, target) == target

    assert (target / "model.bin").read_bytes() == b"new"
    assert (target / "mine.txt").read_text() == "mine"
    (target / "model.bin").write_bytes(b"it is the user's own")
    assert registry.read(name, "model.bin") == b"new"


def test_models_and_versions_are_changed_through_what_was_returned(
    registry: Registry, name: str
) -> None:
    version = registry.push(name, b"one", tags={"team": "risk"}, metrics={"auc": 0.5})

    changed = version.update(label="1.0", tags={"team": None, "n": 1}, metrics={"auc": 0.6})
    assert (changed.label, changed.tags, changed.metrics) == ("1.0", {"n": 1}, {"auc": 0.6})
    assert version.tags == {"team": "risk"}, "values do not change under their holder"
    assert version.set_alias("champion").aliases == ("champion",)
    assert registry.model(name).aliases == {"champion": 1}
    assert version.delete_alias("champion").aliases == ()

    model = registry.model(name).update(description="Finds fraud.", tags={"pii": False})
    assert (model.description, model.tags) == ("Finds fraud.", {"pii": False})
    assert model.version() == model.version(1)


def test_tags_go_to_the_model_or_to_the_version_that_is_named(
    registry: Registry, name: str
) -> None:
    version = registry.push(name, b"one")

    registry.tag(name, {"of": "model"})
    registry.tag(f"{name}/1", {"of": "version"})
    registry.tag(version, {"also": 1})

    assert registry.model(name).tags == {"of": "model"}
    assert registry.version(name).tags == {"of": "version", "also": 1}


def test_an_alias_moves_only_from_where_it_is_expected(registry: Registry, name: str) -> None:
    first, second = registry.push(name, b"one"), registry.push(name, b"two")
    first.set_alias("champion", expect=0)

    with pytest.raises(PreconditionFailed):
        second.set_alias("champion", expect=2)
    assert second.set_alias("champion", expect=1).aliases == ("champion",)
    assert [alias.name for alias in registry.aliases(name)] == ["champion"]


def test_a_stale_revision_changes_nothing(registry: Registry, name: str) -> None:
    version = registry.push(name, b"one")
    version.update(description="first")

    with pytest.raises(PreconditionFailed):
        registry.update_version(version, description="second", if_match=version.revision)
    assert registry.version(name).description == "first"


def test_what_was_deleted_comes_back(registry: Registry, name: str) -> None:
    version = registry.push(name, b"one")

    deleted = version.delete()
    with pytest.raises(NotFound):
        registry.version(f"{name}/1")
    assert deleted.restore().version == 1

    model = registry.model(name).delete()
    with pytest.raises(NotFound):
        registry.model(name)
    assert model.restore().version_count == 1
    assert registry.read(name, "model.bin") == b"one"


def test_only_a_number_names_what_is_to_be_deleted(local: Registry) -> None:
    local.push("fraud", b"one", alias="champion")

    for ref in ("fraud", "fraud@champion"):
        with pytest.raises(InvalidInput, match="may mean another version tomorrow"):
            local.delete_version(ref)


def test_a_renamed_model_keeps_its_versions(registry: Registry, name: str) -> None:
    registry.push(name, b"one")

    renamed = registry.model(name).rename(f"{name} 2")

    assert renamed.version().read("model.bin") == b"one"
    assert renamed.history().page().items[0].kind == "model.renamed"


@pytest.mark.parametrize(
    "odd", ["Ünïcode 模型", "a%2Fb", "a?b#c;d", "a@b", "..%2e".lstrip("."), "+"]
)
def test_odd_names_work_as_they_are(registry: Registry, name: str, odd: str) -> None:
    odd = f"{name} {odd}"

    registry.push(odd, b"one")

    assert registry.model(odd).name == odd
    assert registry.read(f"{odd}/1", "model.bin") == b"one"
    assert [version.ref for version in registry.model(odd).versions()] == [f"{odd}/1"]


@pytest.mark.parametrize("bad", ["", ".", "..", "a/b/c", "a\0b", "a:b", "../../etc"])
def test_a_name_that_can_not_be_is_refused(registry: Registry, bad: str) -> None:
    with pytest.raises(InvalidInput):
        registry.model(bad)
    with pytest.raises(InvalidInput):
        registry.push(bad, b"one")


def test_versions_compare_as_values(registry: Registry, name: str) -> None:
    pushed = registry.push(name, b"one")

    assert isinstance(pushed, Version)
    assert registry.version(name) == pushed


def test_the_actor_is_in_the_history(local: Registry) -> None:
    local.push("fraud", b"one")

    assert {entry.actor for entry in local.history("fraud")} == {"ana"}


def test_garbage_is_counted_before_it_is_freed(local: Registry) -> None:
    version = local.push("fraud", b"x" * 1_000)
    version.delete()

    report = local.collect_garbage(dry_run=True, restore_window=0, grace=0)

    assert report.dry_run
    assert report.purged_versions == 1
    assert report.bytes >= 1_000
    version.restore()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fraud", ""), "empty"),
        ((5, b"x"), "must be text"),
        (("fraud", b"x", {"label": 1.0}), "must be text"),
        (("fraud", b"x", {"alias": 5}), "neither text"),
        (("fraud", b"x", {"tags": {5: "x"}}), "must be text"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused_in_words(
    local: Registry, arguments: tuple[Any, ...], message: str
) -> None:
    name, what, *options = arguments

    with pytest.raises(InvalidInput, match=message):
        local.push(name, what, **(options[0] if options else {}))

    assert local.models().all() == []


def test_no_alias_and_a_stream_that_only_reads_are_fine(local: Registry) -> None:
    class Stream:
        def __init__(self, piece: bytes | str) -> None:
            self.pieces = [piece]

        def read(self, size: int) -> bytes | str:
            return self.pieces.pop() if self.pieces else b""

    version = local.push("fraud", Stream(b"model"), alias=None)

    assert version.read("model.bin") == b"model"
    with pytest.raises(InvalidInput, match="not bytes"):
        local.push("fraud", Stream("text"))


def test_a_manifest_that_was_damaged_in_the_cache_is_fetched_again(
    local: Registry, cache_folder: Path
) -> None:
    version = local.push("fraud", b"model")
    version.pull()
    (kept,) = cache_folder.rglob(f"blobs/**/{version.digest}")
    kept.chmod(0o644)
    kept.write_bytes(b"{}")

    assert (version.pull() / "model.bin").read_bytes() == b"model"
    assert kept.read_bytes() == version.manifest().content
