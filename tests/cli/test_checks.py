"""Checks and scans from the command."""

from __future__ import annotations

import pickle
from pathlib import Path

from tests.cli.conftest import Command
from tests.scanning.hostile import SYSTEM


def test_a_scan_says_what_files_are_and_exits_by_the_worst_of_them(
    muniment: Command, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "good.pkl").write_bytes(pickle.dumps([1, 2, 3]))
    assert "good.pkl" in muniment("scan", files).out
    (files / "train.py").write_text("import os\n")
    assert muniment("scan", files, code=2).lines[0].startswith("FILE")
    (files / "bad.bin").write_bytes(SYSTEM)
    found = muniment("scan", files, "-o", "json", code=1).json
    assert {one["file"]: (one["format"], one["verdict"]) for one in found} == {
        "bad.bin": ("pickle", "fail"),
        "good.pkl": ("pickle", "pass"),
        "train.py": ("script", "unknown"),
    }
    assert muniment("scan", files / "bad.bin", "-q", code=1).lines == ["fail bad.bin"]
    assert "imports os.system" in muniment("scan", files / "bad.bin", code=1).out


def test_what_is_not_there_is_not_scanned(muniment: Command) -> None:
    assert "no file 'nowhere'" in muniment("scan", "nowhere", code=2).err


def test_checks_of_a_folder_run_on_demand(muniment: Command, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(SYSTEM)
    muniment("push", "m", tmp_path / "model.bin")
    assert "No checks." in muniment("check", "m/1").out
    ran = muniment("check", "run", "m/1", "serialization", "card", "-q", code=1)
    assert ran.lines == ["card fail", "serialization fail"] or ran.lines == [
        "serialization fail",
        "card fail",
    ]
    assert "os.system" in muniment("check", "show", "m/1").out
    assert [*muniment("search", "checks = 'failed'", "-q").lines] == ["m/1"]
    assert muniment("show", "m/1", "-o", "json").json["checks"] == "failed"
    assert ["checks", "failed"] in [line.split() for line in muniment("show", "m/1").lines]
    muniment("policy", "set", "Staging", "--check", "serialization")
    assert "serialization" in muniment("promote", "m/1", "Staging", code=4).err


def test_checks_are_configured(muniment: Command) -> None:
    assert "integrity" in muniment("check", "configure").out
    settled = muniment("check", "configure", "card", "--memory", 1024, "-o", "json").json
    assert settled == {"checks": ["card"], "seconds": 600, "memory": 1 << 30, "revision": 1}
    assert muniment("check", "configure", "--none", "-o", "json").json["checks"] == []
    muniment("check", "configure", "--none", "card", code=2)
    muniment("check", "configure", "bias", code=2)
    on = muniment("check", "ls", "-o", "json").json
    assert not any(check["on"] for check in on)
    assert "ownership" in muniment("check", "ls").out
