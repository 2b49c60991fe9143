"""The local runner: what steps see, what becomes of them, and what does not get out of hand."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muniment.errors import InvalidInput
from muniment.pipelines import InvalidPipeline
from muniment.pipelines.runner import (
    PipelineFailed,
    PipelineRun,
    StepRun,
    StepStatus,
    container,
    run_pipeline,
)
from tests.pipelines.aws import Aws
from tests.pipelines.runner.definitions import definition, get, join, output_of, processing

ROOT = "import os, pathlib, sys; ml = pathlib.Path(os.environ.get('MUNIMENT_OPT_ML', '/opt/ml'))\n"
COPY = ROOT + (
    "out = ml / 'processing/output'\n"
    "for file in sorted((ml / 'processing/input').rglob('*.txt')):\n"
    "    (out / file.name).write_text(file.read_text() + '!')\n"
    "(out / 'made.txt').write_text(' '.join(sys.argv[1:]))\n"
)
FAIL = "print('one'); print('two', flush=True); raise SystemExit('three')\n"


@pytest.fixture(params=["mounted", "replaced"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways in which a step gets its /opt/ml."""
    if request.param == "mounted":
        if not container.namespaces_are_allowed():
            pytest.skip("no user and mount namespaces here: allow unprivileged ones")
    else:
        monkeypatch.setattr(container, "namespaces_are_allowed", lambda: False)
    return str(request.param)


Put = Callable[..., None]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Puts a script, or another file, into S3."""

    def call(text: str, key: str = "code/script.py") -> None:
        file = tmp_path / "work" / "s3" / "b" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return call


def run(tmp_path: Path, *steps: dict[str, Any], **more: Any) -> PipelineRun:
    return run_pipeline(definition(*steps), tmp_path / "work", **more)


def in_s3(tmp_path: Path, key: str) -> str:
    return (tmp_path / "work" / "s3" / "b" / key).read_text()


def statuses(done: PipelineRun) -> dict[str, str]:
    return {step.name: step.status.value for step in done.steps}


def test_what_a_step_makes_reaches_the_next(tmp_path: Path, put: Put) -> None:
    put(COPY)
    done = run(
        tmp_path,
        processing("second", inputs={"data": output_of("first")}),
        processing("first", arguments=["--n", get("Execution.PipelineName")]),  # type: ignore[list-item]
        name="fraud",
    )
    done.check()
    assert statuses(done) == {"first": "Succeeded", "second": "Succeeded"}
    assert in_s3(tmp_path, "first/made.txt") == "--n fraud"
    assert in_s3(tmp_path, "second/made.txt") == ""
    put(COPY.replace("made.txt", "other.txt"))
    run(tmp_path, processing("first"), processing("second", inputs={"data": output_of("first")}))
    assert in_s3(tmp_path, "second/other.txt") == ""
    assert in_s3(tmp_path, "second/made.txt") == "--n fraud!"


def test_the_environment_is_clean(
    tmp_path: Path, put: Put, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTHERS_SECRET", "x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    put(ROOT + "import json; (ml / 'processing/output/e').write_text(json.dumps(dict(os.environ)))")
    done = run(tmp_path, processing("s", environment={"MINE": get("Parameters.P"), "N": 3}))
    assert statuses(done) == {"s": "Failed"}
    assert "no parameter 'P'" in done["s"].reason
    text = definition(
        processing("s", environment={"MINE": get("Parameters.P"), "N": 3}),
        parameters=[{"Name": "P", "Type": "String", "DefaultValue": "default"}],
    )
    run_pipeline(text, tmp_path / "work", parameters={"P": "p"}).check()
    seen = json.loads(in_s3(tmp_path, "s/e"))
    assert (seen["MINE"], seen["N"], seen["AWS_ACCESS_KEY_ID"]) == ("p", "3", "key")
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert "OTHERS_SECRET" not in seen
    assert "PYTHONPATH" not in seen
    assert Path(seen["HOME"]).is_relative_to(tmp_path)
    assert ("MUNIMENT_OPT_ML" in seen) == (way == "replaced")
    assert set(seen) <= {
        *("MINE", "N", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED"),
        *("PATH", "HOME", "TMPDIR", "LANG", "MUNIMENT_OPT_ML", "MUNIMENT_S3_FOLDER", "LC_CTYPE"),
    }


def test_steps_do_not_see_each_others_folders(tmp_path: Path, put: Put, way: str) -> None:
    put(ROOT + "(ml / 'left').write_text('1'); print(sorted(os.listdir(ml)))")
    done = run(tmp_path, processing("a"), processing("b", depends_on=["a"]))
    done.check()
    log = done["b"].log
    assert log is not None
    assert log.read_text() == "['left', 'processing']\n"
    if way == "mounted" and not Path("/opt/ml").exists():
        assert not Path("/opt/ml").exists()  # nothing of it is left outside


def test_a_failure_stops_dependents_only_and_shows_the_logs_end(tmp_path: Path, put: Put) -> None:
    put(FAIL, "code/fail.py")
    put(COPY)
    told: list[StepRun] = []
    done = run(
        tmp_path,
        processing(
            "bad",
            code="s3://b/code/fail.py",
            command=["python3", "/opt/ml/processing/input/code/fail.py"],
        ),
        processing("after", inputs={"data": output_of("bad")}),
        processing("far", depends_on=["after"]),
        processing("apart"),
        tell=told.append,
    )
    assert statuses(done) == {
        "bad": "Failed",
        "apart": "Succeeded",
        "after": "Skipped",
        "far": "Skipped",
    }
    assert not done.succeeded
    assert done["bad"].reason == "It ended with exit code 1."
    assert done["bad"].log_tail == "one\ntwo\nthree"
    assert done["after"].reason == "bad has failed."
    assert done["far"].reason == "after was skipped."
    with pytest.raises(
        PipelineFailed, match="Step 'bad' failed: It ended with exit code"
    ) as caught:
        done.check()
    assert str(caught.value).endswith("log.txt.\none\ntwo\nthree")
    assert [(step.name, step.status) for step in told if step.name == "bad"] == [
        ("bad", StepStatus.EXECUTING),
        ("bad", StepStatus.FAILED),
    ]
    saved = json.loads((done.folder / "execution.json").read_text())
    assert saved == done.to_json()
    assert not (tmp_path / "work/s3/b/bad").exists()


def test_only_the_end_of_a_long_log_is_shown(tmp_path: Path, put: Put) -> None:
    put("for n in range(50_000): print(n)\nraise SystemExit(7)")
    done = run(tmp_path, processing("s"))
    assert done["s"].reason == "It ended with exit code 7."
    assert done["s"].log_tail.split() == [str(n) for n in range(49_980, 50_000)]


def test_a_step_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path, put: Put) -> None:
    put(
        "import subprocess, time, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    done = run(tmp_path, processing("s", seconds=3))
    assert done["s"].reason == "It ran longer than 3 seconds."
    pid = int(done["s"].log_tail)
    for _ in range(100):  # until its parent, which has been ended too, is replaced and reaps it
        if (
            not Path(f"/proc/{pid}").exists()
            or b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        ):
            break
        time.sleep(0.1)
    else:
        raise AssertionError(f"{pid} is still there")


def test_what_a_step_left_running_ends_with_it(tmp_path: Path, put: Put) -> None:
    put(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "raise SystemExit(str(child.pid))\n"
    )
    pid = int(run(tmp_path, processing("s"))["s"].log_tail)
    for _ in range(100):
        if (
            not Path(f"/proc/{pid}").exists()
            or b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        ):
            return
        time.sleep(0.1)
    raise AssertionError(f"{pid} is still there")


def test_a_signal_is_named(tmp_path: Path, put: Put) -> None:
    put("import os; os.kill(os.getpid(), 9)")
    assert run(tmp_path, processing("s"))["s"].reason == "It was ended by the signal SIGKILL."


def test_a_command_that_there_is_not(tmp_path: Path, put: Put, way: str) -> None:
    put("")
    done = run(tmp_path, processing("s", command=["no-such-command"]))
    assert done["s"].status is StepStatus.FAILED
    assert "no-such-command" in done["s"].reason + done["s"].log_tail


def test_inputs_that_are_missing(tmp_path: Path) -> None:
    done = run(tmp_path, processing("s"))
    assert done["s"].reason.startswith("There is nothing at s3://b/code/script.py.")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"LocalPath": "/etc"}, "'/etc' must lie under /opt/ml"),
        ({"LocalPath": "/opt/ml/../../etc"}, "must lie under /opt/ml"),
        ({"S3InputMode": "Pipe"}, "the S3InputMode 'Pipe'; the local runner knows 'File'"),
        ({"S3DataType": "ManifestFile"}, "the S3DataType 'ManifestFile'"),
        ({"S3Uri": "s3://b/../../x"}, "leads out of its bucket"),
        ({"S3Uri": "https://b/x"}, "is no S3 URI"),
    ],
)
def test_inputs_that_cannot_be_had_here(
    change: dict[str, str], said: str, tmp_path: Path, put: Put
) -> None:
    put("")
    step = processing("s")
    step["Arguments"]["ProcessingInputs"][0]["S3Input"] |= change
    assert said in run(tmp_path, step)["s"].reason


def test_requests_that_lack_something(tmp_path: Path, put: Put) -> None:
    put("")
    step = processing("s")
    del step["Arguments"]["ProcessingInputs"][0]["S3Input"]["LocalPath"]
    assert run(tmp_path, step)["s"].reason == "The request lacks 'LocalPath'."
    step = processing("s")
    step["Arguments"]["ProcessingInputs"].append({"InputName": "d", "DatasetDefinition": {}})
    assert "Input 'd' is no S3Input" in run(tmp_path, step)["s"].reason
    step = processing("s")
    step["Arguments"]["AppSpecification"] = {"ImageUri": "i"}
    assert "no ContainerEntrypoint" in run(tmp_path, step)["s"].reason


def test_a_function_that_is_not_known_fails_its_step_by_name(tmp_path: Path, put: Put) -> None:
    put(COPY)
    bad = processing("s", environment={"X": {"Std:JsonGet": {"Path": "a"}}})
    assert "uses Std:JsonGet" in run(tmp_path, bad)["s"].reason


def training(**more: Any) -> dict[str, Any]:
    return {
        "Name": "train",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": "image",
                "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/script.py"],
            },
            "HyperParameters": {"depth": "3"},
            "InputDataConfig": [
                {
                    "ChannelName": "code",
                    "DataSource": {
                        "S3DataSource": {"S3Uri": "s3://b/code", "S3DataType": "S3Prefix"}
                    },
                }
            ],
            "OutputDataConfig": {"S3OutputPath": join("s3://b", "models")},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **more,
        },
    }


def model(data: Any) -> dict[str, Any]:
    container = {"Image": "image", "ModelDataUrl": data, "Environment": {}}
    return {"Name": "model", "Type": "Model", "Arguments": {"PrimaryContainer": container}}


def test_training_and_model_creation(tmp_path: Path, put: Put) -> None:
    put(
        ROOT + "text = (ml / 'input/config/hyperparameters.json').read_text()\n"
        "(ml / 'model' / 'm.json').write_text(text)\n"
    )
    put("import os; print(os.environ['NAME'])", "other/script.py")
    artifacts = get("Steps.train.ModelArtifacts.S3ModelArtifacts")
    after = processing(
        "after",
        code="s3://b/other/script.py",
        inputs={"m": get("Steps.model.PrimaryContainer.ModelDataUrl")},
        environment={"NAME": get("Steps.model.ModelName")},
    )
    done = run(tmp_path, training(), model(artifacts), after, execution_id="e1")
    done.check()
    assert done["train"].properties["ModelArtifacts"] == {
        "S3ModelArtifacts": "s3://b/models/e1-train/output/model.tar.gz"
    }
    with tarfile.open(tmp_path / "work/s3/b/models/e1-train/output/model.tar.gz") as archive:
        content = archive.extractfile("m.json")
        assert content is not None
        assert json.load(content) == {"depth": "3"}
    assert done["after"].log is not None
    assert done["after"].log.read_text() == "e1-model\n"
    assert (done.folder / "after/opt/ml/processing/input/m/model.tar.gz").is_file()


def test_training_that_leaves_no_model_has_failed(tmp_path: Path, put: Put) -> None:
    put("pass")
    assert run(tmp_path, training())["train"].reason == "It left nothing in /opt/ml/model."


def test_a_model_of_nothing_has_failed(tmp_path: Path) -> None:
    done = run(tmp_path, model("s3://b/none.tar.gz"))
    assert "There is nothing at s3://b/none.tar.gz" in done["model"].reason


def test_a_retry_begins_with_clean_folders(tmp_path: Path, put: Put) -> None:
    put(ROOT + "print(len(list(ml.rglob('stale')))); (ml / 'stale').touch()")
    for _ in range(2):
        done = run(tmp_path, processing("s"), execution_id="e1")
        assert done["s"].log is not None
        assert done["s"].log.read_text() == "0\n"
    assert done.execution_id == "e1"


def test_executions_have_ids_and_folders_of_their_own(tmp_path: Path, put: Put) -> None:
    put("")
    first, second = (run(tmp_path, processing("s")) for _ in range(2))
    assert first.execution_id != second.execution_id
    assert first.folder != second.folder


@pytest.mark.parametrize("execution_id", ["../x", "a/b", "-a", "a b", "x" * 65])
def test_ids_that_are_none(execution_id: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="The execution id is"):
        run(tmp_path, processing("s"), execution_id=execution_id)


def test_parameters_that_are_unknown_or_missing(tmp_path: Path) -> None:
    text = definition(processing("s"), parameters=[{"Name": "P", "Type": "String"}])
    with pytest.raises(InvalidInput, match="'P' has no default; it must be given"):
        run_pipeline(text, tmp_path)
    with pytest.raises(InvalidInput, match=r"no parameter 'Q'. Its parameters: P"):
        run_pipeline(text, tmp_path, parameters={"Q": 1})


def test_nothing_runs_of_a_definition_that_cannot_be_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidPipeline):
        run(tmp_path, processing("a", depends_on=["b"]))
    assert not (tmp_path / "work").exists()


def test_s3_may_be_an_endpoint_with_uploads_beside(
    tmp_path: Path, aws: Aws, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    client = aws.client("s3")
    bucket = f"bucket-{way}"
    client.create_bucket(Bucket=bucket)
    (tmp_path / "up" / bucket / "code").mkdir(parents=True)
    (tmp_path / "up" / bucket / "code" / "script.py").write_text(COPY)
    text = definition(processing("first", arguments=["1"])).replace("s3://b", f"s3://{bucket}")
    done = run_pipeline(text, tmp_path / "work", s3=aws.url, uploads=tmp_path / "up")
    done.check()
    assert client.get_object(Bucket=bucket, Key="first/made.txt")["Body"].read() == b"1"
