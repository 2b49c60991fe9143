"""Addresses of models: made, checked, understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muniment.domain.refs import Ref
from muniment.errors import InvalidInput
from muniment.ml import (
    uri_for_model_alias,
    uri_for_model_alias_or_version,
    uri_for_model_version,
)
from muniment.ml.uris import check_uri, folder_of, ref_of, uri_of_folder


def test_addresses_of_an_alias_and_of_a_version() -> None:
    assert uri_for_model_alias("fraud", "champion") == "models:/fraud@champion"
    assert uri_for_model_version("fraud", 3) == "models:/fraud/3"
    assert uri_for_model_alias_or_version("fraud", "champion") == "models:/fraud@champion"
    assert uri_for_model_alias_or_version("fraud", 3) == "models:/fraud/3"


@pytest.mark.parametrize(
    ("name", "which"),
    [("", 1), ("a/b", 1), ("a", 0), ("a", -1), ("a", ""), ("a", "x y"), ("a", "x/y"), ("..", "x")],
)
def test_what_is_no_name_alias_or_version_is_refused(name: str, which: str | int) -> None:
    with pytest.raises(InvalidInput):
        uri_for_model_alias_or_version(name, which)


def test_a_truth_value_and_a_text_are_no_versions() -> None:
    for which in (True, "3", 3.0):
        with pytest.raises(InvalidInput, match="count from 1"):
            uri_for_model_version("fraud", which)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri",
    [
        "models:/fraud/3",
        "models:/fraud@champion",
        "models:/fraud/Production",
        "models:/fraud/latest",
        "models:/m-0123456789abcdef0123456789abcdef",
        "runs:/0123abc/model",
        "runs:/0123abc/some/folder",
        "s3://bucket/key",
        "mlflow-artifacts:/1/models",
        "file:///srv/model",
        "/srv/model",
        "build/model",
    ],
)
def test_addresses_that_a_model_could_have(uri: str) -> None:
    assert check_uri(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "  ",
        None,
        3,
        "a\0b",
        "models:",
        "models:/",
        "models:/fraud",
        "models:/fraud/",
        "models:/fraud@",
        "models:/@champion",
        "models:/a/b/3",
        "models://server/fraud/3",
        "models:fraud/3",
        "runs:/",
        "runs:/0123abc",
        "runs:/0123abc/",
        "runs://x",
        "s3:",
        "s3://",
        "file://",
        "http://[::1",
    ],
    ids=repr,
)
def test_malformed_addresses_are_refused(uri: Any) -> None:
    with pytest.raises(InvalidInput):
        check_uri(uri)


def test_a_registry_of_ours_understands_what_mlflow_does_and_its_own_references() -> None:
    assert ref_of("models:/fraud/3") == ref_of("fraud/3") == Ref("fraud", version=3)
    assert ref_of("models:/fraud@best") == ref_of("fraud@best") == Ref("fraud", alias="best")
    assert ref_of("models:/fraud/Staging") == Ref("fraud", stage="Staging")
    assert ref_of("models:/fraud/latest") == ref_of("fraud") == Ref("fraud")
    for uri in ("runs:/0123abc/model", "s3://bucket/key"):
        with pytest.raises(InvalidInput, match="no version of a Muniment registry"):
            ref_of(uri)


def test_a_folder_and_its_address(tmp_path: Path) -> None:
    folder = tmp_path / "ä model #1%"
    assert folder_of(uri_of_folder(folder)) == folder
    assert folder_of(str(folder)) == folder
    assert folder_of("models:/fraud/3") is None
    with pytest.raises(InvalidInput, match="another machine"):
        folder_of("file://elsewhere/srv/model")
