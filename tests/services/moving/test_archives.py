"""Archives: folders and tar files; the same bytes, gone on with, damaged, foreign."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.errors import Conflict, Corrupt, InvalidInput, NotFound
from muniment.services.moving import (
    Moved,
    RegistrySource,
    RegistryTarget,
    move,
    open_source,
    open_target,
)
from muniment.services.moving.folders import blob_place
from muniment.storage.factory import Stores

from .registries import check, house_in, told

KINDS = ["archive", "archive.tar"]


def export(stores: Stores, archive: Path, *, accounts: bool = True) -> Moved:
    return move(RegistrySource(stores, accounts=accounts), open_target(str(archive)))


def read(archive: Path, stores: Stores, *, whole: bool = True) -> Moved:
    with open_source(str(archive)) as source:
        return move(source, RegistryTarget(stores, whole=whole, accounts=True))


def contents(archive: Path) -> dict[str, bytes]:
    if archive.is_file():
        return {"": archive.read_bytes()}
    files = sorted(path for path in archive.rglob("*") if path.is_file())
    return {str(path.relative_to(archive)): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", KINDS)
def test_what_comes_out_goes_in(name: str, full: Stores, empty: Stores, tmp_path: Path) -> None:
    done = export(full, tmp_path / name)
    again = read(tmp_path / name, empty)
    assert told(empty) == told(full)
    assert (done.models, done.versions, done.blobs) == (again.models, again.versions, again.blobs)
    check(empty)


@pytest.mark.parametrize("name", KINDS)
def test_the_same_registry_gives_the_same_bytes(
    name: str, full: Stores, empty: Stores, tmp_path: Path
) -> None:
    one, two, three = (tmp_path / str(n) / name for n in range(3))
    export(full, one)
    export(full, two)
    assert contents(one) == contents(two)
    read(one, empty)
    export(empty, three)
    assert contents(one) == contents(three)


def test_a_tar_unpacks_to_the_folder(full: Stores, tmp_path: Path) -> None:
    export(full, tmp_path / "a.tar")
    export(full, tmp_path / "folder")
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "xf", "a.tar", "-C", "unpacked"], cwd=tmp_path, check=True)
    assert contents(tmp_path / "unpacked") == contents(tmp_path / "folder")


def test_secrets_stay_unless_asked_for(full: Stores, tmp_path: Path) -> None:
    export(full, tmp_path / "archive", accounts=False)
    everything = b"".join(contents(tmp_path / "archive").values())
    for secret in (b"argon2", b"5" * 64, b"hush", b"accounts"):
        assert secret not in everything
    export(full, tmp_path / "with", accounts=True)
    assert b"argon2" in b"".join(contents(tmp_path / "with").values())


def test_a_model_is_chosen_by_a_pattern(full: Stores, tmp_path: Path) -> None:
    source = RegistrySource(full, models=["cred*"])
    done = move(source, open_target(str(tmp_path / "archive")))
    assert (done.models, done.versions) == (1, 1)
    assert b"run/model.pkl" not in (tmp_path / "archive" / "workspaces.jsonl").read_bytes()


# -- going on ------------------------------------------------------------------------------------


def test_a_tar_that_was_cut_off_anywhere_is_gone_on_with(full: Stores, tmp_path: Path) -> None:
    whole = tmp_path / "whole.tar"
    export(full, whole)
    expected = whole.read_bytes()
    cut = tmp_path / "cut.tar"
    for length in [*range(100, len(expected), len(expected) // 6), len(expected) - 1]:
        cut.write_bytes(expected[:length])
        export(full, cut)
        assert cut.read_bytes() == expected, length


def test_a_tar_keeps_what_is_still_so(full: Stores, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    export(full, archive, accounts=False)
    assert export(full, archive, accounts=False).models == 5
    house = house_in(full)
    house.catalog.create_model("newcomer")
    export(full, archive, accounts=False)
    export(full, tmp_path / "b.tar", accounts=False)
    assert archive.read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_folder_is_brought_up_to_date(full: Stores, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    first = export(full, archive)
    assert export(full, archive).blobs == 0 < first.blobs
    house_in(full).catalog.create_model("newcomer")
    export(full, archive)
    export(full, tmp_path / "anew")
    assert contents(archive) == contents(tmp_path / "anew")


@pytest.mark.parametrize("name", KINDS)
def test_what_is_not_whole_is_not_read(
    name: str, full: Stores, empty: Stores, tmp_path: Path
) -> None:
    archive = tmp_path / name
    export(full, archive)
    if archive.is_file():
        archive.write_bytes(archive.read_bytes()[:-6_000])
    else:
        (archive / "contents.jsonl").unlink()
    with pytest.raises(Corrupt, match="is not whole"):
        read(archive, empty)
    assert told(empty) == {"workspaces": [], "accounts": told(empty)["accounts"]}


# -- damage --------------------------------------------------------------------------------------


def damaged_blob(archive: Path) -> str:
    place = next(p for p in sorted((archive / "blobs").rglob("*")) if p.is_file())
    place.chmod(0o644)
    place.write_bytes(b"x" + place.read_bytes()[1:])
    return place.name


def lost_blob(archive: Path) -> str:
    digest = damaged_blob(archive)
    blob_place(archive / "blobs", digest).unlink()
    return digest


def changed_line(archive: Path) -> str:
    sheet = min((archive / "models").iterdir())
    sheet.write_bytes(sheet.read_bytes().replace(b'"created_by":"ada"', b'"created_by":"eve"'))
    return sheet.stem


def lost_line(archive: Path) -> str:
    sheet = min((archive / "models").iterdir())
    lines = sheet.read_bytes().splitlines(keepends=True)
    sheet.write_bytes(b"".join(lines[:2] + lines[3:]))
    return sheet.stem


def lost_sheet(archive: Path) -> str:
    sheet = min((archive / "models").iterdir())
    sheet.unlink()
    return sheet.stem


def swapped_sheets(archive: Path) -> str:
    one, two, *_ = sorted((archive / "models").iterdir())
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    return ""


@pytest.mark.parametrize(
    "damage", [damaged_blob, lost_blob, changed_line, lost_line, lost_sheet, swapped_sheets]
)
def test_damage_is_named_and_not_let_in(
    damage: Callable[[Path], str], full: Stores, empty: Stores, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    export(full, archive)
    what = damage(archive)
    with pytest.raises(Corrupt) as raised:
        read(archive, empty)
    assert what in f"{raised.value.message} {raised.value.details}"
    shutil.rmtree(archive)
    export(full, archive)
    read(archive, empty)
    assert told(empty) == told(full)


def test_a_history_that_was_written_anew_is_refused(
    full: Stores, empty: Stores, tmp_path: Path
) -> None:
    from muniment.services.moving.sheets import Sheet

    export(full, tmp_path / "forged")
    source, folder = RegistrySource(full), open_target(str(tmp_path / "forged"))
    folder.begin(source.registry)
    for sheet in source.sheets():
        with sheet:
            lines = [json.loads(json.dumps(line).replace('"ada"', '"eve"')) for line in sheet]
            with Sheet.of(sheet.name, lines) as forged:
                folder.put(forged)
    folder.finish()
    with pytest.raises(Corrupt, match=r"the history of '.*': .* was changed"):
        read(tmp_path / "forged", empty)


def test_a_blob_that_is_damaged_in_the_registry_is_named(full: Stores, tmp_path: Path) -> None:
    manifest = house_in(full).artifacts.manifest("fraud", 3)
    place = full.blobs.local_path(manifest.files[0].digest)
    assert place is not None
    place.chmod(0o644)
    place.write_bytes(b"x" * place.stat().st_size)
    with pytest.raises(Corrupt, match=r"'common.bin' of fraud/1: its bytes are damaged"):
        export(full, tmp_path / "archive")


# -- what is none --------------------------------------------------------------------------------


def test_what_is_no_archive_is_not_read(full: Stores, empty: Stores, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "nowhere", empty)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.tar").write_bytes(b"something else" * 1_000)
    for name in ("folder", "file.tar"):
        with pytest.raises(InvalidInput, match="not an archive"):
            read(tmp_path / name, empty)
    newer = tmp_path / "newer"
    export(full, newer)
    header = (newer / "muniment.json").read_text()
    (newer / "muniment.json").write_text(header.replace('"version":1', '"version":2'))
    with pytest.raises(InvalidInput, match="format version 2"):
        read(newer, empty)


def test_nothing_else_is_written_over(full: Stores, empty: Stores, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine")
    (tmp_path / "file.tar").write_bytes(b"something else" * 1_000)
    house_in(empty)
    for name in ("folder", "file.tar"):
        with pytest.raises(Conflict, match="something else"):
            export(full, tmp_path / name)
    assert (tmp_path / "file.tar").read_bytes() == b"something else" * 1_000
    for name in KINDS:
        export(full, tmp_path / name)
        with pytest.raises(Conflict, match="another registry"):
            export(empty, tmp_path / name)
