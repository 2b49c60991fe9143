"""What two versions differ in, for people, programs and notebooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment import Diff, Registry
from muniment.client.difference import Change


@pytest.fixture
def diff(registry: Registry, name: str, tmp_path: Path) -> Diff:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "kept").write_bytes(b"k" * 600)
    (folder / "changed").write_bytes(b"before")
    (folder / "removed").write_bytes(b"r" * 100)
    registry.push(
        name,
        folder,
        metrics={"auc": 0.9, "loss": 0.3},
        params={"depth": 3, "flag": True},
        tags={"team": "risk"},
        signature={"input": {"variables": [{"name": "x", "type": "NUMERIC"}]}},
    )
    (folder / "changed").write_bytes(b"c" * 300)
    (folder / "removed").rename(folder / "moved")
    registry.push(
        name,
        folder,
        metrics={"auc": 0.95, "loss": 0.3},
        params={"depth": 3, "flag": 1},
        tags={"owner": "ana"},
        signature={"input": {"variables": [{"name": "x", "type": "TEXT"}]}},
    )
    return registry.diff(f"{name}/1", f"{name}/2")


def test_all_that_changed_is_found_and_nothing_else(diff: Diff) -> None:
    assert diff.metrics == (Change("auc", 0.9, 0.95),)
    assert diff.params == (Change("flag", True, 1),), "true is not the number one"
    assert diff.tags == (Change("owner", None, "ana"), Change("team", "risk", None))
    assert diff.signature == (Change("input x", "NUMERIC", "TEXT"),)
    assert [change.path for change in diff.files] == ["changed", "moved", "removed"]
    assert diff


def test_bytes_in_common_are_found_under_any_path(diff: Diff) -> None:
    assert diff.bytes_in_common == 700
    assert diff.share == 0.7
    assert not diff.same_content


def test_numbers_have_a_delta() -> None:
    assert Change("auc", 1, 1.5).delta == 0.5
    assert Change("auc", None, 1.5).delta is None
    assert Change("flag", True, 1).delta is None


def test_the_repr_is_one_line_that_tells(diff: Diff) -> None:
    assert "auc 0.9 → 0.95" in repr(diff)
    assert "70% of bytes in common" in repr(diff)
    assert "\n" not in repr(diff)


def test_programs_get_all_of_it(diff: Diff) -> None:
    document = diff.to_json()

    assert document["metrics"] == [{"name": "auc", "before": 0.9, "after": 0.95}]
    assert document["share"] == 0.7


def test_a_version_does_not_differ_from_itself(registry: Registry, name: str) -> None:
    version = registry.push(name, b"one")

    diff = version.diff(version)

    assert not diff
    assert diff.same_content
    assert "no difference" in repr(diff)


def test_what_else_is_said_of_a_version_is_compared(local: Registry) -> None:
    local.push("fraud", source_uri="s3://one", label="1.0.0", framework="torch")
    local.push("fraud", source_uri="s3://two", framework="torch").move_to_stage("Production")

    diff = local.diff("fraud/1", "fraud/2")

    assert diff.facts == (
        Change("label", "1.0.0", None),
        Change("source_uri", "s3://one", "s3://two"),
        Change("stage", "None", "Production"),
    )
    assert diff
    assert "in common" not in repr(diff) + diff._repr_html_(), "there are no bytes"
    assert "source_uri" in diff._repr_html_()


def test_versions_without_files_can_be_compared(local: Registry) -> None:
    local.push("fraud", source_uri="s3://one", metrics={"auc": 1})
    local.push("fraud", b"model")

    diff = local.diff("fraud/1", "fraud/2")

    assert [change.path for change in diff.files] == ["model.bin"]
    assert diff.share == 0.0
