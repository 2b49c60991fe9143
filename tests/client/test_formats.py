"""Python objects as files and back, without running anybody's code unasked."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression

from muniment import ConfigurationError, Corrupt, InvalidInput, PermissionDenied, Registry
from muniment.client import formats
from muniment.errors import NotImplementedHere


class Doubler(BaseEstimator):  # type: ignore[misc]
    """An estimator of the user's own."""


class Plain:
    """Anything that can be pickled."""

    def __init__(self, value: int) -> None:
        self.value = value


class Bomb:
    """What a hostile pickle does: it leaves a trace when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (LinearRegression(), "sklearn"),
        (Doubler(), "sklearn"),
        (np.arange(3), "numpy"),
        (np.array([object()]), "pickle"),
        ({"a": [1, 2.5, None, True, "x"]}, "json"),
        ([], "json"),
        ({1: "keys that JSON would turn into strings"}, "pickle"),
        ({"tuple": (1, 2)}, "pickle"),
        ([float("nan")], "pickle"),
        (OrderedDict(a=1), "pickle"),
        (Plain(1), "pickle"),
        (LinearRegression, "pickle"),
    ],
)
def test_the_first_format_that_keeps_the_object_whole_is_taken(value: object, name: str) -> None:
    assert formats.format_for(value).name == name


@pytest.mark.parametrize(
    "value", [np.arange(6.0).reshape(2, 3), {"a": [1, "ü", None]}, [1.5, True]]
)
def test_safe_formats_load_without_trust(registry: Registry, name: str, value: Any) -> None:
    registry.push(name, value)

    loaded = registry.load(name)

    assert type(loaded) is type(value)
    assert np.array_equal(loaded, value) if isinstance(loaded, np.ndarray) else loaded == value


def test_a_pickle_is_read_only_by_those_who_trust_its_writer(
    registry: Registry, name: str, tmp_path: Path
) -> None:
    registry.push(name, Bomb(tmp_path / "trace"))

    with pytest.raises(PermissionDenied, match="runs whatever code its writer put in"):
        registry.load(name)
    assert not (tmp_path / "trace").exists()

    registry.load(name, trust=True)
    assert (tmp_path / "trace").is_dir(), "the test's bomb does go off"


@pytest.mark.parametrize("file", ["model.pkl", "model.joblib", "model.pickle", "MODEL.PKL"])
def test_a_foreign_pickle_is_refused_by_its_name(local: Registry, file: str) -> None:
    local.push("fraud", pickle.dumps({"a": 1}), path=file)

    with pytest.raises(PermissionDenied):
        local.load("fraud")


def test_a_description_can_not_make_an_unsafe_file_safe(local: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(tmp_path / "trace")))
    for claimed in ("json", "numpy"):
        description = {"schema": formats.SCHEMA, "format": claimed, "file": "model.pkl"}
        (folder / "muniment.json").write_text(json.dumps(description))
        local.push("fraud", folder)
        with pytest.raises(Corrupt, match="can't be read as"):
            local.load("fraud")

    assert not (tmp_path / "trace").exists()


def test_an_array_file_with_objects_is_not_unpickled(local: Registry, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb(tmp_path / "trace")]), allow_pickle=True)
    local.push("fraud", buffer.getvalue(), path="model.npy")

    with pytest.raises(Corrupt, match=r"allow_pickle|Object arrays"):
        local.load("fraud")
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("description", "error"),
    [
        ({"schema": formats.SCHEMA, "format": "onnx", "file": "a"}, NotImplementedHere),
        ({"schema": "muniment.object/2", "format": "json", "file": "a"}, NotImplementedHere),
        ({"schema": formats.SCHEMA, "format": "json", "file": "b"}, Corrupt),
        ({"schema": formats.SCHEMA, "format": "json", "file": "../../a"}, InvalidInput),
        ({"schema": formats.SCHEMA, "format": "json"}, Corrupt),
        ([], InvalidInput),
    ],
)
def test_a_description_that_can_not_be_followed_is_an_error(
    local: Registry, tmp_path: Path, description: object, error: type[Exception]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("{}")
    (folder / "muniment.json").write_text(json.dumps(description))
    local.push("fraud", folder)

    with pytest.raises(error):
        local.load("fraud")


def test_single_files_of_known_kinds_load_without_a_description(local: Registry) -> None:
    local.push("fraud", b"[1, 2]", path="weights/model.json", input_example=[1])
    assert local.load("fraud") == [1, 2]
    local.push("fraud", b"\0", path="model.onnx")
    with pytest.raises(InvalidInput, match=r"model\.onnx.*no way known"):
        local.load("fraud")


def test_the_description_says_what_it_was_written_with(local: Registry) -> None:
    version = local.push("fraud", LinearRegression())

    description = json.loads(version.read("muniment.json"))

    assert description["class"] == "sklearn.linear_model._base.LinearRegression"
    assert description["packages"]["joblib"] == joblib.__version__
    assert description["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_same_object_gives_the_same_content(local: Registry) -> None:
    first, second = local.push("fraud", {"a": 1}), local.push("fraud", {"a": 1})

    assert first.digest == second.digest
    assert first.version != second.version


def test_a_missing_library_is_named(local: Registry) -> None:
    hidden = b"cnot_installed.models\nNet\n."  # a pickle of a class from elsewhere
    local.push("fraud", hidden, path="model.pkl")

    with pytest.raises(ConfigurationError, match="not_installed"):
        local.load("fraud", trust=True)


def test_what_can_not_be_pickled_is_an_error(local: Registry) -> None:
    with pytest.raises(InvalidInput, match="can't be pickled"):
        local.push("fraud", lambda x: x)


class Frame:
    """Has the one method of pandas and its like that counts here."""

    def to_dict(self, orient: str = "dict") -> object:
        return [{"a": np.float64(1), "b": "x"}] if orient == "records" else {}


@pytest.mark.parametrize(
    ("example", "stored"),
    [
        ({"a": np.int64(1)}, {"a": 1}),
        (np.zeros((1, 2)), [[0.0, 0.0]]),
        (Frame(), [{"a": 1.0, "b": "x"}]),
        ([{"a": None}], [{"a": None}]),
    ],
)
def test_an_input_example_is_json(local: Registry, example: object, stored: object) -> None:
    version = local.push("fraud", b"model", input_example=example)

    assert json.loads(version.read("input_example.json")) == stored


def test_no_library_is_imported_for_objects_of_others() -> None:
    code = (
        "import sys\n"
        "from muniment.client import formats\n"
        "assert formats.format_for({'a': 1}).name == 'json'\n"
        "assert formats.format_for(object()).name == 'pickle'\n"
        "print(sorted({'numpy', 'sklearn', 'joblib', 'pandas'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert printed.stdout.strip() == "[]", printed.stderr
