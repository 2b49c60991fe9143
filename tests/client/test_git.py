"""What a push notes of the git repository that it is made in."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from muniment.client import git
from muniment.client.registry import Registry
from muniment.domain.lineage import NodeKind, Relation

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def run(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.com", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    run(folder, "init", "--quiet")
    (folder / "train.py").write_text("print('training')\n")
    run(folder, "add", ".")
    run(folder, "commit", "--quiet", "--message", "first")
    run(folder, "remote", "add", "origin", "https://ada:secret@example.com/team/fraud.git")
    return folder


def test_a_push_notes_repository_commit_and_whether_files_were_changed(
    registry: Registry, name: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(git.VARIABLE, "on")
    monkeypatch.chdir(repository / "src")
    commit = run(repository, "rev-parse", "HEAD")

    (edge,) = registry.origins(registry.push(name, b"1"))
    assert (edge.relation, edge.source) == (Relation.BUILT_FROM, "git")
    assert (edge.node.kind, edge.node.name) == (NodeKind.COMMIT, commit[:12])
    assert edge.node.id == f"https://example.com/team/fraud.git@{commit}"
    assert edge.node.uri == "https://example.com/team/fraud.git"
    assert edge.node.properties == {"dirty": False}

    (repository / "train.py").write_text("print('training more')\n")
    (edge,) = registry.origins(registry.push(name, b"2"))
    assert edge.node.properties == {"dirty": True}


def test_it_can_be_turned_off(
    local: Registry, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.setenv(git.VARIABLE, "on")
    assert local.origins(local.push("m", b"1", use_git=False)) == []
    monkeypatch.setenv(git.VARIABLE, "Off")
    assert local.origins(local.push("m", b"2")) == []
    assert len(local.origins(local.push("m", b"3", use_git=True))) == 1


def test_without_repository_commit_or_git_nothing_is_noted(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git.commit_here(tmp_path) is None
    empty = tmp_path / "empty"
    empty.mkdir()
    run(empty, "init", "--quiet")
    assert git.commit_here(empty) is None
    (empty / ".git" / "HEAD").write_text("no such thing")
    assert git.commit_here(empty) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.commit_here(repository) is None


def test_a_slow_git_is_not_waited_for(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    monkeypatch.setattr(git, "_PATIENCE", 0.1)
    assert git.commit_here(repository) is None


def test_the_settings_of_a_repository_start_no_program(repository: Path) -> None:
    trap = repository / "trap"
    hook = repository / "hook.sh"
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o755)
    run(repository, "config", "core.fsmonitor", str(hook))
    assert git.commit_here(repository) is not None
    assert not trap.exists()


def test_a_push_works_in_a_folder_that_was_removed(
    local: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert local.push("m", b"1", use_git=True).version == 1
