"""Addresses that make MLflow ask the plugin."""

from __future__ import annotations

import pytest

from muniment.errors import InvalidInput
from muniment.ml.address import Files, files_of, is_registry, same_server, server_of


def test_the_server_stands_behind_the_prefix() -> None:
    assert server_of("muniment+https://host:8443/registry/") == "https://host:8443/registry"
    assert is_registry("muniment+http://host")
    assert not is_registry("http://host")


@pytest.mark.parametrize(
    "uri",
    [
        "http://host",
        "muniment+http://",
        "muniment+http://ada:secret@host",
        "muniment+http://h/?a=b",
    ],
)
def test_other_addresses_are_refused_without_repeating_a_password(uri: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        server_of(uri)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("model", ["fraud", "a b", "50%", "größe", "x@y", "models"])
@pytest.mark.parametrize("server", ["http://host:8000", "https://host/models/2"])
def test_the_files_of_a_version_have_an_address_that_reads_back(server: str, model: str) -> None:
    files = Files(server, model, 3, "data/a b.bin")
    assert files_of(files.uri) == files
    assert files_of(Files(server, model, 3).uri, "data/a b.bin") == files


def test_mlflow_may_cut_the_address_anywhere() -> None:
    expected = Files("http://host:8000", "fraud", 3, "data")
    root = "muniment+http://host:8000"
    assert files_of(f"{root}/models/fraud/3/data") == expected
    assert files_of(f"{root}/models/fraud/3", "data") == expected
    assert files_of(f"{root}/models/fraud", "3/data") == expected


def test_an_address_without_a_version_is_refused() -> None:
    with pytest.raises(InvalidInput, match="names no version"):
        files_of("muniment+http://host:8000/models/fraud")


def test_servers_are_the_same_by_scheme_host_port_and_path() -> None:
    assert same_server("http://host", "http://host:80/")
    assert not same_server("http://host", "https://host")
    assert not same_server("http://host/a", "http://host/b")
    assert not same_server("sqlite:///x", "sqlite:///x")
