"""People with roles over one registry, without signing anybody in."""

from __future__ import annotations

from muniment.domain.access import Grant, Narrowing, Principal, Role
from muniment.domain.caller import Caller
from muniment.services import Services

from .conftest import House


def somebody(
    house: House,
    name: str,
    role: Role,
    narrowing: Narrowing | None = None,
    *,
    automation: bool = False,
) -> Services:
    """Return the services as somebody with a role sees them."""
    principal = Principal(name, (Grant.of_role(role, narrowing),), automation=automation)
    return Services(house.ports, Caller(actor=name, principal=principal))
