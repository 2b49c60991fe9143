"""What runs code when it is read is refused without trust; the canary never sings."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.linear_model import LogisticRegression

import muniment
from muniment.client.registry import Registry
from muniment.domain.checks import Verdict
from muniment.errors import MunimentError, PermissionDenied
from muniment.ml import MunimentLoader, MunimentRegister, MunimentSaver
from muniment.ml.trust import Suspect, judge, require_trust
from muniment.signing.keys import generate_key_pair
from tests.client import servers
from tests.ml.models import labels, rows


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


@pytest.fixture
def nest(tmp_path: Path) -> Path:
    return tmp_path / "canary-was-here"


@pytest.mark.parametrize("flavor", ["pickle", "joblib"])
def test_a_pickle_is_not_read_without_trust(flavor: str, nest: Path, tmp_path: Path) -> None:
    info = MunimentSaver(path=str(tmp_path / "model"), flavor=flavor).save(Canary(nest))
    with pytest.raises(PermissionDenied) as refused:
        MunimentLoader().load(info.model_uri)
    assert not nest.exists()
    assert info.descriptor.files[0] in refused.value.message
    assert "trust=True" in refused.value.hint
    assert refused.value.details["findings"]

    MunimentLoader(trust=True).load(info.model_uri)
    assert nest.exists()


def test_nor_over_a_registry(
    nest: Path, tmp_path: Path, server: servers.Server, registry: Registry, name: str
) -> None:
    info = MunimentSaver(path=str(tmp_path / "model")).save(Canary(nest))
    MunimentRegister(registry=server.url).register(name, info.model_uri)
    with pytest.raises(PermissionDenied, match=f"{name}/1 may run code"):
        MunimentLoader(registry=server.url).load(f"models:/{name}/1")
    registry.push(name, Canary(nest))
    with pytest.raises(PermissionDenied, match=f"{name}/2 may run code"):
        MunimentLoader(registry=server.url).load(f"models:/{name}/2")
    assert not nest.exists()


@pytest.mark.parametrize("flavor", ["xgboost", "lightgbm", "onnx", "safetensors", "json"])
@pytest.mark.parametrize("protocol", [0, 5])
def test_a_pickle_under_the_name_of_a_safe_format_is_not_read_as_one(
    flavor: str, protocol: int, nest: Path, tmp_path: Path
) -> None:
    """The descriptor says that it is safe; then it is read as what that says, and fails."""
    files = {
        "xgboost": "model.ubj",
        "lightgbm": "model.txt",
        "onnx": "model.onnx",
        "safetensors": "model.safetensors",
        "json": "model.json",
    }
    info = MunimentSaver(path=str(tmp_path / "model")).save([1])
    (info.folder / files[flavor]).write_bytes(pickle.dumps(Canary(nest), protocol))
    document = json.loads((info.folder / "muniment.json").read_text())
    document |= {"flavor": flavor, "files": [files[flavor]], "details": {"class": "Booster"}}
    (info.folder / "muniment.json").write_text(json.dumps(document))
    with pytest.raises(MunimentError):
        MunimentLoader().load(info.model_uri)
    assert not nest.exists()


@pytest.mark.parametrize(
    "claim",
    [
        {"trust": True},
        {"details": {"trust": True, "trusted": ["posix.mkdir"]}},
        {"signature": None},
    ],
    ids=str,
)
def test_nothing_in_the_models_own_files_makes_it_trusted(
    claim: dict[str, Any], nest: Path, tmp_path: Path
) -> None:
    info = MunimentSaver(path=str(tmp_path / "model")).save(Canary(nest))
    document = json.loads((info.folder / "muniment.json").read_text()) | claim
    (info.folder / "muniment.json").write_text(json.dumps(document))
    with pytest.raises(PermissionDenied):
        MunimentLoader().load(info.model_uri)
    assert not nest.exists()


def test_safe_formats_need_no_trust(tmp_path: Path) -> None:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=2).fit(rows(), labels())
    info = MunimentSaver(path=str(tmp_path / "model")).save(model, None, rows(3))
    predicted = MunimentLoader().load(info.model_uri).predict(rows(3))
    assert predicted.tolist() == model.predict(rows(3)).tolist()


def test_what_is_no_single_file_is_not_cleared_by_any_scan(tmp_path: Path) -> None:
    joblib.dump(LogisticRegression(), tmp_path / "model.joblib")
    with pytest.raises(PermissionDenied, match="it brings code of its own"):
        require_trust("it", tmp_path, [Suspect("it brings code of its own")], trust=False)
    require_trust("it", tmp_path, [Suspect("it brings code of its own")], trust=True)
    require_trust("it", tmp_path, [], trust=False)


def test_many_findings_are_counted(tmp_path: Path) -> None:
    with pytest.raises(PermissionDenied, match=r"\(and 2 more\)") as refused:
        require_trust("it", tmp_path, [Suspect(f"reason {n}") for n in range(5)], trust=False)
    assert refused.value.details["findings"] == [f"reason {n}" for n in range(5)]


def test_only_what_a_trusted_key_has_signed_is_loaded_where_that_is_demanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, key = str(tmp_path / "registry"), tmp_path / "key.pem"
    info = MunimentSaver(path=str(tmp_path / "model"), flavor="json").save({"limit": 2.5})
    MunimentRegister(registry=home).register("m", info.model_uri)
    with pytest.raises(PermissionDenied, match=r"No trusted key has signed m/1.*'unsigned'"):
        MunimentLoader(registry=home, signed=True).load("models:/m/1")
    monkeypatch.setenv("MUNIMENT_SIGNED_ONLY", "true")
    for refused in ("models:/m/1", info.model_uri):
        with pytest.raises(PermissionDenied, match="No trusted key"):
            MunimentLoader(registry=home).load(refused)
    assert MunimentLoader(registry=home, trust=True).load("models:/m/1").model == {"limit": 2.5}

    private, public = generate_key_pair()
    key.write_bytes(private)
    with muniment.connect(home) as registry:
        registry.sign("m/1", key)
        with pytest.raises(PermissionDenied, match="untrusted-key"):
            MunimentLoader(registry=home).load("models:/m/1")
        registry.trust_key("release", public.decode())
    assert MunimentLoader(registry=home).load("models:/m/1").model == {"limit": 2.5}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("behind", [b"", b"\n", b"# a comment\n"])
def test_a_pickle_is_judged_as_one_whatever_it_looks_like(
    protocol: int, behind: bytes, nest: Path, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(pickle.dumps(Canary(nest), protocol) + behind)
    assert judge(file).verdict is not Verdict.PASS
