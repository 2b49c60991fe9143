from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from muniment.server.app import create_app
from muniment.server.security import without_port
from muniment.server.settings import Settings
from tests.server.conftest import serving

MODEL = {"name": "fraud"}
CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://evil.example:8000"},
    {"Origin": "http://127.0.0.1:3000"},
    {"Origin": "null"},
    {"Origin": "127.0.0.1:8000"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "cross-site"},
]
OWN_SITE: list[dict[str, str]] = [
    {},
    {"Origin": "http://127.0.0.1:8000"},
    {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "LOCALHOST:9", "127.0.0.1:8000", "[::1]", "[::1]:8000"]
)
def test_loopback_s_names_are_served_with_any_port(client: httpx.Client, host: str) -> None:
    assert client.get("/docs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:8000.evil.example",
        "localhost:80:80",
        "localhost.",
        "user@localhost",
        "[::1",
        "::1",
        "0.0.0.0",  # noqa: S104
    ],
)
def test_another_name_is_refused_on_every_path(client: httpx.Client, host: str) -> None:
    for path in ("/", "/docs", "/metrics", "/api/v1/models", "/nothing"):
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert "MUNIMENT_ALLOWED_HOSTS" in answer.json()["hint"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/version"])
def test_probes_are_answered_under_any_name(client: httpx.Client, path: str) -> None:
    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_a_request_without_host_or_with_two_is_refused(client: httpx.Client) -> None:
    assert client.get("/docs", headers={"Host": ""}).status_code == 400
    two = [("Host", "localhost"), ("Host", "evil.example")]
    for hosts in (two, two[::-1]):
        assert client.get("/docs", headers=hosts).status_code == 400


def test_allowed_hosts_are_served(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, allowed_hosts=("registry.example.com",))
    with serving(create_app(settings), "http://registry.example.com") as client:
        assert client.get("/version").status_code == 200
        assert client.get("/docs", headers={"Host": "example.com"}).status_code == 403


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
def test_a_write_from_another_site_s_page_is_refused(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    for method, path in (("POST", "/api/v1/models"), ("DELETE", "/api/v1/models/fraud")):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert client.get("/api/v1/models").json()["items"] == []


@pytest.mark.parametrize("headers", OWN_SITE, ids=str)
def test_a_write_from_a_program_or_a_page_of_ours_is_served(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    assert client.post("/api/v1/models", json=MODEL, headers=headers).status_code == 201


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
def test_a_read_from_another_site_s_page_is_answered_but_not_for_its_eyes(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    answer = client.get("/api/v1/models", headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("a", "a"),
        ("a:1", "a"),
        ("[::1]", "[::1]"),
        ("[::1]:1", "[::1]"),
        ("a:b", "a:b"),
        ("a:", "a:"),
        ("", ""),
    ],
)
def test_the_port_is_taken_off_an_authority(authority: str, name: str) -> None:
    assert without_port(authority) == name
