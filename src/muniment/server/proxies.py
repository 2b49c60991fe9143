"""Which peers may speak for others: the reverse proxies that the settings name.

    client ──> trusted proxy ──> here    X-Forwarded-For, -Proto, -Host, the user's name: they count
    client ────────────────────> here    whoever sends them lies: they are taken off

What a proxy says takes the place of what the connection says, so that nobody further in needs to
know that there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, TypeAlias

from starlette.types import Scope

from muniment.server.settings import Settings

_Address: TypeAlias = IPv4Address | IPv6Address
_Headers: TypeAlias = list[tuple[bytes, bytes]]
_FOR: Final = b"x-forwarded-for"
_PROTO: Final = b"x-forwarded-proto"
_HOST: Final = b"x-forwarded-host"
_SCHEMES: Final = frozenset({b"http", b"https"})


class Proxies:
    """Tells trusted proxies from everybody else."""

    def __init__(self, settings: Settings) -> None:
        self._networks = [ip_network(text, strict=False) for text in settings.trusted_proxies]
        names = {_FOR, _PROTO, _HOST, b"forwarded"}
        if settings.proxy_user_header:
            names.add(settings.proxy_user_header.lower().encode())
        self._theirs = frozenset(names)

    def apply(self, scope: Scope) -> None:
        """Put what a trusted proxy says in its place; take it off where anybody else says it."""
        headers: _Headers = scope["headers"]
        if not any(name in self._theirs for name, _ in headers):
            return
        client = scope.get("client")
        peer = _address(client[0]) if client else None
        if peer is None or not self._trusts(peer):
            scope["headers"] = [item for item in headers if item[0] not in self._theirs]
            return
        scope["client"] = (str(self._origin(peer, _listed(headers, _FOR))), 0)
        protos, hosts = _listed(headers, _PROTO), _listed(headers, _HOST)
        if protos and protos[-1].lower() in _SCHEMES:
            scope["scheme"] = protos[-1].lower().decode()
        taken_off = {_FOR, _PROTO, _HOST, b"forwarded"} | ({b"host"} if hosts else set())
        scope["headers"] = [item for item in headers if item[0] not in taken_off]
        if hosts:
            scope["headers"].append((b"host", hosts[-1]))

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self._networks)

    def _origin(self, peer: _Address, hops: Sequence[bytes]) -> _Address:
        """Return the last address that a trusted proxy saw and that is none of them."""
        seen = peer
        for text in reversed(hops):
            address = _address(text.decode("latin-1"))
            if address is None:
                return seen
            seen = address
            if not self._trusts(address):
                return seen
        return seen


def _listed(headers: _Headers, wanted: bytes) -> list[bytes]:
    """Return the values of a header that may come several times, each with several."""
    values = [value for name, value in headers if name == wanted]
    return [part.strip() for value in values for part in value.split(b",") if part.strip()]


def _address(text: str) -> _Address | None:
    """Read `10.0.0.1`, `10.0.0.1:1234`, `::1` or `[::1]:1234`; an IPv4 address in IPv6 as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
