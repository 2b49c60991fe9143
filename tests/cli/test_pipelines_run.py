"""`muniment pipelines run`: exit codes, and what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muniment.cli import main
from tests.pipelines.runner.definitions import definition, processing


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A definition with its uploads beside it, as `muniment pipelines compile` writes them."""
    script = tmp_path / "fraud" / "s3" / "b" / "code" / "script.py"
    script.parent.mkdir(parents=True)
    script.write_text("import sys; print(sys.argv[1:]); raise SystemExit('no' in sys.argv)")
    file = tmp_path / "fraud" / "definition.json"
    step = processing("check", arguments=[{"Get": "Parameters.Word"}])  # type: ignore[list-item]
    after = processing("after", depends_on=["check"])
    parameters = [{"Name": "Word", "Type": "String", "DefaultValue": "yes"}]
    file.write_text(definition(step, after, parameters=parameters))
    return file


def run(compiled: Path, *more: str) -> int:
    work = str(compiled.parents[1] / "work")
    return main(["pipelines", "run", str(compiled), "--workdir", work, *more])


def test_a_run(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(compiled, "--execution-id", "e1") == 0
    said = capsys.readouterr()
    assert "fraud" in said.out
    assert "execution e1" in said.out
    assert said.out.count("Succeeded") == 2
    assert "check: succeeded" in said.err
    assert not (compiled.parent / "s3" / "b" / "check").exists()  # what was compiled stays as it is


def test_a_run_as_json(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(compiled, "-o", "json", "--name", "other", "-p", "Word=maybe") == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["pipeline"], document["succeeded"]) == ("other", True)
    assert Path(document["steps"][0]["log"]).read_text() == "['maybe']\n"
    assert said.err == ""


def test_a_step_that_fails(compiled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(compiled, "-p", "Word=no") == 1
    said = capsys.readouterr()
    assert "Failed     check  It ended with exit code 1." in said.out
    assert "Skipped    after  check has failed." in said.out
    assert "\n  ['no']\n" in said.out
    assert "error: Step 'check' failed: It ended with exit code 1.\n" in said.err
    assert "log.txt" in said.err


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["-p", "Word"], 2, "'Word' is no parameter"),
        (["-p", "None=1"], 2, "no parameter 'None'"),
        (["--execution-id", "../x"], 2, "The execution id is '../x'"),
        (["--objects", "http://127.0.0.1:1"], 6, "S3 refused, or did not answer"),
    ],
)
def test_refusals(
    more: list[str],
    code: int,
    said: str,
    compiled: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert run(compiled, *more) == code
    assert said in capsys.readouterr().err


def test_no_definition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none" / "definition.json") == 3
    (tmp_path / "definition.json").write_text("{}")
    assert run(tmp_path / "definition.json") == 2
    assert "The definition has no list of Steps" in capsys.readouterr().err
