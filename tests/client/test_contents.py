"""What of a folder is pushed, and what is refused."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from muniment import DigestMismatch, InvalidInput
from muniment.client import contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_bytes(b"in sub")
    return folder


def paths(folder: Path) -> list[str]:
    return [content.path for content in contents.of_path(folder)]


def test_every_file_below_is_taken_hidden_ones_too(folder: Path) -> None:
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / ".file").touch()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").touch()
    (folder / "empty").mkdir()

    assert paths(folder) == [".hidden/.file", "__pycache__/a.pyc", "sub/file"]


def test_a_link_to_a_file_inside_is_that_file(folder: Path) -> None:
    (folder / "link").symlink_to("sub/file")
    (folder / "chain").symlink_to("link")

    link, *_ = [c for c in contents.of_path(folder) if c.path == "link"]

    assert paths(folder) == ["chain", "link", "sub/file"]
    assert b"".join(link.open(0)) == b"in sub"


@pytest.mark.parametrize("target", ["/etc/hostname", "../../outside", "../../../etc/passwd"])
def test_a_link_that_leads_out_is_refused(folder: Path, target: str) -> None:
    (folder.parent / "outside").touch()
    (folder / "sub" / "link").symlink_to(target)

    with pytest.raises(InvalidInput, match="leads out of the folder"):
        contents.of_path(folder)


@pytest.mark.parametrize("target", ["sub", ".", "nowhere", "link"])
def test_other_links_are_refused(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)

    with pytest.raises(InvalidInput, match="not followed"):
        contents.of_path(folder)


def test_what_is_no_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(InvalidInput, match="neither a file nor a folder"):
            contents.of_path(folder)
    with pytest.raises(InvalidInput, match="not a regular file"):
        contents.of_path(Path(os.devnull))


@pytest.mark.parametrize(
    "name", ["back\\slash", "new\nline", b"\xff".decode("utf-8", "surrogateescape")]
)
def test_a_name_that_has_no_place_elsewhere_is_refused(folder: Path, name: str) -> None:
    (folder / name).touch()

    with pytest.raises(InvalidInput, match="can't be the path"):
        contents.of_path(folder)


def test_a_folder_that_is_itself_a_link_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder)

    assert paths(tmp_path / "current") == ["sub/file"]


def test_a_file_is_read_from_any_offset(folder: Path) -> None:
    (content,) = contents.of_path(folder)

    assert b"".join(content.open(3)) == b"sub"
    assert b"".join(content.open(6)) == b""


@pytest.mark.parametrize("how", ["grown", "cut", "replaced", "touched"])
def test_a_file_that_is_not_what_it_was_is_noticed(folder: Path, how: str) -> None:
    (content,) = contents.of_path(folder)
    file = folder / "sub" / "file"
    if how == "replaced":
        (folder / "new").write_bytes(b"in sub")
        (folder / "new").rename(file)
    elif how == "touched":
        os.utime(file, (1, 1))
    else:
        file.write_bytes(b"in sub, more" if how == "grown" else b"in")

    with pytest.raises(DigestMismatch, match="changed while it was being pushed"):
        list(content.open(0))


def test_the_media_type_comes_from_the_path_alone(folder: Path) -> None:
    for name in ("a.json", "b.unknown"):
        (folder / name).touch()

    assert [content.media_type for content in contents.of_path(folder)] == [
        "application/json",
        "application/octet-stream",
        "application/octet-stream",
    ]
