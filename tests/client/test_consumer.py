"""What a job calls itself reaches the registry, and what it uses is not deleted under it."""

from __future__ import annotations

from pathlib import Path

import pytest

import muniment
from muniment.client.registry import Registry
from muniment.errors import InUse, InvalidInput
from muniment.local import open_local


def uses_in(folder: Path) -> set[tuple[str, bool, str]]:
    with_observer = open_local(folder)
    try:
        return {(use.consumer, use.named, use.kind) for use in with_observer.uses.uses()}
    finally:
        with_observer.close()


def test_a_folder_knows_the_job_that_opened_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "registry"
    with muniment.connect(folder, actor="ana") as registry:
        registry.push("fraud", b"model", path="m", alias="champion")
        registry.version("fraud@champion")
    assert uses_in(folder) == {("ana", False, "resolve")}
    monkeypatch.setenv("MUNIMENT_CONSUMER", "nightly")
    with muniment.connect(folder, actor="ana") as registry:
        registry.read("fraud@champion", "m")
    assert uses_in(folder) >= {("nightly", True, "resolve"), ("nightly", True, "download")}


@pytest.mark.parametrize("job", ["nightly-scoring", "prüfung"])
def test_a_server_is_told_of_the_job_in_each_request(
    registry: Registry, name: str, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.push(name, b"model", path="m")
    monkeypatch.setenv("MUNIMENT_CONSUMER", job)
    if registry.address.startswith("http"):
        with muniment.connect(registry.address) as consumer:
            consumer.read(f"{name}/1", "m")
        with pytest.raises(InUse, match=job) as refused:
            registry.delete_version(f"{name}/1")
        assert refused.value.details["reasons"]
        with pytest.raises(InUse, match=job):
            registry.delete_model(name)
        assert registry.version(f"{name}/1").delete(force=True).deleted_at is not None
    else:
        assert registry.model(name).delete(force=True).deleted_at is not None


def test_what_is_no_name_is_refused_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_CONSUMER", "two\nlines")
    for address in (tmp_path / "registry", "http://127.0.0.1:1"):
        with pytest.raises(InvalidInput, match="consumer"):
            muniment.connect(address)
    monkeypatch.setenv("MUNIMENT_CONSUMER", "")
    muniment.connect("http://127.0.0.1:1").close()
