"""From an address to a registry."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import muniment
from muniment import InvalidInput
from muniment.client.cache import Cache
from muniment.client.http import HttpBackend
from muniment.errors import Unavailable
from tests.parts.s3 import S3Place


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8000", "https://models.example.org", "HTTP://localhost:1/"]
)
def test_an_address_with_http_is_a_server(address: str) -> None:
    with muniment.connect(address) as registry:
        assert isinstance(registry.backend, HttpBackend)
        assert registry.address == address.rstrip("/")


@pytest.mark.parametrize("form", ["{}", "file://{}", "file://localhost{}"])
def test_anything_else_is_a_folder(tmp_path: Path, form: str) -> None:
    with muniment.connect(form.format(tmp_path / "my registry")) as registry:
        registry.push("fraud", b"model")
        assert registry.address == str(tmp_path / "my registry")


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with muniment.connect("./registry") as registry:
        monkeypatch.chdir("/")
        registry.push("fraud", b"model")
    with muniment.connect(tmp_path / "registry") as registry:
        assert registry.read("fraud", "model.bin") == b"model"


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8000",
        "models.example.org:80/x",
        "ftp://host/x",
        "s3://bucket",
        "http://",
        "http://user:password@host",
        "file://elsewhere/x",
        "http://host/?a=b",
    ],
)
def test_what_is_neither_is_an_error_that_says_what_was_expected(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"http://|file:///|token="):
        muniment.connect(address)


def test_the_environment_names_the_registry_and_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with muniment.connect() as registry:
        assert registry.address == "http://127.0.0.1:8000"
    monkeypatch.setenv("MUNIMENT_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("MUNIMENT_WORKSPACE", "risk")
    with muniment.connect() as registry:
        assert registry.push("fraud", b"model").workspace == "risk"
    with muniment.connect(workspace="default") as registry:
        assert registry.models().all() == []


def test_options_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="`actor` is for a registry in a folder"):
        muniment.connect("http://127.0.0.1:1", actor="ana")
    with pytest.raises(InvalidInput, match="`token` is for a server"):
        muniment.connect(tmp_path, token="s3cret")


def test_the_cache_can_be_chosen(tmp_path: Path) -> None:
    for cache in (tmp_path / "mine", str(tmp_path / "mine"), Cache(tmp_path / "mine")):
        with muniment.connect(tmp_path / "registry", cache=cache) as registry:
            assert registry.cache.root == tmp_path / "mine"


def test_the_function_stays_the_function_whatever_is_imported() -> None:
    code = (
        "import muniment, muniment.connecting, muniment.client.aio\n"
        "from muniment.connecting import connect\n"
        "assert muniment.connect is connect"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_database_is_opened_in_this_process_with_its_files_elsewhere(
    postgres_url: str, seaweedfs: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_S3_ENDPOINT", seaweedfs.options.endpoint)
    monkeypatch.setenv("MUNIMENT_S3_REGION", seaweedfs.options.region)
    monkeypatch.setenv("MUNIMENT_S3_ACCESS_KEY_ID", seaweedfs.options.access_key_id)
    monkeypatch.setenv("MUNIMENT_S3_SECRET_ACCESS_KEY", seaweedfs.options.secret_access_key)
    with muniment.connect(postgres_url, blobs=seaweedfs.url, cache=tmp_path / "a") as registry:
        registry.push("fraud", b"model")
        assert registry.address == f"{postgres_url} with {seaweedfs.url}"
    monkeypatch.setenv("MUNIMENT_BLOBS", seaweedfs.url)
    with muniment.connect(postgres_url, cache=tmp_path / "b") as registry:
        assert registry.read("fraud", "model.bin") == b"model"


def test_a_database_of_sqlite_has_its_files_in_a_folder(tmp_path: Path) -> None:
    with muniment.connect(f"sqlite:///{tmp_path}/m.db", blobs=tmp_path / "files") as registry:
        registry.push("fraud", b"model")
    assert (tmp_path / "m.db").exists()
    assert list((tmp_path / "files").rglob("*"))


def test_the_files_of_a_database_are_asked_for_and_those_of_others_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="where are the files") as refused:
        muniment.connect("postgresql://ada:hunter2@db/models")
    assert "hunter2" not in str(refused.value)
    for address in ("http://127.0.0.1:8000", tmp_path):
        with pytest.raises(InvalidInput, match="`blobs` is for the URL of a database"):
            muniment.connect(address, blobs="s3://bucket")


def test_an_error_of_a_database_does_not_show_its_password(tmp_path: Path) -> None:
    password = f"hunter{2}"  # so that this line does not show it, either
    with pytest.raises(Unavailable) as failed:
        muniment.connect(f"postgresql://ada:{password}@127.0.0.1:1/models", blobs=tmp_path)
    told = "".join(traceback.format_exception(failed.value))
    assert "127.0.0.1" in told
    assert password not in told
