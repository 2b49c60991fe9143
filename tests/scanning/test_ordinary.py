"""What people save every day passes, in all protocols and packings."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer
from sklearn.svm import SVC

from muniment.domain.checks import Verdict
from muniment.scanning import FileReport, scan_file

SYSTEM_PYTHON = Path("/usr/bin/python3")


def passes(data: bytes, name: str = "model.bin") -> FileReport:
    report = scan_file(io.BytesIO(data), name)
    assert report.verdict is Verdict.PASS, [str(finding) for finding in report.findings]
    return report


def estimators() -> Iterator[BaseEstimator]:
    yield RandomForestClassifier(3)
    yield GradientBoostingRegressor(n_estimators=3)
    yield HistGradientBoostingClassifier(max_iter=3)
    yield IsolationForest(n_estimators=3)
    yield make_pipeline(SelectKBest(k=2), KNeighborsClassifier(algorithm="kd_tree"))
    yield make_pipeline(FunctionTransformer(np.log1p), SplineTransformer(), SVC(probability=False))
    yield GridSearchCV(SGDClassifier(), {"alpha": [1e-3, 1e-4]}, cv=2, scoring="accuracy")
    yield StackingClassifier([("a", LogisticRegression()), ("b", SVC())], cv=2)
    yield GaussianProcessRegressor()
    yield MLPClassifier((3,), max_iter=5)


@pytest.fixture(scope="module")
def fitted() -> list[BaseEstimator]:
    x, y = load_iris(return_X_y=True, as_frame=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [estimator.fit(x[::3], y[::3]) for estimator in estimators()]
        texts = make_pipeline(TfidfVectorizer(), LogisticRegression())
        found.append(texts.fit(["good dog", "bad cat", "good cat"], ["g", "b", "g"]))
        frame = x.assign(kind=["a", "b", "c"] * 50)
        mixed = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
        found.append(make_pipeline(mixed, RandomForestClassifier(2)).fit(frame, y))
    return found


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_estimators(fitted: list[BaseEstimator], protocol: int) -> None:
    for estimator in fitted:
        assert passes(pickle.dumps(estimator, protocol)).format == "pickle"


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_estimators_of_joblib(fitted: list[BaseEstimator], compress: object) -> None:
    for estimator in fitted:
        file = io.BytesIO()
        joblib.dump(estimator, file, compress=compress)
        passes(file.getvalue())


@pytest.mark.parametrize(
    "kind", ["f4", "f8", "i1", "u8", "?", "c16", ">f4", "U5", "S3", "M8[ns]", [("a", "f8")], "O"]
)
def test_arrays(kind: object, tmp_path: Path) -> None:
    array = np.zeros(7, kind)  # type: ignore[call-overload]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        passes(pickle.dumps({"a": array, "b": array[::2]}, protocol))
    joblib.dump([array, array], tmp_path / "a.joblib")
    np.save(tmp_path / "a.npy", array, allow_pickle=kind == "O")
    np.savez(tmp_path / "a.npz", allow_pickle=kind == "O", x=array)
    np.savez_compressed(tmp_path / "c.npz", allow_pickle=kind == "O", x=array)
    for path in tmp_path.iterdir():
        passes(path.read_bytes())


def test_generators_and_scalars() -> None:
    passes(pickle.dumps([np.random.RandomState(1), np.random.default_rng(2), np.float64(1.5)]))


def test_frames() -> None:
    frame = pd.DataFrame({0: [1.0, 2.0], 1: [3, 4]})
    passes(pickle.dumps(frame))


def test_gradient_boosting(tmp_path: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    xgboost = pytest.importorskip("xgboost")
    x, y = load_iris(return_X_y=True)
    boosted = xgboost.XGBClassifier(n_estimators=2).fit(x, y)
    light = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(x, y)
    for model in (boosted, boosted.get_booster(), light, light.booster_):
        for protocol in (2, 4, 5):
            passes(pickle.dumps(model, protocol))
    boosted.save_model(tmp_path / "m.ubj")
    boosted.save_model(tmp_path / "m.json")
    light.booster_.save_model(tmp_path / "m.txt")
    formats = {
        path.name: passes(path.read_bytes(), path.name).format for path in tmp_path.iterdir()
    }
    assert formats == {"m.ubj": "xgboost (ubjson)", "m.json": "json", "m.txt": "text"}


def test_safetensors_and_onnx(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    skl2onnx = pytest.importorskip("skl2onnx")
    data = safetensors.save({"a": np.ones((3, 3), np.float32), "b": np.zeros(5, np.int64)})
    assert passes(data).format == "safetensors"
    x, y = load_iris(return_X_y=True)
    model = skl2onnx.to_onnx(LogisticRegression(max_iter=500).fit(x, y), x[:1].astype("f4"))
    assert passes(model.SerializeToString()).format == "onnx"


def test_keras() -> None:
    layers = [{"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}]
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}}
    text = json.dumps(config).encode()
    assert passes(text, "config.json").format == "json (keras)"
    hdf5 = b"\x89HDF\r\n\x1a\n" + bytes(999) + b"model_config\0\0" + text + bytes(99)
    assert passes(hdf5, "model.h5").format == "hdf5 (keras)"
    assert passes(b"\x89HDF\r\n\x1a\n" + bytes(999), "model.weights.h5").format == "hdf5"


def test_texts_and_archives_of_them() -> None:
    for name, text in {
        "README.md": "# A model\n\n```python\nimport muniment\n```\n",
        "requirements.txt": "numpy==2.1\nscikit-learn==1.6\ncatboost\nxgboost\n",
        "conda.yaml": "channels:\n- conda-forge\ndependencies:\n- python=3.11\n",
        "MLmodel": "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n",
        "LICENSE": "MIT License\n",
        "metrics.json": '{"auc": 0.9}',
    }.items():
        passes(text.encode(), name)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("model/readme.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    assert passes(file.getvalue()).format == "tar (gzip)"


TORCH = """
import sys, torch
m = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(3))
states = {"model": m.state_dict(), "opt": torch.optim.Adam(m.parameters()).state_dict(), "at": 3}
for name, what in {"state": m.state_dict(), "all": states, "module": m, "half": m.half()}.items():
    torch.save(what, f"{sys.argv[1]}/{name}.pt")
    torch.save(what, f"{sys.argv[1]}/{name}.old", _use_new_zipfile_serialization=False)
torch.save([torch.arange(5), torch.tensor(True)], f"{sys.argv[1]}/list.pt")
"""


@pytest.mark.skipif(
    subprocess.run([SYSTEM_PYTHON, "-c", "import torch"], capture_output=True).returncode != 0,
    reason="the system's Python has no PyTorch: apt-get install python3-torch",
)
def test_what_pytorch_saves(tmp_path: Path) -> None:
    subprocess.run([SYSTEM_PYTHON, "-W", "ignore", "-c", TORCH, tmp_path], check=True)
    for path in tmp_path.iterdir():
        expected = "torch (zip)" if path.suffix == ".pt" else "torch (legacy)"
        assert passes(path.read_bytes(), path.name).format == expected


def test_a_large_model_is_read_once_at_most_and_not_kept(tmp_path: Path) -> None:
    class Counting(io.FileIO):
        read_bytes = 0

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            got = super().readinto(buffer) or 0
            Counting.read_bytes += got
            return got

    import tracemalloc

    path = tmp_path / "large.joblib"
    joblib.dump({"weights": np.zeros(40_000_000, np.uint8), "raw": bytes(40_000_000)}, path)
    tracemalloc.start()
    with Counting(path) as raw, io.BufferedReader(raw, 1 << 16) as file:
        report = scan_file(file, path.name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.verdict is Verdict.PASS
    assert Counting.read_bytes < path.stat().st_size * 1.1
    assert peak < 20_000_000
