"""Manifests: the same files give the same bytes, and nothing misleading gets in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.domain.manifest import FileEntry, Manifest
from muniment.errors import Corrupt, InvalidInput

A, B = "a" * 64, "b" * 64


def test_the_digest_depends_on_the_files_and_not_on_their_order() -> None:
    one, two = FileEntry("a", A, 1), FileEntry("b/c", B, 2, "text/csv")
    assert Manifest.of([one, two]).digest == Manifest.of([two, one]).digest
    assert Manifest.of([one]).digest != Manifest.of([two]).digest


def test_the_canonical_form_is_fixed_for_ever() -> None:
    manifest = Manifest.of([FileEntry("é", A, 1), FileEntry("a", B, 0, "text/csv")])
    assert (
        manifest.content
        == (
            '{"files":[{"media_type":"text/csv","path":"a","sha256":"%s","size":0},'
            '{"media_type":"application/octet-stream","path":"é","sha256":"%s","size":1}],'
            '"schema":"muniment.manifest/1"}' % (B, A)
        ).encode()
    )
    assert manifest.digest == "b496e55e417fa528ca80fb7b0fd0fbd326885fd1a009f0d0b3c4e8c6a68ea426"


@given(
    st.dictionaries(
        st.from_regex(r"[\w ()+-]{1,8}(\.[a-z]{1,3})?", fullmatch=True),
        st.integers(0, 2**42),
        min_size=1,
    )
)
def test_reading_back_gives_the_same_manifest(sizes: dict[str, int]) -> None:
    manifest = Manifest.of(FileEntry(path, A, size) for path, size in sizes.items())
    assert Manifest.parse(manifest.content, digest=manifest.digest) == manifest


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "/a",
        "a/",
        "a//b",
        "a/../b",
        "./a",
        "a\\b",
        "..\\b",
        "a\0",
        "a\nb",
        "C:a",
        "x" * 1025,
    ],
)
def test_paths_that_could_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(InvalidInput):
        Manifest.of([FileEntry(path, A, 1)])


@pytest.mark.parametrize(
    "path", ["a", "a/b", "%2e%2e", "%252e", "a;b#c?d", "...", "a..b", "日本", " a "]
)
def test_other_paths_are_only_names(path: str) -> None:
    assert Manifest.of([FileEntry(path, A, 1)]).files[0].path == path


def test_a_path_stands_once_and_is_a_file_or_a_folder() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        Manifest.of([FileEntry("a", A, 1), FileEntry("a", B, 1)])
    with pytest.raises(InvalidInput, match="folder"):
        Manifest.of([FileEntry("a", A, 1), FileEntry("a/b", B, 1)])
    with pytest.raises(InvalidInput, match="at least one"):
        Manifest.of([])


@pytest.mark.parametrize(
    "digest", ["", "a" * 63, "A" * 64, "a" * 64 + "\n", "../" + "a" * 61, "g" * 64]
)
def test_a_digest_is_sixty_four_hex_digits(digest: str) -> None:
    with pytest.raises(InvalidInput):
        Manifest.of([FileEntry("a", digest, 1)])


def test_damaged_bytes_are_noticed() -> None:
    manifest = Manifest.of([FileEntry("a", A, 1)])
    with pytest.raises(Corrupt, match=manifest.digest):
        Manifest.parse(manifest.content + b" ", digest=manifest.digest)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"files": "x"},
        {"files": [{"path": "a"}]},
        {"files": [{"path": "a", "sha256": A, "size": "1"}]},
        {"files": [{"path": "a", "sha256": A, "size": True}]},
        {"files": [{"path": "a", "sha256": A, "size": -1}]},
        {"files": [{"path": "a", "sha256": A, "size": 1, "media_type": "x y"}]},
        {"schema": "other/1", "files": []},
    ],
)
def test_what_is_no_manifest_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput):
        Manifest.from_json(json.loads(json.dumps(document)))


def test_files_under_a_folder() -> None:
    manifest = Manifest.of(FileEntry(path, A, 1) for path in ("a/b", "a/c/d", "ab"))
    assert [f.path for f in manifest.under("a")] == ["a/b", "a/c/d"]
    assert [f.path for f in manifest.under("a/b")] == ["a/b"]
    assert len(list(manifest.under(""))) == 3
    assert manifest.file("ab") == manifest.files[2]
    assert manifest.file("a") is None
