"""What trusted proxies say, and what others can't."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.server.proxies import Proxies
from muniment.server.settings import Settings

PROXIES = Proxies(
    Settings(trusted_proxies=("10.0.0.0/8", "2001:db8::/32"), proxy_user_header="X-User")
)


def applied(peer: str | None, *headers: tuple[str, str]) -> dict[str, Any]:
    """What is left of a request that `peer` sends."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    client = None if peer is None else (peer, 1234)
    scope: dict[str, Any] = {"scheme": "http", "client": client, "headers": raw}
    PROXIES.apply(scope)
    return scope


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.2.2.2", "198.51.100.7"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.0.0.1", "198.51.100.7:4321", "198.51.100.7"),
        ("10.0.0.1", "[2001:4860::1]:4321", "2001:4860::1"),
        ("2001:db8::1", "2001:4860::1", "2001:4860::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
    ],
)
def test_the_address_is_the_last_that_no_proxy_has(peer: str, forwarded: str, address: str) -> None:
    scope = applied(peer, ("X-Forwarded-For", forwarded))
    assert scope["client"][0] == address
    assert scope["headers"] == []


def test_several_headers_are_read_as_one() -> None:
    several = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "198.51.100.7, 10.1.1.1")]
    assert applied("10.0.0.1", *several)["client"][0] == "198.51.100.7"


def test_scheme_and_host_are_those_of_the_nearest_proxy() -> None:
    scope = applied(
        "10.0.0.1",
        ("Host", "inside:8000"),
        ("X-Forwarded-Host", "evil.example, registry.example"),
        ("X-Forwarded-Proto", "http, HTTPS"),
    )
    assert scope["scheme"] == "https"
    assert scope["headers"] == [(b"host", b"registry.example")]
    assert applied("10.0.0.1", ("X-Forwarded-Proto", "javascript"))["scheme"] == "http"


@pytest.mark.parametrize("peer", ["198.51.100.1", None, "not an address"])
def test_nobody_else_is_believed(peer: str | None) -> None:
    scope = applied(
        peer,
        ("Host", "registry.example"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "for=10.0.0.1"),
        ("X-User", "root"),
    )
    assert scope["scheme"] == "http"
    assert scope["headers"] == [(b"host", b"registry.example")]
    assert scope["client"] == (None if peer is None else (peer, 1234))


def test_the_user_is_passed_on_for_a_trusted_proxy() -> None:
    scope = applied("10.0.0.1", ("X-User", "ada"), ("Accept", "*/*"))
    assert scope["headers"] == [(b"x-user", b"ada"), (b"accept", b"*/*")]
