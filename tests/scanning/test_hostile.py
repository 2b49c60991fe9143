from __future__ import annotations

import io
import pickle
import struct

import pytest

from muniment.domain.checks import Verdict
from muniment.scanning import Limits, scan_file
from tests.scanning import hostile

CORPUS = list(hostile.corpus())


@pytest.mark.parametrize(
    ("name", "data"),
    [(name, data) for _, name, data in CORPUS],
    ids=[f"{meaning} ({name})" for meaning, name, _ in CORPUS],
)
def test_no_hostile_file_passes(name: str, data: bytes) -> None:
    report = scan_file(io.BytesIO(data), name)
    assert report.verdict is not Verdict.PASS
    assert all(finding.file.startswith(name) for finding in report.findings)


@pytest.mark.parametrize(
    "data",
    [
        hostile.SYSTEM,
        hostile.SYSTEM[2:],
        hostile.torch(hostile.SYSTEM),
        hostile.corrupted(hostile.torch(hostile.SYSTEM)),
        hostile.encrypted(hostile.torch(hostile.SYSTEM)),
        hostile.object_array(hostile.SYSTEM),
        dict(hostile.joblibs())["in xz"],
        dict(hostile.joblibs())["objects that another reader sees otherwise"],
        dict(hostile.archives())["zip in zip in zip"],
        dict(hostile.archives())["pickle in tar in gzip"],
        dict(hostile.pickles())["memo under other numbers"],
        dict(hostile.pickles())["call far after the stop"][:-100_000],
    ],
)
def test_the_name_that_a_pickle_imports_is_told(data: bytes) -> None:
    report = scan_file(io.BytesIO(data), "model.bin")
    if report.verdict is Verdict.FAIL:
        assert any("os.system" in str(finding) for finding in report.findings)


def test_any_cut_or_bent_byte_of_a_hostile_pickle_still_does_not_pass() -> None:
    for at in range(len(hostile.SYSTEM)):
        for byte in (0, 0x2E, 0x80, 0x94):
            data = bytearray(hostile.SYSTEM)
            data[at] = byte
            imports_it = b"os" in data[3:8] and b"system" in data and b"\x93" in data
            report = scan_file(io.BytesIO(bytes(data)), "model.pkl")
            if imports_it and b"R" in data[-2:]:
                assert report.verdict is not Verdict.PASS, (at, byte)


def test_random_bytes_never_raise() -> None:
    import random

    random.seed(7)
    starts = [data[:400] for _, _, data in CORPUS]
    for _ in range(1_500):
        data = bytearray(random.choice(starts))
        for _ in range(random.randint(1, 5)):
            data[random.randrange(len(data))] = random.randrange(256)
        scan_file(io.BytesIO(bytes(data)), "model.bin")


def test_what_a_limit_leaves_unseen_does_not_pass() -> None:
    harmless = pickle.dumps(list(range(10_000)))
    assert scan_file(io.BytesIO(harmless)).verdict is Verdict.PASS
    limits = Limits(operations=100)
    assert scan_file(io.BytesIO(harmless), limits=limits).verdict is Verdict.UNKNOWN
    many = hostile.zipped({f"{i}.txt": b"x" for i in range(20)})
    assert scan_file(io.BytesIO(many), limits=Limits(members=10)).verdict is Verdict.UNKNOWN


def test_a_crowd_of_doubts_does_not_hide_a_failure() -> None:
    doubts = b"".join(b"\x80\x04" + struct.pack("<B", 0x4E) for _ in range(3))
    data = (
        doubts
        + b"".join(hostile.named("no.such", f"name{i}") + b"0" for i in range(1_000))
        + hostile.SYSTEM[2:]
    )
    report = scan_file(io.BytesIO(data), "model.pkl")
    assert report.verdict is Verdict.FAIL
    assert len(report.findings) <= 200


def test_findings_play_no_tricks_on_a_terminal() -> None:
    data = b"\x80\x04" + hostile.named("evil\x1b[2J\u202e", "name") + b"."
    report = scan_file(io.BytesIO(data), "model.pkl")
    assert "\x1b" not in str(report.findings[0])
    assert "\u202e" not in str(report.findings[0])
