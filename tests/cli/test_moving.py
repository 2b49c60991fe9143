"""Export, import, migrate, backup, replicate, as somebody at a terminal sees them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.cli.places import place_of
from muniment.cli.session import Session
from muniment.errors import InvalidInput
from tests.client import servers

from .conftest import Command


def test_an_export_is_imported_elsewhere(muniment: Command, pushed: str) -> None:
    told = muniment("export", "a.tar", "-o", "json").json
    assert told == {
        "archive": "a.tar", "models": 1, "same": 0, "versions": 2, "blobs": 5,
        "bytes": told["bytes"], "accounts": False,
    }  # fmt: skip
    out = muniment("import", "a.tar", "--to", "other").out
    assert "Imported from a.tar." in out
    assert muniment("import", "archive", "a.tar", "--to", "other", "-q").lines == ["0"]
    assert muniment("show", "fraud@champion", "--registry", "other", "-q").lines == ["fraud/1"]
    muniment("verify", "--registry", "other")


def test_a_model_is_chosen_and_renamed(muniment: Command, pushed: str, model_folder: Path) -> None:
    muniment("push", "credit", model_folder)
    assert muniment("export", "all", "-q").lines == ["all"]
    muniment("import", "all", "--to", "other", "--model", "fr*", "--into", "mine")
    assert muniment("ls", "--registry", "other", "-q").lines == ["mine"]
    refused = muniment("import", "all", code=0)  # as it is here already
    assert "same there already" in refused.out
    assert (
        "nothing is ever merged"
        in muniment("import", "all", "--to", "other", "--model", "fraud", "-o", "json", code=4).err
    )


def test_what_goes_to_standard_output_is_the_archive(pushed: str, muniment: Command) -> None:
    muniment("export", "a.tar")
    ran = subprocess.run(
        [sys.executable, "-m", "muniment", "export", "-"], check=True, capture_output=True
    )
    assert ran.stdout == Path("a.tar").read_bytes()


def test_a_registry_migrates(muniment: Command, pushed: str) -> None:
    told = muniment("migrate", "--to", "other", "-o", "json").json
    assert (told["models"], told["undelivered"]) == (1, False)
    again = muniment("migrate", "--from", "registry", "--to", "other", "-o", "json").json
    assert (again["same"], again["blobs"]) == (1, 0)
    assert "say the same" in muniment("migrate", "--to", "other").out
    muniment("push", "other", "model", "--registry", "third")
    assert "another registry" in muniment("migrate", "--to", "third", code=4).err
    assert "Where to?" in muniment("migrate", code=2).err
    assert "is where it is" in muniment("migrate", "--to", "registry", code=2).err


def test_a_backup_comes_back(muniment: Command, pushed: str) -> None:
    assert "no backup" in muniment("backup", "ls", "b").out
    (first,) = muniment("backup", "b", "-q").lines
    (second,) = muniment("backup", "make", "b", "--from", "registry", "-q").lines
    assert muniment("backup", "ls", "b", "-q").lines == [first, second]
    assert muniment("backup", "ls", "b", "-o", "json").json == [first, second]
    assert muniment("backup", "restore", "b", "--to", "back", "-q").lines == [second]
    muniment("verify", "--registry", "back")
    told = muniment("backup", "restore", "b", first, "--to", "other", "-o", "json").json
    assert (told["name"], told["models"]) == (first, 1)
    assert "no backup" in muniment("backup", "restore", "b", "x", "--to", "new", code=3).err


def test_damage_has_an_exit_code_and_a_name(muniment: Command, pushed: str) -> None:
    muniment("export", "all")
    blob = next(path for path in Path("all/blobs").rglob("*") if path.is_file())
    blob.unlink()
    assert blob.name in muniment("import", "all", "--to", "other", code=7).err
    Path("all/contents.jsonl").unlink()
    assert "not whole" in muniment("import", "all", "--to", "other", code=7).err


def test_there_must_be_a_registry_to_export(muniment: Command, tmp_path: Path) -> None:
    assert "no registry" in muniment("export", "a.tar", "--from", "nowhere", code=3).err
    assert not Path("nowhere").exists()
    assert "no archive" in muniment("import", "nowhere", code=3).err


def test_places_are_folders_urls_or_files_that_name_them(
    muniment: Command, pushed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path.cwd()
    Path("place.txt").write_text(f"sqlite:///{here}/other/m.db file://{here}/other/files\n")
    muniment("migrate", "--to", "@place.txt")
    urls = f"sqlite:///{here}/other/m.db file://{here}/other/files"
    assert muniment("export", "b.tar", "--from", urls, "-o", "json").json["models"] == 1
    assert (here / "other" / "m.db").exists()
    monkeypatch.setenv("MUNIMENT_BLOBS", f"{here}/other/files")
    database = f"sqlite:///{here}/other/m.db"
    assert muniment("export", "b.tar", "--from", database, "-o", "json").json["models"] == 1
    monkeypatch.delenv("MUNIMENT_BLOBS")
    for wrong in ("http://127.0.0.1:1", "sqlite:///x.db"):
        assert "but an address" in muniment("export", "c.tar", "--from", wrong, code=2).err


def test_a_server_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_REGISTRY", "http://127.0.0.1:8000")
    monkeypatch.setenv("MUNIMENT_HOME", "home")
    session = Session(None, None, out=None)  # type: ignore[arg-type]
    assert place_of(None, session).folder == Path.cwd() / "home"
    with pytest.raises(InvalidInput):
        place_of("http://127.0.0.1:8000", session)


# -- replicate -----------------------------------------------------------------------------------


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[servers.Server]:
    """A server of the test's own: what others have pushed would be there already."""
    started = servers.start(tmp_path / "target")
    yield started
    started.end()


def test_versions_are_copied_to_a_server(
    muniment: Command, pushed: str, empty_server: servers.Server
) -> None:
    to = ("--to", empty_server.url)
    would = muniment("replicate", "fraud", *to, "--dry-run", "-o", "json").json
    assert [(one["source"], one["target"]) for one in would] == [
        ("fraud/1", None),
        ("fraud/2", None),
    ]
    copied = muniment("replicate", "fraud", *to, "-o", "json").json
    assert all(one["copied"] and one["bytes"] for one in copied)
    again = muniment("replicate", *to, "--alias", "champion", "--with-aliases").out
    assert "0 versions copied (0 B sent), 1 version there already." in again
    shown = muniment("show", "fraud@champion", "--registry", empty_server.url, "-o", "json").json
    assert shown["digest"] == copied[0]["digest"]
    assert shown["tags"]["muniment.replicated_from"].endswith("registry default/fraud/1")
    assert "--to" in muniment("replicate", code=2).err
