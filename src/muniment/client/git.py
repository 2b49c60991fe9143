"""The commit that a push is made from, read from `git` in the working directory.

Never in the way: without git or a repository, or if git takes long, there is nothing to note.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from muniment.domain.lineage import Node
from muniment.domain.repositories import address_of, commit_node
from muniment.domain.values import Value

VARIABLE: Final = "MUNIMENT_GIT"
SOURCE: Final = "git"
_OFF: Final = ("0", "off", "no", "false")
_PATIENCE: Final = 2.0  # seconds for each question to git
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def wanted(asked: bool | None) -> bool:
    """Say whether a push looks for a commit: as asked, else as MUNIMENT_GIT says, else yes."""
    return os.environ.get(VARIABLE, "").lower() not in _OFF if asked is None else asked


def commit_here(folder: Path | None = None) -> Node | None:
    """Return the commit that is checked out in a folder, by default the working directory.

    Its `properties` say whether it is `dirty`: changed since, as far as git follows the files.
    """
    git = shutil.which("git")
    try:
        here = Path.cwd() if folder is None else folder
    except OSError:  # it was removed
        return None
    if git is None or not any((parent / ".git").exists() for parent in (here, *here.parents)):
        return None
    commit = _asked(git, here, "rev-parse", "--verify", "--quiet", "HEAD")
    if commit is None or not _COMMIT.fullmatch(commit):
        return None
    repository = address_of(_asked(git, here, "config", "--get", "remote.origin.url") or "")
    changed = _asked(git, here, "status", "--porcelain", "--untracked-files=no")
    properties: dict[str, Value] = {} if changed is None else {"dirty": bool(changed)}
    return commit_node(commit, repository, properties)


def _asked(git: str, folder: Path, *arguments: str) -> str | None:
    """Return what git answers, or None. A repository's settings start no program of theirs."""
    command = [git, "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - git, with our own arguments
            command,
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
