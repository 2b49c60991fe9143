"""The demo, run as users run it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

DEMO = [sys.executable, "-m", "muniment", "demo"]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go, to see that none is left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_the_same_model_comes_out_and_nothing_is_left_behind(temporary: Path) -> None:
    done = subprocess.run([*DEMO, "--exit"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        r"1  A server\n   http://127\.0\.0\.1:\d+, process \d+, answered after",
        r"3  Version 1\n   logistic regression: AUC 0\.\d+, accuracy 0\.\d+; trained in",
        r"4  Version 2\n   random forest",
        r"digits@champion is digits/2: its AUC is higher by 0\.\d+",
        r"process \d+ pulled digits@champion: 3 files",
        r"every file has the digest that the manifest says",
        r"its 450 × 10 predicted probabilities equal the original's, bit for bit",
        r"The same model came out\.\n",
    ):
        assert re.search(expected, done.stdout), expected
    assert max(map(len, done.stdout.splitlines())) <= 90
    server = re.search(r"http://\S+, process (\d+)", done.stdout)
    assert server
    assert not alive(int(server[1]))
    assert list(temporary.iterdir()) == []


def test_programs_get_one_object_and_home_keeps_the_data(temporary: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [*DEMO, "--exit", "--home", home, "-o", "json"], capture_output=True, check=True
    )
    summary = json.loads(done.stdout)
    assert summary["identical"] is True
    champion = summary["champion"]
    assert (champion["model"], champion["aliases"]) == ("digits", ["champion"])
    assert len(champion["signature"]["input"]["variables"]) == 64
    assert champion["metrics"].keys() == {"auc", "accuracy"}
    report = subprocess.run(
        [sys.executable, "-m", "muniment", "--registry", home, "verify", "-o", "json"],
        capture_output=True,
        check=True,
    )
    assert [version["ok"] for version in json.loads(report.stdout)] == [True, True]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped_and_leaves_no_process(
    number: signal.Signals, temporary: Path
) -> None:
    with subprocess.Popen(
        DEMO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        told = ""
        while "Serving until Ctrl-C" not in told:
            line = process.stdout.readline()
            assert line, told
            told += line
        server = re.search(r"(http://\S+), process (\d+)", told)
        assert server
        commands = re.findall(r"^   muniment (\w+) .*$", told, re.MULTILINE)
        assert "diff" in commands
        for line in re.findall(r"^   muniment (.*)$", told, re.MULTILINE):
            subprocess.run(
                [sys.executable, "-m", "muniment", *shlex.split(line), "-q"],
                check=True,
                env={**os.environ, "MUNIMENT_REGISTRY": server[1]},
                capture_output=True,
            )
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not alive(int(server[2]))
    assert list(temporary.iterdir()) == []


def test_ctrl_c_in_the_middle_leaves_nothing_either(temporary: Path) -> None:
    with subprocess.Popen(
        DEMO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        told = ""
        while "process" not in told:
            told += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    (pid,) = re.findall(r"process (\d+)", told)
    assert not alive(int(pid))
    assert list(temporary.iterdir()) == []


def test_another_prediction_in_the_fresh_process_is_a_failure(
    temporary: Path, tmp_path: Path
) -> None:
    """A model that predicts something else in the fresh process, by one unit in the last place."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'muniment.demo.fresh' in sys.orig_argv:\n"
        "    import numpy\n"
        "    from muniment.demo import digits\n"
        "    true = digits.predict\n"
        "    digits.predict = lambda model, data: numpy.nextafter(true(model, data), 2)\n"
    )
    done = subprocess.run(
        [*DEMO, "--exit"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 7
    assert "predicts something else" in done.stderr
    assert list(temporary.iterdir()) == []


def test_without_scikit_learn_it_says_what_to_install(temporary: Path) -> None:
    script = "import sys; sys.modules['sklearn'] = None; import muniment.cli as c; c.main(['demo'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert 'pip install "muniment[demo]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_can_not_start_is_reported_with_what_it_said(
    temporary: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = subprocess.run(
        [*DEMO, "--exit", "--home", tmp_path / "file"], capture_output=True, text=True
    )
    assert done.returncode not in (0, 130)
    assert "The server ended with code" in done.stderr
    assert list(temporary.iterdir()) == []
