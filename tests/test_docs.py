"""The manual works as written: its code runs, its links lead somewhere.

A page is one story: its blocks run in order, in one process, against a server of its own. The page
becomes a script of the same number of lines, so a traceback names the line of the page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import muniment
from tests.faults.serving import ServerProcess

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADDRESS = re.compile(r"http://(?:127\.0\.0\.1|localhost):8000\b")

RUN: Final = {"python", "console", "bash"}
READ: Final = {"", "env", "json", "sql", "text"}
"""Languages of blocks that only show something: drawings, documents, answers. Filters run below."""

ELSEWHERE: Final = {"docs/api.md": "tests/server/test_docs.py runs it, and checks each status"}
"""Pages whose blocks are run by another test."""

NOT_RUN: Final = {
    "muniment ready": "it asks port 8000; tests/cli/test_readiness.py runs it",
    "make demo": "tests/demo runs it; `make` would install everything once more",
    "make test": "it runs this test",
    "pip install muniment": "it is installed",
    "muniment serve": "it serves until Ctrl-C; the page's server stands for it",
    "muniment serve &": "the same",
    "muniment serve --port 9000 --home ./registry": "the same",
    "muniment demo --exit": "tests/demo runs it",
    "muniment show fraud@champion -o json | jq .metrics": "not everybody has jq",
    "muniment passwd --name grace": "it asks for passwords; tests/cli/test_accounts.py runs it",
    "muniment token revoke 4f1d2c3b4a596877": "no token has this id",
    "muniment import mlflow http://127.0.0.1:5000 --dry-run": "no MLflow server is there; "
    "tests/ml/test_import_mlflow.py runs it",
    **{
        f"muniment {what}": "docs/moving.md runs the like of it, on folders"
        for what in (
            "export registry.tar --from /srv/models",
            "migrate --from /srv/models --to @place.txt",
            "replicate 'fraud*' --to https://models.example.com",
            "import archive registry.tar --to /srv/models",
            "import registry.tar --to /srv/models --model fraud --into fraud-copy",
            "backup make /backups --from /srv/models",
            "backup ls /backups",
            "backup restore /backups --to /srv/models",
        )
    },
    "muniment webhook create chat https://chat.example.com/hook --event stage.changed "
    "--stage Production": "nobody is there; tests/cli/test_webhooks.py runs these",
    **{
        f"muniment webhook {what}": "no webhook has this id"
        for what in (
            "show 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59",
            "set 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59 --status disabled",
            "rotate 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59",
            "test 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59",
            "deliveries 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59",
            "replay 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59 5b1d6a36-0d3c-5c43-9a53-6a0f7c9d2e11",
            "rm 0f6e2f0c-6f0e-4a55-8f0a-3a1d2c3b4a59 --yes",
        )
    },
    "from databricks.sdk import WorkspaceClient": "it wants a token; tests/server/mlflow tries it",
    "import pandas": "too large for one example; fsspec, which it calls, is tried above it",
}
"""Commands, and first lines of Python blocks, that do not run, with the reason."""

PREAMBLE: Final = r"""
import os, subprocess, warnings
warnings.filterwarnings("default", module=r"mlflow\.")  # its own affair
from sklearn.datasets import load_breast_cancer
from sklearn.tree import DecisionTreeClassifier

model = DecisionTreeClassifier(max_depth=3).fit(*load_breast_cancer(return_X_y=True))

def shell(commands):
    functions = '''
        muniment() { "$PYTHON" -m muniment "$@"; }
        curl() { command curl --silent --show-error --fail-with-body "$@"; }
    '''
    subprocess.run(["bash", "-euo", "pipefail", "-c", functions + commands], check=True)
"""
"""What every page may presume: a trained `model`; for the tests, `shell`."""

PRESUMED: Final = {
    "README.md": "printf 'a model' > model.pkl",
    "docs/adapters.md": f"mkdir -p ../docs && cp -r {ROOT / 'docs' / 'examples'} ../docs",
    "docs/classic.md": "printf 'a model' > model.pkl",
    "docs/signing.md": "mkdir model && printf 'weights' > model/weights.bin",
    "docs/cli.md": """
        printf 'a model' > model.joblib
        muniment push fraud model.joblib
        muniment keys generate release.pem
        mkdir -p "$HOME/.local/share/bash-completion/completions"
        printf '%s\n' 'from muniment.pipelines import *' \
            'template = PipelineBuilderTemplate(PipelineDAG(["load"]), {"load": ' \
            'CradleDataLoadingConfig(data_source="'"$PWD"'/data.csv")},' \
            'installed_step_builders())' \
            > fraud_pipeline.py
        echo 'amount,is_fraud' > data.csv
    """,
}
"""What a page presumes beside that, as shell commands."""


@dataclass(frozen=True)
class Block:
    """A block of a page; `line` is that of its first line of code, from 1."""

    language: str
    code: str
    line: int

    @property
    def commands(self) -> list[str]:
        """The commands of a console block: what stands behind `$`, with continued lines."""
        found = re.findall(r"^\$ (.*(?<=\\)(?:\n.*(?<=\\))*\n.*|.*)", self.code, re.MULTILINE)
        return [re.sub(r"\s+#\s.*", "", command).strip() for command in found]


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def blocks_of(document: Path) -> Iterator[Block]:
    text = document.read_text("utf-8")
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1)


def script_of(document: Path) -> str:
    """The page as a Python script, line by line; what is not code is left blank."""
    lines = [""] * document.read_text("utf-8").count("\n")
    lines[0] = f"from preamble import model, shell; shell({PRESUMED.get(name_of(document), '')!r})"
    for block in blocks_of(document):
        code = block.code.splitlines()
        if block.language == "console":
            code = [f"shell({command!r})" for command in block.commands if command not in NOT_RUN]
        elif block.language == "bash":
            code = [f"shell({block.code!r})"]
        elif block.language != "python" or code[0] in NOT_RUN:
            continue
        lines[block.line - 1 : block.line - 1 + len(code)] = code
    return "\n".join(lines)


STORIES = [
    document
    for document in DOCUMENTS
    if name_of(document) not in ELSEWHERE
    and any(block.language in RUN for block in blocks_of(document))
]


@pytest.fixture
def server(tmp_path: Path, document: Path) -> Iterator[ServerProcess]:
    checks = {"MUNIMENT_CHECKS_EVERY": "0.2"} if document.name == "checks.md" else {}
    with ServerProcess(tmp_path / "home-of-the-server", variables=checks) as started:
        yield started


@pytest.mark.parametrize("document", STORIES, ids=name_of)
def test_the_page_works_as_written(document: Path, server: ServerProcess, tmp_path: Path) -> None:
    if shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("needs bash and curl")
    work, home = tmp_path / "work", tmp_path / "home-of-the-reader"
    work.mkdir()
    home.mkdir()
    (tmp_path / "preamble.py").write_text(PREAMBLE)
    page = tmp_path / f"{document.name}.py"
    page.write_text(ADDRESS.sub(server.url, script_of(document)), "utf-8")
    surroundings = {
        "HOME": str(home),
        "MUNIMENT_CACHE": str(tmp_path / "cache"),
        "MUNIMENT_REGISTRY": server.url,
        "PYTHON": sys.executable,
    }
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(page)],
        cwd=work,
        env={**os.environ, **surroundings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_block_is_either_run_or_there_to_be_read(document: Path) -> None:
    text = document.read_text("utf-8")
    blocks = list(blocks_of(document))
    assert len(re.findall(r"^\s*```", text, re.MULTILINE)) == 2 * len(blocks), "a block is not seen"
    for block in blocks:
        assert block.language in RUN | READ, f"{document.name}:{block.line}"
        if block.language == "console":
            assert block.commands, f"{document.name}:{block.line}: no line begins with `$ `"


def test_what_does_not_run_is_there() -> None:
    blocks = [block for document in STORIES for block in blocks_of(document)]
    commands = [command for block in blocks for command in block.commands]
    assert {*NOT_RUN} <= {*commands, *(block.code.partition("\n")[0] for block in blocks)}
    assert {*ELSEWHERE, *PRESUMED} <= {name_of(document) for document in DOCUMENTS}


def blocks_of_search(language: str) -> list[str]:
    return [b.code for b in blocks_of(ROOT / "docs" / "search.md") if b.language == language]


def test_the_filters_and_orders_of_the_search_page_are_understood(tmp_path: Path) -> None:
    orders, _wrong = blocks_of_search("text")
    with muniment.connect(tmp_path / "registry") as registry:
        for search in blocks_of_search("sql"):
            assert not registry.versions(search).all()
            assert not registry.models(search).all()
        assert not registry.versions(order_by=orders.splitlines()).all()


def test_the_wrong_filter_of_the_search_page_is_answered_as_it_says(tmp_path: Path) -> None:
    _orders, wrong = blocks_of_search("text")
    search, caret, answer = wrong.splitlines()
    with (
        muniment.connect(tmp_path / "registry") as registry,
        pytest.raises(muniment.InvalidInput) as refused,
    ):
        registry.versions(search).all()
    assert str(refused.value) == answer
    assert refused.value.details["column"] == len(caret)


def prose_of(document: Path) -> str:
    return re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors_of(document: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+)$", prose_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", prose_of(document))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link
