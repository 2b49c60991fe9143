from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest
from sklearn.linear_model import LogisticRegression

from muniment.checks import Outcome, Subject
from muniment.domain.checks import Verdict
from muniment.domain.entities import ModelVersion, Status
from muniment.domain.manifest import FileEntry, Manifest
from muniment.domain.values import sha256_hex, utcnow
from muniment.ml import MunimentSaver
from muniment.ml.predicting import Predict
from tests.ml.models import labels, rows


def predicted(folder: Path) -> Outcome:
    """Return what the check says of a folder as a version."""
    places = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    manifest = Manifest.of(
        FileEntry(name, sha256_hex(data), len(data)) for name, data in places.items()
    )
    now = utcnow()
    version = ModelVersion(
        id=1, uuid="u", workspace="default", model="m", version=1, created_at=now,
        updated_at=now, created_by="ada", status=Status.READY,
    )  # fmt: skip

    def opened(entry: FileEntry) -> BinaryIO:
        return (folder / entry.path).open("rb")

    return Predict().check(Subject(version, manifest, opened))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = LogisticRegression(max_iter=500).fit(rows(), labels())
    MunimentSaver(path=str(tmp_path / "model")).save(model, input_example=rows().head(3))
    return tmp_path / "model"


def test_a_model_that_predicts_its_example_passes(saved: Path) -> None:
    assert predicted(saved) == Outcome(Verdict.PASS)


def test_an_example_that_does_not_fit_fails(saved: Path) -> None:
    example = saved / "input_example.json"
    example.write_text('[{"something": 1.0}]')
    assert predicted(saved).verdict == "fail"


def test_what_a_scan_does_not_let_pass_is_not_loaded(saved: Path) -> None:
    trace = saved.parent / "trace"
    opens = f"cbuiltins\nopen\n(S'{trace}'\nS'w'\ntR."
    (saved / "more.pkl").write_bytes(opens.encode())
    found = predicted(saved)
    assert found.verdict == "unknown"
    assert "builtins.open" in found.findings[0]
    assert not trace.exists()


def test_what_no_saver_of_ours_saved_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    assert predicted(tmp_path).verdict == "unknown"
