"""Packaging: what a package is made of, and which archives are refused."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from muniment.pipelines.scripts.packaging import Refused, gather, members, pack, package, unpack
from tests.pipelines.archives import bomb, names_in, of_members, read_from, repacked, tar_gz
from tests.pipelines.scripts.running import Container

FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE


def refusal(archive: Path, tmp_path: Path) -> str:
    """What `unpack` says of an archive; nothing of it may be outside of its folder."""
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    with pytest.raises(Refused) as caught:
        unpack(archive, inside)
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"inside"}
    return str(caught.value)


def test_a_package_holds_the_model_its_scripts_and_its_calibration(container: Container) -> None:
    tar_gz(container.folder("processing/input/model") / "model.tar.gz", {"m.json": b"{}"})
    scripts = container.folder("processing/input/script")
    (scripts / "inference.py").write_text("pass")
    (container.folder("processing/input/script/lib") / "more.py").write_text("1")
    (container.folder("processing/input/calibration") / "c.json").write_text("[]")
    done = container.run("packaging.py")
    assert (done.returncode, done.stderr) == (0, "")
    output = container.opt_ml / "processing/output"
    assert [file.name for file in output.iterdir()] == ["model.tar.gz"]
    assert names_in(output / "model.tar.gz") == [
        "calibration/c.json",
        "code/inference.py",
        "code/lib/more.py",
        "m.json",
    ]


def test_a_model_may_be_files_and_have_no_scripts(container: Container) -> None:
    (container.folder("processing/input/model/sub") / "weights").write_bytes(b"123")
    assert container.run("packaging.py").returncode == 0
    package = container.opt_ml / "processing/output/model.tar.gz"
    assert read_from(package, "sub/weights") == b"123"


def test_given_scripts_take_the_place_of_those_in_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, scripts = tmp_path / "model", tmp_path / "script"
    tar_gz(model / "model.tar.gz", {"m": b"1", "code/old.py": b"2"})
    scripts.mkdir()
    (scripts / "new.py").write_text("3")
    assert package(model, scripts, tmp_path / "none", tmp_path / "out") == ["code/new.py", "m"]
    assert "code/ of the model is replaced" in capsys.readouterr().out


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "z").write_text("1")
        (folder / "y").write_text("2")
        os.utime(folder / "z", (1, len(name) if name == "a" else 99))
        pack(folder, tmp_path / f"{name}.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_missing_model_is_said(container: Container) -> None:
    done = container.run("packaging.py")
    assert done.returncode == 1
    assert done.stderr.startswith("packaging: ")
    assert "holds no model" in done.stderr
    assert not (container.opt_ml / "processing/output").exists()


def test_a_refused_archive_leaves_no_package(container: Container) -> None:
    tar_gz(container.folder("processing/input/model") / "model.tar.gz", {"../../x": b"1"})
    done = container.run("packaging.py")
    assert done.returncode == 1
    assert "leads out of its folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((container.opt_ml / "processing/output").iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "//x", "..", "C:/x", "a\\..\\x"])
def test_paths_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    assert "leads out" in refusal(tar_gz(tmp_path / "a.tar.gz", {name: b"1"}), tmp_path)


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", "x" * 1025])
def test_names_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    assert "no name" in refusal(tar_gz(tmp_path / "a.tar.gz", {name: b"1"}), tmp_path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(kind: bytes, tmp_path: Path) -> None:
    archive = of_members(tmp_path / "a.tar.gz", ("l", kind, b""), ("l/x", FILE, b"1"))
    assert "a link" in refusal(archive, tmp_path)


@pytest.mark.parametrize(
    "kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, b"Q"]
)
def test_devices_and_other_oddities_are_refused(kind: bytes, tmp_path: Path) -> None:
    archive = of_members(tmp_path / "a.tar.gz", ("dev", kind, b""))
    assert "neither file nor folder" in refusal(archive, tmp_path)


def test_duplicates_are_refused(tmp_path: Path) -> None:
    archive = of_members(tmp_path / "a.tar.gz", ("./a", FILE, b"1"), ("a", FILE, b"2"))
    assert "twice" in refusal(archive, tmp_path)


@pytest.mark.parametrize(
    "members",
    [
        [("a", FILE, b"1"), ("a/b", FILE, b"2")],
        [("a/b", FILE, b"2"), ("a", FILE, b"1")],
        [("a", FILE, b"1"), ("a", FOLDER, b"")],
        [("a", FOLDER, b""), ("a", FILE, b"1")],
    ],
)
def test_a_file_that_is_a_folder_too_is_refused(
    members: list[tuple[str, bytes, bytes]], tmp_path: Path
) -> None:
    archive = of_members(tmp_path / "a.tar.gz", *members)
    assert "as a file and as a folder" in refusal(archive, tmp_path)


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    archive = bomb(tmp_path / "a.tar.gz", 300 * 1024**2)
    assert archive.stat().st_size < 400_000
    assert "far more than it weighs" in refusal(archive, tmp_path)
    written = sum(f.stat().st_size for f in (tmp_path / "deep").rglob("*") if f.is_file())
    assert written <= 101 * 1024**2


def test_a_header_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a")
        member.pax_headers = {"comment": "x" * 3_000_000}
        archive.addfile(member)
    assert "no header" in refusal(repacked(tmp_path / "a.tar.gz", data.getvalue()), tmp_path)


@pytest.mark.parametrize("left", [0, 10, 50_000, -4])
def test_an_archive_that_was_cut_off_is_refused(left: int, tmp_path: Path) -> None:
    whole = tar_gz(tmp_path / "a.tar.gz", {"a": os.urandom(100_000)}).read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[:left])
    assert "is broken" in refusal(tmp_path / "a.tar.gz", tmp_path)


@pytest.mark.parametrize("left", [100, 512, 1512, 512 + 100_352])
def test_an_archive_that_was_packed_half_is_refused(left: int, tmp_path: Path) -> None:
    """Whole as a .gz, and tarfile by itself would take some of these for whole."""
    whole = gzip.decompress(tar_gz(tmp_path / "a.tar.gz", {"a": b"1" * 100_000}).read_bytes())
    assert "is broken" in refusal(repacked(tmp_path / "b.tar.gz", whole[:left]), tmp_path)


def test_a_damaged_header_in_the_middle_is_refused(tmp_path: Path) -> None:
    archive = tar_gz(tmp_path / "a.tar.gz", {"a": b"1", "b": b"2"})
    data = bytearray(gzip.decompress(archive.read_bytes()))
    data[1024 + 10] = 0xFF
    assert "is broken" in refusal(repacked(archive, bytes(data)), tmp_path)


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    archive = tar_gz(tmp_path / "a.tar.gz", {"a": b"1"})
    data = bytearray(archive.read_bytes())
    data[-6] ^= 0xFF
    archive.write_bytes(bytes(data))
    assert "is broken" in refusal(archive, tmp_path)


def test_what_stands_behind_the_end_is_refused(tmp_path: Path) -> None:
    archive = tar_gz(tmp_path / "a.tar.gz", {"a": b"1"})
    data = gzip.decompress(archive.read_bytes())
    assert "behind its end" in refusal(repacked(archive, data + data), tmp_path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"not at all")
    assert "no .tar.gz" in refusal(tmp_path / "a.tar.gz", tmp_path)


def test_links_beside_the_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="neither file nor folder"):
        gather(tmp_path / "model", tmp_path / "target")


def test_a_long_name_and_an_empty_file_survive(tmp_path: Path) -> None:
    long = "/".join(["d" * 90] * 3 + ["ü" * 100])
    archive = tar_gz(tmp_path / "a.tar.gz", {long: b"1", "empty": b"", "block": b"2" * 512})
    found = {path: content.read() for path, content in members(archive) if content is not None}
    assert found == {long: b"1", "empty": b"", "block": b"2" * 512}
