"""What is no digest and no id does not reach the store."""

# ruff: noqa: D102, S101  (a test's name says what it shows, and tests assert)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from muniment.errors import InvalidInput
from muniment.storage.blobs import BlobStore
from muniment.storage.checked import CheckedBlobStore
from muniment.storage.conformance.blobs.contract import Contract, everything, new_id

HOSTILE_PATHS: Final = [
    "",
    ".",
    "..",
    "../" * 8 + "etc/passwd",
    "/etc/passwd",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..\\..\\secret",
    "C:\\secret",
    "~",
    "*",
    "a;b#c?d",
    "\udcff",
]


def hostile_names(digits: int) -> list[str]:
    """Return names that look like `digits` lower-case hex digits, and are not."""
    return [
        "a" * (digits - 1),
        "a" * (digits + 1),
        "A" * digits,
        "a" * (digits - 1) + "g",
        "a" * digits + "\n",
        "\n" + "a" * digits,
        "a" * (digits - 1) + "\n",
        "a" * (digits - 1) + "\0",
        "a" * digits + "\0",
        "a" * digits + "/..",
        "../" + "a" * (digits - 3),
        "sha256:" + "a" * digits,
        " " + "a" * (digits - 1),
        "٣" * digits,  # a digit to str.isdigit(), as the next are
        "１" * digits,
        "ａ" * digits,
        *HOSTILE_PATHS,
    ]


class HostileSuite(Contract):
    """Names from outside."""

    @pytest.mark.parametrize("name", hostile_names(64))
    def test_what_is_no_digest_does_not_reach_the_store(
        self, store: BlobStore, place: Path, name: str
    ) -> None:
        checked = CheckedBlobStore(store)
        before = everything(place.parent)
        calls: list[Callable[[], object]] = [
            lambda: checked.stat(name),
            lambda: checked.stat_many([name]),
            lambda: checked.presign_put("5" * 32, digest=name, size=1, seconds=60),
            lambda: checked.read(name),
            lambda: checked.read_all(name),
            lambda: checked.local_path(name),
            lambda: checked.delete(name),
            lambda: checked.presign_get(name, seconds=60, filename="f"),
        ]
        if name:
            calls.append(lambda: checked.list(name))
        for call in calls:
            with pytest.raises(InvalidInput):
                call()
        assert everything(place.parent) == before
        with checked.create_writer(new_id()) as writer:
            with pytest.raises(InvalidInput):
                writer.commit(name)
            writer.cancel()
        assert list(store.list()) == []

    @pytest.mark.parametrize("name", hostile_names(32))
    def test_what_is_no_writer_id_does_not_reach_the_store(
        self, store: BlobStore, place: Path, name: str
    ) -> None:
        checked = CheckedBlobStore(store)
        before = everything(place.parent)
        for call in (checked.create_writer, checked.resume_writer, checked.offset):
            with pytest.raises(InvalidInput):
                call(name)
        assert everything(place.parent) == before
        assert list(store.writers()) == []
