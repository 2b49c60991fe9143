"""The command as a whole: options before and after, exit codes, interruptions, completion."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from muniment._version import __version__
from tests.cli.conftest import Command

MUNIMENT = [sys.executable, "-m", "muniment"]


def test_global_options_stand_before_and_after_and_the_latter_count(
    muniment: Command, pushed: str, tmp_path: Path
) -> None:
    registry = str(tmp_path / "registry")
    assert muniment("-q", "--registry", registry, "ls").out == "fraud\n"
    assert muniment("ls", "-q", "--registry", registry).out == "fraud\n"
    assert muniment("-o", "json", "ls", "-q").out == "fraud\n"
    assert muniment("-q", "ls", "-o", "json").json[0]["name"] == "fraud"
    assert muniment("--registry", "./other", "ls", "--registry", registry, "-q").out == "fraud\n"
    assert muniment("--registry", "./other", "ls", "-q").out == ""


def test_a_workspace_has_models_of_its_own(
    muniment: Command, pushed: str, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    muniment("--workspace", "risk", "push", "theirs", model_folder)
    assert muniment("ls", "--workspace", "risk", "-q").lines == ["theirs"]
    monkeypatch.setenv("MUNIMENT_WORKSPACE", "risk")
    assert muniment("ls", "-q").lines == ["theirs"]
    assert muniment("ls", "-q", "--workspace", "default").lines == ["fraud"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["puhs"], "Did you mean 'push'?"),
        (["ls", "--nope"], "muniment ls --help"),
        (["ls", "--limit", "0"], "greater than or equal to 1"),
        (["ls", "-o", "xml"], "'xml' is not one of"),
        (["diff", "fraud/1"], "Missing argument"),
        (["show", "a/b/c"], "can't be a model name"),
        (["push", "fraud"], "nothing to push"),
        (["push", "fraud", "-"], "--path"),
        (["push", "fraud", "nowhere"], "no file or folder"),
        (["push", "fraud", ".", "--tag", "x"], "key=value"),
        (["push", "fraud", ".", "--metric", "auc=good"], "not a number"),
        (["push", "fraud", ".", "--alias", "latest"], "reserved"),
        (["gc", "--grace", "soon"], "not a duration"),
        (["search", "auc >"], "Column"),
        (["--registry", "ftp://x", "ls"], "not the address"),
        (["serve", "--host", "192.0.2.1"], "loopback"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
    ],
)
def test_what_is_written_wrongly_is_refused_with_the_rule(
    args: list[str], said: str, muniment: Command
) -> None:
    failed = muniment(*args, code=2)
    assert failed.out == ""
    assert failed.err.startswith("error: ")
    assert said in failed.err
    assert "Traceback" not in failed.err


def test_files_that_are_not_json_are_named(muniment: Command, model_folder: Path) -> None:
    for option in ("--signature", "--input-example"):
        Path("wrong.json").write_text("{")
        assert (
            "'wrong.json' is not JSON"
            in muniment(*("push", "m", model_folder, option, "wrong.json"), code=2).err
        )
        failed = muniment("push", "m", model_folder, option, "gone.json", code=1)
        assert "gone.json: No such file or directory" in failed.err


def test_a_registry_that_does_not_answer_has_a_code_of_its_own(muniment: Command) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert "muniment serve" in muniment("--registry", url, "ls", code=6).err


def test_debug_shows_the_traceback(muniment: Command) -> None:
    assert "Traceback" in muniment("--debug", "show", "nope", code=3).err
    assert "Traceback" in muniment("show", "nope", "--debug", code=3).err


def test_versions_are_told(muniment: Command) -> None:
    assert muniment("--version").out == f"muniment {__version__}\n"
    assert muniment("version", "-q").out == f"{__version__}\n"
    assert muniment("version", "-o", "json").json["muniment"] == __version__


def test_looking_at_the_version_or_the_help_loads_no_client_and_no_server() -> None:
    for args in (["--version"], ["--help"]):
        script = (
            "import sys, muniment.cli; muniment.cli.main(sys.argv[1:]); "
            "print(sorted({m.partition('.')[0] for m in sys.modules} "
            "& {'httpx', 'fastapi', 'sqlalchemy', 'alembic', 'pydantic_settings'}))"
        )
        done = subprocess.run([sys.executable, "-c", script, *args], capture_output=True)
        assert done.stdout.decode().splitlines()[-1] == "[]"


def test_serving_loads_no_command_but_the_servers() -> None:
    script = (
        "import sys, muniment.cli; muniment.cli.main(['serve', '--help']); "
        "print('muniment.cli.server' in sys.modules, 'muniment.cli.moving' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert done.stdout.decode().splitlines()[-1] == "True False"


def test_names_that_the_terminal_can_not_show_are_escaped(
    muniment: Command, model_folder: Path
) -> None:
    muniment("push", "模型", model_folder, "--alias", "champion")
    for form in ("human", "json", "quiet"):
        done = subprocess.run(
            [*MUNIMENT, "show", "模型@champion", "-o", form],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=True,
        )
        assert b"\\u6a21\\u578b" in done.stdout


def test_a_closed_pipe_is_no_fault(pushed: str) -> None:
    with subprocess.Popen(
        [*MUNIMENT, "log", "fraud"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_ctrl_c_ends_a_command_with_130_and_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [*MUNIMENT, "--registry", url, "ls"],
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        ) as process:
            connection, _ = silent.accept()
            connection.recv(1024)  # the request; there will be no answer
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
            assert process.stderr is not None
            assert process.stderr.read() == b""
            connection.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    done = subprocess.run([*MUNIMENT, "completion", shell], capture_output=True, check=True)
    assert b"_MUNIMENT_COMPLETE=complete_" + shell.encode() in done.stdout


def test_bash_completes_commands_and_options() -> None:
    for words, expected in (("muniment pu", {"push", "pull"}), ("muniment gc --gr", {"--grace"})):
        done = subprocess.run(
            MUNIMENT,
            env={
                **os.environ,
                "_MUNIMENT_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(words.count(" ")),
            },
            capture_output=True,
            text=True,
        )
        assert set(done.stdout.split()) == expected


def test_serve_answers_and_ends_in_order(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*MUNIMENT, "serve", "--port", "0", "--home", tmp_path / "home"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"at (http://\S+)", process.stdout.readline())
        assert found
        listed = subprocess.run([*MUNIMENT, "--registry", found[1], "ls", "-q"], check=True)
        assert listed.returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert (tmp_path / "home").is_dir()
