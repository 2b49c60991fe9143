"""PyTorch: weights without code; the module is built by whoever loads them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import muniment
from tests.client import servers
from tests.ml.torch_python import ROOT, torch_python

SAVE = """
import json, sys, warnings
warnings.simplefilter("error")
import numpy, torch
from muniment.errors import InvalidInput
from muniment.ml import MunimentRegister, MunimentSaver
from tests.ml.torch_models import Net, Noting, Two

url, name, kind = sys.argv[1:]
rows = numpy.arange(12.0).reshape(4, 3) / 7
example = rows
if kind == "module":
    model = Net()
    model.train()
elif kind == "state":
    model, example = Net().state_dict(), None
elif kind == "noting":
    model = Noting()
else:
    model = Two()
    example = {"left": rows[:, :2], "right": rows[:, 1:].astype("float32")}
info = MunimentSaver(path="saved").save(model, None, example)
if kind == "module":
    assert model.training, "as it was before"
MunimentRegister(registry=url).register(name, info.model_uri)
if example is None:
    outputs = {key: value.tolist() for key, value in model.items()}
else:
    model.eval()
    given = (
        {key: torch.as_tensor(value).float() for key, value in example.items()}
        if kind == "two"
        else {"rows": torch.as_tensor(rows).float()}
    )
    outputs = model(**given)
    outputs = (
        {key: value.tolist() for key, value in outputs.items()}
        if kind == "two"
        else outputs.tolist()
    )
print(json.dumps(outputs))
"""
LOAD = """
import json, sys, warnings
warnings.simplefilter("error")
from muniment.ml import MunimentLoader

url, name, module, trust = sys.argv[1:]
loader = MunimentLoader(registry=url, module=module or None, trust=trust == "trust")
adapter = loader.load(f"models:/{name}/1")
if not module:
    outputs = {key: value.tolist() for key, value in adapter.model.items()}
else:
    outputs = adapter.predict(adapter.input_example)
    outputs = (
        {key: value.tolist() for key, value in outputs.items()}
        if isinstance(outputs, dict)
        else outputs.tolist()
    )
print(json.dumps(outputs))
"""


def run(code: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [torch_python(), "-c", code, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def done(process: subprocess.CompletedProcess[str]) -> Any:
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize(
    ("kind", "module", "file"),
    [
        ("module", "tests.ml.torch_models:Net", "model.safetensors"),
        ("state", "", "model.safetensors"),
        ("two", "tests.ml.torch_models:Two", "model.safetensors"),
        ("noting", "tests.ml.torch_models:Noting", "model.pt"),
    ],
)
def test_weights_predict_in_a_fresh_process_what_they_did(
    kind: str, module: str, file: str, server: servers.Server, name: str, tmp_path: Path
) -> None:
    expected = done(run(SAVE, server.url, name, kind, folder=tmp_path))
    trust = "trust" if kind == "noting" else ""
    found = done(run(LOAD, server.url, name, module, trust, folder=tmp_path))
    assert found == expected
    with muniment.connect(server.url) as registry:
        assert registry.manifest(f"{name}/1").file(file)
        assert registry.version(f"{name}/1").framework == "pytorch"


def test_a_state_with_more_than_tensors_is_scanned(
    server: servers.Server, name: str, tmp_path: Path
) -> None:
    expected = done(run(SAVE, server.url, name, "noting", folder=tmp_path))
    module = "tests.ml.torch_models:Noting"
    assert done(run(LOAD, server.url, name, module, "", folder=tmp_path)) == expected


def test_a_module_that_the_weights_do_not_fit_is_refused(
    server: servers.Server, name: str, tmp_path: Path
) -> None:
    done(run(SAVE, server.url, name, "module", folder=tmp_path))
    module = "tests.ml.torch_models:Wider"
    refused = run(LOAD, server.url, name, module, "", folder=tmp_path)
    assert "The weights do not fit Wider" in refused.stderr


def test_weights_alone_do_not_predict(server: servers.Server, name: str, tmp_path: Path) -> None:
    done(run(SAVE, server.url, name, "module", folder=tmp_path))
    code = LOAD.replace("if not module", "if False")
    refused = run(code, server.url, name, "", "", folder=tmp_path)
    assert "tell the loader the `module` to build" in refused.stderr
